"""Keeping what Codex says: the queue, its flushes, and what is done when keeping fails.

May import the common parts, the queue, the steps and the contract. The invariant: an event leaves
the queue when it is kept, or when it is reported as one that never can be; never otherwise
(spec 06 §8, "Better").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_runtime.contract.endpoints.runtime_owned import IngestBatchArgs
from codex_runtime.contract.functions.ingest import SessionArgs, StreamDelta
from codex_runtime.contract.functions.threads import MarkProgressArgs
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.common import HostError
from codex_runtime.host.ingest_queue import URGENT, IngestQueue
from codex_runtime.host.projecting import Projection, is_kept
from codex_runtime.host.steps import Keep, Sleep

if TYPE_CHECKING:
    from codex_runtime.contract.functions.ingest import IngestSafeResult
    from codex_runtime.host.common import Common, Settings
    from codex_runtime.host.flows import Flow
    from codex_runtime.host.ingest_queue import Batch, Waiting
    from codex_runtime.protocol.messages import Notification, Request

FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 10.0
IDLE_FLUSH_MS: Final = 5_000
"""How long an event may wait for company while no turn is in flight."""


class Ingest:
    """What waits to be kept, and its keeping.

    Args:
        common: What the parts share.
    """

    def __init__(self, common: Common) -> None:
        self._common = common
        self._projection: Projection | None = None
        self._flushing = False
        self._again = False
        self._timer = False
        self.queue = IngestQueue()

    def reset(self, session_id: str) -> None:
        """Begin a session with nothing waiting."""
        self._projection = Projection(session_id)
        self.queue = IngestQueue()
        self._flushing = self._again = self._timer = False

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
        thread_id = common.bound.thread_id
        kind = message.method
        if self._projection is None or thread_id is None or turn_id is None or not is_kept(kind):
            common.skipped[kind] += 1
            return
        common.enqueued[kind] += 1
        event = self._projection.event(
            message,
            event_id=common.outside.new_id(),
            thread_id=thread_id,
            turn_id=turn_id,
            now_ms=common.outside.now_ms(),
        )
        if self.queue.put(event):
            self.flush()
        else:
            self._flush_later(in_flight=in_flight)

    def flush(self) -> None:
        """Keep what waits, now."""
        if self._flushing:
            self._again = True
            return
        self._flushing = True
        self._common.begin(self._keep_all())

    def drain(self, attempts: int) -> Flow:
        """Keep what waits, before the runtime stops.

        Args:
            attempts: How often to try.

        Raises:
            HostError: ``E_RUNTIME_INGEST_FLUSH_FAILED``: something still waits.
        """
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(attempts):
            if not len(self.queue):
                return
            self.flush()
            if attempt or self._flushing:
                yield Sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        if len(self.queue):
            raise HostError(
                "E_RUNTIME_INGEST_FLUSH_FAILED",
                f"Failed to flush ingest queue: {len(self.queue)} events still wait.",
            )

    def _flush_later(self, *, in_flight: bool) -> None:
        settings = self._common.settings
        if self._timer or settings is None:
            return
        self._timer = True
        self._common.begin(
            self._flush_after((settings.flush_ms if in_flight else IDLE_FLUSH_MS) / 1_000)
        )

    def _flush_after(self, seconds: float) -> Flow:
        yield Sleep(seconds)
        self._timer = False
        self.flush()

    def _keep_all(self) -> Flow:
        pause = FIRST_PAUSE_SECONDS
        most: int | None = None
        try:
            while (batch := self.queue.take(most)) is not None:
                settings = self._common.settings
                if settings is None:
                    self.queue.put_back(batch)
                    return
                try:
                    kept = yield from self._keep(settings, batch)
                except CodexRuntimeError as error:
                    self.queue.put_back(batch)
                    most = self._smaller(error, batch)
                    self._failed(error)
                    yield Sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                    continue
                if kept:
                    self.queue.acknowledge(batch)
                    most, pause = None, FIRST_PAUSE_SECONDS
                    self._recovered()
                elif len(batch.events) > 1:
                    # One event of it is refused; alone it shows which.
                    self.queue.put_back(batch)
                    most = len(batch.events) // 2
                else:
                    self.queue.acknowledge(batch)
                    most = None
                if self._again:
                    self._again = False
        finally:
            self._flushing = False

    def _keep(self, settings: Settings, batch: Batch) -> Flow:
        """Keep a batch; give whether it is kept. A batch of one that never can be is reported."""
        result: IngestSafeResult = yield Keep("ingest", _args(settings, batch))
        if result.status == "rejected" and any(error.recoverable for error in result.errors):
            yield from self._rotate(settings, batch)
            result = yield Keep("ingest", _args(settings, batch))
        if result.status != "rejected":
            yield from self._mark(settings, batch, result)
            return True
        codes = [error.code for error in result.errors]
        if codes and set(codes) == {"OUT_OF_ORDER"}:
            # It was kept before, by somebody who told it in other words.
            return True
        if len(batch.events) == 1:
            self._set_aside(batch.events[0], result)
        return False

    def _rotate(self, settings: Settings, batch: Batch) -> Flow:
        settings.session_id = self._common.outside.new_id()
        yield Keep(
            "ensure_session",
            SessionArgs(
                actor=settings.actor,
                session_id=settings.session_id,
                thread_id=batch.thread_id,
                last_event_cursor=0,
            ),
        )

    def _mark(self, settings: Settings, batch: Batch, result: IngestSafeResult) -> Flow:
        """Say how far the conversation is in step, when a turn has ended."""
        conversation = self._common.bound.conversation_id
        if conversation is None or not any(event.kind in URGENT for event in batch.events):
            return
        cursor = max(event.cursor_end for event in batch.events)
        state: Any = "syncing" if result.ingest_status == "partial" else "synced"
        yield Keep(
            "mark_progress",
            MarkProgressArgs(
                actor=settings.actor,
                conversation_id=conversation,
                session_id=settings.session_id,
                cursor=cursor,
                sync_state=state,
            ),
        )

    def _smaller(self, error: CodexRuntimeError, batch: Batch) -> int | None:
        """Say how large the next batch may be: smaller, where this one was too large."""
        too_large = error.code in (
            "E_PERSISTENCE_REQUEST_REFUSED",
            "E_PERSISTENCE_FUNCTION_FAILED",
        )
        return max(1, len(batch.events) // 2) if too_large else None

    def _set_aside(self, event: Waiting, result: IngestSafeResult) -> None:
        why = "; ".join(error.message for error in result.errors)
        error = HostError("E_RUNTIME_INGEST_REJECTED", f"{event.kind} was rejected: {why}")
        self._common.note(error)
        self._common.report(str(error), event.payload_json)

    def _failed(self, error: CodexRuntimeError) -> None:
        failure = HostError(
            "E_RUNTIME_INGEST_FLUSH_FAILED", f"Failed to flush ingest queue: {error}"
        )
        if self._common.last_error_code != failure.code:
            self._common.report(str(failure), "[runtime:flushQueue]")
        self._common.note(failure)

    def _recovered(self) -> None:
        if self._common.last_error_code == "E_RUNTIME_INGEST_FLUSH_FAILED":
            self._common.clear_error()


def _args(settings: Settings, batch: Batch) -> IngestBatchArgs:
    return IngestBatchArgs(
        actor=settings.actor,
        session_id=settings.session_id,
        thread_id=batch.thread_id,
        deltas=[
            StreamDelta(
                event_id=event.event_id,
                turn_id=event.turn_id,
                stream_id=event.stream_id,
                kind=event.kind,
                payload_json=event.payload_json,
                cursor_start=event.cursor_start,
                cursor_end=event.cursor_end,
                created_at=event.created_at,
            )
            for event in batch.events
        ],
    )
