"""Sessions on sockets: in memory, where order can be seen, and on the loopback interface."""

from __future__ import annotations

import asyncio
import inspect
import json

import pytest
from websockets.asyncio.client import connect
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Close, Frame, Opcode
from websockets.uri import parse_uri

from codex_fakes.convex import App, Backend, SystemClock, action, mutation, query
from codex_fakes.convex.wire import ConvexServer, ListeningConvex
from codex_fakes.convex.wire.client_versions import UNKNOWN
from codex_fakes.convex.wire.effects import RunAction
from codex_fakes.convex.wire.in_process import InProcessConvex
from codex_fakes.convex.wire.session import Session, Surroundings
from codex_fakes.convex.wire.sockets import SocketShell
from codex_runtime.errors import ConfigurationError
from support.convex_app import APP
from support.convex_sessions import SESSION

pytestmark = pytest.mark.anyio

PATIENCE = 10.0


def frame(**message):
    return json.dumps(message)


CONNECT = frame(type="Connect", sessionId=SESSION, connectionCount=0)
SEND = frame(type="Mutation", requestId=0, udfPath="messages:send", args=[{"body": "hi"}])
RELAY = frame(type="Action", requestId=0, udfPath="messages:relay", args=[{"body": "hi"}])


def following(*paths, base=0):
    added = [
        {"type": "Add", "queryId": number, "udfPath": path, "args": [{}]}
        for number, path in enumerate(paths)
    ]
    return frame(type="ModifyQuerySet", baseVersion=base, newVersion=base + 1, modifications=added)


async def heard(socket, count):
    async with asyncio.timeout(PATIENCE):
        return [json.loads(await socket.receive()) for _ in range(count)]


async def ending(socket):
    async with asyncio.timeout(PATIENCE):
        while isinstance(await socket.receive(), str):
            pass
    return tuple(socket.ended)


class PlainWebsocket:
    """A websocket whose frames can be seen, those that keep it alive included."""

    def __init__(self, port, *, answers=True):
        self._port = port
        self._answers = answers
        self._protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/api/sync"))
        self._frames = []

    async def __aenter__(self):
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._protocol.send_request(self._protocol.connect())
        self._flush()
        return self

    async def __aexit__(self, *error):
        self._writer.transport.abort()

    async def frame(self):
        """The next frame of the server."""
        async with asyncio.timeout(PATIENCE):
            while not self._frames:
                self._protocol.receive_data(await self._reader.read(1 << 16))
                events = self._protocol.events_received()
                self._frames += [event for event in events if isinstance(event, Frame)]
                if self._answers:
                    self._flush()
        return self._frames.pop(0)

    def _flush(self):
        self._writer.write(b"".join(self._protocol.data_to_send()))


# In memory -----------------------------------------------------------------------------------


async def test_a_socket_in_memory_speaks_the_protocol():
    async with InProcessConvex(APP) as convex:
        socket = convex.connect()
        for text in (CONNECT, following("messages:list"), SEND):
            await socket.send(text)
        kinds = [message["type"] for message in await heard(socket, 4)]

    assert kinds == ["Ping", "Transition", "MutationResponse", "Transition"]


async def test_a_commit_from_anywhere_reaches_who_follows_it():
    async with InProcessConvex(APP) as convex:
        socket = convex.connect()
        await socket.send(following("messages:list"))
        await heard(socket, 1)
        convex.backend.mutation("messages:send", {"body": "hi"})
        [transition] = await heard(socket, 1)

    assert transition["modifications"][0]["value"][0]["body"] == "hi"


