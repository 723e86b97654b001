"""The manifest ``runtimeOwned``: the 43 endpoints every host has, in their fixed order.

May import the shapes, functions and payloads. The invariant: the order never changes and no name
ever goes; a field that is added to one of them may be absent (spec 05 §2, §5, §6).
"""

from __future__ import annotations

from typing import Final, Literal

from codex_runtime.contract.endpoints.endpoint import Endpoint
from codex_runtime.contract.endpoints.payloads import (
    DataHygiene,
    DurableHistoryStats,
    PersistenceStats,
    SafeMessages,
    SafeReasoning,
    SafeSnapshot,
    SafeTurnMessages,
    WiringReport,
)
from codex_runtime.contract.functions import deletion, imports, ingest, reading, threads
from codex_runtime.contract.functions.function import ActorArgs
from codex_runtime.contract.functions.pages import PaginationOpts
from codex_runtime.contract.functions.threads import ConversationArgs, ThreadArgs
from codex_runtime.contract.shapes import UNSET, Record, UnsetType


class OpenBindingArgs(ConversationArgs, frozen=True, kw_only=True):
    """Arguments of ``syncOpenConversationBinding``."""

    runtime_conversation_id: str | UnsetType = UNSET
    model: str | UnsetType = UNSET
    cwd: str | UnsetType = UNSET
    session_id: str | UnsetType = UNSET


class EnsureBindingArgs(ConversationArgs, frozen=True, kw_only=True):
    """Arguments of ``ensureConversationBinding``."""

    model: str | UnsetType = UNSET
    cwd: str | UnsetType = UNSET


class EnsuredBinding(Record, frozen=True, kw_only=True):
    """The thread of a conversation."""

    thread_id: str
    created: bool | UnsetType = UNSET


class ArchivedConversation(Record, frozen=True, kw_only=True):
    """A conversation in the archive."""

    conversation_id: str
    status: Literal["archived"]


class UnarchivedConversation(Record, frozen=True, kw_only=True):
    """A conversation back from the archive."""

    conversation_id: str
    status: Literal["active"]


class IngestEventArgs(ThreadArgs, frozen=True, kw_only=True):
    """Arguments of ``ingestEvent``: one event of a stream."""

    session_id: str
    event: ingest.StreamDelta | ingest.LifecycleEvent


class IngestBatchArgs(ThreadArgs, frozen=True, kw_only=True):
    """Arguments of ``ingestBatch``: events of streams, at least one.

    Attributes:
        ensure_last_event_cursor: Where a session begins that has to be made first.
    """

    session_id: str
    deltas: list[ingest.StreamDelta | ingest.LifecycleEvent]
    runtime: ingest.RuntimeOptions | UnsetType = UNSET
    ensure_last_event_cursor: float | UnsetType = UNSET


class DeleteThreadArgs(ConversationArgs, frozen=True, kw_only=True):
    """Arguments of ``deleteThread``."""

    reason: str | UnsetType = UNSET
    batch_size: float | UnsetType = UNSET


class ScheduleDeleteThreadArgs(DeleteThreadArgs, frozen=True, kw_only=True):
    """Arguments of ``scheduleDeleteThread``."""

    delay_ms: float | UnsetType = UNSET


class DeleteTurnArgs(DeleteThreadArgs, frozen=True, kw_only=True):
    """Arguments of ``deleteTurn``."""

    turn_id: str


class ScheduleDeleteTurnArgs(DeleteTurnArgs, frozen=True, kw_only=True):
    """Arguments of ``scheduleDeleteTurn``."""

    delay_ms: float | UnsetType = UNSET


class RespondApprovalArgs(ConversationArgs, frozen=True, kw_only=True):
    """Arguments of ``respondApproval``."""

    turn_id: str
    item_id: str
    decision: Literal["accepted", "declined"]


class InterruptTurnArgs(ConversationArgs, frozen=True, kw_only=True):
    """Arguments of ``interruptTurn``."""

    turn_id: str
    reason: str | UnsetType = UNSET


class AcceptTurnSendArgs(ThreadArgs, frozen=True, kw_only=True):
    """Arguments of ``acceptTurnSend``."""

    turn_id: str
    idempotency_key: str
    input_text: str
    dispatch_id: str | UnsetType = UNSET


class AcceptedTurnSend(Record, frozen=True, kw_only=True):
    """A turn that was accepted: that of the first call with this key."""

    dispatch_id: str
    turn_id: str
    accepted: Literal[True]


