"""The checks of runtimes: they pass on the fakes and on the real binary, and each can fail."""

from __future__ import annotations

import asyncio
import os
import re
import sys

import pytest

from codex_conformance.miniatures import MINIATURES
from codex_conformance.miniatures.hosts import HOST_MINIATURES
from codex_conformance.miniatures.runtimes import RUNTIME_MINIATURES, breakers_of_runtime
from codex_conformance.miniatures.runtimes.altering import MiniatureRuntime
from codex_conformance.requirements import EVERY_REQUIREMENT, RUNTIME_REQUIREMENTS, Level
from codex_conformance.requirements.runtime_fail_closed import EXPECTED_CODES
from codex_conformance.runner.events import Outcome
from codex_conformance.runner.running import Run
from codex_conformance.suites.runtime_catalogue import RUNTIME_CHECKS, RUNTIME_SUITES
from codex_conformance.suites.runtime_registry import RuntimeCheck, RuntimeRegister
from codex_conformance.targets.deployment import HostCapability
from codex_conformance.targets.limited_deployment import LimitedDeployment
from codex_conformance.targets.memory_deployment import MemoryTarget
from codex_conformance.targets.naming import parse_target
from codex_conformance.targets.runtimes import OwnRuntime, parse_runtime
from codex_conformance.targets.served_deployment import FakeProcessTarget
from codex_conformance.targets.simulated import SimulatedTarget
from codex_runtime.errors import CATALOGUE, CodexRuntimeError, ConfigurationError

pytestmark = pytest.mark.anyio

ID = re.compile(r"(lifecycle|fail_closed)\.[a-z-]+\.[a-z-]+")
SOURCE = re.compile(r"spec \d\d §\d+")
CHECKS = tuple(RUNTIME_CHECKS.values())


async def outcomes_of(runtime, checks=CHECKS, *, app_server=None, deployment=None):
    run = await Run(
        app_server or SimulatedTarget(None),
        checks,
        (),
        deployment=deployment or MemoryTarget(),
        runtime=runtime,
    ).run()
    return {result.id: result.outcome for result in run.results}, run


def troubles(run, *allowed):
    """What a failure of these tests shows: the results that are not as they are to be."""
    return [r for r in run.results if r.outcome not in (Outcome.PASS, *allowed)]


def test_every_requirement_has_a_check_and_every_check_a_requirement():
    assert list(RUNTIME_CHECKS) == list(RUNTIME_REQUIREMENTS)
    assert RUNTIME_SUITES == ("lifecycle", "fail_closed")


def test_no_requirement_of_a_runtime_is_one_of_an_app_server_or_a_host():
    others = set(EVERY_REQUIREMENT) - set(RUNTIME_REQUIREMENTS)
    assert len(others) + len(RUNTIME_REQUIREMENTS) == len(EVERY_REQUIREMENT)
    assert [id_ for id_ in EVERY_REQUIREMENT if id_ in RUNTIME_REQUIREMENTS] == list(
        RUNTIME_REQUIREMENTS
    )


@pytest.mark.parametrize("requirement", RUNTIME_REQUIREMENTS.values(), ids=lambda row: row.id)
def test_a_requirement_says_what_it_wants_and_where_that_comes_from(requirement):
    assert ID.fullmatch(requirement.id)
    assert SOURCE.fullmatch(requirement.source)
    assert requirement.text.endswith(".")
    assert requirement.level in Level


def test_the_expected_codes_are_codes_of_requirements():
    assert set(EXPECTED_CODES) <= set(RUNTIME_REQUIREMENTS)
    assert {code for codes in EXPECTED_CODES.values() for code in codes} <= set(CATALOGUE)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_check_says_what_it_does_and_is_broken_by_a_miniature(check):
    assert check.does.endswith(".")
    assert check.bound > 0
    assert breakers_of_runtime(check.id)


def test_miniatures_name_checks_that_exist():
    named = set().union(*(found.fails for found in RUNTIME_MINIATURES.values()))
    assert named == set(RUNTIME_CHECKS)
    # One by that name is one thing: reports name them without saying of what they are.
    assert not set(RUNTIME_MINIATURES) & {*MINIATURES, *HOST_MINIATURES}


def test_a_requirement_cannot_get_a_second_check():
    register = RuntimeRegister()
    some_id = next(iter(RUNTIME_REQUIREMENTS))

    @register.check(some_id)
    async def first(trial):
        del trial

    with pytest.raises(ValueError, match="has a check already"):
        register.check(some_id)
    with pytest.raises(ValueError, match="no requirement of the catalogue"):
        register.check("lifecycle.no.such")