async def test_an_action_runs_beside_what_else_is_said():
    entered, leave = asyncio.Event(), asyncio.Event()

    @action
    async def slow(ctx, args):
        entered.set()
        await leave.wait()
        return "done"

    @query
    def quick(ctx, args):
        return "quick"

    async with InProcessConvex(App(modules={"m": {"slow": slow, "quick": quick}})) as convex:
        socket = convex.connect()
        await socket.send(frame(type="Action", requestId=0, udfPath="m:slow", args=[{}]))
        await socket.send(following("m:quick"))
        [first] = await heard(socket, 1)
        leave.set()
        response, transition = await heard(socket, 2)

    assert entered.is_set()
    assert first["modifications"][0]["value"] == "quick"
    assert (response["type"], response["result"]) == ("ActionResponse", "done")
    assert transition["type"] == "Transition"


async def test_an_action_goes_on_when_its_socket_is_cut():
    entered, leave = asyncio.Event(), asyncio.Event()

    @mutation
    def write(ctx, args):
        ctx.db.insert("rows", {})

    @query
    def count(ctx, args):
        return len(ctx.db.query("rows").collect())

    @action
    async def slow(ctx, args):
        entered.set()
        await leave.wait()
        await ctx.run_mutation("m:write", {})

    module = {"slow": slow, "write": write, "count": count}
    async with InProcessConvex(App(modules={"m": module})) as convex:
        acting, watching = convex.connect(), convex.connect()
        await watching.send(following("m:count"))
        await heard(watching, 1)
        await acting.send(frame(type="Action", requestId=0, udfPath="m:slow", args=[{}]))
        async with asyncio.timeout(PATIENCE):
            await entered.wait()
        convex.inject("drop_sockets")
        assert await ending(acting) == (1006, "")
        leave.set()
        again = convex.connect()
        await again.send(following("m:count"))
        [transition] = await heard(again, 1)
        if transition["modifications"][0]["value"] == 0.0:
            [transition] = await heard(again, 1)

    assert transition["modifications"][0]["value"] == 1.0


async def test_a_client_that_leaves_is_forgotten():
    async with InProcessConvex(APP) as convex:
        socket, other = convex.connect(), convex.connect()
        await socket.send(following("messages:list"))
        await heard(socket, 1)
        assert convex.server.query_count == 1
        await other.send(following("who:am"))
        await heard(other, 1)
        await socket.close()
        await asyncio.wait(convex.server._sockets, return_when=asyncio.FIRST_COMPLETED)

        assert (convex.server.socket_count, convex.server.query_count) == (1, 1)


async def test_a_refusal_closes_with_its_code_and_reason():
    async with InProcessConvex(APP) as convex:
        convex.inject("conflict", times=5)
        socket = convex.connect()
        await socket.send(SEND)

        assert await ending(socket) == (1013, "OptimisticConcurrencyControlFailure")
        assert await socket.receive() == socket.ended


async def test_a_frame_of_bytes_closes_with_an_internal_error():
    async with InProcessConvex(APP) as convex:
        socket = convex.connect()
        await socket.send(b"\x00")

        assert await ending(socket) == (1011, "InternalServerError")


async def test_a_restart_cuts_every_socket_and_keeps_data_answers_and_tokens():
    async with InProcessConvex(APP) as convex:
        token = convex.token("ada")
        before = convex.backend
        socket = convex.connect()
        for text in (CONNECT, SEND):
            await socket.send(text)
        _, first, _ = await heard(socket, 3)
        convex.inject("restart")
        assert await ending(socket) == (1006, "")
        assert convex.backend is not before

        socket = convex.connect()
        signing = frame(type="Authenticate", baseVersion=0, tokenType="User", value=token)
        for text in (CONNECT, SEND, signing, following("messages:list", "who:am")):
            await socket.send(text)
        _, second, *_, transition = await heard(socket, 5)

    assert second == first
    messages, who = (change["value"] for change in transition["modifications"])
    assert ([message["body"] for message in messages], who) == (["hi"], "ada")


async def test_a_reset_is_told_to_who_follows():
    async with InProcessConvex(APP) as convex:
        socket = convex.connect()
        for text in (following("messages:list"), SEND):
            await socket.send(text)
        await heard(socket, 3)
        convex.server.reset()
        [transition] = await heard(socket, 1)

    assert transition["modifications"][0]["value"] == []


