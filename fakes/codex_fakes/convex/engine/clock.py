"""What time it is for the functions of a backend: the machine's clock, or one that a test moves.

May import the standard library only. The invariant: a clock never goes back, and nothing else in
the engine asks for the time.
"""

from __future__ import annotations

import time
from typing import Final, Protocol

EPOCH_MS: Final = 1_795_330_000_000.0
"""Where a virtual clock starts unless told otherwise (2026-11-22), in milliseconds since 1970."""


class Clock(Protocol):
    """What the engine knows about time."""

    def now_ms(self) -> float:
        """Milliseconds since the Unix epoch; never goes back."""


class SystemClock:
    """The machine's clock, kept from going back."""

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def now_ms(self) -> float:
        """See :meth:`Clock.now_ms`."""
        return (self._offset + time.monotonic_ns()) / 1_000_000


class VirtualClock:
    """A clock that moves only when somebody moves it.

    Args:
        start_ms: Where it starts, in milliseconds since the Unix epoch.
    """

    def __init__(self, start_ms: float = EPOCH_MS) -> None:
        self._now = float(start_ms)

    def now_ms(self) -> float:
        """See :meth:`Clock.now_ms`."""
        return self._now

    def advance_to(self, moment_ms: float) -> None:
        """Move to a moment; the clock does not go back.

        Args:
            moment_ms: Milliseconds since the Unix epoch.
        """
        self._now = max(self._now, moment_ms)
