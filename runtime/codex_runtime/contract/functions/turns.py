"""The functions of the modules ``turns``, ``turnsInternal`` and ``dispatch``.

May import the shapes of functions and tables. The invariant: a turn that was accepted has a row in
the outbox until it has ended, and only who holds the present claim moves it (spec 01 §5.2, 04 §7,
§10, "Better").
"""

from __future__ import annotations

from typing import Final, Literal

from codex_runtime.contract.functions.function import ActorArgs, internal, mutation, query
from codex_runtime.contract.functions.threads import ThreadArgs
from codex_runtime.contract.shapes import UNSET, Record, UnsetType
from codex_runtime.contract.tables.work import DispatchStatus


class TurnArgs(ThreadArgs, frozen=True, kw_only=True):
    """Arguments of functions about one turn."""

    turn_id: str


class TurnInput(Record, frozen=True, kw_only=True):
    """A part of what a turn begins with."""

    type: str
    text: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    path: str | UnsetType = UNSET


class TurnOptions(Record, frozen=True, kw_only=True):
    """How a turn is to run; kept by whoever runs it, not here."""

    model: str | UnsetType = UNSET
    effort: Literal["low", "medium", "high"] | UnsetType = UNSET
    cwd: str | UnsetType = UNSET
    personality: str | UnsetType = UNSET
    approval_policy: str | UnsetType = UNSET
    sandbox_policy: str | UnsetType = UNSET


class StartTurnArgs(TurnArgs, frozen=True, kw_only=True):
    """Arguments of ``turns.start``.

    Attributes:
        dispatch_id: Under which id the turn waits in the outbox; without one it does not.
        input_text: What the outbox hands to whoever claims the turn; the input's texts when absent.
    """

    input: list[TurnInput]
    options: TurnOptions | UnsetType = UNSET
    idempotency_key: str
    dispatch_id: str | UnsetType = UNSET
    input_text: str | UnsetType = UNSET


class StartedTurn(Record, frozen=True, kw_only=True):
    """A turn that was accepted.

    Attributes:
        turn_id: Its id: that of the first call with this idempotency key.
    """

    turn_id: str
    accepted: Literal[True]
    dispatch_id: str | UnsetType = UNSET


class InterruptTurnArgs(TurnArgs, frozen=True, kw_only=True):
    """Arguments of ``turns.interrupt``."""

    reason: str | UnsetType = UNSET


class FailTurnArgs(TurnArgs, frozen=True, kw_only=True):
    """Arguments of ``turns.fail``."""

    dispatch_id: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    reason: str


class ReconcileArgs(Record, frozen=True, kw_only=True):
    """Arguments of ``turnsInternal.reconcileTerminalArtifacts``.

    Attributes:
        delete_delay_ms: How long the turn's streams stay after it.
    """

    user_scope: str
    thread_id: str
    turn_id: str
    status: Literal["completed", "failed", "interrupted"]
    error: str | UnsetType = UNSET
    delete_delay_ms: float | UnsetType = UNSET


class ClaimArgs(ThreadArgs, frozen=True, kw_only=True):
    """Arguments of ``dispatch.claimNext``.

    Attributes:
        claim_owner: Who claims; for people who read the row.
        lease_ms: For how long, in milliseconds.
    """

    claim_owner: str
    lease_ms: float | UnsetType = UNSET


class Claimed(Record, frozen=True, kw_only=True):
    """A turn to be given to Codex.

    Attributes:
        claim_token: What every later call about it must show.
        status: ``started`` when somebody had already given it to Codex and then fell silent.
    """

    dispatch_id: str
    turn_id: str
    idempotency_key: str
    input_text: str
    claim_token: str
    lease_expires_at: float
    attempt_count: int
    status: Literal["claimed", "started"]
    runtime_thread_id: str | UnsetType = UNSET
    runtime_turn_id: str | UnsetType = UNSET


class OwnedArgs(ThreadArgs, frozen=True, kw_only=True):
    """Arguments of what only the present owner may do."""

    dispatch_id: str
    claim_token: str


class DispatchStartedArgs(OwnedArgs, frozen=True, kw_only=True):
    """Arguments of ``dispatch.markStarted``; again, it extends the lease."""

    runtime_thread_id: str | UnsetType = UNSET
    runtime_turn_id: str | UnsetType = UNSET
    lease_ms: float | UnsetType = UNSET


