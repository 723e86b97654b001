"""Which response comes next, with which ids, and how gates open."""

from __future__ import annotations

import asyncio

import pytest

from codex_fakes.script import (
    Gates,
    Patch,
    Response,
    Run,
    Say,
    Script,
    ScriptPlayer,
    Think,
    Wait,
    gate_names,
    script,
)
from codex_runtime.errors import ConfigurationError

pytestmark = pytest.mark.anyio


def test_a_response_is_handed_out_once():
    player = ScriptPlayer(script(Say(text="a"), Say(text="b")))
    assert [player.next_response("").steps[0].text for _ in range(2)] == ["a", "b"]
    assert player.left == 0
    with pytest.raises(ConfigurationError) as caught:
        player.next_response("again")
    assert caught.value.code == "E_SCRIPT_EXHAUSTED"


def test_a_response_waits_for_the_message_it_is_meant_for():
    player = ScriptPlayer(script(Response(steps=(Say(text="x"),), when="bravo"), Say(text="any")))
    assert player.next_response("alpha").number == 1
    assert player.next_response("say bravo").number == 0


def test_a_repeated_response_has_new_ids_each_time():
    steps = (Say(text="a"), Think(), Run(command="ls"), Patch(patch="p"))
    player = ScriptPlayer(script(Response(steps=steps, repeat=True)))
    first, second = player.next_response(""), player.next_response("")
    assert [_id(step) for step in first.steps] == ["msg_0_0", "rs_0_1", "call_0_2", "call_0_3"]
    assert [_id(step) for step in second.steps] == [
        "msg_0_0_1", "rs_0_1_1", "call_0_2_1", "call_0_3_1",
    ]  # fmt: skip
    assert (first.id, second.id) == ("resp_0_0", "resp_0_1")


def _id(step):
    return getattr(step, "item_id", None) or step.call_id


def test_a_continued_message_keeps_its_id_and_phase():
    opened = Say(text="a", left_open=True, phase="commentary")
    planned = ScriptPlayer(
        script((opened, Wait(gate="g"), Say(text="b"), Say(text="c")))
    ).next_response("")
    said = [step for step in planned.steps if isinstance(step, Say)]
    assert [step.item_id for step in said] == ["msg_0_0", "msg_0_0", "msg_0_3"]
    assert [step.phase for step in said] == ["commentary", "commentary", None]


def test_an_id_of_its_own_is_kept():
    planned = ScriptPlayer(script((Say(text="a", item_id="m"), Run(command="x", call_id="c"))))
    steps = planned.next_response("").steps
    assert [_id(step) for step in steps] == ["m", "c"]


def test_echo_says_the_users_text_back():
    player = ScriptPlayer(Script(otherwise="echo"))
    planned = [player.next_response(text) for text in ("one", "two")]
    assert [p.steps[0].text for p in planned] == ["one", "two"]
    assert [p.id for p in planned] == ["resp_echo_0", "resp_echo_1"]
    assert [p.steps[0].item_id for p in planned] == ["msg_echo_0", "msg_echo_0_1"]


def test_headers_travel_with_the_response():
    player = ScriptPlayer(script(Response(steps=(), headers={"x-a": "b"})))
    assert player.next_response("").headers == {"x-a": "b"}


def test_gates_are_named_once_in_the_order_of_the_script():
    gates = (Wait(gate="b"), Wait(gate="a"), Wait(gate="b"))
    assert gate_names(script(gates, Wait(gate="c"))) == ("b", "a", "c")


async def test_a_gate_holds_until_it_is_opened():
    gates = Gates(["g"])
    passing = asyncio.create_task(gates.passed("g"))
    await gates.reached("g")
    assert gates.is_reached("g")
    assert not passing.done()
    gates.open("g")
    await passing
    await gates.passed("g")


async def test_a_gate_nobody_comes_to_times_out_with_a_code():
    with pytest.raises(ConfigurationError) as caught:
        await Gates(["g"]).reached("g", timeout=0)
    assert caught.value.code == "E_SCRIPT_WAIT_TIMEOUT"


async def test_an_unknown_gate_is_refused():
    gates = Gates(["g"])
    for use in (gates.open, lambda name: gates.arrive(name, lambda: None)):
        with pytest.raises(ConfigurationError) as caught:
            use("h")
        assert caught.value.code == "E_SCRIPT_GATE_UNKNOWN"
    with pytest.raises(ConfigurationError):
        await gates.reached("h")


async def test_a_gate_survives_whoever_gave_up_waiting():
    gates = Gates(["g"])
    passing = asyncio.create_task(gates.passed("g"))
    await gates.reached("g")
    passing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await passing
    gates.open_all()
    assert gates.is_open("g")
