"""Texts that are longer than a document may be: written, read, replaced, deleted whole."""

from __future__ import annotations

import json

import pytest

from support.host import Host, Stream, ran, said

pytestmark = pytest.mark.anyio

MIB = 1_024 * 1_024


@pytest.fixture
def host():
    return Host()


def parts(host, table):
    """How many parts the rows of a table have; none may belong to nobody."""
    rows = host.tables()
    known = {row["_id"] for name in rows for row in rows[name]}
    assert {row["ownerRef"] for row in rows["codex_payload_parts"]} <= known
    owners = {row["_id"] for row in rows[table]}
    return sum(row["ownerRef"] in owners for row in rows["codex_payload_parts"])


@pytest.mark.parametrize(
    "unit", ["x", "é", "漢", "🌍", '"\\\n'], ids=["1", "2", "3", "4", "quoted"]
)
def test_a_message_of_two_mebibytes_is_read_as_it_was_written(host, unit):
    thread = host.conversation()
    text = unit * (2 * MIB // len(unit.encode()))
    assert host.ingest(thread, Stream().item_completed(said("m", text)))["status"] == "ok"
    message = host.messages()["m"]
    assert message["text"] == text
    assert json.loads(message["payloadJson"]) == said("m", text)
    told = host.call("listTurnMessagesByConversation", conversationId="c", turnId="turn-1")
    assert told["data"][0]["text"] == text
    assert host.snapshot()["recentMessages"][0]["text"] == text


def test_a_message_grows_past_the_size_of_a_document_delta_by_delta(host):
    thread = host.conversation()
    stream = Stream()
    piece = "ü" * 100_000
    for _ in range(8):
        host.ingest(thread, stream.text("m", piece))
    message = host.messages()["m"]
    assert message["text"] == piece * 8
    assert json.loads(message["payloadJson"])["text"] == piece * 8
    assert message["status"] == "streaming"


def test_a_long_text_that_is_replaced_by_a_short_one_leaves_no_parts(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.text("m", "x" * 2 * MIB))
    assert parts(host, "codex_messages") > 0
    host.ingest(thread, stream.item_completed(said("m", "short")))
    assert host.messages()["m"]["text"] == "short"
    assert parts(host, "codex_messages") == 0


def test_a_long_text_that_is_replaced_by_a_long_one_has_the_parts_of_the_new(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.text("m", "x" * 2 * MIB))
    host.ingest(thread, stream.item_completed(said("m", "y" * MIB)))
    assert host.messages()["m"]["text"] == "y" * MIB


async def test_the_end_of_a_turn_leaves_long_texts_whole(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.text("m", "x" * 2 * MIB), stream.turn_completed("interrupted", "no"))
    await host.settle()
    message = host.messages()["m"]
    assert (message["status"], message["text"]) == ("interrupted", "x" * 2 * MIB)


async def test_many_streaming_messages_of_some_size_end_within_the_limits_of_a_transaction(host):
    thread = host.conversation()
    stream = Stream()
    for place in range(30):
        host.ingest(thread, stream.text(f"m{place}", "x" * 300_000))
    host.ingest(thread, stream.turn_completed())
    await host.settle()
    assert {row["status"] for row in host.rows("codex_messages")} == {"completed"}


def test_a_command_with_an_output_of_one_and_a_half_mebibytes_can_be_replayed(host):
    thread = host.conversation()
    item = ran("x", output="o" * (3 * MIB // 2))
    event = Stream().item_completed(item)
    assert host.ingest(thread, event)["status"] == "ok"
    cursors = [{"streamId": "stream:turn-1", "cursor": 0}]
    told = host.call("sync.replay", threadId=thread, streamCursorsById=cursors)
    assert [delta["payloadJson"] for delta in told["deltas"]] == [event["payloadJson"]]
    assert json.loads(told["snapshots"][0]["payloadJson"]) == item
    message = host.messages()["x"]
    assert message["text"] == "ls"
    assert json.loads(message["payloadJson"]) == item


def test_reasoning_longer_than_a_document_is_kept_whole(host):
    thread = host.conversation()
    text = "r" * (3 * MIB // 2)
    assert host.ingest(thread, Stream().summary("r", text))["status"] == "ok"
    page = host.call(
        "listThreadReasoningByConversation",
        conversationId="c",
        paginationOpts={"numItems": 5, "cursor": None},
    )["page"]
    assert [row["text"] for row in page] == [text]


def test_pages_of_long_messages_end_early_and_go_on(host):
    thread = host.conversation()
    stream = Stream()
    for place in range(8):
        host.ingest(thread, stream.item_completed(said(f"m{place}", "x" * MIB)))
    seen, cursor, pages = [], None, 0
    while True:
        page = host.page(size=100, cursor=cursor)
        seen += [row["messageId"] for row in page["page"]]
        cursor, pages = page["continueCursor"], pages + 1
        if page["isDone"]:
            break
    assert seen == [f"m{place}" for place in range(7, -1, -1)]
    assert pages > 1


async def test_long_texts_go_with_their_conversation(host):
    thread = host.conversation()
    stream = Stream()
    for place in range(4):
        host.ingest(thread, stream.item_completed(said(f"m{place}", "x" * 2 * MIB)))
    host.ingest(thread, stream.text("n", "y" * 2 * MIB), stream.summary("r", "z" * 2 * MIB))
    host.call("deleteThread", conversationId="c")
    await host.settle()
    left = {name: rows for name, rows in host.tables().items() if rows and name[0] != "_"}
    assert set(left) == {"codex_deletion_jobs"}
    assert left["codex_deletion_jobs"][0]["status"] == "completed"
