"""The live client over real sockets, with a deployment that says what it is told."""

from __future__ import annotations

import asyncio
import gc
import socket

import pytest
from websockets.asyncio.server import serve

from codex_runtime.persistence.live_reads import (
    Connected,
    Disconnected,
    Keep,
    LiveReads,
    LiveReadsError,
    LiveReadsOptions,
    QueryFailedError,
    QueryValue,
    TokenRejected,
)
from codex_runtime.persistence.live_reads.core.states import State
from codex_runtime.values import ConvexError, Int64, InvalidValue
from support.sync_server import PATIENCE, ManualClock, SyncServer, begun, failed, updated

pytestmark = pytest.mark.anyio


class Setting:
    """A deployment, a clock, and what the client reports."""

    def __init__(self, server):
        self.server = server
        self.clock = ManualClock()
        self.reports = asyncio.Queue()

    def client(self, **more):
        token = more.pop("token", None)
        options = LiveReadsOptions(
            clock=self.clock,
            chance=lambda: 1.0,
            on_report=self.reports.put_nowait,
            **more,
        )
        return LiveReads(self.server.url, token=token, options=options)

    async def report(self, kind):
        async with asyncio.timeout(PATIENCE):
            found = await self.reports.get()
        assert isinstance(found, kind), found
        return found

    async def connected(self, **more):
        """A client that is connected, and the deployment's side of it."""
        live = self.client(**more)
        connecting = asyncio.create_task(live.connect())
        peer = await self.server.accept()
        await peer.greet()
        await peer.show(at=1, query_set=1)
        await bounded(connecting)
        await self.report(Connected)
        return live, peer


async def bounded(awaitable):
    async with asyncio.timeout(PATIENCE):
        return await awaitable


def next_of(iterator):
    return bounded(anext(aiter(iterator)))


@pytest.fixture
async def setting():
    async with SyncServer() as server:
        yield Setting(server)


async def subscribed(live, peer, *paths):
    """Subscribe, and let the deployment answer with the path as the value."""
    subscriptions = [live.subscribe(path) for path in paths]
    for number, path in enumerate(paths):
        message = await peer.hear("ModifyQuerySet")
        [modification] = message["modifications"]
        assert modification["udfPath"] == path
        await peer.show(
            updated(modification["queryId"], path), at=2 + number, query_set=message["newVersion"]
        )
    for subscription in subscriptions:
        await bounded(subscription.value())
    return subscriptions


# Reading.


async def test_a_value_arrives_and_changes(setting):
    live, peer = await setting.connected()
    async with live_closed(live):
        subscription = live.subscribe("m:list", {"n": 5, "id": Int64(7)})
        message = await peer.hear("ModifyQuerySet")
        assert message["modifications"][0]["args"] == [
            {"id": {"$integer": "BwAAAAAAAAA="}, "n": 5.0}
        ]
        await peer.show(updated(0, ["a"]), at=2, query_set=2)
        assert await bounded(subscription.value()) == ["a"]
        values = subscription.values()
        assert await next_of(values) == ["a"]
        await peer.show(updated(0, ["a", "b"]), at=3)
        assert await next_of(values) == ["a", "b"]
        assert subscription.latest == QueryValue(["a", "b"])
        assert live.ts == 3


class live_closed:  # noqa: N801 - reads as a statement
    """Close a client whatever happens, in bounded time."""

    def __init__(self, live):
        self.live = live

    async def __aenter__(self):
        return self.live

    async def __aexit__(self, *_):
        await bounded(self.live.close())


async def test_views_hold_all_values_of_one_moment(setting):
    live, peer = await setting.connected()
    async with live_closed(live):
        a, b = await subscribed(live, peer, "m:a", "m:b")
        views = live.views()
        view = await next_of(views)
        assert (view[a], view[b]) == ("m:a", "m:b")
        await peer.show(updated(0, 1), updated(1, 1), at=9)
        view = await next_of(views)
        assert (view[a], view[b], view.ts) == (1.0, 1.0, 9)
        assert (view[a.query], len(view), set(view)) == (1.0, 2, {a.query, b.query})
        later = live.subscribe("m:later")
        assert later not in live.view()


