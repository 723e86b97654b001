"""Reading rollouts back.

May import rollouts, failures, items, settings and threads. The history of a thread is the lines of
its newest file, behind those that the file says it goes on from, and so on down to a file that
goes on from none. The invariant: a line that a crash tore is passed over, and a turn whose end was
never written reads as interrupted.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_fakes.app_server.dialect.dynamic_tools import tool_names
from codex_fakes.app_server.dialect.failures import turn_error
from codex_fakes.app_server.storage.rollout import GIT_NAMES, TOKEN_NAMES, preview_of, respelt
from codex_fakes.app_server.threads.items import from_rollout
from codex_fakes.app_server.threads.thread import StoredItem, Thread, Tokens, TurnRecord
from codex_fakes.app_server.threads.thread_settings import ThreadSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
            lines.append(msgspec.json.decode(raw, type=dict[str, Any]))
        except msgspec.DecodeError:
            # A line that a crash tore; a server that came later went on behind it.
            continue
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
        if line["type"] == "event_msg":
            moment = _milliseconds(line["timestamp"])
            _fold(thread, line["ordinal"], line["payload"], moment, own=own)
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
        git=None if git is None else {name: git[stored] for name, stored in GIT_NAMES.items()},
        tools=tool_names(meta.get("dynamic_tools", [])),
        tool_specs=meta.get("dynamic_tools", []),
        status="notLoaded",
        ordinal=line["ordinal"] + 1,
    )


def _fold(thread: Thread, ordinal: int, event: dict[str, Any], now_ms: int, *, own: bool) -> None:
    kind = event["type"]
    if kind == "task_started":
        turn_id, root = event["turn_id"], event["root_turn_id"]
        root = None if root == turn_id else root
        thread.records.append(TurnRecord(turn_id, event["started_at"], ordinal, root=root))
        if own:
            thread.recency_ms = now_ms
    elif kind == "thread_settings_applied":
        thread.settings = _settings_back(event["thread_settings"])
    elif kind == "item_completed":
        _fold_item(thread, ordinal, event, own=own)
    elif kind == "token_count":
        thread.total = _tokens_back(event["info"]["total_token_usage"])
        thread.last = _tokens_back(event["info"]["last_token_usage"])
        thread.usage_turn = event["turn_id"]
    elif kind in {"task_complete", "turn_aborted"}:
        record = next(record for record in thread.records if record.id == event["turn_id"])
        record.error = _error_back(event.get("error"))
        record.completed_at = event["completed_at"]
        record.duration_ms = event["duration_ms"]
        record.status = _ended(kind, record.error)


def _ended(kind: str, error: object) -> str:
    if kind == "turn_aborted":
        return "interrupted"
    return "completed" if error is None else "failed"


def _fold_item(thread: Thread, ordinal: int, event: dict[str, Any], *, own: bool) -> None:
    item = from_rollout(event["item"])
    if item is None:
        return
    record = next(record for record in thread.records if record.id == event["turn_id"])
    record.add(StoredItem(item, event["started_at_ms"], event["completed_at_ms"], ordinal))
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


def _settings_back(stored: dict[str, Any]) -> ThreadSettings:
    return ThreadSettings(
        cwd=stored["cwd"],
        approval_policy=stored["approval_policy"],
        sandbox=stored["sandbox_policy"],
        model=stored["model"],
        model_provider=stored["model_provider_id"],
        approvals_reviewer=stored["approvals_reviewer"],
        effort=stored["effort"],
        summary=stored["summary"],
        service_tier=stored["service_tier"],
        personality=stored["personality"],
        permission_profile=stored["permission_profile"],
        disabled_plugins=stored["disabled_plugin_ids"],
        collaboration=_collaboration_back(stored["collaboration_mode"]),
    )


def _collaboration_back(stored: dict[str, Any]) -> dict[str, Any]:
    return {
        "mode": stored["mode"],
        "instructions": stored["settings"]["developer_instructions"],
    }
