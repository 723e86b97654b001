"""``tokenUsage``: what turns have used (spec 01 §5.8).

May import the callers and rows. The invariant: a turn has one row, and the latest counts stand.
"""

from __future__ import annotations

from typing import Any, Final

from codex_fakes.component.callers import caller_of, find_turn, given, thread_of, thread_to_write
from codex_fakes.component.declared import implements
from codex_fakes.component.rows import Row, one, select
from codex_runtime.contract.limits import TOKEN_USAGE_MOST

_TOTAL: Final = (
    "totalTokens",
    "inputTokens",
    "cachedInputTokens",
    "outputTokens",
    "reasoningOutputTokens",
)


def _last(name: str) -> str:
    return f"last{name[0].upper()}{name[1:]}"


@implements("tokenUsage.upsert")
def upsert(ctx: Any, args: Row) -> None:
    """Write down what a turn has used."""
    caller = caller_of(args)
    thread = thread_to_write(ctx, caller, args["threadId"])
    turn = find_turn(ctx, caller, args["threadId"], args["turnId"])
    if turn is None or "deletionJobId" in turn:
        return
    now = ctx.now()
    counts = given(args, *_TOTAL, *map(_last, _TOTAL), "modelContextWindow")
    where = {"userScope": caller.scope, **given(args, "threadId", "turnId")}
    row = one(ctx.db, "codex_token_usage", where)
    if row is not None:
        ctx.db.patch(row["_id"], {**counts, "updatedAt": now})
        return
    ctx.db.insert(
        "codex_token_usage",
        {
            **caller.owner,
            **where,
            **counts,
            "threadRef": thread["_id"],
            "turnRef": turn["_id"],
            "createdAt": now,
            "updatedAt": now,
        },
    )


@implements("tokenUsage.listByThread")
def list_by_thread(ctx: Any, args: Row) -> list[Row]:
    """What the turns of a thread have used; of very many the latest."""
    caller = caller_of(args)
    thread = thread_of(ctx, caller, args["threadId"])
    where = {"userScope": caller.scope, "threadId": thread["threadId"]}
    latest = select(ctx.db, "codex_token_usage", where, "updatedAt").order("desc")
    return [_shown(row) for row in reversed(latest.take(TOKEN_USAGE_MOST))]


def _shown(row: Row) -> Row:
    return {
        "turnId": row["turnId"],
        "total": {name: row[name] for name in _TOTAL},
        "last": {name: row[_last(name)] for name in _TOTAL},
        "updatedAt": row["updatedAt"],
        **given(row, "modelContextWindow"),
    }