class DispatchFailedArgs(OwnedArgs, frozen=True, kw_only=True):
    """Arguments of ``dispatch.markFailed``."""

    code: str
    reason: str


class CancelDispatchArgs(ThreadArgs, frozen=True, kw_only=True):
    """Arguments of ``dispatch.cancel``; anybody of the actor may."""

    dispatch_id: str
    reason: str | UnsetType = UNSET


class DispatchState(Record, frozen=True, kw_only=True):
    """A dispatch as it stands after the call."""

    dispatch_id: str
    turn_id: str
    status: DispatchStatus
    lease_expires_at: float | UnsetType = UNSET


class DispatchRead(DispatchState, frozen=True, kw_only=True):
    """A dispatch as a reader sees it."""

    idempotency_key: str
    claim_owner: str | UnsetType = UNSET
    attempt_count: int
    runtime_thread_id: str | UnsetType = UNSET
    runtime_turn_id: str | UnsetType = UNSET
    failure_code: str | UnsetType = UNSET
    failure_reason: str | UnsetType = UNSET
    created_at: float
    updated_at: float
    started_at: float | UnsetType = UNSET
    completed_at: float | UnsetType = UNSET


class ListDispatchesArgs(ActorArgs, frozen=True, kw_only=True):
    """Arguments of ``dispatch.listOpen``."""

    thread_id: str
    limit: float | UnsetType = UNSET


_OWNED: Final = (
    "E_THREAD_NOT_FOUND",
    "E_DISPATCH_NOT_FOUND",
    "E_DISPATCH_FENCED",
    "E_DISPATCH_NOT_CLAIMED",
    "E_DISPATCH_SETTLED",
)

TURN_FUNCTIONS: Final = (
    mutation(
        "turns.start",
        StartTurnArgs,
        StartedTurn,
        "Accept a turn. The same idempotency key in the same thread gives the same turn.",
        "E_THREAD_NOT_FOUND",
        "E_THREAD_DELETING",
        "E_ACTOR_PURGING",
        "E_TURN_ID_REUSED",
        "E_DISPATCH_ID_REUSED",
    ),
    mutation(
        "turns.interrupt",
        InterruptTurnArgs,
        None,
        "End a turn as interrupted, and what belongs to it, soon.",
        "E_THREAD_NOT_FOUND",
        "E_TURN_NOT_FOUND",
    ),
    mutation(
        "turns.fail",
        FailTurnArgs,
        None,
        "End an accepted turn as failed, and its dispatch with it.",
        "E_THREAD_NOT_FOUND",
        "E_TURN_NOT_FOUND",
    ),
    internal(
        "turnsInternal.reconcileTerminalArtifacts",
        "mutation",
        ReconcileArgs,
        None,
        "Bring a turn that has ended, its messages, streams, approvals and dispatch to their ends.",
    ),
    mutation(
        "dispatch.claimNext",
        ClaimArgs,
        Claimed | None,
        "Claim the oldest turn of a thread that waits, or whose lease has run out. Null while "
        "another one's lease is running: turns of a thread go one after the other.",
        "E_THREAD_NOT_FOUND",
        "E_THREAD_DELETING",
        "E_ACTOR_PURGING",
    ),
    mutation(
        "dispatch.markStarted",
        DispatchStartedArgs,
        DispatchState,
        "Say that Codex has the turn; said again, extend the lease.",
        "E_THREAD_DELETING",
        "E_ACTOR_PURGING",
        *_OWNED,
    ),
    mutation(
        "dispatch.markCompleted",
        OwnedArgs,
        DispatchState,
        "Say that the turn has been completed.",
        *_OWNED,
    ),
    mutation(
        "dispatch.markFailed",
        DispatchFailedArgs,
        DispatchState,
        "Say that the turn has failed, and why.",
        *_OWNED,
    ),
    mutation(
        "dispatch.cancel",
        CancelDispatchArgs,
        DispatchState,
        "Cancel a turn that has not ended; it ends as interrupted.",
        "E_THREAD_NOT_FOUND",
        "E_DISPATCH_NOT_FOUND",
        "E_DISPATCH_SETTLED",
    ),
    query(
        "dispatch.listOpen",
        ListDispatchesArgs,
        list[DispatchRead],
        "The dispatches of a thread that have not ended, the oldest first.",
        "E_THREAD_NOT_FOUND",
    ),
)
