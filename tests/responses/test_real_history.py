"""What the real binary tells its model after interrupts, steers, restarts and the like.

``scripted`` fails a test when the server has found a request that breaks an invariant, so each of
these is also a proof that the invariants hold there.
"""

from __future__ import annotations

import json

import pytest

from codex_fakes.responses.exchange import Outcome
from codex_fakes.responses.requests import item_text
from codex_fakes.script import Patch, Run, Say, Usage, Wait

from .raw_codex import scripted, started

pytestmark = [pytest.mark.anyio, pytest.mark.real]

HELD = (Say(text=("partial ", "text"), left_open=True), Wait(gate="g"), Say(text=" end"))


def told(request):
    """The conversation of a request, from the first user message on, in short."""
    short = []
    for item in request.items:
        kind = item["type"]
        if kind == "message":
            role, text = item["role"], item_text(item)
            if role != "developer" and not text.startswith("<environment_context>"):
                short.append(f"{role}: {text}")
        else:
            short.append(f"{kind} {item['call_id']}")
    return short


def text_input(thread, turn, text):
    return {
        "threadId": thread,
        "expectedTurnId": turn,
        "input": [{"type": "text", "text": text}],
    }


async def interrupt(codex, thread, turn):
    await codex.request("turn/interrupt", {"threadId": thread, "turnId": turn})
    assert (await codex.turn_ended(turn))["status"] == "interrupted"


async def test_an_interrupt_cuts_the_stream_and_its_partial_message_is_forgotten(tmp_path):
    async with scripted(tmp_path, HELD, Say(text="after")) as (codex, server):
        thread = await codex.thread()
        turn = await codex.start_turn(thread, "one")
        await codex.notified("item/agentMessage/delta", delta="text")
        await server.gates.reached("g")
        await interrupt(codex, thread, turn)
        assert (await server.exchange_ended(1)).outcome is Outcome.LEFT
        assert codex.items(turn, "agentMessage") == []
        await codex.turn(thread, "two")
        one, aborted, two = told(server.requests[1])
        assert (one, two) == ("user: one", "user: two")
        assert aborted.startswith("user: <turn_aborted>")
        assert server.requests[1].user_text == "two"


@pytest.mark.parametrize(
    ("step", "method", "kind"),
    [
        (Run(command="touch x"), "item/commandExecution/requestApproval", "function_call"),
        (
            Patch(patch="*** Begin Patch\n*** Add File: x\n+x\n*** End Patch\n"),
            "item/fileChange/requestApproval",
            "custom_tool_call",
        ),
    ],
)
async def test_an_interrupted_approval_leaves_a_call_with_an_output(tmp_path, step, method, kind):
    async with scripted(tmp_path, step, Say(text="after")) as (codex, server):
        thread = await codex.thread(approvalPolicy="untrusted")
        turn = await codex.start_turn(thread, "one")
        await codex.notified(method)
        await interrupt(codex, thread, turn)
        await codex.turn(thread, "two")
        assert told(server.requests[1])[:3] == [
            "user: one", f"{kind} call_0_0", f"{kind}_output call_0_0",
        ]  # fmt: skip
        assert "aborted" in server.requests[1].outputs["call_0_0"]


async def test_a_steer_cuts_the_stream_and_asks_again(tmp_path):
    async with scripted(tmp_path, HELD, Say(text="steered")) as (codex, server):
        thread = await codex.thread()
        turn = await codex.start_turn(thread, "one")
        await codex.notified("item/agentMessage/delta", delta="text")
        await codex.request("turn/steer", text_input(thread, turn, "actually B"))
        assert (await codex.turn_ended(turn))["items"][0]["text"] == "steered"
        assert (await server.exchange_ended(1)).outcome is Outcome.LEFT
        assert told(server.requests[1]) == ["user: one", "user: actually B"]


async def test_a_call_that_was_whole_survives_the_steer_that_cut_its_response(tmp_path):
    steps = (Run(command="echo hi"), *HELD)
    async with scripted(tmp_path, steps, Say(text="steered")) as (codex, server):
        thread = await codex.thread()
        turn = await codex.start_turn(thread, "one")
        await codex.notified("item/agentMessage/delta", delta="text")
        await codex.request("turn/steer", text_input(thread, turn, "B"))
        await codex.turn_ended(turn)
        assert told(server.requests[1]) == [
            "user: one", "function_call call_0_0", "function_call_output call_0_0", "user: B",
        ]  # fmt: skip


