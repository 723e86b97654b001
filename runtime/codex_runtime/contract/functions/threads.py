"""The functions of the module ``threads``: threads and the conversations bound to them.

May import the shapes of functions and tables. The invariant: as for every module of functions, see
:mod:`codex_runtime.contract.functions.function` (spec 01 §5.1, 03 §3-5).
"""

from __future__ import annotations

from typing import Final, Literal

from codex_runtime.contract.functions.function import ActorArgs, mutation, query
from codex_runtime.contract.functions.pages import PageEnd, PaginationOpts
from codex_runtime.contract.shapes import UNSET, Record, UnsetType
from codex_runtime.contract.tables.conversations import (
    MessageRole,
    MessageStatus,
    SyncJobState,
    SyncState,
    ThreadStatus,
    TurnStatus,
)
from codex_runtime.contract.tables.streams import StreamStatus


class ThreadSettings(ActorArgs, frozen=True, kw_only=True):
    """What is remembered of how a thread runs."""

    model: str | UnsetType = UNSET
    cwd: str | UnsetType = UNSET
    personality: str | UnsetType = UNSET
    local_thread_id: str | UnsetType = UNSET


class CreateArgs(ThreadSettings, frozen=True, kw_only=True):
    """Arguments of ``threads.create``."""

    thread_id: str


class ThreadArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of functions about one thread."""

    thread_id: str


class ThreadCreated(Record, frozen=True, kw_only=True):
    """The thread there is now."""

    thread_id: str


class ResolveArgs(ThreadSettings, frozen=True, kw_only=True):
    """Arguments of ``threads.resolve``."""

    conversation_id: str | UnsetType = UNSET


class Resolved(Record, frozen=True, kw_only=True):
    """The thread of a conversation.

    Attributes:
        created: Whether this call made it.
    """

    thread_id: str
    conversation_id: str | UnsetType = UNSET
    created: bool


class ConversationArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of functions about one conversation."""

    conversation_id: str


class Mapping(Record, frozen=True, kw_only=True):
    """A conversation and the thread it is kept in."""

    conversation_id: str
    thread_id: str


class ListByConversationArgs(ConversationArgs, frozen=True, kw_only=True):
    """Arguments of ``threads.listByConversation``."""

    include_archived: bool | UnsetType = UNSET


class ListArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of ``threads.list``."""

    pagination_opts: PaginationOpts
    include_archived: bool | UnsetType = UNSET


class ListedConversation(Record, frozen=True, kw_only=True):
    """A conversation in a list.

    Attributes:
        preview: Its name, else what the user said first, else ``Untitled thread``.
    """

    conversation_id: str
    status: ThreadStatus
    updated_at: float
    preview: str


class ConversationPage(PageEnd, frozen=True, kw_only=True):
    """A page of conversations, the latest changed first."""

    page: list[ListedConversation]


class RuntimeBindingsArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of ``threads.listRuntimeConversationBindings``."""

    runtime_conversation_ids: list[str]


class RuntimeBinding(Record, frozen=True, kw_only=True):
    """Where a thread of the local Codex is kept."""

    runtime_conversation_id: str
    thread_id: str
    conversation_id: str


class Resumed(Record, frozen=True, kw_only=True):
    """A thread that is active again."""

    thread_id: str
    status: Literal["active"]


class ConversationThreadArgs(ConversationArgs, frozen=True, kw_only=True):
    """A conversation, and the thread the caller takes it to be bound to."""

    thread_id: str


class Archived(Record, frozen=True, kw_only=True):
    """A conversation in the archive."""

    conversation_id: str
    thread_id: str
    status: Literal["archived"]


class Unarchived(Record, frozen=True, kw_only=True):
    """A conversation back from the archive."""

    conversation_id: str
    thread_id: str
    status: Literal["active"]


