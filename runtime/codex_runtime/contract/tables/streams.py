"""The tables of what streams: sessions, streams, their stats, deltas and checkpoints, events.

May import the shapes and the other tables. The invariant: what the producer has delivered stands in
the stats, what the consumer has taken in the checkpoints; neither is moved for the other
(spec 01 §3.6-3.11, 02 §10-11).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from codex_runtime.contract.shapes import UNSET, Record, UnsetType, row_of
from codex_runtime.contract.tables.conversations import LongFields, ThreadRef, TurnRef
from codex_runtime.contract.tables.table import Index, Row, Table, scoped

StreamRef: TypeAlias = Annotated[str, row_of("codex_streams")]

StreamStatus: TypeAlias = Literal["streaming", "finished", "aborted"]
SessionStatus: TypeAlias = Literal["starting", "active", "stale", "ended", "failed"]


class SessionRow(Row, frozen=True, kw_only=True):
    """Who feeds a thread.

    Attributes:
        watch_fn_id: The scheduled function that looks after it, while it is active.
    """

    user_id: str | UnsetType = UNSET
    thread_id: str
    thread_ref: ThreadRef
    session_id: str
    status: SessionStatus
    last_heartbeat_at: float
    last_event_cursor: float
    watch_fn_id: str | UnsetType = UNSET
    started_at: float
    ended_at: float | UnsetType = UNSET
    error: str | UnsetType = UNSET


class Streaming(Record, frozen=True, kw_only=True, tag_field="kind", tag="streaming"):
    """The stream goes on."""

    last_heartbeat_at: float
    timeout_fn_id: str | UnsetType = UNSET


class Finished(Record, frozen=True, kw_only=True, tag_field="kind", tag="finished"):
    """The turn of the stream was completed."""

    ended_at: float


class Aborted(Record, frozen=True, kw_only=True, tag_field="kind", tag="aborted"):
    """The turn of the stream failed or was interrupted."""

    reason: str
    ended_at: float


class StreamRow(Row, frozen=True, kw_only=True):
    """A stream of deltas of one turn."""

    thread_id: str
    thread_ref: ThreadRef
    turn_id: str
    turn_ref: TurnRef
    stream_id: str
    state: Streaming | Finished | Aborted
    started_at: float
    ended_at: float | UnsetType = UNSET
    cleanup_scheduled_at: float | UnsetType = UNSET
    cleanup_fn_id: str | UnsetType = UNSET


class StreamStatsRow(Row, frozen=True, kw_only=True):
    """How far a stream has come.

    Attributes:
        latest_cursor: The end of the last delta that is stored.
        received_cursor: The end of the last delta that was delivered, stored or not: where the next
            one is expected to begin.
    """

    thread_id: str
    turn_id: str
    stream_id: str
    stream_ref: StreamRef
    state: StreamStatus
    delta_count: int
    latest_cursor: float
    received_cursor: float
    updated_at: float


class StreamDeltaRow(Row, frozen=True, kw_only=True):
    """A delta that can be replayed until it expires."""

    stream_id: str
    stream_ref: StreamRef
    turn_id: str
    turn_ref: TurnRef | UnsetType = UNSET
    event_id: str
    cursor_start: float
    cursor_end: float
    kind: str
    payload_json: str
    long_fields: LongFields = UNSET
    created_at: float
    expires_at: float


class StreamReceiptRow(Row, frozen=True, kw_only=True):
    """Which events of a stream were taken in without being stored: told again, they are known.

    Attributes:
        event_ids: Their ids, in the order of the stream.
    """

    stream_id: str
    stream_ref: StreamRef
    cursor_start: float
    cursor_end: float
    event_ids: list[str]
    expires_at: float


class StreamCheckpointRow(Row, frozen=True, kw_only=True):
    """How far a consumer has taken a stream. Only the consumer moves it."""

    user_id: str | UnsetType = UNSET
    thread_id: str
    thread_ref: ThreadRef
    stream_id: str
    stream_ref: StreamRef
    acked_cursor: float
    updated_at: float


class LifecycleEventRow(Row, frozen=True, kw_only=True):
    """An event of a thread that is kept."""

    thread_id: str
    thread_ref: ThreadRef
    turn_id: str | UnsetType = UNSET
    turn_ref: TurnRef | UnsetType = UNSET
    stream_ref: StreamRef | UnsetType = UNSET
    event_id: str
    kind: str
    payload_json: str
    long_fields: LongFields = UNSET
    created_at: float


class PayloadPartRow(Row, frozen=True, kw_only=True):
    """A part of a text that is too long for its row.

    Attributes:
        owner_ref: The id of the row.
        field: The field of the row it belongs to.
    """

    thread_id: str
    turn_id: str | UnsetType = UNSET
    owner_ref: str
    field: str
    part_index: int
    text: str


STREAM_TABLES: Final = (
    Table(
        "codex_sessions",
        SessionRow,
        (
            scoped("sessions of a thread", "threadId"),
            scoped("deletion of a thread", "threadRef"),
            scoped("the sweep of silent sessions", "status", "lastHeartbeatAt"),
            scoped("one session", "sessionId"),
        ),
        "Who feeds which thread.",
    ),
    Table(
        "codex_streams",
        StreamRow,
        (
            scoped("streams of a thread by state", "threadId", "state.kind"),
            scoped("streams of a turn", "threadId", "turnId"),
            scoped("one stream", "streamId"),
            scoped("deletion of a turn", "turnRef", "streamId"),
            scoped("deletion of a thread", "threadRef", "streamId"),
        ),
        "One row for each stream that is not yet cleaned up.",
    ),
    Table(
        "codex_stream_stats",
        StreamStatsRow,
        (
            scoped("stats of a thread", "threadId"),
            scoped("one stream", "streamId"),
            scoped("deletion of a stream", "streamRef"),
        ),
        "How far each stream has come.",
    ),
    Table(
        "codex_stream_deltas_ttl",
        StreamDeltaRow,
        (
            scoped("replay", "streamId", "cursorStart"),
            scoped("deletion of a stream", "streamRef", "cursorStart"),
            scoped("what was already taken", "streamId", "eventId"),
            Index(("expiresAt",), "the sweep of expired deltas, of everybody"),
        ),
        "Deltas that can be replayed, for a day.",
    ),
    Table(
        "codex_stream_receipts",
        StreamReceiptRow,
        (
            scoped("what was taken in at a place", "streamId", "cursorStart"),
            scoped("deletion of a stream", "streamRef"),
            Index(("expiresAt",), "the sweep of expired receipts, of everybody"),
        ),
        "What streams delivered that is not stored, for a day.",
    ),
    Table(
        "codex_payload_parts",
        PayloadPartRow,
        (
            scoped("a text", "ownerRef", "field", "partIndex"),
            scoped("deletion of a thread", "threadId"),
        ),
        "Texts that are too long for their rows.",
    ),
    Table(
        "codex_stream_checkpoints",
        StreamCheckpointRow,
        (
            scoped("one stream", "threadId", "streamId"),
            scoped("deletion of a stream", "streamRef"),
            scoped("deletion of a thread", "threadRef"),
        ),
        "How far consumers have taken each stream.",
    ),
    Table(
        "codex_lifecycle_events",
        LifecycleEventRow,
        (
            scoped("the newest events of a thread", "threadId", "createdAt"),
            scoped("the newest event of a kind", "threadId", "kind", "createdAt"),
            scoped("events of a turn", "threadId", "turnId", "createdAt"),
            scoped("what was already taken", "threadId", "eventId"),
            scoped("deletion of a thread", "threadRef", "createdAt"),
            scoped("deletion of a turn", "turnRef", "createdAt"),
        ),
        "Events of threads that are kept.",
    ),
)
