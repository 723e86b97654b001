"""The real binary plays a script: what the model does is what the client sees."""

from __future__ import annotations

import pytest

from codex_fakes.responses.exchange import Outcome
from codex_fakes.script import (
    Ask,
    CallTool,
    Option,
    Patch,
    Question,
    Response,
    Run,
    Say,
    Think,
    TypeInto,
    Usage,
    Wait,
)

from .raw_codex import scripted

pytestmark = [pytest.mark.anyio, pytest.mark.real]

NO_SANDBOX = {"sandbox_mode": "danger-full-access", "approval_policy": "never"}
ADD = "*** Begin Patch\n*** Add File: new.txt\n+one\n+two\n*** End Patch\n"


def methods(codex, turn, *prefixes):
    return [
        message["method"]
        for message in codex.messages
        if message.get("method", "").startswith(prefixes)
        and message["params"].get("turnId") == turn["id"]
    ]


def deltas(codex, method, turn):
    return [params["delta"] for params in codex.of(method, turnId=turn["id"])]


async def test_a_message_arrives_delta_by_delta(tmp_path):
    said = Say(text=("Hel", "lo", " world"), phase="final_answer", item_id="msg_x")
    async with scripted(tmp_path, (said, Usage(input=7, cached=3, output=5, reasoning=2))) as (
        codex,
        server,
    ):
        turn = await codex.turn(await codex.thread())
        assert turn["status"] == "completed"
        assert deltas(codex, "item/agentMessage/delta", turn) == ["Hel", "lo", " world"]
        (item,) = codex.items(turn["id"], "agentMessage")
        assert (item["id"], item["text"], item["phase"]) == (
            "msg_x", "Hello world", "final_answer",
        )  # fmt: skip
        (usage,) = codex.of("thread/tokenUsage/updated", turnId=turn["id"])
        assert usage["tokenUsage"]["last"] == {
            "totalTokens": 12, "inputTokens": 7, "cachedInputTokens": 3,
            "cacheWriteInputTokens": 0, "outputTokens": 5, "reasoningOutputTokens": 2,
        }  # fmt: skip
        assert server.player.left == 0
        assert server.other_requests == ()


async def test_reasoning_arrives_in_parts_and_raw(tmp_path):
    think = Think(summary=(("**Plan", "ning**"), "second"), raw=("raw ", "chain"))
    settings = {"extra": {"show_raw_agent_reasoning": True}}
    async with scripted(tmp_path, (think, Say(text="a")), settings=settings) as (codex, _):
        turn = await codex.turn(await codex.thread(), summary="detailed")
        parts = codex.of("item/reasoning/summaryPartAdded", turnId=turn["id"])
        assert [part["summaryIndex"] for part in parts] == [0, 1]
        assert deltas(codex, "item/reasoning/summaryTextDelta", turn) == [
            "**Plan", "ning**", "second",
        ]  # fmt: skip
        assert deltas(codex, "item/reasoning/textDelta", turn) == ["raw ", "chain"]
        (item,) = codex.items(turn["id"], "reasoning")
        assert (item["id"], item["summary"], item["content"]) == (
            "rs_0_0", ["**Planning**", "second"], ["raw chain"],
        )  # fmt: skip


async def test_a_command_waits_for_its_approval_and_really_runs(tmp_path):
    run = Run(command="touch made.txt", call_id="call_1")
    async with scripted(tmp_path, run, Say(text="done")) as (codex, server):
        codex.answers["item/commandExecution/requestApproval"] = {"decision": "accept"}
        turn = await codex.turn(await codex.thread(approvalPolicy="untrusted"))
        (asked,) = codex.of("item/commandExecution/requestApproval")
        assert (asked["itemId"], asked["kind"]) == ("call_1", "command")
        assert "touch made.txt" in asked["command"]
        (item,) = codex.items(turn["id"], "commandExecution")
        assert (item["id"], item["status"], item["exitCode"]) == ("call_1", "completed", 0)
        assert (tmp_path / "work" / "made.txt").exists()
        assert "Process exited with code 0" in server.requests[1].outputs["call_1"]


