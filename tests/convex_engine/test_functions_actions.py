"""Actions: each call of theirs is a transaction of its own, and nothing of theirs is undone."""

from __future__ import annotations

import asyncio

import pytest

from codex_fakes.convex import (
    App,
    Backend,
    ConvexError,
    FunctionError,
    Int64,
    action,
    internal_action,
    internal_query,
    mutation,
    query,
    v,
)

pytestmark = pytest.mark.anyio


class Functions:
    @mutation(args={"text": v.string()})
    def add(ctx, args):
        if args["text"] == "refused":
            ctx.db.insert("rows", args)
            raise ConvexError({"code": "REFUSED", "n": Int64(1)})
        return ctx.db.insert("rows", args)

    @query
    def rows(ctx, args):
        return [row["text"] for row in ctx.db.query("rows").collect()]

    @internal_query
    def hidden(ctx, args):
        return "hidden"

    @query
    def broken(ctx, args):
        raise LookupError("broken")

    @action
    async def commit_and_fail(ctx, args):
        await ctx.run_mutation("m:add", {"text": "stays"})
        raise RuntimeError("too late")

    @action
    async def attempt(ctx, args):
        call = {
            "query": ctx.run_query,
            "mutation": ctx.run_mutation,
            "action": ctx.run_action,
        }[args["kind"]]
        try:
            return await call(args["path"], args.get("args"))
        except (ConvexError, FunctionError) as error:
            return {"text": str(error), "data": getattr(error, "data", None) or None}

    @internal_action
    async def double(ctx, args):
        return args["n"] * 2

    @action
    async def together(ctx, args):
        numbers = await asyncio.gather(*(ctx.run_action("m:double", {"n": n}) for n in range(5)))
        await asyncio.gather(*(ctx.run_mutation("m:add", {"text": str(n)}) for n in range(5)))
        return numbers

    @action(args={"n": v.number()}, returns=v.string())
    async def strict(ctx, args):
        return args["n"]


@pytest.fixture
def backend():
    return Backend(App(modules={"m": Functions}))


def rows(backend):
    return backend.query("m:rows").unwrap()


async def test_what_an_action_has_committed_stays_when_it_fails(backend):
    outcome = await backend.action("m:commit_and_fail")
    assert outcome.error.headline == "Uncaught RuntimeError: too late"
    assert rows(backend) == ["stays"]
    assert outcome.ts == backend.ts


async def test_an_action_may_catch_the_error_of_its_call_with_the_data(backend):
    call = {"kind": "mutation", "path": "m:add", "args": {"text": "refused"}}
    caught = (await backend.action("m:attempt", call)).unwrap()
    assert caught["data"] == {"code": "REFUSED", "n": Int64(1)}
    assert rows(backend) == []


@pytest.mark.parametrize(
    ("kind", "path", "text"),
    [
        ("query", "m:broken", "Uncaught LookupError: broken"),
        ("query", "m:nope", "Could not find public function for 'm:nope'."),
        ("query", "m:add", "Trying to execute m.js:add as Query, but it is defined as Mutation."),
        ("mutation", "m:add", "ArgumentValidationError: Object is missing the required field"),
        ("action", "m:rows", "Trying to execute m.js:rows as Action, but it is defined as Query."),
        ("action", "m:strict", "ArgumentValidationError: "),
    ],
)
async def test_an_action_is_told_why_its_call_failed(backend, kind, path, text):
    caught = (await backend.action("m:attempt", {"kind": kind, "path": path})).unwrap()
    assert caught["text"].startswith(text)
    assert "    at " not in caught["text"]


async def test_an_action_reaches_internal_functions(backend):
    call = {"kind": "query", "path": "m:hidden"}
    assert (await backend.action("m:attempt", call)).unwrap() == "hidden"


async def test_calls_of_an_action_may_overlap(backend):
    assert (await backend.action("m:together")).unwrap() == [0, 2, 4, 6, 8]
    assert rows(backend) == ["0", "1", "2", "3", "4"]


async def test_the_arguments_and_the_result_of_an_action_are_checked(backend):
    refused = await backend.action("m:strict", {"n": "one"})
    assert refused.error.message.startswith("ArgumentValidationError: ")
    refused = await backend.action("m:strict", {"n": 1})
    assert refused.error.message.startswith("ReturnsValidationError: ")


async def test_other_calls_run_while_an_action_waits_and_it_sees_their_commits():
    entered, release = asyncio.Event(), asyncio.Event()

    @action
    async def wait(ctx, args):
        before = await ctx.run_query("m:rows")
        entered.set()
        await release.wait()
        return [before, await ctx.run_query("m:rows")]

    backend = Backend(App(modules={"m": Functions, "w": {"wait": wait}}))
    running = asyncio.create_task(backend.action("w:wait"))
    await entered.wait()
    backend.mutation("m:add", {"text": "meanwhile"}).unwrap()
    release.set()
    assert (await running).unwrap() == [[], ["meanwhile"]]


async def test_canceling_the_caller_cancels_the_action():
    entered, ended = asyncio.Event(), []

    @action
    async def wait(ctx, args):
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    backend = Backend(App(modules={"w": {"wait": wait}}))
    running = asyncio.create_task(backend.action("w:wait"))
    await entered.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended == [True]


def test_an_action_runs_on_any_event_loop(backend):
    for _ in range(2):
        assert asyncio.run(backend.action("m:together")).ok
