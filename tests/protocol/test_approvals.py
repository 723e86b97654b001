"""Approvals, as the two messages say them."""

from __future__ import annotations

import json

import pytest

from codex_runtime.errors import RemoteProtocolError
from codex_runtime.protocol.approvals import (
    ApprovalRequested,
    ApprovalResolved,
    approval_request_of,
    approval_resolution_of,
)
from codex_runtime.protocol.messages import Notification, Request, decode_message


def read(method: str, **members: object) -> Notification | Request:
    params = {"threadId": "t", "turnId": "turn:with:colons"} | members
    body = {"method": method, "params": params}
    if method.endswith("requestApproval"):
        body["id"] = 0
    message = decode_message(json.dumps(body).encode())
    assert isinstance(message, Notification | Request)
    return message


@pytest.mark.parametrize("kind", ["commandExecution", "fileChange"])
def test_a_request_asks_for_an_item_of_a_turn(kind: str) -> None:
    asked = read(f"item/{kind}/requestApproval", itemId="i", reason="because")
    assert approval_request_of(asked) == ApprovalRequested(
        "turn:with:colons",
        "i",
        kind,  # type: ignore[arg-type]
        "because",
    )
    assert approval_resolution_of(asked) is None


def test_a_reason_is_not_needed_and_an_item_is() -> None:
    method = "item/fileChange/requestApproval"
    silent = approval_request_of(read(method, itemId="i", reason=None))
    assert silent is not None
    assert silent.reason is None
    with pytest.raises(RemoteProtocolError):
        approval_request_of(read(method))


@pytest.mark.parametrize("kind", ["commandExecution", "fileChange"])
@pytest.mark.parametrize(
    ("status", "expected"),
    [("declined", "declined"), ("completed", "accepted"), ("failed", "accepted")],
)
def test_a_completed_item_tells_what_was_decided(kind: str, status: str, expected: str) -> None:
    completed = read("item/completed", item={"type": kind, "id": "i", "status": status})
    assert approval_resolution_of(completed) == ApprovalResolved(
        "turn:with:colons",
        "i",
        expected,  # type: ignore[arg-type]
    )
    assert approval_request_of(completed) is None


@pytest.mark.parametrize(
    ("method", "item"),
    [
        ("item/started", {"type": "fileChange", "id": "i", "status": "completed"}),
        ("item/completed", {"type": "fileChange", "id": "i", "status": "inProgress"}),
        ("item/completed", {"type": "agentMessage", "id": "i"}),
    ],
)
def test_other_items_decide_nothing(method: str, item: dict[str, str]) -> None:
    assert approval_resolution_of(read(method, item=item)) is None
