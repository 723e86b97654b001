"""The clock of a live client: the only thing that knows how time passes.

May import asyncio. The invariant: whatever waits, waits for a timer of this clock, so a test that
brings its own clock needs no time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_runtime.persistence.live_reads.failures import LiveReadsError

T = TypeVar("T")


class TimerHandle(Protocol):
    """A timer that runs."""

    def cancel(self) -> None:
        """Stop it; nothing happens when it has fired."""
        ...


class Clock(Protocol):
    """Something that calls back later."""

    def call_later(self, seconds: float, callback: Callable[[], None], /) -> TimerHandle:
        """Call a function once, after a while, from the event loop.

        Args:
            seconds: How long from now.
            callback: The function.

        Returns:
            The timer.
        """
        ...


class LoopClock:
    """The clock of the running event loop."""

    def call_later(self, seconds: float, callback: Callable[[], None], /) -> TimerHandle:
        """See :meth:`Clock.call_later`."""
        return asyncio.get_running_loop().call_later(seconds, callback)


async def within(
    clock: Clock, seconds: float, future: asyncio.Future[T], late: Callable[[], LiveReadsError]
) -> T:
    """Wait for a future, no longer than some time.

    Args:
        clock: The clock.
        seconds: How long.
        future: The future; it is finished either way.
        late: Makes the exception for when the time is over.

    Returns:
        The result of the future.
    """

    def end() -> None:
        if not future.done():
            future.set_exception(late())

    timer = clock.call_later(seconds, end)
    try:
        return await future
    finally:
        timer.cancel()
