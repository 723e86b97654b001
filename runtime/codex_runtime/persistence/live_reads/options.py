"""How a live client behaves.

May import the core's timing and the clock. The invariant: the defaults suit a host in production.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codex_runtime.persistence.live_reads.clock import Clock, LoopClock
from codex_runtime.persistence.live_reads.core.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_runtime.persistence.live_reads.core.reports import Report


@dataclass(frozen=True, slots=True)
class LiveReadsOptions:
    """The options of a client.

    Attributes:
        timing: How long it waits for what.
        value_timeout: Seconds for a query's first value, and for an identity to be in force.
        max_pending: How many values a reader that wants every value may leave untaken.
        patient: Whether connecting goes on when the first connection fails; without it the first
            failure is raised.
        on_report: Called from the event loop with everything that happens; its exceptions go to
            the loop's exception handler.
        clock: The clock.
        chance: Gives random numbers from 0 to 1, for the spacing of attempts.
    """

    timing: Timing = field(default_factory=Timing)
    value_timeout: float = 30.0
    max_pending: int = 1024
    patient: bool = False
    on_report: Callable[[Report], None] | None = None
    clock: Clock = field(default_factory=LoopClock)
    chance: Callable[[], float] = random.random
