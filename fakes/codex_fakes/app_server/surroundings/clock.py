"""Time and chance, as values that are handed in: clocks, and the ids a server makes up.

May import the standard library only. The invariant: with a virtual clock and a seed a run is
deterministic, ids included; nothing else in the simulation asks for the time or for randomness.
"""

from __future__ import annotations

import random
import time
import uuid
from typing import Final, Protocol

EPOCH_MS: Final = 1_795_330_000_000
"""Where a virtual clock starts unless told otherwise (2026-11-22, the day of the recordings)."""


class Clock(Protocol):
    """What the simulation knows about time."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch; never goes back."""


class SystemClock:
    """The machine's clock, kept from going back."""

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def now_ms(self) -> int:
        """See :meth:`Clock.now_ms`."""
        return (self._offset + time.monotonic_ns()) // 1_000_000


class VirtualClock:
    """A clock that moves only when somebody waits for it: timers cost no wall time.

    Args:
        start_ms: Where it starts, in milliseconds since the Unix epoch.
        longest_jump_ms: How far ahead a timer may be for the clock to move there by itself; what
            is farther waits until somebody advances the clock. ``None``: any distance.
    """

    def __init__(self, start_ms: int = EPOCH_MS, longest_jump_ms: int | None = None) -> None:
        self._now = start_ms
        self._longest_jump_ms = longest_jump_ms

    def now_ms(self) -> int:
        """See :meth:`Clock.now_ms`."""
        return self._now

    def jumps_to(self, moment_ms: int) -> bool:
        """Whether the clock moves to a moment by itself.

        Args:
            moment_ms: Milliseconds since the Unix epoch.
        """
        return self._longest_jump_ms is None or moment_ms - self._now <= self._longest_jump_ms

    def advance_to(self, moment_ms: int) -> None:
        """Move to a moment; the clock does not go back.

        Args:
            moment_ms: Milliseconds since the Unix epoch.
        """
        self._now = max(self._now, moment_ms)


class Ids:
    """Makes up ids: UUIDv7 for what the server names, UUIDv4 and numbers for the rest.

    Args:
        clock: The clock that UUIDv7 ids are stamped with.
        seed: The seed; ``None`` draws from the system's randomness.
    """

    def __init__(self, clock: Clock, seed: int | None) -> None:
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311 - names for a simulation, not secrets
        self._last = 0

    def uuid7(self) -> str:
        """A time-ordered id, larger than every one made before."""
        # 48 bits of milliseconds, then a 12-bit counter keeps ids of one millisecond in order.
        stamp = max(self._clock.now_ms() << 12, self._last + 1)
        self._last = stamp
        value = (stamp >> 12) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64
        value |= 0b10 << 62 | self._random.getrandbits(62)
        return str(uuid.UUID(int=value))

    def uuid4(self) -> str:
        """A random id."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def process_id(self) -> str:
        """The id of a command's session: decimal digits in a string."""
        return str(self._random.randrange(1_000, 100_000))