async def test_a_defect_of_the_server_is_raised_when_it_ends():
    class BrokenError(Exception):
        pass

    async def breaks():
        raise BrokenError

    server = InProcessConvex(APP).server
    server.spawn(breaks())
    await asyncio.wait(server._tasks)
    with pytest.raises(ExceptionGroup) as caught:
        await server.aclose()

    assert caught.group_contains(BrokenError)


class HandSocket:
    """A socket whose other side is this test."""

    def __init__(self):
        self.inbox = asyncio.Queue()
        self.sent = []
        self.sending = asyncio.Event()
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.ended = []

    async def receive(self):
        return await self.inbox.get()

    async def send(self, text):
        self.sending.set()
        await self.may_send.wait()
        self.sent.append(json.loads(text)["type"])
        return True

    async def close(self, code, reason):
        self.ended.append((code, reason))

    def abort(self):
        self.ended.append("aborted")


def shell_on(socket, server, **options):
    around = Surroundings(
        backend=server.backend,
        authenticate=server.authenticate,
        answered=server._answered,
        answers=server.answers,
        faults=server.faults,
        now_ms=server.backend.clock.now_ms,
    )

    async def never(effect: RunAction):
        raise AssertionError

    return SocketShell(
        Session(around, UNKNOWN),
        socket,
        run_action=never,
        spawn=server.spawn,
        before_telling=options.pop("before_telling", lambda: None),
        **options,
    )


async def test_silence_is_broken_by_pings():
    socket = HandSocket()
    shell = shell_on(socket, ConvexServer(Backend(APP)), idle_seconds=0.001)
    running = asyncio.create_task(shell.run())
    async with asyncio.timeout(PATIENCE):
        await socket.sending.wait()
    await socket.inbox.put(None)
    await running

    assert set(socket.sent) == {"Ping"}


async def test_a_client_that_reads_slowly_gets_one_transition_for_many_commits():
    server = ConvexServer(Backend(APP))
    socket = HandSocket()
    shell = shell_on(socket, server)
    server.backend.subscribe_commits(
        lambda commit: shell.wake() if shell.session.committed(commit) else None
    )
    running = asyncio.create_task(shell.run())
    socket.may_send.clear()
    await socket.inbox.put(following("messages:list"))
    async with asyncio.timeout(PATIENCE):
        await socket.sending.wait()
    for number in range(50):
        server.backend.mutation("messages:send", {"body": str(number)})
    socket.sending.clear()
    socket.may_send.set()
    async with asyncio.timeout(PATIENCE):
        await socket.sending.wait()
    await socket.inbox.put(None)
    await running

    assert socket.sent == ["Transition", "Transition"]


async def test_what_cannot_be_kept_is_not_told():
    def full():
        raise ConfigurationError("E_FAKE_CONVEX_STATE_UNWRITABLE", "the disk is full")

    socket = HandSocket()
    shell = shell_on(socket, ConvexServer(Backend(APP)), before_telling=full)
    await socket.inbox.put(SEND)

    with pytest.raises(ConfigurationError, match="E_FAKE_CONVEX_STATE_UNWRITABLE"):
        await shell.run()
    assert (socket.sent, socket.ended) == ([], ["aborted"])


# On the loopback interface -------------------------------------------------------------------


@pytest.fixture
async def listening():
    async with ListeningConvex(ConvexServer(Backend(APP, clock=SystemClock()))) as served:
        yield served


def url_of(listening, path="/api/sync"):
    return f"ws://127.0.0.1:{listening.port}{path}"


