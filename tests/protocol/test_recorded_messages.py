"""Everything the real app-server was recorded saying goes through the protocol layer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codex_runtime.protocol.classification import classify
from codex_runtime.protocol.inbound import InboundStream
from codex_runtime.protocol.items import message_of, snapshot_of, text_delta_of
from codex_runtime.protocol.messages import ErrorResponse, Notification, Request, Response
from codex_runtime.protocol.methods import SERVER_METHODS
from codex_runtime.protocol.payloads import payload_problem
from codex_runtime.protocol.reasoning import reasoning_delta_of
from codex_runtime.protocol.server_requests import read_server_request
from codex_runtime.protocol.terminal import terminal_status

RECORDINGS = sorted((Path(__file__).parents[1] / "recordings").glob("*.jsonl"))


def said_by_the_server(recording: Path) -> bytes:
    rows = map(json.loads, recording.read_text().splitlines())
    said = [row["msg"] for row in rows if row["dir"] == "s2c" and row.get("msg") is not None]
    return b"".join(json.dumps(message).encode() + b"\n" for message in said)


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_every_recorded_message_is_understood(recording: Path) -> None:
    arrivals = InboundStream().feed(said_by_the_server(recording))
    assert arrivals
    for message in arrivals:
        assert isinstance(message, Notification | Request | Response | ErrorResponse), message
        if not isinstance(message, Notification | Request):
            continue
        method = SERVER_METHODS[message.method]
        found = classify(message)
        if method.thread_id in ("required", "nested"):
            assert found.scope == "conversation"
        if method.turn_id in ("required", "nested"):
            assert found.turn_id is not None
        assert payload_problem(message.method, message.raw) is None
        made, snapshot = message_of(message), snapshot_of(message)
        assert (made is None) is (message.method not in MAKES_A_MESSAGE)
        assert snapshot is None or made is not None
        if isinstance(message, Request):
            assert read_server_request(message) is not None
            continue
        assert message.emitted_at_ms is not None
        text_delta_of(message)
        reasoning_delta_of(message)
        if message.method == "turn/completed":
            assert terminal_status(message) is not None


MAKES_A_MESSAGE = {
    "item/started",
    "item/completed",
    "item/tool/call",
    "item/tool/requestUserInput",
}


def test_a_recorded_failure_and_a_recorded_retry_are_told_apart() -> None:
    def endings(name: str) -> list[str]:
        path = next(path for path in RECORDINGS if path.stem.startswith(name))
        arrivals = InboundStream().feed(said_by_the_server(path))
        found = [terminal_status(m) for m in arrivals if isinstance(m, Notification)]
        return [status.status for status in found if status is not None]

    assert endings("12d_fail_disconnect_midstream_no_retry")[:2] == ["failed", "failed"]
    assert endings("12e_fail_disconnect_midstream_retry_ok")[0] == "completed"
