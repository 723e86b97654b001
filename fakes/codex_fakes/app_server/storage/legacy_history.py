"""The events by which a rollout with ``legacy`` history keeps items, and their reading.

May import items, rollouts' records and threads. Such a rollout numbers no lines and names no items:
it has one event for what was said, thought, patched, compacted or reviewed, and none for commands
and for the client's tools. An event belongs to the newest turn unless it names another. The
invariant: what a server remembers of a legacy thread is what its events say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.threads.items import (
    Item,
    agent_message,
    change_from_rollout,
    change_to_rollout,
    context_compaction,
    file_change,
    from_rollout,
    reasoning,
    review_from_rollout,
    review_to_rollout,
    to_rollout,
    user_message,
)
from codex_fakes.app_server.threads.thread import StoredItem, Thread, TurnRecord

if TYPE_CHECKING:
    from collections.abc import Callable

_URLS: Final = {"image": "images", "audio": "audio"}
_PATHS: Final = {"localImage": "local_images", "localAudio": "local_audio"}


def legacy_events(turn_id: str, item: Item) -> list[dict[str, Any]]:
    """Say a completed item in events.

    Args:
        turn_id: The item's turn.
        item: The item.

    Returns:
        The payloads of the events; none for an item that such a history does not keep.
    """
    kind = item["type"]
    if kind == "userMessage":
        return [_user_event(item)]
    if kind == "agentMessage":
        said = {"message": item["text"], "phase": item["phase"], "memory_citation": None}
        return [{"type": "agent_message", **said}]
    if kind == "reasoning":
        return [{"type": "agent_reasoning", "text": part} for part in item["summary"]]
    if kind == "fileChange":
        return [_patch_event(turn_id, item)]
    if kind == "contextCompaction":
        return [{"type": "context_compacted"}]
    if kind in {"enteredReviewMode", "exitedReviewMode"}:
        name = "entered_review_mode" if kind == "enteredReviewMode" else "exited_review_mode"
        told = {"turn_id": turn_id, "item_id": item["id"]}
        return [{"type": name, **told, **review_to_rollout(item)}]
    if kind == "plan":
        return [{"type": "item_completed", "turn_id": turn_id, "item": to_rollout(item)}]
    return []


def _user_event(item: Item) -> dict[str, Any]:
    content = item["content"]
    client = {} if item["clientId"] is None else {"client_id": item["clientId"]}
    places = {
        **{name: _members(content, kind, "url") for kind, name in _URLS.items()},
        **{name: _members(content, kind, "path") for kind, name in _PATHS.items()},
    }
    texts = [part for part in content if part["type"] == "text"]
    return {
        "type": "user_message",
        **client,
        "message": "".join(part["text"] for part in texts),
        **places,
        "text_elements": [span for part in texts for span in part["text_elements"]],
    }


def _members(content: list[dict[str, Any]], kind: str, member: str) -> list[str]:
    return [part[member] for part in content if part["type"] == kind and member in part]


def _patch_event(turn_id: str, item: Item) -> dict[str, Any]:
    return {
        "type": "patch_apply_end",
        "call_id": item["id"],
        "turn_id": turn_id,
        "stdout": "",
        "stderr": "",
        "success": item["status"] == "completed",
        "changes": {change["path"]: change_to_rollout(change) for change in item["changes"]},
        "status": item["status"],
    }


# --- reading --------------------------------------------------------------------------------------


def fold_legacy_event(
    thread: Thread, ordinal: int, event: dict[str, Any], now_ms: int
) -> Item | None:
    """Let an event happen to a thread with legacy history.

    Args:
        thread: The thread.
        ordinal: Which line of its rollout the event is.
        event: The event.
        now_ms: When it was written.

    Returns:
        The item that it added to the thread, or to which it added; ``None`` when it is no event of
        an item.
    """
    make = _ITEMS.get(event["type"])
    if make is None:
        return None
    item = make(event, f"line-{ordinal}")
    if item is None:
        return None
    turn_id = event.get("turn_id") or thread.record.id
    record = record_for(thread, turn_id, ordinal, now_ms)
    last = record.items[-1].item if record.items else None
    if item["type"] == "reasoning" and last is not None and last["type"] == "reasoning":
        item = {**last, "summary": [*last["summary"], *item["summary"]]}
    record.add(StoredItem(item, now_ms, now_ms, ordinal))
    return item


def record_for(thread: Thread, turn_id: str, ordinal: int, now_ms: int) -> TurnRecord:
    """The record of a turn; made for one that is known from its first item on, as a review's is.

    Args:
        thread: The turn's thread.
        turn_id: The turn.
        ordinal: Which line of the rollout names it.
        now_ms: When that was written.
    """
    found = next((record for record in thread.records if record.id == turn_id), None)
    if found is None:
        found = TurnRecord(turn_id, now_ms // 1000, ordinal)
        thread.records.append(found)
    return found


def _said(event: dict[str, Any], item_id: str) -> Item:
    spans = event.get("text_elements") or []
    content = [{"type": "text", "text": event["message"], "text_elements": spans}]
    for kind, name in _URLS.items():
        content += [_medium(kind, "url", url) for url in event.get(name) or ()]
    for kind, name in _PATHS.items():
        content += [_medium(kind, "path", path) for path in event.get(name) or ()]
    return user_message(item_id, event.get("client_id"), content)


def _medium(kind: str, member: str, value: str) -> dict[str, Any]:
    detail = {"detail": None} if kind in {"image", "localImage"} else {}
    return {"type": kind, **detail, member: value}


def _patched(event: dict[str, Any], item_id: str) -> Item:
    del item_id
    changes = [change_from_rollout(path, change) for path, change in event["changes"].items()]
    return file_change(event["call_id"], changes, event["status"])


def _reviewed(event: dict[str, Any], item_id: str) -> Item:
    kind = "enteredReviewMode" if event["type"] == "entered_review_mode" else "exitedReviewMode"
    return review_from_rollout(kind, event.get("item_id", item_id), event)


_ITEMS: Final[dict[str, Callable[[dict[str, Any], str], Item | None]]] = {
    "user_message": _said,
    "agent_message": lambda event, item_id: agent_message(
        item_id, event["message"], event.get("phase")
    ),
    "agent_reasoning": lambda event, item_id: reasoning(item_id, [event["text"]], []),
    "patch_apply_end": _patched,
    "context_compacted": lambda _event, item_id: context_compaction(item_id),
    "entered_review_mode": _reviewed,
    "exited_review_mode": _reviewed,
    "item_completed": lambda event, _: from_rollout(event["item"]),
}
