"""Miniatures that take events in wrongly, or give them back wrongly.

May import what alters hosts, and the component's rows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.miniatures.hosts.altering import (
    Args,
    HostMiniature,
    Inner,
    answers,
    blind_to,
    given,
    host,
    instead,
    seeing,
    store,
    with_options,
)
from codex_fakes.component.callers import caller_of
from codex_fakes.component.rows import one

if TYPE_CHECKING:
    from collections.abc import Callable

Event = dict[str, Any]

_TEXT: Final = "item/agentMessage/delta"
_TAKEN: Final = {"status": "ok", "ingestStatus": "ok", "ackedStreams": [], "errors": []}
_INGESTED: Final = {"ingestStatus": "ok", "ackedStreams": []}


def _events(change: Callable[[Event], Event | None]) -> Any:
    """Ingest that takes in other events; ``None`` leaves one out."""

    def around(ctx: Any, args: Args, inner: Inner) -> Any:
        changed = [change(event) for event in args["streamDeltas"]]
        left = [event for event in changed if event is not None]
        if not left and args["streamDeltas"]:
            return dict(_INGESTED)
        return inner(ctx, {**args, "streamDeltas": left})

    return {"sync.ingest": around}


def _said(event: Event) -> Any:
    return json.loads(event["payloadJson"])["params"]


def _resaid(event: Event, change: Callable[[Any], None]) -> Event:
    message = json.loads(event["payloadJson"])
    change(message["params"])
    return {**event, "payloadJson": json.dumps(message)}


def _taken_after(*causes: str) -> Any:
    """Batches that are rejected for certain causes are said to be taken in."""

    def change(answer: Any) -> Any:
        if answer["status"] == "rejected" and answer["errors"][0]["cause"] in causes:
            return dict(_TAKEN)
        return answer

    return {"sync.ingestSafe": answers(change)}


def _one_by_one(ctx: Any, args: Args, inner: Inner) -> Any:
    answer = inner(ctx, args)
    if answer["status"] == "rejected":
        for event in args["streamDeltas"]:
            if inner(ctx, {**args, "streamDeltas": [event]})["status"] == "rejected":
                break
    return answer


def _unrecovered(*, moved_only: bool) -> Any:
    def around(ctx: Any, args: Args, inner: Inner) -> Any:
        where = {"userScope": caller_of(args).scope, "sessionId": args["sessionId"]}
        session = one(ctx.db, "codex_sessions", where)
        if session is not None and session["threadId"] == args["threadId"]:
            return inner(ctx, args)
        if moved_only != (session is not None):
            return inner(ctx, args)
        code = "SESSION_THREAD_MISMATCH" if moved_only else "SESSION_NOT_FOUND"
        error = {"code": code, "message": "no session", "recoverable": True}
        return {**_TAKEN, "status": "rejected", "ingestStatus": "partial", "errors": [error]}

    return {"sync.ingestSafe": around}


def _filtered(args: Args) -> Args:
    return {
        **args,
        "deltas": [event for event in args["deltas"] if event["type"] == "stream_delta"],
    }


def _nothing_is_fine(ctx: Any, args: Args, inner: Inner) -> Any:
    return inner(ctx, args) if args["deltas"] else dict(_TAKEN)


BATCHES: Final[tuple[HostMiniature, ...]] = (
    store(
        "acknowledges-nothing",
        "A batch that was taken in says nothing of its streams.",
        {"sync.ingest": answers(lambda answer: {**answer, "ackedStreams": []})},
        "ingest.batch.taken",
    ),
    host(
        "takes-nothing-in",
        "An empty batch is taken in.",
        {"ingestBatch": _nothing_is_fine},
        "ingest.batch.empty",
    ),
    host(
        "drops-lifecycle-events",
        "Events that belong to no stream are dropped from a batch.",
        {"ingestBatch": given(_filtered)},
        "ingest.batch.lifecycle",
    ),
    host(
        "one-event-is-nothing",
        "A single event is said to be taken in, and is not.",
        {"ingestEvent": instead(_TAKEN)},
        "host_wiring.validate.tries-mutations",
        "ingest.batch.lifecycle",
        "ingest.batch.one-event",
    ),
    store(
        "malformed-is-fine",
        "Payloads that are not what their kind says are said to be taken in.",
        _taken_after("E_SYNC_PAYLOAD_SCHEMA_MISMATCH"),
        "ingest.batch.malformed",
    ),
    store(
        "any-turn-will-do",
        "The turn of an envelope is not compared with its payload's.",
        _events(lambda event: {**event, "turnId": "0"}),
        "ingest.batch.turn-mismatch",
        "ingest.batch.all-or-nothing",
        "sync_verification.job.rejected",
    ),
    store(
        "rejects-by-halves",
        "A batch that is rejected was taken in up to the event that was wrong.",
        {"sync.ingestSafe": _one_by_one},
        "ingest.batch.all-or-nothing",
    ),
    store(
        "unknown-sessions-rejected",
        "A batch of an unknown session is rejected.",
        _unrecovered(moved_only=False),
        "ingest.session.recovered",
        "sync_verification.seal.repair",
        "sync_verification.job.synced",
        "sync_verification.job.extra",
        "sync_verification.job.missing",
        "sync_verification.job.rejected",
        "sync_verification.job.anonymous",
        "sync_verification.job.replaced",
        "sync_verification.progress.not-by-others",
        "sync_verification.progress.follows",
    ),
    store(
        "moved-sessions-rejected",
        "A batch of a session of another thread is rejected.",
        _unrecovered(moved_only=True),
        "ingest.session.moved",
    ),
)


def _with_range(event: Event) -> Event:
    start = event["cursorStart"]
    return {**event, "cursorEnd": max(event["cursorEnd"], start + 1)}


def _whole(answer: Any) -> Any:
    return {**answer, "ingestStatus": "ok"}


def _partial_text(ctx: Any, args: Args, inner: Inner) -> Any:
    answer = inner(ctx, args)
    if any(event["kind"] != _TEXT for event in args["streamDeltas"]):
        return answer
    return {**answer, "ingestStatus": "partial"}


def _renamed(ctx: Any, args: Args, inner: Inner) -> Any:
    events = [
        {**event, "eventId": f"{event['eventId']}:{ctx.random()}"} for event in args["streamDeltas"]
    ]
    return inner(ctx, {**args, "streamDeltas": events})


def _doubling(ctx: Any, args: Args, inner: Inner) -> Any:
    scope = caller_of(args).scope
    again = [
        event
        for event in args["streamDeltas"]
        if event["kind"] == _TEXT and _seen(ctx, scope, event)
    ]
    answer = inner(ctx, args)
    for event in again:
        said = _said(event)
        where = {"userScope": scope, "threadId": args["threadId"], "turnId": event["turnId"]}
        row = one(ctx.db, "codex_messages", {**where, "messageId": said["itemId"]})
        if row is not None and row["status"] == "streaming":
            ctx.db.patch(row["_id"], {"text": row["text"] + said["delta"]})
    return answer


def _seen(ctx: Any, scope: str, event: Event) -> bool:
    where = {"userScope": scope, "streamId": event["streamId"]}
    stats = one(ctx.db, "codex_stream_stats", where)
    return stats is not None and event["cursorStart"] < stats["receivedCursor"]


CURSORS: Final[tuple[HostMiniature, ...]] = (
    store(
        "empty-ranges-are-fine",
        "An event that ends where it begins is taken in.",
        _events(_with_range),
        "ingest.batch.all-or-nothing",
        "ingest.cursor.empty-range",
    ),
    store(
        "gaps-are-fine",
        "A batch behind a gap is ok.",
        {"sync.ingest": answers(_whole)},
        "ingest.cursor.gap",
    ),
    store(
        "the-past-is-dropped",
        "A new event before the end of its stream is dropped and said to be taken in.",
        _taken_after("E_SYNC_OUT_OF_ORDER"),
        "ingest.batch.all-or-nothing",
        "ingest.cursor.out-of-order",
    ),
    store(
        "text-is-partial",
        "A batch of text deltas is always partial.",
        {"sync.ingest": _partial_text},
        "ingest.cursor.contiguous",
    ),
    store(
        "collisions-are-fine",
        "Events of a stream of another turn are dropped and said to be taken in.",
        _taken_after("E_SYNC_STREAM_ID_COLLISION"),
        "ingest.stream.collision",
    ),
    store(
        "nothing-is-known-again",
        "An event that comes again is taken for a new one.",
        {"sync.ingest": _renamed},
        "ingest.delivery.again",
    ),
    store(
        "text-is-doubled",
        "Text deltas that come again are added again.",
        {"sync.ingest": _doubling},
        "ingest.delivery.text-once",
    ),
)


def _silent(event: Event) -> Event:
    if event["kind"] != _TEXT:
        return event
    return _resaid(event, lambda params: params.update(delta=""))


def _wiping(ctx: Any, args: Args, inner: Inner) -> Any:
    answer = inner(ctx, args)
    scope = caller_of(args).scope
    for event in args["streamDeltas"]:
        if event["kind"] == "item/started":
            item = _said(event)["item"]
            where = {"userScope": scope, "threadId": args["threadId"], "turnId": event["turnId"]}
            row = one(ctx.db, "codex_messages", {**where, "messageId": item["id"]})
            if row is not None and item["type"] == "agentMessage":
                ctx.db.patch(row["_id"], {"text": item["text"]})
    return answer


def _never_failed(event: Event) -> Event:
    if event["kind"] != "item/completed" or _said(event)["item"].get("status") != "failed":
        return event
    return _resaid(event, lambda params: params["item"].update(status="completed"))


def _shown_queued(state: Any) -> Any:
    turns = [
        {**turn, "status": "queued" if turn["status"] == "inProgress" else turn["status"]}
        for turn in state["turns"]
    ]
    return {**state, "turns": turns}


def _first_ending_wins(ctx: Any, args: Args, inner: Inner) -> Any:
    scope = caller_of(args).scope
    left = []
    for event in args["streamDeltas"]:
        where = {"userScope": scope, "threadId": args["threadId"], "turnId": event["turnId"]}
        turn = one(ctx.db, "codex_turns", where)
        ended = turn is not None and turn["status"] not in ("queued", "inProgress")
        if not (ended and event["kind"] == "turn/completed"):
            left.append(event)
    return inner(ctx, {**args, "streamDeltas": left}) if left else dict(_INGESTED)


def _unreasoned(event: Event) -> Event:
    if not event["kind"].endswith("requestApproval"):
        return event
    return _resaid(event, lambda params: params.pop("reason"))


def _asked_last(ctx: Any, args: Args, inner: Inner) -> Any:
    """What is done in the batch that asks for it counts as not done yet."""
    asked = {
        _said(event)["itemId"]
        for event in args["streamDeltas"]
        if event["kind"].endswith("requestApproval")
    }
    left = [
        event
        for event in args["streamDeltas"]
        if event["kind"] != "item/completed" or _said(event)["item"]["id"] not in asked
    ]
    return inner(ctx, {**args, "streamDeltas": left})


def _cut_at_colons(answer: Any) -> Any:
    page = [{**row, "turnId": row["turnId"].partition(":")[0]} for row in answer["page"]]
    return {**answer, "page": page}


def _twice(answer: Any) -> Any:
    return {**answer, "page": [row for row in answer["page"] for _ in range(2)]}


_RECONCILE: Final = "turnsInternal.reconcileTerminalArtifacts"

EFFECTS: Final[tuple[HostMiniature, ...]] = (
    store(
        "deltas-are-lost",
        "Text deltas add nothing.",
        _events(_silent),
        "ingest.delivery.text-once",
        "ingest.message.text",
        "ingest.message.late-start",
        "ingest.turn.settles-messages",
        "ingest.replay.text-stored",
    ),
    store(
        "late-starts-wipe",
        "The start of a message overwrites its text.",
        {"sync.ingest": _wiping},
        "ingest.delivery.text-once",
        "ingest.message.text",
        "ingest.message.late-start",
        "ingest.turn.settles-messages",
        "ingest.replay.text-stored",
    ),
    store(
        "nothing-fails",
        "Items that failed are kept as completed.",
        _events(_never_failed),
        "ingest.batch.malformed",
        "ingest.message.endings",
    ),
    store(
        "turns-do-not-start",
        "A turn that is in progress is shown as queued.",
        {"threads.getState": answers(_shown_queued)},
        "ingest.turn.started",
        "deletion.turn.others-stay",
        "dispatch.state.turn-follows",
    ),
    store(
        "first-ending-wins",
        "A turn that has ended takes no other ending.",
        {"sync.ingest": _first_ending_wins},
        "ingest.turn.endings",
    ),
    store(
        "errors-are-dropped",
        "Errors do not end turns.",
        _events(lambda event: None if event["kind"] == "error" else event),
        "ingest.turn.error-first",
    ),
    store(
        "messages-outlive-turns",
        "Messages go on streaming when their turn has ended.",
        {_RECONCILE: seeing(blind_to("codex_messages"))},
        "ingest.turn.settles-messages",
    ),
    store(
        "waits-for-ever",
        "Approvals and requests go on waiting when their turn has ended.",
        {_RECONCILE: seeing(blind_to("codex_approvals", "codex_server_requests"))},
        "ingest.turn.settles-waiting",
    ),
    store(
        "reasons-are-lost",
        "Approvals are listed without their reason.",
        _events(_unreasoned),
        "host_wiring.validate.tries-mutations",
        "ingest.approval.asked",
    ),
    store(
        "done-before-asked",
        "What is done in the batch that asks for it goes on waiting.",
        {"sync.ingest": _asked_last},
        "ingest.batch.malformed",
        "ingest.approval.decided-at-once",
    ),
    store(
        "colons-cut-ids",
        "The id of an approval's turn ends at its first colon.",
        {"approvals.listPending": answers(_cut_at_colons)},
        "ingest.approval.colons",
    ),
    store(
        "reasoning-twice",
        "Every piece of reasoning is listed twice.",
        {"reasoning.listByThread": answers(_twice)},
        "ingest.reasoning.summary",
        "ingest.reasoning.raw",
    ),
    store(
        "raw-reasoning-exposed",
        "Raw reasoning is kept whether it may be told or not.",
        with_options(lambda runtime: {**runtime, "exposeRawReasoningDeltas": True}, "sync.ingest"),
        "ingest.reasoning.raw",
    ),
)
