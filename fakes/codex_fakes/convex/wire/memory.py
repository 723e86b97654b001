"""A socket of the sync protocol without a network: both of its ends are in this process.

May import asyncio. The invariant: it is what a websocket is to both sides: frames in order, a close
with its code and its reason, a cut without either.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Closed(NamedTuple):
    """How a socket ended.

    Attributes:
        code: The code of the close; 1006 when it was cut.
        reason: The reason.
    """

    code: int
    reason: str


class MemorySocket:
    """The client's end; :attr:`far` is the server's."""

    def __init__(self) -> None:
        self._to_server: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._to_client: asyncio.Queue[str | Closed] = asyncio.Queue()
        self.ended: Closed | None = None
        """How it ended; ``None`` while it is open."""
        self.far = _FarEnd(self._to_server, self._to_client)

    async def send(self, frame: str | bytes) -> None:
        """Send a frame to the server.

        Args:
            frame: Its text, or its bytes.
        """
        await self._to_server.put(frame)

    async def receive(self) -> str | Closed:
        """Wait for a frame from the server.

        Returns:
            Its text, or how the socket ended.
        """
        if self.ended is not None:
            return self.ended
        frame = await self._to_client.get()
        if isinstance(frame, Closed):
            self.ended = frame
        return frame

    def received(self) -> list[str]:
        """Give the frames that have come, without waiting.

        Returns:
            Their texts.
        """
        frames: list[str] = []
        while not self._to_client.empty() and self.ended is None:
            frame = self._to_client.get_nowait()
            if isinstance(frame, Closed):
                self.ended = frame
            else:
                frames.append(frame)
        return frames

    async def close(self) -> None:
        """End the connection from the client's side."""
        await self._to_server.put(None)


class _FarEnd:
    """The server's end, as :class:`codex_fakes.convex.wire.sockets.Socket` has it."""

    def __init__(
        self, inbox: asyncio.Queue[str | bytes | None], outbox: asyncio.Queue[str | Closed]
    ) -> None:
        self._inbox = inbox
        self._put: Callable[[str | Closed], None] = outbox.put_nowait

    async def receive(self) -> str | bytes | None:
        return await self._inbox.get()

    async def send(self, text: str) -> bool:
        self._put(text)
        return True

    async def close(self, code: int, reason: str) -> None:
        self._put(Closed(code, reason))

    def abort(self) -> None:
        self._put(Closed(1006, ""))
