"""A batch is understood whole, taken in whole, or leaves no trace."""

from __future__ import annotations

import json

import pytest

from support.host import Host, Stream, lifecycle, ran, rejected_with, said

pytestmark = pytest.mark.anyio


@pytest.fixture
def host():
    return Host()


def deltas(host, stream="stream:turn-1"):
    rows = host.rows("codex_stream_deltas_ttl", streamId=stream)
    return [row["eventId"] for row in sorted(rows, key=lambda row: row["cursorStart"])]


def test_a_batch_is_acknowledged_for_each_of_its_streams_by_name(host):
    thread = host.conversation()
    first, second = Stream("t1", "z"), Stream("t2", "a")
    result = host.ingest(thread, first.turn_started(), second.turn_started(), first.text("m", "x"))
    assert result == {
        "status": "ok",
        "ingestStatus": "ok",
        "ackedStreams": [
            {"streamId": "a", "ackCursorEnd": 1},
            {"streamId": "z", "ackCursorEnd": 2},
        ],
        "errors": [],
    }


def test_an_empty_batch_is_refused_at_the_door_and_rejected_behind_it(host):
    thread = host.conversation()
    refusal = host.refusal("ingestBatch", sessionId="s", threadId=thread, deltas=[])
    assert refusal == "E_SYNC_EMPTY_BATCH"
    empty = {"sessionId": "s", "threadId": thread, "streamDeltas": [], "lifecycleEvents": []}
    assert host.refusal("sync.ingest", **empty) == "E_SYNC_EMPTY_BATCH"
    result = host.call("sync.ingestSafe", **empty)
    assert rejected_with(result) == ("UNKNOWN", "E_SYNC_EMPTY_BATCH")


@pytest.mark.parametrize("endpoint", ["ingestEvent", "ingestBatch"])
def test_the_doors_take_no_lifecycle_events(host, endpoint):
    thread = host.conversation()
    event = lifecycle("thread/name/updated", {})
    given = {"event": event} if endpoint == "ingestEvent" else {"deltas": [event]}
    code = host.refusal(endpoint, sessionId="s", threadId=thread, **given)
    assert code == "E_INGEST_LIFECYCLE_NOT_ACCEPTED"


def test_one_event_is_a_batch_of_one(host):
    thread = host.conversation()
    stream = Stream()
    event = stream.item_completed(said("m", "whole"))
    result = host.call("ingestEvent", sessionId="s", threadId=thread, event=event)
    assert result["status"] == "ok"
    assert host.messages()["m"]["text"] == "whole"


def malformed(stream, kind, payload):
    """An event of a known kind whose payload is something else."""
    return {**stream.text("m", "x"), "kind": kind, "payloadJson": payload}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("turn/started", "{"),
        ("turn/completed", json.dumps({"method": "turn/completed", "params": {"threadId": "rt"}})),
        (
            "item/agentMessage/delta",
            json.dumps({"method": "item/agentMessage/delta", "params": {}}),
        ),
        ("item/started", json.dumps({"method": "turn/started", "params": {}})),
        ("error", "null"),
    ],
)
def test_a_malformed_payload_of_a_known_kind_is_rejected(host, kind, payload):
    thread = host.conversation()
    before = host.tables()
    result = host.ingest(thread, malformed(Stream(), kind, payload))
    assert rejected_with(result) == ("UNKNOWN", "E_SYNC_PAYLOAD_SCHEMA_MISMATCH")
    assert host.tables() == before


def test_a_payload_is_judged_before_thread_and_session_are_looked_up(host):
    event = malformed(Stream(), "turn/started", "{")
    result = host.call("ingestBatch", sessionId="nobody", threadId="nowhere", deltas=[event])
    assert rejected_with(result) == ("UNKNOWN", "E_SYNC_PAYLOAD_SCHEMA_MISMATCH")


def test_a_payload_of_an_unknown_kind_need_not_be_json(host):
    thread = host.conversation()
    stream = Stream()
    event = stream.event("vendor/signal", {}, payloadJson="not json {")
    assert host.ingest(thread, event)["status"] == "ok"
    assert host.turn("turn-1") == "queued"


def test_the_turn_in_the_payload_stands_for_the_placeholder_of_the_envelope(host):
    thread = host.conversation()
    stream = Stream("turn-real")
    event = stream.turn_started(turnId="0")
    assert host.ingest(thread, event)["status"] == "ok"
    assert [row["turnId"] for row in host.rows("codex_turns")] == ["turn-real"]


