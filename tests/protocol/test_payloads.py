"""Stored payloads: what is wrong with them, in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_runtime.protocol.classification import classify
from codex_runtime.protocol.items import message_of, snapshot_of, text_delta_of
from codex_runtime.protocol.messages import Notification, Request, decode_message
from codex_runtime.protocol.payloads import KNOWN_KINDS, message_problem, payload_problem
from codex_runtime.protocol.reasoning import reasoning_delta_of
from codex_runtime.protocol.terminal import terminal_status

QUESTION = {"id": "q", "header": "h", "question": "?", "isOther": True, "isSecret": False}
TURN = {"threadId": "t", "turnId": "u"}

VALID: dict[str, dict[str, Any]] = {
    "turn/started": {"threadId": "t", "turn": {"id": "u"}},
    "turn/completed": {"threadId": "t", "turn": {"id": "u", "status": "completed"}},
    "error": TURN | {"error": {"message": "m"}},
    "item/started": TURN | {"item": {"type": "plan", "id": "i"}},
    "item/completed": TURN | {"item": {"type": "plan", "id": "i"}},
    "item/agentMessage/delta": TURN | {"itemId": "i", "delta": ""},
    "item/reasoning/summaryTextDelta": TURN | {"itemId": "i", "summaryIndex": 0, "delta": "d"},
    "item/reasoning/summaryPartAdded": TURN | {"itemId": "i", "summaryIndex": 0},
    "item/reasoning/textDelta": TURN | {"itemId": "i", "contentIndex": 0, "delta": "d"},
    "item/commandExecution/requestApproval": TURN | {"itemId": "i"},
    "item/fileChange/requestApproval": TURN | {"itemId": "i"},
    "item/tool/requestUserInput": TURN | {"itemId": "i", "questions": [QUESTION]},
    "item/tool/call": TURN | {"callId": "c", "tool": "lookup"},
}
REQUESTS = {kind for kind in VALID if "request" in kind or kind == "item/tool/call"}


def payload(kind: str, params: object, **members: object) -> str:
    request_id = {"id": 1} if kind in REQUESTS else {}
    return json.dumps({"method": kind, **request_id, "params": params, **members})


def test_every_known_kind_has_an_example_here() -> None:
    assert set(VALID) == KNOWN_KINDS


@pytest.mark.parametrize("kind", sorted(VALID))
def test_a_well_formed_payload_passes(kind: str) -> None:
    assert payload_problem(kind, payload(kind, VALID[kind])) is None
    assert payload_problem(kind, payload(kind, VALID[kind]).encode()) is None


def without(params: dict[str, Any], *path: str) -> dict[str, Any]:
    copy = json.loads(json.dumps(params))
    holder = copy
    for key in path[:-1]:
        holder = holder[key]
    del holder[path[-1]]
    return copy  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("kind", "path", "detail"),
    [
        ("turn/started", ("threadId",), "turn/thread identifiers are missing"),
        ("turn/started", ("turn", "id"), "turn/thread identifiers are missing"),
        ("turn/completed", ("turn", "status"), "turn object is missing id/status"),
        ("turn/completed", ("turn", "id"), "turn object is missing id/status"),
        ("turn/completed", ("threadId",), "threadId is missing"),
        ("error", ("error", "message"), "error payload is missing thread/turn/error.message"),
        ("error", ("turnId",), "error payload is missing thread/turn/error.message"),
        ("item/started", ("item", "type"), "item payload is missing thread/turn/item"),
        ("item/completed", ("item",), "item payload is missing thread/turn/item"),
        (
            "item/agentMessage/delta",
            ("delta",),
            "agentMessage delta is missing thread/turn/itemId/delta",
        ),
        (
            "item/reasoning/summaryTextDelta",
            ("summaryIndex",),
            "reasoning summaryTextDelta payload is invalid",
        ),
        (
            "item/reasoning/summaryPartAdded",
            ("itemId",),
            "reasoning summaryPartAdded payload is invalid",
        ),
        (
            "item/reasoning/textDelta",
            ("contentIndex",),
            "reasoning textDelta payload is invalid",
        ),
        (
            "item/commandExecution/requestApproval",
            ("turnId",),
            "request is missing threadId/turnId",
        ),
        ("item/commandExecution/requestApproval", ("itemId",), "request is missing itemId"),
        ("item/fileChange/requestApproval", ("itemId",), "request is missing itemId"),
        ("item/tool/requestUserInput", ("itemId",), "request is missing itemId"),
        (
            "item/tool/requestUserInput",
            ("questions",),
            "request questions are missing or invalid",
        ),
        ("item/tool/call", ("tool",), "request is missing callId/tool"),
        ("item/tool/call", ("callId",), "request is missing callId/tool"),
    ],
)
def test_what_is_missing_is_named(kind: str, path: tuple[str, ...], detail: str) -> None:
    problem = payload_problem(kind, payload(kind, without(VALID[kind], *path)))
    assert problem == f"kind={kind} payload is malformed: {detail}"


@pytest.mark.parametrize(
    ("kind", "text", "detail"),
    [
        ("turn/started", "{", "not valid JSON-RPC"),
        ("turn/started", "[]", "not valid JSON-RPC"),
        ("turn/started", "{}", "not valid JSON-RPC"),
        ("turn/started", "\ud800", "not valid JSON-RPC"),
        ("turn/started", '{"id":1}', "missing method"),
        ("turn/started", '{"method":"error"}', "method mismatch (got error)"),
        ("turn/started", '{"method":"turn/started"}', "notification params are missing or invalid"),
        (
            "turn/started",
            '{"method":"turn/started","id":1,"params":{}}',
            "notification unexpectedly includes id",
        ),
        (
            "item/tool/call",
            '{"method":"item/tool/call","params":{}}',
            "request is missing a string/number id",
        ),
        (
            "item/tool/call",
            '{"method":"item/tool/call","id":true}',
            "request is missing a string/number id",
        ),
        (
            "item/tool/call",
            '{"method":"item/tool/call","id":"x"}',
            "request is missing threadId/turnId",
        ),
    ],
)
def test_an_envelope_that_does_not_fit_its_kind_is_named(kind: str, text: str, detail: str) -> None:
    assert payload_problem(kind, text) == f"kind={kind} payload is malformed: {detail}"


@pytest.mark.parametrize(
    "broken",
    [
        {"id": 5},
        {"isOther": "yes"},
        {"isSecret": None},
        {"options": "x"},
        {"options": [{"label": "l"}]},
        {"header": None},
    ],
)
def test_a_question_must_be_whole(broken: dict[str, object]) -> None:
    params = VALID["item/tool/requestUserInput"] | {"questions": [QUESTION | broken]}
    problem = payload_problem(
        "item/tool/requestUserInput", payload("item/tool/requestUserInput", params)
    )
    assert problem is not None
    assert problem.endswith("request questions are missing or invalid")


def test_options_may_be_absent_null_or_whole() -> None:
    kind = "item/tool/requestUserInput"
    for options in ({}, {"options": None}, {"options": [{"label": "l", "description": "d"}]}):
        params = VALID[kind] | {"questions": [QUESTION | options]}
        assert payload_problem(kind, payload(kind, params)) is None


@pytest.mark.parametrize("text", ["", "{", "null", '{"method":"x"}'])
def test_an_unknown_kind_always_passes(text: str) -> None:
    assert payload_problem("thread/started", text) is None


FRACTIONS = st.floats(allow_nan=False, allow_infinity=False)
SCRAPS = st.none() | st.booleans() | st.integers(-1, 1) | FRACTIONS | st.sampled_from(["", "x"])


@given(data=st.data(), kind=st.sampled_from(sorted(VALID)))
def test_what_passes_can_be_read_by_everything_else(data: st.DataObject, kind: str) -> None:
    params = dict(VALID[kind])
    for key in data.draw(st.lists(st.sampled_from(sorted(params)))):
        params[key] = data.draw(SCRAPS | st.fixed_dictionaries({"id": SCRAPS, "type": SCRAPS}))
    text = payload(kind, params)
    problem = payload_problem(kind, text)
    message = decode_message(text.encode())
    assert isinstance(message, Notification | Request)
    assert message_problem(message) == problem
    if problem is not None:
        return
    classify(message)
    message_of(message)
    snapshot_of(message)
    if isinstance(message, Notification):
        terminal_status(message)
        text_delta_of(message)
        reasoning_delta_of(message)