async def test_a_declined_command_does_not_run_and_the_model_is_told(tmp_path):
    async with scripted(tmp_path, Run(command="touch made.txt"), Say(text="ok")) as (codex, server):
        codex.answers["item/commandExecution/requestApproval"] = {"decision": "decline"}
        turn = await codex.turn(await codex.thread(approvalPolicy="untrusted"))
        (item,) = codex.items(turn["id"], "commandExecution")
        assert (turn["status"], item["status"]) == ("completed", "declined")
        assert not (tmp_path / "work" / "made.txt").exists()
        assert "rejected by user" in server.requests[1].outputs["call_0_0"]


async def test_a_command_that_asks_to_leave_the_sandbox_gives_its_reason(tmp_path):
    run = Run(command="touch made.txt", escalate="May I touch?")
    async with scripted(tmp_path, run, Say(text="done")) as (codex, _):
        codex.answers["item/commandExecution/requestApproval"] = {"decision": "accept"}
        await codex.turn(await codex.thread())
        (asked,) = codex.of("item/commandExecution/requestApproval")
        assert asked["reason"] == "May I touch?"


async def test_a_patch_changes_the_file(tmp_path):
    patch = Patch(patch=ADD, call_id="call_p")
    async with scripted(tmp_path, patch, Say(text="done")) as (codex, server):
        codex.answers["item/fileChange/requestApproval"] = {"decision": "accept"}
        turn = await codex.turn(await codex.thread(approvalPolicy="untrusted"))
        (item,) = codex.items(turn["id"], "fileChange")
        assert (item["id"], item["status"]) == ("call_p", "completed")
        assert item["changes"][0]["kind"]["type"] == "add"
        assert (tmp_path / "work" / "new.txt").read_text() == "one\ntwo\n"
        assert "A new.txt" in server.requests[1].outputs["call_p"]


async def test_a_patch_streams_as_it_is_written(tmp_path):
    settings = {"features": {"apply_patch_streaming_events": True}}
    async with scripted(tmp_path, Patch(patch=ADD), Say(text="x"), settings=settings) as (codex, _):
        turn = await codex.turn(await codex.thread())
        updates = codex.of("item/fileChange/patchUpdated", turnId=turn["id"])
        assert updates[-1]["changes"][0]["diff"] == "one\ntwo\n"
        assert len(updates) > 1


async def test_an_invalid_patch_is_told_to_the_model_only(tmp_path):
    async with scripted(tmp_path, Patch(patch="no patch"), Say(text="x")) as (codex, server):
        turn = await codex.turn(await codex.thread())
        assert codex.items(turn["id"], "fileChange") == []
        assert "call_0_0" in server.requests[1].outputs


async def test_a_tool_of_the_client_is_called(tmp_path):
    tool = {
        "type": "function", "name": "lookup", "description": "d",
        "inputSchema": {"type": "object", "properties": {"q": {"type": "string"}}},
    }  # fmt: skip
    call = CallTool(tool="lookup", arguments={"q": "abc"}, call_id="call_d")
    async with scripted(tmp_path, call, Say(text="done")) as (codex, server):
        codex.answers["item/tool/call"] = lambda params: {
            "contentItems": [{"type": "inputText", "text": params["arguments"]["q"] + "!"}],
            "success": True,
        }
        turn = await codex.turn(await codex.thread(dynamicTools=[tool]))
        (item,) = codex.items(turn["id"], "dynamicToolCall")
        assert (item["id"], item["status"]) == ("call_d", "completed")
        assert server.requests[1].outputs["call_d"] == "abc!"


