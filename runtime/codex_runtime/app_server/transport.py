"""What a connection to an app-server is made of: bytes out, bytes in, and one end.

May import asyncio and the error catalogue, never the protocol's messages: a transport does not know
what the bytes mean. The invariant: bytes arrive in order or not at all, ``receive`` returns
``b""`` exactly when nothing more can come, and a slow reader makes the writer wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

MEMORY_PIPE_LIMIT: Final = 1 << 20
"""Bytes an in-memory pipe holds before its writer waits; a write may exceed it once."""


@dataclass(frozen=True, slots=True)
class TransportEnd:
    """How a connection ended.

    Attributes:
        reason: In words, for an error's text.
        exit_code: The exit code of the process, where there is one (negative: that signal).
        stderr: The last part of the process's stderr, decoded, where there is one.
    """

    reason: str
    exit_code: int | None = None
    stderr: str = ""


@runtime_checkable
class Transport(Protocol):
    """One connection to an app-server."""

    async def send(self, data: bytes) -> None:
        """Send complete lines, each ended by a newline; wait while the peer is slow.

        Raises:
            ConnectionError: The connection is closed.
        """

    async def receive(self) -> bytes:
        """Wait for the next bytes, in any split.

        Returns:
            At least one byte; ``b""`` when the connection has ended.
        """

    async def close(self) -> TransportEnd:
        """End the connection in the orderly way and say how it ended; idempotent."""

    def abort(self) -> None:
        """End the connection at once, whatever is under way; idempotent."""


class MemoryPipe:
    """Bytes from one task to another, bounded; one direction of an in-memory connection.

    One reader and any number of writers, all on one event loop.

    Args:
        limit: Bytes it holds before :meth:`drain` makes writers wait.
    """

    def __init__(self, limit: int = MEMORY_PIPE_LIMIT) -> None:
        self._limit = limit
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._reader: asyncio.Future[None] | None = None
        self._writers: list[asyncio.Future[None]] = []

    @property
    def ended(self) -> bool:
        """Whether nothing more can be written."""
        return self._ended

    @property
    def size(self) -> int:
        """Bytes written and not yet read."""
        return self._size

    def feed(self, data: bytes) -> None:
        """Write bytes at once, over the limit if need be.

        Raises:
            ConnectionError: The pipe has ended.
        """
        if self._ended:
            raise ConnectionResetError("the in-memory connection is closed")
        if data:
            self._chunks.append(data)
            self._size += len(data)
            self._wake_reader()

    async def drain(self) -> None:
        """Wait until the pipe is below its limit, or has ended."""
        while self._size >= self._limit and not self._ended:
            waiter = asyncio.get_running_loop().create_future()
            self._writers.append(waiter)
            await waiter

    async def read(self) -> bytes:
        """Wait for bytes; ``b""`` when the pipe has ended and is empty."""
        while not self._chunks and not self._ended:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        data = b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        self._wake_writers()
        return data

    def end(self, *, discard: bool = False) -> None:
        """Let the reader find the end after what has been written; idempotent.

        Args:
            discard: Drop what has not been read yet, as a connection that is cut does.
        """
        self._ended = True
        if discard:
            self._chunks.clear()
            self._size = 0
        self._wake_reader()
        self._wake_writers()

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
        self._reader = None

    def _wake_writers(self) -> None:
        for waiter in self._writers:
            if not waiter.done():
                waiter.set_result(None)
        self._writers.clear()