async def test_equal_subscriptions_share_one_query_and_its_value(setting):
    live, peer = await setting.connected()
    async with live_closed(live):
        [first] = await subscribed(live, peer, "m:a")
        second = live.subscribe("m:a", {})
        assert await bounded(second.value()) == "m:a"
        first.unsubscribe()
        first.unsubscribe()
        values = second.values()
        assert await next_of(values) == "m:a"
        await peer.show(updated(0, "new"), at=9)
        assert await next_of(values) == "new"
        second.unsubscribe()
        message = await peer.hear("ModifyQuerySet")
        assert message["modifications"] == [{"type": "Remove", "queryId": 0}]


async def test_a_closed_subscription_is_over(setting):
    live, peer = await setting.connected()
    async with live_closed(live):
        [subscription] = await subscribed(live, peer, "m:a")
        reader = subscription.values()
        assert await next_of(reader) == "m:a"
        waiting = await begun(anext(reader))
        subscription.unsubscribe()
        with pytest.raises(StopAsyncIteration):
            await bounded(waiting)
        assert subscription.latest is None
        with pytest.raises(LiveReadsError, match="E_LIVE_CLOSED"):
            await subscription.value()
        with pytest.raises(LiveReadsError, match="E_LIVE_CLOSED"):
            subscription.values()


async def test_waiting_for_a_value_of_a_subscription_that_is_closed_ends(setting):
    live, _ = await setting.connected()
    async with live_closed(live):
        subscription = live.subscribe("m:a")
        waiting = await begun(subscription.value())
        subscription.unsubscribe()
        with pytest.raises(LiveReadsError, match="E_LIVE_CLOSED"):
            await bounded(waiting)


async def test_a_query_is_read_once_and_given_up(setting):
    live, peer = await setting.connected()
    async with live_closed(live):
        reading = asyncio.create_task(live.query("m:a"))
        await peer.hear("ModifyQuerySet")
        await peer.show(updated(0, "once"), at=2, query_set=2)
        assert await bounded(reading) == "once"
        message = await peer.hear("ModifyQuerySet")
        assert message["modifications"] == [{"type": "Remove", "queryId": 0}]


async def test_a_failing_query_raises_and_goes_on(setting):
    live, peer = await setting.connected()
    async with live_closed(live):
        [subscription] = await subscribed(live, peer, "m:a")
        reader = subscription.values(Keep.EVERY)
        await peer.show(failed(0, "Server Error", errorData={"code": "E_X"}), at=8)
        await peer.show(updated(0, "well"), at=9)
        assert await next_of(reader) == "m:a"
        with pytest.raises(QueryFailedError) as caught:
            await next_of(reader)
        assert caught.value.data == {"code": "E_X"}
        assert (caught.value.code, caught.value.message) == ("E_LIVE_QUERY_FAILED", "Server Error")
        assert await next_of(reader) == "well"
        await peer.show(failed(0, "Server Error"), at=10)
        with pytest.raises(QueryFailedError):
            await next_of(reader)
        with pytest.raises(QueryFailedError):
            await subscription.value()


async def test_a_slow_reader_gets_the_latest(setting):
    live, peer = await setting.connected()
    async with live_closed(live):
        [subscription] = await subscribed(live, peer, "m:a")
        latest, every = subscription.values(), subscription.values(Keep.EVERY)
        for number in range(5):
            await peer.show(updated(0, number), at=10 + number)
        assert [await next_of(every) for _ in range(6)] == ["m:a", 0.0, 1.0, 2.0, 3.0, 4.0]
        assert await next_of(latest) == 4.0


