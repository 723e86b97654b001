"""How a turn ended, read from the two messages that say so.

May import the messages and the error catalogue. The invariant: every ending has exactly one of
three statuses, every ending but a completed one has a code, and an ending that cannot be read is a
failure, never a success (spec 07 §6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from codex_runtime.errors import RemoteProtocolError
from codex_runtime.protocol.messages import Notification, decode_json, decode_message

Status: TypeAlias = Literal["completed", "interrupted", "failed"]

TERMINAL_KINDS: Final = frozenset({"turn/completed", "error"})
"""The only methods that can end a turn."""


@dataclass(frozen=True, slots=True)
class TerminalStatus:
    """How a turn ended.

    Attributes:
        status: How.
        code: ``E_TERMINAL_…``; ``None`` exactly when the turn completed.
        error: Why, in the server's words or ours; ``None`` when the turn completed, or when it was
            interrupted and there is nothing more to say.
    """

    status: Status
    code: str | None = None
    error: str | None = None


_COMPLETED: Final = TerminalStatus("completed")


def terminal_status(message: Notification) -> TerminalStatus | None:
    """Read a turn's ending from a message.

    Args:
        message: Any notification.

    Returns:
        The ending; ``None`` for a message that ends nothing: another method, or an error after
        which the server tries again (``willRetry``).
    """
    if message.method not in TERMINAL_KINDS:
        return None
    params = None if message.params is None else decode_json(message.params)
    if message.method == "error":
        return _of_error(params)
    return _of_turn_completed(params)


def terminal_status_of_payload(kind: str, payload: str | bytes) -> TerminalStatus | None:
    """Read a turn's ending from a stored event.

    Args:
        kind: The event's kind.
        payload: The message as JSON text.

    Returns:
        The ending, as :func:`terminal_status` does; a payload that cannot be read, or that is of
        another method than ``kind``, is a failed turn (``E_TERMINAL_PAYLOAD_PARSE_FAILED``).
    """
    if kind not in TERMINAL_KINDS:
        return None
    try:
        message = decode_message(payload.encode() if isinstance(payload, str) else payload)
    except (RemoteProtocolError, UnicodeEncodeError):
        message = None
    if not isinstance(message, Notification) or message.method != kind:
        return TerminalStatus(
            "failed",
            "E_TERMINAL_PAYLOAD_PARSE_FAILED",
            f"Failed to parse payload for {kind} terminal status",
        )
    return terminal_status(message)


def _of_turn_completed(params: Any) -> TerminalStatus:
    turn = params.get("turn") if isinstance(params, dict) else None
    status = turn.get("status") if isinstance(turn, dict) else None
    if not isinstance(turn, dict) or not isinstance(status, str):
        return _malformed("turn/completed")
    if status == "completed":
        return _COMPLETED
    text = _error_text(turn.get("error"))
    if status == "interrupted":
        if turn.get("error") is None:
            # The usual shape of an interruption: nobody made a mistake, so there is no text.
            return TerminalStatus("interrupted", "E_TERMINAL_INTERRUPTED")
        return _ended("interrupted", "E_TERMINAL_INTERRUPTED", text)
    if status == "failed":
        return _ended("failed", "E_TERMINAL_FAILED", text)
    return TerminalStatus(
        "failed",
        "E_TERMINAL_STATUS_UNEXPECTED",
        f'turn/completed reported unexpected status "{status}"',
    )


def _of_error(params: Any) -> TerminalStatus | None:
    if not isinstance(params, dict):
        return _malformed("error")
    if params.get("willRetry") is True:
        return None
    text = _error_text(params.get("error"))
    if text is None:
        return TerminalStatus(
            "failed", "E_TERMINAL_ERROR_MISSING", "error event missing params.error.message"
        )
    return TerminalStatus("failed", "E_TERMINAL_FAILED", text)


def _ended(status: Literal["interrupted", "failed"], code: str, text: str | None) -> TerminalStatus:
    if text is None:
        return TerminalStatus(
            status,
            "E_TERMINAL_ERROR_MISSING",
            f"turn/completed {status} status missing error.message",
        )
    return TerminalStatus(status, code, text)


def _error_text(error: Any) -> str | None:
    text = error.get("message") if isinstance(error, dict) else None
    return text if isinstance(text, str) and text else None


def _malformed(kind: str) -> TerminalStatus:
    return TerminalStatus(
        "failed", "E_TERMINAL_MESSAGE_MALFORMED", f"{kind} message shape is invalid"
    )
