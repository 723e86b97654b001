"""Reading rollouts back.

May import rollouts, failures, items, threads, and the forms of legacy events and of settings. The
history of a thread is the lines of its newest file, behind those that the file says it goes on
from, and so on down to a file that goes on from none. The real server's files are read as well as
those of the simulation. The invariant: a line that a crash tore, or whose form is not known, is
passed over, and a turn whose end was never written reads as interrupted.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_fakes.app_server.dialect.dynamic_tools import tool_names
from codex_fakes.app_server.dialect.failures import turn_error
from codex_fakes.app_server.storage.legacy_history import fold_legacy_event, record_for
from codex_fakes.app_server.storage.rollout import GIT_NAMES, TOKEN_NAMES, preview_of, respelt
from codex_fakes.app_server.storage.settings_records import settings_from_rollout
from codex_fakes.app_server.threads.items import from_rollout
from codex_fakes.app_server.threads.thread import StoredItem, Thread, Tokens, TurnRecord
from codex_fakes.app_server.threads.thread_settings import ThreadSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from codex_fakes.app_server.threads.items import Item

    Lines = list[dict[str, Any]]

_NO_OWN_LINES: Final = 2**63


def complete_lines(data: bytes) -> Lines:
    """The lines of a rollout that can be read.

    Args:
        data: The file's content.
    """
    lines: Lines = []
    for raw in data.split(b"\n")[:-1]:
        try:
            line = msgspec.json.decode(raw, type=dict[str, Any])
        except msgspec.DecodeError:
            # A line that a crash tore; a server that came later went on behind it.
            continue
        # Lines of a legacy history are not numbered; they count from the first.
        line.setdefault("ordinal", len(lines))
        lines.append(line)
    return lines


def history_lines(lines: Lines, open_base: Callable[[str], Lines | None]) -> Lines:
    """The lines of a whole history, without the first line of each file.

    Args:
        lines: The lines of the newest file.
        open_base: Finds the lines of a file by its name; ``None`` when it is not there.
    """
    history = lines[1:]
    base = lines[0]["payload"].get("history_base")
    while base is not None:
        before = open_base(base["rollout"])
        if not before:
            break
        end = base["end_ordinal_exclusive"]
        history = [line for line in before[1:] if line["ordinal"] < end] + history
        base = before[0]["payload"].get("history_base")
    return history


def read_thread(path: str, data: bytes, open_base: Callable[[str], Lines | None]) -> Thread | None:
    """Read a thread back.

    Args:
        path: Where its rollout is.
        data: The rollout's content.
        open_base: See :func:`history_lines`.

    Returns:
        The thread, not loaded; ``None`` when the file does not begin with a session.
    """
    lines = complete_lines(data)
    if not lines or lines[0]["type"] != "session_meta":
        return None
    if not isinstance(lines[0]["payload"].get("source"), str):
        # The thread of a sub-agent, which no list shows and no client opens by itself.
        return None
    thread = _session_back(path, lines[0])
    thread.torn = not data.endswith(b"\n")
    own_from = lines[0]["ordinal"]
    fold(thread, history_lines(lines, open_base), own_from=own_from)
    return thread


def fold(thread: Thread, lines: Iterable[dict[str, Any]], *, own_from: int = _NO_OWN_LINES) -> None:
    """Let what was written down happen again.

    Args:
        thread: The thread it happens to; its turns that never ended become interrupted ones.
        lines: The lines, oldest first.
        own_from: The ordinal of the first line that is the thread's own.
    """
    for line in lines:
        own = line["ordinal"] >= own_from
        if own:
            thread.ordinal = line["ordinal"] + 1
            thread.updated_ms = _milliseconds(line["timestamp"])
        if line["type"] == "turn_context":
            thread.context_model = line["payload"].get("model")
        if line["type"] == "event_msg":
            moment = _milliseconds(line["timestamp"])
            try:
                _fold(thread, line["ordinal"], line["payload"], moment, own=own)
            except (KeyError, TypeError, ValueError, IndexError, StopIteration):
                # Of a form that only another version of the server knows: it is passed over.
                continue
    for record in thread.records:
        if record.status == "inProgress":
            record.status = "interrupted"


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _session_back(path: str, line: dict[str, Any]) -> Thread:
    meta = line["payload"]
    created_ms = _milliseconds(meta["timestamp"])
    git = meta.get("git")
    return Thread(
        id=meta["id"],
        path=path,
        originator=meta["originator"],
        settings=ThreadSettings(
            cwd=meta["cwd"],
            approval_policy="on-request",
            sandbox={},
            model="",
            model_provider=meta["model_provider"],
        ),
        created_ms=created_ms,
        updated_ms=_milliseconds(line["timestamp"]),
        recency_ms=created_ms,
        history_mode=meta["history_mode"],
        forked_from=meta.get("forked_from_id"),
        source=meta.get("thread_source"),
        git=None if git is None else {name: git.get(key) for name, key in GIT_NAMES.items()},
        tools=tool_names(meta.get("dynamic_tools", [])),
        tool_specs=meta.get("dynamic_tools", []),
        status="notLoaded",
        ordinal=line["ordinal"] + 1,
    )


def _fold(thread: Thread, ordinal: int, event: dict[str, Any], now_ms: int, *, own: bool) -> None:
    kind = event["type"]
    if kind == "task_started":
        _begin(thread, ordinal, event)
        if own:
            thread.recency_ms = now_ms
    elif kind == "thread_settings_applied":
        thread.settings = settings_from_rollout(event["thread_settings"])
    elif not thread.paginated and (item := fold_legacy_event(thread, ordinal, event, now_ms)):
        _note_opening(thread, item, own=own)
    elif kind == "item_completed":
        _fold_item(thread, ordinal, event, own=own)
    elif kind == "token_count":
        if event["info"] is None:
            return
        thread.total = _tokens_back(event["info"]["total_token_usage"])
        thread.last = _tokens_back(event["info"]["last_token_usage"])
        thread.usage_turn = event.get("turn_id") or thread.record.id
    elif kind in {"task_complete", "turn_aborted"}:
        record = thread.record_of(event["turn_id"])
        record.error = _error_back(event.get("error"))
        record.completed_at = event["completed_at"]
        record.duration_ms = event["duration_ms"]
        record.status = _ended(kind, record.error)


def _begin(thread: Thread, ordinal: int, event: dict[str, Any]) -> None:
    turn_id, root = event["turn_id"], event["root_turn_id"]
    begun = TurnRecord(turn_id, event["started_at"], ordinal)
    thread.records.append(begun)
    if root != turn_id:
        begun.root = root
        outer = thread.records[-2] if len(thread.records) > 1 else begun
        if thread.paginated and outer.id == root and outer.status == "inProgress":
            # The outer turn of a review is named first, and yet comes behind the inner one.
            begun.ordinal, outer.ordinal = outer.ordinal, begun.ordinal
            thread.records[-2:] = [begun, outer]


def _ended(kind: str, error: object) -> str:
    if kind == "turn_aborted":
        return "interrupted"
    return "completed" if error is None else "failed"


def _fold_item(thread: Thread, ordinal: int, event: dict[str, Any], *, own: bool) -> None:
    item = from_rollout(event["item"])
    if item is None:
        return
    record = record_for(thread, event["turn_id"], ordinal, event["completed_at_ms"])
    record.add(StoredItem(item, event["started_at_ms"], event["completed_at_ms"], ordinal))
    _note_opening(thread, item, own=own)


def _note_opening(thread: Thread, item: Item, *, own: bool) -> None:
    """Remember the first message of the user, which previews show."""
    if item["type"] == "userMessage":
        text = preview_of(item["content"])
        thread.opening = thread.opening or text
        if own:
            thread.own_preview = thread.own_preview or text


def _tokens_back(stored: dict[str, int]) -> Tokens:
    return Tokens(*(stored[name] for name in TOKEN_NAMES))


def _error_back(stored: dict[str, Any] | None) -> dict[str, Any] | None:
    if stored is None:
        return None
    return turn_error(stored["message"], respelt(stored["codex_error_info"], _to_camel), None)


def _to_camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
