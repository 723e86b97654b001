"""Keeping what Codex says: when what waits is kept, and what is shown when it cannot be.

May import the common parts, the queue, the keeping of one batch, the steps and the contract. The
invariants: an event leaves the queue when it is kept, or when it is reported as one that never can
be, never otherwise; what waits goes on being kept when the app-server is gone, and waits for the
next connection when the runtime is stopped (spec 06 §8, "Better").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.host.common import HostError
from codex_runtime.host.flows import Signal
from codex_runtime.host.ingest_queue import BATCH_EVENTS, Batch, IngestQueue, Note, Place, Waiting
from codex_runtime.host.keeping import Fate, keep_batch, keep_note
from codex_runtime.host.progress import Progress
from codex_runtime.host.projecting import Projection, is_kept
from codex_runtime.host.steps import Sleep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from codex_runtime.contract.functions.ingest import StreamDelta
    from codex_runtime.errors import CodexRuntimeError
    from codex_runtime.host.common import Common, Settings
    from codex_runtime.host.flows import Flow
    from codex_runtime.host.ingest_queue import Given
    from codex_runtime.host.keeping import Verdict
    from codex_runtime.protocol.messages import Notification, Request

FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 10.0
IDLE_FLUSH_MS: Final = 5_000
"""How long an event may wait for company while no turn is in flight."""
DRAIN_SECONDS: Final = 10.0
"""How long to wait for what waits to be kept, before the runtime stops."""

_FULL: Final = "E_RUNTIME_INGEST_FULL"
_FAILED: Final = "E_RUNTIME_INGEST_FLUSH_FAILED"
_WHERE: Final = "[runtime:flushQueue]"


@dataclass(slots=True)
class _Patience:
    """How long somebody still waits for the queue to be empty."""

    lost: bool = False


class Ingest:
    """What waits to be kept, and its keeping.

    Args:
        common: What the parts share.
        changed: Called whenever what is shown of it has changed.

    Attributes:
        queue: What waits.
        moved: Fired whenever something was kept, or could not be.
        down: Why nothing can be kept at present; ``None`` when it can.
    """

    def __init__(self, common: Common, changed: Callable[[], None]) -> None:
        self._common = common
        self._changed = changed
        self._settings: Settings | None = None
        self._projection: Projection | None = None
        self._keeping = False
        self._drains = 0
        self._due: float | None = None
        self._wake = Signal()
        self.moved = Signal()
        self._failures = 0
        self._strikes = 0
        self.down: CodexRuntimeError | None = None
        self._full = False
        self._progress = Progress()
        self.queue = IngestQueue()

    def begin(self, settings: Settings) -> None:
        """Begin a session; what still waits from an earlier one is kept first."""
        self._settings = settings
        self._projection = Projection(settings.session_id)
        self._due = None
        if self.waits():
            self.flush()

    def waits(self) -> bool:
        """Tell whether anything is still to be written."""
        return bool(len(self.queue)) or self._progress.waits

    def take(
        self, message: Notification | Request, turn_id: str | None, *, in_flight: bool
    ) -> None:
        """Take a message of the open thread; put it into the queue if it is kept.

        Args:
            message: The message.
            turn_id: The persisted turn it belongs to, if to any.
            in_flight: Whether a turn is in flight.
        """
        common = self._common
        kind = message.method
        place = self._place()
        if self._projection is None or place is None or turn_id is None or not is_kept(kind):
            common.skipped[kind] += 1
            return
        common.enqueued[kind] += 1
        event = self._projection.event(
            message,
            place=place,
            turn_id=turn_id,
            now_ms=common.outside.now_ms(),
        )
        urgent = self.queue.put(event)
        self._look_at_room()
        if urgent:
            self.flush()
        else:
            self._flush_later(in_flight=in_flight)

    def bring(self, deltas: Iterable[StreamDelta]) -> None:
        """Put in events of the open thread that were made elsewhere; they are kept as they are.

        Args:
            deltas: The events, in order.
        """
        place = self._place()
        if place is None:
            raise HostError("E_RUNTIME_THREAD_NOT_OPEN", "No thread is open that they belong to.")
        for delta in deltas:
            event = Waiting(
                event_id=delta.event_id,
                place=place,
                turn_id=delta.turn_id,
                stream_id=delta.stream_id,
                kind=delta.kind,
                payload_json=delta.payload_json,
                cursor_start=delta.cursor_start,
                cursor_end=delta.cursor_end,
                created_at=delta.created_at,
            )
            self.queue.put(event)
        self._look_at_room()
        self.flush()

    def note(self, operation: str, args: Any) -> Note | None:
        """Have something else about the open thread written down, after what waits.

        Args:
            operation: The method of the port.
            args: Its arguments.

        Returns:
            What the queue has of it until it is written down; ``None`` when no thread is open.
        """
        place = self._place()
        if place is None:
            return None
        note = Note(place, operation, args)
        self.queue.note(note)
        self.flush()
        return note

    def flush(self) -> None:
        """Keep what waits, now."""
        if not self._keeping and self._settings is not None:
            self._keeping = True
            self._common.begin(self._keep_all(), lasting=True)

    def drain(self, attempts: int) -> Flow:
        """Keep what waits, before the runtime stops.

        Args:
            attempts: How often it may fail; the time it takes is bounded, too.

        Raises:
            HostError: ``E_RUNTIME_INGEST_FLUSH_FAILED``: something still waits.
        """
        if self._settings is None or not self.waits():
            return
        patience = _Patience()
        most = self._strikes + attempts
        self._drains += 1
        self._common.begin(self._lose(patience))
        try:
            while self.waits() and not patience.lost and self._strikes < most:
                self.flush()
                self._common.flows.fire(self._wake)
                yield self.moved
        finally:
            self._drains -= 1
        if self.waits():
            why = "" if self.down is None else f" {self.down}"
            raise HostError(
                _FAILED,
                f"Failed to flush ingest queue: {len(self.queue)} events still wait.{why}",
            )

    def _lose(self, patience: _Patience) -> Flow:
        yield Sleep(DRAIN_SECONDS)
        patience.lost = True
        self._common.flows.fire(self.moved)

    def _place(self) -> Place | None:
        bound = self._common.bound
        if self._settings is None or bound.thread_id is None or bound.conversation_id is None:
            return None
        return Place(self._settings.actor, bound.conversation_id, bound.thread_id)

    def _flush_later(self, *, in_flight: bool) -> None:
        settings = self._settings
        if settings is None or self._keeping:
            return
        seconds = (settings.flush_ms if in_flight else IDLE_FLUSH_MS) / 1_000
        if self._due is None or seconds < self._due:
            self._due = seconds
            self._common.begin(self._flush_after(seconds), lasting=True)

    def _flush_after(self, seconds: float) -> Flow:
        yield Sleep(seconds)
        if self._due == seconds:
            self._due = None
        self.flush()

    def _keep_all(self) -> Flow:
        """Keep everything that waits, however long that takes."""
        most: int | None = None
        attempt = 1
        given: Given | None = None
        try:
            while (settings := self._settings) is not None:
                given = self.queue.take(most)
                if isinstance(given, Batch):
                    new_id = self._common.outside.new_id
                    verdict = yield from keep_batch(settings, given, attempt, new_id)
                elif given is not None:
                    verdict = yield from keep_note(given)
                elif self._progress.waits:
                    verdict = yield from self._progress.write(settings, self.queue)
                else:
                    return
                taken, given = given, None
                self._settle(taken, verdict)
                alone = isinstance(taken, Batch) and len(taken.events) == 1
                attempt = attempt + 1 if alone and verdict.fate is Fate.AGAIN else 1
                if isinstance(taken, Batch):
                    most = _next_most(verdict.fate, taken, most)
                if verdict.fate in (Fate.AGAIN, Fate.SMALLER_LATER):
                    yield from self._pause()
        finally:
            if given is not None:
                # The runtime stops while nobody knows whether it is kept.
                self.queue.put_back(given)
            self._keeping = False
            self._common.flows.fire(self.moved)

    def _settle(self, given: Given | None, verdict: Verdict) -> None:
        """Do with what was given out what the verdict wants."""
        error = verdict.error
        if verdict.fate in (Fate.AGAIN, Fate.SMALLER, Fate.SMALLER_LATER):
            if given is not None:
                self.queue.put_back(given)
            if error is not None and verdict.fate is not Fate.SMALLER:
                self._failed(error)
            return
        if given is not None:
            self.queue.acknowledge(given)
        if not isinstance(given, Batch):
            if error is not None:
                what = "mark_progress" if given is None else given.operation
                self._common.report(f"Failed to persist {what}: {error}", _WHERE)
        elif verdict.fate is Fate.KEPT:
            self._progress.kept(given, gap=verdict.gap)
        elif error is not None:
            self._set_aside(given, verdict.fate, error)
        if verdict.fate is Fate.KEPT:
            self._recovered()
        self._look_at_room()
        self._common.flows.fire(self.moved)

    def _pause(self) -> Flow:
        """Wait, longer after each failure; who drains the queue cannot wait long."""
        seconds = min(FIRST_PAUSE_SECONDS * 2 ** min(self._failures - 1, 16), LONGEST_PAUSE_SECONDS)
        self._common.begin(
            self._wake_after(FIRST_PAUSE_SECONDS if self._drains else seconds), lasting=True
        )
        yield self._wake

    def _wake_after(self, seconds: float) -> Flow:
        yield Sleep(seconds)
        self._common.flows.fire(self._wake)

    def _set_aside(self, batch: Batch, fate: Fate, error: CodexRuntimeError) -> None:
        """Report what can never be kept; of a thread that is gone, once."""
        first = batch.events[0]
        if fate is Fate.NEVER:
            self._progress.lacks(batch.place)
            what = f"{first.kind} was rejected"
        elif self._progress.gone(batch.place):
            what = f"thread {batch.place.thread_id} takes nothing any more"
        else:
            return
        refused = HostError("E_RUNTIME_INGEST_REJECTED", f"{what}: {error}")
        self._common.note(refused)
        self._common.report(str(refused), first.payload_json)
        self._changed()

    def _failed(self, error: CodexRuntimeError) -> None:
        first, self.down = self.down is None, error
        self._failures += 1
        self._strikes += 1
        self._common.flows.fire(self.moved)
        if first:
            self._common.report(f"Failed to flush ingest queue: {error}", _WHERE)
            self._show()

    def _recovered(self) -> None:
        self._failures = 0
        if self.down is not None:
            self.down = None
            self._show()

    def _look_at_room(self) -> None:
        """Show once that nothing more is read from Codex, and that it is read again."""
        if self._full is self.queue.full:
            return
        self._full = self.queue.full
        if self._full:
            self._common.report(str(self._trouble()), _WHERE)
        self._show()

    def _trouble(self) -> HostError | None:
        """Say what is the matter, if anything is."""
        if self._full:
            return HostError(_FULL, f"{self.queue.weight} bytes wait to be kept.")
        if self.down is not None:
            return HostError(_FAILED, f"Failed to flush ingest queue: {self.down}")
        return None

    def _show(self) -> None:
        trouble = self._trouble()
        if trouble is not None:
            self._common.note(trouble)
        elif self._common.last_error_code in (_FULL, _FAILED):
            self._common.clear_error()
        self._changed()


def _next_most(fate: Fate, batch: Batch, most: int | None) -> int | None:
    """Say how large the next batch may be: half of one that was too large, then more again."""
    if fate in (Fate.SMALLER, Fate.SMALLER_LATER):
        return max(1, len(batch.events) // 2)
    if fate is Fate.AGAIN or most is None:
        return most
    return None if 2 * most >= BATCH_EVENTS else 2 * most
