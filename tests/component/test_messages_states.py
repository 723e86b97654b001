"""Messages: every state and event, their text, their order, their endings."""

from __future__ import annotations

import json

import pytest

from codex_conformance.requirements.states import EXPECTED_STATES
from support.host import Host, Stream, asked, patched, ran, said

pytestmark = pytest.mark.anyio

MESSAGE = EXPECTED_STATES["message"]
ENDED = {"completed": "completed", "interrupted": "declined", "failed": "failed"}
"""How an item says the state its message gets."""


@pytest.fixture
def host():
    return Host()


def bring(stream, event, text):
    """The event that starts, adds to or ends the message ``m``."""
    if event == "started":
        return stream.item_started(ran("m", "inProgress", command=text))
    if event == "delta":
        return stream.text("m", text)
    return stream.item_completed(ran("m", ENDED[event], command=text))


@pytest.mark.parametrize("together", [False, True], ids=["two batches", "one batch"])
@pytest.mark.parametrize("event", ["started", "delta", *ENDED])
@pytest.mark.parametrize("before", list(MESSAGE))
def test_a_message_moves_as_expected_and_keeps_its_text_where_it_stays(
    host, before, event, together
):
    thread = host.conversation()
    stream = Stream()
    first = bring(stream, "started" if before == "streaming" else before, "old")
    second = bring(stream, event, "new")
    for batch in ([first, second],) if together else ([first], [second]):
        assert host.ingest(thread, *batch)["status"] == "ok"
    after = MESSAGE[before][event]
    message = host.messages()["m"]
    assert message["status"] == (before if after == "=" else after)
    if after == "=":
        assert message["text"] == "old"
    else:
        assert message["text"] == ("oldnew" if event == "delta" else "new")
    assert ("completedAt" in message) == (message["status"] != "streaming")
    assert message.get("error") == ("item failed" if message["status"] == "failed" else None)


@pytest.mark.parametrize("status", ["completed", "streaming"])
def test_a_late_start_wipes_no_text(host, status):
    thread = host.conversation()
    stream = Stream()
    if status == "completed":
        host.ingest(thread, stream.item_completed(said("m", "whole answer")))
    else:
        host.ingest(thread, stream.item_started(said("m", "")), stream.text("m", "whole answer"))
    before = host.rows("codex_messages")
    host.ingest(thread, stream.item_started(said("m", "")))
    assert host.rows("codex_messages") == before
    assert host.messages()["m"]["text"] == "whole answer"


def test_deltas_add_up_and_the_payload_is_the_item_so_far(host):
    thread = host.conversation()
    stream = Stream()
    for word in ("Grüße", ", ", "“Welt” 🌍", "\u0000\n"):
        host.ingest(thread, stream.text("m", word))
    message = host.messages()["m"]
    assert message["text"] == "Grüße, “Welt” 🌍\u0000\n"
    assert (message["role"], message["status"]) == ("assistant", "streaming")
    assert message["sourceItemType"] == "agentMessage"
    assert json.loads(message["payloadJson"]) == {
        "type": "agentMessage",
        "id": "m",
        "text": message["text"],
    }


def test_a_completed_item_says_the_whole_text(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.text("m", "half an ans"))
    host.ingest(thread, stream.item_completed(said("m", "a whole answer")))
    message = host.messages()["m"]
    assert (message["status"], message["text"]) == ("completed", "a whole answer")