async def test_every_check_passes_on_both_fakes():
    outcomes, run = await outcomes_of(OwnRuntime())
    assert troubles(run) == []
    assert outcomes == dict.fromkeys(RUNTIME_CHECKS, Outcome.PASS)
    assert run.exit_code == 0


EVERY = 6
"""Where neighbours are processes, one check in so many is run; all of them in a campaign."""


def sampled(offset):
    campaign = os.environ.get("CODEX_RUNTIME_CAMPAIGN") == "1"
    return tuple(check for place, check in enumerate(CHECKS) if campaign or place % EVERY == offset)


async def test_checks_pass_on_a_deployment_in_a_process_of_its_own():
    _, run = await outcomes_of(OwnRuntime(), sampled(0), deployment=FakeProcessTarget())
    assert troubles(run) == []


@pytest.mark.real
async def test_checks_pass_on_the_real_binary(tmp_path):
    target = parse_target("codex", tmp_path)
    _, run = await outcomes_of(OwnRuntime(), sampled(1), app_server=target)
    assert troubles(run) == []
    assert list(tmp_path.iterdir()) == []


async def test_a_deployment_without_the_extended_manifest_is_a_legal_one():
    without = frozenset({HostCapability.EXTENDED})
    checks = CHECKS
    target = LimitedDeployment(MemoryTarget(), without)
    outcomes, run = await outcomes_of(OwnRuntime(), checks, deployment=target)
    assert troubles(run, Outcome.NOT_APPLICABLE) == []
    assert outcomes == {
        check.id: Outcome.NOT_APPLICABLE if check.needs & without else Outcome.PASS
        for check in checks
    }


SAMPLE = 48
"""Of the checks a miniature does not name, one in so many is run; all of them in a campaign."""


def proof_of(check_id):
    """The miniature that shows that a check can fail: the one that breaks least besides."""
    return min(breakers_of_runtime(check_id), key=lambda found: (len(found.fails), found.name))


PROOFS = {check.id: proof_of(check.id).name for check in CHECKS}


class Hasty(SimulatedTarget):
    """A simulated app-server with which a failure that shows in silence shows early."""

    patience = 1.5


def checks_for(miniature):
    """What the miniature is the proof of, or one that it names, and some that are to pass."""
    named = [check for check in CHECKS if check.id in miniature.fails]
    others = [check for check in CHECKS if check.id not in miniature.fails]
    if os.environ.get("CODEX_RUNTIME_CAMPAIGN") == "1":
        return (*named, *others)
    proved = [check for check in named if PROOFS[check.id] == miniature.name]
    # Which others is a matter of the name, so that all miniatures together leave out none.
    offset = sum(miniature.name.encode()) % SAMPLE
    sample = [one for place, one in enumerate(others) if place % SAMPLE == offset]
    return (*(proved or named[:1]), *sample)


@pytest.mark.parametrize("miniature", RUNTIME_MINIATURES.values(), ids=lambda found: found.name)
async def test_a_miniature_fails_exactly_what_it_names(miniature):
    checks = checks_for(miniature)
    runtime = MiniatureRuntime(miniature, miniature.name)
    outcomes, run = await outcomes_of(runtime, checks, app_server=Hasty(None))
    # Whatever it does not name may have failed for want of time on a busy machine.
    again = [one for one in checks if outcomes[one.id] in (Outcome.FAIL, Outcome.UNKNOWN)]
    again = tuple(one for one in again if one.id not in miniature.fails)
    if again:
        outcomes.update((await outcomes_of(runtime, again))[0])
    failed = {id_ for id_, outcome in outcomes.items() if outcome is Outcome.FAIL}
    assert failed == miniature.fails & {check.id for check in checks}
    assert Outcome.ERROR not in outcomes.values(), run.results


def a_check(examine, **details):
    return RuntimeCheck(CHECKS[0].requirement, examine, **details)


async def test_a_mistake_in_a_check_is_an_error_and_no_verdict():
    async def is_wrong(_trial):
        raise KeyError("a mistake")

    outcomes, run = await outcomes_of(OwnRuntime(), (a_check(is_wrong),))
    assert list(outcomes.values()) == [Outcome.ERROR]
    assert run.exit_code == 70


