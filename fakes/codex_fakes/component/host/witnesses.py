"""Which read of the component shows what a mutation of a host has written.

May import the calls and rehearsals by type. The invariant: a witness asks the component itself,
past the host, so that a mutation that writes somewhere else, or nowhere, is found out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_fakes.component.host.rehearsal import PREFLIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codex_fakes.component.host.calls import Call
    from codex_fakes.component.host.rehearsal import Stage

Witness = tuple[str, "Callable[[Stage, Any], dict[str, Any] | None]"]
"""A function of the component, and what it is asked with: given the stage, and the answer of the
mutation once there is one. ``None`` when there is nothing to be asked yet."""


def seen(call: Call, stage: Stage, name: str, answer: Any = None) -> Any:
    """Ask the component for what a mutation writes.

    Args:
        call: The call that rehearses.
        stage: What it plays on.
        name: The mutation.
        answer: What it answered; ``None`` before it was called.

    Returns:
        What the component shows; ``None`` while there is nothing to be asked for.
    """
    function, arguments = WITNESSES[name]
    given = arguments(stage, answer)
    return None if given is None else call.ask(function, **given)


def _conversation(*_: Any) -> dict[str, Any]:
    return {"conversationId": PREFLIGHT}


def _thread(stage: Stage, _: Any) -> dict[str, Any]:
    return {"threadId": stage.thread_id}


def _job_told(_: Stage, answer: Any) -> dict[str, Any] | None:
    return None if answer is None else {"deletionJobId": answer["deletionJobId"]}


def _job_staged(stage: Stage, _: Any) -> dict[str, Any]:
    return {"deletionJobId": stage.deletion_job_id}


_MAPPING: Final[Witness] = ("threads.resolveByConversationId", _conversation)
_LISTED: Final[Witness] = (
    "threads.listByConversation",
    lambda *_: {"conversationId": PREFLIGHT, "includeArchived": True},
)
# Of a binding nothing else is shown; a call that expects another job changes nothing.
_BINDING: Final[Witness] = (
    "threads.markSyncProgress",
    lambda *_: {"conversationId": PREFLIGHT, "cursor": 0, "expectedSyncJobId": PREFLIGHT},
)
_JOB: Final[Witness] = ("threads.getConversationSyncJob", _conversation)
_ROWS: Final[Witness] = ("audit.countRows", _thread)
_STATE: Final[Witness] = ("threads.getState", _thread)
_DELETION: Final[Witness] = ("threads.getDeletionJobStatus", _job_told)
_SCHEDULED: Final[Witness] = ("threads.getDeletionJobStatus", _job_staged)
_OUTBOX: Final[Witness] = ("dispatch.listOpen", _thread)
_REQUESTS: Final[Witness] = ("serverRequests.listPending", _thread)

WITNESSES: Final[Mapping[str, Witness]] = {
    "syncOpenConversationBinding": _MAPPING,
    "markConversationSyncProgress": _BINDING,
    "forceRebindConversationSync": _BINDING,
    "startConversationSyncSource": _BINDING,
    "appendConversationSyncSourceChunk": _ROWS,
    "sealConversationSyncSource": _JOB,
    "cancelConversationSyncJob": _JOB,
    "ensureConversationBinding": _MAPPING,
    "archiveConversation": _LISTED,
    "unarchiveConversation": _LISTED,
    "ensureSession": _ROWS,
    "ingestEvent": _STATE,
    "ingestBatch": _STATE,
    "deleteThread": _DELETION,
    "scheduleDeleteThread": _DELETION,
    "deleteTurn": _DELETION,
    "scheduleDeleteTurn": _DELETION,
    "purgeActorData": _DELETION,
    "schedulePurgeActorData": _DELETION,
    "cancelDeletion": _SCHEDULED,
    "forceRunDeletion": _SCHEDULED,
    "respondApproval": _STATE,
    "upsertTokenUsage": ("tokenUsage.listByThread", _thread),
    "upsertPendingServerRequest": _REQUESTS,
    "resolvePendingServerRequest": _REQUESTS,
    "acceptTurnSend": _STATE,
    "failAcceptedTurnSend": _STATE,
    "claimTurnDispatch": _OUTBOX,
    "markTurnDispatchStarted": _OUTBOX,
    "markTurnDispatchCompleted": _OUTBOX,
    "markTurnDispatchFailed": _OUTBOX,
    "cancelTurnDispatch": _OUTBOX,
    "acknowledgeStream": ("sync.listCheckpoints", _thread),
    "heartbeatSession": _ROWS,
}
"""The witness of each mutation that is rehearsed, but for ``interruptTurn``: what that sets going
happens after it has committed, and a rehearsal never commits."""
