"""How ingest and replay are to go about it: the ``runtime`` argument, read (spec 01 §7).

May import the limits. The invariant: every option has a value that can be used, whatever was given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codex_runtime.contract.limits import (
    DELTAS_PER_REQUEST,
    DELTAS_PER_STREAM,
    STREAM_DELETE_DELAY,
)

if TYPE_CHECKING:
    from codex_fakes.component.rows import Row

_LIFECYCLE = frozenset(
    {"turn/started", "turn/completed", "item/started", "item/completed", "error"}
)
_TEXT = frozenset({"item/agentMessage/delta"})
_SUMMARY = frozenset({"item/reasoning/summaryTextDelta", "item/reasoning/summaryPartAdded"})
_RAW = frozenset({"item/reasoning/textDelta"})


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one call.

    Attributes:
        save_text: Whether text deltas can be replayed.
        save_reasoning: Whether reasoning deltas can be replayed.
        raw_reasoning: Whether raw reasoning is kept.
        per_stream: The most deltas of one stream in one replay.
        per_request: The most deltas in one replay.
        delete_delay: How long an ended stream stays, in milliseconds.
    """

    save_text: bool
    save_reasoning: bool
    raw_reasoning: bool
    per_stream: int
    per_request: int
    delete_delay: float

    def stores(self, kind: str) -> bool:
        """Tell whether events of a kind are stored for replay."""
        if kind in _TEXT:
            return self.save_text
        if kind in _SUMMARY:
            return self.save_reasoning
        if kind in _RAW:
            return self.save_reasoning and self.raw_reasoning
        return kind in _LIFECYCLE


def options_of(args: Row) -> Options:
    """Read the options of a call.

    Args:
        args: Its arguments.

    Returns:
        The options; what is absent, or no number that can be used, has its default.
    """
    given = args.get("runtime", {})
    return Options(
        save_text=given.get("saveStreamDeltas", False),
        save_reasoning=given.get("saveReasoningDeltas", True),
        raw_reasoning=given.get("exposeRawReasoningDeltas", False),
        per_stream=_count(given.get("maxDeltasPerStreamRead"), DELTAS_PER_STREAM),
        per_request=_count(given.get("maxDeltasPerRequestRead"), DELTAS_PER_REQUEST),
        delete_delay=_delay(given.get("finishedStreamDeleteDelayMs")),
    )


def _count(value: float | None, default: int) -> int:
    if value is None or not math.isfinite(value):
        return default
    # No caller makes one read larger than the largest default allows.
    return min(max(1, math.floor(value)), DELTAS_PER_REQUEST)


def _delay(value: float | None) -> float:
    if value is None or not math.isfinite(value):
        return STREAM_DELETE_DELAY
    return max(0, math.floor(value))
