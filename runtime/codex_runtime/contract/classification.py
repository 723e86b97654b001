"""Reading what a deployment refused: which code it is, and what that means (spec 01 §8).

May import the error catalogue and the values. The invariant: a code in the data of a
``ConvexError`` counts before any text; texts are looked through because older deployments have
nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from codex_runtime.contract.functions.ingest import RECOVERABLE_INGEST_CODES
from codex_runtime.errors import CodexRuntimeError, parse_error_code
from codex_runtime.values import convex_error_data

ThreadReadStatus: TypeAlias = Literal["missing_thread", "forbidden_thread", "forbidden_session"]

_MISSING: Final = frozenset({"E_THREAD_NOT_FOUND", "E_SYNC_SESSION_NOT_FOUND"})


@dataclass(frozen=True, slots=True)
class ThreadReadProblem:
    """Why a thread cannot be read.

    Attributes:
        thread_status: What is the matter.
        code: The code readers are told.
        message: The text.
    """

    thread_status: ThreadReadStatus
    code: str
    message: str


def code_of(error: object) -> str | None:
    """Find the code of an error.

    Args:
        error: An exception, ours or a Convex client's, or a text.

    Returns:
        Its code; ``None`` when it has none.
    """
    if isinstance(error, CodexRuntimeError):
        return error.code
    if isinstance(error, BaseException):
        data = convex_error_data(error)
        if isinstance(data, dict) and isinstance(data.get("code"), str):
            return str(data["code"])
    return parse_error_code(str(error))


def message_of(error: object) -> str:
    """Find the text of an error: the one in its data, where it has one.

    Args:
        error: As for :func:`code_of`.
    """
    if isinstance(error, BaseException):
        data = convex_error_data(error)
        if isinstance(data, dict) and isinstance(data.get("message"), str):
            return str(data["message"])
    return str(error)


def classify_thread_read_error(error: object) -> ThreadReadProblem | None:
    """Tell why a thread cannot be read.

    Args:
        error: As for :func:`code_of`.

    Returns:
        What is the matter; missing counts before forbidden; ``None`` for any other error.
    """
    code, text = code_of(error), message_of(error)
    if code in _MISSING or "Thread not found" in text:
        return ThreadReadProblem("missing_thread", "E_THREAD_NOT_FOUND", text)
    if code == "E_AUTH_THREAD_FORBIDDEN":
        return ThreadReadProblem("forbidden_thread", code, text)
    if code == "E_AUTH_SESSION_FORBIDDEN":
        return ThreadReadProblem("forbidden_session", code, text)
    return None


def is_thread_missing(error: object) -> bool:
    """Tell whether an error says that a thread is not there."""
    return _status(error) == "missing_thread"


def is_thread_forbidden(error: object) -> bool:
    """Tell whether an error says that a thread is somebody else's."""
    return _status(error) == "forbidden_thread"


def is_session_forbidden(error: object) -> bool:
    """Tell whether an error says that the caller is not who they say."""
    return _status(error) == "forbidden_session"


def is_turn_not_found(error: object) -> bool:
    """Tell whether an error says that a turn is not there."""
    return code_of(error) == "E_TURN_NOT_FOUND" or "Turn not found" in message_of(error)


def is_recoverable_ingest_error(error: object) -> bool:
    """Tell whether binding the session and trying again may help.

    Args:
        error: An error as for :func:`code_of`, an entry of a result's ``errors``, or several.
    """
    if isinstance(error, Mapping):
        return error.get("recoverable") is True or error.get("code") in RECOVERABLE_INGEST_CODES
    if isinstance(error, Sequence) and not isinstance(error, str | bytes):
        return any(map(is_recoverable_ingest_error, error))
    return code_of(error) in RECOVERABLE_INGEST_CODES


def has_recoverable_ingest_errors(errors: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether one of a result's errors says that it is recoverable."""
    return any(error.get("recoverable") is True for error in errors)


def _status(error: object) -> ThreadReadStatus | None:
    problem = classify_thread_read_error(error)
    return None if problem is None else problem.thread_status
