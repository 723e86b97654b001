"""Scheduling: rows, their states, cancelling, and what is refused (FACTS §5.9)."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from codex_fakes.convex import (
    App,
    Backend,
    FunctionError,
    Identity,
    Limits,
    VirtualClock,
    action,
    internal_mutation,
    mutation,
    query,
    v,
)

pytestmark = pytest.mark.anyio

START = 1_700_000_000_000.0
YEAR = 365 * 24 * 3_600 * 1_000


class Functions:
    @mutation
    def after(ctx, args):
        delay = args["delay"]
        return ctx.scheduler.run_after(delay, args.get("path", "m:note"), args.get("args"))

    @mutation
    def at(ctx, args):
        return ctx.scheduler.run_at(args["moment"], "m:note", args.get("args"))

    @mutation
    def at_a_date(ctx, args):
        return ctx.scheduler.run_at(datetime.fromtimestamp(START / 1000 + 60, UTC), "m:note")

    @mutation
    def at_no_date(ctx, args):
        return ctx.scheduler.run_at(datetime(2026, 1, 1), "m:note")  # noqa: DTZ001

    @mutation
    def at_text(ctx, args):
        return ctx.scheduler.run_at("tomorrow", "m:note")

    @mutation
    def after_nothing(ctx, args):
        return ctx.scheduler.run_after(None, "m:note")

    @mutation
    def of_no_value(ctx, args):
        return ctx.scheduler.run_after(0, "m:note", {"x": object()})

    @mutation
    def and_throw(ctx, args):
        ctx.scheduler.run_after(0, "m:note")
        raise RuntimeError("nothing is scheduled")

    @mutation
    def and_catch(ctx, args):
        try:
            ctx.run_mutation("m:and_throw")
        except FunctionError as error:
            return str(error)

    @mutation
    def cancel(ctx, args):
        ctx.scheduler.cancel(args["id"])

    @mutation
    def cancel_and_throw(ctx, args):
        ctx.scheduler.cancel(args["id"])
        raise RuntimeError("not canceled after all")

    @mutation
    def cancel_and_roll_back(ctx, args):
        try:
            ctx.run_mutation("m:cancel_and_throw", args)
        except FunctionError as error:
            return str(error)

    @mutation
    def insert(ctx, args):
        return ctx.db.insert("notes", {})

    @internal_mutation(args={"text": v.optional(v.string())})
    def note(ctx, args):
        ctx.db.insert("notes", {"text": args.get("text", "")})

    @query
    def notes(ctx, args):
        return [row["text"] for row in ctx.db.query("notes").collect()]

    @query
    def jobs(ctx, args):
        return ctx.db.system.query("_scheduled_functions").collect()

    @query
    def job(ctx, args):
        return ctx.db.system.get(args["id"])

    @mutation
    def throw(ctx, args):
        ctx.db.insert("notes", {"text": "never"})
        raise RuntimeError("boom")

    @mutation
    def look_at_itself(ctx, args):
        rows = ctx.db.system.query("_scheduled_functions").collect()
        ctx.db.insert("notes", {"text": rows[0]["state"]["kind"]})

    @mutation
    def cancel_itself(ctx, args):
        rows = ctx.db.system.query("_scheduled_functions").collect()
        ctx.scheduler.cancel(rows[0]["_id"])
        ctx.scheduler.run_after(0, "m:note", {"text": "afterwards"})
        ctx.db.insert("notes", {"text": "done"})

    @mutation
    def who(ctx, args):
        ctx.db.insert("notes", {"text": str(ctx.auth.get_user_identity())})

    @mutation
    def write_the_row(ctx, args):
        ctx.db.patch(args["id"], {"scheduledTime": 0})

    @action
    async def act_and_schedule(ctx, args):
        first = await ctx.scheduler.run_after(10, "m:note", {"text": "kept"})
        await ctx.scheduler.run_at(ctx.now() + 20, "m:note", {"text": "canceled"})
        rows = await ctx.run_query("m:jobs")
        await ctx.scheduler.cancel(rows[-1]["_id"])
        assert first == rows[0]["_id"]
        raise RuntimeError("what was scheduled stays scheduled")

    @action
    async def schedule_nothing(ctx, args):
        await ctx.scheduler.run_after(0, "m:nope")


APP = App(modules={"m": Functions})


@pytest.fixture
def backend():
    return Backend(APP, clock=VirtualClock(START))


def job(backend, identity):
    return backend.query("m:job", {"id": identity}).unwrap()


def test_scheduling_writes_a_pending_row(backend):
    identity = backend.mutation("m:after", {"delay": 1500, "args": {"text": "hi"}}).unwrap()
    row = job(backend, identity)
    assert row.pop("_creationTime") == START
    assert row == {
        "_id": identity,
        "name": "m.js:note",
        "args": [{"text": "hi"}],
        "scheduledTime": START + 1500,
        "state": {"kind": "pending"},
    }
    assert backend.next_due() == START + 1500


@pytest.mark.parametrize(
    ("call", "args", "due"),
    [
        ("m:after", {"delay": 0}, START),
        ("m:after", {"delay": 0.5}, START + 0.5),
        ("m:at", {"moment": START + 7}, START + 7),
        ("m:at_a_date", {}, START + 60_000),
    ],
)
def test_the_time_of_a_job_is_what_was_asked_for(backend, call, args, due):
    identity = backend.mutation(call, args).unwrap()
    assert job(backend, identity)["scheduledTime"] == due
    assert backend.next_due() == due


def test_a_time_in_the_past_is_allowed_and_due_at_once(backend):
    identity = backend.mutation("m:at", {"moment": START - 5000}).unwrap()
    assert job(backend, identity)["scheduledTime"] == START - 5000
    assert backend.next_due() == START


def test_jobs_without_arguments_have_none(backend):
    identity = backend.mutation("m:after", {"delay": 0}).unwrap()
    assert job(backend, identity)["args"] == [{}]


@pytest.mark.parametrize(
    ("call", "args", "text"),
    [
        ("m:after", {"delay": "soon"}, "`delayMs` must be a number"),
        ("m:after", {"delay": True}, "`delayMs` must be a number"),
        ("m:after_nothing", {}, "`delayMs` must be a number"),
        ("m:after", {"delay": math.inf}, "`delayMs` must be a finite number"),
        ("m:after", {"delay": math.nan}, "`delayMs` must be a finite number"),
        ("m:after", {"delay": -1}, "`delayMs` must be non-negative"),
        ("m:at_text", {}, "The invoke time must a Date or a timestamp"),
        ("m:at_no_date", {}, "The invoke time must a Date or a timestamp"),
        ("m:at", {"moment": math.nan}, "Invalid argument `ts` for `scheduler.runAt`"),
        ("m:at", {"moment": -1}, "Invalid argument `ts` for `scheduler.runAt`"),
        ("m:of_no_value", {}, "is not a supported Convex type"),
        (
            "m:after",
            {"delay": 0, "path": "nowhere:note"},
            "Attempted to schedule function at nonexistent path: nowhere.js",
        ),
        (
            "m:after",
            {"delay": 0, "path": "m:nope"},
            "no exported function nope found in the file: m.js. Did you forget to export it?",
        ),
        ("m:after", {"delay": 0, "path": "no path"}, "is not a valid path to a Convex function"),
    ],
)
def test_what_cannot_be_scheduled_is_refused_at_once(backend, call, args, text):
    error = backend.mutation(call, args).error
    assert error.headline.startswith("Uncaught Error: ")
    assert text in error.headline
    assert backend.query("m:jobs").unwrap() == []


async def test_an_action_cannot_schedule_what_is_not_there_either(backend):
    error = (await backend.action("m:schedule_nothing")).error
    assert "Did you forget to export it?" in error.headline


def test_five_years_ahead_are_allowed_and_a_millisecond_more_is_not(backend):
    assert backend.mutation("m:after", {"delay": 5 * YEAR}).ok
    error = backend.mutation("m:after", {"delay": 5 * YEAR + 1}).error
    assert "is more than 5 years in the future" in error.message


def test_five_years_ago_are_allowed_and_a_millisecond_more_is_not(backend):
    assert backend.mutation("m:at", {"moment": START - 5 * YEAR}).ok
    error = backend.mutation("m:at", {"moment": START - 5 * YEAR - 1}).error
    assert "is more than 5 years in the past" in error.message


def test_nothing_is_scheduled_by_a_mutation_that_fails(backend):
    assert not backend.mutation("m:and_throw").ok
    assert backend.query("m:jobs").unwrap() == []
    assert backend.next_due() is None


def test_nothing_is_scheduled_by_a_nested_mutation_that_is_rolled_back(backend):
    assert backend.mutation("m:and_catch").ok
    assert backend.query("m:jobs").unwrap() == []
    assert backend.next_due() is None


async def test_a_scheduled_mutation_runs_once_and_its_row_says_so(backend):
    identity = backend.mutation("m:after", {"delay": 100, "args": {"text": "ran"}}).unwrap()
    assert await backend.advance(100) == 1
    row = job(backend, identity)
    assert row["state"] == {"kind": "success"}
    assert row["completedTime"] == START + 100
    assert backend.query("m:notes").value == ["ran"]
    assert backend.next_due() is None
    assert await backend.advance(10_000) == 0


async def test_the_effect_of_a_job_and_its_success_are_one_commit(backend):
    backend.mutation("m:after", {"delay": 0})
    commits = []
    backend.subscribe_commits(commits.append)
    await backend.run_due()
    assert [sorted(write.table.name for write in commit.writes) for commit in commits] == [
        ["_scheduled_functions", "notes"]
    ]


async def test_a_job_sees_itself_in_progress(backend):
    backend.mutation("m:after", {"delay": 0, "path": "m:look_at_itself"})
    await backend.run_due()
    assert backend.query("m:notes").value == ["inProgress"]


async def test_a_job_that_throws_has_failed_and_is_not_run_again(backend):
    identity = backend.mutation("m:after", {"delay": 5, "path": "m:throw"}).unwrap()
    assert await backend.run_until_idle() == 1
    row = job(backend, identity)
    assert row["state"]["kind"] == "failed"
    assert row["state"]["error"].startswith("Uncaught RuntimeError: boom\n    at handler (")
    assert row["completedTime"] == START + 5
    assert backend.query("m:notes").value == []
    assert await backend.run_until_idle() == 0


async def test_the_arguments_of_a_job_are_checked_when_it_runs(backend):
    identity = backend.mutation("m:after", {"delay": 0, "args": {"text": 3}}).unwrap()
    await backend.run_due()
    assert job(backend, identity)["state"]["error"].startswith("ArgumentValidationError: ")


async def test_a_query_can_be_scheduled_and_fails_when_it_runs(backend):
    identity = backend.mutation("m:after", {"delay": 0, "path": "m:notes"}).unwrap()
    await backend.run_due()
    assert "Only mutations and actions can be scheduled" in job(backend, identity)["state"]["error"]


async def test_a_job_is_run_for_nobody(backend):
    backend.mutation("m:after", {"delay": 0, "path": "m:who"}, identity=Identity("alice"))
    await backend.run_due()
    assert backend.query("m:notes").value == ["None"]


async def test_a_pending_job_can_be_canceled(backend):
    identity = backend.mutation("m:after", {"delay": 100}).unwrap()
    await backend.advance(10)
    backend.mutation("m:cancel", {"id": identity}).unwrap()
    row = job(backend, identity)
    assert row["state"] == {"kind": "canceled"}
    assert row["completedTime"] == START + 10
    assert backend.next_due() is None
    assert await backend.run_until_idle() == 0
    assert backend.query("m:notes").value == []


async def test_canceling_what_is_finished_changes_nothing(backend):
    done = backend.mutation("m:after", {"delay": 0}).unwrap()
    failed = backend.mutation("m:after", {"delay": 0, "path": "m:throw"}).unwrap()
    await backend.run_due()
    before = [job(backend, identity) for identity in (done, failed)]
    for identity in (done, failed):
        assert backend.mutation("m:cancel", {"id": identity}).ok
    assert [job(backend, identity) for identity in (done, failed)] == before


def test_only_the_id_of_a_job_can_be_canceled(backend):
    other = backend.mutation("m:insert").unwrap()
    for identity in (other, "nonsense", ""):
        error = backend.mutation("m:cancel", {"id": identity}).error
        assert "Invalid scheduled function ID" in error.message


async def test_a_mutation_that_cancels_itself_is_canceled_with_what_it_schedules_afterwards(
    backend,
):
    identity = backend.mutation("m:after", {"delay": 0, "path": "m:cancel_itself"}).unwrap()
    assert await backend.run_until_idle() == 1
    states = [row["state"]["kind"] for row in backend.query("m:jobs").unwrap()]
    assert states == ["canceled", "canceled"]
    assert job(backend, identity)["state"]["kind"] == "canceled"
    assert backend.query("m:notes").value == ["done"]


def test_functions_cannot_write_the_rows_of_the_scheduler(backend):
    identity = backend.mutation("m:after", {"delay": 100}).unwrap()
    assert not backend.mutation("m:write_the_row", {"id": identity}).ok
    assert job(backend, identity)["scheduledTime"] == START + 100


async def test_what_an_action_schedules_or_cancels_is_committed_at_once(backend):
    outcome = await backend.action("m:act_and_schedule")
    assert outcome.error.headline.endswith("what was scheduled stays scheduled")
    assert await backend.run_until_idle() == 1
    assert backend.query("m:notes").value == ["kept"]


async def test_a_job_that_conflicts_is_run_again_for_as_long_as_it_takes():
    backend = Backend(APP, clock=VirtualClock(START), limits=Limits(conflict_retries=1))
    backend.mutation("m:after", {"delay": 0})
    backend.inject_conflicts(50)
    assert await backend.run_due() == 1
    assert [row["state"]["kind"] for row in backend.query("m:jobs").unwrap()] == ["success"]
    assert backend.query("m:notes").value == [""]


async def test_the_rows_of_finished_jobs_are_kept_for_seven_days(backend):
    week = 7 * 24 * 3_600 * 1_000
    backend.mutation("m:after", {"delay": 0})
    canceled = backend.mutation("m:after", {"delay": 2 * week}).unwrap()
    await backend.run_due()
    backend.mutation("m:cancel", {"id": canceled})
    pending = backend.mutation("m:after", {"delay": 2 * week}).unwrap()
    await backend.advance(week - 1)
    assert len(backend.query("m:jobs").unwrap()) == 3
    await backend.advance(1)
    assert [row["_id"] for row in backend.query("m:jobs").unwrap()] == [pending]


async def test_a_cancellation_that_was_rolled_back_does_not_shorten_the_life_of_the_row(backend):
    week = 7 * 24 * 3_600 * 1_000
    identity = backend.mutation("m:after", {"delay": 1000}).unwrap()
    backend.mutation("m:cancel_and_roll_back", {"id": identity}).unwrap()
    await backend.advance(1000)
    assert job(backend, identity)["state"] == {"kind": "success"}
    await backend.advance(week - 1)
    assert job(backend, identity) is not None
    await backend.advance(1)
    assert job(backend, identity) is None
