"""A deployment that says what a test tells it to, over a real websocket, and a clock to match."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json

from websockets.asyncio.server import serve

from codex_runtime.persistence.live_reads.core.versions import encode_ts

PATIENCE = 20.0


def ts(number):
    return encode_ts(number)


def version(query_set=0, identity=0, at=0):
    return {"querySet": query_set, "identity": identity, "ts": ts(at)}


def updated(query_id, value, **more):
    return {
        "type": "QueryUpdated",
        "queryId": query_id,
        "value": value,
        "logLines": [],
        "journal": None,
        **more,
    }


def failed(query_id, message, **more):
    return {
        "type": "QueryFailed",
        "queryId": query_id,
        "errorMessage": message,
        "logLines": [],
        "journal": None,
        **more,
    }


def transition(start, end, *modifications):
    return {
        "type": "Transition",
        "startVersion": start,
        "endVersion": end,
        "modifications": list(modifications),
    }


class Peer:
    """One connection, from the deployment's side."""

    def __init__(self, connection):
        self.connection = connection
        self.at = version()

    async def hear(self, kind):
        async with asyncio.timeout(PATIENCE):
            message = json.loads(await self.connection.recv())
        assert message["type"] == kind, message
        return message

    async def greet(self):
        """Hear what every connection begins with; give the queries it asks for."""
        hello = await self.hear("Connect")
        return hello, (await self.hear("ModifyQuerySet"))["modifications"]

    async def say(self, message):
        text = message if isinstance(message, str | bytes) else json.dumps(message)
        async with asyncio.timeout(PATIENCE):
            await self.connection.send(text)

    async def show(self, *modifications, at, query_set=None, identity=None):
        """Send a transition from where the last one ended."""
        end = version(
            self.at["querySet"] if query_set is None else query_set,
            self.at["identity"] if identity is None else identity,
            at,
        )
        await self.say(transition(self.at, end, *modifications))
        self.at = end

    async def hang_up(self, code=1000, reason=""):
        async with asyncio.timeout(PATIENCE):
            await self.connection.close(code, reason)

    async def gone(self):
        """Wait until the client has closed the connection."""
        async with asyncio.timeout(PATIENCE):
            await self.connection.wait_closed()


class SyncServer:
    """Listens on loopback; each connection is a :class:`Peer` to be accepted."""

    async def __aenter__(self):
        self._peers = asyncio.Queue()
        self._server = await serve(self._serve, "127.0.0.1", 0, max_size=2**28, ping_interval=None)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def _serve(self, connection):
        assert connection.request.path == "/api/sync"
        self._peers.put_nowait(Peer(connection))
        await connection.wait_closed()

    async def accept(self):
        async with asyncio.timeout(PATIENCE):
            return await self._peers.get()

    async def __aexit__(self, *_):
        self._server.close()
        async with asyncio.timeout(PATIENCE):
            await self._server.wait_closed()


async def begun(awaitable):
    """Start waiting for something in a task of its own, and get as far as its first wait."""

    async def wait():
        return await awaitable

    task = asyncio.create_task(wait())
    passed = asyncio.Event()
    # The loop runs what is ready in order: the task has had its turn when this one comes.
    asyncio.get_running_loop().call_soon(passed.set)
    await passed.wait()
    return task


class ManualClock:
    """A clock that a test moves."""

    def __init__(self):
        self.now = 0.0
        self._due = []
        self._numbers = itertools.count()

    def call_later(self, seconds, callback):
        timer = _Timer(self.now + seconds, next(self._numbers), callback)
        heapq.heappush(self._due, timer)
        return timer

    @property
    def waits(self):
        """Seconds until each timer, soonest first."""
        return sorted(round(t.at - self.now, 6) for t in self._due if not t.cancelled)

    def advance(self, seconds):
        self.now += seconds
        while self._due and self._due[0].at <= self.now + 1e-9:
            timer = heapq.heappop(self._due)
            if not timer.cancelled:
                timer.callback()


class _Timer:
    def __init__(self, at, number, callback):
        self.at, self.number, self.callback, self.cancelled = at, number, callback, False

    def __lt__(self, other):
        return (self.at, self.number) < (other.at, other.number)

    def cancel(self):
        self.cancelled = True