class OpenBindingArgs(ConversationArgs, frozen=True, kw_only=True):
    """Arguments of ``threads.syncOpenBinding``."""

    runtime_conversation_id: str
    model: str | UnsetType = UNSET
    cwd: str | UnsetType = UNSET
    session_id: str | UnsetType = UNSET


class OpenedBinding(Record, frozen=True, kw_only=True):
    """An open binding.

    Attributes:
        created: Whether this call made it.
        rebind_applied: Whether the conversation had another runtime thread, or none, before.
    """

    thread_id: str
    conversation_id: str
    runtime_conversation_id: str
    created: bool
    rebind_applied: bool
    sync_state: SyncState


class MarkProgressArgs(ConversationArgs, frozen=True, kw_only=True):
    """Arguments of ``threads.markSyncProgress``.

    Attributes:
        reset: Whether the cursor may move backwards.
    """

    runtime_conversation_id: str | UnsetType = UNSET
    session_id: str | UnsetType = UNSET
    cursor: float
    sync_state: SyncState | UnsetType = UNSET
    error_code: str | UnsetType = UNSET
    sync_job_id: str | UnsetType = UNSET
    expected_sync_job_id: str | UnsetType = UNSET
    sync_job_state: SyncJobState | UnsetType = UNSET
    sync_job_policy_version: int | UnsetType = UNSET
    sync_job_started_at: float | UnsetType = UNSET
    sync_job_updated_at: float | UnsetType = UNSET
    sync_job_error_code: str | UnsetType = UNSET
    reset: bool | UnsetType = UNSET


class MarkedProgress(Record, frozen=True, kw_only=True):
    """A binding as it stands after the call.

    Attributes:
        stale_ignored: Whether the call spoke of another job and changed nothing.
    """

    thread_id: str
    conversation_id: str
    runtime_conversation_id: str | UnsetType = UNSET
    sync_state: SyncState
    last_synced_cursor: float
    sync_job_id: str | UnsetType = UNSET
    sync_job_state: SyncJobState | UnsetType = UNSET
    sync_job_policy_version: int | UnsetType = UNSET
    sync_job_started_at: float | UnsetType = UNSET
    sync_job_updated_at: float | UnsetType = UNSET
    sync_job_last_cursor: float | UnsetType = UNSET
    sync_job_error_code: str | UnsetType = UNSET
    stale_ignored: bool


class RebindArgs(ConversationArgs, frozen=True, kw_only=True):
    """Arguments of ``threads.forceRebindSync``."""

    runtime_conversation_id: str
    reason_code: str | UnsetType = UNSET


class Rebound(Record, frozen=True, kw_only=True):
    """A binding that has been bound anew."""

    thread_id: str
    conversation_id: str
    runtime_conversation_id: str
    sync_state: Literal["syncing"]
    rebind_count: int


class SnapshotTurn(Record, frozen=True, kw_only=True):
    """A turn in a snapshot."""

    turn_id: str
    status: TurnStatus
    started_at: float
    completed_at: float | UnsetType = UNSET


class SnapshotStream(Record, frozen=True, kw_only=True):
    """A stream in a snapshot."""

    stream_id: str
    turn_id: str
    state: StreamStatus
    started_at: float


class SnapshotStat(Record, frozen=True, kw_only=True):
    """How far a stream has come."""

    stream_id: str
    state: StreamStatus
    delta_count: int
    latest_cursor: float


class SnapshotApproval(Record, frozen=True, kw_only=True):
    """An approval that is pending."""

    turn_id: str
    item_id: str
    kind: str
    reason: str | UnsetType = UNSET


class SnapshotMessage(Record, frozen=True, kw_only=True):
    """A message in a snapshot."""

    message_id: str
    turn_id: str
    role: MessageRole
    status: MessageStatus
    text: str
    created_at: float
    updated_at: float
    completed_at: float | UnsetType = UNSET


