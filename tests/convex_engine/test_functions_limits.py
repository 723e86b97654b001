"""Every limit on calls: what is just within it, and one more (FACTS §5.6)."""

from __future__ import annotations

import pytest

from codex_fakes.convex import App, Backend, FailureKind, FunctionError, Limits, mutation, query
from codex_runtime.values import size_of

pytestmark = pytest.mark.anyio


class Functions:
    @query
    def take(ctx, args):
        return None

    @query
    def give(ctx, args):
        return "x" * int(args["length"])

    @query
    def forward(ctx, args):
        return ctx.run_query(args["to"], args["args"])

    @query
    def give_too_much(ctx, args):
        ctx.run_query("m:take", {"x": "y" * int(args["length"])})

    @query
    def take_too_much(ctx, args):
        ctx.run_query("m:give", {"length": args["length"]})

    @mutation
    def schedule(ctx, args):
        for _ in range(int(args["times"])):
            ctx.scheduler.run_after(0, "m:noop", {"x": "y" * int(args.get("length", 0))})

    @mutation
    def noop(ctx, args):
        return None

    @mutation
    def schedule_and_roll_back(ctx, args):
        for _ in range(int(args["rounds"])):
            try:
                ctx.run_mutation("m:schedule_and_throw", args)
            except FunctionError as error:
                caught = error
        ctx.run_mutation("m:schedule", args)
        return str(caught)

    @mutation
    def schedule_and_throw(ctx, args):
        ctx.run_mutation("m:schedule", args)
        raise RuntimeError("roll back")


APP = App(modules={"m": Functions})
MIB = 1 << 20
EMPTY = size_of({"x": ""})


def failure(outcome):
    assert not outcome.ok
    return outcome.error


def test_arguments_of_16_mib_are_accepted_and_one_byte_more_is_not():
    backend = Backend(APP)
    room = 16 * MIB - EMPTY
    assert backend.query("m:take", {"x": "y" * room}).ok
    error = failure(backend.query("m:take", {"x": "y" * (room + 1)}))
    assert error.kind is FailureKind.TOO_LARGE
    assert error.message == (
        "Arguments for m.js:take are too large (actual: 16 MiB, limit: 16 MiB)\n"
    )


def test_the_size_of_too_large_arguments_is_told():
    backend = Backend(APP, limits=Limits(arguments_bytes=1024))
    error = failure(backend.query("m:take", {"x": "y" * 1536}))
    assert "(actual: 1.51 KiB, limit: 1 KiB)" in error.message


def test_a_result_of_16_mib_is_accepted_and_one_byte_more_is_not():
    backend = Backend(APP)
    assert backend.query("m:give", {"length": 16 * MIB - 2}).ok
    error = failure(backend.query("m:give", {"length": 16 * MIB - 1}))
    assert error.kind is FailureKind.TOO_LARGE
    assert error.message.startswith("Function m.js:give return value is too large (actual: 16 MiB")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("give_too_much", "Arguments for m.js:take are too large (actual: 101 B, limit: 100 B)"),
        ("take_too_much", "Function m.js:give return value is too large (actual: 101 B, limit: "),
    ],
)
def test_nested_arguments_and_results_have_the_same_limits_and_the_caller_gets_the_error(
    name, text
):
    backend = Backend(APP, limits=Limits(arguments_bytes=100, return_bytes=100))
    overhead = EMPTY if name == "give_too_much" else 2
    assert backend.query(f"m:{name}", {"length": 100 - overhead}).ok
    error = failure(backend.query(f"m:{name}", {"length": 101 - overhead}))
    assert error.headline.startswith(f"Uncaught Error: {text}")


def test_a_thousand_functions_may_be_scheduled_and_one_more_may_not():
    backend = Backend(APP)
    assert backend.mutation("m:schedule", {"times": 1000}).ok
    before = backend.ts
    error = failure(backend.mutation("m:schedule", {"times": 1001}))
    assert "Too many functions scheduled by this mutation (limit: 1000)" in error.message
    assert backend.ts == before


def test_16_mib_of_scheduled_arguments_are_accepted_and_one_byte_more_is_not():
    backend = Backend(APP)
    half = 8 * MIB - EMPTY
    assert backend.mutation("m:schedule", {"times": 2, "length": half}).ok
    error = failure(backend.mutation("m:schedule", {"times": 2, "length": half + 1}))
    assert "(limit: 16777216 bytes)" in error.message


def test_what_a_rolled_back_call_scheduled_does_not_count():
    backend = Backend(APP, limits=Limits(functions_scheduled=3))
    outcome = backend.mutation("m:schedule_and_roll_back", {"times": 3, "rounds": 3})
    assert "roll back" in outcome.unwrap()


def test_the_depth_of_calls_can_be_lowered():
    backend = Backend(APP, limits=Limits(call_depth=1))
    once = {"to": "m:take", "args": {}}
    assert backend.query("m:forward", once).ok
    error = failure(backend.query("m:forward", {"to": "m:forward", "args": once}))
    assert "Cross component call depth limit exceeded." in error.message


@pytest.mark.parametrize("levels", [64, 65])
def test_arguments_may_be_nested_64_levels_deep(levels):
    value = None
    for _ in range(levels - 1):
        value = [value]
    outcome = Backend(APP).query("m:take", {"x": value})
    assert outcome.ok is (levels == 64)
    if not outcome.ok:
        assert "Value is too nested (nested 65 levels deep > maximum nesting 64)" in (
            outcome.error.message
        )