async def test_a_reader_of_every_value_ends_when_it_is_too_far_behind(setting):
    live, peer = await setting.connected(max_pending=3)
    async with live_closed(live):
        [subscription] = await subscribed(live, peer, "m:a")
        every, views = subscription.values(Keep.EVERY), live.views(Keep.EVERY)
        other = subscription.values(Keep.EVERY)
        for number in range(3):
            assert await next_of(other) in {"m:a", 0.0, 1.0}
            await peer.show(updated(0, number), at=10 + number)
        assert await next_of(other) == 2.0
        for reader in (every, views):
            for _ in range(2):
                with pytest.raises(LiveReadsError, match="E_LIVE_CONSUMER_SLOW"):
                    await next_of(reader)


async def test_a_reader_that_was_dropped_costs_nothing(setting):
    live, peer = await setting.connected()
    async with live_closed(live):
        [subscription] = await subscribed(live, peer, "m:a")
        async for value in subscription:
            assert value == "m:a"
            break
        gc.collect()
        assert len(subscription._readers) == 0


async def test_arguments_that_are_no_values_are_refused(setting):
    live, _ = await setting.connected()
    async with live_closed(live):
        with pytest.raises(InvalidValue):
            live.subscribe("m:a", {"$x": 1})
        assert live.view().results == {}


# The connection.


async def test_a_lost_connection_comes_back_with_nothing_lost(setting):
    live, peer = await setting.connected()
    async with live_closed(live):
        [subscription] = await subscribed(live, peer, "m:a")
        reader = subscription.values(Keep.EVERY)
        await peer.hang_up(1013, "Again")
        report = await setting.report(Disconnected)
        assert report.error.code == "E_LIVE_DISCONNECTED"
        assert "1013" in report.error.text
        assert live.state is State.WAITING
        assert live.view()[subscription] == "m:a"
        setting.clock.advance(report.retry_in)
        peer = await setting.server.accept()
        hello, modifications = await peer.greet()
        assert hello["connectionCount"] == 1
        assert [m["udfPath"] for m in modifications] == ["m:a"]
        await peer.show(updated(0, "m:a"), at=20, query_set=1)
        await setting.report(Connected)
        await peer.show(updated(0, "new"), at=21)
        assert [await next_of(reader), await next_of(reader)] == ["m:a", "new"]


async def test_a_subscription_made_while_there_is_no_connection_is_told_later(setting):
    live, peer = await setting.connected()
    async with live_closed(live):
        await peer.hang_up()
        report = await setting.report(Disconnected)
        subscription = live.subscribe("m:a")
        setting.clock.advance(report.retry_in)
        peer = await setting.server.accept()
        _, modifications = await peer.greet()
        await peer.show(updated(modifications[0]["queryId"], "here"), at=5, query_set=1)
        assert await bounded(subscription.value()) == "here"


async def test_silence_is_noticed(setting):
    live, peer = await setting.connected()
    async with live_closed(live):
        setting.clock.advance(29)
        await peer.say({"type": "Ping"})
        await subscribed(live, peer, "m:a")
        setting.clock.advance(29)
        assert live.state is State.LIVE
        setting.clock.advance(1)
        report = await setting.report(Disconnected)
        assert "nothing was heard" in report.error.text
        await peer.gone()


async def test_a_broken_protocol_is_reported_and_started_over(setting):
    live, peer = await setting.connected()
    async with live_closed(live):
        [subscription] = await subscribed(live, peer, "m:a")
        peer.at = {**peer.at, "querySet": 0}
        await peer.show(updated(0, "x"), at=30)
        report = await setting.report(Disconnected)
        assert report.error.code == "E_LIVE_PROTOCOL"
        await peer.gone()
        setting.clock.advance(report.retry_in)
        peer = await setting.server.accept()
        await peer.greet()
        await peer.show(updated(0, "y"), at=31, query_set=1)
        await setting.report(Connected)
        assert await bounded(subscription.value()) == "y"


