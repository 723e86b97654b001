"""The functions of the module ``threads`` that import: sources, jobs and their worker.

May import the shapes of functions and tables. The invariant: a job is ``synced`` only when every
entry of the manifest was found among the messages (spec 03).
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from codex_runtime.contract.functions.function import ActorArgs, internal, mutation, query
from codex_runtime.contract.functions.threads import ConversationArgs
from codex_runtime.contract.shapes import UNSET, Record, UnsetType
from codex_runtime.contract.tables.work import SourceState

PublicJobState: TypeAlias = Literal["syncing", "synced", "failed", "cancelled"]


class StartSourceArgs(ConversationArgs, frozen=True, kw_only=True):
    """Arguments of ``threads.startConversationSyncSource``."""

    runtime_conversation_id: str | UnsetType = UNSET
    thread_id: str | UnsetType = UNSET


class StartedSource(Record, frozen=True, kw_only=True):
    """A source that collects."""

    source_id: str
    conversation_id: str
    thread_id: str
    source_state: SourceState
    policy_version: int
    created_at: float
    updated_at: float


class AppendChunkArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of ``threads.appendConversationSyncSourceChunk``.

    Attributes:
        payload_json: A JSON array of events, as ``sync.ingest`` takes them.
        byte_size: The size of the payload as the importer counts it.
    """

    source_id: str
    chunk_index: float
    payload_json: str
    message_count: float
    byte_size: float


class AppendedChunk(Record, frozen=True, kw_only=True):
    """A chunk there is now.

    Attributes:
        appended: Whether this call wrote it.
    """

    source_id: str
    chunk_index: int
    appended: bool


class SealSourceArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of ``threads.sealConversationSyncSource``.

    Attributes:
        expected_manifest_json: A JSON array of ``{turnId, messageId}``, each once.
        expected_checksum: ``<chunks>:<messages>:<bytes>``.
        expected_digest: SHA-256 in hex over the SHA-256 (32 bytes) of each chunk's payload, in
            order.
    """

    source_id: str
    expected_manifest_json: str
    expected_checksum: str
    expected_message_count: float | UnsetType = UNSET
    expected_digest: str | UnsetType = UNSET


class SealedSource(Record, frozen=True, kw_only=True):
    """A source that is sealed.

    Attributes:
        scheduled: Whether this call sealed it and set the import going.
    """

    source_id: str
    source_state: SourceState
    total_chunks: int
    job_id: str
    scheduled: bool


class CancelJobArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of ``threads.cancelConversationSyncJob``."""

    job_id: str
    error_code: str | UnsetType = UNSET
    error_message: str | UnsetType = UNSET


class CancelledJob(Record, frozen=True, kw_only=True):
    """A job after the attempt to cancel it."""

    job_id: str
    state: PublicJobState
    cancelled: bool


class GetJobArgs(ConversationArgs, frozen=True, kw_only=True):
    """Arguments of ``threads.getConversationSyncJob``; the newest job when none is named."""

    job_id: str | UnsetType = UNSET


class ListedJob(Record, frozen=True, kw_only=True):
    """A job in a list."""

    job_id: str
    state: PublicJobState
    source_state: SourceState
    started_at: float
    updated_at: float
    completed_at: float | UnsetType = UNSET
    retry_count: int
    processed_message_count: int
    expected_message_count: int | UnsetType = UNSET
    total_chunks: int
    processed_chunk_index: int
    last_error_code: str | UnsetType = UNSET


class Job(ListedJob, frozen=True, kw_only=True):
    """A job."""

    conversation_id: str
    thread_id: str
    runtime_conversation_id: str | UnsetType = UNSET
    policy_version: int
    last_cursor: float
    last_error_message: str | UnsetType = UNSET


class ListJobsArgs(ConversationArgs, frozen=True, kw_only=True):
    """Arguments of ``threads.listConversationSyncJobs``."""

    limit: float | UnsetType = UNSET


class RunJobArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of the import's worker.

    Attributes:
        lease_version: Which step this is; a step that is no longer the present one does nothing.
    """

    job_id: str
    lease_version: float


class SourceArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of what looks after a source."""

    source_id: str


IMPORT_FUNCTIONS: Final = (
    mutation(
        "threads.startConversationSyncSource",
        StartSourceArgs,
        StartedSource,
        "Begin to collect what is to be imported into a conversation.",
        "E_CONVERSATION_NOT_FOUND",
        "E_CONVERSATION_THREAD_MISMATCH",
        "E_THREAD_NOT_FOUND",
        "E_THREAD_DELETING",
        "E_ACTOR_PURGING",
    ),
    mutation(
        "threads.appendConversationSyncSourceChunk",
        AppendChunkArgs,
        AppendedChunk,
        "Add a chunk, in any order; the same chunk again changes nothing.",
        "E_SYNC_SOURCE_INVALID",
        "E_SYNC_SOURCE_NOT_FOUND",
        "E_SYNC_SOURCE_NOT_COLLECTING",
        "E_SYNC_SOURCE_CHUNK_CONFLICT",
        "E_SYNC_SOURCE_CHUNK_TOO_LARGE",
        "E_THREAD_NOT_FOUND",
        "E_THREAD_DELETING",
        "E_ACTOR_PURGING",
    ),
    mutation(
        "threads.sealConversationSyncSource",
        SealSourceArgs,
        SealedSource,
        "Close a source, hold it to what the importer expects, and set the import going. A seal "
        "that does not fit leaves the source collecting.",
        "E_SYNC_SOURCE_NOT_FOUND",
        "E_SYNC_SOURCE_EXPIRED",
        "E_SYNC_MANIFEST_INVALID",
        "E_SYNC_SOURCE_CHUNK_INDEX_GAP",
        "E_SYNC_SOURCE_CHECKSUM_MISMATCH",
        "E_SYNC_SOURCE_DIGEST_MISMATCH",
        "E_THREAD_NOT_FOUND",
        "E_THREAD_DELETING",
        "E_ACTOR_PURGING",
    ),
    mutation(
        "threads.cancelConversationSyncJob",
        CancelJobArgs,
        CancelledJob,
        "Cancel an import that has not ended.",
        "E_SYNC_JOB_NOT_FOUND",
        "E_SYNC_JOB_INVALID",
    ),
    query(
        "threads.getConversationSyncJob",
        GetJobArgs,
        Job | None,
        "One of the newest jobs of a conversation.",
        "E_SYNC_JOB_INVALID",
    ),
    query(
        "threads.listConversationSyncJobs",
        ListJobsArgs,
        list[ListedJob],
        "The newest jobs of a conversation.",
        "E_SYNC_JOB_INVALID",
    ),
    internal(
        "threads.runConversationSyncJob",
        "mutation",
        RunJobArgs,
        None,
        "One step of an import: a part of a chunk, or a part of the verification.",
    ),
    internal(
        "threads.watchConversationSyncJob",
        "mutation",
        RunJobArgs,
        None,
        "Look whether a step of an import has died, and begin it again.",
    ),
    internal(
        "threads.dropConversationSyncChunks",
        "mutation",
        SourceArgs,
        None,
        "Drop the chunks of a source whose import has ended.",
    ),
    internal(
        "threads.expireConversationSyncSource",
        "mutation",
        SourceArgs,
        None,
        "Give up a source that nobody feeds any more.",
    ),
)
