"""The runner, with plays and checks that are about nothing."""

from __future__ import annotations

import asyncio

import pytest

from codex_conformance.requirements import Level
from codex_conformance.runner.events import (
    CheckFinished,
    CheckStarted,
    Outcome,
    RunFinished,
    RunStarted,
)
from codex_conformance.runner.exit_codes import ExitCode
from codex_conformance.runner.running import Run, RunOptions
from codex_conformance.suites.verdicts import Inconclusive, Violation
from codex_conformance.targets.door import Capability
from codex_conformance.wire.probe import Unmet, Why
from codex_runtime.errors import AppServerError

pytestmark = pytest.mark.anyio


async def passes(_scene):
    """Finds nothing wrong."""


async def fails(_scene):
    """Finds something wrong."""
    raise Violation("a thing", "another thing")


async def cannot_tell(_scene):
    """Finds nothing."""
    raise Inconclusive("the scene shows no thing")


async def breaks(_scene):
    """Has a bug."""
    return {}["missing"]


async def never_ends(_scene):
    """Waits for something that does not come."""
    await asyncio.get_running_loop().create_future()


async def outcome_of(target, *checks, **options):
    run = await Run(target, checks, (), RunOptions(**options)).run()
    return run.results[0], run


@pytest.mark.parametrize(
    ("judge", "outcome", "code"),
    [
        (passes, Outcome.PASS, ExitCode.OK),
        (fails, Outcome.FAIL, ExitCode.FAILED),
        (cannot_tell, Outcome.UNKNOWN, ExitCode.INCOMPLETE),
        (breaks, Outcome.ERROR, ExitCode.INTERNAL),
    ],
)
async def test_what_a_check_does_decides_its_outcome(empty_target, new_check, judge, outcome, code):
    result, run = await outcome_of(empty_target, new_check(judge))
    assert result.outcome is outcome
    assert run.exit_code is code


async def test_a_violation_is_reported_with_what_was_expected_and_found(empty_target, new_check):
    result, _ = await outcome_of(empty_target, new_check(fails))
    assert (result.expected, result.found) == ("a thing", "another thing")
    assert result.scene == "nothing"


async def test_a_bug_in_a_check_is_reported_with_its_traceback(empty_target, new_check):
    result, _ = await outcome_of(empty_target, new_check(breaks))
    assert result.reason == "KeyError: 'missing'"
    assert any("in breaks" in line for line in result.evidence)


async def test_a_bug_in_a_play_is_an_error_of_every_check_over_it(
    empty_target, new_check, new_play
):
    async def buggy(_stage):
        raise ZeroDivisionError("a mistake")

    piece = new_play("buggy", buggy)
    checks = [new_check(passes, f"fake.{n}", plays=(piece,)) for n in range(2)]
    _, run = await outcome_of(empty_target, *checks)
    assert [result.outcome for result in run.results] == [Outcome.ERROR] * 2
    assert run.results[0].reason == "ZeroDivisionError: a mistake"
    assert run.results[0].scene == "buggy"


async def test_a_check_that_does_not_end_is_bounded_and_unknown(empty_target, new_check):
    result, _ = await outcome_of(empty_target, new_check(never_ends, bound=0.01))
    assert result.outcome is Outcome.UNKNOWN
    assert result.reason == "judging took longer than 0.01 s"


async def test_a_scene_that_does_not_end_is_bounded_and_unknown(empty_target, new_check, new_play):
    result, _ = await outcome_of(
        empty_target, new_check(passes, plays=(new_play("endless", never_ends, bound=0.01),))
    )
    assert result.outcome is Outcome.UNKNOWN
    assert "longer than 0.01 s" in result.reason
    assert empty_target.closed == empty_target.opened == 1


async def test_a_scene_that_broke_off_is_no_pass(empty_target, new_check, new_play):
    async def breaks_off(_stage):
        raise Unmet("turn/completed", Why.QUIET)

    piece = new_play("broken", breaks_off)
    result, _ = await outcome_of(empty_target, new_check(passes, plays=(piece,)))
    assert result.outcome is Outcome.UNKNOWN
    assert "waited for turn/completed" in result.reason


async def test_a_scene_whose_model_was_not_asked_as_scripted_is_no_pass(make_target, new_check):
    target = make_target(problems=("[E_SCRIPT_EXHAUSTED] asked again",))
    result, _ = await outcome_of(target, new_check(passes))
    assert result.outcome is Outcome.UNKNOWN
    assert "not asked as scripted: [E_SCRIPT_EXHAUSTED]" in result.reason


async def test_a_violation_in_a_scene_that_broke_off_is_a_failure_all_the_same(
    empty_target, new_check, new_play
):
    async def breaks_off(_stage):
        raise Unmet("turn/completed", Why.QUIET)

    piece = new_play("broken", breaks_off)
    result, _ = await outcome_of(empty_target, new_check(fails, plays=(piece,)))
    assert result.outcome is Outcome.FAIL


async def test_one_scene_that_cannot_be_judged_makes_the_check_unknown(
    empty_target, new_check, new_play
):
    async def judge(scene):
        if scene.play.name == "second":
            raise Inconclusive("nothing there")

    plays = tuple(new_play(name) for name in ("first", "second", "third"))
    result, _ = await outcome_of(empty_target, new_check(judge, plays=plays))
    assert (result.outcome, result.scene) == (Outcome.UNKNOWN, "second")