async def test_a_port_without_a_listener(setting):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        live = LiveReads(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(LiveReadsError) as caught:
            await bounded(live.connect())
    assert caught.value.code == "E_LIVE_UNREACHABLE"
    assert live.state is State.ENDED


@pytest.mark.parametrize(
    ("status", "code"),
    [(200, "E_LIVE_NOT_CONVEX"), (404, "E_LIVE_NOT_CONVEX"), (503, "E_LIVE_UNREACHABLE")],
)
async def test_something_else_that_speaks_http(status, code):
    def answer(connection, request):
        return connection.respond(status, "no")

    async with serve(lambda _: None, "127.0.0.1", 0, process_request=answer) as other:
        port = other.sockets[0].getsockname()[1]
        with pytest.raises(LiveReadsError) as caught:
            await bounded(LiveReads(f"http://127.0.0.1:{port}").connect())
    assert caught.value.code == code


async def test_something_that_speaks_no_http():
    async def answer(reader, writer):
        await reader.readline()
        writer.write(b"220 mail.example\r\n")
        writer.close()

    other = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with other:
        port = other.sockets[0].getsockname()[1]
        with pytest.raises(LiveReadsError) as caught:
            await bounded(LiveReads(f"ws://127.0.0.1:{port}").connect())
    assert caught.value.code == "E_LIVE_NOT_CONVEX"


async def test_a_websocket_that_is_no_convex(setting):
    live = setting.client()
    connecting = asyncio.create_task(live.connect())
    peer = await setting.server.accept()
    await peer.say("hello")
    with pytest.raises(LiveReadsError) as caught:
        await bounded(connecting)
    assert caught.value.code == "E_LIVE_NOT_CONVEX"


async def test_a_deployment_that_does_not_answer(setting):
    live = setting.client()
    connecting = asyncio.create_task(live.connect())
    peer = await setting.server.accept()
    await peer.greet()
    setting.clock.advance(10)
    with pytest.raises(LiveReadsError) as caught:
        await bounded(connecting)
    assert caught.value.code == "E_LIVE_TIMEOUT"
    await peer.gone()


async def test_a_patient_client_waits_for_its_deployment(setting):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        clock, reports = ManualClock(), asyncio.Queue()
        options = LiveReadsOptions(patient=True, clock=clock, on_report=reports.put_nowait)
        live = LiveReads(f"http://127.0.0.1:{taken.getsockname()[1]}", options=options)
        connecting = asyncio.create_task(live.connect())
        for _ in range(3):
            report = await bounded(reports.get())
            assert report.error.code == "E_LIVE_UNREACHABLE"
            clock.advance(report.retry_in)
        assert not connecting.done()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await bounded(connecting)
    assert live.state is State.ENDED


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:3210", "ftp://host", "http://", "http://h:x", "http://h?a=1", "http://[1"],
)
def test_an_address_that_is_none(url):
    with pytest.raises(LiveReadsError, match="E_LIVE_URL_INVALID"):
        LiveReads(url)


async def test_a_fatal_error_ends_all_reading(setting):
    live, peer = await setting.connected()
    [subscription] = await subscribed(live, peer, "m:a")
    reader, views = subscription.values(), live.views()
    await next_of(reader)
    await next_of(views)
    waiting = asyncio.create_task(live.query("m:other"))
    await peer.hear("ModifyQuerySet")
    await peer.say({"type": "FatalError", "error": "I give up"})
    for ended in (waiting, anext(reader), anext(views), subscription.value()):
        with pytest.raises(LiveReadsError, match="I give up") as caught:
            await bounded(ended)
        assert caught.value.code == "E_LIVE_FATAL"
    with pytest.raises(LiveReadsError, match="E_LIVE_FATAL"):
        live.subscribe("m:a")
    await bounded(live.close())


