"""``streams``: draining what has ended, dropping what has expired, finding orphans (spec 02 §10).

May import the rows, long texts, dropping and limits. The invariant: a stream goes with its stats,
its deltas and its receipts, and leaves behind how far it had come; so a late delivery is still
known.
"""

from __future__ import annotations

import json
import math
from typing import Any

from codex_fakes.component.declared import implements
from codex_fakes.component.dropping import Budget
from codex_fakes.component.ingest.streams import DRAINED, drained_id
from codex_fakes.component.long_texts import insert
from codex_fakes.component.rows import Row, one, select
from codex_runtime.contract.limits import (
    AUDIT_ORPHANS_NAMED,
    AUDIT_SAMPLE_DEFAULT,
    AUDIT_SAMPLE_MOST,
    DELTA_SWEEP_BATCH,
    DELTA_SWEEP_MOST,
    STREAM_CLEANUP_BATCH,
    STREAM_CLEANUP_MOST,
)

_OF_STREAMS = ("codex_stream_deltas_ttl", "codex_stream_receipts")


def clamped(value: float | None, default: int, most: int) -> int:
    """Bring a batch size into its range; what is no number has the default."""
    if value is None or not math.isfinite(value):
        return default
    return max(1, min(math.floor(value), most))


@implements("streams.cleanupFinishedStream")
def cleanup_finished_stream(ctx: Any, args: Row) -> Row:
    """Drain a stream that has ended, and remove it."""
    key = {"userScope": args["userScope"], "streamId": args["streamId"]}
    stream = one(ctx.db, "codex_streams", key)
    stats = one(ctx.db, "codex_stream_stats", key)
    if stream is None:
        if stats is not None:
            ctx.db.delete(stats["_id"])
        return _cleaned(0, deleted=False, more=False)
    if stream["state"]["kind"] == "streaming":
        return _cleaned(0, deleted=False, more=False)
    size = clamped(args.get("batchSize"), STREAM_CLEANUP_BATCH, STREAM_CLEANUP_MOST)
    budget = Budget(ctx, size)
    where = {"userScope": args["userScope"], "streamRef": stream["_id"]}
    for table in _OF_STREAMS:
        budget.drop_found(table, where)
    drained = _dropped(budget)
    if budget.is_spent():
        ctx.scheduler.run_after(0, "streams:cleanupFinishedStream", args)
        return _cleaned(drained, deleted=False, more=True)
    _remember(ctx, stream, 0 if stats is None else stats["receivedCursor"])
    ctx.db.delete(stream["_id"])
    if stats is not None:
        ctx.db.delete(stats["_id"])
    for row in select(ctx.db, "codex_stream_checkpoints", where).collect():
        ctx.db.delete(row["_id"])
    return _cleaned(drained, deleted=True, more=False)


def _dropped(budget: Budget) -> int:
    """Count the deltas and receipts that were deleted, without the parts of their texts."""
    return sum(budget.counts.get(table, 0) for table in _OF_STREAMS)


def _cleaned(drained: int, *, deleted: bool, more: bool) -> Row:
    return {"deletedDeltas": drained, "streamDeleted": deleted, "hasMore": more}


def _remember(ctx: Any, stream: Row, cursor: float) -> None:
    place = {"userScope": stream["userScope"], "threadId": stream["threadId"]}
    event_id = drained_id(stream["streamId"])
    payload = {"streamId": stream["streamId"], "cursor": cursor}
    told = {"payloadJson": json.dumps(payload, separators=(",", ":")), "createdAt": ctx.now()}
    known = one(ctx.db, "codex_lifecycle_events", {**place, "eventId": event_id})
    if known is not None:
        ctx.db.patch(known["_id"], told)
        return
    row = {
        **place,
        **told,
        "threadRef": stream["threadRef"],
        "turnId": stream["turnId"],
        "turnRef": stream["turnRef"],
        "eventId": event_id,
        "kind": DRAINED,
    }
    insert(ctx, "codex_lifecycle_events", row, "payloadJson")


@implements("streams.cleanupExpiredDeltas")
def cleanup_expired_deltas(ctx: Any, args: Row) -> Row:
    """Remove deltas and receipts that have expired."""
    budget = Budget(ctx, clamped(args.get("batchSize"), DELTA_SWEEP_BATCH, DELTA_SWEEP_MOST))
    for table in _OF_STREAMS:
        _sweep(ctx, budget, table, args["nowMs"])
    more = budget.is_spent()
    if more:
        ctx.scheduler.run_after(0, "streams:cleanupExpiredDeltas", args)
    return {"deleted": _dropped(budget), "hasMore": more}


def _sweep(ctx: Any, budget: Budget, table: str, now: float) -> None:
    expired = select(ctx.db, table, {}, "expiresAt", then=lambda q: q.lte("expiresAt", now))
    for row in expired:
        if budget.is_spent():
            return
        budget.drop(table, row)


@implements("streams.auditDataHygiene")
def audit_data_hygiene(ctx: Any, args: Row) -> Row:
    """Count the stats whose streams are gone."""
    size = clamped(args.get("sampleSize"), AUDIT_SAMPLE_DEFAULT, AUDIT_SAMPLE_MOST)
    where = {"userScope": args["userScope"]}
    sample = select(ctx.db, "codex_stream_stats", where, "streamId").take(size)
    orphans = [row["streamId"] for row in sample if ctx.db.get(row["streamRef"]) is None]
    return {
        "scannedStreamStats": len(sample),
        "streamStatOrphans": len(orphans),
        "orphanStreamIds": orphans[:AUDIT_ORPHANS_NAMED],
    }
