"""Several clients of one server: what reaches whom (FACTS §9, §15)."""

from __future__ import annotations

import pytest

from codex_fakes.script.steps import Response, Run, Say, Script, Wait

pytestmark = pytest.mark.anyio

UNTRUSTED = {"approvalPolicy": "untrusted"}
ASK = "item/commandExecution/requestApproval"


def script(*answers):
    rows = (answer if isinstance(answer, tuple) else (answer,) for answer in answers)
    return Script(responses=tuple(Response(steps=row) for row in rows))


HELD = (Say(text="first", left_open=True), Wait(gate="go"))


async def two_clients(server):
    one, other = server.dial(), server.dial()
    await one.hello(name="one")
    await other.hello(name="other")
    return one, other


async def test_everybody_hears_of_threads_and_only_subscribers_of_turns(simulated):
    async with simulated(script(Say(text="hi"))) as server:
        one, other = await two_clients(server)
        thread = await one.thread()
        await one.turn(thread)
        await one.notified("turn/completed")
        await other.notified("thread/status/changed", 2)
        await server.settle()
        heard = set(other.methods()) - {"configWarning", "remoteControl/status/changed"}
        assert heard == {"thread/started", "thread/status/changed"}


async def test_a_client_that_resumes_hears_the_rest_of_a_running_turn(simulated):
    async with simulated(script(HELD)) as server:
        one, other = await two_clients(server)
        thread = await one.thread()
        turn = await one.turn(thread)
        await one.notified("item/agentMessage/delta")
        answer = await other.ask("r", "thread/resume", {"threadId": thread})
        shown = answer["result"]["thread"]
        assert shown["status"]["type"] == "active"
        assert [turn["status"] for turn in shown["turns"]] == ["inProgress"]
        server.gates.open("go")
        ended = await other.notified("turn/completed")
        assert ended["params"]["turn"]["id"] == turn
        assert "item/agentMessage/delta" not in other.methods()


async def test_a_turn_goes_on_when_its_client_is_gone(simulated):
    async with simulated(script(HELD)) as server:
        one, other = await two_clients(server)
        thread = await one.thread()
        await one.turn(thread)
        await one.notified("item/agentMessage/delta")
        await one.close()
        await other.ask("r", "thread/resume", {"threadId": thread, "excludeTurns": True})
        server.gates.open("go")
        ended = await other.notified("turn/completed")
        assert ended["params"]["turn"]["status"] == "completed"


async def test_an_approval_asks_everybody_with_one_id_and_the_first_answer_counts(simulated):
    async with simulated(script(Run(command="touch x"), Say(text="ok"))) as server:
        one, other = await two_clients(server)
        thread = await one.thread(**UNTRUSTED)
        await other.ask("r", "thread/name/set", {"threadId": thread, "name": "n"})
        await one.turn(thread)
        first = await one.notified(ASK)
        await other.ask("r2", "thread/resume", {"threadId": thread, "excludeTurns": True})
        second = await other.notified(ASK)
        assert second == first
        await other.send({"id": second["id"], "result": {"decision": "decline"}})
        await one.notified("serverRequest/resolved")
        await one.send({"id": first["id"], "result": {"decision": "accept"}})
        await one.notified("turn/completed")
        await server.settle()
        items = [m["params"]["item"] for m in one.messages if m.get("method") == "item/completed"]
        states = [item["status"] for item in items if item["type"] == "commandExecution"]
        assert states == ["declined"]
        assert one.methods().count("serverRequest/resolved") == 1


async def test_an_approval_outlives_the_client_that_was_asked(simulated):
    async with simulated(script(Run(command="touch x"), Say(text="ok"))) as server:
        one, other = await two_clients(server)
        thread = await one.thread(**UNTRUSTED)
        await one.turn(thread)
        asked = await one.notified(ASK)
        await one.close()
        await other.ask("r", "thread/resume", {"threadId": thread, "excludeTurns": True})
        assert await other.notified(ASK) == asked
        await other.send({"id": asked["id"], "result": {"decision": "accept"}})
        ended = await other.notified("turn/completed")
        assert ended["params"]["turn"]["status"] == "completed"


async def test_notifications_that_a_client_opted_out_of_do_not_reach_it(simulated):
    async with simulated(script(Say(text="hi"))) as server:
        dial = server.dial()
        unwanted = ["item/agentMessage/delta", "configWarning", "no/such/notification"]
        await dial.hello(optOutNotificationMethods=unwanted)
        await dial.turn(await dial.thread())
        await dial.notified("turn/completed")
        assert not set(unwanted) & set(dial.methods())


async def test_a_client_that_unsubscribed_hears_no_more_of_turns(simulated):
    async with simulated(script(Say(text="a"), Say(text="b"))) as server:
        dial = server.dial()
        await dial.hello()
        thread = await dial.thread()
        await dial.turn(thread)
        await dial.notified("turn/completed")
        states = [
            (await dial.ask(f"u{n}", "thread/unsubscribe", {"threadId": thread}))["result"]
            for n in range(2)
        ]
        assert states == [{"status": "unsubscribed"}, {"status": "notSubscribed"}]
        await dial.turn(thread)
        await dial.notified("thread/status/changed", 4)
        await server.settle()
        assert dial.methods().count("turn/completed") == 1


async def test_each_client_initializes_for_itself(simulated):
    async with simulated(Script()) as server:
        one, other = server.dial(), server.dial()
        await one.hello()
        answer = await other.ask(1, "thread/loaded/list", {})
        assert answer["error"] == {"code": -32600, "message": "Not initialized"}