@pytest.mark.parametrize("path", ["/api/sync", "/api/1.48.0/sync"])
async def test_a_websocket_speaks_the_protocol(listening, path):
    async with connect(url_of(listening, path)) as socket, asyncio.timeout(PATIENCE):
        for text in (CONNECT, RELAY):
            await socket.send(text)
        kinds = [json.loads(await socket.recv())["type"] for _ in range(3)]

    assert kinds == ["Ping", "ActionResponse", "Transition"]


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("/api/x/sync", {}, "InvalidClientVersion"),
        ("/api/0.19.1/sync", {}, "ClientVersionUnsupported"),
        ("/api/sync", {"Convex-Client": "nothing"}, "InvalidClientVersion"),
        ("/api/sync", {"Convex-Client": "python-0.0.2"}, "ClientVersionUnsupported"),
    ],
)
async def test_a_client_that_is_not_served_is_refused_before_the_websocket(
    listening, path, headers, code
):
    with pytest.raises(InvalidStatus) as caught:
        await connect(url_of(listening, path), additional_headers=headers)

    assert caught.value.response.status_code == 400
    assert json.loads(caught.value.response.body)["code"] == code


async def test_a_fatal_error_ends_the_websocket_properly(listening):
    async with connect(url_of(listening)) as socket, asyncio.timeout(PATIENCE):
        await socket.send("{")
        fatal = json.loads(await socket.recv())
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()

    assert fatal["type"] == "FatalError"
    assert caught.value.rcvd.code == 1000


async def test_a_token_that_is_not_believed_ends_the_websocket_properly(listening):
    bad = frame(type="Authenticate", baseVersion=0, tokenType="User", value="no token")
    async with connect(url_of(listening)) as socket, asyncio.timeout(PATIENCE):
        await socket.send(CONNECT)
        await socket.recv()
        await socket.send(bad)
        refused = json.loads(await socket.recv())
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()

    assert (refused["type"], refused["baseVersion"]) == ("AuthError", 0)
    assert refused["authUpdateAttempted"] is True
    assert caught.value.rcvd.code == 1000


async def test_a_client_that_answers_is_pinged_again_and_again():
    server = ConvexServer(Backend(APP))
    async with (
        ListeningConvex(server, ping_seconds=0.001) as served,
        PlainWebsocket(served.port) as client,
    ):
        pings = [await client.frame() for _ in range(3)]
        assert server.socket_count == 1

    assert {ping.opcode for ping in pings} == {Opcode.PING}
    assert len({bytes(ping.data) for ping in pings}) == 3


async def test_a_client_that_answers_no_ping_is_gone():
    server = ConvexServer(Backend(APP))
    async with (
        ListeningConvex(server, ping_seconds=0.001, silence_seconds=0.001) as served,
        PlainWebsocket(served.port, answers=False) as client,
    ):
        ping, close = await client.frame(), await client.frame()

    assert (ping.opcode, close.opcode) == (Opcode.PING, Opcode.CLOSE)
    assert Close.parse(close.data) == Close(1011, "keepalive ping timeout")
    assert server.socket_count == 0


def test_clients_are_pinged_every_5_seconds_and_are_gone_after_120_of_silence():
    options = inspect.signature(ListeningConvex).parameters
    assert options["ping_seconds"].default == 5.0
    assert options["silence_seconds"].default == 120.0
    assert inspect.signature(SocketShell).parameters["idle_seconds"].default == 15.0


async def test_another_app_is_told_to_who_follows_the_one_before():
    @query(name="list")
    def anew(ctx, args):
        return "new"

    async with InProcessConvex(APP) as convex:
        socket = convex.connect()
        await socket.send(following("messages:list", "messages:nothing"))
        [before] = await heard(socket, 1)
        nothing = {"nothing": query(lambda ctx, args: "there now")}
        convex.backend.deploy(App(modules={"messages": {"list": anew, **nothing}}))
        [after] = await heard(socket, 1)

    assert [change["type"] for change in before["modifications"]] == ["QueryUpdated", "QueryFailed"]
    assert [change["value"] for change in after["modifications"]] == ["new", "there now"]


