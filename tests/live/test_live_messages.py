"""What a person reads: stored messages, and what is still being streamed of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_runtime.errors import LocalProtocolError
from codex_runtime.live.messages import (
    STATUS_RANK,
    DurableMessage,
    UIMessage,
    merge_messages,
    preferred_text,
    to_ui_message,
)
from codex_runtime.live.overlay import (
    OverlayMessage,
    StreamDelta,
    message_overlay,
    reasoning_overlay,
)
from codex_runtime.live.reasoning import ReasoningSegment, aggregate_segments


def row(text: str = "", status: Any = "completed", **fields: Any) -> DurableMessage:
    defaults: dict[str, Any] = {
        "message_id": "m",
        "turn_id": "u",
        "role": "assistant",
        "order_in_turn": 0,
        "created_at": 10,
        "updated_at": 20,
    }
    return DurableMessage(text=text, status=status, **(defaults | fields))


def delta(cursor_end: int, method: str, **params: Any) -> StreamDelta:
    params = {"threadId": "t", "turnId": "u"} | params
    payload = json.dumps({"method": method, "params": params})
    return StreamDelta(cursor_end=cursor_end, payload_json=payload)


def text(cursor_end: int, piece: str, message: str = "m") -> StreamDelta:
    return delta(cursor_end, "item/agentMessage/delta", itemId=message, delta=piece)


def item(cursor_end: int, method: str, said: str, **fields: Any) -> StreamDelta:
    made = {"type": "agentMessage", "id": "m", "text": said} | fields
    return delta(cursor_end, method, item=made)


def shown(durable: list[DurableMessage], *deltas: StreamDelta) -> list[tuple[str, str]]:
    return [(message.text, message.status) for message in merge_messages(durable, deltas)]


def test_a_completed_message_is_shown_as_it_is_stored() -> None:
    assert shown([row("done")]) == [("done", "completed")]
    assert shown([row("done")], text(1, "something else entirely")) == [("done", "completed")]


def test_a_delta_continues_a_streaming_message() -> None:
    assert shown([row("hello", "streaming")], text(1, " world")) == [("hello world", "streaming")]


def test_a_completed_item_completes_a_streaming_message() -> None:
    (message,) = merge_messages([row("do", "streaming")], [item(1, "item/completed", "done")])
    assert (message.text, message.status, message.completed_at) == ("done", "completed", 20)


@pytest.mark.parametrize("message_id", [None, ""])
def test_a_row_without_an_id_is_not_shown(message_id: str | None) -> None:
    lost = row("lost", message_id=message_id)
    assert shown([lost, row("kept")]) == [("kept", "completed")]
    with pytest.raises(LocalProtocolError, match="requires durable messageId") as caught:
        to_ui_message(lost)
    assert caught.value.code == "E_LIVE_MESSAGE_ID_MISSING"


def test_a_message_that_is_only_streamed_is_not_shown() -> None:
    assert shown([row("a")], text(1, "new", message="other")) == [("a", "completed")]


def test_deltas_count_in_the_order_of_their_cursors() -> None:
    deltas = [text(3, "c"), text(1, "a"), text(2, "b")]
    assert message_overlay(deltas) == {("u", "m"): OverlayMessage("abc")}


def test_the_same_message_id_in_another_turn_is_another_message() -> None:
    other = StreamDelta(cursor_end=1, payload_json=text(1, "x").payload_json.replace('"u"', '"v"'))
    rows = [row("a", "streaming"), row("b", "streaming", turn_id="v", created_at=11)]
    assert shown(rows, other) == [("a", "streaming"), ("x", "streaming")]


def test_a_late_start_keeps_the_status_and_an_error_fails_the_turns_messages() -> None:
    late = [item(1, "item/completed", "done"), item(2, "item/started", "")]
    assert message_overlay(late) == {("u", "m"): OverlayMessage("", "completed")}
    failed = [text(1, "half"), delta(2, "error", error={"message": "boom"}, willRetry=False)]
    assert message_overlay(failed) == {("u", "m"): OverlayMessage("half", "failed", "boom")}


def test_an_error_that_is_tried_again_fails_nothing() -> None:
    retried = [text(1, "half"), delta(2, "error", error={"message": "x"}, willRetry=True)]
    assert message_overlay(retried) == {("u", "m"): OverlayMessage("half")}


@pytest.mark.parametrize("payload", ["{", "\ud800", '{"id":1,"result":{}}', '{"method":"error"}'])
def test_a_delta_that_cannot_be_read_changes_nothing(payload: str) -> None:
    broken = StreamDelta(cursor_end=2, payload_json=payload, turn_id=None)
    assert message_overlay([text(1, "a"), broken]) == {("u", "m"): OverlayMessage("a")}
    assert reasoning_overlay([broken]) == {}


def test_items_that_are_no_message_of_the_model_change_nothing() -> None:
    command = item(1, "item/completed", "", type="commandExecution", command="ls")
    assert message_overlay([command]) == {}


@pytest.mark.parametrize(
    ("durable", "overlay", "text_shown"),
    [
        ("stored", "", "stored"),
        ("", "streamed", "streamed"),
        ("hel", "hello", "hello"),
        ("hello", "hel", "hello"),
        ("a long text", "short", "a long text"),
        ("hello", " world", "hello world"),
        ("hello", "goodbye", "goodbye"),
    ],
)
def test_the_text_that_says_more_is_shown(durable: str, overlay: str, text_shown: str) -> None:
    assert preferred_text(durable, overlay) == text_shown


def test_of_two_rows_of_one_message_the_further_newer_longer_one_counts() -> None:
    assert shown([row("x", "failed"), row("longer", "completed")]) == [("x", "failed")]
    assert shown([row("new", updated_at=30), row("older")]) == [("new", "completed")]
    assert shown([row("ab"), row("abc")]) == [("abc", "completed")]


def test_messages_are_shown_oldest_first() -> None:
    rows = [
        row("4", message_id="d", created_at=12),
        row("3", message_id="c", turn_id="v", created_at=11),
        row("2", message_id="b", created_at=11, order_in_turn=1),
        row("1", message_id="a", created_at=11),
    ]
    assert [message.text for message in merge_messages(rows, [])] == ["1", "2", "3", "4"]


ROWS = st.lists(
    st.builds(
        row,
        text=st.text(max_size=4),
        status=st.sampled_from(sorted(STATUS_RANK)),
        message_id=st.sampled_from(["m", "n", None]),
        turn_id=st.sampled_from(["u", "v"]),
        created_at=st.integers(0, 3),
        updated_at=st.integers(0, 3),
    ),
    max_size=6,
)
DELTAS = st.lists(
    st.one_of(
        st.builds(text, st.integers(1, 9), st.text(max_size=3), st.sampled_from(["m", "n"])),
        st.builds(
            item,
            st.integers(1, 9),
            st.sampled_from(["item/started", "item/completed"]),
            st.text(max_size=3),
        ),
    ),
    max_size=6,
)


@given(rows=ROWS, deltas=DELTAS)
def test_each_stored_message_is_shown_once_and_its_status_never_goes_back(
    rows: list[DurableMessage], deltas: list[StreamDelta]
) -> None:
    merged = merge_messages(rows, deltas)
    keys = [(message.turn_id, message.message_id) for message in merged]
    assert sorted(keys) == sorted({(r.turn_id, r.message_id) for r in rows if r.message_id})
    assert all(isinstance(message, UIMessage) for message in merged)
    for message in merged:
        stored = [
            r for r in rows if (r.turn_id, r.message_id) == (message.turn_id, message.message_id)
        ]
        assert STATUS_RANK[message.status] >= max(STATUS_RANK[r.status] for r in stored)


def reasoning(cursor_end: int, piece: str, **fields: Any) -> StreamDelta:
    method = "item/reasoning/summaryTextDelta"
    params = {"itemId": "r", "summaryIndex": 0, "delta": piece} | fields
    return delta(cursor_end, method, **params)


def test_reasoning_is_put_together_by_its_place() -> None:
    deltas = [
        reasoning(2, "b"),
        reasoning(1, "a"),
        reasoning(4, "c", summaryIndex=1),
        delta(3, "item/reasoning/summaryPartAdded", itemId="r", summaryIndex=1),
        delta(5, "item/reasoning/textDelta", itemId="r", contentIndex=0, delta="raw"),
    ]
    summary = {
        ("u", "r", "summary", "textDelta", 0, None): "ab",
        ("u", "r", "summary", "sectionBreak", 1, None): "",
        ("u", "r", "summary", "textDelta", 1, None): "c",
    }
    raw = {("u", "r", "raw", "textDelta", None, 0): "raw"}
    assert reasoning_overlay(deltas) == summary
    assert reasoning_overlay(deltas, include_raw=True) == summary | raw


def segment(piece: str, created_at: int, cursor_end: int, **fields: Any) -> ReasoningSegment:
    defaults: dict[str, Any] = {
        "turn_id": "u",
        "item_id": "r",
        "channel": "summary",
        "segment_type": "textDelta",
        "summary_index": 0,
    }
    return ReasoningSegment(
        text=piece, created_at=created_at, cursor_end=cursor_end, **(defaults | fields)
    )


def test_stored_segments_of_one_place_make_one_text() -> None:
    parts = [
        segment("c", 6, 3, summary_index=1),
        segment("b", 5, 2),
        segment("a", 5, 1),
        segment("raw", 4, 9, channel="raw", summary_index=None, content_index=0),
    ]
    made = aggregate_segments(parts)
    assert [(s.channel, s.summary_index, s.text, s.created_at, s.cursor_end) for s in made] == [
        ("raw", None, "raw", 4, 9),
        ("summary", 0, "ab", 5, 2),
        ("summary", 1, "c", 6, 3),
    ]
