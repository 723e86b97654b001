"""Running what is due: order, time, parallel actions, crashes, and clocks (FACTS §5.9)."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_fakes.convex import (
    App,
    Backend,
    ConvexError,
    Limits,
    SystemClock,
    VirtualClock,
    action,
    mutation,
    query,
)
from codex_runtime.errors import ConfigurationError

pytestmark = pytest.mark.anyio

START = 1_700_000_000_000.0


class World:
    """What actions of a test meet outside of the deployment."""

    def __init__(self):
        self.started = []
        self.gates = {}
        self.waiting = asyncio.Semaphore(0)

    async def enter(self, name):
        gate = self.gates.setdefault(name, asyncio.Event())
        self.started.append(name)
        self.waiting.release()
        await gate.wait()

    async def have_started(self, number):
        async with asyncio.timeout(10):
            while len(self.started) < number:
                await self.waiting.acquire()


class Functions:
    @mutation
    def plan(ctx, args):
        return [
            ctx.scheduler.run_after(job["after"], job["path"], job.get("args"))
            for job in args["jobs"]
        ]

    @mutation
    def plan_one(ctx, args):
        ctx.scheduler.run_after(0, "m:note", {"text": "inner"})

    @mutation
    def note(ctx, args):
        ctx.db.insert("notes", {"text": args["text"], "at": ctx.now()})
        if "then" in args:
            ctx.scheduler.run_after(args["then"], "m:note", {"text": args["text"] + "'"})

    @mutation
    def for_ever(ctx, args):
        ctx.scheduler.run_after(args["delay"], "m:for_ever", args)

    @query
    def notes(ctx, args):
        return [[row["text"], row["at"]] for row in ctx.db.query("notes").collect()]

    @query
    def states(ctx, args):
        rows = ctx.db.system.query("_scheduled_functions").collect()
        return [row["state"]["kind"] for row in rows]

    @query
    def errors(ctx, args):
        rows = ctx.db.system.query("_scheduled_functions").collect()
        return [row["state"].get("error") for row in rows]

    @mutation
    def cancel(ctx, args):
        ctx.scheduler.cancel(args["id"])

    @action
    async def schedule_inside(ctx, args):
        await ctx.scheduler.run_after(0, "m:note", {"text": "inner"})

    @action
    async def fail(ctx, args):
        await asyncio.sleep(0)
        raise ConvexError("failed")


def app_of(world=None):
    @action
    async def visit(ctx, args):
        await world.enter(args["name"])
        await ctx.run_mutation("m:note", {"text": args["name"]})
        await ctx.scheduler.run_after(0, "m:note", {"text": "from " + args["name"]})

    @action
    async def call_then_schedule(ctx, args):
        await world.enter("outer")
        call = ctx.run_mutation if args["path"] == "m:plan_one" else ctx.run_action
        await call(args["path"])

    actions = {"visit": visit, "call_then_schedule": call_then_schedule}
    return App(modules={"m": Functions, "world": actions})


@pytest.fixture
def backend():
    return Backend(app_of(), clock=VirtualClock(START))


def plan(backend, *jobs):
    return backend.mutation("m:plan", {"jobs": list(jobs)}).unwrap()


def note(after, text, **more):
    return {"after": after, "path": "m:note", "args": {"text": text, **more}}


def visit(name):
    return {"after": 0, "path": "world:visit", "args": {"name": name}}


def notes(backend):
    return backend.query("m:notes").unwrap()


def states(backend):
    return backend.query("m:states").unwrap()


async def test_jobs_run_in_the_order_of_their_time_each_at_its_time(backend):
    plan(backend, note(30, "c"), note(10, "a"), note(20, "b"), note(10, "a2"))
    assert await backend.advance(25) == 3
    assert notes(backend) == [["a", START + 10], ["a2", START + 10], ["b", START + 20]]
    assert backend.clock.now_ms() == START + 25
    assert backend.next_due() == START + 30


async def test_what_a_job_schedules_is_run_when_it_is_due_within_the_same_time(backend):
    plan(backend, note(10, "a", then=10), note(15, "b", then=100))
    assert await backend.advance(50) == 3
    assert notes(backend) == [["a", START + 10], ["b", START + 15], ["a'", START + 20]]


async def test_run_due_runs_what_is_due_and_leaves_the_rest(backend):
    plan(backend, note(0, "now", then=0), note(1, "later"))
    assert await backend.run_due() == 2
    assert [text for text, _ in notes(backend)] == ["now", "now'"]
    assert await backend.run_due() == 0


async def test_run_until_idle_lets_time_pass_until_nothing_is_left(backend):
    plan(backend, note(86_400_000, "tomorrow", then=86_400_000))
    assert await backend.run_until_idle() == 2
    assert backend.clock.now_ms() == START + 2 * 86_400_000
    assert backend.next_due() is None


@pytest.mark.parametrize("delay", [0, 1])
@pytest.mark.parametrize("enough", [20, 21])
async def test_functions_that_schedule_themselves_for_ever_are_given_up(
    backend, monkeypatch, delay, enough
):
    monkeypatch.setattr("codex_fakes.convex.engine.scheduler.ENOUGH", enough)
    plan(backend, {"after": 0, "path": "m:for_ever", "args": {"delay": delay}})
    with pytest.raises(ConfigurationError) as raised:
        await backend.run_until_idle()
    assert raised.value.code == "E_FAKE_CONVEX_NEVER_IDLE"
    assert backend.next_due() is not None


class Running:
    """A clock that goes on whenever somebody looks."""

    def __init__(self):
        self.now = START

    def now_ms(self):
        self.now += 1
        return self.now


async def test_on_a_clock_that_goes_on_only_what_is_due_at_the_call_is_run():
    backend = Backend(app_of(), clock=Running())
    plan(backend, {"after": 0, "path": "m:for_ever", "args": {"delay": 0}})
    assert [await backend.run_due() for _ in range(3)] == [1, 1, 1]


async def test_time_waits_while_the_actions_of_another_call_take_every_place():
    world = World()
    limits = Limits(scheduler_parallelism=1)
    backend = Backend(app_of(world), clock=VirtualClock(START), limits=limits)
    plan(backend, visit("a"), note(5, "due while a is under way"))
    running = asyncio.create_task(backend.run_due())
    await world.have_started(1)
    moving = asyncio.create_task(backend.advance(10))
    world.gates["a"].set()
    ran = await asyncio.gather(running, moving)
    assert sum(ran) == 3
    assert sorted(text for text, _ in notes(backend)) == ["a", "due while a is under way", "from a"]
    assert backend.clock.now_ms() == START + 10


async def test_a_clock_that_is_not_virtual_cannot_be_moved():
    backend = Backend(app_of(), clock=SystemClock())
    plan(backend, note(0, "now"), note(3_600_000, "in an hour"))
    for move in (backend.advance(1), backend.run_until_idle()):
        with pytest.raises(ConfigurationError) as raised:
            await move
        assert raised.value.code == "E_FAKE_CONVEX_CLOCK_NOT_VIRTUAL"
    assert await backend.run_due() == 1
    assert [text for text, _ in notes(backend)] == ["now"]


async def test_an_action_is_in_progress_before_it_starts_and_succeeds_when_it_ends():
    world = World()
    backend = Backend(app_of(world), clock=VirtualClock(START))
    plan(backend, visit("a"))
    running = asyncio.create_task(backend.run_due())
    await world.have_started(1)
    assert states(backend) == ["inProgress"]
    world.gates["a"].set()
    assert await running == 2
    assert states(backend) == ["success", "success"]
    assert [text for text, _ in notes(backend)] == ["a", "from a"]


async def test_no_more_than_eight_jobs_run_at_the_same_time():
    world = World()
    backend = Backend(app_of(world), clock=VirtualClock(START))
    plan(backend, *(visit(str(number)) for number in range(9)), note(0, "behind them"))
    running = asyncio.create_task(backend.run_due())
    await world.have_started(8)
    assert world.started == [str(number) for number in range(8)]
    assert states(backend).count("inProgress") == 8
    assert states(backend).count("pending") == 2
    assert await backend.run_due() == 0
    world.gates["3"].set()
    await world.have_started(9)
    for gate in world.gates.values():
        gate.set()
    assert await running == 9 + 1 + 9
    assert set(states(backend)) == {"success"}


async def test_a_second_caller_runs_what_becomes_due_while_an_action_is_under_way():
    world = World()
    backend = Backend(app_of(world), clock=VirtualClock(START))
    plan(backend, visit("slow"))
    running = asyncio.create_task(backend.run_due())
    await world.have_started(1)
    plan(backend, note(0, "meanwhile"))
    assert await backend.run_due() == 1
    assert [text for text, _ in notes(backend)] == ["meanwhile"]
    world.gates["slow"].set()
    assert await running == 2


async def test_an_action_that_throws_has_failed(backend):
    plan(backend, {"after": 0, "path": "m:fail"})
    await backend.run_due()
    assert states(backend) == ["failed"]
    assert backend.query("m:errors").unwrap()[0].startswith("Uncaught ConvexError: failed")


async def test_a_running_action_that_is_canceled_goes_on_but_what_it_schedules_is_canceled():
    world = World()
    backend = Backend(app_of(world), clock=VirtualClock(START))
    (identity,) = plan(backend, visit("a"))
    running = asyncio.create_task(backend.run_due())
    await world.have_started(1)
    backend.mutation("m:cancel", {"id": identity}).unwrap()
    world.gates["a"].set()
    assert await running == 1
    assert states(backend) == ["canceled", "canceled"]
    assert [text for text, _ in notes(backend)] == ["a"]
    assert backend.next_due() is None


@pytest.mark.parametrize("path", ["m:schedule_inside", "m:plan_one"])
async def test_what_is_scheduled_by_what_a_canceled_action_calls_is_canceled_too(path):
    world = World()
    backend = Backend(app_of(world), clock=VirtualClock(START))
    job = {"after": 0, "path": "world:call_then_schedule", "args": {"path": path}}
    (identity,) = plan(backend, job)
    running = asyncio.create_task(backend.run_due())
    await world.have_started(1)
    backend.mutation("m:cancel", {"id": identity}).unwrap()
    world.gates["outer"].set()
    await running
    assert states(backend) == ["canceled", "canceled"]


async def test_an_action_whose_run_is_canceled_has_failed_and_is_not_run_again():
    world = World()
    backend = Backend(app_of(world), clock=VirtualClock(START))
    plan(backend, visit("a"))
    running = asyncio.create_task(backend.run_due())
    await world.have_started(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert states(backend) == ["failed"]
    assert backend.query("m:errors").unwrap() == ["Transient error while executing action"]
    assert await backend.run_until_idle() == 0
    assert world.started == ["a"]


async def test_a_mutation_that_is_canceled_while_it_runs_is_not_committed():
    class Functions:
        @mutation
        def start(ctx, args):
            return ctx.scheduler.run_after(0, "m:overtaken")

        @mutation
        def overtaken(ctx, args):
            ctx.db.insert("notes", {"text": "written"})
            backend.mutation("m:cancel_all").unwrap()

        @mutation
        def cancel_all(ctx, args):
            for row in ctx.db.system.query("_scheduled_functions").collect():
                ctx.scheduler.cancel(row["_id"])

        @query
        def everything(ctx, args):
            rows = ctx.db.system.query("_scheduled_functions").collect()
            return [[row["state"] for row in rows], ctx.db.query("notes").collect()]

    backend = Backend(App(modules={"m": Functions}))
    backend.mutation("m:start").unwrap()
    assert await backend.run_until_idle() == 1
    assert backend.query("m:everything").value == [[{"kind": "canceled"}], []]


async def test_the_places_of_ended_actions_are_free_again():
    world = World()
    limits = Limits(scheduler_parallelism=1)
    backend = Backend(app_of(world), clock=VirtualClock(START), limits=limits)
    plan(backend, visit("a"), visit("b"), {"after": 0, "path": "m:fail"})
    running = asyncio.create_task(backend.run_due())
    await world.have_started(1)
    assert world.started == ["a"]
    world.gates["a"].set()
    await world.have_started(2)
    world.gates["b"].set()
    await running
    assert set(states(backend)) == {"success", "failed"}


@given(
    jobs=st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 50) | st.none()), min_size=1, max_size=12
    ),
    steps=st.lists(st.integers(0, 40), max_size=6),
)
def test_however_time_passes_each_job_runs_once_at_its_time_and_in_order(jobs, steps):
    async def play():
        backend = Backend(app_of(), clock=VirtualClock(START))
        plan(backend, *(
            note(after, str(number)) if then is None else note(after, str(number), then=then)
            for number, (after, then) in enumerate(jobs)
        ))  # fmt: skip
        ran = 0
        for step in steps:
            ran += await backend.advance(step)
        ran += await backend.run_until_idle()
        return ran, notes(backend)

    ran, seen = asyncio.run(play())
    expected = {}
    for number, (after, then) in enumerate(jobs):
        expected[str(number)] = START + after
        if then is not None:
            expected[f"{number}'"] = START + after + then
    assert ran == len(expected)
    assert dict(seen) == expected
    assert len(seen) == len(expected)
    assert [at for _, at in seen] == sorted(at for _, at in seen)
