"""The model's tools on the simulated app-server: what a run of the real one need not show."""

from __future__ import annotations

import pytest

from codex_fakes.script.steps import CallTool, Patch, Response, Run, Say, Script, TypeInto

pytestmark = pytest.mark.anyio

OK = Say(text="ok")
SLEEP = Run(command="sleep 60", duration_ms=60_000, yield_ms=300, tty=True, call_id="c1")
OTHER = Run(command="sleep 61", duration_ms=61_000, yield_ms=300, call_id="c2")
LOOKUP = {
    "type": "function",
    "name": "lookup",
    "description": "d",
    "inputSchema": {"type": "object", "properties": {}},
}


def script(*answers):
    rows = (answer if isinstance(answer, tuple) else (answer,) for answer in answers)
    return Script(responses=tuple(Response(steps=row) for row in rows))


async def left_running(server, *calls):
    """Play a turn that leaves commands running; gives the client and the thread."""
    dial = server.dial()
    await dial.hello()
    thread = await dial.thread()
    await dial.turn(thread)
    await dial.notified("turn/completed")
    return dial, thread


async def terminals(dial, verb, thread, **params):
    name = f"{verb}-{len(dial.messages)}"
    params = {"threadId": thread, **params}
    return await dial.ask(name, f"thread/backgroundTerminals/{verb}", params)


async def test_commands_that_go_on_are_listed_page_by_page(simulated):
    async with simulated(script((SLEEP, OTHER), OK)) as server:
        dial, thread = await left_running(server)
        whole = (await terminals(dial, "list", thread))["result"]
        assert {row["command"] for row in whole["data"]} == {"sleep 60", "sleep 61"}
        assert whole["nextCursor"] is None
        first = (await terminals(dial, "list", thread, limit=1))["result"]
        rest = await terminals(dial, "list", thread, cursor=first["nextCursor"])
        assert first["data"] + rest["result"]["data"] == whole["data"]


async def test_a_client_ends_one_command_and_the_other_goes_on(simulated):
    async with simulated(script((SLEEP, OTHER), OK)) as server:
        dial, thread = await left_running(server)
        rows = (await terminals(dial, "list", thread))["result"]["data"]
        first, second = rows
        ended = await terminals(dial, "terminate", thread, processId=first["processId"])
        assert ended["result"] == {"terminated": True}
        again = await terminals(dial, "terminate", thread, processId=first["processId"])
        assert again["result"] == {"terminated": False}
        assert (await terminals(dial, "list", thread))["result"]["data"] == [second]


@pytest.mark.parametrize(
    ("verb", "params", "text"),
    [
        ("list", {"cursor": "x"}, "invalid cursor: invalid digit found in string"),
        ("list", {"cursor": ""}, "invalid cursor: cannot parse integer from empty string"),
        (
            "terminate",
            {"processId": "x"},
            "invalid background terminal process id: invalid digit found in string",
        ),
        (
            "terminate",
            {"processId": str(2**64)},
            "invalid background terminal process id: number too large to fit in target type",
        ),
    ],
)
async def test_a_process_id_that_is_none_is_refused(simulated, verb, params, text):
    async with simulated(script(SLEEP, OK)) as server:
        dial, thread = await left_running(server)
        answer = await terminals(dial, verb, thread, **params)
        assert answer["error"] == {"code": -32600, "message": text}


async def test_commands_of_other_threads_are_not_touched(simulated):
    async with simulated(script(SLEEP, OK)) as server:
        dial, thread = await left_running(server)
        other = await dial.thread()
        assert (await terminals(dial, "clean", other))["result"] == {}
        assert (await terminals(dial, "list", other))["result"]["data"] == []
        assert len((await terminals(dial, "list", thread))["result"]["data"]) == 1


async def test_typing_into_a_command_that_has_ended_is_told_as_a_problem(simulated):
    typed = TypeInto(into="c1", text="x")
    early = Run(command="true", call_id="c1")
    async with simulated(script(early, typed)) as server:
        dial, _ = await left_running(server)
        ended = await dial.notified("turn/completed")
        assert ended["params"]["turn"]["status"] == "failed"
        assert [problem.code for problem in server.problems] == ["E_SCRIPT_UNPLAYABLE"]


