"""Sessions: who feeds a thread, and who has fallen silent (spec 02 §6, 04 §11).

May import the callers, rows and the contract. The invariant: a session that is active is watched;
one that falls silent is marked, and active again as soon as it is heard from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_fakes.component.declared import implements
from codex_fakes.component.rows import one, select
from codex_runtime.contract.limits import (
    DELTA_TTL,
    HEARTBEAT_WRITE_INTERVAL,
    SESSION_STALE_AFTER,
    SESSION_SWEEP_BATCH,
)
from codex_runtime.contract.states import SESSION
from codex_runtime.errors import ContractError
from codex_runtime.values import UNDEFINED

if TYPE_CHECKING:
    from codex_fakes.component.callers import Caller
    from codex_fakes.component.rows import Row

SILENT = "heartbeat timeout"
"""The error of a session that fell silent (``E_SESSION_HEARTBEAT_TIMEOUT``)."""

_HEARD = {"status": "active", "endedAt": UNDEFINED, "error": UNDEFINED}


def find_session(ctx: Any, scope: str, session_id: str) -> Row | None:
    """Find a session of a scope."""
    return one(ctx.db, "codex_sessions", {"userScope": scope, "sessionId": session_id})


def feeds(ctx: Any, caller: Caller, thread: Row, session_id: str) -> bool:
    """Tell whether a session is there and feeds a thread."""
    session = find_session(ctx, caller.scope, session_id)
    return session is not None and session["threadId"] == thread["threadId"]


def guarded_session(ctx: Any, caller: Caller, thread: Row, session_id: str) -> Row:
    """Find the session that feeds a thread.

    Raises:
        ContractError: ``E_SYNC_SESSION_NOT_FOUND`` or ``E_SYNC_SESSION_THREAD_MISMATCH``.
    """
    session = find_session(ctx, caller.scope, session_id)
    if session is None:
        raise ContractError(
            "E_SYNC_SESSION_NOT_FOUND", f"No active session found for sessionId={session_id}"
        )
    if session["threadId"] != thread["threadId"]:
        raise ContractError(
            "E_SYNC_SESSION_THREAD_MISMATCH",
            f"Session threadId={session['threadId']} does not match request "
            f"threadId={thread['threadId']}",
        )
    return session


def ensure(ctx: Any, caller: Caller, thread: Row, session_id: str, cursor: float) -> str:
    """Make a session, or bind the one there is to a thread.

    Args:
        ctx: The function's context.
        caller: Whose it is.
        thread: The thread.
        session_id: The session.
        cursor: How far it has come; on another thread than before it begins there.

    Returns:
        ``created`` or ``active``.
    """
    now = ctx.now()
    session = find_session(ctx, caller.scope, session_id)
    place = {"threadId": thread["threadId"], "threadRef": thread["_id"], "lastHeartbeatAt": now}
    if session is None:
        row = {
            **caller.owner,
            **place,
            "sessionId": session_id,
            "status": "active",
            "lastEventCursor": cursor,
            "startedAt": now,
        }
        _watch(ctx, {**row, "_id": ctx.db.insert("codex_sessions", row)})
        return "created"
    same = session["threadId"] == thread["threadId"]
    reached = max(session["lastEventCursor"], cursor) if same else cursor
    _revive(ctx, session, {**place, "lastEventCursor": reached}, "heartbeat")
    return "active"


def feed(ctx: Any, session: Row, cursor: float | None, *, changed: bool) -> None:
    """Write down that a session delivered a batch.

    Args:
        ctx: The function's context.
        session: The session.
        cursor: The end of the last event that was stored, if any was.
        changed: Whether the batch held anything new.
    """
    now = ctx.now()
    changes: Row = {}
    if cursor is not None:
        changes["lastEventCursor"] = max(session["lastEventCursor"], cursor)
    if changed or now - session["lastHeartbeatAt"] >= HEARTBEAT_WRITE_INTERVAL:
        changes["lastHeartbeatAt"] = now
    if changes or session["status"] != "active":
        _revive(ctx, session, changes, "ingest")


def _revive(ctx: Any, session: Row, changes: Row, event: str) -> None:
    silent = session["status"] != "active"
    SESSION.move(session["status"], event, f"Session {session['sessionId']}")
    ctx.db.patch(session["_id"], {**changes, **_HEARD})
    if silent:
        _watch(ctx, session)


def _watch(ctx: Any, session: Row, after: float = SESSION_STALE_AFTER) -> None:
    args = {"userScope": session["userScope"], "sessionId": session["sessionId"]}
    watching = ctx.scheduler.run_after(after, "sessions:watch", args)
    ctx.db.patch(session["_id"], {"watchFnId": watching})


@implements("sessions.watch")
def watch(ctx: Any, args: Row) -> None:
    """Look after a session until it has fallen silent, and after what expires meanwhile."""
    session = find_session(ctx, args["userScope"], args["sessionId"])
    if session is None or session["status"] != "active":
        return
    now = ctx.now()
    sweep = {"nowMs": now}
    ctx.scheduler.run_after(0, "streams:cleanupExpiredDeltas", sweep)
    quiet = now - session["lastHeartbeatAt"]
    if quiet < SESSION_STALE_AFTER:
        _watch(ctx, session, SESSION_STALE_AFTER - quiet)
        return
    _silence(ctx, session)
    # Whatever it delivered has expired by then, and nobody else may come to look.
    ctx.scheduler.run_after(DELTA_TTL, "streams:cleanupExpiredDeltas", {"nowMs": now + DELTA_TTL})


@implements("sessions.timeoutStaleSessions")
def timeout_stale_sessions(ctx: Any, args: Row) -> Row:
    """Mark sessions that have been silent for too long."""
    timed_out = 0
    for status in ("active", "starting"):
        silent = select(
            ctx.db,
            "codex_sessions",
            {"userScope": args["userScope"], "status": status},
            "lastHeartbeatAt",
            then=lambda q: q.lt("lastHeartbeatAt", args["staleBeforeMs"]),
        )
        for session in silent.take(SESSION_SWEEP_BATCH - timed_out):
            # Who is heard from again is watched anew; nobody is watched twice.
            if "watchFnId" in session:
                ctx.scheduler.cancel(session["watchFnId"])
            _silence(ctx, session)
            timed_out += 1
    return {"timedOut": timed_out}


def _silence(ctx: Any, session: Row) -> None:
    status = SESSION.move(session["status"], "silence", f"Session {session['sessionId']}")
    told = {"status": status, "endedAt": ctx.now(), "error": SILENT, "watchFnId": UNDEFINED}
    ctx.db.patch(session["_id"], told)
