"""Whose message is it: which thread's, which turn's, or everybody's."""

from __future__ import annotations

import json

import pytest

from codex_runtime.errors import RemoteProtocolError
from codex_runtime.protocol.classification import (
    Classification,
    classify,
    stream_id_of,
    turn_id_of,
)
from codex_runtime.protocol.messages import Message, decode_message


def message(method: str, params: object = None, **members: object) -> Message:
    body = {"method": method, **({} if params is None else {"params": params}), **members}
    return decode_message(json.dumps(body).encode())


def test_a_turn_event_belongs_to_its_thread_and_turn() -> None:
    event = message("turn/completed", {"threadId": "thread-1", "turn": {"id": "turn-9"}})
    assert classify(event) == Classification("conversation", "turn/completed", "thread-1", "turn-9")


def test_a_thread_may_be_named_by_the_thread_object() -> None:
    event = message("thread/started", {"thread": {"id": "thread-1", "turns": []}})
    assert classify(event) == Classification("conversation", "thread/started", "thread-1")


@pytest.mark.parametrize(
    ("method", "params", "turn"),
    [
        ("turn/started", {"threadId": "t", "turn": {"id": "u"}}, "u"),
        ("item/started", {"threadId": "t", "turnId": "u", "item": {}}, "u"),
        ("item/agentMessage/delta", {"threadId": "t", "turnId": "u"}, "u"),
        ("thread/tokenUsage/updated", {"threadId": "t", "turnId": "u"}, "u"),
        ("error", {"threadId": "t", "turnId": "u"}, "u"),
        ("item/tool/call", {"threadId": "t", "turnId": "u"}, "u"),
        ("thread/goal/updated", {"threadId": "t", "turnId": None}, None),
        ("thread/status/changed", {"threadId": "t", "turnId": "u"}, None),
        ("item/started", {"threadId": "t", "turn_id": "u"}, None),
        ("something/new", {"threadId": "t", "turnId": "u"}, None),
        ("turn/started", {"threadId": "t", "turnId": "u"}, None),
    ],
)
def test_only_a_method_known_to_carry_a_turn_id_has_one(
    method: str, params: dict[str, object], turn: str | None
) -> None:
    assert turn_id_of(message(method, params)) == turn
    assert classify(message(method, params)).turn_id == turn


@pytest.mark.parametrize("method", ["session/heartbeat", "account/updated", "warning"])
def test_a_message_without_a_thread_is_everybodys(method: str) -> None:
    assert classify(message(method)) == Classification("global", method)
    assert classify(message(method, {"threadId": None})) == Classification("global", method)


@pytest.mark.parametrize(
    "method",
    [
        "item/started",
        "turn/started",
        "thread/anything/new",
        "rawResponseItem/completed",
        "applyPatchApproval",
        "execCommandApproval",
    ],
)
@pytest.mark.parametrize("params", [{}, {"threadId": 5}, {"threadId": ""}, {"thread": "x"}, []])
def test_a_conversations_message_without_a_thread_id_is_an_error(
    method: str, params: object
) -> None:
    with pytest.raises(
        RemoteProtocolError, match=rf"message missing threadId \(kind={method}\)"
    ) as caught:
        classify(message(method, params))
    assert caught.value.code == "E_PROTOCOL_THREAD_ID_MISSING"


def test_an_id_of_the_wrong_type_does_not_hide_the_others() -> None:
    event = message("item/started", {"threadId": "t", "turnId": 7, "thread": []})
    assert classify(event) == Classification("conversation", "item/started", "t")


@pytest.mark.parametrize("method", ["applyPatchApproval", "execCommandApproval"])
def test_a_legacy_approval_names_its_thread_conversation(method: str) -> None:
    asked = message(method, {"conversationId": "t", "callId": "c"}, id=1)
    assert classify(asked) == Classification("conversation", method, "t")


def test_the_thread_id_wins_over_the_conversation_id() -> None:
    event = message("turn/started", {"threadId": "t", "conversationId": "c", "turn": {"id": "u"}})
    assert classify(event).thread_id == "t"


def test_responses_are_everybodys() -> None:
    for line in (
        b'{"id":1,"result":{"threadId":"t"}}',
        b'{"id":1,"error":{"code":1,"message":""}}',
    ):
        assert classify(decode_message(line)) == Classification("global", "response")
        assert turn_id_of(decode_message(line)) is None


def test_the_wire_carries_no_stream_id() -> None:
    assert stream_id_of(message("item/started", {"threadId": "t", "streamId": "s"})) is None