@pytest.mark.parametrize("fault", ["drop_before_commit", "drop_after_commit", "drop_sockets"])
async def test_a_cut_websocket_ends_without_a_word(listening, fault):
    async with connect(url_of(listening)) as socket, asyncio.timeout(PATIENCE):
        await socket.send(CONNECT)
        await socket.recv()
        listening.server.inject(fault)
        await socket.send(SEND)
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()

    assert caught.value.rcvd is None


async def test_a_frame_of_16_mib_comes_through(listening):
    args = [{"data": "x" * (16 << 20)}]
    async with connect(url_of(listening)) as socket, asyncio.timeout(60):
        await socket.send(frame(type="Mutation", requestId=0, udfPath="values:size", args=args))
        response = json.loads(await socket.recv())

    assert "are too large" in response["result"]


async def test_a_server_that_ends_leaves_nothing(listening):
    before = asyncio.all_tasks()
    async with ListeningConvex(ConvexServer(Backend(APP, clock=SystemClock()))) as served:
        socket = await connect(url_of(served))
        await socket.send(following("messages:list"))
        await socket.recv()
    with pytest.raises(ConnectionClosed):
        await socket.recv()
    await socket.close()

    assert {task for task in asyncio.all_tasks() - before if not task.done()} == set()


async def test_a_port_that_is_taken_is_a_coded_error(listening):
    with pytest.raises(ConfigurationError, match="E_FAKE_PORT_BUSY"):
        async with ListeningConvex(ConvexServer(Backend(APP)), port=listening.port):
            pass


def scheduling_app(done, gate=None, full=None):
    waiting = []

    @mutation
    def note(ctx, args):
        ctx.db.insert("notes", {})
        done.set()

    @mutation
    def later(ctx, args):
        for path in args["paths"]:
            ctx.scheduler.run_after(args.get("ms", 0), path, {})

    @action
    async def waits(ctx, args):
        waiting.append(1)
        if len(waiting) == 8 and full is not None:
            full.set()
        await gate.wait()

    return App(modules={"m": {"note": note, "later": later, "waits": waits}})


async def test_what_is_scheduled_runs_by_the_machines_clock():
    done = asyncio.Event()
    backend = Backend(scheduling_app(done), clock=SystemClock())
    async with ListeningConvex(ConvexServer(backend)), asyncio.timeout(PATIENCE):
        assert backend.mutation("m:later", {"paths": ["m:note"], "ms": 1}).ok
        await done.wait()


async def test_an_action_that_takes_long_holds_up_nothing_that_is_scheduled():
    done, gate = asyncio.Event(), asyncio.Event()
    backend = Backend(scheduling_app(done, gate), clock=SystemClock())
    async with ListeningConvex(ConvexServer(backend)), asyncio.timeout(PATIENCE):
        assert backend.mutation("m:later", {"paths": ["m:waits"] * 3}).ok
        assert backend.mutation("m:later", {"paths": ["m:note"]}).ok
        await done.wait()
        gate.set()


async def test_what_is_scheduled_while_all_places_are_taken_runs_when_one_is_free():
    done, gate, full = asyncio.Event(), asyncio.Event(), asyncio.Event()
    backend = Backend(scheduling_app(done, gate, full), clock=SystemClock())
    async with ListeningConvex(ConvexServer(backend)), asyncio.timeout(PATIENCE):
        assert backend.mutation("m:later", {"paths": ["m:waits"] * 8}).ok
        await full.wait()
        assert backend.mutation("m:later", {"paths": ["m:waits", "m:note"]}).ok
        gate.set()
        await done.wait()


async def test_what_is_scheduled_runs_after_a_restart_too():
    done = asyncio.Event()
    server = ConvexServer(Backend(scheduling_app(done), clock=SystemClock()))
    async with ListeningConvex(server), asyncio.timeout(PATIENCE):
        server.inject("restart")
        assert server.backend.mutation("m:later", {"paths": ["m:note"]}).ok
        await done.wait()
