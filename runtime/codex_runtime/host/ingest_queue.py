"""What waits to be kept: merged where that loses nothing, given out, held until told.

May import the contract and msgspec. No IO and no clock. The invariant: what goes in comes out in
order, and stays until it is acknowledged; the memory it takes is known and bounded (spec 06 §8,
"Better").
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from sys import getsizeof
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

if TYPE_CHECKING:
    from codex_runtime.contract.actors import Actor

BATCH_EVENTS: Final = 32
"""The most events of one batch."""
BATCH_BYTES: Final = 1_024 * 1_024
"""Bytes of memory that the events of one batch take, unless a single one takes more."""
MEMORY_MOST: Final = 64 * 1_024 * 1_024
"""Bytes of memory that what waits may take; then whoever feeds the queue has to wait, too."""
MERGED_CHARACTERS: Final = 64 * 1_024
"""How long a text that is merged may become: a transaction of a deployment is bounded."""

TEXT_DELTA: Final = "item/agentMessage/delta"
"""The kind of event that is merged."""
URGENT: Final = frozenset({"turn/completed", "error"})
"""Kinds after which everything that waits is given out at once."""

_EVENT_BYTES: Final = 1_024
"""Bytes that an event takes beside its texts."""
_PIECES_MOST: Final = 256
"""Pieces of a text that are kept apart; each of them takes far more than its characters."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where events are kept.

    Attributes:
        actor: Whose conversation it is.
        conversation_id: The conversation.
        thread_id: The persisted thread it is bound to.
    """

    actor: Actor
    conversation_id: str
    thread_id: str


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An event that waits.

    Attributes:
        event_id: Its id: that of the last event merged into it.
        place: Where it is kept.
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
    place: Place
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
        """How many bytes of memory it takes, about."""
        text = 0 if self.text is None else getsizeof(self.text)
        return _EVENT_BYTES + getsizeof(self.payload_json) + text


@dataclass(frozen=True, slots=True)
class Note:
    """Something else to be written down, when everything before it is kept.

    Attributes:
        place: What it is about.
        operation: The method of the port; writing it twice is the same as writing it once.
        args: Its arguments.
    """

    place: Place
    operation: str
    args: Any


class _Merged:
    """Pieces of one item's text that follow each other; put together when they are given out."""

    __slots__ = ("_given_out", "_last", "_length", "_pieces", "first", "weight")

    def __init__(self, first: Waiting, *, given_out: bool = False) -> None:
        self.first = first
        # What was given out once may have been kept: it must come again as it was.
        self._given_out = given_out
        self._last = first
        self._pieces = [first.text or ""]
        self._length = len(self._pieces[0])
        self.weight = first.weight

    def takes(self, event: Waiting) -> bool:
        """Tell whether an event goes on where the last one ended."""
        last = self._last
        return (
            not self._given_out
            and event.text is not None
            and last.text is not None
            and event.kind == last.kind == TEXT_DELTA
            and event.cursor_start == last.cursor_end
            and event.item_id == last.item_id
            and event.turn_id == last.turn_id
            and event.stream_id == last.stream_id
            and (event.place is last.place or event.place == last.place)
            and self._length + len(event.text) <= MERGED_CHARACTERS
        )

    def add(self, event: Waiting) -> None:
        """Take an event in."""
        text = event.text or ""
        self._last = event
        self._pieces.append(text)
        self._length += len(text)
        self.weight += getsizeof(text)
        if len(self._pieces) > _PIECES_MOST:
            apart = sum(map(getsizeof, self._pieces))
            self._pieces = ["".join(self._pieces)]
            self.weight += getsizeof(self._pieces[0]) - apart

    def whole(self) -> Waiting:
        """Give one event for all pieces."""
        if self._last is self.first:
            return self.first
        text = "".join(self._pieces)
        payload = json.loads(self.first.payload_json)
        payload["params"]["delta"] = text
        return msgspec.structs.replace(
            self.first,
            event_id=self._last.event_id,
            cursor_end=self._last.cursor_end,
            created_at=self._last.created_at,
            payload_json=json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
            text=text,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one place that were given out together.

    Attributes:
        number: Which batch it is, from 1.
        place: Where they are kept.
        events: The events, in order; at least one.
    """

    number: int
    place: Place
    events: tuple[Waiting, ...]

    @property
    def weight(self) -> int:
        """How many bytes of memory its events take, about."""
        return sum(event.weight for event in self.events)


Given: TypeAlias = Batch | Note
"""What is given out at a time."""


class IngestQueue:
    """The queue.

    Args:
        batch_events: The most events of one batch.
        batch_bytes: Bytes of memory that the events of one batch take, unless it is a single one.
        memory_most: Bytes of memory that what waits may take.
    """

    def __init__(
        self,
        batch_events: int = BATCH_EVENTS,
        *,
        batch_bytes: int = BATCH_BYTES,
        memory_most: int = MEMORY_MOST,
    ) -> None:
        self._batch_events = batch_events
        self._batch_bytes = batch_bytes
        self._memory_most = memory_most
        self._waiting: deque[_Merged | Note] = deque()
        self._out: Given | None = None
        self._numbers = 0
        self._waiting_weight = 0
        self._out_weight = 0
        self._full = False

    @property
    def weight(self) -> int:
        """Bytes of memory that what waits takes, that of the batch that is out included."""
        return self._waiting_weight + self._out_weight

    def __len__(self) -> int:
        """How many events and notes wait, merged ones as one, what is out included."""
        out = len(self._out.events) if isinstance(self._out, Batch) else self._out is not None
        return len(self._waiting) + out

    @property
    def full(self) -> bool:
        """Whether whoever feeds it has to wait: from the limit on, until half of it is free."""
        return self._full

    @property
    def batch_ready(self) -> bool:
        """Whether a whole batch waits."""
        return len(self._waiting) >= self._batch_events or self._waiting_weight >= self._batch_bytes

    def holds(self, place: Place) -> bool:
        """Tell whether anything of a place waits."""
        if self._out is not None and self._out.place == place:
            return True
        return any(_place_of(waiting) == place for waiting in self._waiting)

    def has(self, note: Note) -> bool:
        """Tell whether a note waits, or is out."""
        return self._out is note or any(waiting is note for waiting in self._waiting)

    def note(self, note: Note) -> None:
        """Put in a note.

        Args:
            note: The note.
        """
        self._waiting.append(note)
        self._waiting_weight += _EVENT_BYTES
        self._look_at_room()

    def put(self, event: Waiting) -> bool:
        """Put an event in.

        Args:
            event: The event.

        Returns:
            Whether what waits is to be given out at once.
        """
        last = self._waiting[-1] if self._waiting else None
        if isinstance(last, _Merged) and last.takes(event):
            before = last.weight
            last.add(event)
            self._waiting_weight += last.weight - before
        else:
            merged = _Merged(event)
            self._waiting.append(merged)
            self._waiting_weight += merged.weight
        self._look_at_room()
        return event.kind in URGENT or self.batch_ready

    def take(self, most: int | None = None) -> Given | None:
        """Give out what is next; it stays in the queue until it is acknowledged.

        Args:
            most: The most events, when a batch is to be smaller than usual.

        Returns:
            A batch of events of one place, or a note. ``None`` when nothing waits, or something is
            still out.
        """
        if self._out is not None or not self._waiting:
            return None
        first = self._waiting[0]
        if isinstance(first, Note):
            self._move_out(_EVENT_BYTES)
            self._out = first
            return first
        limit = self._batch_events if most is None else max(1, min(most, self._batch_events))
        place = first.first.place
        events: list[Waiting] = []
        while self._waiting and len(events) < limit:
            merged = self._waiting[0]
            if isinstance(merged, Note) or merged.first.place != place:
                break
            if events and self._out_weight + merged.weight > self._batch_bytes:
                break
            self._move_out(merged.weight)
            events.append(merged.whole())
        self._numbers += 1
        self._out = Batch(self._numbers, place, tuple(events))
        return self._out

    def acknowledge(self, given: Given) -> None:
        """Let go of what is kept, or can never be.

        Args:
            given: What is out.

        Raises:
            ValueError: It is something else.
        """
        self._check_out(given)
        self._out = None
        self._out_weight = 0
        self._look_at_room()

    def put_back(self, given: Given) -> None:
        """Put back in front what is out, so that it is given out again, perhaps in smaller parts.

        Args:
            given: What is out.

        Raises:
            ValueError: It is something else.
        """
        self._check_out(given)
        self._out = None
        self._out_weight = 0
        if isinstance(given, Note):
            self._waiting.appendleft(given)
            self._waiting_weight += _EVENT_BYTES
            return
        again = [_Merged(event, given_out=True) for event in given.events]
        self._waiting.extendleft(reversed(again))
        self._waiting_weight += sum(merged.weight for merged in again)

    def _move_out(self, weight: int) -> None:
        self._waiting.popleft()
        self._waiting_weight -= weight
        self._out_weight += weight

    def _look_at_room(self) -> None:
        if self.weight >= self._memory_most:
            self._full = True
        elif self.weight <= self._memory_most // 2:
            self._full = False

    def _check_out(self, given: Given) -> None:
        if self._out is not given:
            named = f"batch {given.number}" if isinstance(given, Batch) else given.operation
            raise ValueError(f"{named} is not out")


def _place_of(waiting: _Merged | Note) -> Place:
    return waiting.place if isinstance(waiting, Note) else waiting.first.place
