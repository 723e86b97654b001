"""A line between a client and a server that can be cut, so that neither needs to know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

CHUNK = 1 << 16


class CutLine:
    """A TCP relay. To be had from ``cut_line``.

    Attributes:
        connections: How many were opened so far.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._ends: set[asyncio.StreamWriter] = set()
        self._relays: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.url = ""

    def cut(self) -> None:
        """End every connection at once, as a network does: without a word."""
        for end in tuple(self._ends):
            end.transport.abort()

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        self.connections += 1
        task = asyncio.current_task()
        self._relays.add(task)
        try:
            ours, theirs = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.transport.abort()
            self._relays.discard(task)
            return
        self._ends |= {writer, theirs}
        try:
            await asyncio.gather(_carry(reader, theirs), _carry(ours, writer))
        finally:
            for end in (writer, theirs):
                end.transport.abort()
                self._ends.discard(end)
            self._relays.discard(task)

    async def settled(self) -> None:
        """Wait until no connection is carried any more."""
        while self._relays:
            await asyncio.wait(tuple(self._relays))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # An aborted connection is what this line is for: the other side ends with it.
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def cut_line(port: int) -> AsyncIterator[CutLine]:
    """A relay in front of the server on this port of the loopback interface."""
    line = CutLine(port)
    server = await asyncio.start_server(line.relay, "127.0.0.1", 0)
    line.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield line
    finally:
        server.close()
        line.cut()
        await line.settled()
