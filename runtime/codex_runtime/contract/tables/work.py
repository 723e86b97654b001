"""The tables of work that outlives its caller: imports, deletions, dispatches.

May import the shapes and the other tables. The invariant: a row of work carries the whole identity
of its actor, so that whoever goes on with it acts as the same actor (spec 01 §3.15-3.18, 04 §10).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from codex_runtime.contract.shapes import UNSET, UnsetType, row_of
from codex_runtime.contract.tables.conversations import LongFields, ThreadRef, TurnRef
from codex_runtime.contract.tables.table import Row, Table, scoped

SourceRef: TypeAlias = Annotated[str, row_of("codex_sync_import_sources")]

SourceState: TypeAlias = Literal["collecting", "sealed", "failed"]
JobState: TypeAlias = Literal[
    "queued", "running", "retry_wait", "verifying", "succeeded", "failed", "cancelled"
]
DeletionTarget: TypeAlias = Literal["thread", "turn", "actor"]
DeletionStatus: TypeAlias = Literal[
    "scheduled", "queued", "running", "completed", "failed", "cancelled"
]
DispatchStatus: TypeAlias = Literal[
    "queued", "claimed", "started", "completed", "failed", "cancelled"
]


class SyncSourceRow(Row, frozen=True, kw_only=True):
    """What is to be imported, while and after it is collected.

    Attributes:
        expected_manifest_json: Empty: the manifest lies beside the row, in pages.
        expected_checksum: ``<chunks>:<messages>:<bytes>``, as the importer counted them.
        expected_digest: SHA-256 in hex over the SHA-256 (32 bytes) of each chunk's payload, in
            order; when given.
        last_chunk_at: When it was last fed; a source that nobody feeds expires.
        job_id: The job its seal made.
    """

    user_id: str | UnsetType = UNSET
    anonymous_id: str | UnsetType = UNSET
    source_id: str
    conversation_id: str
    thread_id: str
    runtime_conversation_id: str | UnsetType = UNSET
    state: SourceState
    policy_version: int
    created_at: float
    updated_at: float
    last_chunk_at: float
    sealed_at: float | UnsetType = UNSET
    expected_manifest_json: str | UnsetType = UNSET
    expected_message_count: int | UnsetType = UNSET
    expected_checksum: str | UnsetType = UNSET
    expected_digest: str | UnsetType = UNSET
    total_chunks: int
    total_message_count: int
    total_byte_size: int
    job_id: str | UnsetType = UNSET
    expiry_fn_id: str | UnsetType = UNSET
    last_error_code: str | UnsetType = UNSET
    last_error_message: str | UnsetType = UNSET
    long_fields: LongFields = UNSET


class SyncSourceChunkRow(Row, frozen=True, kw_only=True):
    """A part of what is to be imported.

    Attributes:
        digest: SHA-256 in hex of the payload as it was appended.
    """

    source_ref: SourceRef
    thread_id: str
    chunk_index: int
    payload_json: str
    message_count: int
    byte_size: int
    digest: str
    long_fields: LongFields = UNSET
    created_at: float


class SyncJobRow(Row, frozen=True, kw_only=True):
    """An import.

    Attributes:
        verified_entries: How many entries of the manifest are already found among the messages.
        processed_event_index: How many events of the present chunk are already taken in.
        lease_version: Which worker step is the present one; an older one changes nothing.
        lease_expires_at: When the watchdog takes the present step for dead.
    """

    user_id: str | UnsetType = UNSET
    anonymous_id: str | UnsetType = UNSET
    job_id: str
    source_ref: SourceRef
    source_id: str
    conversation_id: str
    thread_id: str
    runtime_conversation_id: str | UnsetType = UNSET
    policy_version: int
    state: JobState
    started_at: float
    updated_at: float
    completed_at: float | UnsetType = UNSET
    processed_chunk_index: int
    processed_event_index: int
    processed_message_count: int
    verified_entries: int
    total_chunks: int
    retry_count: int
    last_cursor: float
    next_run_at: float | UnsetType = UNSET
    lease_version: int
    lease_expires_at: float | UnsetType = UNSET
    last_error_code: str | UnsetType = UNSET
    last_error_message: str | UnsetType = UNSET


class DeletionJobRow(Row, frozen=True, kw_only=True):
    """A deletion: what remains of what was deleted.

    Attributes:
        stalls: How many of its batches in a row have died.
    """

    user_id: str | UnsetType = UNSET
    anonymous_id: str | UnsetType = UNSET
    deletion_job_id: str
    target_kind: DeletionTarget
    thread_id: str | UnsetType = UNSET
    thread_ref: ThreadRef | UnsetType = UNSET
    turn_id: str | UnsetType = UNSET
    turn_ref: TurnRef | UnsetType = UNSET
    status: DeletionStatus
    batch_size: int | UnsetType = UNSET
    scheduled_for: float | UnsetType = UNSET
    scheduled_fn_id: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    phase: str | UnsetType = UNSET
    deleted_counts_json: str
    stalls: int | UnsetType = UNSET
    error_code: str | UnsetType = UNSET
    error_message: str | UnsetType = UNSET
    created_at: float
    updated_at: float
    started_at: float | UnsetType = UNSET
    completed_at: float | UnsetType = UNSET
    cancelled_at: float | UnsetType = UNSET


class TurnDispatchRow(Row, frozen=True, kw_only=True):
    """A turn that was accepted and is to be given to Codex: the outbox."""

    user_id: str | UnsetType = UNSET
    thread_id: str
    thread_ref: ThreadRef
    dispatch_id: str
    turn_id: str
    turn_ref: TurnRef
    idempotency_key: str
    input_text: str
    long_fields: LongFields = UNSET
    status: DispatchStatus
    claim_owner: str | UnsetType = UNSET
    claim_token: str | UnsetType = UNSET
    lease_expires_at: float | UnsetType = UNSET
    attempt_count: int
    runtime_thread_id: str | UnsetType = UNSET
    runtime_turn_id: str | UnsetType = UNSET
    failure_code: str | UnsetType = UNSET
    failure_reason: str | UnsetType = UNSET
    created_at: float
    updated_at: float
    started_at: float | UnsetType = UNSET
    completed_at: float | UnsetType = UNSET


WORK_TABLES: Final = (
    Table(
        "codex_deletion_jobs",
        DeletionJobRow,
        (
            scoped("one job", "deletionJobId"),
            scoped("jobs of an actor", "userId", "createdAt"),
            scoped("what runs on a thread, or on everything", "targetKind", "status", "threadId"),
        ),
        "Deletions. They outlive what they delete, but never name what was said.",
    ),
    Table(
        "codex_sync_import_sources",
        SyncSourceRow,
        (
            scoped("one source", "sourceId"),
            scoped("sources of a conversation", "userId", "conversationId", "createdAt"),
            scoped("deletion of a thread", "threadId", "createdAt"),
        ),
        "What is to be imported.",
    ),
    Table(
        "codex_sync_import_source_chunks",
        SyncSourceChunkRow,
        (
            scoped("one chunk", "sourceRef", "chunkIndex"),
            scoped("deletion of a thread", "threadId"),
        ),
        "What is to be imported, in parts; dropped when the import has ended.",
    ),
    Table(
        "codex_sync_import_jobs",
        SyncJobRow,
        (
            scoped("one job", "jobId"),
            scoped("jobs of a conversation", "userId", "conversationId", "startedAt"),
            scoped("jobs of a runtime thread", "userId", "runtimeConversationId", "startedAt"),
            scoped("deletion of a thread", "threadId", "startedAt"),
            scoped("jobs in a state", "conversationId", "state"),
        ),
        "Imports.",
    ),
    Table(
        "codex_turn_dispatches",
        TurnDispatchRow,
        (
            scoped("one dispatch", "threadId", "dispatchId"),
            scoped("idempotency within a thread", "threadId", "idempotencyKey"),
            scoped("the oldest in a state", "threadId", "status", "createdAt"),
            scoped("the dispatch of a turn", "threadId", "turnId"),
            scoped("deletion of a turn", "turnRef"),
            scoped("deletion of a thread", "threadRef"),
        ),
        "Turns that were accepted, until they have ended.",
    ),
)
