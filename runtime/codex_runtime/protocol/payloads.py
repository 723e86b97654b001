"""Stored payloads: whether the text of an event is what its kind says it is.

May import the messages and the mappings of items and reasoning. The invariant: a payload of a known
kind that passes can be read by every function of this package without an error; a payload of an
unknown kind always passes (spec 07 §5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_runtime.protocol.identifiers import is_request_id
from codex_runtime.protocol.messages import Notification, Request

if TYPE_CHECKING:
    from collections.abc import Callable

_Params = dict[str, Any]

_NOT_JSON_RPC: Final = "not valid JSON-RPC"


def payload_problem(kind: str, payload: str | bytes) -> str | None:
    """Say what is wrong with a stored payload.

    Args:
        kind: The event's kind.
        payload: The message as JSON text.

    Returns:
        ``None`` when it is in order or its kind is unknown; otherwise
        ``kind=<kind> payload is malformed: <detail>``.
    """
    check = _NOTIFICATIONS.get(kind) or _REQUESTS.get(kind)
    if check is None:
        return None
    message = _decode(payload)
    detail = _envelope_problem(kind, message)
    if detail is None:
        params = message.get("params")
        detail = check(params if isinstance(params, dict) else {})
    return None if detail is None else f"kind={kind} payload is malformed: {detail}"


def message_problem(message: Notification | Request) -> str | None:
    """Say what is wrong with a message that has been read already.

    The same verdict as :func:`payload_problem` of its own method and line, sooner: the deltas,
    which are most of the traffic, are judged by what has been read of them.

    Args:
        message: The message.

    Returns:
        ``None`` when it is in order or its method is unknown; otherwise the problem.
    """
    if message.method == "item/agentMessage/delta" and isinstance(message, Notification):
        head = message.head
        if head.thread_id and head.turn_id and head.item_id and head.delta is not None:
            return None
    elif message.method not in KNOWN_KINDS:
        return None
    return payload_problem(message.method, message.raw)


def _decode(payload: str | bytes) -> Any:
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def _envelope_problem(kind: str, message: Any) -> str | None:
    if not isinstance(message, dict) or ("method" not in message and "id" not in message):
        return _NOT_JSON_RPC
    method = message.get("method")
    if not isinstance(method, str):
        return "missing method"
    if method != kind:
        return f"method mismatch (got {method})"
    if kind in _REQUESTS:
        return None if is_request_id(message.get("id")) else "request is missing a string/number id"
    if "id" in message:
        return "notification unexpectedly includes id"
    if not isinstance(message.get("params"), dict):
        return "notification params are missing or invalid"
    return None


def _string(holder: Any, *path: str) -> str | None:
    for key in path:
        holder = holder.get(key) if isinstance(holder, dict) else None
    return holder if isinstance(holder, str) and holder else None


def _has_turn(params: _Params) -> bool:
    return _string(params, "threadId") is not None and _string(params, "turnId") is not None


def _turn_started(params: _Params) -> str | None:
    thread = _string(params, "threadId") or _string(params, "thread", "id")
    return (
        None if thread and _string(params, "turn", "id") else "turn/thread identifiers are missing"
    )


def _turn_completed(params: _Params) -> str | None:
    if not _string(params, "turn", "id") or not _string(params, "turn", "status"):
        return "turn object is missing id/status"
    return None if _string(params, "threadId") else "threadId is missing"


def _error(params: _Params) -> str | None:
    if _has_turn(params) and _string(params, "error", "message"):
        return None
    return "error payload is missing thread/turn/error.message"


def _item(params: _Params) -> str | None:
    if _has_turn(params) and _string(params, "item", "type") and _string(params, "item", "id"):
        return None
    return "item payload is missing thread/turn/item"


def _delta(*, index: str | None, text: bool, detail: str) -> Callable[[_Params], str | None]:
    def check(params: _Params) -> str | None:
        complete = (
            _has_turn(params)
            and _string(params, "itemId") is not None
            and (index is None or type(params.get(index)) is int)
            and (not text or isinstance(params.get("delta"), str))
        )
        return None if complete else detail

    return check


def _request(*keys: str, detail: str) -> Callable[[_Params], str | None]:
    def check(params: _Params) -> str | None:
        if not _has_turn(params):
            return "request is missing threadId/turnId"
        return None if all(_string(params, key) for key in keys) else detail

    return check


_request_with_item: Final = _request("itemId", detail="request is missing itemId")


def _user_input(params: _Params) -> str | None:
    questions = params.get("questions")
    return _request_with_item(params) or (
        None
        if isinstance(questions, list) and all(map(_is_question, questions))
        else "request questions are missing or invalid"
    )


def _is_question(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    options = value.get("options")
    return (
        all(isinstance(value.get(key), str) for key in ("id", "header", "question"))
        and all(isinstance(value.get(key), bool) for key in ("isOther", "isSecret"))
        and (options is None or (isinstance(options, list) and all(map(_is_option, options))))
    )


def _is_option(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(value.get(key), str) for key in ("label", "description")
    )


_NOTIFICATIONS: Final[dict[str, Callable[[_Params], str | None]]] = {
    "turn/started": _turn_started,
    "turn/completed": _turn_completed,
    "error": _error,
    "item/started": _item,
    "item/completed": _item,
    "item/agentMessage/delta": _delta(
        index=None, text=True, detail="agentMessage delta is missing thread/turn/itemId/delta"
    ),
    "item/reasoning/summaryTextDelta": _delta(
        index="summaryIndex", text=True, detail="reasoning summaryTextDelta payload is invalid"
    ),
    "item/reasoning/summaryPartAdded": _delta(
        index="summaryIndex", text=False, detail="reasoning summaryPartAdded payload is invalid"
    ),
    "item/reasoning/textDelta": _delta(
        index="contentIndex", text=True, detail="reasoning textDelta payload is invalid"
    ),
}

_REQUESTS: Final[dict[str, Callable[[_Params], str | None]]] = {
    "item/commandExecution/requestApproval": _request_with_item,
    "item/fileChange/requestApproval": _request_with_item,
    "item/tool/requestUserInput": _user_input,
    "item/tool/call": _request("callId", "tool", detail="request is missing callId/tool"),
}

KNOWN_KINDS: Final = frozenset(_NOTIFICATIONS) | frozenset(_REQUESTS)
"""The kinds whose payloads are looked into."""
