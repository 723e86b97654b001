"""The tables of conversations: threads, bindings, turns, messages, reasoning, items, summaries.

May import the shapes and the table. The invariant: a row names its parents twice, by their ids for
those who read and by reference for what is deleted with them (spec 01 §3.1-3.5, §3.19-3.20).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from codex_runtime.contract.shapes import UNSET, UnsetType, row_of
from codex_runtime.contract.tables.table import Row, Table, scoped

ThreadRef: TypeAlias = Annotated[str, row_of("codex_threads")]
TurnRef: TypeAlias = Annotated[str, row_of("codex_turns")]

LongFields: TypeAlias = list[str] | UnsetType
"""The names of a row's texts that are too long for the row; there they are empty."""

ThreadStatus: TypeAlias = Literal["active", "archived", "failed"]
TurnStatus: TypeAlias = Literal["queued", "inProgress", "completed", "interrupted", "failed"]
MessageRole: TypeAlias = Literal["user", "assistant", "system", "tool"]
MessageStatus: TypeAlias = Literal["streaming", "completed", "failed", "interrupted"]
SyncState: TypeAlias = Literal["unsynced", "syncing", "synced", "drifted"]
SyncJobState: TypeAlias = Literal["idle", "syncing", "synced", "failed", "cancelled"]
ReasoningChannel: TypeAlias = Literal["summary", "raw"]
SegmentType: TypeAlias = Literal["textDelta", "sectionBreak"]


class ThreadRow(Row, frozen=True, kw_only=True):
    """A thread.

    Attributes:
        bound: Whether a conversation is bound to it: only then is it listed.
        deletion_job_id: The deletion that runs on it; from then on it takes no writes.
    """

    user_id: str | UnsetType = UNSET
    thread_id: str
    local_thread_id: str | UnsetType = UNSET
    status: ThreadStatus
    model: str | UnsetType = UNSET
    cwd: str | UnsetType = UNSET
    personality: str | UnsetType = UNSET
    bound: bool
    deletion_job_id: str | UnsetType = UNSET
    created_at: float
    updated_at: float


class ThreadBindingRow(Row, frozen=True, kw_only=True):
    """Which thread a conversation is kept in, and how well the two are in step."""

    user_id: str | UnsetType = UNSET
    conversation_id: str
    runtime_conversation_id: str | UnsetType = UNSET
    thread_id: str
    conversation_ref: ThreadRef
    sync_state: SyncState | UnsetType = UNSET
    last_synced_cursor: float | UnsetType = UNSET
    last_session_id: str | UnsetType = UNSET
    rebind_count: int | UnsetType = UNSET
    last_error_code: str | UnsetType = UNSET
    last_error_at: float | UnsetType = UNSET
    sync_job_id: str | UnsetType = UNSET
    sync_job_state: SyncJobState | UnsetType = UNSET
    sync_job_policy_version: int | UnsetType = UNSET
    sync_job_started_at: float | UnsetType = UNSET
    sync_job_updated_at: float | UnsetType = UNSET
    sync_job_last_cursor: float | UnsetType = UNSET
    sync_job_error_code: str | UnsetType = UNSET
    created_at: float
    updated_at: float


class TurnRow(Row, frozen=True, kw_only=True):
    """A turn.

    Attributes:
        deletion_job_id: The deletion that runs on it; from then on it takes no writes.
    """

    user_id: str | UnsetType = UNSET
    thread_id: str
    thread_ref: ThreadRef
    turn_id: str
    status: TurnStatus
    idempotency_key: str
    input_summary: str | UnsetType = UNSET
    error: str | UnsetType = UNSET
    deletion_job_id: str | UnsetType = UNSET
    started_at: float
    completed_at: float | UnsetType = UNSET


class MessageRow(Row, frozen=True, kw_only=True):
    """A message.

    Attributes:
        order_in_turn: Its place among the messages of its turn, from 0.
        payload_json: The item it is made of, as JSON.
        long_fields: Those of its texts that lie in parts, see ``codex_payload_parts``.
    """

    user_id: str | UnsetType = UNSET
    thread_id: str
    thread_ref: ThreadRef
    turn_id: str
    turn_ref: TurnRef
    message_id: str
    role: MessageRole
    status: MessageStatus
    text: str
    source_item_type: str
    order_in_turn: int
    payload_json: str
    error: str | UnsetType = UNSET
    long_fields: LongFields = UNSET
    created_at: float
    updated_at: float
    completed_at: float | UnsetType = UNSET