async def test_closing_ends_all_reading_and_leaves_nothing(setting):
    before = asyncio.all_tasks()
    live, peer = await setting.connected()
    [subscription] = await subscribed(live, peer, "m:a")
    reader, views = subscription.values(), live.views()
    await next_of(reader)
    await next_of(views)
    waiting = asyncio.create_task(live.query("m:other"))
    await peer.hear("ModifyQuerySet")
    await bounded(live.close())
    await bounded(live.close())
    await peer.gone()
    for iterator in (reader, views):
        with pytest.raises(StopAsyncIteration):
            await bounded(anext(iterator))
    with pytest.raises(LiveReadsError, match="E_LIVE_CLOSED"):
        await bounded(waiting)
    for use in (lambda: live.subscribe("m:a"), live.views):
        with pytest.raises(LiveReadsError, match="E_LIVE_CLOSED"):
            use()
    with pytest.raises(LiveReadsError, match="E_LIVE_CLOSED"):
        await live.set_token("token")
    with pytest.raises(LiveReadsError, match="E_LIVE_CLOSED"):
        await live.connect()
    assert setting.clock.waits == []
    own = {t for t in asyncio.all_tasks() - before if "live reads" in t.get_name()}
    assert not own


async def test_a_client_is_used_from_any_task(setting):
    live = setting.client()
    await asyncio.gather(asyncio.create_task(live.connect()), answer_one(setting))
    reading = asyncio.create_task(live.query("m:a"))
    await setting.peer.hear("ModifyQuerySet")
    await setting.peer.show(updated(0, 1), at=2, query_set=2)
    assert await bounded(reading) == 1.0
    await bounded(asyncio.create_task(live.close()))


async def answer_one(setting):
    setting.peer = await setting.server.accept()
    await setting.peer.greet()
    await setting.peer.show(at=1, query_set=1)


async def test_a_value_is_not_waited_for_longer_than_said(setting):
    live, _ = await setting.connected(value_timeout=3)
    async with live_closed(live):
        subscription = live.subscribe("m:a")
        for timeout, seconds in ((None, 3), (0.5, 0.5)):
            waiting = await begun(subscription.value(timeout))
            setting.clock.advance(seconds)
            with pytest.raises(LiveReadsError, match=f"within {seconds:g} s") as caught:
                await bounded(waiting)
            assert caught.value.code == "E_LIVE_TIMEOUT"


async def test_a_large_value_arrives(setting):
    live, peer = await setting.connected()
    async with live_closed(live):
        subscription = live.subscribe("m:a")
        await peer.hear("ModifyQuerySet")
        await peer.show(updated(0, "x" * 17_000_000), at=2, query_set=2)
        assert len(await bounded(subscription.value())) == 17_000_000


# Identity.


async def hears_token(peer, token):
    message = await peer.hear("Authenticate")
    assert message.get("value") == token
    return message["baseVersion"] + 1


async def test_an_identity_is_set_and_cleared(setting):
    live, peer = await setting.connected()
    async with live_closed(live):
        setting_it = asyncio.create_task(live.set_token("token"))
        identity = await hears_token(peer, "token")
        await peer.show(at=5, identity=identity)
        await bounded(setting_it)
        clearing = asyncio.create_task(live.clear_token())
        identity = await hears_token(peer, None)
        await peer.show(at=6, identity=identity)
        await bounded(clearing)


async def test_a_refused_token_is_raised_where_it_was_set_and_to_readers(setting):
    live, peer = await setting.connected()
    async with live_closed(live):
        [subscription] = await subscribed(live, peer, "m:a")
        reader, views = subscription.values(), live.views()
        await next_of(reader)
        await next_of(views)
        setting_it = asyncio.create_task(live.set_token("bad"))
        await hears_token(peer, "bad")
        await peer.say(
            {
                "type": "AuthError",
                "error": "bad signature",
                "baseVersion": 0,
                "authUpdateAttempted": True,
            }
        )
        for ended in (
            setting_it,
            anext(reader),
            anext(views),
            subscription.value(),
            anext(subscription.values()),
        ):
            with pytest.raises(LiveReadsError, match="bad signature") as caught:
                await bounded(ended)
            assert caught.value.code == "E_LIVE_TOKEN_REJECTED"
        assert live.view().results == {}
        assert not (await setting.report(TokenRejected)).retrying
        setting_it = asyncio.create_task(live.set_token("good"))
        peer = await setting.server.accept()
        await peer.hear("Connect")
        identity = await hears_token(peer, "good")
        await peer.hear("ModifyQuerySet")
        await peer.show(updated(0, "mine"), at=9, query_set=1, identity=identity)
        await bounded(setting_it)
        assert await next_of(reader) == "mine"
        assert (await next_of(views))[subscription] == "mine"