def test_an_envelope_that_names_another_turn_than_the_payload_is_rejected(host):
    thread = host.conversation()
    event = Stream("turn-1").text("m", "x", turnId="turn-2")
    assert rejected_with(host.ingest(thread, event)) == (
        "TURN_ID_MISMATCH",
        "E_SYNC_TURN_ID_MISMATCH",
    )


def test_a_lifecycle_event_that_names_another_turn_than_its_payload_is_refused(host):
    thread = host.conversation()
    message = {"method": "turn/started", "params": {"threadId": "rt", "turn": {"id": "turn-1"}}}
    code = host.refusal(
        "sync.ingest",
        sessionId="s",
        threadId=thread,
        streamDeltas=[],
        lifecycleEvents=[lifecycle("turn/started", message, turn="turn-2")],
    )
    assert code == "E_SYNC_TURN_ID_MISMATCH"


def test_an_event_of_a_stream_without_any_turn_is_rejected(host):
    thread = host.conversation()
    event = Stream().event("vendor/signal", {}, turnId="")
    assert rejected_with(host.ingest(thread, event)) == (
        "TURN_ID_REQUIRED_FOR_TURN_EVENT",
        "E_SYNC_TURN_ID_REQUIRED_FOR_TURN_EVENT",
    )


def test_a_lifecycle_event_counts_for_the_turn_of_its_payload_alone(host):
    thread = host.conversation()
    ended = {
        "method": "turn/completed",
        "params": {
            "threadId": "rt",
            "turn": {"id": "turn-real", "status": "interrupted", "error": {"message": "stopped"}},
        },
    }
    host.call(
        "sync.ingest",
        sessionId="s",
        threadId=thread,
        streamDeltas=[],
        lifecycleEvents=[
            lifecycle("turn/completed", ended, event="l-1", turn="0"),
            lifecycle("vendor/note", {"any": 1}, event="l-2", turn="turn-other"),
        ],
    )
    assert [(row["turnId"], row["status"]) for row in host.rows("codex_turns")] == [
        ("turn-real", "interrupted")
    ]
    kept = {row["eventId"]: row.get("turnId") for row in host.rows("codex_lifecycle_events")}
    assert kept == {"l-1": "turn-real", "l-2": None}


def test_a_lifecycle_event_is_kept_once(host):
    thread = host.conversation()
    event = lifecycle("thread/name/updated", {"threadName": "Plan"})
    batch = {"sessionId": "s", "threadId": thread, "streamDeltas": [], "lifecycleEvents": [event]}
    host.call("sync.ingest", **batch)
    before = host.rows("codex_lifecycle_events")
    host.call("sync.ingest", **{**batch, "lifecycleEvents": [event, event]})
    assert host.rows("codex_lifecycle_events") == before
    assert len(before) == 1


def test_each_stream_is_put_into_its_own_order_and_streams_are_merged_by_time(host):
    thread = host.conversation()
    slow, fast = Stream("t1", "slow", clock=1_000), Stream("t2", "fast", clock=2_000)
    early, late = slow.text("m", "one "), slow.text("m", "two")
    other = fast.text("n", "x", cursorStart=0, cursorEnd=900)
    assert host.ingest(thread, late, other, early)["status"] == "ok"
    assert host.messages()["m"]["text"] == "one two"
    turns = sorted(host.rows("codex_turns"), key=lambda row: row["_creationTime"])
    assert [row["turnId"] for row in turns] == ["t1", "t2"]


def test_a_lifecycle_event_comes_behind_the_deltas_of_an_earlier_time(host):
    thread = host.conversation()
    ended = {
        "method": "turn/completed",
        "params": {
            "threadId": "rt",
            "turn": {"id": "turn-1", "status": "interrupted", "error": {"message": "stopped"}},
        },
    }
    host.call(
        "sync.ingest",
        sessionId="s",
        threadId=thread,
        streamDeltas=[Stream(clock=10).text("msg-1", "hello")],
        lifecycleEvents=[lifecycle("turn/completed", ended, at=20)],
    )
    (turn,) = host.rows("codex_turns")
    assert (turn["status"], turn["error"]) == ("interrupted", "stopped")
    assert host.messages()["msg-1"]["text"] == "hello"


def test_cursors_that_do_not_advance_are_rejected(host):
    thread = host.conversation()
    for start, end in ((5, 5), (6, 5)):
        event = Stream().text("m", "x", cursorStart=start, cursorEnd=end)
        code = rejected_with(host.ingest(thread, event))
        assert code == ("UNKNOWN", "E_SYNC_INVALID_CURSOR_RANGE")


