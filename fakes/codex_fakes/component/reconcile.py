"""``turns`` and ``turnsInternal``: accepting turns, and bringing them to their ends (spec 04 §7).

May import the callers, rows, long texts, endings, outbox and the contract's states. The invariant:
when a turn has ended, nothing that belongs to it goes on: no message streams, no stream is open, no
approval or request is pending, no dispatch is under way.
"""

from __future__ import annotations

from typing import Any, Final

from codex_fakes.component.callers import (
    Caller,
    caller_of,
    find_turn,
    thread_of,
    thread_to_write,
    turn_of,
)
from codex_fakes.component.declared import implements
from codex_fakes.component.endings import RECONCILE, ending, reconcile_soon
from codex_fakes.component.ingest.approvals import settle
from codex_fakes.component.long_texts import bytes_of
from codex_fakes.component.outbox import enqueue, settle_with_turn
from codex_fakes.component.rows import Row, one, select
from codex_runtime.contract.limits import (
    INPUT_SUMMARY_UNITS,
    READ_BYTES_MOST,
    RECONCILE_MESSAGES,
    RECONCILE_STREAMS,
    STREAM_CLEANUP_BATCH,
    STREAM_DELETE_DELAY,
)
from codex_runtime.contract.states import MESSAGE, SERVER_REQUEST, STREAM, TURN
from codex_runtime.errors import ContractError
from codex_runtime.values import UNDEFINED

INTERRUPTED: Final = "interrupted"
"""The error of a turn that was interrupted without a reason (``E_TURN_INTERRUPTED``)."""


@implements("turns.start")
def start(ctx: Any, args: Row) -> Row:
    """Accept a turn; the same key in the same thread gives the same turn."""
    caller = caller_of(args)
    thread = thread_to_write(ctx, caller, args["threadId"])
    where = {"userScope": caller.scope, "threadId": thread["threadId"]}
    key = args["idempotencyKey"]
    known = one(ctx.db, "codex_turns", {**where, "idempotencyKey": key})
    if known is not None:
        return _accepted(ctx, known, args)
    turn = find_turn(ctx, caller, thread["threadId"], args["turnId"])
    if turn is not None:
        raise ContractError(
            "E_TURN_ID_REUSED",
            f"Turn {args['turnId']} was already accepted under another idempotency key.",
        )
    texts = [part["text"] for part in args["input"] if part["type"] == "text" and "text" in part]
    row = {
        **caller.owner,
        "threadId": thread["threadId"],
        "threadRef": thread["_id"],
        "turnId": args["turnId"],
        "status": "queued",
        "idempotencyKey": key,
        "inputSummary": summary_of(texts),
        "startedAt": ctx.now(),
    }
    made = {**row, "_id": ctx.db.insert("codex_turns", row)}
    if "dispatchId" in args:
        text = args.get("inputText", "\n".join(texts))
        enqueue(ctx, caller, made, args["dispatchId"], text)
    return _accepted(ctx, made, args)


def _accepted(ctx: Any, turn: Row, args: Row) -> Row:
    result: Row = {"turnId": turn["turnId"], "accepted": True}
    if "dispatchId" in args:
        where = {"userScope": turn["userScope"], "threadId": turn["threadId"]}
        found = one(ctx.db, "codex_turn_dispatches", {**where, "turnId": turn["turnId"]})
        result["dispatchId"] = args["dispatchId"] if found is None else found["dispatchId"]
    return result


def summary_of(texts: list[str]) -> str:
    """Summarise what a turn began with: its texts, cut to so many UTF-16 units."""
    units = "\n".join(texts).encode("utf-16-le", errors="surrogatepass")
    return units[: 2 * INPUT_SUMMARY_UNITS].decode("utf-16-le", errors="ignore")


@implements("turns.interrupt")
def interrupt(ctx: Any, args: Row) -> None:
    """End a turn as interrupted, and what belongs to it, soon."""
    caller = caller_of(args)
    thread_of(ctx, caller, args["threadId"])
    turn = turn_of(ctx, caller, args["threadId"], args["turnId"])
    _end_soon(ctx, turn, "interrupted", args.get("reason") or INTERRUPTED)


@implements("turns.fail")
def fail(ctx: Any, args: Row) -> None:
    """End an accepted turn as failed, and its dispatch with it."""
    caller = caller_of(args)
    thread_of(ctx, caller, args["threadId"])
    turn = turn_of(ctx, caller, args["threadId"], args["turnId"])
    code = args.get("code")
    text = f"[{code}] {args['reason']}" if code else args["reason"]
    _end(ctx, turn, "failed", text)
    reconcile_soon(ctx, turn)


def _end_soon(ctx: Any, turn: Row, status: str, error: str) -> None:
    ctx.scheduler.run_after(
        0,
        RECONCILE,
        {
            "userScope": turn["userScope"],
            "threadId": turn["threadId"],
            "turnId": turn["turnId"],
            "status": status,
            "error": error,
        },
    )


