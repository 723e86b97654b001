"""The functions of the modules ``sync`` and ``streams``: ingest, replay, sessions, clean-up.

May import the shapes of functions and tables. The invariant: a batch that is rejected has written
nothing; only a consumer moves a checkpoint (spec 02, "Better").
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from codex_runtime.contract.functions.function import internal, mutation, query
from codex_runtime.contract.functions.threads import ThreadArgs
from codex_runtime.contract.shapes import UNSET, Record, UnsetType
from codex_runtime.contract.tables.streams import StreamStatus


class StreamDelta(Record, frozen=True, kw_only=True, tag_field="type", tag="stream_delta"):
    """An event of a stream.

    Attributes:
        kind: The method of the message.
        payload_json: The whole message, as JSON.
        cursor_start: Where it begins in its stream; the first one at 0.
        cursor_end: Where it ends, exclusively.
        created_at: Milliseconds since the epoch.
    """

    event_id: str
    turn_id: str
    stream_id: str
    kind: str
    payload_json: str
    cursor_start: float
    cursor_end: float
    created_at: float


class LifecycleEvent(Record, frozen=True, kw_only=True, tag_field="type", tag="lifecycle_event"):
    """An event of a thread that belongs to no stream."""

    event_id: str
    turn_id: str | UnsetType = UNSET
    kind: str
    payload_json: str
    created_at: float


class RuntimeOptions(Record, frozen=True, kw_only=True):
    """How ingest and replay are to go about it (spec 01 §7).

    Attributes:
        save_stream_deltas: Whether text deltas can be replayed; false when absent.
        save_reasoning_deltas: Whether reasoning deltas can be replayed; true when absent.
        expose_raw_reasoning_deltas: Whether raw reasoning is kept; false when absent.
        max_deltas_per_stream_read: The most deltas of one stream in one replay; 100 when absent.
        max_deltas_per_request_read: The most deltas in one replay; 1,000 when absent.
        finished_stream_delete_delay_ms: How long an ended stream stays; 300,000 ms when absent.
    """

    save_stream_deltas: bool | UnsetType = UNSET
    save_reasoning_deltas: bool | UnsetType = UNSET
    expose_raw_reasoning_deltas: bool | UnsetType = UNSET
    max_deltas_per_stream_read: float | UnsetType = UNSET
    max_deltas_per_request_read: float | UnsetType = UNSET
    finished_stream_delete_delay_ms: float | UnsetType = UNSET


class IngestArgs(ThreadArgs, frozen=True, kw_only=True):
    """Arguments of ``sync.ingest`` and ``sync.ingestSafe``.

    Attributes:
        ensure_last_event_cursor: Where a session begins that has to be made or bound first.
            ``sync.ingest`` makes and binds none without it.
    """

    session_id: str
    stream_deltas: list[StreamDelta]
    lifecycle_events: list[LifecycleEvent]
    runtime: RuntimeOptions | UnsetType = UNSET
    ensure_last_event_cursor: float | UnsetType = UNSET


class AckedStream(Record, frozen=True, kw_only=True):
    """How far a stream has been taken in."""

    stream_id: str
    ack_cursor_end: float


IngestStatus: TypeAlias = Literal["ok", "partial"]
PublicIngestCode: TypeAlias = Literal[
    "SESSION_NOT_FOUND",
    "SESSION_THREAD_MISMATCH",
    "TURN_ID_REQUIRED_FOR_TURN_EVENT",
    "TURN_ID_MISMATCH",
    "OUT_OF_ORDER",
    "REPLAY_GAP",
    "UNKNOWN",
]


class Ingested(Record, frozen=True, kw_only=True):
    """What ``sync.ingest`` took in.

    Attributes:
        ingest_status: ``partial`` when a stream has a gap before what was taken in.
    """

    acked_streams: list[AckedStream]
    ingest_status: IngestStatus


class IngestError(Record, frozen=True, kw_only=True):
    """Why a batch was rejected.

    Attributes:
        cause: The code of the catalogue behind the public one.
    """

    code: PublicIngestCode
    message: str
    recoverable: bool
    cause: str | UnsetType = UNSET


class IngestRecovery(Record, frozen=True, kw_only=True):
    """That the session had to be bound first."""

    action: Literal["session_rebound"]
    session_id: str
    thread_id: str


class IngestSafeResult(Record, frozen=True, kw_only=True):
    """What became of a batch: taken in, or rejected as a whole."""

    status: Literal["ok", "partial", "session_recovered", "rejected"]
    ingest_status: IngestStatus
    acked_streams: list[AckedStream]
    recovery: IngestRecovery | UnsetType = UNSET
    errors: list[IngestError]


PUBLIC_INGEST_CODES: Final[dict[str, PublicIngestCode]] = {
    "E_SYNC_SESSION_NOT_FOUND": "SESSION_NOT_FOUND",
    "E_SYNC_SESSION_THREAD_MISMATCH": "SESSION_THREAD_MISMATCH",
    "E_SYNC_TURN_ID_REQUIRED_FOR_TURN_EVENT": "TURN_ID_REQUIRED_FOR_TURN_EVENT",
    "E_SYNC_TURN_ID_MISMATCH": "TURN_ID_MISMATCH",
    "E_SYNC_OUT_OF_ORDER": "OUT_OF_ORDER",
    "E_SYNC_REPLAY_GAP": "REPLAY_GAP",
}
"""The public code of each code that has one; every other code is ``UNKNOWN`` to the public."""

RECOVERABLE_INGEST_CODES: Final = frozenset(
    {
        "E_SYNC_SESSION_NOT_FOUND",
        "E_SYNC_SESSION_THREAD_MISMATCH",
        "SESSION_NOT_FOUND",
        "SESSION_THREAD_MISMATCH",
    }
)
"""The codes after which binding the session and trying again helps."""


class SessionArgs(ThreadArgs, frozen=True, kw_only=True):
    """Arguments of ``sync.ensureSession`` and ``sync.heartbeat``."""

    session_id: str
    last_event_cursor: float


class EnsuredSession(Record, frozen=True, kw_only=True):
    """A session there is now."""

    session_id: str
    thread_id: str
    status: Literal["created", "active"]


class StreamCursor(Record, frozen=True, kw_only=True):
    """A place in a stream."""

    stream_id: str
    cursor: float


class RequestedCursor(Record, frozen=True, kw_only=True):
    """A stream to be replayed.

    Attributes:
        cursor: From where; from the consumer's checkpoint when absent.
    """

    stream_id: str
    cursor: float | UnsetType = UNSET


class ReplayArgs(ThreadArgs, frozen=True, kw_only=True):
    """Arguments of ``sync.replay``."""

    stream_cursors_by_id: list[RequestedCursor]
    runtime: RuntimeOptions | UnsetType = UNSET


class StreamListed(Record, frozen=True, kw_only=True):
    """A stream of a thread."""

    stream_id: str
    state: StreamStatus


class StreamWindow(Record, frozen=True, kw_only=True):
    """What part of a stream was replayed.

    Attributes:
        status: ``rebased`` when it begins later than asked for, ``stale`` when nothing is left of
            what the stream once had there.
    """

    stream_id: str
    status: Literal["ok", "rebased", "stale"]
    server_cursor_start: float
    server_cursor_end: float


class ReplayedDelta(Record, frozen=True, kw_only=True):
    """A delta of a replay."""

    stream_id: str
    cursor_start: float
    cursor_end: float
    kind: str
    payload_json: str


class ItemSnapshot(Record, frozen=True, kw_only=True):
    """The latest state of an item among the replayed deltas."""

    item_id: str
    item_type: str
    status: Literal["inProgress", "completed", "failed", "declined"]
    payload_json: str


class Replayed(Record, frozen=True, kw_only=True):
    """A replay."""

    streams: list[StreamListed]
    stream_windows: list[StreamWindow]
    next_checkpoints: list[StreamCursor]
    deltas: list[ReplayedDelta]
    snapshots: list[ItemSnapshot]


class ResumeReplayArgs(ThreadArgs, frozen=True, kw_only=True):
    """Arguments of ``sync.resumeReplay``.

    Attributes:
        stream_id: Which stream of the turn; the first one when absent.
    """

    turn_id: str
    from_cursor: float
    stream_id: str | UnsetType = UNSET
    runtime: RuntimeOptions | UnsetType = UNSET


class ResumedDelta(Record, frozen=True, kw_only=True):
    """A delta of one turn's stream."""

    cursor_start: float
    cursor_end: float
    kind: str
    payload_json: str