async def test_a_killed_app_server_repairs_the_call_that_hung(tmp_path):
    async with scripted(tmp_path, Run(command="touch x"), Say(text="resumed")) as (codex, server):
        thread = await codex.thread(approvalPolicy="untrusted")
        await codex.start_turn(thread, "one")
        await codex.notified("item/commandExecution/requestApproval")
        codex.process.kill()
        await codex.process.wait()
        async with started(codex.home, codex.cwd) as again:
            await again.request("thread/resume", {"threadId": thread, "excludeTurns": True})
            assert (await again.turn(thread, "two"))["status"] == "completed"
        assert server.requests[1].outputs == {"call_0_0": "aborted"}


async def test_another_server_takes_a_history_it_does_not_know_when_told_to(tmp_path):
    async with scripted(tmp_path, Run(command="true"), Say(text="done")) as (codex, _):
        thread = await codex.thread()
        await codex.turn(thread, "one")
    async with scripted(tmp_path, Say(text="x"), known_history=False) as (codex, server):
        await codex.request("thread/resume", {"threadId": thread, "excludeTurns": True})
        await codex.turn(thread, "two")
        assert "call_0_0" in server.requests[0].outputs
    async with scripted(tmp_path, Say(text="x"), allow_problems=True) as (codex, server):
        await codex.request("thread/resume", {"threadId": thread, "excludeTurns": True})
        await codex.turn(thread, "three")
        assert [problem.text for problem in server.problems] == [
            "the call 'call_0_0' was never made"
        ]


async def test_compaction_starts_another_window(tmp_path):
    rows = (Run(command="true"), Say(text="done"), Say(text="SUMMARY"), Say(text="after"))
    async with scripted(tmp_path, *rows) as (codex, server):
        thread = await codex.thread()
        await codex.turn(thread, "one")
        seen = len(codex.messages)
        await codex.request("thread/compact/start", {"threadId": thread})
        await codex.notified("turn/completed", seen)
        await codex.turn(thread, "two")
        assert [request.kind for request in server.requests] == [
            "turn", "turn", "compaction", "turn",
        ]  # fmt: skip
        windows = [request.window_id for request in server.requests]
        assert windows[0] == windows[2] != windows[3]
        assert server.requests[3].outputs == {}


async def test_a_full_context_is_compacted_before_the_next_turn(tmp_path):
    full = (Say(text="one"), Usage(input=600, cached=0, output=20, reasoning=0))
    limits = {"model_auto_compact_token_limit": 500, "model_context_window": 2000}
    rows = (full, Say(text="SUMMARY"), Say(text="two"))
    async with scripted(tmp_path, *rows, settings={"extra": limits}) as (codex, server):
        thread = await codex.thread()
        await codex.turn(thread, "a")
        assert (await codex.turn(thread, "b"))["items"][0]["text"] == "two"
        assert [request.kind for request in server.requests] == ["turn", "compaction", "turn"]


async def test_a_revert_cuts_turns_off_and_a_fork_has_the_same_history(tmp_path):
    rows = (Say(text="1"), Run(command="true"), Say(text="2"), Say(text="3"), Say(text="4"))
    async with scripted(tmp_path, *rows) as (codex, server):
        thread = await codex.thread()
        await codex.turn(thread, "a")
        second = await codex.turn(thread, "b", approvalPolicy="never")
        await codex.request("thread/revert", {"threadId": thread, "beforeTurnId": second["id"]})
        await codex.turn(thread, "c")
        assert told(server.requests[3]) == ["user: a", "assistant: 1", "user: c"]
        forked = await codex.request("thread/fork", {"threadId": thread, "excludeTurns": True})
        await codex.turn(forked["thread"]["id"], "d")
        assert told(server.requests[4]) == [
            "user: a", "assistant: 1", "user: c", "assistant: 3", "user: d",
        ]  # fmt: skip


async def test_a_review_is_a_conversation_of_its_own(tmp_path):
    verdict = {
        "findings": [],
        "overall_correctness": "patch is correct",
        "overall_explanation": "fine",
        "overall_confidence_score": 0.9,
    }
    rows = (Say(text="prior"), Say(text=json.dumps(verdict)), Say(text="after"))
    async with scripted(tmp_path, *rows) as (codex, server):
        thread = await codex.thread()
        await codex.turn(thread, "a")
        seen = len(codex.messages)
        target = {"type": "custom", "instructions": "look"}
        await codex.request("review/start", {"threadId": thread, "target": target})
        await codex.notified("turn/completed", seen)
        await codex.turn(thread, "b")
        threads = [request.thread_id for request in server.requests]
        assert threads[0] == threads[2] == thread != threads[1]
        assert server.requests[2].user_text == "b"
