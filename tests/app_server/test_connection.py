"""A connection asks, hears and ends: against a peer that the test plays itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from codex_runtime.app_server import requests as build
from codex_runtime.app_server.connection import AppServerConnection
from codex_runtime.app_server.events import ConnectionEnded, Event
from codex_runtime.app_server.memory import MemoryTransport, memory_pair
from codex_runtime.app_server.options import ConnectionOptions
from codex_runtime.errors import (
    AppServerError,
    CodexRuntimeError,
    LocalProtocolError,
    RemoteProtocolError,
    RequestFailedError,
)
from codex_runtime.protocol.answers import CommandApproval, DynamicToolResult, InputText
from codex_runtime.protocol.correlation import LateAnswer
from codex_runtime.protocol.messages import Notification, Request
from support.peer import HELLO, WAIT, Peer, connected

pytestmark = pytest.mark.anyio

U1 = "018f5f3b-5b7a-7c9d-a12b-3d0f3e4c5b6a"
ASK = {"id": 7, "method": "item/commandExecution/requestApproval", "params": {}}


async def within(awaitable: Any) -> Any:
    async with asyncio.timeout(WAIT):
        return await awaitable


async def next_event(server: AppServerConnection) -> Event:
    return await within(anext(aiter(server.events())))


async def test_answers_find_their_requests_in_any_order() -> None:
    async with connected() as (server, peer):
        first = asyncio.create_task(server.request("thread/loaded/list", {}))
        one = await peer.heard()
        second = asyncio.create_task(server.request("model/list", {}))
        two = await peer.heard()
        await peer.say({"id": two["id"], "result": 2}, {"id": one["id"], "result": 1})
        assert (await within(first), await within(second)) == (1, 2)


async def test_a_refusal_is_raised_with_everything_the_server_said() -> None:
    async with connected() as (server, peer):
        asking = asyncio.create_task(server.call(build.thread_read(U1)))
        asked = await peer.heard()
        assert asked["params"] == {"threadId": U1, "includeTurns": False}
        error = {"code": -32600, "message": "thread not loaded", "data": {"a": 1}}
        await peer.say({"id": asked["id"], "error": error})
        with pytest.raises(RequestFailedError, match=r"thread/read failed: .*not loaded") as caught:
            await within(asking)
        assert (caught.value.rpc_code, caught.value.data) == (-32600, {"a": 1})


async def test_a_malformed_result_is_the_servers_fault() -> None:
    async with connected() as (server, peer):
        asking = asyncio.create_task(server.call(build.turn_start_text(U1, "hi")))
        asked = await peer.heard()
        await peer.say({"id": asked["id"], "result": {"turn": {"id": 5}}})
        with pytest.raises(RemoteProtocolError, match=r"turn/start: .*\$\.turn"):
            await within(asking)


async def test_events_come_in_order_and_the_end_is_the_last_one() -> None:
    async with connected() as (server, peer):
        await peer.say(
            {"method": "turn/started", "params": {}},
            {"id": "a", "method": "item/tool/call", "params": {}},
            {"id": 99, "result": {}},
        )
        await peer.say_raw(b"not json\n")
        await peer.hang_up()
        events = [event async for event in server.events()]
    kinds = [type(event) for event in events]
    assert kinds == [
        Notification,
        Request,
        RemoteProtocolError,
        RemoteProtocolError,
        ConnectionEnded,
    ]
    codes = [event.code for event in events if isinstance(event, RemoteProtocolError)]
    assert codes == ["E_PROTOCOL_RESPONSE_UNKNOWN", "E_PROTOCOL_JSON_INVALID"]
    assert isinstance(events[-1], ConnectionEnded)
    assert not events[-1].requested


async def test_every_waiter_fails_once_when_the_peer_goes() -> None:
    async with connected() as (server, peer):
        asking = [asyncio.create_task(server.request("model/list", {})) for _ in range(3)]
        for _ in asking:
            await peer.heard()
        await peer.hang_up()
        errors = await within(asyncio.gather(*asking, return_exceptions=True))
        assert [error.code for error in errors] == ["E_APP_SERVER_GONE"] * 3
        assert len({id(error) for error in errors}) == 3
        with pytest.raises(AppServerError) as caught:
            await server.request("model/list", {})
        assert caught.value.code == "E_APP_SERVER_GONE"


async def test_a_request_that_is_not_answered_in_time_says_so_and_its_answer_is_late() -> None:
    async with connected() as (server, peer):
        asking = asyncio.create_task(server.request("model/list", {}, timeout=0.01))
        asked = await peer.heard()
        with pytest.raises(AppServerError, match="model/list was not answered") as caught:
            await within(asking)
        assert caught.value.code == "E_APP_SERVER_REQUEST_TIMEOUT"
        await peer.say({"id": asked["id"], "result": {}})
        event = await next_event(server)
        assert isinstance(event, LateAnswer)
        assert event.method == "model/list"


async def test_a_cancelled_request_leaves_the_others_alone() -> None:
    async with connected() as (server, peer):
        given_up = asyncio.create_task(server.request("model/list", {}))
        first = await peer.heard()
        kept = asyncio.create_task(server.request("model/list", {}))
        second = await peer.heard()
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        await peer.say({"id": first["id"], "result": 1}, {"id": second["id"], "result": 2})
        assert await within(kept) == 2


async def test_only_so_many_requests_are_outstanding() -> None:
    async with connected(ConnectionOptions(max_outstanding=2)) as (server, peer):
        asking = [asyncio.create_task(server.request("model/list", {})) for _ in range(3)]
        heard = [await peer.heard(), await peer.heard()]
        third = asyncio.create_task(peer.heard())
        await asyncio.sleep(0)
        assert not third.done()
        await peer.say({"id": heard[0]["id"], "result": 0})
        await peer.say(*({"id": asked["id"], "result": 0} for asked in (heard[1], await third)))
        assert await within(asyncio.gather(*asking)) == [0, 0, 0]


async def test_nothing_is_dropped_while_nobody_takes_the_events() -> None:
    count = 10_000
    async with connected(ConnectionOptions(event_bytes=20_000)) as (server, peer):

        async def flood() -> None:
            for number in range(count):
                await peer.say({"method": "warning", "params": {"n": number, "pad": "x" * 600}})
            await peer.hang_up()

        flooding = asyncio.create_task(flood())
        # The peer's pipe and the queue are full long before the flood is over.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.shield(flooding)
        async with asyncio.timeout(WAIT):
            events = [event async for event in server.events()]
        await flooding
    assert len(events) == count + 1
    numbers = [event.raw for event in events if isinstance(event, Notification)]
    assert numbers == sorted(numbers, key=lambda raw: int(raw.split(b'"n": ')[1].split(b",")[0]))


async def test_a_timeout_tells_when_events_are_not_being_taken() -> None:
    async with connected(ConnectionOptions(event_bytes=100)) as (server, peer):
        await peer.say({"method": "warning", "params": {}})
        await peer.say({"method": "warning", "params": {}})
        with pytest.raises(AppServerError, match="events wait to be taken"):
            await server.request("model/list", {}, timeout=0.05)


async def test_the_events_have_one_consumer() -> None:
    async with connected() as (server, _peer):
        server.events()
        with pytest.raises(LocalProtocolError) as caught:
            server.event_batches()
        assert caught.value.code == "E_APP_SERVER_EVENTS_TAKEN"


async def test_a_server_request_is_answered_once_with_its_own_id() -> None:
    async with connected() as (server, peer):
        await peer.say(ASK)
        asked = await next_event(server)
        assert isinstance(asked, Request)
        assert server.pending_requests == (asked,)
        with pytest.raises(LocalProtocolError):
            await server.answer(asked, DynamicToolResult(content_items=(), success=True))
        await server.answer(asked, CommandApproval(decision="accept"))
        assert await peer.heard() == {"id": 7, "result": {"decision": "accept"}}
        with pytest.raises(LocalProtocolError) as caught:
            await server.answer(asked, CommandApproval(decision="accept"))
        assert caught.value.code == "E_PROTOCOL_REQUEST_UNKNOWN"


async def test_a_server_request_can_be_refused() -> None:
    async with connected() as (server, peer):
        await peer.say({"id": "x", "method": "attestation/generate", "params": {}})
        asked = await next_event(server)
        assert isinstance(asked, Request)
        await server.refuse(asked, "not here")
        assert await peer.heard() == {"id": "x", "error": {"code": -32601, "message": "not here"}}


async def test_a_request_that_the_server_resolved_waits_no_longer() -> None:
    async with connected() as (server, peer):
        resolved = {"method": "serverRequest/resolved", "params": {"threadId": "t", "requestId": 7}}
        await peer.say(ASK, resolved)
        batches = server.event_batches()
        await within(anext(aiter(batches)))
        assert server.pending_requests == ()


async def test_an_unknown_method_is_never_sent() -> None:
    async with connected() as (server, peer):
        with pytest.raises(LocalProtocolError, match="became thread/revert"):
            await server.request("thread/rollback", {})
        with pytest.raises(LocalProtocolError, match="/params: are missing"):
            await server.request("turn/start")
        asking = asyncio.create_task(server.request("account/logout"))
        asked = await peer.heard()
        assert "params" not in asked
        await peer.say({"id": asked["id"], "result": {}})
        assert await within(asking) == {}


async def test_stopping_waits_for_answers_that_are_due() -> None:
    async with connected() as (server, peer):
        asking = asyncio.create_task(server.request("model/list", {}))
        asked = await peer.heard()
        stopping = asyncio.create_task(server.stop())
        await peer.say({"id": asked["id"], "result": "due"})
        assert await within(asking) == "due"
        await within(stopping)
        assert server.ended is not None
        assert server.ended.requested


async def test_stopping_is_bounded_fails_what_is_left_and_can_be_repeated() -> None:
    async with connected(ConnectionOptions(stop_timeout=0.01)) as (server, peer):
        asking = asyncio.create_task(server.request("model/list", {}))
        await peer.heard()
        first = await within(server.stop())
        with pytest.raises(AppServerError) as caught:
            await within(asking)
        assert caught.value.code == "E_APP_SERVER_GONE"
        assert await within(server.stop()) == first


async def test_any_task_may_stop_a_connection() -> None:
    async with connected() as (server, _peer):
        await within(asyncio.create_task(server.stop()))
        with pytest.raises(AppServerError):
            await server.request("model/list", {})


def opener_of(transport: MemoryTransport) -> Any:
    async def opener() -> MemoryTransport:
        return transport

    return opener


async def start_against(reply: Any, options: ConnectionOptions | None = None) -> CodexRuntimeError:
    ours, theirs = memory_pair()
    server = AppServerConnection(opener_of(ours), options)
    starting = asyncio.create_task(server.start())
    await reply(Peer(theirs))
    with pytest.raises(CodexRuntimeError) as caught:
        await within(starting)
    await within(server.stop())
    return caught.value


async def test_a_server_that_ends_before_it_answers_did_not_start() -> None:
    async def reply(peer: Peer) -> None:
        await peer.heard()
        await peer.hang_up()

    assert (await start_against(reply)).code == "E_APP_SERVER_START_FAILED"


async def test_a_server_that_says_nothing_did_not_start_in_time() -> None:
    async def reply(peer: Peer) -> None:
        await peer.heard()

    error = await start_against(reply, ConnectionOptions(start_timeout=0.05))
    assert error.code == "E_APP_SERVER_START_TIMEOUT"
    assert "within 0.05 s" in str(error)


@pytest.mark.parametrize("agent", ["codex_runtime/0.99.0 (x)", "someone else/0.163.0", ""])
async def test_a_server_of_another_version_is_refused(agent: str) -> None:
    async def reply(peer: Peer) -> None:
        await peer.hello(userAgent=agent)

    error = await start_against(reply)
    assert error.code == "E_APP_SERVER_VERSION_UNSUPPORTED"
    assert "0.163.0" in str(error)


async def test_a_server_of_another_version_is_accepted_on_request() -> None:
    ours, theirs = memory_pair()
    peer = Peer(theirs)
    server = AppServerConnection(opener_of(ours), ConnectionOptions(allow_any_version=True))
    starting = asyncio.create_task(server.start())
    await peer.hello(userAgent="codex_runtime/9.9.9 (x)")
    assert (await within(starting)).codex_home == HELLO["codexHome"]
    assert server.server_version == "9.9.9"
    await server.stop()


async def test_a_connection_is_used_once_and_not_before_its_start() -> None:
    async with connected() as (server, _peer):
        with pytest.raises(LocalProtocolError) as caught:
            await server.start()
        assert caught.value.code == "E_APP_SERVER_ALREADY_STARTED"
    unused = AppServerConnection(opener_of(memory_pair()[0]))
    assert await unused.stop() is None
    for use in (unused.request("model/list", {}), unused.call(build.model_list())):
        with pytest.raises(LocalProtocolError) as caught:
            await use
        assert caught.value.code == "E_APP_SERVER_NOT_STARTED"


async def test_a_tool_result_travels_in_camel_case() -> None:
    async with connected() as (server, peer):
        await peer.say({"id": 0, "method": "item/tool/call", "params": {}})
        asked = await next_event(server)
        assert isinstance(asked, Request)
        result = DynamicToolResult(content_items=(InputText(text="x"),), success=True)
        await server.answer(asked, result)
        assert (await peer.heard())["result"] == {
            "contentItems": [{"type": "inputText", "text": "x"}],
            "success": True,
        }
