"""Queries, mutations and actions from the outside: results, writes, visibility, spellings."""

from __future__ import annotations

import asyncio
import types

import pytest

from codex_fakes.convex import (
    UNDEFINED,
    App,
    Backend,
    FailureKind,
    FunctionError,
    Int64,
    Kind,
    Limits,
    action,
    define_schema,
    define_table,
    internal_action,
    internal_mutation,
    internal_query,
    mutation,
    query,
    v,
)
from codex_runtime.errors import ConfigurationError

pytestmark = pytest.mark.anyio


class Messages:
    @mutation(args={"body": v.string()}, returns=v.id("messages"))
    def send(ctx, args):
        return ctx.db.insert("messages", args)

    @query(name="list")
    def listed(ctx, args):
        return [row["body"] for row in ctx.db.query("messages").collect()]

    @query
    async def count(ctx, args):
        return len(ctx.db.query("messages").collect())

    @internal_query
    def secret(ctx, args):
        return "secret"

    @internal_mutation
    def wipe(ctx, args):
        for row in ctx.db.query("messages").collect():
            ctx.db.delete(row["_id"])

    @internal_action
    async def nightly(ctx, args):
        return await ctx.run_mutation("messages:wipe")

    @action
    async def think(ctx, args):
        await asyncio.sleep(0)
        await ctx.run_mutation("messages:send", {"body": args["text"]})
        return await ctx.run_query("messages:list")

    @action
    def at_once(ctx, args):
        return "no await at all"

    @query(name="default")
    def everything(ctx, args):
        return "the default export"

    @query
    def echo(ctx, args):
        return args

    @query
    def nothing(ctx, args):
        return UNDEFINED

    @mutation
    def send_and_fail(ctx, args):
        ctx.db.insert("messages", {"body": "never"})
        raise ValueError("after the write")

    @mutation
    def spoil(ctx, args):
        args["list"].append("more")
        return args["list"]


SCHEMA = define_schema({"messages": define_table({"body": v.string()})})
APP = App(schema=SCHEMA, modules={"messages": Messages})


@pytest.fixture
def backend():
    return Backend(APP)


def test_a_mutation_writes_and_a_query_reads_it(backend):
    sent = backend.mutation("messages:send", {"body": "hi"})
    assert sent.ok
    assert sent.error is None
    assert sent.ts == backend.ts
    listed = backend.query("messages:list")
    assert listed.value == ["hi"]
    assert listed.ts == backend.ts


def test_an_async_handler_that_waits_for_nothing_is_run_to_its_end(backend):
    backend.mutation("messages:send", {"body": "hi"})
    assert backend.query("messages:count").unwrap() == 1.0


async def test_an_action_waits_and_reaches_the_database_through_functions(backend):
    outcome = await backend.action("messages:think", {"text": "deep"})
    assert outcome.value == ["deep"]
    assert outcome.ts == backend.ts
    assert outcome.read_set is None


async def test_an_action_need_not_be_async(backend):
    assert (await backend.action("messages:at_once")).unwrap() == "no await at all"


def test_a_failed_mutation_writes_nothing(backend):
    before = backend.ts
    outcome = backend.mutation("messages:send_and_fail")
    assert not outcome.ok
    assert outcome.value is None
    assert backend.ts == before
    assert backend.query("messages:list").value == []


def test_a_mutation_that_writes_nothing_has_the_timestamp_it_read_and_tells_nobody(backend):
    commits = []
    backend.subscribe_commits(commits.append)
    outcome = backend.mutation("messages:wipe", internal=True)
    assert outcome.ts == backend.ts
    assert commits == []


def test_values_come_out_as_they_went_in(backend):
    given = {
        "n": None, "t": True, "f": 1.5, "whole": 3, "i": Int64(2**62),
        "s": "é", "b": b"\0", "a": [1, [2]], "o": {"x": {}},
    }  # fmt: skip
    assert backend.query("messages:echo", given).value == {**given, "whole": 3.0, "a": [1.0, [2.0]]}