class LifecycleMarker(Record, frozen=True, kw_only=True):
    """That a stream was drained and removed."""

    kind: str
    turn_id: str | UnsetType = UNSET
    stream_id: str | UnsetType = UNSET
    created_at: float


class ThreadState(Record, frozen=True, kw_only=True):
    """A thread at a glance."""

    thread_id: str
    thread_status: ThreadStatus
    turns: list[SnapshotTurn]
    active_streams: list[SnapshotStream]
    all_streams: list[SnapshotStream]
    stream_stats: list[SnapshotStat]
    pending_approvals: list[SnapshotApproval]
    recent_messages: list[SnapshotMessage]
    lifecycle_markers: list[LifecycleMarker]


_GONE: Final = ("E_THREAD_NOT_FOUND", "E_THREAD_DELETING", "E_ACTOR_PURGING")

THREAD_FUNCTIONS: Final = (
    mutation(
        "threads.create",
        CreateArgs,
        ThreadCreated,
        "Make a thread, or touch the one there is. Binds no conversation and leaves the status.",
        "E_THREAD_DELETING",
        "E_ACTOR_PURGING",
    ),
    mutation(
        "threads.resolve",
        ResolveArgs,
        Resolved,
        "Find the thread of a conversation, or make thread and binding. Without a conversation, "
        "make a thread.",
        "E_THREAD_DELETING",
        "E_ACTOR_PURGING",
    ),
    query(
        "threads.resolveByConversationId",
        ConversationArgs,
        Mapping | None,
        "Find the thread of a conversation; null when none is bound.",
    ),
    query(
        "threads.listByConversation",
        ListByConversationArgs,
        ConversationPage,
        "One conversation as a page: empty when unbound, or archived and not asked for.",
        "E_THREAD_NOT_FOUND",
    ),
    query(
        "threads.listRuntimeConversationBindings",
        RuntimeBindingsArgs,
        list[RuntimeBinding],
        "Where threads of the local Codex are kept; unknown ones are left out.",
        "E_TOO_MANY_IDS",
    ),
    mutation(
        "threads.resume",
        ThreadArgs,
        Resumed,
        "Make a thread active again.",
        *_GONE,
    ),
    mutation(
        "threads.archiveByConversation",
        ConversationThreadArgs,
        Archived,
        "Put a conversation into the archive; again changes nothing but the time.",
        "E_CONVERSATION_NOT_FOUND",
        "E_CONVERSATION_THREAD_MISMATCH",
        *_GONE,
    ),
    mutation(
        "threads.unarchiveByConversation",
        ConversationThreadArgs,
        Unarchived,
        "Take a conversation out of the archive.",
        "E_CONVERSATION_NOT_FOUND",
        "E_CONVERSATION_THREAD_MISMATCH",
        *_GONE,
    ),
    mutation(
        "threads.syncOpenBinding",
        OpenBindingArgs,
        OpenedBinding,
        "Bind a conversation to the thread of the local Codex that it goes on in.",
        "E_THREAD_DELETING",
        "E_ACTOR_PURGING",
    ),
    mutation(
        "threads.markSyncProgress",
        MarkProgressArgs,
        MarkedProgress,
        "Write down how far a conversation is in step. The cursor moves forwards only, unless it "
        "is reset; a call that expects another job changes nothing.",
        "E_CONVERSATION_NOT_FOUND",
    ),
    mutation(
        "threads.forceRebindSync",
        RebindArgs,
        Rebound,
        "Bind a conversation anew.",
        "E_CONVERSATION_NOT_FOUND",
    ),
    query(
        "threads.list",
        ListArgs,
        ConversationPage,
        "Pages of conversations, the latest changed first. Pages are full.",
        "E_KEYSET_CURSOR_INVALID",
        "E_PAGE_SIZE_INVALID",
    ),
    query(
        "threads.getState",
        ThreadArgs,
        ThreadState,
        "A thread at a glance.",
        "E_THREAD_NOT_FOUND",
    ),
)
