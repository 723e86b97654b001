"""Streams: every state and event, their stats, and their clean-up."""

from __future__ import annotations

import json

import pytest

from codex_conformance.requirements.states import EXPECTED_STATES
from support.host import Host, Stream, ran, said

pytestmark = pytest.mark.anyio

STREAM = EXPECTED_STATES["stream"]
DAY = 24 * 60 * 60 * 1_000


@pytest.fixture
def host():
    return Host()


def state(host, stream="stream:turn-1"):
    (row,) = host.rows("codex_streams", streamId=stream)
    (stats,) = host.rows("codex_stream_stats", streamId=stream)
    assert stats["state"] == row["state"]["kind"]
    assert stats["streamRef"] == row["_id"]
    return row["state"]["kind"]


async def bring(host, thread, stream, event):
    """Bring an event about: the end of a stream is that of its turn."""
    ends = {"finish": ("completed", None), "abort": ("failed", "boom")}
    made = stream.turn_completed(*ends[event]) if event in ends else stream.text("m", "x")
    assert host.ingest(thread, made)["status"] == "ok"
    await host.settle()


@pytest.mark.parametrize("event", ["delta", "finish", "abort"])
@pytest.mark.parametrize("before", list(STREAM))
async def test_a_stream_moves_as_expected(host, before, event):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.turn_started())
    into = {"finished": "finish", "aborted": "abort"}.get(before)
    if into is not None:
        await bring(host, thread, stream, into)
    assert state(host) == before
    await bring(host, thread, stream, event)
    after = STREAM[before][event]
    assert state(host) == (before if after == "=" else after)


async def test_an_aborted_stream_names_the_error_of_its_turn(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.turn_started(), stream.turn_completed("interrupted", "user stop"))
    await host.settle()
    (row,) = host.rows("codex_streams")
    assert row["state"]["reason"] == "user stop"


def test_stats_count_what_is_stored_and_how_far_the_stream_has_come(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.turn_started(), stream.text("m", "a"), stream.text("m", "b"))
    (stats,) = host.rows("codex_stream_stats")
    assert (stats["deltaCount"], stats["latestCursor"], stats["receivedCursor"]) == (1, 1, 3)
    told = host.call("persistenceStats", conversationId="c")
    assert told == {
        "threadStatus": "ok",
        "streamCount": 1,
        "deltaCount": 1,
        "latestCursorByStream": [{"streamId": "stream:turn-1", "cursor": 1}],
    }


async def test_an_ended_stream_is_drained_and_removed_after_five_minutes(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.turn_started(), stream.text("m", "x"), stream.turn_completed())
    await host.settle()
    await host.advance(299_999)
    assert state(host) == "finished"
    await host.advance(1)
    for table in (
        "codex_streams",
        "codex_stream_stats",
        "codex_stream_deltas_ttl",
        "codex_stream_receipts",
    ):
        assert host.rows(table) == [], table
    (marker,) = host.snapshot()["lifecycleMarkers"]
    assert (marker["kind"], marker["streamId"]) == ("stream/drain_complete", "stream:turn-1")
    (event,) = host.rows("codex_lifecycle_events")
    assert event["eventId"] == "stream/drain_complete:stream:turn-1"
    assert json.loads(event["payloadJson"]) == {"streamId": "stream:turn-1", "cursor": 3}


@pytest.mark.parametrize(("wanted", "delay"), [(1_000, 1_000), (2_500.7, 2_500), (-5, 0)])
async def test_the_delay_of_the_removal_can_be_chosen(host, wanted, delay):
    thread = host.conversation()
    stream = Stream()
    host.ingest(
        thread,
        stream.turn_started(),
        stream.turn_completed(),
        runtime={"finishedStreamDeleteDelayMs": wanted},
    )
    await host.settle()
    if delay:
        await host.advance(delay - 1)
        assert state(host) == "finished"
        await host.advance(1)
    assert host.rows("codex_streams") == []


