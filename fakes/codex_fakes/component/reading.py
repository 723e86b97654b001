"""``messages`` and ``reasoning``: reading what was said and thought (spec 01 §5.4-5.5).

May import the callers, rows, long texts and pages. The invariant: what a reader sees of a row is
listed here, and nothing else leaves the component.
"""

from __future__ import annotations

from typing import Any

from codex_fakes.component.callers import caller_of, given, thread_of, turn_of
from codex_fakes.component.declared import implements
from codex_fakes.component.long_texts import bytes_of, whole
from codex_fakes.component.pages import empty_page, page_of
from codex_fakes.component.rows import Row, one, select
from codex_runtime.contract.limits import READ_BYTES_MOST, TURN_MESSAGES

_MESSAGE = (
    "messageId",
    "turnId",
    "role",
    "status",
    "text",
    "sourceItemType",
    "orderInTurn",
    "payloadJson",
    "error",
    "createdAt",
    "updatedAt",
    "completedAt",
)
_SEGMENT = (
    "segmentId",
    "eventId",
    "turnId",
    "itemId",
    "channel",
    "segmentType",
    "text",
    "summaryIndex",
    "contentIndex",
    "cursorStart",
    "cursorEnd",
    "createdAt",
)


@implements("messages.listByThread")
def list_by_thread(ctx: Any, args: Row) -> Row:
    """Messages of a thread, newest first."""
    caller = caller_of(args)
    options = args["paginationOpts"]
    where = {"userScope": caller.scope, "threadId": args["threadId"]}
    if one(ctx.db, "codex_threads", where) is None:
        return empty_page(options)
    return page_of(
        ctx,
        "messages.listByThread",
        "codex_messages",
        where,
        options,
        lambda row: given(row, *_MESSAGE),
    )


@implements("messages.getByTurn")
def get_by_turn(ctx: Any, args: Row) -> list[Row]:
    """Messages of a turn, in order."""
    caller = caller_of(args)
    turn = turn_of(ctx, caller, args["threadId"], args["turnId"])
    where = {"userScope": caller.scope, "threadId": turn["threadId"], "turnId": turn["turnId"]}
    found: list[Row] = []
    read = 0
    for row in select(ctx.db, "codex_messages", where, "orderInTurn"):
        full = whole(ctx, row)
        read += bytes_of(full, "text", "payloadJson")
        found.append(given(full, *_MESSAGE))
        if len(found) == TURN_MESSAGES or read > READ_BYTES_MOST:
            break
    return found


@implements("reasoning.listByThread")
def list_reasoning_by_thread(ctx: Any, args: Row) -> Row:
    """Reasoning of a thread, newest first."""
    caller = caller_of(args)
    thread = thread_of(ctx, caller, args["threadId"])
    where: Row = {"userScope": caller.scope, "threadId": thread["threadId"]}
    if not args.get("includeRaw"):
        where["channel"] = "summary"
    return page_of(
        ctx,
        "reasoning.listByThread",
        "codex_reasoning_segments",
        where,
        args["paginationOpts"],
        lambda row: given(row, *_SEGMENT),
    )