async def test_a_command_killed_between_two_requests_is_no_problem_of_the_script(simulated):
    typed = TypeInto(into="c1", text="x", output="y")
    async with simulated(script(SLEEP, OK, typed, OK)) as server:
        dial, thread = await left_running(server)
        await terminals(dial, "clean", thread)
        await dial.turn(thread)
        ended = await dial.notified("turn/completed", 2)
        assert ended["params"]["turn"]["status"] == "completed"
        assert server.problems == ()
        assert "item/commandExecution/outputDelta" not in dial.methods()


async def test_an_answer_for_a_tool_is_not_told_as_resolved(simulated):
    async with simulated(script(CallTool(tool="lookup"), OK)) as server:
        dial = server.dial()
        await dial.hello()
        thread = await dial.thread(dynamicTools=[LOOKUP])
        await dial.turn(thread)
        asked = await dial.notified("item/tool/call")
        await dial.send({"id": asked["id"], "result": {"contentItems": [], "success": True}})
        await dial.notified("turn/completed")
        assert "serverRequest/resolved" not in dial.methods()


async def test_a_second_answer_for_a_tool_is_ignored(simulated):
    async with simulated(script(CallTool(tool="lookup"), OK)) as server:
        dial = server.dial()
        await dial.hello()
        thread = await dial.thread(dynamicTools=[LOOKUP])
        await dial.turn(thread)
        asked = await dial.notified("item/tool/call")
        for success in (True, False):
            answer = {"contentItems": [], "success": success}
            await dial.send({"id": asked["id"], "result": answer})
        await dial.notified("turn/completed")
        items = [
            m["params"]["item"]["success"]
            for m in dial.messages
            if m.get("method") == "item/completed"
            and m["params"]["item"]["type"] == "dynamicToolCall"
        ]
        assert items == [True]


async def test_tools_are_for_clients_with_experimental_api_only(simulated):
    async with simulated(Script()) as server:
        dial = server.dial()
        await dial.hello(experimental=False)
        answer = await dial.ask(1, "thread/start", {"dynamicTools": [LOOKUP]})
        text = "thread/start.dynamicTools requires experimentalApi capability"
        assert answer["error"]["message"] == text


async def test_a_thread_switches_features_for_itself(simulated):
    patch = Patch(patch="*** Begin Patch\n*** Add File: a\n+x\n*** End Patch")
    async with simulated(script(patch, OK, patch, OK)) as server:
        dial = server.dial()
        await dial.hello()
        shown = []
        for number, config in enumerate(({"features.apply_patch_streaming_events": True}, {}), 1):
            thread = await dial.thread(config=config)
            await dial.turn(thread)
            await dial.notified("turn/completed", number)
            shown.append(dial.methods().count("item/fileChange/patchUpdated"))
        assert shown == [2, 2]


async def test_a_rule_that_the_user_accepted_holds_after_a_restart(simulated):
    touch = Run(command="touch a")
    amendment = {"acceptWithExecpolicyAmendment": {"execpolicy_amendment": ["touch"]}}
    async with simulated(script(touch, OK)) as server:
        dial = server.dial()
        await dial.hello()
        await dial.turn(await dial.thread(approvalPolicy="untrusted"))
        asked = await dial.notified("item/commandExecution/requestApproval")
        await dial.send({"id": asked["id"], "result": {"decision": amendment}})
        await dial.notified("turn/completed")
    async with simulated(script(touch, OK)) as server:
        dial = server.dial()
        await dial.hello()
        await dial.turn(await dial.thread(approvalPolicy="untrusted"))
        await dial.notified("turn/completed")
        assert "item/commandExecution/requestApproval" not in dial.methods()


async def test_a_resumed_thread_has_its_tools_and_its_mode(simulated):
    plan = {"mode": "plan", "settings": {"model": "gpt-5.5", "developer_instructions": "mine"}}
    async with simulated(script(OK)) as server:
        dial = server.dial()
        await dial.hello()
        thread = await dial.thread(dynamicTools=[LOOKUP])
        await dial.turn(thread, collaborationMode=plan)
        await dial.notified("turn/completed")
    async with simulated(script(CallTool(tool="lookup"))) as server:
        dial = server.dial()
        await dial.hello()
        resumed = await dial.ask(1, "thread/resume", {"threadId": thread, "excludeTurns": True})
        settings = {**plan["settings"], "reasoning_effort": None}
        assert resumed["result"]["collaborationMode"] == {"mode": "plan", "settings": settings}
        await dial.turn(thread)
        await dial.notified("item/tool/call")