def _end(ctx: Any, turn: Row, told: str, error: str | None) -> None:
    """Move a turn to an ending; ``turn`` is changed with its row."""
    status = TURN.move(turn["status"], told, f"Turn {turn['turnId']}")
    changes = {"status": status, **ending(turn, status, told, error)}
    if "completedAt" not in turn:
        changes["completedAt"] = ctx.now()
    changes = {name: value for name, value in changes.items() if turn.get(name) != value}
    if "error" not in turn and changes.get("error") is UNDEFINED:
        del changes["error"]
    if changes:
        ctx.db.patch(turn["_id"], changes)
    turn |= changes


@implements("turnsInternal.reconcileTerminalArtifacts")
def reconcile_terminal_artifacts(ctx: Any, args: Row) -> None:
    """Bring a turn that has ended, and what belongs to it, to their ends."""
    caller = Caller(args["userScope"], UNDEFINED, UNDEFINED)
    turn = find_turn(ctx, caller, args["threadId"], args["turnId"])
    if turn is None:
        return
    _end(ctx, turn, args["status"], args.get("error"))
    where = {
        "userScope": turn["userScope"],
        "threadId": turn["threadId"],
        "turnId": turn["turnId"],
    }
    more = _end_messages(ctx, turn, where)
    more = _end_streams(ctx, turn, args.get("deleteDelayMs", STREAM_DELETE_DELAY)) or more
    _end_requests(ctx, turn, where)
    settle_with_turn(ctx, turn)
    if more:
        reconcile_soon(ctx, turn, args.get("deleteDelayMs", STREAM_DELETE_DELAY))


def _end_messages(ctx: Any, turn: Row, where: Row) -> bool:
    rows: list[Row] = []
    read = 0
    more = False
    for row in select(ctx.db, "codex_messages", {**where, "status": "streaming"}):
        rows.append(row)
        read += bytes_of(row, "text", "payloadJson")
        more = len(rows) == RECONCILE_MESSAGES or read > READ_BYTES_MOST
        if more:
            break
    for row in rows:
        status = MESSAGE.move(row["status"], turn["status"], f"Message {row['messageId']}")
        now = ctx.now()
        changes = {"status": status, "completedAt": now, "updatedAt": now}
        if turn.get("error", UNDEFINED) is not UNDEFINED:
            changes["error"] = turn["error"]
        ctx.db.patch(row["_id"], changes)
    return more


def _end_streams(ctx: Any, turn: Row, delay: float) -> bool:
    key = {"userScope": turn["userScope"], "turnRef": turn["_id"]}
    streams = select(ctx.db, "codex_streams", key, "streamId")
    ended = 0
    for stream in streams:
        if stream["state"]["kind"] != "streaming":
            continue
        if ended == RECONCILE_STREAMS:
            return True
        end_stream(ctx, stream, turn, delay)
        ended += 1
    return False


def end_stream(ctx: Any, stream: Row, turn: Row, delay: float) -> None:
    """End a stream as its turn has ended, and have it cleaned up after a while."""
    now = ctx.now()
    event = "finish" if turn["status"] == "completed" else "abort"
    kind = STREAM.move("streaming", event, f"Stream {stream['streamId']}")
    state: Row = {"kind": kind, "endedAt": now}
    if kind == "aborted":
        state["reason"] = turn.get("error") or turn["status"]
    cleanup = ctx.scheduler.run_after(
        delay,
        "streams:cleanupFinishedStream",
        {
            "userScope": stream["userScope"],
            "streamId": stream["streamId"],
            "batchSize": STREAM_CLEANUP_BATCH,
        },
    )
    ctx.db.patch(
        stream["_id"],
        {"state": state, "endedAt": now, "cleanupScheduledAt": now, "cleanupFnId": cleanup},
    )
    key = {"userScope": stream["userScope"], "streamId": stream["streamId"]}
    stats = one(ctx.db, "codex_stream_stats", key)
    if stats is not None:
        ctx.db.patch(stats["_id"], {"state": kind, "updatedAt": now})


def _end_requests(ctx: Any, turn: Row, where: Row) -> None:
    """Settle what waits for an answer that can no longer matter."""
    for approval in select(ctx.db, "codex_approvals", where, "itemId"):
        if approval["status"] == "pending":
            settle(ctx, approval, "observeDeclined")
    key = {"userScope": turn["userScope"], "turnRef": turn["_id"]}
    now = ctx.now()
    for request in select(ctx.db, "codex_server_requests", key, "requestIdType"):
        if request["status"] == "pending":
            what = f"Server request {request['requestIdText']}"
            status = SERVER_REQUEST.move("pending", "expire", what)
            changes = {"status": status, "updatedAt": now, "resolvedAt": now}
            ctx.db.patch(request["_id"], changes)


@implements("streams.timeoutStream")
def timeout_stream(ctx: Any, args: Row) -> None:
    """End the turn of a stream that nobody feeds."""
    key = {"userScope": args["userScope"], "streamId": args["streamId"]}
    stream = one(ctx.db, "codex_streams", key)
    if stream is not None and stream["state"]["kind"] == "streaming":
        _end_soon(ctx, stream, "interrupted", args.get("reason") or "stream timeout")