class ResumedReplay(Record, frozen=True, kw_only=True):
    """The replay of one turn.

    Attributes:
        stream_ids: All streams of the turn, so that the others can be asked for too.
    """

    stream_window: StreamWindow
    deltas: list[ResumedDelta]
    next_cursor: float
    stream_ids: list[str]


class CheckpointArgs(ThreadArgs, frozen=True, kw_only=True):
    """Arguments of ``sync.upsertCheckpoint``."""

    stream_id: str
    cursor: float


class Done(Record, frozen=True, kw_only=True):
    """It is done."""

    ok: Literal[True]


class SweepSessionsArgs(Record, frozen=True, kw_only=True):
    """Arguments of ``sessions.timeoutStaleSessions``."""

    user_scope: str
    stale_before_ms: float


class WatchSessionArgs(Record, frozen=True, kw_only=True):
    """Arguments of ``sessions.watch``."""

    user_scope: str
    session_id: str


class SweptSessions(Record, frozen=True, kw_only=True):
    """How many sessions fell silent."""

    timed_out: int


class TimeoutStreamArgs(Record, frozen=True, kw_only=True):
    """Arguments of ``streams.timeoutStream``."""

    user_scope: str
    stream_id: str
    reason: str | UnsetType = UNSET


class CleanupStreamArgs(Record, frozen=True, kw_only=True):
    """Arguments of ``streams.cleanupFinishedStream``."""

    user_scope: str
    stream_id: str
    batch_size: float | UnsetType = UNSET


