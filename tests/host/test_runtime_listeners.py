"""Who hears of the runtime, and what they may do (spec 06 §2, "Better")."""

import asyncio

import pytest

from codex_runtime.host.common import HostError
from codex_runtime.host.runtime import HostHandlers
from support.core_desk import THREAD, TURN
from support.peer_world import SECONDS, hosted

pytestmark = pytest.mark.anyio


def phases(seen):
    return list(dict.fromkeys(state.phase for state in seen))


async def test_a_listener_hears_of_the_present_state_at_once_and_of_every_other():
    async with hosted(connect=False) as h:
        seen = []
        h.runtime.subscribe_lifecycle(seen.append)
        assert [(state.phase, state.source) for state in seen] == [("idle", "runtime")]
        await h.connect()
        await h.runtime.stop()
        assert phases(seen) == ["idle", "starting", "running", "stopping", "stopped"]
        assert h.runtime.get_lifecycle_state() is seen[-1]


async def test_a_listener_that_has_left_hears_nothing_more():
    async with hosted(connect=False) as h:
        first, second = [], []
        leave = h.runtime.subscribe_lifecycle(first.append)
        h.runtime.subscribe_lifecycle(second.append)
        leave()
        leave()
        await h.connect()
        assert len(first) == 1
        assert len(second) > 1


async def test_the_same_listener_may_subscribe_twice_and_leave_once():
    async with hosted(connect=False) as h:
        seen = []
        leave = h.runtime.subscribe_lifecycle(seen.append)
        h.runtime.subscribe_lifecycle(seen.append)
        leave()
        seen.clear()
        await h.connect()
        assert phases(seen) == ["starting", "running"]
        assert len(seen) == len({id(state) for state in seen})


@pytest.mark.parametrize("raised", [RuntimeError("mine"), asyncio.CancelledError()])
async def test_whatever_a_listener_raises_is_logged_and_hurts_nobody(raised, caplog):
    def breaks(*_told):
        raise raised

    handlers = HostHandlers(
        on_state=breaks,
        on_event=breaks,
        on_global_message=breaks,
        on_request=breaks,
        on_protocol_error=breaks,
    )
    async with hosted(connect=False, handlers=handlers) as h:
        seen = []
        h.runtime.subscribe_lifecycle(breaks)
        h.runtime.subscribe_lifecycle(seen.append)
        await h.connect()
        await h.peer.say({"method": "account/updated", "params": {}})
        await h.peer.say_raw(b"{\n")
        params = {"threadId": THREAD, "turnId": TURN, "itemId": "i", "command": "ls"}
        method = "item/commandExecution/requestApproval"
        await h.peer.say({"id": 7, "method": method, "params": params})
        await h.until(lambda state: state.pending_server_request_count == 1)
        assert (await h.open())[1].thread.id == THREAD
    assert phases(seen)[-1] == "stopped"
    assert caplog.text.count("a listener of the runtime raised") >= 5


async def test_a_listener_may_look_at_the_runtime_leave_it_and_stop_it():
    async with hosted(connect=False) as h:
        stopping = []

        def looks(state):
            assert h.runtime.get_lifecycle_state() is state
            if h.runtime.get_state().phase == "running" and not stopping:
                leave()
                stopping.append(asyncio.ensure_future(h.runtime.stop()))

        leave = h.runtime.subscribe_lifecycle(looks)
        await h.connect()
        await stopping[0]
        assert h.runtime.get_state().phase == "stopped"


async def test_states_can_be_taken_one_after_the_other_and_none_is_missed():
    async with hosted(connect=False) as h:
        heard = []
        h.runtime.subscribe_lifecycle(heard.append)
        states = h.runtime.lifecycle()
        taken = [await anext(states)]
        await h.connect()
        await h.runtime.stop()
        async with asyncio.timeout(SECONDS):
            while taken[-1].phase != "stopped":
                taken.append(await anext(states))
        await states.aclose()
        assert taken == heard


async def test_a_listener_is_a_plain_function():
    async def slow(_state):
        raise AssertionError("nobody would await it")

    async with hosted(connect=False) as h:
        with pytest.raises(HostError) as refused:
            h.runtime.subscribe_lifecycle(slow)
        assert refused.value.code == "E_RUNTIME_CONFIG_INVALID"


async def test_each_handler_hears_of_what_it_is_for():
    told = {"event": [], "global": [], "request": [], "error": []}
    handlers = HostHandlers(
        on_event=told["event"].append,
        on_global_message=told["global"].append,
        on_request=told["request"].append,
        on_protocol_error=lambda *report: told["error"].append(report),
    )
    async with hosted(handlers=handlers) as h:
        await h.open()
        params = {"threadId": THREAD, "turnId": TURN, "itemId": "i", "command": "ls"}
        method = "item/commandExecution/requestApproval"
        await h.peer.say_raw(b"no json\n")
        await h.peer.say(
            {"method": "account/updated", "params": {}},
            {"method": "turn/started", "params": {"threadId": THREAD, "turn": {"id": TURN}}},
            {"id": 7, "method": method, "params": params},
        )
        await h.until(lambda state: state.pending_server_request_count == 1)
    assert [message.method for message in told["global"]] == ["account/updated"]
    assert [message.method for message in told["event"]] == ["turn/started", method]
    assert [message.id for message in told["request"]] == [7]
    assert len(told["error"]) == 1
