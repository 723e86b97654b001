"""``dispatch``: the outbox of accepted turns (spec 04 §10, "Better").

May import the callers, rows, long texts and the contract's states. The invariant: at most one
owner works on a thread at a time, every call of an older owner is refused, and a turn that was
accepted leaves the outbox only by ending.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from codex_fakes.component.callers import (
    caller_of,
    given,
    new_id,
    thread_of,
    thread_to_write,
)
from codex_fakes.component.declared import implements
from codex_fakes.component.endings import RECONCILE
from codex_fakes.component.long_texts import insert, whole
from codex_fakes.component.rows import one, select
from codex_runtime.contract.limits import LEASE_DEFAULT, LEASE_LEAST, LEASE_MOST, PAGE_MOST
from codex_runtime.contract.states import DISPATCH, TURN
from codex_runtime.errors import ContractError
from codex_runtime.values import UNDEFINED

if TYPE_CHECKING:
    from codex_fakes.component.callers import Caller
    from codex_fakes.component.rows import Row

_OPEN = ("started", "claimed", "queued")


def enqueue(ctx: Any, caller: Caller, turn: Row, dispatch_id: str, text: str) -> None:
    """Put a turn that was accepted into the outbox.

    Raises:
        ContractError: ``E_DISPATCH_ID_REUSED``.
    """
    where = {"userScope": caller.scope, "threadId": turn["threadId"], "dispatchId": dispatch_id}
    if one(ctx.db, "codex_turn_dispatches", where) is not None:
        raise ContractError(
            "E_DISPATCH_ID_REUSED", f"Dispatch {dispatch_id} is another turn's already."
        )
    now = ctx.now()
    row = {
        **caller.owner,
        "threadId": turn["threadId"],
        "threadRef": turn["threadRef"],
        "dispatchId": dispatch_id,
        "turnId": turn["turnId"],
        "turnRef": turn["_id"],
        "idempotencyKey": turn["idempotencyKey"],
        "inputText": text,
        "status": "queued",
        "attemptCount": 0,
        "createdAt": now,
        "updatedAt": now,
    }
    insert(ctx, "codex_turn_dispatches", row, "inputText")


@implements("dispatch.claimNext")
def claim_next(ctx: Any, args: Row) -> Row | None:
    """Claim the oldest turn of a thread that waits, or whose lease has run out."""
    caller = caller_of(args)
    thread = thread_to_write(ctx, caller, args["threadId"])
    now = ctx.now()
    for status in _OPEN:
        dispatch = _oldest(ctx, caller, thread["threadId"], status)
        if dispatch is None:
            continue
        if status != "queued" and dispatch["leaseExpiresAt"] > now:
            return None
        return _claimed(ctx, dispatch, args, now)
    return None


def _oldest(ctx: Any, caller: Caller, thread_id: str, status: str) -> Row | None:
    where = {"userScope": caller.scope, "threadId": thread_id, "status": status}
    for dispatch in select(ctx.db, "codex_turn_dispatches", where, "createdAt"):
        turn = one(ctx.db, "codex_turns", _turn_key(dispatch))
        # A turn that has ended, or goes, is about to be settled: nobody must begin with it.
        if turn is not None and _goes_on(turn):
            return dispatch
    return None


def _goes_on(turn: Row) -> bool:
    return turn["status"] not in TURN.terminal and "deletionJobId" not in turn


def _claimed(ctx: Any, dispatch: Row, args: Row, now: float) -> Row:
    what = f"Dispatch {dispatch['dispatchId']}"
    changes = {
        "status": DISPATCH.move(dispatch["status"], "claim", what),
        "claimOwner": args["claimOwner"],
        "claimToken": new_id(ctx),
        "leaseExpiresAt": now + _lease(args),
        "attemptCount": dispatch["attemptCount"] + 1,
        "updatedAt": now,
    }
    ctx.db.patch(dispatch["_id"], changes)
    after = whole(ctx, {**dispatch, **changes})
    return given(
        after,
        "dispatchId",
        "turnId",
        "idempotencyKey",
        "inputText",
        "claimToken",
        "leaseExpiresAt",
        "attemptCount",
        "status",
        "runtimeThreadId",
        "runtimeTurnId",
    )


def _lease(args: Row) -> float:
    wanted = args.get("leaseMs", LEASE_DEFAULT)
    if not math.isfinite(wanted):
        return LEASE_DEFAULT
    lease: float = max(LEASE_LEAST, min(wanted // 1, LEASE_MOST))
    return lease


@implements("dispatch.markStarted")
def mark_started(ctx: Any, args: Row) -> Row:
    """Say that Codex has the turn; said again, extend the lease."""
    thread_to_write(ctx, caller_of(args), args["threadId"])
    dispatch = _owned(ctx, args)
    now = ctx.now()
    changes = {
        "leaseExpiresAt": now + _lease(args),
        **given(args, "runtimeThreadId", "runtimeTurnId"),
    }
    if "startedAt" not in dispatch:
        changes["startedAt"] = now
    turn = one(ctx.db, "codex_turns", _turn_key(dispatch))
    if turn is not None:
        status = TURN.move(turn["status"], "started", f"Turn {turn['turnId']}")
        if status != turn["status"]:
            ctx.db.patch(turn["_id"], {"status": status})
    return _moved(ctx, dispatch, "started", changes)


@implements("dispatch.markCompleted")
def mark_completed(ctx: Any, args: Row) -> Row:
    """Say that the turn has been completed."""
    dispatch = _owned(ctx, args)
    state = _moved(ctx, dispatch, "completed", {"completedAt": ctx.now()})
    _end_turn(ctx, dispatch, "completed", None)
    return state


@implements("dispatch.markFailed")
def mark_failed(ctx: Any, args: Row) -> Row:
    """Say that the turn has failed, and why."""
    dispatch = _owned(ctx, args)
    changes = {
        "failureCode": args["code"],
        "failureReason": args["reason"],
        "completedAt": ctx.now(),
    }
    state = _moved(ctx, dispatch, "failed", changes)
    _end_turn(ctx, dispatch, "failed", f"[{args['code']}] {args['reason']}")
    return state


@implements("dispatch.cancel")
def cancel(ctx: Any, args: Row) -> Row:
    """Cancel a turn that has not ended; it ends as interrupted."""
    dispatch = _found(ctx, args)
    changes = {"completedAt": ctx.now(), **_reason(args)}
    state = _moved(ctx, dispatch, "cancel", changes)
    _end_turn(ctx, dispatch, "interrupted", args.get("reason") or "interrupted")
    return state


def _reason(args: Row) -> Row:
    return {"failureReason": args["reason"]} if "reason" in args else {}


@implements("dispatch.listOpen")
def list_open(ctx: Any, args: Row) -> list[Row]:
    """The dispatches of a thread that have not ended, the oldest first."""
    caller = caller_of(args)
    thread = thread_of(ctx, caller, args["threadId"])
    limit = args.get("limit", PAGE_MOST)
    most = int(max(1, min(limit, PAGE_MOST))) if math.isfinite(limit) else PAGE_MOST
    found: list[Row] = []
    for status in _OPEN:
        where = {"userScope": caller.scope, "threadId": thread["threadId"], "status": status}
        found += select(ctx.db, "codex_turn_dispatches", where, "createdAt").take(most)
    found.sort(key=lambda row: (row["createdAt"], row["_creationTime"]))
    return [_shown(row) for row in found[:most]]


def settle_with_turn(ctx: Any, turn: Row) -> None:
    """Bring the dispatch of a turn that has ended to its end."""
    key = {
        "userScope": turn["userScope"],
        "threadId": turn["threadId"],
        "turnId": turn["turnId"],
    }
    dispatch = one(ctx.db, "codex_turn_dispatches", key)
    if dispatch is None or dispatch["status"] in DISPATCH.terminal:
        return
    ended = {"completed": "completed", "failed": "failed", "interrupted": "cancelled"}
    changes = {
        "status": ended[turn["status"]],
        "completedAt": ctx.now(),
        "updatedAt": ctx.now(),
    }
    if turn.get("error", UNDEFINED) is not UNDEFINED:
        changes["failureReason"] = turn["error"]
    ctx.db.patch(dispatch["_id"], changes)


def _found(ctx: Any, args: Row) -> Row:
    caller = caller_of(args)
    thread = thread_of(ctx, caller, args["threadId"])
    where = {
        "userScope": caller.scope,
        "threadId": thread["threadId"],
        "dispatchId": args["dispatchId"],
    }
    dispatch = one(ctx.db, "codex_turn_dispatches", where)
    if dispatch is None:
        raise ContractError("E_DISPATCH_NOT_FOUND", f"Dispatch not found: {args['dispatchId']}")
    return dispatch


def _owned(ctx: Any, args: Row) -> Row:
    dispatch = _found(ctx, args)
    token = dispatch.get("claimToken")
    if token is not None and token != args["claimToken"]:
        raise ContractError(
            "E_DISPATCH_FENCED",
            f"Dispatch {args['dispatchId']} was claimed by {dispatch['claimOwner']} since.",
        )
    return dispatch


def _moved(ctx: Any, dispatch: Row, event: str, changes: Row) -> Row:
    before = dispatch["status"]
    status = DISPATCH.move(before, event, f"Dispatch {dispatch['dispatchId']}")
    if status == before and status in DISPATCH.terminal:
        return _state(dispatch)
    after = {**changes, "status": status, "updatedAt": ctx.now()}
    ctx.db.patch(dispatch["_id"], after)
    return _state({**dispatch, **after})


def _end_turn(ctx: Any, dispatch: Row, status: str, error: str | None) -> None:
    args = {**_turn_key(dispatch), "status": status}
    if error is not None:
        args["error"] = error
    ctx.scheduler.run_after(0, RECONCILE, args)


def _turn_key(dispatch: Row) -> Row:
    return given(dispatch, "userScope", "threadId", "turnId")


def _state(dispatch: Row) -> Row:
    return given(dispatch, "dispatchId", "turnId", "status", "leaseExpiresAt")


def _shown(dispatch: Row) -> Row:
    return {
        **_state(dispatch),
        **given(
            dispatch,
            "idempotencyKey",
            "claimOwner",
            "attemptCount",
            "runtimeThreadId",
            "runtimeTurnId",
            "failureCode",
            "failureReason",
            "createdAt",
            "updatedAt",
            "startedAt",
            "completedAt",
        ),
    }
