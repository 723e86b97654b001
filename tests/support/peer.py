"""The other end of an in-memory connection, played by the test line by line."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from codex_runtime.app_server.connection import AppServerConnection
from codex_runtime.app_server.memory import MemoryTransport, memory_pair
from codex_runtime.app_server.options import ConnectionOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HELLO = {
    "userAgent": "codex_runtime/0.163.0 (Debian 12.0.0; x86_64) xterm (codex_runtime; 0.1.0)",
    "codexHome": "/home",
    "platformFamily": "unix",
    "platformOs": "linux",
}
WAIT = 10.0


class Peer:
    """Reads what the client sends and says what the test tells it to."""

    def __init__(self, transport: MemoryTransport) -> None:
        self.transport = transport
        self._buffer = b""

    async def heard(self) -> dict[str, Any]:
        """The next message of the client."""
        async with asyncio.timeout(WAIT):
            while b"\n" not in self._buffer:
                data = await self.transport.receive()
                assert data, "the client has closed the connection"
                self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        message = json.loads(line)
        assert isinstance(message, dict)
        return message

    async def say(self, *messages: dict[str, Any]) -> None:
        """Send messages, in one chunk."""
        await self.say_raw(b"".join(json.dumps(message).encode() + b"\n" for message in messages))

    async def say_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        async with asyncio.timeout(WAIT):
            await self.transport.send(data)

    async def hello(self, **result: object) -> None:
        """Answer the client's initialize."""
        asked = await self.heard()
        assert asked["method"] == "initialize"
        await self.say({"id": asked["id"], "result": HELLO | result})

    async def hang_up(self) -> None:
        """End the connection."""
        await self.transport.close()


@asynccontextmanager
async def connected(
    options: ConnectionOptions | None = None,
) -> AsyncIterator[tuple[AppServerConnection, Peer]]:
    """A started connection and its peer."""
    ours, theirs = memory_pair()
    peer = Peer(theirs)

    async def opener() -> MemoryTransport:
        return ours

    server = AppServerConnection(opener, options)
    async with asyncio.TaskGroup() as group:
        group.create_task(peer.hello())
        await server.start()
    assert await peer.heard() == {"method": "initialized"}
    try:
        yield server, peer
    finally:
        await server.stop()