def test_a_result_of_undefined_or_of_nothing_is_null(backend):
    assert backend.query("messages:nothing").value is None
    backend.mutation("messages:wipe", internal=True)
    assert backend.mutation("messages:wipe", internal=True).value is None


def test_a_function_gets_a_copy_of_its_arguments(backend):
    mine = ["one"]
    assert backend.mutation("messages:spoil", {"list": mine}).value == ["one", "more"]
    assert mine == ["one"]


def test_what_is_no_value_is_refused_as_a_failure_of_the_call(backend):
    outcome = backend.query("messages:echo", {"x": {1, 2}})
    assert outcome.error.kind is FailureKind.FUNCTION
    assert "not a supported Convex type" in outcome.error.message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("messages:echo", {}),
        ("messages.js:echo", {}),
        ("messages", "the default export"),
        ("messages:default", "the default export"),
        ("messages.js:default", "the default export"),
        ("messages.js", "the default export"),
    ],
)
def test_every_spelling_of_a_path_finds_the_function(backend, path, value):
    assert backend.query(path).unwrap() == value


def test_a_missing_function_is_told_by_its_short_path(backend):
    for path in ("messages:nope", "messages.js:nope"):
        error = backend.query(path).error
        assert error.kind is FailureKind.MISSING
        assert error.message == "Could not find public function for 'messages:nope'.\n"
    assert "'nowhere'" in backend.mutation("nowhere").error.message


def test_an_unknown_component_has_no_functions(backend):
    assert backend.query("messages:list", component="none").error.kind is FailureKind.MISSING


@pytest.mark.parametrize("path", ["a b:c", "messages:", "messages:1x", "", "a//b:c", "é:x"])
async def test_what_cannot_be_a_path_is_told_apart_from_what_is_missing(backend, path):
    for outcome in (
        backend.query(path),
        backend.mutation(path),
        await backend.action(path),
        await backend.run(path),
    ):
        assert outcome.error.kind is FailureKind.BAD_PATH
        assert outcome.error.message.startswith(
            f"{path} is not a valid path to a Convex function. "
        )


async def test_internal_functions_are_missing_for_everybody_but_administrators(backend):
    hidden = [
        backend.query("messages:secret"),
        backend.mutation("messages:wipe"),
        await backend.action("messages:nightly"),
    ]
    missing = backend.query("messages:nope")
    for outcome in hidden:
        assert outcome.error.kind is FailureKind.MISSING
        name = outcome.error.message.split("'")[1].split(":")[1]
        assert outcome.error.message == missing.error.message.replace("nope", name)
    assert backend.query("messages:secret", internal=True).unwrap() == "secret"
    assert backend.mutation("messages:wipe", internal=True).ok
    assert (await backend.action("messages:nightly", internal=True)).ok


async def test_a_function_called_as_another_kind_is_refused(backend):
    refused = [
        (backend.query("messages:send", {"body": "x"}), "send as Query", "Mutation"),
        (backend.mutation("messages:list"), "list as Mutation", "Query"),
        (await backend.action("messages:list"), "list as Action", "Query"),
        (backend.query("messages:think"), "think as Query", "Action"),
    ]
    for outcome, called, defined in refused:
        assert outcome.error.kind is FailureKind.WRONG_KIND
        assert outcome.error.message == (
            f"Trying to execute messages.js:{called}, but it is defined as {defined}.\n"
        )


async def test_running_a_function_takes_it_as_what_it_is(backend):
    assert (await backend.run("messages:send", {"body": "one"})).ok
    assert (await backend.run("messages:list")).value == ["one"]
    assert (await backend.run("messages:think", {"text": "two"})).value == ["one", "two"]
    assert (await backend.run("messages:secret")).ok
    assert (await backend.run("messages:secret", internal=False)).error.kind is FailureKind.MISSING


def test_the_kind_of_a_function_can_be_asked_for(backend):
    assert backend.kind_of("messages:list") is Kind.QUERY
    assert backend.kind_of("messages:send") is Kind.MUTATION
    assert backend.kind_of("messages:secret") is None
    assert backend.kind_of("messages:secret", internal=True) is Kind.QUERY
    assert backend.kind_of("no path") is None


