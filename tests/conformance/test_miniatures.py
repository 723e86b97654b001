"""Every miniature fails exactly the checks it names: each check can fail, and none is too wide."""

from __future__ import annotations

import json
import os

import pytest

from codex_conformance.miniatures import MINIATURES
from codex_conformance.miniatures.door import FaultyDoor, MiniatureTarget
from codex_conformance.miniatures.faults import Fault, HangUp, dropped, late, named
from codex_conformance.runner.events import Outcome
from codex_conformance.runner.running import Run
from codex_conformance.suites.catalogue import CHECKS
from codex_conformance.targets.door import Capability
from codex_conformance.wire.transcript import Ending
from codex_fakes.app_server import parse_faults

pytestmark = pytest.mark.anyio


SAMPLE = 48
"""Of the checks a miniature does not name, one in so many is run; all of them in a campaign."""

OF_PROCESSES = {
    id_ for id_, check in CHECKS.items() if check.needs & {Capability.PROCESS, Capability.HTTP}
}
"""The checks that need a process: no other kind of miniature can fail them."""


def checks_for(miniature):
    """The checks that the miniature names, and those that are to pass all the same."""
    campaign = os.environ.get("CODEX_RUNTIME_CAMPAIGN") == "1"
    of_its_kind = [id_ for id_ in CHECKS if (id_ in OF_PROCESSES) == bool(miniature.process)]
    # Which ones is a matter of the name, so that all miniatures together leave out none.
    offset = sum(miniature.name.encode()) % SAMPLE
    return tuple(
        CHECKS[id_]
        for place, id_ in enumerate(of_its_kind)
        if campaign or id_ in miniature.fails or place % SAMPLE == offset
    )


@pytest.mark.parametrize("miniature", MINIATURES.values(), ids=lambda found: found.name)
async def test_a_miniature_fails_exactly_what_it_names(miniature, tmp_path):
    target = MiniatureTarget(miniature, tmp_path)
    checks = checks_for(miniature)
    run = await Run(target, checks).run()
    failed = {result.id for result in run.results if result.outcome is Outcome.FAIL}
    broken = [result for result in run.results if result.outcome is Outcome.ERROR]
    assert failed == miniature.fails
    assert broken == []
    assert len(run.results) == len(checks)


NOT_BY_NAME = {
    "protocol.lines.compact": "no fault writes JSON in another form",
    "protocol.ids.echoed": "no fault changes the type of whatever value there is",
    "protocol.silence.unparseable": "faults hear requests; what is none is passed on",
    "protocol.silence.survives": "faults hear requests; what is none is passed on",
    "protocol.silence.id-types": "faults hear requests; what is none is passed on",
    "protocol.silence.one-object-per-line": "faults hear requests; what is none is passed on",
    "protocol.silence.notifications": "faults hear requests; what is none is passed on",
    "protocol.silence.stray-answers": "faults hear requests; what is none is passed on",
    "protocol.requests.blanks-allowed": "faults see messages and not how they are written",
    "protocol.responses.order-in-thread": "a fault holds back one message, and other plays miss it",
    "lifecycle.thread.list-used-only": "a fault knows one message, and not a thread's id",
    "lifecycle.ephemeral.not-listed": "a fault knows one message, and not a thread's id",
    "protocol.process.no-last-words": "faults follow messages, and none is written then",
    "protocol.process.unfinished-line": "faults hear requests; what is none is passed on",
    "protocol.process.not-utf-8": "faults hear requests; what is none is passed on",
}
"""Checks that no fault by name can break, each with the reason; those of processes apart, whose
starts, signals and frames are no messages."""


def test_every_check_is_broken_by_a_fault_that_has_a_name():
    named = set().union(*(found.fails for found in MINIATURES.values() if found.by_name))
    assert set(CHECKS) - named - OF_PROCESSES == set(NOT_BY_NAME)


def test_a_check_of_a_process_is_broken_by_a_process():
    broken = set().union(*(found.fails for found in MINIATURES.values() if found.process))
    assert broken == OF_PROCESSES


def test_faults_by_name_are_written_as_the_simulated_app_server_reads_them():
    for found in MINIATURES.values():
        assert bool(found.by_name) + bool(found.fault) + bool(found.process) >= 1
        assert not (found.fault and (found.by_name or found.process))
        assert bool(parse_faults(found.by_name)) == bool(found.by_name)


class ScriptedDoor:
    """A door that gives chunks of bytes, and keeps what it is sent."""

    knows_rest = True

    def __init__(self, *chunks):
        self.chunks = list(chunks)
        self.sent = []

    async def send(self, data):
        self.sent.append(data)

    async def receive(self):
        return self.chunks.pop(0) if self.chunks else None

    async def finish(self):
        return Ending(asked_for=True, exit_code=0)


def line(**message):
    return json.dumps(message).encode() + b"\n"


async def everything_from(door):
    received = b""
    while data := await door.receive():
        received += data
    return received


async def test_a_door_without_a_fault_passes_every_byte_on():
    written = line(method="a", params={}) + b"no json\n" + line(id=1, result=None) + b"\n"
    door = FaultyDoor(ScriptedDoor(written[:7], written[7:30], written[30:]), Fault())
    assert await everything_from(door) == written


async def test_a_door_without_a_fault_sends_every_byte_on():
    inner = ScriptedDoor()
    door = FaultyDoor(inner, Fault())
    await door.send(b"no json\n")
    await door.send(b'{"id": 1,  "method": "m"}\r\n')
    assert b"".join(inner.sent) == b'no json\n{"id": 1,  "method": "m"}\r\n'


async def test_a_message_that_is_held_back_comes_behind_the_one_it_waits_for():
    first, second, third = (line(method=name, params={}) for name in ("a", "b", "c"))
    door = FaultyDoor(ScriptedDoor(first + second + third), late(named("a"), named("b"))())
    received = [json.loads(raw)["method"] for raw in (await everything_from(door)).splitlines()]
    assert received == ["b", "a", "c"]


async def test_a_dropped_message_leaves_the_others_as_they_are():
    kept = b'{"method" : "b",  "params":{}}\n'
    door = FaultyDoor(ScriptedDoor(line(method="a", params={}) + kept), dropped(named("a"))())
    assert await everything_from(door) == kept


async def test_after_hanging_up_nothing_passes_in_either_direction():
    def hang_up(_passing):
        raise HangUp(exit_code=3)

    door = FaultyDoor(
        ScriptedDoor(line(method="a", params={}) + line(method="b", params={})),
        Fault(from_server=hang_up),
    )
    assert await door.receive() == b""
    with pytest.raises(ConnectionError):
        await door.send(b"{}\n")
    assert (await door.finish()).exit_code == 3


async def test_two_connections_of_a_miniature_share_no_state():
    fault_of = late(named("a"), named("b"))
    one = FaultyDoor(ScriptedDoor(line(method="a", params={})), fault_of())
    other = FaultyDoor(ScriptedDoor(line(method="b", params={})), fault_of())
    assert await everything_from(one) == b""
    assert json.loads(await everything_from(other))["method"] == "b"
