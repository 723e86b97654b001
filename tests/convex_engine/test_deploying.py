"""Another app on a living backend: what stays, what is looked at again, what is refused."""

from __future__ import annotations

import asyncio

import pytest

from codex_fakes.convex import (
    App,
    Backend,
    Component,
    FailureKind,
    Limits,
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


class First:
    @mutation
    def put(ctx, args):
        return ctx.db.insert(args.get("table", "rows"), args["document"])

    @query
    def rows(ctx, args):
        return [row["value"] for row in ctx.db.query("rows").collect()]

    @mutation
    def count(ctx, args):
        ctx.db.insert("rows", {"value": len(ctx.db.query("rows").collect())})
        return "first"

    @mutation
    def later(ctx, args):
        ctx.scheduler.run_after(1000, args["path"], args["args"])


class Second:
    put, rows = First.put, First.rows

    @query
    def from_two_on(ctx, args):
        found = ctx.db.query("rows").with_index("by_value", lambda q: q.gte("value", 2))
        return [row["value"] for row in found.collect()]

    @mutation
    def count(ctx, args):
        ctx.db.insert("rows", {"value": -1})
        return "second"


INDEXED = define_schema({"rows": define_table({"value": v.number()}).index("by_value", ["value"])})
APP = App(modules={"m": First})
NEXT = App(schema=INDEXED, modules={"m": Second})


def with_values(*values, app=APP, **options):
    backend = Backend(app, **options)
    for value in values:
        backend.mutation("m:put", {"document": {"value": value}}).unwrap()
    return backend


def test_the_functions_are_the_new_ones_and_the_data_is_the_old_one():
    backend = with_values(3, 1, 2)
    backend.deploy(NEXT)
    assert backend.query("m:rows").unwrap() == [3, 1, 2]
    assert backend.app is NEXT
    assert backend.query("m:from_two_on").unwrap() == [2, 3]
    assert backend.mutation("m:later").error.kind is FailureKind.MISSING


def test_an_index_that_is_new_is_kept_from_then_on():
    backend = with_values(3, 1)
    backend.deploy(NEXT)
    backend.mutation("m:put", {"document": {"value": 5}}).unwrap()
    assert backend.query("m:from_two_on").unwrap() == [3, 5]


def test_an_index_that_is_gone_cannot_be_read_and_one_that_changes_is_put_up_anew():
    backend = with_values(3, 1, app=NEXT)
    other = define_schema({"rows": define_table(v.any()).index("by_value", ["nothing", "value"])})
    backend.deploy(App(schema=other, modules={"m": Second}))
    assert "didn't use the index fields in order" in backend.query("m:from_two_on").error.message
    backend.deploy(App(modules={"m": Second}))
    assert "Index rows.by_value not found" in backend.query("m:from_two_on").error.message


def test_ids_and_numbers_of_tables_stay():
    backend = with_values(1)
    known = backend.mutation("m:put", {"document": {"value": 2}}).unwrap()
    earlier = define_schema({"a": define_table({}), "rows": define_table(v.any())})
    backend.deploy(App(schema=earlier, modules={"m": First}))
    in_rows = backend.mutation("m:put", {"document": {"value": 3}}).unwrap()
    in_a = backend.mutation("m:put", {"table": "a", "document": {}}).unwrap()
    assert known[:2] == in_rows[:2] != in_a[:2]


def test_documents_are_checked_by_the_new_schema_from_then_on():
    backend = with_values(1)
    backend.deploy(NEXT)
    refused = backend.mutation("m:put", {"document": {"value": "text"}})
    assert "does not match the schema" in refused.error.message


def test_a_schema_that_does_not_take_what_is_there_is_refused_and_nothing_changes():
    backend = with_values(1)
    bad = backend.mutation("m:put", {"document": {"value": "text"}}).unwrap()
    before = backend.snapshot()
    with pytest.raises(CodexRuntimeError) as caught:
        backend.deploy(NEXT)
    assert caught.value.code == "E_FAKE_CONVEX_DEPLOY_REFUSED"
    assert f'Document with ID "{bad}" in table "rows" does not match the schema' in str(
        caught.value
    )
    assert "Path: .value" in str(caught.value)
    assert backend.snapshot() == before
    assert backend.app is APP
    assert backend.mutation("m:count").unwrap() == "first"


def test_a_schema_without_validation_takes_anything():
    backend = with_values("text")
    lenient = define_schema({"rows": define_table({"value": v.number()})}, schema_validation=False)
    backend.deploy(App(schema=lenient, modules={"m": First}))
    assert backend.query("m:rows").unwrap() == ["text"]


@pytest.mark.parametrize("tables", [2, 3])
def test_there_are_no_more_tables_than_the_limit_together_with_those_of_before(tables):
    backend = with_values(1, limits=Limits(tables=2))
    schema = define_schema({f"t{number}": define_table({}) for number in range(1, tables)})
    app = App(schema=schema, modules={"m": First})
    if tables == 2:
        backend.deploy(app)
        return
    with pytest.raises(CodexRuntimeError, match="Number of tables cannot exceed 2"):
        backend.deploy(app)
    assert backend.app is APP


def test_what_was_read_before_is_told_to_have_changed():
    backend = with_values(1)
    read = backend.query("m:rows")
    heard = []
    backend.subscribe_commits(heard.append)
    backend.deploy(NEXT)
    [commit] = heard
    assert commit.ts == backend.ts > read.ts
    assert read.read_set.touched_by(commit)
    assert backend.last_commit_touching(read.read_set, read.ts)


def test_the_states_before_can_no_longer_be_read():
    backend = with_values(1)
    before = backend.ts
    backend.deploy(NEXT)
    assert backend.query("m:rows", at=before).error.kind is FailureKind.TIMESTAMP
    assert backend.query("m:rows", at=backend.ts).ok


def test_a_mutation_under_way_is_run_again_as_what_is_deployed_by_then():
    backend = with_values(7)
    pending = backend.begin_mutation("m:count")
    backend.deploy(NEXT)
    assert pending.commit().unwrap() == "second"
    assert backend.query("m:rows").unwrap() == [7, -1]


def test_a_mutation_under_way_that_is_not_deployed_any_more_fails():
    backend = with_values(7)
    pending = backend.begin_mutation("m:count")
    backend.deploy(App(modules={"m": {"rows": First.rows}}))
    assert pending.commit().error.kind is FailureKind.MISSING
    assert backend.query("m:rows").unwrap() == [7]


async def test_what_is_scheduled_runs_as_what_is_deployed_when_it_is_due():
    backend = with_values()
    backend.mutation("m:later", {"path": "m:count", "args": {}}).unwrap()
    backend.deploy(NEXT)
    assert await backend.advance(1000) == 1
    assert backend.query("m:rows").unwrap() == [-1]


async def test_an_action_under_way_goes_on_and_calls_what_is_deployed_by_then():
    entered, leave = asyncio.Event(), asyncio.Event()

    @action
    async def slow(ctx, args):
        entered.set()
        await leave.wait()
        return await ctx.run_mutation("m:count")

    backend = Backend(App(modules={"m": {"slow": slow, "count": First.count}}))
    running = asyncio.create_task(backend.action("m:slow"))
    async with asyncio.timeout(10):
        await entered.wait()
        backend.deploy(NEXT)
        leave.set()
        assert (await running).unwrap() == "second"


class Main:
    @mutation
    def keep(ctx, args):
        ctx.run_mutation(component_function("kv", "m:put"), {"document": {"value": 1}})

    @mutation
    def keep_later(ctx, args):
        ctx.scheduler.run_after(1000, component_function("kv", "m:put"), {"document": {"value": 2}})


KV = Component(schema=INDEXED, modules={"m": Second})
WITH_KV = App(modules={"main": Main}, components={"kv": KV})


def test_a_component_can_be_mounted_on_a_living_backend():
    backend = with_values(1)
    backend.deploy(WITH_KV)
    backend.mutation("main:keep").unwrap()
    assert backend.query("m:from_two_on", component="kv").unwrap() == []
    assert backend.query("m:rows", component="kv").unwrap() == [1]


def test_the_data_of_a_component_that_is_mounted_no_more_is_there_when_it_is_again():
    backend = Backend(WITH_KV)
    backend.mutation("main:keep").unwrap()
    backend.deploy(App(modules={"main": Main}))
    assert "not mounted" in backend.mutation("main:keep").error.message
    restored = Backend.restore(backend.app, backend.snapshot())
    for again in (backend, restored):
        again.deploy(WITH_KV)
        assert again.query("m:rows", component="kv").unwrap() == [1]


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_job_of_a_component_that_is_mounted_no_more_fails_when_it_is_due(restarted):
    @query
    def states(ctx, args):
        rows = ctx.db.system.query("_scheduled_functions").collect()
        return [row["state"]["kind"] for row in rows]

    backend = Backend(WITH_KV)
    backend.mutation("main:keep_later").unwrap()
    backend.deploy(App(modules={"main": Main, "s": {"states": states}}))
    if restarted:
        backend = Backend.restore(backend.app, backend.snapshot())
    assert await backend.advance(1000) == 1
    assert backend.query("s:states").unwrap() == ["failed"]
