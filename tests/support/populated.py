"""A thread with a row in every table that can hold one, and what of all rows belongs to it."""

import json

from codex_runtime.contract.tables import TABLES
from support.host import Stream, lifecycle, ran, said
from support.imports import History, Importer, tamper

KEPT = "codex_deletion_jobs"
"""The table of the deletions themselves."""

USED = (
    "totalTokens",
    "inputTokens",
    "cachedInputTokens",
    "outputTokens",
    "reasoningOutputTokens",
)


def populate(host, conversation, *, long=False):
    """Fill a conversation; give the id of its thread.

    It has the turns ``<conversation>-1`` and ``<conversation>-2`` that hold the same things.
    """
    thread = host.conversation(conversation, session=f"s-{conversation}")
    for number in (1, 2):
        _turn(host, conversation, thread, f"{conversation}-{number}", long=long)
    collecting = Importer(host, History.of(1, 2, name=f"{conversation}-C"), conversation).start()
    collecting.append(0)
    return thread


def _turn(host, conversation, thread, turn, *, long):
    host.call(
        "turns.start",
        threadId=thread,
        turnId=turn,
        idempotencyKey=f"key-{turn}",
        dispatchId=f"dispatch-{turn}",
        input=[{"type": "text", "text": "x" * (800_000 if long else 5)}],
    )
    stream = Stream(turn)
    host.ingest(
        thread,
        stream.turn_started(),
        stream.text(f"m-{turn}", "hel"),
        stream.text(f"m-{turn}", "lo"),
        stream.item_completed(said(f"l-{turn}", "y" * (900_000 if long else 5))),
        stream.summary(f"r-{turn}", "thinking"),
        stream.item_started(ran(f"c-{turn}", "inProgress")),
        stream.asks_for_command(f"c-{turn}", "may I?"),
        session=f"s-{conversation}",
    )
    host.call(
        "sync.ingestSafe",
        sessionId=f"s-{conversation}",
        threadId=thread,
        streamDeltas=[],
        lifecycleEvents=[
            lifecycle(
                "turn/started",
                {"method": "turn/started", "params": {"threadId": "rt", "turn": {"id": turn}}},
                event=f"life-{turn}",
            ),
            lifecycle("thread/name/updated", {"threadName": "name"}, event=f"name-{turn}"),
        ],
    )
    host.call("sync.upsertCheckpoint", threadId=thread, streamId=stream.stream, cursor=2)
    counts = {name: 1 for total in USED for name in (total, f"last{total[0].upper()}{total[1:]}")}
    host.call("tokenUsage.upsert", threadId=thread, turnId=turn, **counts)
    host.call(
        "serverRequests.upsertPending",
        threadId=thread,
        turnId=turn,
        itemId=f"q-{turn}",
        requestId=f"request-{turn}",
        method="item/tool/call",
        payloadJson=json.dumps("z" * (900_000 if long else 5)),
        requestedAt=1,
    )
    row = host.rows("codex_turns", threadId=thread, turnId=turn)[0]
    place = {
        "userScope": row["userScope"],
        "threadId": thread,
        "threadRef": row["threadRef"],
        "turnId": turn,
        "turnRef": row["_id"],
        "createdAt": 1,
    }
    item = {"itemId": turn, "itemType": "x", "status": "failed", "payloadJson": "", "updatedAt": 1}
    summary = {"eventId": turn, "kind": "k", "summary": "s"}
    tamper(host.backend, lambda db: db.insert("codex_items", {**place, **item}))
    tamper(host.backend, lambda db: db.insert("codex_event_summaries", {**place, **summary}))


def everything(host):
    """Every row by its id: its table, and what it holds, byte for byte."""
    return {
        row["_id"]: (table, json.dumps(row, sort_keys=True))
        for table, rows in host.tables().items()
        if table in TABLES
        for row in rows
    }


def belonging(host, field, value):
    """The ids of the rows that have a value in a field, and of those that refer to one of them."""
    rows = [row for table, found in host.tables().items() if table in TABLES for row in found]
    mine = {row["_id"] for row in rows if row.get(field) == value}
    references = ("streamRef", "sourceRef", "ownerRef")
    while True:
        more = {
            row["_id"] for row in rows if any(row.get(name) in mine for name in references)
        } - mine
        if not more:
            return mine
        mine |= more


def tables_in(host, ids):
    """The tables that some rows are in."""
    return {table for identity, (table, _) in everything(host).items() if identity in ids}