@pytest.mark.parametrize(
    ("item", "role", "text"),
    [
        (asked("m", " hi \n"), "user", "hi"),
        (said("m", "yes"), "assistant", "yes"),
        ({"type": "plan", "id": "m", "text": "1. do"}, "assistant", "1. do"),
        ({"type": "reasoning", "id": "m"}, "assistant", ""),
        ({"type": "reasoning", "id": "m", "summary": ["a"], "content": ["b"]}, "assistant", "a\nb"),
        (ran("m", command="ls -l"), "tool", "ls -l"),
        (patched("m"), "tool", "File changes: 0"),
        ({"type": "mcpToolCall", "id": "m", "server": "s", "tool": "t"}, "tool", "s/t"),
        ({"type": "webSearch", "id": "m", "query": "q"}, "tool", "q"),
        ({"type": "imageView", "id": "m", "path": "/a.png"}, "system", "/a.png"),
        ({"type": "contextCompaction", "id": "m"}, "system", "Context compaction"),
        ({"type": "fromTheFuture", "id": "m", "x": 1}, "system", ""),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_an_item_becomes_a_message_in_its_own_voice(host, item, role, text):
    thread = host.conversation()
    host.ingest(thread, Stream().item_completed(item))
    message = host.messages()["m"]
    assert (message["role"], message["text"]) == (role, text)
    assert message["sourceItemType"] == item["type"]
    assert json.loads(message["payloadJson"]) == item


def test_a_tool_call_and_a_question_are_messages_too(host):
    thread = host.conversation()
    stream = Stream()
    of_turn = {"threadId": "rt", "turnId": "turn-1"}
    call = {**of_turn, "callId": "call-1", "tool": "search", "arguments": {"q": 1}}
    question = {**of_turn, "itemId": "ask-1", "questions": []}
    host.ingest(
        thread,
        stream.event("item/tool/call", call, request=1),
        stream.event("item/tool/requestUserInput", question, request=2),
    )
    messages = host.messages()
    shown = {
        name: (row["role"], row["status"], row["sourceItemType"], row["text"])
        for name, row in messages.items()
    }
    assert shown == {
        "call-1": ("tool", "completed", "dynamicToolCall", "search"),
        "ask-1": ("tool", "completed", "toolUserInputRequest", "Tool requested user input"),
    }


def test_messages_of_a_turn_are_in_the_order_they_came_in(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.item_completed(asked("b", "?")), stream.text("a", "x"))
    host.ingest(thread, stream.text("c", "y"), stream.text("a", "z"), stream.text("d", "w"))
    told = host.call("listTurnMessagesByConversation", conversationId="c", turnId="turn-1")
    rows = [(row["messageId"], row["orderInTurn"]) for row in told["data"]]
    assert rows == [("b", 0), ("a", 1), ("c", 2), ("d", 3)]


def test_messages_of_one_id_in_two_turns_are_two(host):
    thread = host.conversation()
    host.ingest(thread, Stream("t1").text("m", "one"), Stream("t2").text("m", "two"))
    rows = {row["turnId"]: row["text"] for row in host.page()["page"]}
    assert rows == {"t1": "one", "t2": "two"}


def test_pages_name_every_message_once_even_of_one_moment_and_one_id(host):
    thread = host.conversation()
    for turn in ("t1", "t2", "t3"):
        events = [Stream(turn, f"{turn}{i}").text(f"m{i}", ".", createdAt=7) for i in range(3)]
        host.ingest(thread, *events)
    seen, cursor = [], None
    while True:
        page = host.page(size=2, cursor=cursor)
        seen += [(row["turnId"], row["messageId"]) for row in page["page"]]
        cursor = page["continueCursor"]
        if page["isDone"]:
            break
    assert len(seen) == len(set(seen)) == 9


def test_a_page_of_nothing_knows_whether_there_is_something(host):
    thread = host.conversation()
    none = host.page(size=0)
    assert (none["page"], none["isDone"], none["continueCursor"]) == ([], True, "")
    host.ingest(thread, Stream().text("m", "x"))
    some = host.page(size=0)
    assert (some["page"], some["isDone"], some["continueCursor"]) == ([], False, "")


@pytest.mark.parametrize(
    "cursor", ["{", "7", "{}", '{"createdAt":"x","messageId":"m","turnId":"t"}']
)
def test_a_cursor_that_is_none_is_refused(host, cursor):
    host.conversation()
    code = host.refusal(
        "listThreadMessagesByConversation",
        conversationId="c",
        paginationOpts={"numItems": 5, "cursor": cursor},
    )
    assert code == "E_KEYSET_CURSOR_INVALID"


@pytest.mark.parametrize("size", [-1, 1.5, 1_001])
def test_a_page_size_that_is_none_is_refused(host, size):
    host.conversation()
    code = host.refusal(
        "listThreadMessagesByConversation",
        conversationId="c",
        paginationOpts={"numItems": size, "cursor": None},
    )
    assert code == "E_PAGE_SIZE_INVALID"


def test_reads_of_a_conversation_that_is_not_there_are_empty_and_say_why(host):
    missing = {
        "threadStatus": "missing_thread",
        "code": "E_THREAD_NOT_FOUND",
        "message": "[E_THREAD_NOT_FOUND] Thread not found: nowhere",
    }
    empty = {"page": [], "isDone": True, "continueCursor": ""}
    assert host.page("nowhere") == {**missing, **empty}
    told = host.call("listTurnMessagesByConversation", conversationId="nowhere", turnId="t")
    assert told == {**missing, "data": []}
    page = {"numItems": 5, "cursor": None}
    nothing = host.call("messages.listByThread", threadId="nowhere", paginationOpts=page)
    assert nothing == empty


def test_messages_of_an_unknown_turn_are_refused(host):
    host.conversation()
    code = host.refusal("listTurnMessagesByConversation", conversationId="c", turnId="none")
    assert code == "E_TURN_NOT_FOUND"


@pytest.mark.parametrize(
    ("ending", "error", "status", "told"),
    [
        ("completed", None, "completed", None),
        ("interrupted", "user stop", "interrupted", "user stop"),
        ("failed", "boom", "failed", "boom"),
    ],
)
async def test_a_message_that_streams_ends_with_its_turn(host, ending, error, status, told):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.text("m", "half"), stream.item_completed(said("n", "done")))
    host.ingest(thread, stream.turn_completed(ending, error))
    await host.settle()
    messages = host.messages()
    assert (messages["m"]["status"], messages["m"].get("error")) == (status, told)
    assert messages["m"]["text"] == "half"
    assert "completedAt" in messages["m"]
    assert (messages["n"]["status"], messages["n"].get("error")) == ("completed", None)


async def test_a_message_that_starts_after_its_turn_has_ended_ends_too(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.turn_completed("failed", "boom"))
    await host.settle()
    host.ingest(thread, stream.item_started(said("late", "")), stream.text("late", "x"))
    await host.settle()
    assert host.messages()["late"]["status"] == "failed"


async def test_more_than_five_hundred_streaming_messages_end_with_their_turn(host):
    thread = host.conversation()
    stream = Stream()
    for begin in range(0, 1_100, 220):
        events = [stream.text(f"m{place}", ".") for place in range(begin, begin + 220)]
        host.ingest(thread, *events)
    host.ingest(thread, stream.turn_completed())
    await host.settle()
    rows = host.rows("codex_messages")
    assert len(rows) == 1_100
    assert {row["status"] for row in rows} == {"completed"}
    told = host.call("listTurnMessagesByConversation", conversationId="c", turnId="turn-1")
    assert len(told["data"]) == 500