async def test_a_refusal_that_no_rule_is_about_is_unknown():
    async def needs_a_thread(trial):
        runtime = await trial.connected()
        await runtime.send_turn("hello")

    outcomes, run = await outcomes_of(OwnRuntime(), (a_check(needs_a_thread),))
    assert list(outcomes.values()) == [Outcome.UNKNOWN]
    assert "E_RUNTIME_THREAD_NOT_OPEN" in run.results[0].reason


async def test_a_check_that_takes_too_long_is_unknown_and_leaves_nothing_running():
    made = []

    async def never(trial):
        made.append(await trial.connected())
        await asyncio.Event().wait()

    outcomes, run = await outcomes_of(OwnRuntime(), (a_check(never, bound=0.5),))
    assert list(outcomes.values()) == [Outcome.UNKNOWN]
    assert "took longer than 0.5 s" in run.results[0].reason
    assert [runtime.get_state().phase for runtime in made] == ["stopped"]


async def test_a_failure_shows_what_was_said_and_called():
    async def expects_too_much(trial):
        await trial.opened()
        await trial.says(("user", "never said"))

    _, run = await outcomes_of(OwnRuntime(), (a_check(expects_too_much),), app_server=Hasty(None))
    (result,) = run.results
    assert result.outcome is Outcome.FAIL
    assert any("thread/start" in line for line in result.evidence)
    assert any("syncOpenConversationBinding" in line for line in result.evidence)


async def test_a_run_of_a_runtime_without_a_neighbour_is_a_mistake_of_ours():
    with pytest.raises(TypeError, match="one is missing"):
        await Run(SimulatedTarget(None), CHECKS[:1], (), runtime=OwnRuntime()).run()


THEIRS = """
from contextlib import asynccontextmanager

from codex_conformance.targets.runtimes import OwnRuntime


def as_ours(surroundings):
    return OwnRuntime().make(surroundings)


class Raising:
    def subscribe_lifecycle(self, listener):
        return lambda: None

    async def connect(self, **_how):
        raise LookupError("no code")

    async def stop(self):
        pass


@asynccontextmanager
async def raising(_surroundings):
    yield Raising()
"""


@pytest.fixture
def their_host(tmp_path, monkeypatch):
    (tmp_path / "their_host.py").write_text(THEIRS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "python:their_host"
    sys.modules.pop("their_host", None)


async def test_somebody_elses_runtime_is_judged_like_ours(their_host):
    runtime = parse_runtime(f"{their_host}:as_ours")
    assert runtime.prepare() == "as_ours of their_host"
    outcomes, run = await outcomes_of(runtime, CHECKS[:3])
    assert set(outcomes.values()) == {Outcome.PASS}
    assert run.exit_code == 0


async def test_what_somebody_elses_runtime_raises_is_a_verdict_about_it(their_host):
    chosen = [
        RUNTIME_CHECKS["lifecycle.connect.handshake"],
        RUNTIME_CHECKS["lifecycle.phase.created"],
    ]
    _, run = await outcomes_of(parse_runtime(f"{their_host}:raising"), chosen)
    assert [(r.outcome, r.expected, r.found) for r in run.results] == [
        (Outcome.FAIL, "that what connect refuses has a code", "LookupError: no code"),
        (Outcome.FAIL, "a method get_state", "none"),
    ]


def test_runtimes_have_names():
    ours = parse_runtime("codex-runtime")
    assert ours.prepare().startswith("the host runtime of codex-runtime ")
    miniature = parse_runtime("miniature:never-idle")
    assert miniature.prepare() == "our own runtime, but: A new runtime is shown as stopped."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("codex_runtime", "did you mean 'codex-runtime'"),
        ("python:json", "as in python:my_host:make_runtime"),
        ("miniature:never-idl", "did you mean 'never-idle'"),
    ],
)
def test_a_runtime_that_is_not_understood_is_refused(text, told):
    with pytest.raises(ConfigurationError, match="E_CONFORMANCE_TARGET_INVALID") as refused:
        parse_runtime(text)
    assert told in str(refused.value)


@pytest.mark.parametrize("text", ["python:no_such_module_here:f", "python:json:no_such_function"])
def test_a_runtime_that_is_not_there_is_told_before_anything_runs(text):
    with pytest.raises(CodexRuntimeError, match="E_CONFORMANCE_TARGET_INVALID"):
        parse_runtime(text).prepare()
