"""What becomes of clients in this process that do not read (FACTS §16).

May import asyncio, and as a type the in-memory transport. The client of stdio makes the server
wait; one of several clients makes nobody wait, and is cut off when too much has piled up for it.
The invariant: what piles up for a client is bounded, but for what a single step of the server says.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from codex_runtime.app_server.memory import MemoryTransport

PIPE_LIMIT: Final = 1 << 20
"""Bytes that wait for the only client before the server waits, too."""

UNREAD_LIMIT: Final = 1 << 26
"""Bytes that may wait for one of several clients before its connection is cut: 60 MB are known to
be kept for it, 80 MB are not."""


class SlowClients:
    """Keeps what piles up for clients within bounds.

    Args:
        single: Whether there is one client only, as on stdio.
    """

    def __init__(self, *, single: bool) -> None:
        self._single = single
        self._waiting: asyncio.Task[None] | None = None

    def hold_back(self, ends: Iterable[MemoryTransport], go_on: Callable[[], None]) -> bool:
        """Say whether the server has to wait for its only client.

        Args:
            ends: The server's ends of the connections.
            go_on: Called once the client has read.
        """
        if not self._single:
            return False
        full = [end for end in ends if end.outgoing.size >= PIPE_LIMIT]
        if full and self._waiting is None:
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_task(self._wait(full[0], go_on))
        return bool(full)

    async def _wait(self, end: MemoryTransport, go_on: Callable[[], None]) -> None:
        await end.outgoing.drain()
        self._waiting = None
        go_on()

    def cut_off(self, end: MemoryTransport) -> None:
        """Cut one of several clients off for which too much has piled up."""
        if not self._single and end.outgoing.size > UNREAD_LIMIT:
            end.outgoing.end(discard=True)
            end.incoming.end(discard=True)
