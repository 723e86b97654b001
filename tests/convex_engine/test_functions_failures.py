"""What a client is told of a failure: the text, the frames, the data of a ConvexError."""

from __future__ import annotations

import asyncio
import re

import convex
import pytest

from codex_fakes.convex import (
    App,
    Backend,
    ConvexError,
    FailureKind,
    Int64,
    action,
    mutation,
    query,
    v,
)
from codex_runtime.values import Undefined

pytestmark = pytest.mark.anyio

FRAME = re.compile(r"    at (\w+) \(\.\./convex/([\w/]+)\.ts:(\d+):(\d+)\)")


def deep(levels):
    if levels:
        deep(levels - 1)
    raise RuntimeError("at the bottom")


class NoSuchRoomError(Exception):
    pass


class Rooms:
    @query
    def plain(ctx, args):
        raise Exception("No such room")  # noqa: TRY002 - what plain JavaScript throws

    @query
    def named(ctx, args):
        raise NoSuchRoomError("gone")

    @query
    def key(ctx, args):
        return {}["missing"]

    @query
    def helper(ctx, args):
        deep(int(args["levels"]))

    @mutation
    def app_error(ctx, args):
        raise ConvexError(args["data"])

    @mutation
    def official(ctx, args):
        raise convex.ConvexError("official", {"n": convex.ConvexInt64(7)})

    @mutation
    def official_without_a_value(ctx, args):
        raise convex.ConvexError("official", {1, 2})

    @mutation
    def call(ctx, args):
        return ctx.run_mutation(args["path"])

    @query
    def backend_made(ctx, args):
        ctx.db.get("not an id")

    @query
    def bad_result(ctx, args):
        return {"$x": 1}

    @query
    def passes_through(ctx, args):
        raise KeyboardInterrupt

    @query
    async def waits(ctx, args):
        await asyncio.sleep(0)

    @mutation
    async def waits_for_ever(ctx, args):
        ctx.db.insert("rows", {})
        await asyncio.get_running_loop().create_future()

    @mutation
    async def will_not_stop(ctx, args):
        try:
            await asyncio.sleep(0)
        except GeneratorExit:
            await asyncio.sleep(0)

    @query
    def rows(ctx, args):
        return ctx.db.query("rows").collect()

    @action
    async def act(ctx, args):
        await asyncio.sleep(0)
        raise ConvexError({"code": "E_ACT"})

    @query(args={"room": v.string()})
    def get(ctx, args):
        return None

    @query(returns=v.string())
    def wrong_result(ctx, args):
        return 3


@pytest.fixture
def backend():
    return Backend(App(modules={"chat/rooms": Rooms}))


def test_a_thrown_error_reads_uncaught_with_the_frame_of_the_handler(backend):
    error = backend.query("chat/rooms:plain").error
    assert error.headline == "Uncaught Error: No such room"
    line = Rooms.plain.handler.__code__.co_firstlineno + 2
    assert error.message == (
        f"Uncaught Error: No such room\n    at handler (../convex/chat/rooms.ts:{line}:9)\n"
    )
    assert error.kind is FailureKind.FUNCTION


def test_an_error_of_another_class_is_told_by_its_name(backend):
    assert backend.query("chat/rooms:named").error.headline == "Uncaught NoSuchRoomError: gone"
    assert backend.query("chat/rooms:key").error.headline == "Uncaught KeyError: 'missing'"


def test_the_frames_are_the_innermost_ten_without_any_path_of_the_machine(backend):
    few = FRAME.findall(backend.query("chat/rooms:helper", {"levels": 1}).error.message)
    assert [(name, file) for name, file, _, _ in few] == [
        ("deep", "test_functions_failures"),
        ("deep", "test_functions_failures"),
        ("handler", "chat/rooms"),
    ]
    many = backend.query("chat/rooms:helper", {"levels": 30}).error.message
    assert len(FRAME.findall(many)) == 10
    assert "site-packages" not in many
    assert "/tests/" not in many


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Room is full", "Room is full"),
        ({"code": "X", "n": 1.5}, '{"code":"X","n":1.5}'),
        (None, "null"),
        ([1, "a"], '[1,"a"]'),
    ],
)
def test_a_convex_error_carries_its_data_and_prints_it(backend, data, text):
    error = backend.mutation("chat/rooms:app_error", {"data": data}).error
    assert error.data == data
    assert error.headline == f"Uncaught ConvexError: {text}"


def test_the_data_of_a_convex_error_keeps_every_kind_of_value(backend):
    data = {"i": Int64(3), "b": b"x", "n": None}
    outcome = backend.mutation("chat/rooms:app_error", {"data": data})
    assert outcome.error.data == data
    with pytest.raises(ConvexError) as raised:
        outcome.unwrap()
    assert raised.value.data == data


def test_the_official_clients_convex_error_is_one_as_well(backend):
    error = backend.mutation("chat/rooms:official").error
    assert error.data == {"n": Int64(7)}
    assert error.headline.startswith("Uncaught ConvexError: ")


def test_an_official_error_whose_data_is_no_value_is_an_ordinary_error(backend):
    error = backend.mutation("chat/rooms:official_without_a_value").error
    assert isinstance(error.data, Undefined)
    assert error.headline == "Uncaught ConvexError: official"


@pytest.mark.parametrize(
    ("name", "headline"),
    [
        ("official", "Uncaught ConvexError: {"),
        ("official_without_a_value", "Uncaught Error: Uncaught ConvexError: official"),
    ],
)
def test_official_errors_cross_a_nested_call_as_ours_do(backend, name, headline):
    direct = backend.mutation(f"chat/rooms:{name}").error
    nested = backend.mutation("chat/rooms:call", {"path": f"chat/rooms:{name}"}).error
    assert nested.data == direct.data
    assert nested.headline.startswith(headline)


async def test_an_action_fails_with_its_data_too(backend):
    assert (await backend.action("chat/rooms:act")).error.data == {"code": "E_ACT"}


def test_what_the_database_refuses_inside_a_handler_is_thrown_there(backend):
    message = backend.query("chat/rooms:backend_made").error.message
    assert message.startswith("Uncaught Error: Invalid argument `id` for `db.get`")
    assert "    at handler (" in message


def test_what_the_backend_refuses_around_the_handler_has_no_frames(backend):
    for outcome in (backend.query("chat/rooms:get"), backend.query("chat/rooms:wrong_result")):
        assert outcome.error.message.split(":")[0] in {
            "ArgumentValidationError",
            "ReturnsValidationError",
        }
        assert "    at " not in outcome.error.message


def test_a_result_that_is_no_value_fails_the_function(backend):
    headline = backend.query("chat/rooms:bad_result").error.headline
    assert headline.startswith("Uncaught Error: ")
    assert "$x" in headline


def test_an_interrupt_is_no_outcome(backend):
    with pytest.raises(KeyboardInterrupt):
        backend.query("chat/rooms:passes_through")


@pytest.mark.parametrize("name", ["waits_for_ever", "will_not_stop"])
async def test_a_mutation_that_waits_is_ended_with_a_code_and_writes_nothing(backend, name):
    error = backend.mutation(f"chat/rooms:{name}").error
    assert "[E_FAKE_CONVEX_FOREIGN_AWAIT] chat/rooms.js:" in error.message
    assert error.cause.code == "E_FAKE_CONVEX_FOREIGN_AWAIT"
    assert backend.query("chat/rooms:rows").value == []


def test_a_query_that_waits_is_ended_with_a_code_without_an_event_loop(backend):
    assert "[E_FAKE_CONVEX_FOREIGN_AWAIT]" in backend.query("chat/rooms:waits").error.message