async def test_what_comes_again_for_a_removed_stream_is_known(host):
    thread = host.conversation()
    stream = Stream()
    batch = [
        stream.turn_started(),
        stream.item_started(said("m", "")),
        stream.text("m", "hello"),
        stream.turn_completed(),
    ]
    host.ingest(thread, *batch)
    await host.advance(300_000)
    before = host.kept()
    result = host.ingest(thread, *batch)
    assert result["ackedStreams"] == [{"streamId": "stream:turn-1", "ackCursorEnd": 4}]
    assert host.kept() == before


async def test_a_removed_stream_that_goes_on_begins_where_it_ended(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.turn_started(), stream.turn_completed())
    await host.advance(300_000)
    gap = Stream(start=5).text("m", "late")
    assert host.ingest(thread, stream.text("m", "next"))["status"] == "ok"
    assert host.ingest(thread, gap)["status"] == "partial"
    await host.advance(300_000)
    assert host.rows("codex_streams") == []
    (event,) = host.rows("codex_lifecycle_events", kind="stream/drain_complete")
    assert json.loads(event["payloadJson"])["cursor"] == 6


async def test_what_comes_again_is_known_when_a_removed_stream_has_gone_on(host):
    thread = host.conversation()
    stream = Stream()
    first = [stream.text("m", "x"), stream.turn_completed()]
    host.ingest(thread, *first)
    await host.advance(300_000)
    host.ingest(thread, stream.text("n", "y"))
    await host.settle()
    before = host.kept()
    assert host.ingest(thread, *first)["status"] == "ok"
    assert host.kept() == before


async def test_a_stream_is_drained_in_batches(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, *[stream.item_started(said(f"m{i}", "")) for i in range(5)])
    host.ingest(thread, stream.turn_completed())
    await host.settle()
    told = []
    while not told or told[-1]["hasMore"]:
        told.append(
            host.internal(
                "streams.cleanupFinishedStream",
                userScope="u",
                streamId="stream:turn-1",
                batchSize=2,
            )
        )
    assert told == [
        {"deletedDeltas": 2, "streamDeleted": False, "hasMore": True},
        {"deletedDeltas": 2, "streamDeleted": False, "hasMore": True},
        {"deletedDeltas": 2, "streamDeleted": False, "hasMore": True},
        {"deletedDeltas": 0, "streamDeleted": True, "hasMore": False},
    ]
    again = host.internal("streams.cleanupFinishedStream", userScope="u", streamId="stream:turn-1")
    assert again == {"deletedDeltas": 0, "streamDeleted": False, "hasMore": False}


def test_a_stream_that_goes_on_is_not_cleaned_up(host):
    thread = host.conversation()
    host.ingest(thread, Stream().turn_started())
    before = host.tables()
    told = host.internal("streams.cleanupFinishedStream", userScope="u", streamId="stream:turn-1")
    assert told == {"deletedDeltas": 0, "streamDeleted": False, "hasMore": False}
    assert host.tables() == before


async def test_a_stream_of_large_deltas_is_removed_within_the_limits_of_a_transaction(host):
    thread = host.conversation()
    stream = Stream()
    for place in range(14):
        host.ingest(thread, stream.item_completed(ran(f"x{place}", output="o" * 1_500_000)))
    host.ingest(thread, stream.turn_completed())
    await host.advance(300_000)
    for table in ("codex_streams", "codex_stream_deltas_ttl"):
        assert host.rows(table) == [], table
    owners = {row["_id"] for row in host.rows("codex_messages")}
    assert {row["ownerRef"] for row in host.rows("codex_payload_parts")} <= owners


async def test_large_deltas_that_expire_are_removed_within_the_limits_of_a_transaction(host):
    thread = host.conversation()
    stream = Stream()
    for place in range(14):
        host.ingest(thread, stream.item_completed(ran(f"x{place}", output="o" * 1_500_000)))
    await host.advance(DAY + 180_000)
    assert host.rows("codex_stream_deltas_ttl") == []


async def test_checkpoints_go_with_their_stream(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.turn_started(), stream.turn_completed())
    host.call("acknowledgeStream", threadId=thread, streamId=stream.stream, cursor=1)
    await host.advance(300_000)
    assert host.rows("codex_stream_checkpoints") == []


