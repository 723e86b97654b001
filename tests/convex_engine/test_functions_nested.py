"""Calls inside a transaction: sub-transactions, depth, kinds, what a caller may catch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_fakes.convex import (
    App,
    Backend,
    ConvexError,
    FunctionError,
    Int64,
    mutation,
    query,
    v,
)

pytestmark = pytest.mark.anyio


def names(ctx):
    return [row["name"] for row in ctx.db.query("rows").collect()]


class Functions:
    @query
    def rows(ctx, args):
        return names(ctx)

    @mutation(args={"name": v.string()})
    def add(ctx, args):
        return ctx.db.insert("rows", args)

    @mutation
    def add_and_throw(ctx, args):
        ctx.run_mutation("m:add", {"name": "deeper"})
        ctx.db.insert("rows", {"name": "inner"})
        raise ConvexError({"n": Int64(1), "b": b"x"})

    @mutation(returns=v.number())
    def add_and_return_text(ctx, args):
        ctx.db.insert("rows", {"name": "kept"})
        return "text"

    @mutation
    def catch(ctx, args):
        ctx.db.insert("rows", {"name": "before"})
        try:
            ctx.run_mutation(args["call"])
        except (ConvexError, FunctionError) as error:
            caught = error
        ctx.db.insert("rows", {"name": "after"})
        return {
            "seen": names(ctx),
            "data": caught.data if isinstance(caught, ConvexError) else None,
            "text": str(caught),
        }

    @mutation
    def let_it_fail(ctx, args):
        ctx.db.insert("rows", {"name": "before"})
        ctx.run_mutation("m:add_and_throw")

    @mutation
    def see_each_other(ctx, args):
        ctx.db.insert("rows", {"name": "mine"})
        ctx.run_mutation("m:add", {"name": "theirs"})
        return ctx.run_query("m:rows")

    @query
    def down(ctx, args):
        level = args["level"]
        return "bottom" if level == 0 else ctx.run_query("m:down", {"level": level - 1})

    @query
    def ask(ctx, args):
        try:
            return ctx.run_query(args["path"], args.get("args"))
        except FunctionError as error:
            return error.message

    @query
    def ask_a_mutation(ctx, args):
        return ctx.run_mutation("m:add", {"name": "x"})

    @mutation
    def ask_an_action(ctx, args):
        return ctx.run_action("m:nothing")

    @query
    def write(ctx, args):
        return ctx.db.insert("rows", {"name": "x"})

    @mutation
    def keep(ctx, args):
        mine = {"list": ["one"]}
        given = ctx.run_query("m:spoil", mine)
        given["list"].append("three")
        return [mine, given]

    @query
    def spoil(ctx, args):
        args["list"].append("two")
        return args

    @mutation
    def program(ctx, args):
        for step in args["steps"]:
            if isinstance(step, str):
                if step == "throw":
                    raise ConvexError("thrown")
                ctx.db.insert("rows", {"name": step})
            else:
                try:
                    ctx.run_mutation("m:program", {"steps": step})
                except ConvexError:
                    ctx.db.insert("rows", {"name": "caught"})


APP = App(modules={"m": Functions})


@pytest.fixture
def backend():
    return Backend(APP)


def rows(backend):
    return backend.query("m:rows").unwrap()


def test_a_nested_call_sees_the_writes_around_it_and_is_seen(backend):
    assert backend.mutation("m:see_each_other").value == ["mine", "theirs"]
    assert rows(backend) == ["mine", "theirs"]


def test_all_nested_writes_are_one_commit(backend):
    commits = []
    backend.subscribe_commits(commits.append)
    backend.mutation("m:see_each_other").unwrap()
    assert [len(commit.writes) for commit in commits] == [2]


def test_a_nested_mutation_that_throws_takes_its_writes_and_deeper_ones_with_it(backend):
    outcome = backend.mutation("m:catch", {"call": "m:add_and_throw"})
    assert outcome.value["seen"] == ["before", "after"]
    assert outcome.value["data"] == {"n": Int64(1), "b": b"x"}
    assert rows(backend) == ["before", "after"]


def test_a_nested_error_that_is_not_caught_fails_the_whole_mutation(backend):
    outcome = backend.mutation("m:let_it_fail")
    assert outcome.error.data == {"n": Int64(1), "b": b"x"}
    assert rows(backend) == []


def test_the_frames_of_a_nested_failure_are_those_of_the_outer_handler(backend):
    message = backend.mutation("m:let_it_fail").error.message
    assert message.count("    at ") == 1
    line = Functions.let_it_fail.handler.__code__.co_firstlineno + 3
    assert f"    at handler (../convex/m.ts:{line}:" in message


def test_a_nested_result_is_refused_after_the_writes_were_taken_over(backend):
    outcome = backend.mutation("m:catch", {"call": "m:add_and_return_text"})
    assert outcome.value["text"].startswith("ReturnsValidationError: ")
    assert rows(backend) == ["before", "kept", "after"]


def test_reads_of_a_failed_nested_mutation_still_count(backend):
    pending = backend.begin_mutation("m:catch", {"call": "m:add_and_throw"})
    backend.mutation("m:add", {"name": "meanwhile"}).unwrap()
    outcome = pending.commit()
    assert outcome.value["seen"] == ["meanwhile", "before", "after"]


def test_eight_nested_levels_are_allowed_and_the_ninth_is_refused(backend):
    assert backend.query("m:down", {"level": 8}).value == "bottom"
    error = backend.query("m:down", {"level": 9}).error
    assert "Cross component call depth limit exceeded. Do you have an infinite loop" in (
        error.message
    )


@pytest.mark.parametrize(
    ("path", "args", "text"),
    [
        ("m:nope", None, "Could not find public function for 'm:nope'."),
        ("m:add", None, "Trying to execute m.js:add as Query, but it is defined as Mutation."),
        ("no path", None, "no path is not a valid path to a Convex function."),
        ("m:ask", [1], "Expected to receive an object as the function's argument."),
        ("m:ask", {}, "Uncaught KeyError: 'path'"),
    ],
)
def test_what_cannot_be_called_is_an_error_that_the_caller_may_catch(backend, path, args, text):
    assert text in backend.query("m:ask", {"path": path, "args": args}).unwrap()


@pytest.mark.parametrize("call", ["m:ask_a_mutation", "m:write"])
def test_a_query_cannot_write_by_any_way(backend, call):
    assert backend.query(call).error.headline.startswith("Uncaught AttributeError: ")
    assert rows(backend) == []


def test_a_mutation_cannot_call_an_action(backend):
    assert backend.mutation("m:ask_an_action").error.headline.startswith("Uncaught AttributeError")


def test_no_two_functions_share_an_argument_or_a_result(backend):
    assert backend.mutation("m:keep").value == [
        {"list": ["one"]},
        {"list": ["one", "two", "three"]},
    ]


def test_what_a_nested_query_reads_belongs_to_the_read_set(backend):
    read = backend.query("m:ask", {"path": "m:rows"})
    commits = []
    backend.subscribe_commits(commits.append)
    backend.mutation("m:add", {"name": "x"})
    assert read.read_set.touched_by(commits[0])


STEPS = st.recursive(
    st.lists(st.sampled_from(["a", "b", "throw"]), max_size=4),
    lambda inner: st.lists(inner | st.sampled_from(["a", "throw"]), max_size=4),
    max_leaves=12,
)


def model(steps, written, depth):
    """What is written in the end; ``None`` when it throws."""
    for step in steps:
        if step == "throw":
            return None
        if isinstance(step, str):
            written = [*written, step]
        else:
            inner = model(step, written, depth + 1)
            written = [*written, "caught"] if inner is None else inner
    return written


def nesting(steps):
    return 1 + max((nesting(step) for step in steps if not isinstance(step, str)), default=0)


@given(steps=STEPS.filter(lambda steps: nesting(steps) <= 8))
def test_any_tree_of_calls_that_throw_and_catch_keeps_what_a_copy_of_the_rows_would(steps):
    backend = Backend(APP)
    outcome = backend.mutation("m:program", {"steps": steps})
    expected = model(steps, [], 0)
    assert outcome.ok is (expected is not None)
    assert rows(backend) == (expected or [])
