"""What we send, checked before it is sent.

May import the method tables, the typed params and answers, and the error catalogue. The invariant:
nothing leaves that the server would not understand; in particular no method it does not have, and
no answer that the request's method does not allow (spec 07 §4, with its ``Better``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_runtime.errors import LocalProtocolError
from codex_runtime.protocol.answers import ANSWERS, Answer
from codex_runtime.protocol.identifiers import RequestId, is_request_id, is_uuid_like_thread_id
from codex_runtime.protocol.messages import RpcError
from codex_runtime.protocol.methods import CLIENT_METHODS, CLIENT_NOTIFICATIONS, LEGACY_METHODS
from codex_runtime.protocol.params import PARAMS

if TYPE_CHECKING:
    from collections.abc import Mapping

INVALID_THREAD_ID: Final = (
    "Invalid threadId for app-server request. Expected UUID format. "
    "Resolve thread IDs through threads.resolve before turn/start."
)


class ClientRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request on its way out."""

    id: RequestId
    method: str
    params: Any = None


class ClientNotification(msgspec.Struct, frozen=True):
    """A notification on its way out."""

    method: str


class ClientAnswer(msgspec.Struct, frozen=True):
    """The answer to a server's request, on its way out."""

    id: RequestId
    result: Any


class ClientRefusal(msgspec.Struct, frozen=True):
    """The refusal of a server's request, on its way out."""

    id: RequestId
    error: RpcError


class _Refusal(msgspec.Struct):
    """The shape of a refusal's error; what its data is does not matter."""

    code: int
    message: str


def check_method(method: str) -> None:
    """Check that the server has a method.

    Args:
        method: The method of a request.

    Raises:
        LocalProtocolError: ``E_PROTOCOL_METHOD_UNKNOWN``; for a method of the first protocol the
            text names its successor.
    """
    if method in CLIENT_METHODS:
        return
    successor = LEGACY_METHODS.get(method)
    hint = f": it became {successor}" if successor else ""
    raise LocalProtocolError(
        "E_PROTOCOL_METHOD_UNKNOWN",
        f"Invalid outbound codex client message: the app-server has no method {method!r}{hint}",
    )


def check_thread_id(thread_id: str) -> str:
    """Check that a thread id has the form of one.

    Args:
        thread_id: The id.

    Returns:
        The id.

    Raises:
        LocalProtocolError: ``E_PROTOCOL_THREAD_ID_INVALID``.
    """
    if not is_uuid_like_thread_id(thread_id):
        raise LocalProtocolError("E_PROTOCOL_THREAD_ID_INVALID", INVALID_THREAD_ID)
    return thread_id


def check_outbound(message: Mapping[str, Any]) -> None:
    """Check a message that was not made by a builder.

    Args:
        message: A request, a notification, an answer or a refusal, as plain values.

    Raises:
        LocalProtocolError: ``E_PROTOCOL_OUTBOUND_INVALID`` or ``E_PROTOCOL_METHOD_UNKNOWN``; the
            text names what is wrong.
    """
    if "method" in message:
        if "id" in message:
            _check_request(message)
        else:
            _check_notification(message)
    elif "id" in message:
        _check_answer(message)
    else:
        raise _invalid("/: there is neither a method nor an id")


def _check_request(message: Mapping[str, Any]) -> None:
    method = message["method"]
    if not isinstance(method, str):
        raise _invalid("/method: is no string")
    _check_id(message["id"])
    check_method(method)
    params = message.get("params")
    if params is None:
        if CLIENT_METHODS[method].params == "required":
            raise _invalid(f"/params: are missing, and {method} needs them")
    elif not isinstance(params, dict):
        raise _invalid("/params: are no object")
    elif method in PARAMS:
        _convert(params, PARAMS[method], "/params")


def _check_notification(message: Mapping[str, Any]) -> None:
    if message["method"] not in CLIENT_NOTIFICATIONS:
        raise _invalid(f"/method: the app-server takes no notification {message['method']!r}")


def _check_answer(message: Mapping[str, Any]) -> None:
    _check_id(message["id"])
    if "error" in message:
        if "result" in message:
            raise _invalid("/: there are a result and an error")
        _convert(message["error"], _Refusal, "/error")
        return
    if "result" not in message:
        raise _invalid("/: there is neither a result nor an error")
    problems = [_problem(message["result"], kind) for kind in dict.fromkeys(ANSWERS.values())]
    if all(problems):
        raise _invalid("; ".join(f"/result: {problem}" for problem in problems if problem))


def check_answer(method: str, result: Answer | Mapping[str, Any]) -> None:
    """Check an answer against the request it answers.

    Args:
        method: The method of the server's request.
        result: The answer.

    Raises:
        LocalProtocolError: ``E_PROTOCOL_OUTBOUND_INVALID``.
    """
    kind = ANSWERS.get(method)
    if kind is None:
        raise _invalid(f"/method: no answer to {method!r} is known; refuse it with an error")
    plain = msgspec.to_builtins(result) if isinstance(result, msgspec.Struct) else result
    _convert(plain, kind, "/result")


def _check_id(value: object) -> None:
    if not is_request_id(value):
        raise _invalid(f"/id: {value!r} is neither a string nor a 64-bit integer")


def _convert(value: object, kind: Any, place: str) -> None:
    problem = _problem(value, kind)
    if problem:
        raise _invalid(f"{place}: {problem}")


def _problem(value: object, kind: Any) -> str | None:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return str(error)
    return None


def _invalid(details: str) -> LocalProtocolError:
    return LocalProtocolError(
        "E_PROTOCOL_OUTBOUND_INVALID", f"Invalid outbound codex client message: {details}"
    )
