"""What stands between the client and one reader.

May import asyncio and the exceptions. The invariant: a reader that takes nothing costs a bounded
amount and holds nobody up; what it misses it misses by its own choice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Generic, TypeVar

from codex_runtime.persistence.live_reads.failures import LiveReadsError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Keep(Enum):
    """What a reader gets that is slower than the changes."""

    LATEST = "latest"
    """The latest: what came before it and was not taken is dropped."""
    EVERY = "every"
    """Every one, in order; a reader too far behind ends with ``E_LIVE_CONSUMER_SLOW``."""


class Reader(Generic[T]):
    """An asynchronous iterator over what the client delivers.

    It ends when its subscription or its client is closed. An exception it raises does not end it
    unless the client has ended: iterate again to go on.

    Args:
        keep: What to keep while nobody takes.
        max_pending: How many untaken items ``EVERY`` allows.
    """

    def __init__(self, keep: Keep, max_pending: int) -> None:
        self._limit = 1 if keep is Keep.LATEST else max_pending
        self._keep = keep
        self._pending: deque[Callable[[], T]] = deque()
        self._changed = asyncio.Event()
        self._ended: Exception | None = None

    def __aiter__(self) -> Reader[T]:
        return self

    async def __anext__(self) -> T:
        while not self._pending:
            if self._ended is not None:
                raise self._ended
            self._changed.clear()
            await self._changed.wait()
        return self._pending.popleft()()

    def put(self, item: Callable[[], T]) -> None:
        """Hand an item over.

        Args:
            item: Gives the item, or raises in its place, when it is taken.
        """
        if self._ended is not None:
            return
        if len(self._pending) >= self._limit:
            if self._keep is Keep.EVERY:
                error = LiveReadsError(
                    "E_LIVE_CONSUMER_SLOW", f"{self._limit} items were waiting to be taken"
                )
                self._pending.clear()
                self.end(error)
                return
            self._pending.popleft()
        self._pending.append(item)
        self._changed.set()

    def end(self, error: Exception | None = None) -> None:
        """End the iteration behind what is still to be taken.

        Args:
            error: What to raise at the end, each time; a plain end without it.
        """
        if self._ended is None:
            self._ended = StopAsyncIteration() if error is None else error
            self._changed.set()
