"""Whatever an app-server writes, checks judge it: a bug in a check is never the outcome."""

from __future__ import annotations

import copy
import dataclasses
import json
import random

import pytest

from codex_conformance.miniatures.door import MiniatureTarget
from codex_conformance.miniatures.faults import Fault, answer, changed, removed
from codex_conformance.miniatures.miniature import miniature
from codex_conformance.runner.events import Outcome
from codex_conformance.runner.judging import judge
from codex_conformance.runner.running import Run
from codex_conformance.suites.catalogue import CHECKS
from codex_conformance.suites.playing import perform
from codex_conformance.targets.simulated import SimulatedTarget
from codex_conformance.wire.messages import read_line
from codex_conformance.wire.transcript import Entry

pytestmark = pytest.mark.anyio

STRANGE = (None, True, 0, -1, 2**70, 1.5, "", "text", [], [1, None], {}, {"id": []}, [{}])


def strange(rng):
    return json.loads(json.dumps(rng.choice(STRANGE)))


def places(value):
    """Every (container, key) of a JSON value."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in list(keys):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


def tampering(seed, rate):
    """An app-server that writes something strange now and then."""

    def make():
        rng = random.Random(seed)

        def out(passing):
            if rng.random() >= rate:
                return None
            message = passing.message
            match rng.randrange(6):
                case 0:
                    return []
                case 1:
                    return [message, message]
                case 2:
                    return [json.dumps(strange(rng)).encode()]
                case 3:
                    return [json.dumps(message).encode()[: rng.randrange(40)]]
                case 4:
                    container, key = rng.choice(list(places(message)))
                    del container[key]
                case _:
                    container, key = rng.choice(list(places(message)))
                    container[key] = strange(rng)
            return [message]

        return Fault(from_server=out)

    return make


@pytest.mark.parametrize("rate", [0.02, 0.2, 1.0])
@pytest.mark.parametrize("seed", range(6))
async def test_a_check_never_breaks_over_what_an_app_server_writes(seed, rate, tmp_path):
    fuzzed = miniature(f"fuzzed-{seed}", "It writes anything.", tampering(seed, rate))
    target = MiniatureTarget(fuzzed, tmp_path)
    run = await Run(target, tuple(CHECKS.values())).run()
    broken = [
        (r.id, r.scene, r.reason, r.evidence) for r in run.results if r.outcome is Outcome.ERROR
    ]
    assert broken == []
    assert run.finished.complete


def mutated(scene, rng):
    """The same scene, with one value in a few of the app-server's messages changed."""
    transcripts = []
    for transcript in scene.transcripts:
        changed = copy.copy(transcript)
        changed.entries = list(transcript.entries)
        received = [entry for entry in transcript.entries if entry.received]
        for entry in rng.sample(received, min(len(received), rng.choice((1, 2, 5)))):
            message = copy.deepcopy(entry.message)
            container, key = rng.choice(list(places(message)))
            container[key] = strange(rng)
            line = read_line(json.dumps(message).encode())
            changed.entries[entry.index] = Entry(entry.index, entry.direction, line)
        transcripts.append(changed)
    return dataclasses.replace(scene, transcripts=tuple(transcripts))


@pytest.mark.parametrize("seed", range(8))
async def test_a_check_never_breaks_over_a_single_strange_value(seed, tmp_path):
    target = SimulatedTarget(tmp_path)
    checks = [check for check in CHECKS.values() if check.needs <= target.capabilities]
    plays = {piece.name: piece for check in checks for piece in check.plays}
    scenes = {name: await perform(piece, target) for name, piece in plays.items()}
    rng = random.Random(seed)
    outcomes = set()
    for _ in range(20):
        strange_scenes = {name: mutated(scene, rng) for name, scene in scenes.items()}
        for check in checks:
            result = await judge(check, [strange_scenes[piece.name] for piece in check.plays])
            assert result.outcome is not Outcome.ERROR, (check.id, result.reason, result.evidence)
            outcomes.add(result.outcome)
    assert outcomes == {Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN}


async def test_a_scene_that_lacks_what_it_needs_breaks_off_and_is_no_pass(tmp_path):
    fault = changed(answer("thread/start"), removed("result", "thread", "id"))
    nameless = miniature("nameless", "A new thread has no id.", fault)
    run = await Run(MiniatureTarget(nameless, tmp_path), tuple(CHECKS.values())).run()
    outcomes = {result.id: result for result in run.results}
    once = outcomes["lifecycle.turn.completed-once"]
    assert once.outcome is Outcome.UNKNOWN
    assert "a string at result.thread.id: what came cannot be used" in once.reason
    assert once.evidence
    assert outcomes["protocol.ids.echoed"].outcome is Outcome.PASS
    assert not any(result.outcome is Outcome.ERROR for result in run.results)
