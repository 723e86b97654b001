"""Keeping one thing that waits: what is asked of persistence, and what its answer means.

May import the common parts, the queue, the steps and the contract. The invariant: what may have
been kept is given out again as it was; what can never be kept is told from what cannot be kept now
(spec 02 §12, 06 §8, "Better").
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from codex_runtime.contract.endpoints.runtime_owned import IngestBatchArgs
from codex_runtime.contract.functions.ingest import SessionArgs, StreamDelta
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.common import HostError
from codex_runtime.host.steps import Keep

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_runtime.contract.functions.ingest import IngestSafeResult
    from codex_runtime.host.common import Settings
    from codex_runtime.host.flows import Flow
    from codex_runtime.host.ingest_queue import Batch, Note

LARGE_BYTES: Final = 256 * 1_024
"""From here on an event that fails alone may be too large for one transaction."""
LARGE_ATTEMPTS: Final = 4
"""How often a large event is tried alone."""

_GONE: Final = frozenset({"E_THREAD_NOT_FOUND", "E_THREAD_DELETING", "E_ACTOR_PURGING"})
"""The thread is deleted: nothing of it is taken any more, and nothing will be left."""
_LATER: Final = frozenset(
    {
        "E_PERSISTENCE_UNREACHABLE",
        "E_PERSISTENCE_OVERLOADED",
        "E_PERSISTENCE_OUTCOME_UNKNOWN",
        "E_PERSISTENCE_UNAUTHORIZED",
        "E_PERSISTENCE_TOKEN_UNAVAILABLE",
    }
)
"""What says nothing about what was to be kept."""


class Fate(Enum):
    """What becomes of what was given out."""

    KEPT = "kept"
    AGAIN = "again"
    """It waits, and is tried again after a pause."""
    SMALLER = "smaller"
    """It is tried again in smaller batches, at once."""
    SMALLER_LATER = "smaller, later"
    """It is tried again in smaller batches, after a pause."""
    NEVER = "never"
    """It can never be kept: it is set aside and reported."""
    GONE = "gone"
    """Its thread is deleted, and takes nothing any more."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer of persistence means.

    Attributes:
        fate: What becomes of what was given out.
        error: Why it is not kept.
        gap: Whether something is missing in front of what was kept.
    """

    fate: Fate
    error: CodexRuntimeError | None = None
    gap: bool = False


def keep_batch(settings: Settings, batch: Batch, attempt: int, new_id: Callable[[], str]) -> Flow:
    """Keep a batch.

    Args:
        settings: With which session; it goes on with another one where the deployment wants that.
        batch: The batch.
        attempt: Which attempt it is with this very batch, from 1.
        new_id: Makes the id of another session.

    Returns:
        The :class:`Verdict`.
    """
    try:
        result: IngestSafeResult = yield Keep("ingest", _args(settings, batch))
        if _wants_session(result):
            session_id = new_id()
            yield Keep(
                "ensure_session",
                SessionArgs(
                    actor=batch.place.actor,
                    session_id=session_id,
                    thread_id=batch.place.thread_id,
                    last_event_cursor=0,
                ),
            )
            settings.session_id = session_id
            result = yield Keep("ingest", _args(settings, batch))
    except CodexRuntimeError as error:
        return _of_error(error, batch, attempt)
    return _of_result(result, batch)


def keep_note(note: Note) -> Flow:
    """Write a note down.

    Args:
        note: The note.

    Returns:
        The :class:`Verdict`.
    """
    try:
        yield Keep(note.operation, note.args)
    except CodexRuntimeError as error:
        return of_note(error)
    return Verdict(Fate.KEPT)


def of_note(error: CodexRuntimeError) -> Verdict:
    """Say what an error means for something that is of use only as it is now."""
    return Verdict(Fate.AGAIN if error.code in _LATER else Fate.NEVER, error)


def _of_error(error: CodexRuntimeError, batch: Batch, attempt: int) -> Verdict:
    several = len(batch.events) > 1
    if error.code in _GONE:
        return Verdict(Fate.GONE, error)
    if error.code == "E_PERSISTENCE_TOO_LARGE":
        return Verdict(Fate.SMALLER if several else Fate.NEVER, error)
    if error.code == "E_PERSISTENCE_FUNCTION_FAILED":
        # A deployment that redacts its texts does not say whether the size is the matter.
        if several:
            return Verdict(Fate.SMALLER_LATER, error)
        if batch.weight >= LARGE_BYTES and attempt >= LARGE_ATTEMPTS:
            return Verdict(Fate.NEVER, error)
    return Verdict(Fate.AGAIN, error)


def _of_result(result: IngestSafeResult, batch: Batch) -> Verdict:
    if result.status != "rejected":
        return Verdict(Fate.KEPT, gap=result.ingest_status == "partial")
    error = HostError(
        "E_RUNTIME_INGEST_REJECTED", "; ".join(error.message for error in result.errors)
    )
    if _wants_session(result):
        return Verdict(Fate.AGAIN, error)
    if any(one.cause in _GONE for one in result.errors):
        return Verdict(Fate.GONE, error)
    if len(batch.events) > 1:
        # One event of it is refused; alone it shows which.
        return Verdict(Fate.SMALLER, error)
    if {one.code for one in result.errors} == {"OUT_OF_ORDER"}:
        # Its stream is further: it was kept before, by somebody who told it in other words.
        return Verdict(Fate.KEPT)
    return Verdict(Fate.NEVER, error)


def _wants_session(result: IngestSafeResult) -> bool:
    return result.status == "rejected" and any(error.recoverable for error in result.errors)


def _args(settings: Settings, batch: Batch) -> IngestBatchArgs:
    return IngestBatchArgs(
        actor=batch.place.actor,
        session_id=settings.session_id,
        thread_id=batch.place.thread_id,
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
