"""``sync``: replay, resume and the consumer's checkpoints (spec 02 §10.3, §11, "Better").

May import the callers, rows, long texts and ingest's events and options. The invariant: a reader
gets everything a stream still holds from where it asks; only the reader moves its checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from codex_fakes.component.callers import Caller, caller_of, thread_of, turn_of
from codex_fakes.component.declared import implements
from codex_fakes.component.ingest.events import snapshot_in
from codex_fakes.component.ingest.options import options_of
from codex_fakes.component.long_texts import bytes_of, whole
from codex_fakes.component.rows import Row, one, select
from codex_runtime.contract.limits import CHECKPOINTS_MOST, READ_BYTES_MOST, REPLAY_STREAMS
from codex_runtime.errors import ContractError


@dataclass(frozen=True, slots=True)
class _Window:
    """What part of a stream is replayed.

    Attributes:
        size: The bytes of its payloads.
    """

    status: str
    start: float
    end: float
    deltas: list[Row]
    size: int = 0

    def shown(self, stream_id: str) -> Row:
        """The window as a reader sees it."""
        return {
            "streamId": stream_id,
            "status": self.status,
            "serverCursorStart": self.start,
            "serverCursorEnd": self.end,
        }


@implements("sync.replay")
def replay(ctx: Any, args: Row) -> Row:
    """What streams of a thread still hold from where the caller is."""
    caller = caller_of(args)
    thread = thread_of(ctx, caller, args["threadId"])
    options = options_of(args)
    streams = _streams_of(ctx, caller, thread["threadId"])
    windows: list[Row] = []
    checkpoints: list[Row] = []
    deltas: list[Row] = []
    budget = options.per_request
    room = READ_BYTES_MOST
    asked = {wanted["streamId"]: wanted for wanted in args["streamCursorsById"]}
    for stream_id, wanted in asked.items():
        if budget <= 0 or room <= 0:
            break
        if _belongs_elsewhere(ctx, caller, thread, stream_id):
            continue
        begin = wanted.get("cursor")
        if begin is None:
            begin = _checkpoint(ctx, caller, thread, stream_id)
        window = _window(ctx, caller, stream_id, begin, min(options.per_stream, budget), room)
        budget -= len(window.deltas)
        room -= window.size
        windows.append(window.shown(stream_id))
        checkpoints.append({"streamId": stream_id, "cursor": window.end})
        deltas += [{"streamId": stream_id, **_told(delta)} for delta in window.deltas]
    return {
        "streams": streams,
        "streamWindows": windows,
        "nextCheckpoints": checkpoints,
        "deltas": deltas,
        "snapshots": _snapshots(deltas),
    }


@implements("sync.resumeReplay")
def resume_replay(ctx: Any, args: Row) -> Row:
    """What a stream of one turn still holds."""
    caller = caller_of(args)
    thread_of(ctx, caller, args["threadId"])
    turn = turn_of(ctx, caller, args["threadId"], args["turnId"])
    where = {"userScope": caller.scope, "threadId": turn["threadId"], "turnId": turn["turnId"]}
    rows = select(ctx.db, "codex_streams", where).take(REPLAY_STREAMS)
    ids = [row["streamId"] for row in rows]
    wanted: str = args.get("streamId") or (ids[0] if ids else "")
    begin = args["fromCursor"]
    window = _Window("ok", begin, begin, [])
    if wanted in ids:
        most = options_of(args).per_request
        window = _window(ctx, caller, wanted, begin, most, READ_BYTES_MOST)
    return {
        "streamWindow": window.shown(wanted if wanted in ids else ""),
        "deltas": [_told(delta) for delta in window.deltas],
        "nextCursor": window.end,
        "streamIds": ids,
    }


@implements("sync.listCheckpoints")
def list_checkpoints(ctx: Any, args: Row) -> list[Row]:
    """How far the consumer has taken each stream."""
    caller = caller_of(args)
    thread = thread_of(ctx, caller, args["threadId"])
    where = {"userScope": caller.scope, "threadId": thread["threadId"]}
    rows = select(ctx.db, "codex_stream_checkpoints", where, "streamId").take(CHECKPOINTS_MOST)
    return [{"streamId": row["streamId"], "cursor": row["ackedCursor"]} for row in rows]


@implements("sync.upsertCheckpoint")
def upsert_checkpoint(ctx: Any, args: Row) -> Row:
    """Move the consumer's checkpoint forwards."""
    caller = caller_of(args)
    thread = thread_of(ctx, caller, args["threadId"])
    stream_id = args["streamId"]
    stream = one(ctx.db, "codex_streams", {"userScope": caller.scope, "streamId": stream_id})
    if stream is None:
        raise ContractError("E_STREAM_NOT_FOUND", f"Stream not found: {stream_id}")
    if stream["threadId"] != thread["threadId"]:
        raise ContractError(
            "E_STREAM_THREAD_MISMATCH",
            f"Stream {stream_id} is not bound to thread {thread['threadId']}",
        )
    cursor = max(0, args["cursor"] // 1)
    row = _checkpoint_row(ctx, caller, thread, stream_id)
    if row is None:
        ctx.db.insert(
            "codex_stream_checkpoints",
            {
                **caller.owner,
                "threadId": thread["threadId"],
                "threadRef": thread["_id"],
                "streamId": stream_id,
                "streamRef": stream["_id"],
                "ackedCursor": cursor,
                "updatedAt": ctx.now(),
            },
        )
    elif cursor > row["ackedCursor"]:
        ctx.db.patch(row["_id"], {"ackedCursor": cursor, "updatedAt": ctx.now()})
    return {"ok": True}


def _streams_of(ctx: Any, caller: Caller, thread_id: str) -> list[Row]:
    """Name the streams of a thread, those that go on before those that have ended."""
    found: list[Row] = []
    for kind in ("streaming", "finished", "aborted"):
        where = {"userScope": caller.scope, "threadId": thread_id, "state.kind": kind}
        rows = select(ctx.db, "codex_streams", where).take(REPLAY_STREAMS - len(found))
        found += [{"streamId": row["streamId"], "state": kind} for row in rows]
    return found


def _belongs_elsewhere(ctx: Any, caller: Caller, thread: Row, stream_id: str) -> bool:
    stream = one(ctx.db, "codex_streams", {"userScope": caller.scope, "streamId": stream_id})
    return stream is not None and stream["threadId"] != thread["threadId"]


def _checkpoint(ctx: Any, caller: Caller, thread: Row, stream_id: str) -> float:
    row = _checkpoint_row(ctx, caller, thread, stream_id)
    return 0 if row is None else row["ackedCursor"]


def _checkpoint_row(ctx: Any, caller: Caller, thread: Row, stream_id: str) -> Row | None:
    where = {"userScope": caller.scope, "threadId": thread["threadId"], "streamId": stream_id}
    return one(ctx.db, "codex_stream_checkpoints", where)


def _window(
    ctx: Any, caller: Caller, stream_id: str, begin: float, most: int, room: int
) -> _Window:
    """Read a run of deltas without a gap: at most so many, and so many bytes and one delta more."""
    where = {"userScope": caller.scope, "streamId": stream_id}
    held = select(
        ctx.db,
        "codex_stream_deltas_ttl",
        where,
        "cursorStart",
        then=lambda q: q.gte("cursorStart", begin),
    )
    run: list[Row] = []
    size = 0
    for row in held:
        if len(run) == most or size > room:
            break
        if run and row["cursorStart"] > run[-1]["cursorEnd"]:
            # What lies between was not stored; the next window begins behind it.
            break
        full = whole(ctx, row)
        size += bytes_of(full, "payloadJson")
        run.append(full)
    if run:
        start = run[0]["cursorStart"]
        status = "ok" if start == begin else "rebased"
        return _Window(status, start, run[-1]["cursorEnd"], run, size)
    stats = one(ctx.db, "codex_stream_stats", where)
    lost = stats is not None and stats["latestCursor"] > begin
    return _Window("stale" if lost else "ok", begin, begin, [])


def _told(delta: Row) -> Row:
    return {
        "cursorStart": delta["cursorStart"],
        "cursorEnd": delta["cursorEnd"],
        "kind": delta["kind"],
        "payloadJson": delta["payloadJson"],
    }


def _snapshots(deltas: list[Row]) -> list[Row]:
    latest: dict[str, tuple[float, Row]] = {}
    for delta in deltas:
        if delta["kind"] in ("item/started", "item/completed"):
            snapshot = snapshot_in(delta["kind"], delta["payloadJson"])
            if snapshot is not None:
                known = latest.get(snapshot["itemId"])
                if known is None or delta["cursorEnd"] >= known[0]:
                    latest[snapshot["itemId"]] = (delta["cursorEnd"], snapshot)
    ordered = sorted(latest.values(), key=lambda entry: -entry[0])
    return [snapshot for _, snapshot in ordered]
