"""A turn of the local Codex as the events that it would have streamed (spec 06 §12, "Better").

May import the contract's events; no IO. The invariant: the same turn gives the same events with the
same ids, whoever makes them and when, so that what was taken in before is known when it comes
again; a turn that has changed since is another stream.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_runtime.contract.functions.ingest import StreamDelta

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MESSAGES: Final = {
    "usermessage": "userMessage",
    "user_message": "userMessage",
    "agentmessage": "agentMessage",
    "agent_message": "agentMessage",
    "assistantmessage": "agentMessage",
    "assistant_message": "agentMessage",
    "systemmessage": "systemMessage",
    "system_message": "systemMessage",
    "toolmessage": "toolMessage",
    "tool_message": "toolMessage",
}
"""The types of items that people read as messages, in every spelling there was, and today's."""

_ENDINGS: Final = {
    "interrupted": "Turn interrupted during local thread import.",
    "failed": "Turn failed during local thread import.",
}
_STATUSES: Final = frozenset({"completed", "interrupted", "failed", "inProgress"})

ItemNames = dict[str, str]
"""Under which ids items are kept already, by the ids that Codex gives them now."""


@dataclass(frozen=True, slots=True)
class TurnItem:
    """An item of a turn, as it is imported.

    Attributes:
        item: The item under the id and the type it is kept with.
        item_id: Its id.
        readable: Whether people read it as a message, so that it stands in the manifest.
        named: Whether Codex has given it an id; one that has none is called by its place.
    """

    item: dict[str, Any]
    item_id: str
    readable: bool
    named: bool


@dataclass(frozen=True, slots=True)
class TurnEvent:
    """An event of a turn.

    Attributes:
        delta: The event.
        item_id: The item that it brings; ``None`` for the turn's beginning and its end.
        readable: Whether it brings a message of the manifest that no event before it brings.
    """

    delta: StreamDelta
    item_id: str | None
    readable: bool


def items_of(turn: Mapping[str, Any], turn_id: str, names: ItemNames) -> Iterator[TurnItem]:
    """Give the items of a turn that have a type.

    Args:
        turn: The turn as ``thread/read`` gives it.
        turn_id: The id it is persisted with.
        names: Under which ids items are kept already.

    Yields:
        The items, each under the id it is kept with.
    """
    items = turn.get("items")
    for index, item in enumerate(items if isinstance(items, list | tuple) else ()):
        kind = item.get("type") if isinstance(item, dict) else None
        if not isinstance(kind, str) or not kind:
            continue
        readable = _MESSAGES.get(kind.strip().lower())
        own = _item_id(item)
        item_id = f"generated:{turn_id}:{index}" if own is None else names.get(own, own)
        whole = {**item, "id": item_id, "type": readable or kind}
        yield TurnItem(whole, item_id, readable is not None, own is not None)


def typeless_items(turn: Mapping[str, Any]) -> int:
    """Count the items of a turn that have no type, and so cannot be imported."""
    items = turn.get("items")
    if not isinstance(items, list | tuple):
        return 0
    return sum(not (isinstance(item, dict) and _is_text(item.get("type"))) for item in items)


def events_of(
    turn: Mapping[str, Any],
    turn_id: str,
    conversation_id: str,
    created_at: float,
    names: ItemNames,
) -> list[TurnEvent]:
    """Make the events of a turn: its beginning, its items, and its end if it has come.

    Args:
        turn: The turn as ``thread/read`` gives it, with its items.
        turn_id: The id it is persisted with.
        conversation_id: The conversation it is imported into.
        created_at: When it began, in milliseconds since the epoch; each event is a millisecond
            later than the one before.
        names: Under which ids items are kept already.

    Returns:
        One stream without gaps.
    """
    status = turn.get("status")
    status = status if status in _STATUSES else "completed"
    told: dict[str, Any] = {
        "id": turn_id,
        "items": [],
        "status": status,
        "error": _error(turn, status),
    }
    place = {"threadId": conversation_id, "turnId": turn_id}
    whole_turn = {"threadId": conversation_id, "turn": told}
    parts: list[tuple[str, dict[str, Any], str | None, bool]]
    parts = [("turn/started", whole_turn, None, False)]
    seen: set[str] = set()
    for one in items_of(turn, turn_id, names):
        first = one.readable and one.item_id not in seen
        seen.add(one.item_id)
        parts.append(("item/completed", {**place, "item": one.item}, one.item_id, first))
    if status != "inProgress":
        parts.append(("turn/completed", whole_turn, None, False))
    payloads = [_compact({"method": method, "params": params}) for method, params, _, _ in parts]
    version = hashlib.sha256("\n".join(payloads).encode()).hexdigest()[:16]
    name = f"thread-import:{version}:{conversation_id}:{turn_id}"
    return [
        TurnEvent(
            StreamDelta(
                event_id=f"{name}:{sequence}",
                turn_id=turn_id,
                stream_id=f"{name}:import",
                kind=method,
                payload_json=payload,
                cursor_start=sequence,
                cursor_end=sequence + 1,
                created_at=created_at + sequence,
            ),
            item_id,
            readable,
        )
        for sequence, ((method, _, item_id, readable), payload) in enumerate(
            zip(parts, payloads, strict=True)
        )
    ]


def _error(turn: Mapping[str, Any], status: str) -> dict[str, Any] | None:
    if status not in _ENDINGS:
        return None
    error = turn.get("error")
    own = error.get("message") if isinstance(error, dict) else None
    return {"message": own if _is_text(own) else _ENDINGS[status]}


def _item_id(item: Mapping[str, Any]) -> str | None:
    for key in ("id", "messageId", "message_id"):
        value = item.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _compact(value: Any) -> str:
    return msgspec.json.encode(value).decode()
