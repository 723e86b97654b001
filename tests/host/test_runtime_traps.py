"""The traps of today's app-server, on the simulated one and on the real binary (FACTS §20)."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from codex_fakes.script import Drop, Run, Say, Wait, script
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.protocol.params import ThreadSettings
from support.codex import Codex
from support.host_world import ACTOR, World

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(90)]


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.real)])
def playing(request, tmp_path):
    """Makes a runtime with an open thread, on a Codex that plays a script."""

    @asynccontextmanager
    async def play(*steps, settings=None, **codex_settings):
        codex = Codex(request.param, script(*steps), tmp_path, **codex_settings)
        async with codex:
            w = World(codex)
            try:
                await w.runtime.connect(actor=ACTOR)
                await w.runtime.open_thread(
                    "start", persisted_conversation_id="c", settings=settings
                )
                yield w
            finally:
                await w.runtime.stop()
                await w.http.aclose()

    return play


async def ended(w, number=1):
    """Wait until so many turns have ended and everything is kept; give how the last one ended."""
    await w.until(lambda: w.kinds().count("turn/completed") >= number)
    await w.settled()
    return [event for event in w.events if event.method == "turn/completed"][-1]


async def test_an_interrupt_that_comes_before_the_turn_has_begun_ends_it(playing):
    async with playing((Wait("g"), Say("on")), Say("on")) as w:
        _, _ = await asyncio.gather(w.runtime.send_turn("one"), interrupt_soon(w))
        completed = await ended(w)
        assert b'"interrupted"' in bytes(completed.params)
        # The model may or may not have been asked the first time.
        w.codex.gates.open("g")
        await w.runtime.send_turn("two")
        await ended(w, 2)
        assert (await w.messages("c"))[-1] == ("assistant", "on", "completed")
        assert w.reports == []


async def interrupt_soon(w):
    """Interrupt as soon as there is a turn, whether or not Codex has named it."""
    await w.until(lambda: w.runtime.get_state().turn_in_flight)
    await w.runtime.interrupt()


async def test_a_turn_is_interrupted_twice_and_the_next_one_is_left_alone(playing):
    async with playing((Say(["a"]), Wait("g"), Say("never")), Say("again")) as w:
        await w.runtime.send_turn("one")
        await w.until(lambda: "item/agentMessage/delta" in w.kinds())
        await asyncio.gather(w.runtime.interrupt(), w.runtime.interrupt())
        await ended(w)
        await w.runtime.interrupt()
        await w.runtime.send_turn("two")
        await ended(w, 2)
        assert (await w.messages("c"))[-1] == ("assistant", "again", "completed")
        assert w.reports == []


async def test_a_turn_is_never_steered_by_sending_another_one(playing):
    async with playing((Say(["a"]), Wait("g"), Say("b")), Say("again")) as w:
        await w.runtime.send_turn("one")
        await w.until(lambda: "item/agentMessage/delta" in w.kinds())
        with pytest.raises(CodexRuntimeError) as refused:
            await w.runtime.send_turn("two")
        assert refused.value.code == "E_RUNTIME_DISPATCH_TURN_IN_FLIGHT"
        w.codex.gates.open("g")
        await ended(w)
        said = [(role, text) for role, text, _ in await w.messages("c")]
        assert said == [("user", "one"), ("assistant", "a"), ("assistant", "b")]


async def test_an_approval_that_waits_when_its_turn_is_interrupted_expires(playing):
    asking = ThreadSettings(approval_policy="untrusted")
    async with playing(Run("touch x"), Say("again"), settings=asking) as w:
        await w.runtime.send_turn("one")
        (kept,) = await w.pending(1)
        await w.runtime.interrupt()
        await ended(w)
        assert await w.pending(0) == []
        with pytest.raises(CodexRuntimeError) as late:
            await w.runtime.respond_command_approval(kept.request_id, "accept")
        assert late.value.code == "E_RUNTIME_SERVER_REQUEST_UNKNOWN"
        await w.runtime.send_turn("two")
        await ended(w, 2)
        assert (await w.messages("c"))[-1] == ("assistant", "again", "completed")
        assert w.reports == []


async def test_two_approvals_at_once_are_answered_in_any_order(playing):
    asking = ThreadSettings(approval_policy="untrusted")
    async with playing((Run("touch x"), Run("touch y")), Say("done"), settings=asking) as w:
        await w.runtime.send_turn("one")
        first, second = await w.pending(2)
        await w.runtime.respond_command_approval(second.request_id, "decline")
        await w.runtime.respond_command_approval(first.request_id, "decline")
        await ended(w)
        assert w.runtime.get_state().pending_server_request_count == 0
        assert await w.pending(0) == []
        assert (await w.messages("c"))[-1] == ("assistant", "done", "completed")
        assert w.reports == []


async def test_a_model_that_comes_back_does_not_end_the_turn(playing):
    async with playing((Say(["a"]), Drop()), Say("back"), stream_max_retries=2) as w:
        await w.runtime.send_turn("one")
        await ended(w)
        assert "error" in w.kinds()
        assert (await w.messages("c"))[-1] == ("assistant", "back", "completed")
        assert w.runtime.get_state().last_error is None


async def test_a_thread_that_goes_on_after_a_stop_has_nothing_twice(playing):
    async with playing((Say(["a"]), Wait("g"), Say("never")), Say("again")) as w:
        await w.runtime.send_turn("one")
        await w.until(lambda: "item/agentMessage/delta" in w.kinds())
        thread = w.runtime.get_state().runtime_conversation_id
        await w.runtime.stop()
        await w.runtime.connect(actor=ACTOR)
        await w.runtime.open_thread("resume", conversation_id=thread, persisted_conversation_id="c")
        assert not w.runtime.get_state().turn_in_flight
        await w.runtime.send_turn("two")
        await ended(w, 2)
        said = [(role, text) for role, text, _ in await w.messages("c")]
        assert said == [
            ("user", "one"),
            ("assistant", "a"),
            ("user", "two"),
            ("assistant", "again"),
        ]
        assert w.reports == []
