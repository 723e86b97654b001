"""Python functions as tools of the model: their schemas, and whatever they do when called."""

import asyncio
import dataclasses
from typing import Literal

import pytest

from codex_fakes.script import CallTool, Say, Wait
from codex_runtime.host.common import HostError
from codex_runtime.host.tools import ToolBox
from support.host_world import world

pytestmark = pytest.mark.anyio


def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


async def told(tool, arguments):
    """What the model is told when it calls a tool, and whether it went well."""
    result = await ToolBox({"t": tool}).run("t", arguments)
    (item,) = result.content_items
    return item.text, result.success


def test_a_tool_is_described_by_its_docstring_and_its_type_hints():
    (tool,) = ToolBox({"add": add}).definitions
    assert (tool.name, tool.description) == ("add", "Add two numbers.")
    schema = tool.input_schema
    assert schema["required"] == ["a"]
    assert schema["properties"] == {
        "a": {"type": "integer"},
        "b": {"type": "integer", "default": 1},
    }
    assert schema["additionalProperties"] is False


def test_types_within_types_are_described_in_the_schema_itself():
    @dataclasses.dataclass
    class Point:
        x: float

    def move(to: list[Point], how: Literal["fast", "slow"]) -> None:
        """Move."""

    move.__annotations__ = {"to": list[Point], "how": Literal["fast", "slow"], "return": None}
    (tool,) = ToolBox({"move": move}).definitions
    assert tool.input_schema["properties"]["how"] == {"enum": ["fast", "slow"]}
    assert tool.input_schema["$defs"]["Point"]["properties"] == {"x": {"type": "number"}}


def _without_hint(a):
    return a


def _with_rest(*rest: int):
    return rest


def _not_json(a: object, b: complex):
    return a, b


def _of_a_type_that_is_not_there(a: "Nothing"):  # noqa: F821 - this is what it is about
    return a


def _odd_default(a: list[int] = [1]):  # noqa: B006 - this is what it is about
    return a


@pytest.mark.parametrize(
    "tool", [_without_hint, _with_rest, _not_json, _of_a_type_that_is_not_there, _odd_default]
)
def test_a_tool_that_cannot_be_described_is_refused_when_it_is_registered(tool):
    with pytest.raises(HostError) as refused:
        ToolBox({"t": tool})
    assert refused.value.code == "E_RUNTIME_CONFIG_INVALID"


@pytest.mark.parametrize("name", ["", "my tool", "ä", "a.b", "a\n"])
def test_a_tool_has_a_name_that_codex_takes(name):
    with pytest.raises(HostError) as refused:
        ToolBox({name: add})
    assert refused.value.code == "E_RUNTIME_CONFIG_INVALID"


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("as it is", "as it is"),
        (3, "3"),
        (None, "null"),
        ({"a": [1]}, '{"a":[1]}'),
        (b"\0", '"AA=="'),
    ],
)
async def test_what_a_tool_returns_is_told(result, text):
    def plain():
        return result

    async def slow():
        await asyncio.sleep(0)
        return result

    assert await told(plain, {}) == (text, True)
    assert await told(slow, None) == (text, True)


@pytest.mark.parametrize("arguments", [{}, {"a": "x"}, {"a": 1, "c": 2}, [1], "text", 7])
async def test_a_call_that_does_not_fit_is_told(arguments):
    text, success = await told(add, arguments)
    assert not success
    assert text.startswith("ValidationError: ")


@pytest.mark.parametrize("odd", [object(), {1, object()}])
async def test_a_result_that_is_no_json_is_told_as_a_failure(odd):
    assert (await told(lambda: odd, {}))[1] is False


async def test_a_tool_that_raises_is_told_as_a_failure():
    def breaks():
        raise RuntimeError("mine")

    assert await told(breaks, {}) == ("RuntimeError: mine", False)


@pytest.mark.parametrize("raises", [False, True])
async def test_half_a_character_is_told_so_that_it_can_be_sent(raises):
    def odd():
        if raises:
            raise ValueError("\ud800")
        return "\ud800"

    text, success = await told(odd, {})
    assert text.encode()
    assert success is not raises


# In a turn.


async def played(w):
    """Send a turn and let it end; give what the model said last."""
    await w.runtime.open_thread("start", persisted_conversation_id="c")
    await w.runtime.send_turn("hi")
    await w.until(lambda: "turn/completed" in w.kinds())
    await w.settled()
    return (await w.messages("c"))[-1]


async def test_a_tool_whose_own_wait_is_cancelled_answers_the_model(tmp_path):
    async def cancelled():
        raise asyncio.CancelledError

    async with world(tmp_path, CallTool("t", {}), Say("on"), tools={"t": cancelled}) as w:
        assert await played(w) == ("assistant", "on", "completed")
        assert w.reports == []


async def test_a_tool_that_hangs_is_cancelled_with_its_turn(tmp_path):
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hangs():
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with world(tmp_path, CallTool("t", {}), Say("x"), tools={"t": hangs}) as w:
        await w.runtime.open_thread("start", persisted_conversation_id="c")
        await w.runtime.send_turn("hi")
        async with asyncio.timeout(10):
            await begun.wait()
            await w.runtime.interrupt()
            await ended.wait()
        await w.settled()
        assert not w.runtime.get_state().turn_in_flight
        assert w.runtime.get_state().pending_server_request_count == 0


async def test_a_tool_that_hangs_does_not_keep_the_runtime_from_stopping(tmp_path):
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hangs():
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with world(tmp_path, CallTool("t", {}), Say("x"), tools={"t": hangs}) as w:
        await w.runtime.open_thread("start", persisted_conversation_id="c")
        await w.runtime.send_turn("hi")
        async with asyncio.timeout(10):
            await begun.wait()
            await w.runtime.stop()
        assert ended.is_set()


async def test_a_tool_may_use_the_runtime_that_calls_it(tmp_path):
    seen = []

    async def looks():
        seen.append(runtime.get_state().turn_in_flight)
        await runtime.steer_turn("more")
        return "done"

    async with world(tmp_path, CallTool("t", {}), (Wait("g"), Say("on")), tools={"t": looks}) as w:
        runtime = w.runtime
        await runtime.open_thread("start", persisted_conversation_id="c")
        await runtime.send_turn("hi")
        await w.until(lambda: seen == [True])
        w.codex.gates.open("g")
        await w.until(lambda: "turn/completed" in w.kinds())
        await w.settled()
        assert w.reports == []