async def test_a_tool_in_a_namespace_is_called(tmp_path):
    inner = {"type": "function", "name": "t1", "description": "d", "inputSchema": {
        "type": "object", "properties": {}}}  # fmt: skip
    tool = {"type": "namespace", "name": "ns", "description": "d", "tools": [inner]}
    async with scripted(tmp_path, CallTool(tool="t1", namespace="ns"), Say(text="x")) as (codex, _):
        codex.answers["item/tool/call"] = {"contentItems": [], "success": True}
        await codex.turn(await codex.thread(dynamicTools=[tool]))
        (asked,) = codex.of("item/tool/call")
        assert (asked["namespace"], asked["tool"]) == ("ns", "t1")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (CallTool(tool="nonsense"), "unsupported call: nonsense"),
        (CallTool(tool="exec_command", arguments="{no json"), "failed to parse"),
    ],
)
async def test_a_call_that_codex_refuses_is_told_to_the_model(tmp_path, call, told):
    async with scripted(tmp_path, call, Say(text="x")) as (codex, server):
        turn = await codex.turn(await codex.thread())
        assert turn["status"] == "completed"
        assert told in server.requests[1].outputs["call_0_0"]


async def test_the_user_is_asked(tmp_path):
    options = (Option(label="Red", description="warm"), Option(label="Blue"))
    ask = Ask(
        questions=(Question(id="color", header="Color", question="Which?", options=options),),
        call_id="call_q",
    )
    settings = {"features": {"default_mode_request_user_input": True}}
    async with scripted(tmp_path, ask, Say(text="ok"), settings=settings) as (codex, server):
        codex.answers["item/tool/requestUserInput"] = {"answers": {"color": {"answers": ["Red"]}}}
        turn = await codex.turn(await codex.thread())
        (asked,) = codex.of("item/tool/requestUserInput")
        assert [option["label"] for option in asked["questions"][0]["options"]] == ["Red", "Blue"]
        assert turn["status"] == "completed"
        assert server.requests[1].outputs["call_q"] == '{"answers":{"color":{"answers":["Red"]}}}'


async def test_the_model_types_into_a_running_command(tmp_path):
    run = Run(command="echo start; read x; echo got $x", tty=True, yield_ms=250, call_id="call_1")
    typed = TypeInto(into="call_1", text="hello\n", yield_ms=2_000, call_id="call_2")
    async with scripted(tmp_path, run, typed, Say(text="x"), settings=NO_SANDBOX) as (
        codex,
        server,
    ):
        turn = await codex.turn(await codex.thread())
        (interaction,) = codex.of("item/commandExecution/terminalInteraction")
        assert (interaction["itemId"], interaction["stdin"]) == ("call_1", "hello\n")
        (item,) = codex.items(turn["id"], "commandExecution")
        assert (item["status"], item["exitCode"]) == ("completed", 0)
        assert "got hello" in server.requests[2].outputs["call_2"]


async def test_two_threads_take_the_responses_that_are_meant_for_them(tmp_path):
    rows = [
        Response(
            steps=(Say(text=(name, " 1"), left_open=True), Wait(gate=name), Say(text=" 2")),
            when=name,
        )
        for name in ("alpha", "bravo")
    ]
    async with scripted(tmp_path, *rows) as (codex, server):
        turns = {}
        for name in ("bravo", "alpha"):
            thread = await codex.thread()
            turns[name] = await codex.start_turn(thread, f"say {name}")
            await codex.notified("item/agentMessage/delta", turnId=turns[name], delta=name)
        assert [exchange.outcome for exchange in server.exchanges] == [Outcome.OPEN] * 2
        for name, turn in turns.items():
            server.gates.open(name)
            assert (await codex.turn_ended(turn))["items"][0]["text"] == f"{name} 1 2"


async def test_rate_limits_come_from_the_headers_of_the_stream(tmp_path):
    headers = {"x-codex-primary-used-percent": "12.5", "x-codex-primary-window-minutes": "300"}
    async with scripted(tmp_path, Response(steps=(Say(text="x"),), headers=headers)) as (codex, _):
        await codex.turn(await codex.thread())
        (limits,) = codex.of("account/rateLimits/updated")
        primary = limits["rateLimits"]["primary"]
        assert (primary["usedPercent"], primary["windowDurationMins"]) == (13, 300)
