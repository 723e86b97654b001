"""The preview of a thread: its name, else what the user said first (spec 01 §5.1).

May import the rows. The invariant: two reads, however long the thread is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.component.long_texts import whole
from codex_fakes.component.rows import select

if TYPE_CHECKING:
    from codex_fakes.component.rows import Row

UNTITLED: Final = "Untitled thread"
NAMED: Final = "thread/name/updated"
"""The kind of the events that name a thread."""

_KEYS: Final = ("threadName", "thread_name")


def preview_of(ctx: Any, thread: Row) -> str:
    """Make the preview of a thread."""
    where = {"userScope": thread["userScope"], "threadId": thread["threadId"]}
    events = select(ctx.db, "codex_lifecycle_events", {**where, "kind": NAMED}, "createdAt")
    named = events.order("desc").first()
    name = None if named is None else name_in(whole(ctx, named)["payloadJson"])
    if name is not None:
        return name
    said = select(ctx.db, "codex_messages", {**where, "role": "user"}, "createdAt").first()
    text = "" if said is None else str(whole(ctx, said)["text"]).strip()
    return text or UNTITLED


def name_in(payload_json: str) -> str | None:
    """Read the name that an event gives a thread.

    Args:
        payload_json: The event's payload.

    Returns:
        The name; ``None`` when the event takes it away, or gives none that can be read.
    """
    try:
        payload = json.loads(payload_json)
    except (ValueError, RecursionError):
        return None
    if not isinstance(payload, dict):
        return None
    params = payload.get("params")
    return _name(payload) or (_name(params) if isinstance(params, dict) else None)


def _name(holder: dict[str, Any]) -> str | None:
    for key in _KEYS:
        value = holder.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None