async def test_a_bad_token_from_the_start_is_raised_by_connecting(setting):
    live = setting.client(token="bad")
    connecting = asyncio.create_task(live.connect())
    peer = await setting.server.accept()
    await peer.hear("Connect")
    await hears_token(peer, "bad")
    await peer.say(
        {"type": "AuthError", "error": "bad", "baseVersion": 0, "authUpdateAttempted": True}
    )
    with pytest.raises(LiveReadsError, match="E_LIVE_TOKEN_REJECTED"):
        await bounded(connecting)
    await peer.gone()


async def test_a_provider_is_asked_again_when_its_token_was_refused(setting):
    asked = []

    async def provider(*, force_refresh):
        asked.append(force_refresh)
        return f"token {len(asked)}"

    live = setting.client(token=provider)
    connecting = asyncio.create_task(live.connect())
    peer = await setting.server.accept()
    await peer.hear("Connect")
    await hears_token(peer, "token 1")
    await peer.say(
        {"type": "AuthError", "error": "expired", "baseVersion": 0, "authUpdateAttempted": True}
    )
    peer = await setting.server.accept()
    await peer.hear("Connect")
    await hears_token(peer, "token 2")
    await peer.show(at=1, query_set=1, identity=1)
    await bounded(connecting)
    assert asked == [False, True]
    await bounded(live.close())


async def fails(*, force_refresh):
    raise ConvexError("no session")


async def gives_nothing(*, force_refresh):
    return None


@pytest.mark.parametrize(("provider", "text"), [(fails, "no session"), (gives_nothing, "NoneType")])
async def test_a_provider_that_fails_is_raised(setting, provider, text):
    with pytest.raises(LiveReadsError, match=text) as caught:
        await bounded(setting.client(token=provider).connect())
    assert caught.value.code == "E_LIVE_TOKEN_UNAVAILABLE"
    live, _ = await setting.connected()
    async with live_closed(live):
        with pytest.raises(LiveReadsError, match=text):
            await bounded(live.set_token(provider))
        assert live.state is State.LIVE


async def test_a_provider_that_hangs_is_given_up(setting):
    entered, ended = asyncio.Event(), asyncio.Event()

    async def hangs(*, force_refresh):
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    live = setting.client(token=hangs)
    connecting = asyncio.create_task(live.connect())
    await bounded(entered.wait())
    setting.clock.advance(10)
    with pytest.raises(LiveReadsError, match="E_LIVE_TOKEN_UNAVAILABLE"):
        await bounded(connecting)
    assert ended.is_set()


async def test_an_identity_is_not_waited_for_longer_than_said(setting):
    live, peer = await setting.connected(value_timeout=3)
    async with live_closed(live):
        setting_it = asyncio.create_task(live.set_token("token"))
        await hears_token(peer, "token")
        setting.clock.advance(3)
        with pytest.raises(LiveReadsError, match="E_LIVE_TIMEOUT"):
            await bounded(setting_it)


async def test_what_a_listener_raises_does_not_reach_the_client(setting):
    caught = asyncio.Queue()
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: caught.put_nowait(context))
    setting.reports = asyncio.Queue(maxsize=1)
    live = setting.client()
    await asyncio.gather(live.connect(), answer_one(setting))
    async with live_closed(live):
        await subscribed(live, setting.peer, "m:a")
        await setting.peer.show(updated(0, "b", logLines=["[LOG] 'x'"]), at=9)
        await setting.peer.show(updated(0, "c", logLines=["[LOG] 'x'"]), at=10)
        assert await next_of(live.subscribe("m:a")) in {"m:a", "b", "c"}
        context = await bounded(caught.get())
        assert isinstance(context["exception"], asyncio.QueueFull)
        assert live.state is State.LIVE
    loop.set_exception_handler(before)
