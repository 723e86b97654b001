"""Log lines: how they are written, in which order they come, and how many there may be."""

from __future__ import annotations

import math

import pytest

from codex_fakes.convex import (
    UNDEFINED,
    App,
    Backend,
    FunctionError,
    Int64,
    Limits,
    action,
    mutation,
    query,
)
from codex_fakes.convex.engine.functions.logs import inspect

pytestmark = pytest.mark.anyio


class Functions:
    @query
    def say(ctx, args):
        for value in args["values"]:
            ctx.log(value)

    @query
    def levels(ctx, args):
        ctx.log("a", 1)
        ctx.log.debug("b")
        ctx.log.info("c")
        ctx.log.warning("d")
        ctx.log.error("e")

    @mutation
    def around(ctx, args):
        ctx.log("before")
        ctx.run_query("m:say", {"values": ["inside"]})
        ctx.log("after")
        raise RuntimeError("logs stay")

    @mutation
    def catching(ctx, args):
        try:
            ctx.run_mutation("m:around")
        except FunctionError as error:
            ctx.log("caught", str(error))

    @action
    async def act(ctx, args):
        ctx.log("before")
        await ctx.run_query("m:say", {"values": ["inside"]})
        await ctx.run_action("m:sub")
        ctx.log("after")

    @action
    async def sub(ctx, args):
        ctx.log.warning("sub")

    @query
    def many(ctx, args):
        for number in range(int(args["own"])):
            ctx.log(number)
        ctx.run_query("m:say", {"values": ["nested"] * int(args["nested"])})


APP = App(modules={"m": Functions})


@pytest.fixture
def backend():
    return Backend(APP)


def test_lines_have_their_level_and_their_values_as_the_console_writes_them(backend):
    assert backend.query("m:levels").log_lines == (
        "[LOG] 'a' 1",
        "[DEBUG] 'b'",
        "[INFO] 'c'",
        "[WARN] 'd'",
        "[ERROR] 'e'",
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (UNDEFINED, "undefined"),
        (True, "true"),
        (False, "false"),
        (3.0, "3"),
        (3, "3"),
        (0.5, "0.5"),
        (-0.0, "-0"),
        (1e21, "1e+21"),
        (-1.5e300, "-1.5e+300"),
        (123456789012345680000.0, "123456789012345683968"),
        (0.00001, "0.00001"),
        (-1.25e-6, "-0.00000125"),
        (1e-7, "1e-7"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (Int64(-3), "-3n"),
        ("it's\n", "'it\\'s\\n'"),
        (b"abc", "ArrayBuffer { byteLength: 3 }"),
        ([], "[]"),
        ([1, "a"], "[ 1, 'a' ]"),
        ({}, "{}"),
        ({1}, "{1}"),
        ({"a": 1, "b-c": [None]}, "{ a: 1, 'b-c': [ null ] }"),
    ],
)
def test_a_value_is_written_as_the_console_writes_it(value, text):
    assert inspect(value) == text


def test_lines_of_nested_calls_stand_where_they_were_logged_and_failures_keep_theirs(backend):
    failed = backend.mutation("m:around")
    assert failed.log_lines == ("[LOG] 'before'", "[LOG] 'inside'", "[LOG] 'after'")
    caught = backend.mutation("m:catching")
    assert caught.log_lines[:3] == failed.log_lines
    assert caught.log_lines[3].startswith("[LOG] 'caught' '")


async def test_lines_of_the_calls_of_an_action_stand_among_its_own(backend):
    assert (await backend.action("m:act")).log_lines == (
        "[LOG] 'before'",
        "[LOG] 'inside'",
        "[WARN] 'sub'",
        "[LOG] 'after'",
    )


@pytest.mark.parametrize(("own", "nested"), [(255, 0), (0, 255), (100, 155)])
def test_255_lines_are_kept(backend, own, nested):
    lines = backend.query("m:many", {"own": own, "nested": nested}).log_lines
    assert len(lines) == 255
    assert "overflow" not in lines[-1]


@pytest.mark.parametrize(("own", "nested"), [(256, 0), (255, 1), (0, 300), (300, 300)])
def test_the_256th_line_says_that_there_were_more(backend, own, nested):
    lines = backend.query("m:many", {"own": own, "nested": nested}).log_lines
    assert len(lines) == 256
    assert lines[-1] == "[ERROR] Log overflow (maximum 256). Remaining log lines omitted."


def test_a_line_of_the_largest_length_is_kept_and_a_longer_one_is_cut_to_it():
    backend = Backend(APP, limits=Limits(log_line_length=40))
    fits, cut = backend.query("m:say", {"values": ["x" * 38, "x" * 39]}).log_lines
    assert fits == f"[LOG] '{'x' * 38}'"
    assert cut == "[LOG] '" + "x" * (39 - len(" (truncated due to length)")) + (
        " (truncated due to length)"
    )
    assert len(cut) == len(fits)


def test_convex_allows_lines_of_32768_characters(backend):
    fits, cut = backend.query("m:say", {"values": ["x" * 32_766, "x" * 32_767]}).log_lines
    assert fits.endswith("x'")
    assert cut.endswith(" (truncated due to length)")
