"""How a thing is timed: in turns with what it is compared with, best of several."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 5


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: What was measured.
        value: The measurement, with its unit.
        compared: What it is compared with, and the ratio.
        budget: The limit, in the same words; empty when the row is there to be compared with.
        within: Whether the limit is kept; ``None`` without a limit.
    """

    what: str
    value: str
    compared: str = ""
    budget: str = ""
    within: bool | None = None


def best_seconds(*runs: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Time several runs in turns, so that whatever else the machine does hits all of them.

    Args:
        runs: What to time.
        rounds: How often.

    Returns:
        The least time of each, in seconds.
    """
    best = [float("inf")] * len(runs)
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for place, run in enumerate(runs):
                begin = time.perf_counter()
                run()
                best[place] = min(best[place], time.perf_counter() - begin)
    finally:
        gc.enable()
    return best