async def test_a_violation_in_a_later_scene_wins_over_an_unknown_one(
    empty_target, new_check, new_play
):
    async def judge(scene):
        if scene.play.name == "first":
            raise Inconclusive("nothing there")
        raise Violation("this", "that")

    plays = (new_play("first"), new_play("second"))
    result, _ = await outcome_of(empty_target, new_check(judge, plays=plays))
    assert (result.outcome, result.scene) == (Outcome.FAIL, "second")


async def test_a_check_whose_needs_are_undeclared_is_not_applicable_and_plays_nothing(
    make_target, new_check
):
    target = make_target(capabilities=frozenset({Capability.SCRIPTED_MODEL}))
    result, run = await outcome_of(target, new_check(fails, capability=Capability.RESTART))
    assert result.outcome is Outcome.NOT_APPLICABLE
    assert result.reason == "the target does not declare: restart"
    assert target.opened == 0
    assert run.exit_code is ExitCode.NOTHING_EXECUTED


async def test_a_scene_is_played_once_for_all_its_checks(empty_target, new_check, new_play):
    piece = new_play("shared")
    checks = [new_check(passes, f"fake.{n}", plays=(piece,)) for n in range(5)]
    await Run(empty_target, checks).run()
    assert empty_target.opened == empty_target.closed == 1


async def test_scenes_are_played_at_the_same_time(empty_target, new_check, new_play):
    met = {"one": asyncio.Event(), "other": asyncio.Event()}

    def meeting(mine, theirs):
        async def act(_stage):
            # Each can only go on once the other has begun.
            met[mine].set()
            await met[theirs].wait()

        return act

    checks = [
        new_check(passes, f"fake.{mine}", plays=(new_play(mine, meeting(mine, theirs)),))
        for mine, theirs in (("one", "other"), ("other", "one"))
    ]
    run = await Run(empty_target, checks, (), RunOptions(jobs=2)).run()
    assert [result.outcome for result in run.results] == [Outcome.PASS, Outcome.PASS]


async def test_no_more_scenes_are_played_at_once_than_there_are_jobs(
    empty_target, new_check, new_play
):
    log = []

    def taking_turns(name):
        async def act(_stage):
            log.append(f"{name} in")
            await _loop_turns(10)
            log.append(f"{name} out")

        return act

    checks = [
        new_check(passes, f"fake.{name}", plays=(new_play(name, taking_turns(name)),))
        for name in ("one", "two", "three")
    ]
    await Run(empty_target, checks, (), RunOptions(jobs=1)).run()
    assert log == ["one in", "one out", "two in", "two out", "three in", "three out"]


async def _loop_turns(count):
    """Let everything else that is ready run, so many times."""
    loop = asyncio.get_running_loop()
    for _ in range(count):
        turned = loop.create_future()
        loop.call_soon(turned.set_result, None)
        await turned


async def test_reporters_hear_of_every_check_once_and_of_the_end_last(
    empty_target, new_check, listener
):
    checks = [new_check(judge, f"fake.{n}") for n, judge in enumerate((passes, fails, breaks))]
    await Run(empty_target, checks, (listener,)).run()
    events = listener.events
    assert isinstance(events[0], RunStarted)
    assert events[0].checks == ("fake.0", "fake.1", "fake.2")
    assert isinstance(events[-1], RunFinished)
    assert sorted(e.id for e in events if isinstance(e, CheckStarted)) == list(events[0].checks)
    assert sorted(e.id for e in events if isinstance(e, CheckFinished)) == list(events[0].checks)
    assert events[-1].exit_code == ExitCode.INTERNAL


async def test_a_cancelled_run_reports_what_it_knows_and_is_incomplete(
    empty_target, new_check, new_play, listener
):
    begun = asyncio.Event()

    async def waits(_stage):
        begun.set()
        await asyncio.get_running_loop().create_future()

    checks = [
        new_check(passes, "fake.quick"),
        new_check(passes, "fake.slow", plays=(new_play("slow", waits),)),
    ]
    task = asyncio.ensure_future(Run(empty_target, checks, (listener,)).run())
    async with asyncio.timeout(10):
        await begun.wait()
        while not any(isinstance(event, CheckFinished) for event in listener.events):
            await _loop_turns(1)
        task.cancel()
        run = await task
    assert [result.id for result in run.results] == ["fake.quick"]
    assert run.finished.not_run == ("fake.slow",)
    assert run.finished.cut_short == "the run was interrupted"
    assert run.exit_code is ExitCode.INCOMPLETE
    assert listener.events[-1] is run.finished
    assert empty_target.closed == empty_target.opened


async def test_a_run_that_takes_too_long_is_incomplete(empty_target, new_check, new_play):
    check = new_check(passes, plays=(new_play("endless", never_ends),))
    run = await Run(empty_target, [check], (), RunOptions(bound=0.01)).run()
    assert run.finished.cut_short == "the run took longer than 0.01 s"
    assert run.exit_code is ExitCode.INCOMPLETE


async def test_a_target_that_cannot_be_reached_is_reported_to_nobody(
    make_target, new_check, listener
):
    refusal = AppServerError("E_APP_SERVER_UNREACHABLE", "nobody there")
    with pytest.raises(AppServerError, match="nobody there"):
        await Run(make_target(refusal=refusal), [new_check(passes)], (listener,)).run()
    assert listener.events == []


async def test_with_strict_a_should_counts_like_a_must(empty_target, new_check):
    check = new_check(fails, level=Level.SHOULD)
    _, lenient = await outcome_of(empty_target, check)
    _, strict = await outcome_of(empty_target, check, strict=True)
    assert (lenient.exit_code, strict.exit_code) == (ExitCode.OK, ExitCode.FAILED)
    assert lenient.results[0].outcome is Outcome.FAIL