def test_expired_deltas_are_swept_in_batches_from_all_actors(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, *[stream.item_started(said(f"m{i}", "")) for i in range(3)])
    other = host.acting("v")
    there = other.conversation()
    other.ingest(there, Stream().turn_started())
    expires = host.rows("codex_stream_deltas_ttl")[0]["expiresAt"]
    early = host.internal("streams.cleanupExpiredDeltas", nowMs=expires - 1)
    assert early == {"deleted": 0, "hasMore": False}
    first = host.internal("streams.cleanupExpiredDeltas", nowMs=expires, batchSize=3)
    assert first == {"deleted": 3, "hasMore": True}
    second = host.internal("streams.cleanupExpiredDeltas", nowMs=expires, batchSize=3)
    assert second == {"deleted": 1, "hasMore": False}


async def test_deltas_are_gone_a_day_after_they_came_even_of_a_busy_session(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.turn_started(), stream.text("m", "x"))
    beats = 10
    for _ in range(beats):
        await host.advance(DAY / beats)
        host.call("heartbeatSession", sessionId="s", threadId=thread, lastEventCursor=0)
    await host.advance(180_000)
    assert host.rows("codex_stream_deltas_ttl") == []
    assert host.rows("codex_stream_receipts") == []


async def test_deltas_are_gone_a_day_after_the_last_session_fell_silent(host):
    thread = host.conversation()
    host.ingest(thread, Stream().turn_started(), Stream("t2").text("m", "x"))
    await host.backend.run_until_idle()
    assert host.rows("codex_stream_deltas_ttl") == []
    assert host.rows("codex_stream_receipts") == []


async def test_more_than_a_hundred_streams_of_a_turn_end_with_it(host):
    thread = host.conversation()
    streams = [Stream(stream=f"s{place:03}") for place in range(230)]
    for begin in range(0, len(streams), 46):
        host.ingest(thread, *[one.text("m", ".") for one in streams[begin : begin + 46]])
    host.ingest(thread, streams[0].turn_completed())
    await host.settle()
    kinds = {row["state"]["kind"] for row in host.rows("codex_streams")}
    assert kinds == {"finished"}
    assert {row["state"] for row in host.rows("codex_stream_stats")} == {"finished"}
    await host.advance(300_000)
    assert host.rows("codex_streams") == []


async def test_ended_streams_never_hide_one_that_goes_on(host):
    thread = host.conversation()
    streams = [Stream("t1", f"s{place:03}") for place in range(210)]
    for begin in range(0, len(streams), 42):
        host.ingest(thread, *[one.text("m", ".") for one in streams[begin : begin + 42]])
    host.ingest(thread, streams[0].turn_completed())
    await host.settle()
    host.ingest(thread, Stream("t2", "zz").turn_started())
    state = host.snapshot()
    assert [row["streamId"] for row in state["activeStreams"]] == ["zz"]
    assert len(state["allStreams"]) == 200


async def test_a_stream_that_nobody_feeds_can_be_timed_out(host):
    thread = host.conversation()
    host.ingest(thread, Stream().text("m", "half"))
    host.internal("streams.timeoutStream", userScope="u", streamId="stream:turn-1")
    await host.settle()
    assert host.turn("turn-1") == "interrupted"
    assert state(host) == "aborted"
    assert host.messages()["m"]["error"] == "stream timeout"
    before = host.tables()
    host.internal("streams.timeoutStream", userScope="u", streamId="stream:turn-1")
    assert host.tables() == before


def test_the_hygiene_of_a_sound_thread_is_clean(host):
    thread = host.conversation()
    host.ingest(thread, Stream().turn_started())
    clean = {"scannedStreamStats": 1, "streamStatOrphans": 0, "orphanStreamIds": []}
    told = host.call("dataHygiene", conversationId="c")
    assert told == {"threadStatus": "ok", **clean}
    assert host.internal("streams.auditDataHygiene", userScope="u") == clean
