"""Whether memory stays flat while many messages pass through a connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import psutil

from benchmarks.ingest import chunks, stream
from benchmarks.measure import Row
from codex_runtime.app_server.connection import AppServerConnection
from codex_runtime.app_server.memory import MemoryTransport, memory_pair

WARM, MESSAGES = 20_000, 100_000

HELLO = {
    "userAgent": "codex_runtime/0.163.0 (bench)",
    "codexHome": "/home",
    "platformFamily": "unix",
    "platformOs": "linux",
}


def resident() -> int:
    """Bytes this process holds."""
    rss: int = psutil.Process().memory_info().rss
    return rss


async def greet(peer: MemoryTransport) -> None:
    """Play the server's part of the start."""
    asked = json.loads(await peer.receive())
    await peer.send(json.dumps({"id": asked["id"], "result": HELLO}).encode() + b"\n")
    await peer.receive()


async def through_a_connection() -> tuple[int, int]:
    """Resident bytes after the first messages and after all of them."""
    ours, theirs = memory_pair()

    async def opener() -> MemoryTransport:
        return ours

    parts = chunks(stream(WARM))
    async with asyncio.TaskGroup() as group:
        group.create_task(greet(theirs))
        server = AppServerConnection(opener)
        await server.start()

        async def say() -> None:
            for _ in range(MESSAGES // WARM):
                for part in parts:
                    await theirs.send(part)

        group.create_task(say())
        seen, warm = 0, 0
        async for batch in server.event_batches():
            seen += len(batch)
            if not warm and seen >= WARM:
                warm = resident()
            if seen >= MESSAGES:
                break
        after = resident()
        await server.stop()
    return warm, after


def rows() -> Iterator[Row]:
    """The lines of the table."""
    warm, after = asyncio.run(through_a_connection())
    grown = (after - warm) / warm
    yield Row(
        f"memory of a connection, {WARM:,} -> {MESSAGES:,} messages",
        f"{warm / 2**20:.1f} -> {after / 2**20:.1f} MiB",
        f"{grown:+.1%}",
        "flat: <= +5 %",
        grown <= 0.05,
    )
