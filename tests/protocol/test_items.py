"""Items become messages; reasoning becomes deltas."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_runtime.errors import RemoteProtocolError
from codex_runtime.protocol.items import (
    TextDelta,
    message_of,
    snapshot_of,
    text_delta_of,
    text_of,
)
from codex_runtime.protocol.messages import Notification, Request, decode_message
from codex_runtime.protocol.reasoning import ReasoningDelta, reasoning_delta_of

IDS = {"threadId": "t", "turnId": "u"}


def event(method: str, **params: object) -> Notification:
    decoded = decode_message(json.dumps({"method": method, "params": IDS | params}).encode())
    assert isinstance(decoded, Notification)
    return decoded


def asked(method: str, **params: object) -> Request:
    body = {"id": 0, "method": method, "params": IDS | params}
    decoded = decode_message(json.dumps(body).encode())
    assert isinstance(decoded, Request)
    return decoded


@pytest.mark.parametrize(
    ("item", "role", "text"),
    [
        (
            {
                "type": "userMessage",
                "content": [
                    {"type": "text", "text": "look "},
                    {"type": "image", "url": "http://x"},
                    {"type": "localImage", "path": "/p"},
                    {"type": "skill", "name": "s", "path": "/s"},
                    {"type": "mention", "name": "m", "path": "/m"},
                    {"type": "from the future"},
                ],
            },
            "user",
            "look \n[image] http://x\n[localImage] /p\n[skill] s (/s)\n[mention] m (/m)",
        ),
        ({"type": "agentMessage", "text": " hello "}, "assistant", " hello "),
        ({"type": "plan", "text": "steps"}, "assistant", "steps"),
        (
            {"type": "reasoning", "summary": ["a", "b"], "content": ["c"]},
            "assistant",
            "a\nb\nc",
        ),
        ({"type": "reasoning"}, "assistant", ""),
        ({"type": "commandExecution", "command": "ls"}, "tool", "ls"),
        ({"type": "fileChange", "changes": [{}, {}]}, "tool", "File changes: 2"),
        ({"type": "mcpToolCall", "server": "s", "tool": "t"}, "tool", "s/t"),
        ({"type": "mcpToolCall", "server": "s", "error": {"message": "no"}}, "tool", "no"),
        ({"type": "dynamicToolCall", "tool": "lookup"}, "tool", "lookup"),
        (
            {"type": "collabAgentToolCall", "tool": "spawn", "status": "completed"},
            "tool",
            "spawn (completed)",
        ),
        ({"type": "webSearch", "query": "q"}, "tool", "q"),
        ({"type": "imageView", "path": "/i"}, "system", "/i"),
        ({"type": "enteredReviewMode", "review": "r"}, "system", "r"),
        ({"type": "exitedReviewMode", "review": "r"}, "system", "r"),
        ({"type": "contextCompaction"}, "system", "Context compaction"),
        ({"type": "somethingNew", "text": "x"}, "system", ""),
    ],
)
def test_every_item_has_a_voice_and_a_text(item: dict[str, object], role: str, text: str) -> None:
    item = item | {"id": "item-1"}
    message = message_of(event("item/completed", item=item))
    assert message is not None
    assert (message.role, message.text, message.status) == (role, text, "completed")
    assert message.source_item_type == item["type"]
    assert json.loads(message.payload_json) == item


@given(
    st.dictionaries(
        st.sampled_from(["text", "content", "summary", "changes", "error", "command", "query"]),
        st.none()
        | st.integers()
        | st.lists(st.none() | st.dictionaries(st.just("type"), st.none())),
    ),
    st.sampled_from(["userMessage", "agentMessage", "reasoning", "fileChange", "mcpToolCall", "x"]),
)
def test_nothing_an_item_lacks_is_an_error(item: dict[str, object], kind: str) -> None:
    assert isinstance(text_of(item | {"type": kind}), str)


@pytest.mark.parametrize("kind", ["commandExecution", "fileChange", "dynamicToolCall"])
@pytest.mark.parametrize(
    ("status", "expected"),
    [("completed", "completed"), ("failed", "failed"), ("declined", "interrupted")],
)
def test_a_completed_action_shows_how_it_went(kind: str, status: str, expected: str) -> None:
    item = {"type": kind, "id": "i", "status": status}
    message = message_of(event("item/completed", item=item))
    assert message is not None
    assert message.status == expected


def test_a_started_item_is_a_streaming_message_and_a_snapshot_in_progress() -> None:
    started = event("item/started", item={"type": "agentMessage", "id": "m", "text": "hello"})
    message, snapshot = message_of(started), snapshot_of(started)
    assert message is not None
    assert snapshot is not None
    assert (message.message_id, message.status, message.text) == ("m", "streaming", "hello")
    assert (snapshot.item_id, snapshot.item_type, snapshot.status) == (
        "m",
        "agentMessage",
        "inProgress",
    )


def test_a_snapshot_keeps_the_items_own_status_and_text() -> None:
    item = b'{"type":"fileChange", "id":"i","status":"declined"}'
    decoded = decode_message(b'{"method":"item/completed","params":{"item":' + item + b"}}")
    assert isinstance(decoded, Notification)
    snapshot = snapshot_of(decoded)
    assert snapshot is not None
    assert snapshot.status == "declined"
    assert snapshot.payload_json == item.decode()


def test_a_tool_call_and_a_question_stand_as_messages_of_the_tool() -> None:
    call = message_of(asked("item/tool/call", callId="c", tool="lookup", arguments={}))
    question = message_of(asked("item/tool/requestUserInput", itemId="q", questions=[]))
    assert call is not None
    assert question is not None
    assert (call.message_id, call.role, call.status, call.text, call.source_item_type) == (
        "c",
        "tool",
        "completed",
        "lookup",
        "dynamicToolCall",
    )
    assert json.loads(call.payload_json) == {"type": "dynamicToolCall", "id": "c", "tool": "lookup"}
    assert (question.message_id, question.text, question.source_item_type) == (
        "q",
        "Tool requested user input",
        "toolUserInputRequest",
    )


@pytest.mark.parametrize("item", [None, {}, {"type": "x"}, {"id": "x"}, {"type": 1, "id": "x"}])
def test_an_item_without_type_or_id_is_a_coded_error(item: object) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        message_of(event("item/started", item=item))
    assert caught.value.code == "E_PROTOCOL_PAYLOAD_INVALID"


def test_a_text_delta_names_its_message() -> None:
    assert text_delta_of(event("item/agentMessage/delta", itemId="m", delta="hel")) == TextDelta(
        "m", "hel"
    )
    assert text_delta_of(event("item/plan/delta", itemId="m", delta="hel")) is None


def test_reasoning_comes_as_summary_text_section_breaks_and_raw_text() -> None:
    summary = event("item/reasoning/summaryTextDelta", itemId="r", summaryIndex=0, delta="a")
    section = event("item/reasoning/summaryPartAdded", itemId="r", summaryIndex=1)
    raw = event("item/reasoning/textDelta", itemId="r", contentIndex=2, delta="b")
    assert reasoning_delta_of(summary) == ReasoningDelta(
        "r", "summary", "textDelta", summary_index=0, delta="a"
    )
    assert reasoning_delta_of(section) == ReasoningDelta(
        "r", "summary", "sectionBreak", summary_index=1
    )
    assert reasoning_delta_of(raw) == ReasoningDelta(
        "r", "raw", "textDelta", content_index=2, delta="b"
    )
    assert reasoning_delta_of(event("item/agentMessage/delta", itemId="m", delta="x")) is None


def test_messages_that_carry_no_item_make_no_message() -> None:
    assert message_of(event("turn/started", turn={})) is None
    assert snapshot_of(event("turn/started", turn={})) is None