class FailTurnSendArgs(ThreadArgs, frozen=True, kw_only=True):
    """Arguments of ``failAcceptedTurnSend``."""

    turn_id: str
    dispatch_id: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    reason: str


class WiringArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of ``validateHostWiring``."""

    conversation_id: str | UnsetType = UNSET


class ListStreams(Record, frozen=True, kw_only=True, tag_field="kind", tag="list"):
    """Ask for the streams.

    Attributes:
        start_order: Read by nothing; older callers send it.
    """

    start_order: float | UnsetType = UNSET


class ReadDeltas(Record, frozen=True, kw_only=True, tag_field="kind", tag="deltas"):
    """Ask for what streams still hold."""

    cursors: list[ingest.RequestedCursor]


class ListMessagesArgs(ConversationArgs, frozen=True, kw_only=True):
    """Arguments of ``listThreadMessagesByConversation``."""

    pagination_opts: PaginationOpts
    stream_args: ListStreams | ReadDeltas | UnsetType = UNSET
    runtime: ingest.RuntimeOptions | UnsetType = UNSET


class TurnMessagesArgs(ConversationArgs, frozen=True, kw_only=True):
    """Arguments of ``listTurnMessagesByConversation``."""

    turn_id: str


class ListConversationRequestsArgs(ConversationArgs, frozen=True, kw_only=True):
    """Arguments of ``listPendingServerRequestsByConversation``."""

    limit: float | UnsetType = UNSET


class ListReasoningArgs(ConversationArgs, frozen=True, kw_only=True):
    """Arguments of ``listThreadReasoningByConversation``."""

    pagination_opts: PaginationOpts
    include_raw: bool | UnsetType = UNSET


RUNTIME_OWNED: Final = (
    Endpoint(
        "syncOpenConversationBinding",
        "mutation",
        OpenBindingArgs,
        threads.OpenedBinding,
        "conversation",
        "threads.syncOpenBinding",
        "Bind a conversation to the thread of the local Codex that it goes on in.",
        unmapped="empty",
        idempotency="natural",
        defaults={"runtimeConversationId": "conversationId"},
    ),
    Endpoint(
        "markConversationSyncProgress",
        "mutation",
        threads.MarkProgressArgs,
        threads.MarkedProgress,
        "conversation",
        "threads.markSyncProgress",
        "Write down how far a conversation is in step.",
        idempotency="natural",
    ),
    Endpoint(
        "forceRebindConversationSync",
        "mutation",
        threads.RebindArgs,
        threads.Rebound,
        "conversation",
        "threads.forceRebindSync",
        "Bind a conversation anew.",
        idempotency="none",
    ),
    Endpoint(
        "startConversationSyncSource",
        "mutation",
        imports.StartSourceArgs,
        imports.StartedSource,
        "conversation",
        "threads.startConversationSyncSource",
        "Begin to collect what is to be imported.",
        idempotency="none",
    ),
    Endpoint(
        "appendConversationSyncSourceChunk",
        "mutation",
        imports.AppendChunkArgs,
        imports.AppendedChunk,
        "source",
        "threads.appendConversationSyncSourceChunk",
        "Add a chunk to a source.",
        idempotency="keyed",
        idempotency_key="chunkIndex",
    ),
    Endpoint(
        "sealConversationSyncSource",
        "mutation",
        imports.SealSourceArgs,
        imports.SealedSource,
        "source",
        "threads.sealConversationSyncSource",
        "Close a source and set the import going.",
        idempotency="natural",
    ),
    Endpoint(
        "cancelConversationSyncJob",
        "mutation",
        imports.CancelJobArgs,
        imports.CancelledJob,
        "job",
        "threads.cancelConversationSyncJob",
        "Cancel an import that has not ended.",
        idempotency="natural",
    ),
    Endpoint(
        "ensureConversationBinding",
        "mutation",
        EnsureBindingArgs,
        EnsuredBinding,
        "conversation",
        "threads.resolve",
        "Find the thread of a conversation, or make it.",
        unmapped="empty",
        idempotency="natural",
        defaults={"localThreadId": "conversationId"},
        errors=("E_CONVERSATION_ID_REQUIRED",),
    ),
    Endpoint(
        "archiveConversation",
        "mutation",
        ConversationArgs,
        ArchivedConversation,
        "conversation",
        "threads.archiveByConversation",
        "Put a conversation into the archive.",
        idempotency="natural",
    ),
    Endpoint(
        "unarchiveConversation",
        "mutation",
        ConversationArgs,
        UnarchivedConversation,
        "conversation",
        "threads.unarchiveByConversation",
        "Take a conversation out of the archive.",
        idempotency="natural",
    ),
    Endpoint(
        "ensureSession",
        "mutation",
        ingest.SessionArgs,
        ingest.EnsuredSession,
        "thread",
        "sync.ensureSession",
        "Make a session, or bind the one there is to this thread.",
        idempotency="natural",
    ),
    Endpoint(
        "ingestEvent",
        "mutation",
        IngestEventArgs,
        ingest.IngestSafeResult,
        "thread",
        "sync.ingestSafe",
        "Take in one event of a stream.",
        idempotency="keyed",
        idempotency_key="eventId",
        errors=("E_INGEST_LIFECYCLE_NOT_ACCEPTED",),
    ),
    Endpoint(
        "ingestBatch",
        "mutation",
        IngestBatchArgs,
        ingest.IngestSafeResult,
        "thread",
        "sync.ingestSafe",
        "Take in events of streams.",
        idempotency="keyed",
        idempotency_key="eventId",
        errors=("E_INGEST_LIFECYCLE_NOT_ACCEPTED", "E_SYNC_EMPTY_BATCH"),
    ),
    Endpoint(
        "deleteThread",
        "mutation",
        DeleteThreadArgs,
        deletion.DeletionStarted,
        "conversation",
        "threads.deleteCascade",
        "Delete a conversation and everything that belongs to it.",
        idempotency="none",
    ),
    Endpoint(
        "scheduleDeleteThread",
        "mutation",
        ScheduleDeleteThreadArgs,
        deletion.DeletionScheduled,
        "conversation",
        "threads.scheduleDeleteCascade",
        "Delete a conversation after a while.",
        idempotency="none",
    ),
    Endpoint(
        "deleteTurn",
        "mutation",
        DeleteTurnArgs,
        deletion.DeletionStarted,
        "conversation",
        "turns.deleteCascade",
        "Delete a turn and everything that belongs to it.",
        idempotency="none",
    ),
    Endpoint(
        "scheduleDeleteTurn",
        "mutation",
        ScheduleDeleteTurnArgs,
        deletion.DeletionScheduled,
        "conversation",
        "turns.scheduleDeleteCascade",
        "Delete a turn after a while.",
        idempotency="none",
    ),
    Endpoint(
        "purgeActorData",
        "mutation",
        deletion.PurgeArgs,
        deletion.DeletionStarted,
        "actor",
        "threads.purgeActorData",
        "Delete everything of the actor.",
        idempotency="none",
    ),
    Endpoint(
        "schedulePurgeActorData",
        "mutation",
        deletion.SchedulePurgeArgs,
        deletion.DeletionScheduled,
        "actor",
        "threads.schedulePurgeActorData",
        "Delete everything of the actor after a while.",
        idempotency="none",
    ),
    Endpoint(
        "cancelDeletion",
        "mutation",
        deletion.DeletionJobArgs,
        deletion.DeletionCancelled,
        "job",
        "threads.cancelScheduledDeletion",
        "Cancel a deletion that has not begun.",
        idempotency="natural",
    ),
    Endpoint(
        "forceRunDeletion",
        "mutation",
        deletion.DeletionJobArgs,
        deletion.DeletionForced,
        "job",
        "threads.forceRunScheduledDeletion",
        "Begin a scheduled deletion now.",
        idempotency="natural",
    ),
    Endpoint(
        "respondApproval",
        "mutation",
        RespondApprovalArgs,
        None,
        "conversation",
        "approvals.respond",
        "Decide an approval.",
        idempotency="natural",
    ),
    Endpoint(
        "upsertTokenUsage",
        "mutation",
        reading.UpsertUsageArgs,
        None,
        "thread",
        "tokenUsage.upsert",
        "Write down what a turn has used.",
        idempotency="natural",
    ),
    Endpoint(
        "interruptTurn",
        "mutation",
        InterruptTurnArgs,
        None,
        "conversation",
        "turns.interrupt",
        "End a turn as interrupted.",
        idempotency="natural",
    ),
    Endpoint(
        "upsertPendingServerRequest",
        "mutation",
        reading.UpsertRequestArgs,
        None,
        "thread",
        "serverRequests.upsertPending",
        "Write down a request of the app-server that waits for an answer.",
        idempotency="natural",
    ),
    Endpoint(
        "resolvePendingServerRequest",
        "mutation",
        reading.ResolveRequestArgs,
        None,
        "thread",
        "serverRequests.resolve",
        "Write down that a request was answered, or will never be.",
        idempotency="natural",
    ),
    Endpoint(
        "acceptTurnSend",
        "mutation",
        AcceptTurnSendArgs,
        AcceptedTurnSend,
        "thread",
        "turns.start",
        "Accept a turn and put it into the outbox.",
        idempotency="keyed",
        idempotency_key="idempotencyKey",
        defaults={"dispatchId": "turnId"},
    ),
    Endpoint(
        "failAcceptedTurnSend",
        "mutation",
        FailTurnSendArgs,
        None,
        "thread",
        "turns.fail",
        "End an accepted turn as failed.",
        idempotency="natural",
    ),
    Endpoint(
        "validateHostWiring",
        "query",
        WiringArgs,
        WiringReport,
        "none",
        None,
        "Try the wiring of the host.",
        unmapped="safe",
    ),
    Endpoint(
        "getConversationSyncJob",
        "query",
        imports.GetJobArgs,
        imports.Job | None,
        "conversation",
        "threads.getConversationSyncJob",
        "One of the newest imports of a conversation.",
        unmapped="null",
    ),
    Endpoint(
        "listConversationSyncJobs",
        "query",
        imports.ListJobsArgs,
        list[imports.ListedJob],
        "conversation",
        "threads.listConversationSyncJobs",
        "The newest imports of a conversation.",
        unmapped="empty",
    ),
    Endpoint(
        "listThreadsForConversation",
        "query",
        threads.ListByConversationArgs,
        threads.ConversationPage,
        "conversation",
        "threads.listByConversation",
        "One conversation as a page.",
        unmapped="empty",
    ),
    Endpoint(
        "getDeletionStatus",
        "query",
        deletion.DeletionJobArgs,
        deletion.DeletionState | None,
        "job",
        "threads.getDeletionJobStatus",
        "How far a deletion has come.",
        unmapped="null",
    ),
    Endpoint(
        "persistenceStats",
        "query",
        ConversationArgs,
        PersistenceStats,
        "conversation",
        "threads.getState",
        "How much of a conversation streams.",
        unmapped="safe",
    ),
    Endpoint(
        "durableHistoryStats",
        "query",
        ConversationArgs,
        DurableHistoryStats,
        "conversation",
        "threads.getState",
        "What of a conversation is kept.",
        unmapped="safe",
    ),
    Endpoint(
        "dataHygiene",
        "query",
        ConversationArgs,
        DataHygiene,
        "conversation",
        "threads.getState",
        "Whether stats are left of streams that are gone.",
        unmapped="safe",
    ),
    Endpoint(
        "threadSnapshotByConversation",
        "query",
        ConversationArgs,
        SafeSnapshot,
        "conversation",
        "threads.getState",
        "A conversation at a glance.",
        unmapped="safe",
    ),
    Endpoint(
        "listThreadMessagesByConversation",
        "query",
        ListMessagesArgs,
        SafeMessages,
        "conversation",
        "messages.listByThread",
        "Messages of a conversation, newest first, with its streams when asked for.",
        unmapped="safe",
    ),
    Endpoint(
        "listTurnMessagesByConversation",
        "query",
        TurnMessagesArgs,
        SafeTurnMessages,
        "conversation",
        "messages.getByTurn",
        "Messages of a turn, in order.",
        unmapped="safe",
    ),
    Endpoint(
        "listPendingApprovals",
        "query",
        reading.ListApprovalsArgs,
        reading.ApprovalPage,
        "thread",
        "approvals.listPending",
        "Approvals that wait, of one thread or of all.",
    ),
    Endpoint(
        "listTokenUsageByConversation",
        "query",
        ConversationArgs,
        list[reading.TurnUsage],
        "conversation",
        "tokenUsage.listByThread",
        "What the turns of a conversation have used.",
        unmapped="empty",
    ),
    Endpoint(
        "listPendingServerRequestsByConversation",
        "query",
        ListConversationRequestsArgs,
        list[reading.PendingRequest],
        "conversation",
        "serverRequests.listPending",
        "Requests of a conversation that wait for an answer.",
        unmapped="empty",
    ),
    Endpoint(
        "listThreadReasoningByConversation",
        "query",
        ListReasoningArgs,
        SafeReasoning,
        "conversation",
        "reasoning.listByThread",
        "Reasoning of a conversation, newest first.",
        unmapped="safe",
    ),
)
"""The endpoints, mutations first, each kind in its fixed order."""
