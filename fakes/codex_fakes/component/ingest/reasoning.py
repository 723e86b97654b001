"""The reasoning of a batch: pieces are kept as they stream (spec 02 §8.3).

May import long texts. The invariant: raw reasoning is kept only where it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_fakes.component.long_texts import insert

if TYPE_CHECKING:
    from codex_fakes.component.callers import Caller
    from codex_fakes.component.ingest.events import Event
    from codex_fakes.component.ingest.options import Options
    from codex_fakes.component.rows import Row


def keep_reasoning(ctx: Any, caller: Caller, turn: Row, event: Event, options: Options) -> None:
    """Keep a piece of reasoning.

    Args:
        ctx: The function's context.
        caller: Whose it is.
        turn: The turn it belongs to.
        event: The event, which is new.
        options: What is kept.
    """
    piece = event.reasoning
    if piece is None or (piece.channel == "raw" and not options.raw_reasoning):
        return
    raw = event.raw
    row = {
        **caller.owner,
        "threadId": turn["threadId"],
        "threadRef": turn["threadRef"],
        "turnId": turn["turnId"],
        "turnRef": turn["_id"],
        "itemId": piece.item_id,
        "segmentId": ":".join(
            (turn["turnId"], piece.item_id, piece.channel, piece.segment_type, raw["eventId"])
        ),
        "eventId": raw["eventId"],
        "channel": piece.channel,
        "segmentType": piece.segment_type,
        "text": piece.delta or "",
        "cursorStart": raw["cursorStart"],
        "cursorEnd": raw["cursorEnd"],
        "createdAt": raw["createdAt"],
    }
    if piece.summary_index is not None:
        row["summaryIndex"] = piece.summary_index
    if piece.content_index is not None:
        row["contentIndex"] = piece.content_index
    insert(ctx, "codex_reasoning_segments", row, "text")