def test_unwrapping_a_failure_raises_it_with_its_cause(backend):
    with pytest.raises(FunctionError, match="after the write") as raised:
        backend.mutation("messages:send_and_fail").unwrap()
    assert isinstance(raised.value.__cause__, ValueError)


def test_a_query_at_a_timestamp_sees_the_state_of_that_time(backend):
    backend.mutation("messages:send", {"body": "one"})
    then = backend.ts
    backend.mutation("messages:send", {"body": "two"})
    assert backend.query("messages:list", at=then).value == ["one"]
    assert backend.query("messages:list", at=then).ts == then
    assert backend.query("messages:list").value == ["one", "two"]
    assert backend.query("messages:list", at=backend.ts + 1).error.kind is FailureKind.TIMESTAMP


def test_what_a_query_read_tells_which_commits_touch_it(backend):
    read = backend.query("messages:list")
    commits = []
    stop = backend.subscribe_commits(commits.append)
    backend.mutation("messages:send", {"body": "one"})
    assert [read.read_set.touched_by(commit) for commit in commits] == [True]
    assert backend.last_commit_touching(read.read_set, read.ts)
    assert not backend.last_commit_touching(read.read_set, backend.ts)
    assert not backend.query("messages:echo").read_set.touched_by(commits[0])
    stop()
    stop()
    backend.mutation("messages:send", {"body": "two"})
    assert len(commits) == 1


def test_what_was_read_before_anything_is_known_may_have_changed():
    backend = Backend(APP, limits=Limits(snapshot_commits=1))
    read = backend.query("messages:echo")
    for body in ("one", "two", "three"):
        backend.mutation("messages:send", {"body": body})
    assert backend.last_commit_touching(read.read_set, read.ts)
    assert not backend.last_commit_touching(read.read_set, backend.ts)


def test_a_failed_query_has_a_read_set_too():
    @query
    def strict(ctx, args):
        if not ctx.db.query("messages").collect():
            raise LookupError("none yet")

    backend = Backend(App(modules={"m": {"strict": strict}, "messages": Messages}))
    failed = backend.query("m:strict")
    assert not failed.ok
    commits = []
    backend.subscribe_commits(commits.append)
    backend.mutation("messages:send", {"body": "x"})
    assert failed.read_set.touched_by(commits[0])


def test_functions_are_found_in_modules_classes_and_mappings():
    module = types.ModuleType("rooms_of_a_test")
    exec(
        "from codex_fakes.convex import query\n@query\ndef here(ctx, args): return 'module'\n",
        module.__dict__,
    )
    other = types.ModuleType("another_module")
    other.here = module.here
    backend = Backend(
        App(modules={"rooms/members": module, "classes": Messages, "maps": {"x": Messages.echo},
                     "imports": other})
    )  # fmt: skip
    assert backend.query("rooms/members:here").value == "module"
    assert backend.query("classes:echo").ok
    assert backend.query("maps:x").ok
    assert backend.query("imports:here").error.kind is FailureKind.MISSING


@pytest.mark.parametrize(
    "modules",
    [
        {"a b": Messages},
        {"a": {"not a name": Messages.echo}},
        {"a": {"x": lambda ctx, args: None}},
        {"a": 3},
        {"a": {"echo": Messages.echo}, "a.js": {"echo": Messages.echo}},
    ],
)
def test_an_app_that_could_not_be_deployed_is_refused(modules):
    with pytest.raises(ConfigurationError) as raised:
        App(modules=modules)
    assert raised.value.code == "E_FAKE_CONVEX_APP_INVALID"


def generator(ctx, args):
    yield 1


async def async_generator(ctx, args):
    yield 1


@pytest.mark.parametrize(
    "handler",
    [lambda ctx: None, lambda ctx, args, more: None, lambda: None, generator, async_generator],
)
@pytest.mark.parametrize("declare", [query, mutation, action, query(args={})])
def test_a_handler_that_cannot_be_called_with_context_and_arguments_is_refused(handler, declare):
    with pytest.raises(ConfigurationError) as raised:
        declare(handler)
    assert raised.value.code == "E_FAKE_CONVEX_DECLARATION_INVALID"