class ReasoningSegmentRow(Row, frozen=True, kw_only=True):
    """A piece of reasoning, as it streamed."""

    user_id: str | UnsetType = UNSET
    thread_id: str
    thread_ref: ThreadRef
    turn_id: str
    turn_ref: TurnRef
    item_id: str
    segment_id: str
    event_id: str
    channel: ReasoningChannel
    segment_type: SegmentType
    text: str
    long_fields: LongFields = UNSET
    summary_index: int | UnsetType = UNSET
    content_index: int | UnsetType = UNSET
    cursor_start: float
    cursor_end: float
    created_at: float


class ItemRow(Row, frozen=True, kw_only=True):
    """An item. Nothing writes these rows; deletion still reaches them (spec 01 §3.19)."""

    user_id: str | UnsetType = UNSET
    thread_id: str
    thread_ref: ThreadRef
    turn_id: str
    turn_ref: TurnRef
    item_id: str
    item_type: str
    status: Literal["inProgress", "completed", "failed", "declined"]
    payload_json: str
    created_at: float
    updated_at: float


class EventSummaryRow(Row, frozen=True, kw_only=True):
    """A summary of an event. Nothing writes these rows; deletion reaches them (spec 01 §3.20)."""

    thread_id: str
    thread_ref: ThreadRef
    turn_id: str | UnsetType = UNSET
    turn_ref: TurnRef | UnsetType = UNSET
    event_id: str
    kind: str
    summary: str
    created_at: float


CONVERSATION_TABLES: Final = (
    Table(
        "codex_threads",
        ThreadRow,
        (
            scoped("purge of an actor", "updatedAt"),
            scoped("pages of all threads", "userId", "updatedAt", "threadId"),
            scoped("pages of bound threads", "bound", "updatedAt", "threadId"),
            scoped("pages of bound threads by status", "bound", "status", "updatedAt", "threadId"),
            scoped("one thread", "threadId"),
        ),
        "One row for each thread.",
    ),
    Table(
        "codex_thread_bindings",
        ThreadBindingRow,
        (
            scoped("one conversation", "userId", "conversationId"),
            scoped("the conversation of a runtime thread", "userId", "runtimeConversationId"),
            scoped("the conversation of a thread", "userId", "threadId"),
            scoped("deletion of a thread", "conversationRef"),
        ),
        "Which thread each conversation of an actor is kept in.",
    ),
    Table(
        "codex_turns",
        TurnRow,
        (
            scoped("the newest turns of a thread", "threadId", "startedAt"),
            scoped("idempotency within a thread", "threadId", "idempotencyKey"),
            scoped("one turn", "threadId", "turnId"),
            scoped("deletion of a thread", "threadRef", "startedAt"),
            scoped("one turn by reference", "threadRef", "turnId"),
        ),
        "One row for each turn of a thread.",
    ),
    Table(
        "codex_messages",
        MessageRow,
        (
            scoped("the newest messages of a thread", "threadId", "createdAt"),
            scoped("pages of a thread", "threadId", "createdAt", "messageId", "turnId"),
            scoped("the first message of a role", "threadId", "role", "createdAt"),
            scoped("messages of a turn by time", "threadId", "turnId", "createdAt"),
            scoped("one message", "threadId", "turnId", "messageId"),
            scoped("messages of a turn in order", "threadId", "turnId", "orderInTurn"),
            scoped("what still streams in a turn", "threadId", "turnId", "status"),
            scoped("deletion of a turn", "turnRef", "orderInTurn"),
            scoped("deletion of a thread", "threadRef"),
        ),
        "What was said and done, one row for each item that people read.",
    ),
    Table(
        "codex_reasoning_segments",
        ReasoningSegmentRow,
        (
            scoped("pages of a thread", "threadId", "createdAt", "segmentId"),
            scoped("pages of one channel", "threadId", "channel", "createdAt", "segmentId"),
            scoped("segments of an item", "threadId", "turnId", "itemId", "createdAt"),
            scoped("what was already taken", "threadId", "eventId"),
            scoped("deletion of a turn", "turnRef", "createdAt"),
            scoped("deletion of a thread", "threadRef"),
        ),
        "Reasoning, piece by piece.",
    ),
    Table(
        "codex_items",
        ItemRow,
        (
            scoped("items of a turn", "threadId", "turnId", "itemId"),
            scoped("deletion of a turn", "turnRef", "itemId"),
            scoped("deletion of a thread", "threadRef", "itemId"),
        ),
        "Reserved: nothing writes it.",
    ),
    Table(
        "codex_event_summaries",
        EventSummaryRow,
        (
            scoped("summaries of a thread", "threadId", "createdAt"),
            scoped("deletion of a turn", "turnRef", "createdAt"),
            scoped("deletion of a thread", "threadRef", "createdAt"),
        ),
        "Reserved: nothing writes it.",
    ),
)
