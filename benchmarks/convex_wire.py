"""What the wire adds to the in-memory Convex: round trips, and what a commit costs its readers."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
from websockets.asyncio.client import connect

from benchmarks.measure import Row
from codex_fakes.convex import (
    App,
    Backend,
    SystemClock,
    define_schema,
    define_table,
    mutation,
    query,
    v,
)
from codex_fakes.convex.wire import ConvexServer, ListeningConvex
from codex_fakes.convex.wire.state_file import StateFile
from codex_runtime.values import from_json

ROUNDS = 3
TURNS = 300
SUBSCRIPTIONS = 100
TOUCHED_LIMIT = 0.25
"""How much of what re-running all subscriptions costs re-running one of them may cost."""
KEPT_ROWS = (100, 10_000)
KEPT_LIMIT = 2.0

SCHEMA = define_schema(
    {"rows": define_table({"key": v.string(), "count": v.number()}).index("by_key", ["key"])}
)


def _found(ctx, key):
    return ctx.db.query("rows").with_index("by_key", lambda q: q.eq("key", key)).unique()


@query(args={"key": v.string()})
def count(ctx, args):
    row = _found(ctx, args["key"])
    return 0 if row is None else row["count"]


@mutation(args={"keys": v.array(v.string())})
def bump(ctx, args):
    for key in args["keys"]:
        row = _found(ctx, key)
        if row is None:
            ctx.db.insert("rows", {"key": key, "count": 1})
        else:
            ctx.db.patch(row["_id"], {"count": row["count"] + 1})


APP = App(schema=SCHEMA, modules={"bench": {"count": count, "bump": bump}})
KEYS = [f"key{number}" for number in range(SUBSCRIPTIONS)]


async def best(once: Callable[[], Awaitable[object]], turns: int) -> float:
    """The least seconds that one turn takes, on the average of a round."""
    found = float("inf")
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(turns):
            await once()
        found = min(found, (time.perf_counter() - begin) / turns)
    return found


class Client:
    """The sync protocol by hand: as little as it takes to wait for what is measured."""

    def __init__(self, send, receive) -> None:
        self._send = send
        self._receive = receive
        self._requests = 0

    async def begin(self, keys: list[str]) -> None:
        """Say hello and subscribe."""
        session = "00000000-0000-4000-8000-000000000000"
        await self._say(
            {
                "type": "Connect",
                "sessionId": session,
                "connectionCount": 0,
                "lastCloseReason": "InitialConnect",
            }
        )
        added = [
            {"type": "Add", "queryId": place, "udfPath": "bench:count", "args": [{"key": key}]}
            for place, key in enumerate(keys)
        ]
        await self._say(
            {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": added}
        )
        await self._transition()

    async def bump(self, keys: list[str]) -> None:
        """Run a mutation and wait until all that it changed is here."""
        asked = {"requestId": self._requests, "udfPath": "bench:bump", "args": [{"keys": keys}]}
        self._requests += 1
        await self._say({"type": "Mutation", **asked})
        await self._transition()

    async def _say(self, message: dict[str, object]) -> None:
        await self._send(json.dumps(message))

    async def _transition(self) -> None:
        while json.loads(await self._receive())["type"] != "Transition":
            pass


async def _measured() -> dict[str, float]:
    found = {}
    backend = Backend(APP, clock=SystemClock())
    server = ConvexServer(backend)
    body = {"path": "bench:bump", "args": {"keys": ["http"]}, "format": "convex_encoded_json"}
    asked = from_json(body["args"])

    async def direct() -> None:
        backend.mutation("bench:bump", asked).unwrap()

    def over(client: httpx.AsyncClient) -> Callable[[], Awaitable[object]]:
        async def once() -> None:
            (await client.post("/api/mutation", json=body)).raise_for_status()

        return once

    async with AsyncExitStack() as stack:
        listening = await stack.enter_async_context(ListeningConvex(server))
        found["direct"] = await best(direct, TURNS)
        inside = httpx.AsyncClient(
            transport=httpx.ASGITransport(server.asgi), base_url="http://convex"
        )
        outside = httpx.AsyncClient(base_url=listening.url)
        for name, client in (("asgi", inside), ("http", outside)):
            await stack.enter_async_context(client)
            found[name] = await best(over(client), TURNS)

        url = listening.url.replace("http", "ws", 1)
        socket = await stack.enter_async_context(connect(f"{url}/api/sync"))
        websocket = Client(socket.send, socket.recv)
        await websocket.begin([])
        found["websocket"] = await best(lambda: websocket.bump(["ws"]), TURNS)

        memory = server.connect()
        reader = Client(memory.send, memory.receive)
        await reader.begin(KEYS)
        found["none"] = await best(lambda: reader.bump(["other"]), TURNS)
        found["one"] = await best(lambda: reader.bump(KEYS[:1]), TURNS)
        found["all"] = await best(lambda: reader.bump(KEYS), TURNS // 10)
        await memory.close()
    return found


async def _kept() -> dict[int, float]:
    """The least seconds of a commit that is kept in a file, by the rows there are."""
    found = {}
    for size in KEPT_ROWS:
        backend = Backend(APP)
        for begin in range(0, size, 1_000):
            keys = [f"row{place}" for place in range(begin, min(size, begin + 1_000))]
            backend.mutation("bench:bump", {"keys": keys}).unwrap()
        server = ConvexServer(backend)
        with tempfile.TemporaryDirectory() as folder:
            file = StateFile(Path(folder) / "state")
            server.persist(file)

            async def once(backend: Backend = backend, server: ConvexServer = server) -> None:
                backend.mutation("bench:bump", {"keys": ["row0"]}).unwrap()
                server.settle()

            found[size] = await best(once, TURNS)
            file.close()
    return found


def rows() -> Iterator[Row]:
    """The lines of the table."""
    found = asyncio.run(_measured())

    def row(what: str, name: str, base: str, words: str, limit: float | None = None) -> Row:
        ratio = found[name] / found[base]
        return Row(
            what,
            f"{found[name] * 1e6:,.0f} µs",
            f"{ratio:.2f} x {words}",
            "" if limit is None else f"<= {limit} x",
            None if limit is None else ratio <= limit,
        )

    yield row("a mutation without a wire", "direct", "direct", "itself")
    yield row("a mutation over HTTP, in the process", "asgi", "direct", "without a wire")
    yield row("a mutation over HTTP, on a port", "http", "direct", "without a wire")
    yield row("a mutation over a websocket, on a port", "websocket", "http", "over HTTP")
    many = f"{SUBSCRIPTIONS} subscriptions"
    yield row(f"a commit that touches all of {many}", "all", "all", "itself")
    yield row(f"a commit that touches 1 of {many}", "one", "all", "all", TOUCHED_LIMIT)
    yield row(f"a commit that touches none of {many}", "none", "all", "all", TOUCHED_LIMIT)
    few, most = (seconds for _, seconds in sorted(asyncio.run(_kept()).items()))
    yield Row(
        f"a commit that is kept in a file, {max(KEPT_ROWS):,} rows",
        f"{most * 1e6:,.0f} µs",
        f"{most / few:.2f} x that of {min(KEPT_ROWS)} rows",
        f"<= {KEPT_LIMIT} x",
        most / few <= KEPT_LIMIT,
    )
