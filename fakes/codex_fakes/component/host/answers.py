"""Making a safe answer: what a reader gets of a conversation that is not there, or not theirs.

May import the contract and the calls. The invariant: a safe answer has every field of a full one,
so that who reads it needs no second case (spec 05 §6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_runtime.contract.classification import classify_thread_read_error
from codex_runtime.contract.limits import HISTORY_LATEST
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.values import ConvexError

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_fakes.component.host.calls import Call
    from codex_fakes.component.rows import Row


def safely(call: Call, empty: Row, read: Callable[[str], Row]) -> Row:
    """Read something of the call's conversation, or say why there is nothing to read.

    Args:
        call: The call.
        empty: The fields of an answer with nothing in it.
        read: Reads it, given the thread.

    Returns:
        The answer, with its ``threadStatus``.
    """
    try:
        thread_id = call.thread()
        if thread_id is None:
            conversation = call.args["conversationId"]
            return _unsafe(empty, "missing_thread", "E_THREAD_NOT_FOUND", conversation)
        return {"threadStatus": "ok", **read(thread_id)}
    except (ConvexError, CodexRuntimeError) as error:
        problem = classify_thread_read_error(error)
        if problem is None:
            raise
        told = {
            "threadStatus": problem.thread_status,
            "code": problem.code,
            "message": problem.message,
        }
        return {**told, **empty}


def _unsafe(empty: Row, status: str, code: str, conversation: str) -> Row:
    message = f"[{code}] Thread not found: {conversation}"
    return {"threadStatus": status, "code": code, "message": message, **empty}


def persistence_stats(state: Row) -> Row:
    """Count how much of a thread streams; a row that is none is left out.

    Args:
        state: What ``threads.getState`` gives, or what somebody made of it.

    Returns:
        ``streamCount``, ``deltaCount`` and ``latestCursorByStream``.
    """
    stats = [stat for stat in _rows(state, "streamStats") if _is_stat(stat)]
    return {
        "streamCount": len(stats),
        "deltaCount": sum(stat["deltaCount"] for stat in stats),
        "latestCursorByStream": [
            {"streamId": stat["streamId"], "cursor": stat["latestCursor"]} for stat in stats
        ],
    }


def durable_history_stats(state: Row) -> Row:
    """Count what of a thread is kept.

    Args:
        state: As for :func:`persistence_stats`.

    Returns:
        ``messageCountInPage`` and the ``latest`` messages.
    """
    messages = _rows(state, "recentMessages")
    shown = ("messageId", "turnId", "role", "status", "text")
    return {
        "messageCountInPage": len(messages),
        "latest": [
            {name: message[name] for name in shown} for message in messages[:HISTORY_LATEST]
        ],
    }


def data_hygiene(state: Row) -> Row:
    """Find the stats of a thread whose streams are gone.

    Args:
        state: As for :func:`persistence_stats`.

    Returns:
        ``scannedStreamStats``, ``streamStatOrphans`` and ``orphanStreamIds``.
    """
    streams = {stream["streamId"] for stream in _rows(state, "allStreams")}
    stats = [stat["streamId"] for stat in _rows(state, "streamStats")]
    orphans = [stream_id for stream_id in stats if stream_id not in streams]
    return {
        "scannedStreamStats": len(stats),
        "streamStatOrphans": len(orphans),
        "orphanStreamIds": orphans,
    }


def _rows(state: Row, name: str) -> list[Any]:
    rows = state.get(name)
    if not isinstance(rows, list):
        return []
    return [row for row in rows if isinstance(row, dict) and _is_named(row)]


def _is_named(row: Row) -> bool:
    return isinstance(row.get("streamId"), str) or isinstance(row.get("messageId"), str)


def _is_stat(stat: Row) -> bool:
    numbers = (stat.get("deltaCount"), stat.get("latestCursor"))
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers)
