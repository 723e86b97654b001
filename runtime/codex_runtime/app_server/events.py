"""The events of a connection, on their way from its reader to its one consumer.

May import asyncio and the messages. The invariant: events arrive in the order of the wire and none
is dropped; when more wait than the limit allows, the reader pauses, and with it the app-server.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from codex_runtime.errors import RemoteProtocolError
from codex_runtime.protocol.correlation import LateAnswer
from codex_runtime.protocol.messages import Notification, Request

if TYPE_CHECKING:
    from codex_runtime.app_server.transport import TransportEnd

EVENT_BYTES: Final = 16 * 1024 * 1024
"""How many bytes of events may wait before the reader pauses."""

EVENT_OVERHEAD: Final = 512
"""Bytes that an event is counted for beside its line."""


@dataclass(frozen=True, slots=True)
class ConnectionEnded:
    """The last event of a connection.

    Attributes:
        end: How it ended.
        requested: Whether we ended it.
    """

    end: TransportEnd
    requested: bool


Event: TypeAlias = Notification | Request | RemoteProtocolError | LateAnswer | ConnectionEnded
"""What a consumer sees: notifications, server requests, what was no message or answered nothing (as
errors that are values), answers to requests that were given up, and the end."""


class EventQueue:
    """Holds events for one consumer, and tells the reader when to pause.

    Args:
        limit: Bytes of events that may wait.
    """

    def __init__(self, limit: int = EVENT_BYTES) -> None:
        self._limit = limit
        self._events: deque[Event] = deque()
        self._size = 0
        self._finished = False
        self._unbounded = False
        self._consumer: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        """How many events wait."""
        return len(self._events)

    @property
    def full(self) -> bool:
        """Whether the reader has to pause."""
        return self._size >= self._limit and not self._unbounded

    def put(self, events: list[Event], size: int) -> None:
        """Add events, over the limit if need be; see :meth:`room`.

        Args:
            events: The events.
            size: The bytes they came in.
        """
        if not events:
            return
        self._events.extend(events)
        self._size += size + len(events) * EVENT_OVERHEAD
        if self._consumer is not None:
            _wake(self._consumer)

    def finish(self, event: ConnectionEnded) -> None:
        """Add the last event."""
        self._finished = True
        self.put([event], 0)

    def lift_limit(self) -> None:
        """Stop pausing the reader: what is left of the connection is to be read to its end."""
        self._unbounded = True
        if self._room is not None:
            _wake(self._room)

    async def room(self) -> None:
        """Wait until there is room for another event."""
        while self.full:
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    async def take(self) -> list[Event]:
        """Wait for events; returns all that wait, and nothing after the last one was taken."""
        while not self._events and not self._finished:
            self._consumer = asyncio.get_running_loop().create_future()
            await self._consumer
        taken = list(self._events)
        self._events.clear()
        self._size = 0
        if self._room is not None:
            _wake(self._room)
        return taken


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
