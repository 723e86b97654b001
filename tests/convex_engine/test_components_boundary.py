"""Components: tables and ids of their own, and what crosses the boundary (FACTS §5.10)."""

from __future__ import annotations

import pytest

from codex_fakes.convex import (
    App,
    Backend,
    Component,
    ConvexError,
    FailureKind,
    FunctionError,
    Int64,
    action,
    component_function,
    define_schema,
    define_table,
    internal_mutation,
    internal_query,
    mutation,
    query,
    v,
)
from codex_runtime.errors import ConfigurationError

pytestmark = pytest.mark.anyio

SET = component_function("kv", "store:set")
GET = component_function("kv", "store:get")


class Store:
    @mutation(args={"key": v.string(), "value": v.any()})
    def set(ctx, args):
        return ctx.db.insert("pairs", args)

    @query(args={"key": v.string()})
    def get(ctx, args):
        found = ctx.db.query("pairs").with_index("by_key", lambda q: q.eq("key", args["key"]))
        pair = found.first()
        return None if pair is None else pair["value"]

    @query(args={"id": v.id("pairs")})
    def by_id(ctx, args):
        return ctx.db.get(args["id"])

    @mutation
    def set_and_throw(ctx, args):
        ctx.db.insert("pairs", {"key": "x", "value": 1})
        ctx.log("about to throw")
        raise ConvexError({"n": Int64(5), "b": b"x"})

    @query
    def page(ctx, args):
        return ctx.db.query("pairs").paginate({"numItems": 10, "cursor": None})

    @internal_query
    def hidden(ctx, args):
        return "hidden"

    @query
    def reveal(ctx, args):
        return ctx.run_query("store:hidden")

    @mutation
    def call_back(ctx, args):
        return ctx.run_mutation(args["handle"], {"text": "called back"})

    @mutation
    def later(ctx, args):
        return ctx.scheduler.run_after(0, args.get("handle", "store:set"), args["args"])

    @query
    def jobs(ctx, args):
        return [
            [row["name"], row["state"]["kind"]]
            for row in ctx.db.system.query("_scheduled_functions").collect()
        ]

    @query
    def deeper(ctx, args):
        return ctx.run_query(component_function("inner", "store:get"), {"key": "k"})

    @action
    async def act(ctx, args):
        await ctx.run_mutation("store:set", {"key": "acted", "value": 1})
        return await ctx.run_query("store:get", {"key": "acted"})


class Main:
    @mutation
    def set(ctx, args):
        return ctx.run_mutation(SET, args)

    @query
    def get(ctx, args):
        return ctx.run_query(GET, args)

    @query
    def call(ctx, args):
        reference = component_function(args["component"], args["path"])
        return ctx.run_query(reference, args.get("args"))

    @mutation
    def both(ctx, args):
        ctx.db.insert("pairs", {"mine": True})
        ctx.log("before")
        try:
            ctx.run_mutation(component_function("kv", "store:set_and_throw"))
        except ConvexError as error:
            ctx.log("after")
            return error.data

    @query
    def mine(ctx, args):
        return len(ctx.db.query("pairs").collect())

    @query
    def look(ctx, args):
        return ctx.db.get(args["id"])

    @internal_mutation
    def noted(ctx, args):
        return ctx.db.insert("notes", args)

    @query
    def notes(ctx, args):
        return [row["text"] for row in ctx.db.query("notes").collect()]

    @mutation
    def lend(ctx, args):
        handle = ctx.create_function_handle("main:noted")
        return [handle, ctx.run_mutation(component_function("kv", "store:call_back"),
                                         {"handle": handle})]  # fmt: skip

    @mutation
    def lend_for_later(ctx, args):
        handle = ctx.create_function_handle("main:noted")
        args = {"handle": handle, "args": {"text": "later"}}
        return ctx.run_mutation(component_function("kv", "store:later"), args)

    @query
    def no_handle(ctx, args):
        return ctx.create_function_handle(component_function("kv", "store:nope"))

    @action
    async def act(ctx, args):
        handle = await ctx.create_function_handle(SET)
        await ctx.run_mutation(handle, {"key": "by handle", "value": 1})
        return await ctx.run_action(component_function("kv", "store:act"))

    @mutation
    def schedule(ctx, args):
        ctx.scheduler.run_after(0, SET, {"key": "scheduled", "value": 7})

    @mutation
    def schedule_nothing(ctx, args):
        ctx.scheduler.run_after(0, component_function("kv", args["path"]))

    @mutation
    def call_any(ctx, args):
        try:
            return ctx.run_mutation(args["handle"])
        except FunctionError as error:
            return error.message


SCHEMA = define_schema(
    {
        "pairs": define_table({"key": v.string(), "value": v.any()}).index("by_key", ["key"]),
    }
)
KV = Component(
    schema=SCHEMA,
    modules={"store": Store},
    components={"inner": Component(schema=SCHEMA, modules={"store": Store})},
)
APP = App(
    modules={"main": Main},
    components={"kv": KV, "other": Component(schema=SCHEMA, modules={"store": Store})},
)


@pytest.fixture
def backend():
    return Backend(APP)


def test_a_component_has_tables_of_its_own(backend):
    backend.mutation("main:set", {"key": "k", "value": 1}).unwrap()
    assert backend.query("main:get", {"key": "k"}).value == 1.0
    assert backend.query("main:mine").value == 0.0
    assert backend.query("store:get", {"key": "k"}, component="other").value is None


