"""How a turn ended."""

from __future__ import annotations

import json

import pytest

from codex_runtime.errors import CATALOGUE
from codex_runtime.protocol.messages import Notification, decode_message
from codex_runtime.protocol.terminal import (
    TerminalStatus,
    terminal_status,
    terminal_status_of_payload,
)


def completed(**turn: object) -> str:
    return json.dumps({"method": "turn/completed", "params": {"threadId": "t", "turn": turn}})


def errored(**params: object) -> str:
    return json.dumps({"method": "error", "params": params})


MISSING = "missing error.message"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (completed(id="u", status="completed"), ("completed", None, None)),
        (
            completed(id="u", status="interrupted", error={"message": "stopped"}),
            ("interrupted", "E_TERMINAL_INTERRUPTED", "stopped"),
        ),
        (
            completed(id="u", status="interrupted", error=None),
            ("interrupted", "E_TERMINAL_INTERRUPTED", None),
        ),
        (
            completed(id="u", status="interrupted", error={"message": ""}),
            (
                "interrupted",
                "E_TERMINAL_ERROR_MISSING",
                f"turn/completed interrupted status {MISSING}",
            ),
        ),
        (
            completed(id="u", status="failed", error={"message": "boom"}),
            ("failed", "E_TERMINAL_FAILED", "boom"),
        ),
        (
            completed(id="u", status="failed", error=None),
            ("failed", "E_TERMINAL_ERROR_MISSING", f"turn/completed failed status {MISSING}"),
        ),
        (
            completed(id="u", status="inProgress"),
            (
                "failed",
                "E_TERMINAL_STATUS_UNEXPECTED",
                'turn/completed reported unexpected status "inProgress"',
            ),
        ),
        (
            completed(id="u"),
            ("failed", "E_TERMINAL_MESSAGE_MALFORMED", "turn/completed message shape is invalid"),
        ),
        (
            errored(error={"message": "boom"}, willRetry=False),
            ("failed", "E_TERMINAL_FAILED", "boom"),
        ),
        (
            errored(error={}),
            (
                "failed",
                "E_TERMINAL_ERROR_MISSING",
                "error event missing params.error.message",
            ),
        ),
        (
            '{"method":"error","params":[]}',
            ("failed", "E_TERMINAL_MESSAGE_MALFORMED", "error message shape is invalid"),
        ),
    ],
)
def test_an_ending_has_a_status_and_says_why(
    payload: str, expected: tuple[str, str | None, str | None]
) -> None:
    message = decode_message(payload.encode())
    assert isinstance(message, Notification)
    status = terminal_status(message)
    assert status == TerminalStatus(*expected)  # type: ignore[arg-type]
    assert terminal_status_of_payload(message.method, payload) == status
    assert status is not None
    assert status.code is None or status.code in CATALOGUE


def test_an_error_after_which_the_server_tries_again_ends_nothing() -> None:
    assert (
        terminal_status_of_payload("error", errored(error={"message": "x"}, willRetry=True)) is None
    )


def test_other_messages_end_nothing() -> None:
    message = decode_message(b'{"method":"turn/started","params":{"turn":{"status":"failed"}}}')
    assert isinstance(message, Notification)
    assert terminal_status(message) is None
    assert terminal_status_of_payload("item/completed", "{") is None


@pytest.mark.parametrize("kind", ["turn/completed", "error"])
@pytest.mark.parametrize(
    "payload", ["{", "5", '{"id":1,"result":{}}', '{"method":"turn/started"}', "\ud800"]
)
def test_a_payload_that_cannot_be_read_is_a_failed_turn(kind: str, payload: str) -> None:
    assert terminal_status_of_payload(kind, payload) == TerminalStatus(
        "failed",
        "E_TERMINAL_PAYLOAD_PARSE_FAILED",
        f"Failed to parse payload for {kind} terminal status",
    )
