"""``threads.getState``: a thread at a glance (spec 01 §5.1).

May import the callers, rows, long texts and limits. The invariant: it reads a bounded part of each
table, and no ended stream hides one that goes on.
"""

from __future__ import annotations

import json
from typing import Any

from codex_fakes.component.callers import caller_of, given, thread_of
from codex_fakes.component.declared import implements
from codex_fakes.component.ingest.streams import DRAINED
from codex_fakes.component.long_texts import bytes_of, whole
from codex_fakes.component.rows import Row, select
from codex_runtime.contract.limits import (
    READ_BYTES_MOST,
    SNAPSHOT_APPROVALS,
    SNAPSHOT_EVENTS,
    SNAPSHOT_MESSAGES,
    SNAPSHOT_STATS,
    SNAPSHOT_STREAMS,
    SNAPSHOT_TURNS,
)


@implements("threads.getState")
def get_state(ctx: Any, args: Row) -> Row:
    """A thread at a glance."""
    caller = caller_of(args)
    thread = thread_of(ctx, caller, args["threadId"])
    where = {"userScope": caller.scope, "threadId": thread["threadId"]}
    turns = select(ctx.db, "codex_turns", where, "startedAt").order("desc").take(SNAPSHOT_TURNS)
    active, streams = _streams(ctx, where)
    approvals = select(ctx.db, "codex_approvals", {**where, "status": "pending"})
    return {
        "threadId": thread["threadId"],
        "threadStatus": thread["status"],
        "turns": [given(turn, "turnId", "status", "startedAt", "completedAt") for turn in turns],
        "activeStreams": active,
        "allStreams": streams,
        "streamStats": _stats(ctx, where, {stream["streamId"] for stream in active}),
        "pendingApprovals": [
            given(row, "turnId", "itemId", "kind", "reason")
            for row in approvals.take(SNAPSHOT_APPROVALS)
        ],
        "recentMessages": _messages(ctx, where),
        "lifecycleMarkers": _markers(ctx, where),
    }


def _streams(ctx: Any, where: Row) -> tuple[list[Row], list[Row]]:
    """Give the streams that go on, and all of them: ended ones as far as there is room."""
    by_state: dict[str, list[Row]] = {}
    room = SNAPSHOT_STREAMS
    for state in ("streaming", "finished", "aborted"):
        rows = select(ctx.db, "codex_streams", {**where, "state.kind": state}).take(room)
        room -= len(rows)
        by_state[state] = [
            {**given(row, "streamId", "turnId", "startedAt"), "state": state} for row in rows
        ]
    ordered = [stream for state in sorted(by_state) for stream in by_state[state]]
    return by_state["streaming"], ordered


def _stats(ctx: Any, where: Row, active: set[str]) -> list[Row]:
    shown = []
    for row in select(ctx.db, "codex_stream_stats", where).take(SNAPSHOT_STATS):
        ended = row["state"] == "streaming" and row["streamId"] not in active
        stat = given(row, "streamId", "deltaCount", "latestCursor")
        shown.append({**stat, "state": "finished" if ended else row["state"]})
    return shown


def _messages(ctx: Any, where: Row) -> list[Row]:
    shown: list[Row] = []
    read = 0
    for row in select(ctx.db, "codex_messages", where, "createdAt").order("desc"):
        full = whole(ctx, row)
        read += bytes_of(full, "text", "payloadJson")
        shown.append(
            given(
                full,
                "messageId",
                "turnId",
                "role",
                "status",
                "text",
                "createdAt",
                "updatedAt",
                "completedAt",
            )
        )
        if len(shown) == SNAPSHOT_MESSAGES or read > READ_BYTES_MOST:
            break
    return shown


def _markers(ctx: Any, where: Row) -> list[Row]:
    newest = select(ctx.db, "codex_lifecycle_events", where, "createdAt").order("desc")
    markers = []
    for row in newest.take(SNAPSHOT_EVENTS):
        if row["kind"] == DRAINED:
            marker = given(row, "kind", "turnId", "createdAt")
            stream_id = _stream_id_in(row["payloadJson"])
            if stream_id is not None:
                marker["streamId"] = stream_id
            markers.append(marker)
    return markers


def _stream_id_in(payload_json: str) -> str | None:
    try:
        payload = json.loads(payload_json)
    except (ValueError, RecursionError):
        return None
    stream_id = payload.get("streamId") if isinstance(payload, dict) else None
    return stream_id if isinstance(stream_id, str) else None