def test_equal_ids_in_two_components_mean_different_documents(backend):
    in_kv = backend.mutation("main:set", {"key": "k", "value": 1}).unwrap()
    backend.mutation("main:noted", {"text": "x"}, internal=True).unwrap()
    assert backend.query("store:by_id", {"id": in_kv}, component="kv").value["key"] == "k"
    assert backend.query("store:by_id", {"id": in_kv}, component="other").unwrap() is None
    assert backend.query("main:look", {"id": in_kv}).unwrap() is None


def test_an_id_crosses_the_boundary_as_a_string(backend):
    backend.mutation("main:set", {"key": "k", "value": 1}).unwrap()
    call = {"component": "kv", "path": "store:by_id", "args": {"id": "no id at all"}}
    error = backend.query("main:call", call).error
    assert error.headline.startswith("Uncaught Error: ArgumentValidationError: ")


def test_the_functions_of_a_component_are_not_reached_by_its_clients(backend):
    assert backend.query("store:get", {"key": "k"}).error.kind is FailureKind.MISSING


def test_internal_functions_of_a_component_are_its_own(backend):
    call = {"component": "kv", "path": "store:hidden"}
    assert "Could not find public function" in backend.query("main:call", call).error.message
    reveal = {"component": "kv", "path": "store:reveal"}
    assert backend.query("main:call", reveal).value == "hidden"


def test_a_component_that_is_not_mounted_cannot_be_called(backend):
    call = {"component": "none", "path": "store:get"}
    assert 'Component "none" is not mounted' in backend.query("main:call", call).error.message


def test_a_component_sees_those_it_mounts_and_not_its_siblings(backend):
    backend.mutation("store:set", {"key": "k", "value": "inner"}, component="kv/inner").unwrap()
    assert backend.query("store:deeper", component="kv").unwrap() == "inner"
    assert backend.query("store:deeper", component="other").error is not None
    call = {"component": "kv/inner", "path": "store:get", "args": {"key": "k"}}
    assert backend.query("main:call", call).value == "inner"


def test_a_failed_call_into_a_component_vanishes_there_and_its_data_comes_back(backend):
    outcome = backend.mutation("main:both")
    assert outcome.value == {"n": Int64(5), "b": b"x"}
    assert outcome.log_lines == ("[LOG] 'before'", "[LOG] 'about to throw'", "[LOG] 'after'")
    assert backend.query("main:mine").value == 1.0
    assert backend.query("main:get", {"key": "x"}).value is None


def test_calls_into_components_are_one_commit_and_one_read_set(backend):
    commits = []
    backend.subscribe_commits(commits.append)
    read = backend.query("main:get", {"key": "k"})
    backend.mutation("main:set", {"key": "other", "value": 1})
    backend.mutation("main:set", {"key": "k", "value": 1})
    assert [read.read_set.touched_by(commit) for commit in commits] == [False, True]


def test_there_is_no_paginate_in_a_component(backend):
    call = {"component": "kv", "path": "store:page"}
    assert "paginate" in backend.query("main:call", call).error.message
    assert not backend.query("store:page", component="kv").ok


async def test_an_administrator_reaches_the_functions_of_a_component(backend):
    outcome = await backend.run("store:set", {"key": "k", "value": 2}, component="kv")
    assert outcome.ok
    assert (await backend.run("store:hidden", component="kv")).value == "hidden"
    assert backend.query("main:get", {"key": "k"}).value == 2.0


def test_a_handle_lets_a_component_call_back_also_an_internal_function(backend):
    handle, _ = backend.mutation("main:lend").unwrap()
    assert handle.startswith("function://")
    assert backend.query("main:notes").value == ["called back"]


def test_there_is_no_handle_of_what_is_not_there(backend):
    assert not backend.query("main:no_handle").ok


@pytest.mark.parametrize("handle", ["function://", "function://kv", "function://none;m.js:f",
                                    "function://;nope.js:f"])  # fmt: skip
def test_a_handle_that_leads_nowhere_is_an_error(backend, handle):
    text = backend.mutation("main:call_any", {"handle": handle}).unwrap()
    assert "function" in text or "mounted" in text


async def test_an_action_reaches_components_and_handles(backend):
    assert (await backend.action("main:act")).unwrap() == 1.0
    assert backend.query("main:get", {"key": "by handle"}).value == 1.0


async def test_the_row_of_a_job_is_in_the_component_that_scheduled_it(backend):
    backend.mutation("main:schedule").unwrap()
    assert backend.query("store:jobs", component="kv").value == []
    assert await backend.run_until_idle() == 1
    assert backend.query("main:get", {"key": "scheduled"}).value == 7.0


async def test_a_component_schedules_a_function_of_the_app_by_its_handle(backend):
    backend.mutation("main:lend_for_later").unwrap()
    assert backend.query("store:jobs", component="kv").value == [["main.js:noted", "pending"]]
    assert await backend.run_until_idle() == 1
    assert backend.query("main:notes").value == ["later"]
    assert backend.query("store:jobs", component="kv").value == [["main.js:noted", "success"]]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("store:nope", "no exported function nope found in the file: store.js"),
        ("store:hidden", "no exported function hidden found in the file: store.js"),
        ("none:x", "Attempted to schedule function at nonexistent path: kv none.js"),
    ],
)
def test_what_is_not_there_in_a_component_cannot_be_scheduled(backend, path, text):
    assert text in backend.mutation("main:schedule_nothing", {"path": path}).error.message


@pytest.mark.parametrize("name", ["", "a b", "1a", "a/b"])
def test_a_component_is_mounted_under_an_identifier(name):
    with pytest.raises(ConfigurationError) as raised:
        App(components={name: KV})
    assert raised.value.code == "E_FAKE_CONVEX_APP_INVALID"