class CleanedStream(Record, frozen=True, kw_only=True):
    """How far the clean-up of a stream has come."""

    deleted_deltas: int
    stream_deleted: bool
    has_more: bool


class SweepDeltasArgs(Record, frozen=True, kw_only=True):
    """Arguments of ``streams.cleanupExpiredDeltas``."""

    now_ms: float
    batch_size: float | UnsetType = UNSET


class SweptDeltas(Record, frozen=True, kw_only=True):
    """How many deltas had expired."""

    deleted: int
    has_more: bool


class AuditArgs(Record, frozen=True, kw_only=True):
    """Arguments of ``streams.auditDataHygiene``."""

    user_scope: str
    sample_size: float | UnsetType = UNSET


class AuditedHygiene(Record, frozen=True, kw_only=True):
    """Stats whose streams are gone."""

    scanned_stream_stats: int
    stream_stat_orphans: int
    orphan_stream_ids: list[str]


INGEST_ERRORS: Final = (
    "E_SYNC_EMPTY_BATCH",
    "E_INGEST_EVENT_INVALID",
    "E_SYNC_PAYLOAD_SCHEMA_MISMATCH",
    "E_SYNC_TURN_ID_MISMATCH",
    "E_SYNC_TURN_ID_REQUIRED_FOR_TURN_EVENT",
    "E_SYNC_BATCH_TOO_LARGE",
    "E_THREAD_NOT_FOUND",
    "E_THREAD_DELETING",
    "E_TURN_DELETING",
    "E_ACTOR_PURGING",
    "E_SYNC_SESSION_NOT_FOUND",
    "E_SYNC_SESSION_THREAD_MISMATCH",
    "E_SYNC_STREAM_ID_COLLISION",
    "E_SYNC_INVALID_CURSOR_RANGE",
    "E_SYNC_OUT_OF_ORDER",
    "E_SYNC_DUP_EVENT_IN_BATCH",
    "E_SYNC_MESSAGE_TOO_LARGE",
)
"""Why a batch can be rejected, in the order in which it is looked at."""

INGEST_FUNCTIONS: Final = (
    mutation(
        "sync.ingest",
        IngestArgs,
        Ingested,
        "Take a batch in, as a whole or not at all.",
        *INGEST_ERRORS,
    ),
    mutation(
        "sync.ingestSafe",
        IngestArgs,
        IngestSafeResult,
        "Take a batch in; bind the session first where that is what is missing. A rejected batch "
        "is an answer, not an error, and has written nothing.",
        "E_THREAD_NOT_FOUND",
        "E_THREAD_DELETING",
        "E_ACTOR_PURGING",
    ),
    query(
        "sync.replay",
        ReplayArgs,
        Replayed,
        "What streams of a thread still hold from where the caller is.",
        "E_THREAD_NOT_FOUND",
    ),
    query(
        "sync.listCheckpoints",
        ThreadArgs,
        list[StreamCursor],
        "How far the consumer has taken each stream.",
        "E_THREAD_NOT_FOUND",
    ),
    mutation(
        "sync.upsertCheckpoint",
        CheckpointArgs,
        Done,
        "Move the consumer's checkpoint forwards.",
        "E_THREAD_NOT_FOUND",
        "E_STREAM_NOT_FOUND",
        "E_STREAM_THREAD_MISMATCH",
    ),
    mutation(
        "sync.heartbeat",
        SessionArgs,
        None,
        "Say that a session is alive.",
        "E_THREAD_NOT_FOUND",
        "E_THREAD_DELETING",
        "E_ACTOR_PURGING",
    ),
    mutation(
        "sync.ensureSession",
        SessionArgs,
        EnsuredSession,
        "Make a session, or bind the one there is to this thread.",
        "E_THREAD_NOT_FOUND",
        "E_THREAD_DELETING",
        "E_ACTOR_PURGING",
    ),
    query(
        "sync.resumeReplay",
        ResumeReplayArgs,
        ResumedReplay,
        "What a stream of one turn still holds.",
        "E_THREAD_NOT_FOUND",
        "E_TURN_NOT_FOUND",
    ),
    internal(
        "sessions.timeoutStaleSessions",
        "mutation",
        SweepSessionsArgs,
        SweptSessions,
        "Mark sessions that have been silent for too long.",
    ),
    internal(
        "streams.timeoutStream",
        "mutation",
        TimeoutStreamArgs,
        None,
        "End the turn of a stream that nobody feeds.",
    ),
    internal(
        "streams.cleanupFinishedStream",
        "mutation",
        CleanupStreamArgs,
        CleanedStream,
        "Drain a stream that has ended, and remove it.",
    ),
    internal(
        "streams.cleanupExpiredDeltas",
        "mutation",
        SweepDeltasArgs,
        SweptDeltas,
        "Remove deltas that have expired.",
    ),
    internal(
        "sessions.watch",
        "mutation",
        WatchSessionArgs,
        None,
        "Look after a session until it has fallen silent, and after what expires meanwhile.",
    ),
    internal(
        "streams.auditDataHygiene",
        "query",
        AuditArgs,
        AuditedHygiene,
        "Count the stats whose streams are gone.",
    ),
)
