"""Snapshots of all data, and starting anew."""

from __future__ import annotations

import asyncio
import json

import pytest

from codex_fakes.convex import (
    App,
    Backend,
    Component,
    Int64,
    VirtualClock,
    action,
    component_function,
    define_schema,
    define_table,
    mutation,
    query,
    v,
)
from codex_runtime.errors import CodexRuntimeError

pytestmark = pytest.mark.anyio


class Functions:
    @mutation
    def put(ctx, args):
        return ctx.db.insert("rows", args)

    @query
    def rows(ctx, args):
        return ctx.db.query("rows").collect()

    @query
    def by_value(ctx, args):
        found = ctx.db.query("rows").with_index("by_value", lambda q: q.gte("value", 2))
        return [row["value"] for row in found.collect()]

    @query
    def count(ctx, args):
        return len(ctx.db.query("rows").collect())

    @mutation
    def put_in_component(ctx, args):
        return ctx.run_mutation(component_function("kv", "m:put"), args)

    @mutation
    def later(ctx, args):
        return ctx.scheduler.run_after(args.get("delay", 1000), args["path"], args["args"])

    @mutation
    def later_in_component(ctx, args):
        return ctx.scheduler.run_after(1000, component_function("kv", "m:put"), {"late": 1})

    @query
    def jobs(ctx, args):
        return [row["state"] for row in ctx.db.system.query("_scheduled_functions").collect()]

    @mutation
    def chance(ctx, args):
        return ctx.random()


SCHEMA = define_schema({"rows": define_table(v.any()).index("by_value", ["value"])})
KV = Component(modules={"m": {"put": Functions.put, "rows": Functions.rows}})
APP = App(schema=SCHEMA, modules={"m": Functions}, components={"kv": KV})


def test_a_restored_backend_has_the_same_data_ids_and_timestamp():
    backend = Backend(APP)
    backend.mutation("m:put", {"value": 1, "i": Int64(2), "b": b"x", "deep": [{"f": float("inf")}]})
    backend.mutation("m:put", {"value": 2, "text": "é"})
    backend.mutation("m:put_in_component", {"in": "kv"})
    restored = Backend.restore(APP, backend.snapshot())
    assert restored.ts == backend.ts
    for path, component in (("m:rows", ""), ("m:rows", "kv"), ("m:by_value", "")):
        before = backend.query(path, component=component).unwrap()
        assert restored.query(path, component=component).unwrap() == before
        assert before


def test_a_restored_backend_goes_on_with_new_ids_and_later_times():
    backend = Backend(APP)
    known = {backend.mutation("m:put", {"value": n}).unwrap() for n in range(3)}
    restored = Backend.restore(APP, backend.snapshot())
    made = {restored.mutation("m:put", {"value": n}).unwrap() for n in range(3)}
    assert not known & made
    rows = restored.query("m:rows").unwrap()
    times = [row["_creationTime"] for row in rows]
    assert times == sorted(set(times))
    assert [row["value"] for row in rows] == [0, 1, 2, 0, 1, 2]


def test_a_restored_virtual_clock_is_not_behind_the_data():
    clock = VirtualClock(9_000_000)
    backend = Backend(APP, clock=clock)
    clock.advance_to(9_500_000)
    backend.mutation("m:put", {"value": 1})
    restored = Backend.restore(APP, backend.snapshot(), clock=VirtualClock(1_000))
    assert restored.clock.now_ms() == 9_500_000
    assert Backend.restore(APP, backend.snapshot(), clock=VirtualClock(9_900_000)).ts > restored.ts


def test_a_snapshot_is_as_large_as_it_has_to_be():
    backend = Backend(APP)
    for number in range(8_200):
        backend.mutation("m:put", {"value": number})
    restored = Backend.restore(APP, backend.snapshot())
    assert restored.query("m:count").unwrap() == 8_200


async def test_what_was_scheduled_is_run_after_a_restart_also_in_another_component():
    backend = Backend(APP)
    backend.mutation("m:later", {"path": "m:put", "args": {"late": 2}})
    backend.mutation("m:later_in_component")
    restored = Backend.restore(APP, backend.snapshot())
    assert await restored.advance(999) == 0
    assert await restored.advance(1) == 2
    assert [row["late"] for row in restored.query("m:rows").unwrap()] == [2]
    assert [row["late"] for row in restored.query("m:rows", component="kv").unwrap()] == [1]
    assert [state["kind"] for state in restored.query("m:jobs").unwrap()] == ["success"] * 2


async def test_an_action_that_was_running_when_the_process_ended_has_failed():
    entered, release = asyncio.Event(), asyncio.Event()

    @action
    async def hang(ctx, args):
        entered.set()
        await release.wait()

    app = App(modules={"m": Functions, "slow": {"hang": hang}})
    backend = Backend(app)
    backend.mutation("m:later", {"path": "slow:hang", "args": {}})
    running = asyncio.create_task(backend.advance(1000))
    await entered.wait()
    restored = Backend.restore(app, backend.snapshot())
    assert restored.query("m:jobs").unwrap() == [
        {"kind": "failed", "error": "Transient error while executing action"}
    ]
    assert await restored.run_until_idle() == 0
    release.set()
    assert await running == 1
    assert backend.query("m:jobs").unwrap() == [{"kind": "success"}]