@pytest.mark.parametrize(
    "wrong",
    [
        {name: value}
        for name in ("cursorStart", "cursorEnd", "createdAt")
        for value in (float("nan"), float("inf"), float("-inf"))
    ]
    + [{"eventId": ""}, {"streamId": ""}, {"kind": ""}],
    ids=str,
)
def test_an_event_that_could_never_be_compared_with_another_is_rejected(host, wrong):
    thread = host.conversation()
    before = host.tables()
    event = {**Stream().text("m", "x"), **wrong}
    code = rejected_with(host.ingest(thread, event))
    assert code == ("UNKNOWN", "E_INGEST_EVENT_INVALID")
    assert host.tables() == before
    assert host.ingest(thread, Stream().text("m", "x"))["status"] == "ok"


def test_a_stream_that_begins_late_is_taken_in_as_partial(host):
    thread = host.conversation()
    result = host.ingest(thread, Stream(start=3).turn_started())
    assert (result["status"], result["ingestStatus"]) == ("partial", "partial")
    assert result["ackedStreams"] == [{"streamId": "stream:turn-1", "ackCursorEnd": 4}]


def test_a_new_event_behind_the_end_of_its_stream_is_rejected(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.turn_started(), stream.item_started(said("m", "")))
    late = Stream().item_completed(said("m", "late"), eventId="new")
    assert rejected_with(host.ingest(thread, late)) == ("OUT_OF_ORDER", "E_SYNC_OUT_OF_ORDER")


def test_a_stored_event_that_comes_again_is_acknowledged_and_not_stored_again(host):
    thread = host.conversation()
    stream = Stream()
    batch = [stream.turn_started(), stream.item_started(said("m", ""))]
    first = host.ingest(thread, *batch)
    before = host.tables()
    assert host.ingest(thread, *batch) == first
    assert host.tables() == before
    assert deltas(host) == ["stream:turn-1@0", "stream:turn-1@1"]


@pytest.mark.parametrize("saved", [False, True])
def test_batches_of_deltas_in_a_row_are_ok_whether_deltas_are_saved_or_not(host, saved):
    thread = host.conversation()
    stream = Stream()
    for word in ("a", "b", "c"):
        runtime = {"saveStreamDeltas": saved}
        assert host.ingest(thread, stream.text("m", word), runtime=runtime)["status"] == "ok"
    assert host.messages()["m"]["text"] == "abc"
    assert len(deltas(host)) == (3 if saved else 0)


def test_unsaved_deltas_that_come_again_do_not_double_the_text(host):
    thread = host.conversation()
    stream = Stream()
    batch = [stream.text("m", "hel"), stream.text("m", "lo")]
    for _ in range(3):
        assert host.ingest(thread, *batch)["status"] == "ok"
    assert host.messages()["m"]["text"] == "hello"


def test_an_unsaved_delta_behind_the_end_of_its_stream_is_rejected(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.text("m", "a"), stream.text("m", "b"))
    late = Stream(start=1).text("m", "X", eventId="new")
    assert rejected_with(host.ingest(thread, late)) == ("OUT_OF_ORDER", "E_SYNC_OUT_OF_ORDER")
    assert host.messages()["m"]["text"] == "ab"


def test_a_known_event_under_other_cursors_moves_nothing(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.turn_started())
    before = host.tables()
    moved = Stream(start=7).turn_started(eventId="stream:turn-1@0")
    result = host.ingest(thread, moved)
    assert result["ackedStreams"] == [{"streamId": "stream:turn-1", "ackCursorEnd": 1}]
    assert host.tables() == before
    assert host.ingest(thread, stream.text("m", "x"))["status"] == "ok"


def test_the_same_event_twice_in_a_batch_counts_once(host):
    thread = host.conversation()
    event = Stream().text("m", "once")
    assert host.ingest(thread, event, event)["status"] == "ok"
    assert host.messages()["m"]["text"] == "once"


def test_two_events_of_one_id_in_a_batch_are_rejected(host):
    thread = host.conversation()
    stream = Stream()
    events = [stream.text("m", "a", eventId="e"), stream.text("m", "b", eventId="e")]
    code = rejected_with(host.ingest(thread, *events))
    assert code == ("UNKNOWN", "E_SYNC_DUP_EVENT_IN_BATCH")


def test_a_stream_belongs_to_one_turn_and_one_thread(host):
    thread, other = host.conversation("c"), host.conversation("d", session="s2")
    host.ingest(thread, Stream("t1", "shared").turn_started())
    for at, turn, session in ((thread, "t2", "s"), (other, "t1", "s2")):
        event = Stream(turn, "shared", start=1).turn_started()
        result = host.ingest(at, event, session=session)
        assert rejected_with(result) == ("UNKNOWN", "E_SYNC_STREAM_ID_COLLISION")


