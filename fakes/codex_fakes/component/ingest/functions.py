"""``sync``: the doors of ingest, and of sessions (spec 02 §1, §3, §6, §9).

May import the other modules of ingest and the sessions. The invariant: ``ingestSafe`` runs
``ingest`` as a transaction inside its own, so that a rejected batch leaves nothing behind.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from codex_fakes.component.callers import caller_of, thread_to_write
from codex_fakes.component.declared import implements
from codex_fakes.component.ingest.approvals import observe_approval, request_approval
from codex_fakes.component.ingest.events import Event, understand
from codex_fakes.component.ingest.messages import Messages
from codex_fakes.component.ingest.options import Options, options_of
from codex_fakes.component.ingest.reasoning import keep_reasoning
from codex_fakes.component.ingest.streams import Streams
from codex_fakes.component.ingest.turns import Turns
from codex_fakes.component.ingest.weighing import check_weight
from codex_fakes.component.long_texts import insert
from codex_fakes.component.rows import Row, one
from codex_fakes.component.sessions import ensure, feed, feeds, guarded_session
from codex_runtime.contract.functions.ingest import (
    PUBLIC_INGEST_CODES,
    RECOVERABLE_INGEST_CODES,
)
from codex_runtime.errors import ContractError
from codex_runtime.values import UNDEFINED, ConvexError, convex_error_data

if TYPE_CHECKING:
    from codex_fakes.component.callers import Caller


class _Batch:
    """A batch while it is applied.

    Args:
        ctx: The function's context.
        caller: Whose it is.
        thread: The thread it is about.
        options: How to go about it.
        written: The bytes that taking it in writes at most, its messages not counted.
    """

    def __init__(self, ctx: Any, caller: Any, thread: Row, options: Options, written: int) -> None:
        self._ctx = ctx
        self._caller = caller
        self._thread = thread
        self._options = options
        self._turns = Turns(ctx, caller, thread)
        self._messages = Messages(ctx, caller, thread, written)
        self.streams = Streams(ctx, caller, thread, options)
        self.changed = False
        self._resolutions: list[tuple[Row, Event]] = []

    def take(self, event: Event) -> None:
        """Take in one event; one that was taken in before changes nothing."""
        if event.in_stream:
            if not event.turn_id:
                raise ContractError(
                    "E_SYNC_TURN_ID_REQUIRED_FOR_TURN_EVENT",
                    f"An event of a stream belongs to a turn; kind={event.kind} names none.",
                )
            if not self.streams.is_new(event.raw, event.turn_id):
                return
        elif self._is_kept(event):
            return
        self.changed = True
        turn = self._turns.take(event.turn_id, event) if event.turn_id else None
        if turn is not None:
            self._apply(turn, event)
        if event.in_stream and turn is not None:
            self.streams.let_in(event.raw, turn)
        else:
            self._keep(turn, event)

    def flush(self) -> None:
        """Write everything that has changed."""
        self._messages.flush()
        # What was asked and decided in one batch is decided.
        for turn, event in self._resolutions:
            if event.resolution is not None:
                observe_approval(self._ctx, turn, event.resolution)
        self.streams.flush()
        self._turns.flush(self._options.delete_delay)

    def _apply(self, turn: Row, event: Event) -> None:
        created_at = event.raw["createdAt"]
        if event.message is not None:
            self._messages.take(turn, event.message, created_at)
        if event.delta is not None:
            self._messages.append(turn, event.delta, created_at)
        if event.reasoning is not None and event.in_stream:
            keep_reasoning(self._ctx, self._caller, turn, event, self._options)
        if event.request is not None:
            request_approval(self._ctx, self._caller, turn, event.request, created_at)
        if event.resolution is not None:
            self._resolutions.append((turn, event))

    def _is_kept(self, event: Event) -> bool:
        where = {
            "userScope": self._caller.scope,
            "threadId": self._thread["threadId"],
            "eventId": event.raw["eventId"],
        }
        return one(self._ctx.db, "codex_lifecycle_events", where) is not None

    def _keep(self, turn: Row | None, event: Event) -> None:
        row = {
            "userScope": self._caller.scope,
            "threadId": self._thread["threadId"],
            "threadRef": self._thread["_id"],
            "eventId": event.raw["eventId"],
            "kind": event.kind,
            "payloadJson": event.raw["payloadJson"],
            "createdAt": event.raw["createdAt"],
        }
        if turn is not None:
            row |= {"turnId": turn["turnId"], "turnRef": turn["_id"]}
        insert(self._ctx, "codex_lifecycle_events", row, "payloadJson")


@implements("sync.ingest")
def ingest(ctx: Any, args: Row) -> Row:
    """Take a batch in, as a whole or not at all."""
    caller = caller_of(args)
    events = understand(args["streamDeltas"], args["lifecycleEvents"])
    if not events:
        raise ContractError("E_SYNC_EMPTY_BATCH", "ingest received an empty delta batch")
    written = check_weight(events)
    thread = thread_to_write(ctx, caller, args["threadId"])
    session = _feeder(ctx, caller, thread, args)
    batch = _Batch(ctx, caller, thread, options_of(args), written)
    for event in events:
        batch.take(event)
    batch.flush()
    feed(ctx, session, batch.streams.last_cursor, changed=batch.changed)
    return {
        "ackedStreams": batch.streams.acked,
        "ingestStatus": "partial" if batch.streams.partial else "ok",
    }


def _feeder(ctx: Any, caller: Caller, thread: Row, args: Row) -> Row:
    """Find the session that delivers; make it, or bind it to the thread, where that is wanted."""
    cursor = args.get("ensureLastEventCursor")
    if cursor is not None and not feeds(ctx, caller, thread, args["sessionId"]):
        begin = max(0, cursor // 1) if math.isfinite(cursor) else 0
        ensure(ctx, caller, thread, args["sessionId"], begin)
    return guarded_session(ctx, caller, thread, args["sessionId"])


@implements("sync.ingestSafe")
def ingest_safe(ctx: Any, args: Row) -> Row:
    """Take a batch in; bind the session first where that is what is missing."""
    plain = {name: value for name, value in args.items() if name != "ensureLastEventCursor"}
    taken, refusal = _tried(ctx, plain)
    if refusal is None:
        return {"status": taken["ingestStatus"], **taken, "errors": []}
    if refusal["code"] not in RECOVERABLE_INGEST_CODES:
        return _rejected(refusal)
    # The session is bound inside the transaction of the batch: a rejected one leaves none behind.
    cursor = args.get("ensureLastEventCursor", 0)
    taken, refusal = _tried(ctx, {**plain, "ensureLastEventCursor": cursor})
    if refusal is not None:
        return _rejected(refusal)
    return {
        "status": "session_recovered",
        **taken,
        "recovery": {
            "action": "session_rebound",
            "sessionId": args["sessionId"],
            "threadId": args["threadId"],
        },
        "errors": [],
    }


def _tried(ctx: Any, args: Row) -> tuple[Row, Row | None]:
    try:
        return ctx.run_mutation("sync:ingest", args), None
    except ConvexError as error:
        data = convex_error_data(error)
        if data is UNDEFINED or not isinstance(data, dict) or "code" not in data:
            raise
        return {}, data


def _rejected(refusal: Row) -> Row:
    code = refusal["code"]
    return {
        "status": "rejected",
        "ingestStatus": "partial",
        "ackedStreams": [],
        "errors": [
            {
                "code": PUBLIC_INGEST_CODES.get(code, "UNKNOWN"),
                "message": refusal["message"],
                "recoverable": code in RECOVERABLE_INGEST_CODES,
                "cause": code,
            }
        ],
    }


@implements("sync.ensureSession")
def ensure_session(ctx: Any, args: Row) -> Row:
    """Make a session, or bind the one there is to this thread."""
    caller = caller_of(args)
    thread = thread_to_write(ctx, caller, args["threadId"])
    status = ensure(ctx, caller, thread, args["sessionId"], args["lastEventCursor"])
    return {"sessionId": args["sessionId"], "threadId": args["threadId"], "status": status}


@implements("sync.heartbeat")
def heartbeat(ctx: Any, args: Row) -> None:
    """Say that a session is alive."""
    caller = caller_of(args)
    thread = thread_to_write(ctx, caller, args["threadId"])
    ensure(ctx, caller, thread, args["sessionId"], args["lastEventCursor"])