async def test_a_job_whose_function_is_not_deployed_any_more_fails_when_it_is_due():
    backend = Backend(APP)
    backend.mutation("m:later_in_component")
    restored = Backend.restore(App(schema=SCHEMA, modules={"m": Functions}), backend.snapshot())
    assert await restored.run_until_idle() == 1
    assert restored.query("m:jobs").unwrap() == [
        {"kind": "failed", "error": "Could not find public function for 'm:put'."}
    ]


async def test_the_rows_of_jobs_that_ended_before_the_snapshot_are_removed_in_their_time():
    backend = Backend(APP)
    slow = {"path": "m:put", "args": {}, "delay": 50_000}
    backend.mutation("m:later", slow)
    backend.mutation("m:later", {**slow, "delay": 1_000})
    await backend.run_until_idle()
    week = 7 * 86_400_000
    restored = Backend.restore(APP, backend.snapshot(), clock=VirtualClock(0))
    assert restored.clock.now_ms() == backend.clock.now_ms()
    await restored.advance(week - 49_001)
    assert len(restored.query("m:jobs").unwrap()) == 2
    await restored.advance(1)
    assert len(restored.query("m:jobs").unwrap()) == 1
    await restored.advance(49_000)
    assert restored.query("m:jobs").unwrap() == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"\xff",
        lambda data: b"[]",
        lambda data: b"{}",
        lambda data: data.replace(b"codex-fakes-convex", b"something else"),
        lambda data: json.dumps({**json.loads(data), "version": 99}).encode(),
        lambda data: json.dumps({**json.loads(data), "database": {"x": 1}}).encode(),
        lambda data: json.dumps({**json.loads(data), "database": {"$integer": "?"}}).encode(),
        lambda data: json.dumps({**json.loads(data), "jobs": [1]}).encode(),
        lambda data: data[:-20],
    ],
)
def test_what_is_no_snapshot_is_refused(spoil):
    backend = Backend(APP)
    backend.mutation("m:put", {"value": 1})
    with pytest.raises(CodexRuntimeError) as raised:
        Backend.restore(APP, spoil(backend.snapshot()))
    assert raised.value.code == "E_FAKE_CONVEX_SNAPSHOT_INVALID"


def test_a_snapshot_that_the_schema_does_not_take_is_refused():
    backend = Backend(APP)
    backend.mutation("m:put", {"value": 1})
    stricter = App(schema=define_schema({"rows": define_table({"value": v.string()})}))
    with pytest.raises(CodexRuntimeError) as raised:
        Backend.restore(stricter, backend.snapshot())
    assert raised.value.code == "E_FAKE_CONVEX_SNAPSHOT_INVALID"


async def test_a_reset_backend_is_as_new_but_later():
    backend = Backend(APP)
    first = [backend.mutation("m:put", {"value": n}).unwrap() for n in (1, 2)]
    drawn = backend.mutation("m:chance").unwrap()
    backend.mutation("m:put_in_component", {"in": "kv"})
    backend.mutation("m:later", {"path": "m:put", "args": {}})
    backend.inject_conflicts(5)
    before = backend.ts
    backend.reset()
    assert backend.ts > before
    assert backend.query("m:rows").value == []
    assert backend.query("m:rows", component="kv").value == []
    assert backend.next_due() is None
    assert await backend.run_until_idle() == 0
    backend.reset()
    again = [backend.mutation("m:put", {"value": n}).unwrap() for n in (1, 2)]
    assert again == first
    assert backend.mutation("m:chance").unwrap() == drawn
    assert [row["_creationTime"] for row in backend.query("m:rows").unwrap()] == [
        row["_creationTime"] for row in _fresh_rows()
    ]


def _fresh_rows():
    backend = Backend(APP)
    for number in (1, 2):
        backend.mutation("m:put", {"value": number})
    return backend.query("m:rows").unwrap()


def test_who_listens_hears_of_a_reset_as_of_any_commit():
    backend = Backend(APP)
    backend.mutation("m:put", {"value": 1})
    read = backend.query("m:rows")
    commits = []
    backend.subscribe_commits(commits.append)
    backend.reset()
    assert [read.read_set.touched_by(commit) for commit in commits] == [True]
    backend.reset()
    assert len(commits) == 1


def test_a_mutation_under_way_when_the_backend_is_reset_is_run_again():
    backend = Backend(APP)
    backend.mutation("m:put", {"value": 1})
    pending = backend.begin_mutation("m:put", {"value": 2})
    backend.reset()
    assert pending.commit().ok
    assert [row["value"] for row in backend.query("m:rows").unwrap()] == [2]
