"""Another client of the same app-server works in the open thread, too (FACTS §9, §11)."""

import pytest

from codex_fakes.script import Run, Say, Wait
from codex_runtime.app_server import AppServerConnection, requests
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.protocol.answers import CommandApproval
from codex_runtime.protocol.messages import Notification, Request
from codex_runtime.protocol.params import ThreadResumeParams, ThreadSettings
from support.host_world import ACTOR, world

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


async def joined(w, client):
    """Open a thread here, and have the other client work in it."""
    asking = ThreadSettings(approval_policy="untrusted", cwd=w.cwd)
    opened = await w.runtime.open_thread("start", persisted_conversation_id="c", settings=asking)
    # A thread is there for others when something was said in it.
    await w.runtime.send_turn("hi")
    await w.until(lambda: "turn/completed" in w.kinds())
    await w.settled()
    await client.call(requests.thread_resume(ThreadResumeParams(thread_id=opened.thread.id)))
    return opened.thread.id


async def refusal(call):
    with pytest.raises(CodexRuntimeError) as refused:
        await call
    return refused.value.code


async def test_a_turn_of_another_client_is_kept_and_never_steered(tmp_path):
    async with world(tmp_path, Say("hello"), (Say(["a"]), Wait("g"), Say("b")), Say("mine")) as w:
        w.cwd = str(tmp_path)
        async with AppServerConnection(w.codex.open) as client:
            thread = await joined(w, client)
            theirs = await client.call(requests.turn_start_text(thread, "theirs"))
            await w.until(lambda: w.runtime.get_state().turn_in_flight)
            assert w.runtime.get_state().turn_id == theirs.turn.id
            assert await refusal(w.runtime.send_turn("no")) == "E_RUNTIME_DISPATCH_TURN_IN_FLIGHT"
            assert await refusal(w.runtime.compact_thread(thread)) == "E_RUNTIME_THREAD_LOCKED"
            w.codex.gates.open("g")
            await w.until(lambda: w.kinds().count("turn/completed") == 2)
            await w.settled()
            await w.runtime.send_turn("mine")
            await w.until(lambda: w.kinds().count("turn/completed") == 3)
            await w.settled()
            said = [(role, text) for role, text, _ in await w.messages("c")]
            assert said == [
                ("user", "hi"),
                ("assistant", "hello"),
                ("user", "theirs"),
                ("assistant", "a"),
                ("assistant", "b"),
                ("user", "mine"),
                ("assistant", "mine"),
            ]
            assert w.reports == []


async def test_an_approval_that_another_client_gives_is_settled_here(tmp_path):
    async with world(tmp_path, Say("hello"), Run("echo x"), Say("done")) as w:
        w.cwd = str(tmp_path)
        async with AppServerConnection(w.codex.open) as client:
            await joined(w, client)
            await w.runtime.send_turn("run")
            (kept,) = await w.pending(1)
            async for event in client.events():
                if isinstance(event, Request):
                    await client.answer(event, CommandApproval(decision="decline"))
                    break
            await w.until(lambda: w.kinds().count("turn/completed") == 2)
            await w.settled()
            assert await w.pending(0) == []
            late = w.runtime.respond_command_approval(kept.request_id, "accept")
            assert await refusal(late) == "E_RUNTIME_SERVER_REQUEST_UNKNOWN"
            assert (await w.messages("c"))[-1] == ("assistant", "done", "completed")


async def test_a_thread_that_another_client_works_in_is_busy_when_it_is_opened(tmp_path):
    async with world(tmp_path, Say("hello"), (Wait("g"), Say("theirs"))) as w:
        w.cwd = str(tmp_path)
        async with AppServerConnection(w.codex.open) as client:
            thread = await joined(w, client)
            await w.runtime.stop()
            await client.call(requests.turn_start_text(thread, "theirs"))
            async for event in client.events():
                if isinstance(event, Notification) and event.method == "turn/started":
                    break
            await w.runtime.connect(actor=ACTOR)
            await w.runtime.open_thread(
                "resume", conversation_id=thread, persisted_conversation_id="c"
            )
            assert w.runtime.get_state().turn_in_flight
            assert await refusal(w.runtime.send_turn("no")) == "E_RUNTIME_DISPATCH_TURN_IN_FLIGHT"
            w.codex.gates.open("g")
            await w.until(lambda: not w.runtime.get_state().turn_in_flight)
            await w.settled()
            said = [(role, text) for role, text, _ in await w.messages("c")]
            assert said[-1] == ("assistant", "theirs")