async def test_a_drained_stream_still_belongs_to_its_turn(host):
    thread = host.conversation()
    stream = Stream("t1", "shared")
    host.ingest(thread, stream.turn_started(), stream.turn_completed())
    await host.advance(300_000)
    assert host.rows("codex_streams") == []
    for start in (0, 2):
        event = Stream("t2", "shared", start=start).turn_started()
        code = rejected_with(host.ingest(thread, event))
        assert code == ("UNKNOWN", "E_SYNC_STREAM_ID_COLLISION")


@pytest.mark.parametrize(
    "bad",
    [
        lambda: malformed(Stream("t9"), "item/started", "{}"),
        lambda: Stream("t9").text("m", "x", turnId="other"),
        lambda: Stream("t9").text("m", "x", cursorEnd=0),
        lambda: Stream("t9", "stream:turn-1", start=9).turn_started(),
        lambda: Stream(start=1).text("m", "x", eventId="behind"),
        lambda: Stream("t9").text("m", "x", eventId="stream:turn-1@3"),
    ],
    ids=["payload", "turn", "cursors", "collision", "out of order", "duplicate"],
)
def test_a_rejected_batch_leaves_no_trace_of_its_good_events(host, bad):
    thread = host.conversation()
    stream = Stream()
    host.ingest(
        thread, stream.turn_started(), stream.item_started(said("m", "")), stream.text("m", "a")
    )
    before = host.tables()
    batch = [
        stream.text("m", "b"),
        stream.item_completed(ran("x")),
        stream.asks_for_command("y"),
        stream.summary("r", "think"),
        Stream("t2").turn_completed("failed", "boom"),
        {**bad(), "createdAt": 9_999},
    ]
    rejected_with(host.ingest(thread, *batch))
    assert host.tables() == before


def test_ids_with_colons_are_taken_as_they_are(host):
    thread = host.conversation()
    stream = Stream("a:b:c", "st:re:am")
    host.ingest(thread, stream.turn_started(), stream.asks_for_command("i:1", "why"))
    assert host.snapshot()["pendingApprovals"] == [
        {"turnId": "a:b:c", "itemId": "i:1", "kind": "commandExecution", "reason": "why"}
    ]
    host.ingest(thread, stream.item_completed(ran("i:1")))
    assert host.snapshot()["pendingApprovals"] == []


def test_kinds_are_stored_for_replay_as_the_options_say(host):
    thread = host.conversation()

    def stored(**runtime):
        stream = Stream(f"turn-{len(host.rows('codex_turns'))}")
        events = [
            stream.turn_started(),
            stream.text("m", "t"),
            stream.summary("r", "s"),
            stream.summary_part("r"),
            stream.raw_reasoning("r", "raw"),
            stream.event("vendor/signal", {}),
        ]
        host.ingest(thread, *events, runtime=runtime)
        rows = host.rows("codex_stream_deltas_ttl", streamId=stream.stream)
        return {int(row["cursorStart"]) for row in rows}

    assert stored() == {0, 2, 3}
    assert stored(saveStreamDeltas=True) == {0, 1, 2, 3}
    assert stored(saveReasoningDeltas=False, exposeRawReasoningDeltas=True) == {0}
    assert stored(exposeRawReasoningDeltas=True) == {0, 2, 3, 4}


@pytest.mark.parametrize("exposed", [False, True])
def test_raw_reasoning_is_kept_only_where_it_is_asked_for(host, exposed):
    thread = host.conversation()
    stream = Stream()
    events = [
        stream.summary("r", "sum", 1),
        stream.summary_part("r", 2),
        stream.raw_reasoning("r", "raw", 3),
    ]
    runtime = {"exposeRawReasoningDeltas": exposed, "saveReasoningDeltas": False}
    host.ingest(thread, *events, runtime=runtime)
    host.ingest(thread, *events, runtime=runtime)

    def segments(**more):
        page = host.call(
            "listThreadReasoningByConversation",
            conversationId="c",
            paginationOpts={"numItems": 10, "cursor": None},
            **more,
        )["page"]
        return [(row["channel"], row["segmentType"], row["text"]) for row in reversed(page)]

    summary = [("summary", "textDelta", "sum"), ("summary", "sectionBreak", "")]
    assert segments() == summary
    assert segments(includeRaw=True) == summary + [("raw", "textDelta", "raw")] * exposed
