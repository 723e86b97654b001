"""What waits to be ingested: merged where that loses nothing, given out, kept until told.

May import the contract. No IO and no clock. The invariant: what goes in comes out in order, and
stays until it is acknowledged; the memory it takes is known and bounded (spec 06 §8, "Better").
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, replace
from typing import Final

BATCH_EVENTS: Final = 32
"""The most events of one batch."""
MEMORY_MOST: Final = 64 * 1_024 * 1_024
"""Bytes of payload that may wait; then whoever feeds the queue has to wait, too."""

TEXT_DELTA: Final = "item/agentMessage/delta"
"""The kind of event that is merged."""
URGENT: Final = frozenset({"turn/completed", "error"})
"""Kinds after which everything that waits is given out at once."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that waits.

    Attributes:
        event_id: Its id: that of the last event merged into it.
        thread_id: The persisted thread.
        turn_id: The persisted turn.
        stream_id: Its stream.
        kind: Its kind.
        payload_json: The message; of merged ones with the text of all.
        item_id: The item a piece of text belongs to.
        text: The piece of text; of merged ones all of it. ``None`` for other kinds.
        cursor_start: Where it begins in its stream.
        cursor_end: Where it ends.
        created_at: When it was made, in milliseconds since the epoch.
    """

    event_id: str
    thread_id: str
    turn_id: str
    stream_id: str
    kind: str
    payload_json: str
    cursor_start: float
    cursor_end: float
    created_at: float
    item_id: str | None = None
    text: str | None = None

    @property
    def weight(self) -> int:
        """How many characters of memory it takes, about."""
        return len(self.payload_json) + len(self.text or "")


class _Merged:
    """Pieces of one item's text that follow each other; put together when they are given out."""

    __slots__ = ("_given_out", "_last", "_pieces", "first", "weight")

    def __init__(self, first: Waiting, *, given_out: bool = False) -> None:
        self.first = first
        # What was given out once may have been kept: it must come again as it was.
        self._given_out = given_out
        self._last = first
        self._pieces = [first.text or ""]
        self.weight = first.weight

    def takes(self, event: Waiting) -> bool:
        """Tell whether an event goes on where the last one ended."""
        last = self._last
        return (
            not self._given_out
            and event.text is not None
            and last.text is not None
            and event.kind == last.kind == TEXT_DELTA
            and event.item_id == last.item_id
            and event.thread_id == last.thread_id
            and event.turn_id == last.turn_id
            and event.stream_id == last.stream_id
            and event.cursor_start == last.cursor_end
        )

    def add(self, event: Waiting) -> None:
        """Take an event in."""
        self._last = event
        self._pieces.append(event.text or "")
        self.weight += len(event.text or "")

    def whole(self) -> Waiting:
        """Give one event for all pieces."""
        if self._last is self.first:
            return self.first
        text = "".join(self._pieces)
        payload = json.loads(self.first.payload_json)
        payload["params"]["delta"] = text
        return replace(
            self.first,
            event_id=self._last.event_id,
            cursor_end=self._last.cursor_end,
            created_at=self._last.created_at,
            payload_json=json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
            text=text,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one thread that were given out together.

    Attributes:
        number: Which batch it is, from 1.
        thread_id: The persisted thread.
        events: The events.
    """

    number: int
    thread_id: str
    events: tuple[Waiting, ...]


class IngestQueue:
    """The queue.

    Args:
        batch_events: The most events of one batch.
        memory_most: Bytes of payload that may wait.
    """

    def __init__(self, batch_events: int = BATCH_EVENTS, memory_most: int = MEMORY_MOST) -> None:
        self._batch_events = batch_events
        self._memory_most = memory_most
        self._waiting: deque[_Merged] = deque()
        self._out: Batch | None = None
        self._numbers = 0
        self._waiting_weight = 0
        self._out_weight = 0

    @property
    def weight(self) -> int:
        """Bytes of payload that wait, those of the batch that is out included."""
        return self._waiting_weight + self._out_weight

    def __len__(self) -> int:
        """How many events wait, merged ones as one, those of the batch that is out included."""
        return len(self._waiting) + (0 if self._out is None else len(self._out.events))

    @property
    def full(self) -> bool:
        """Whether whoever feeds it has to wait."""
        return self.weight >= self._memory_most

    @property
    def batch_ready(self) -> bool:
        """Whether a whole batch waits."""
        return len(self._waiting) >= self._batch_events

    def put(self, event: Waiting) -> bool:
        """Put an event in.

        Args:
            event: The event.

        Returns:
            Whether what waits is to be given out at once.
        """
        if self._waiting and self._waiting[-1].takes(event):
            before = self._waiting[-1].weight
            self._waiting[-1].add(event)
            self._waiting_weight += self._waiting[-1].weight - before
        else:
            merged = _Merged(event)
            self._waiting.append(merged)
            self._waiting_weight += merged.weight
        return event.kind in URGENT or self.batch_ready

    def take(self, most: int | None = None) -> Batch | None:
        """Give out the next batch; it stays in the queue until it is acknowledged.

        Args:
            most: The most events, when it is to be smaller than usual.

        Returns:
            The batch: events of one thread. ``None`` when nothing waits, or a batch is still out.
        """
        if self._out is not None or not self._waiting:
            return None
        limit = self._batch_events if most is None else max(1, min(most, self._batch_events))
        thread = self._waiting[0].first.thread_id
        events: list[Waiting] = []
        while self._waiting and len(events) < limit and self._waiting[0].first.thread_id == thread:
            merged = self._waiting.popleft()
            self._waiting_weight -= merged.weight
            self._out_weight += merged.weight
            events.append(merged.whole())
        self._numbers += 1
        self._out = Batch(self._numbers, thread, tuple(events))
        return self._out

    def acknowledge(self, batch: Batch) -> None:
        """Let go of a batch that is kept, or that can never be.

        Args:
            batch: The batch that is out.

        Raises:
            ValueError: It is another one.
        """
        self._check_out(batch)
        self._out = None
        self._out_weight = 0

    def put_back(self, batch: Batch) -> None:
        """Put a batch back in front, so that it is given out again, perhaps in smaller parts.

        Args:
            batch: The batch that is out.

        Raises:
            ValueError: It is another one.
        """
        self._check_out(batch)
        self._out = None
        again = [_Merged(event, given_out=True) for event in batch.events]
        self._waiting.extendleft(reversed(again))
        self._waiting_weight += sum(merged.weight for merged in again)
        self._out_weight = 0

    def _check_out(self, batch: Batch) -> None:
        if self._out is not batch:
            raise ValueError(f"batch {batch.number} is not out")
