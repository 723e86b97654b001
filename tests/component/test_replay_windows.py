"""Replay: what a reader gets from where it asks, and whose checkpoint it is."""

from __future__ import annotations

import pytest

from support.host import Host, Stream, ran, refused, said

pytestmark = pytest.mark.anyio

SAVED = {"saveStreamDeltas": True}
MIB = 1_024 * 1_024


@pytest.fixture
def host():
    return Host()


def replay(host, *cursors, conversation="c", **runtime):
    """What a reader of a conversation gets; ``cursors`` are pairs of a stream and a place."""
    asked = [
        {"streamId": stream} if cursor is None else {"streamId": stream, "cursor": cursor}
        for stream, cursor in cursors
    ]
    return host.page(
        conversation, size=1, streamArgs={"kind": "deltas", "cursors": asked}, runtime=runtime
    )["streams"]


def window(told):
    (one,) = told["streamWindows"]
    return one["status"], one["serverCursorStart"], one["serverCursorEnd"]


def places(told):
    return [(delta["cursorStart"], delta["cursorEnd"]) for delta in told["deltas"]]


def acknowledge(host, thread, cursor, stream="stream:turn-1"):
    return host.call("acknowledgeStream", threadId=thread, streamId=stream, cursor=cursor)


def checkpoints(host, thread):
    rows = host.call("listStreamCheckpoints", threadId=thread)
    return {row["streamId"]: row["cursor"] for row in rows}


def test_a_reader_gets_everything_that_was_ingested_from_the_beginning(host):
    thread = host.conversation()
    stream = Stream()
    events = [
        stream.turn_started(),
        stream.item_started(said("m", "")),
        stream.item_completed(said("m", "hello")),
    ]
    host.ingest(thread, *events)
    told = replay(host, ("stream:turn-1", 0))
    assert told["kind"] == "deltas"
    assert window(told) == ("ok", 0, 3)
    assert [delta["payloadJson"] for delta in told["deltas"]] == [
        event["payloadJson"] for event in events
    ]
    assert told["nextCheckpoints"] == [{"streamId": "stream:turn-1", "cursor": 3}]
    assert told["streams"] == [{"streamId": "stream:turn-1", "state": "streaming"}]


def test_ingest_moves_nobodys_checkpoint(host):
    thread = host.conversation()
    host.ingest(thread, Stream().turn_started())
    assert checkpoints(host, thread) == {}
    assert host.rows("codex_stream_checkpoints") == []


def test_a_reader_that_names_no_place_goes_on_from_its_checkpoint(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, *[stream.text("m", str(place)) for place in range(4)], runtime=SAVED)
    acknowledge(host, thread, 2)
    assert places(replay(host, ("stream:turn-1", None))) == [(2, 3), (3, 4)]
    assert places(replay(host, ("stream:turn-1", 0))) == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_without_a_checkpoint_a_reader_begins_at_the_beginning(host):
    thread = host.conversation()
    host.ingest(thread, Stream().turn_started())
    assert window(replay(host, ("stream:turn-1", None))) == ("ok", 0, 1)


@pytest.mark.parametrize(
    ("asked", "reached"), [((3, 1), 3), ((1, 3), 3), ((2.7,), 2), ((2, 2.9), 2), ((-5,), 0)]
)
def test_a_checkpoint_moves_forwards_only_and_in_whole_steps(host, asked, reached):
    thread = host.conversation()
    host.ingest(thread, Stream().turn_started())
    for cursor in asked:
        assert acknowledge(host, thread, cursor) == {"ok": True}
    assert checkpoints(host, thread) == {"stream:turn-1": reached}


def test_a_checkpoint_needs_a_stream_of_the_thread(host):
    thread, other = host.conversation("c"), host.conversation("d", session="s2")
    host.ingest(thread, Stream().turn_started())
    assert refused(acknowledge, host, thread, 1, "none") == "E_STREAM_NOT_FOUND"
    assert refused(acknowledge, host, other, 1) == "E_STREAM_THREAD_MISMATCH"
    assert refused(acknowledge, host, "nowhere", 1) == "E_THREAD_NOT_FOUND"
    assert refused(acknowledge, host.acting("v"), thread, 1) == "E_THREAD_NOT_FOUND"


def test_a_stream_that_begins_later_than_asked_is_rebased(host):
    thread = host.conversation()
    host.ingest(thread, Stream(start=10).turn_started())
    assert window(replay(host, ("stream:turn-1", 0))) == ("rebased", 10, 11)


def test_a_gap_ends_the_window_and_the_next_one_begins_behind_it(host):
    thread = host.conversation()
    stream = Stream()
    events = [stream.turn_started(), stream.text("m", "not saved"), stream.turn_completed()]
    host.ingest(thread, *events)
    first = replay(host, ("stream:turn-1", 0))
    assert window(first) == ("ok", 0, 1)
    second = replay(host, ("stream:turn-1", first["nextCheckpoints"][0]["cursor"]))
    assert window(second) == ("rebased", 2, 3)
    third = replay(host, ("stream:turn-1", second["nextCheckpoints"][0]["cursor"]))
    assert window(third) == ("ok", 3, 3)


def test_a_window_of_expired_deltas_is_stale(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, *[stream.item_started(said(f"m{place}", "")) for place in range(5)])
    expires = host.rows("codex_stream_deltas_ttl")[0]["expiresAt"]
    host.internal("streams.cleanupExpiredDeltas", nowMs=expires)
    told = replay(host, ("stream:turn-1", 0))
    assert window(told) == ("stale", 0, 0)
    assert window(replay(host, ("stream:turn-1", 5))) == ("ok", 5, 5)


def test_a_stream_that_was_never_there_is_an_empty_window(host):
    host.conversation()
    assert window(replay(host, ("nothing", 7))) == ("ok", 7, 7)


@pytest.mark.parametrize(("wanted", "most"), [(3, 3), (2.9, 2), (0, 1), (-4, 1), (float("nan"), 9)])
def test_a_reader_may_bound_the_deltas_of_each_stream(host, wanted, most):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, *[stream.text("m", ".") for _ in range(9)], runtime=SAVED)
    told = replay(host, ("stream:turn-1", 0), maxDeltasPerStreamRead=wanted)
    assert len(told["deltas"]) == most
    assert told["nextCheckpoints"][0]["cursor"] == most


def test_a_stream_gives_at_most_a_hundred_deltas_unless_told_otherwise(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, *[stream.text("m", ".") for _ in range(130)], runtime=SAVED)
    assert len(replay(host, ("stream:turn-1", 0))["deltas"]) == 100


def test_the_budget_of_a_request_goes_to_the_streams_in_their_order(host):
    thread = host.conversation()
    for name in ("a", "b", "c"):
        stream = Stream(name, name)
        host.ingest(thread, *[stream.text("m", ".") for _ in range(4)], runtime=SAVED)
    asked = [(name, 0) for name in ("b", "a", "c")]
    told = replay(host, *asked, maxDeltasPerRequestRead=6)
    assert [delta["streamId"] for delta in told["deltas"]] == ["b"] * 4 + ["a"] * 2
    assert [one["streamId"] for one in told["streamWindows"]] == ["b", "a"]
    assert told["nextCheckpoints"] == [
        {"streamId": "b", "cursor": 4},
        {"streamId": "a", "cursor": 2},
    ]


def test_large_deltas_of_many_streams_are_replayed_within_the_limits_of_a_transaction(host):
    thread = host.conversation()
    names = [f"s{place}" for place in range(5)]
    for name in names:
        stream = Stream(name, name)
        for place in range(3):
            host.ingest(thread, stream.item_completed(ran(f"x{place}", output="o" * 2 * MIB)))
    cursors, seen = dict.fromkeys(names, 0), []
    while True:
        told = replay(host, *cursors.items())
        if not told["deltas"]:
            break
        seen += [(delta["streamId"], delta["cursorStart"]) for delta in told["deltas"]]
        cursors |= {row["streamId"]: row["cursor"] for row in told["nextCheckpoints"]}
    assert sorted(seen) == [(name, place) for name in names for place in range(3)]


def test_a_stream_that_is_asked_for_twice_is_replayed_once(host):
    thread = host.conversation()
    host.ingest(thread, Stream().turn_started())
    told = replay(host, ("stream:turn-1", 0), ("stream:turn-1", 0))
    assert (len(told["deltas"]), len(told["streamWindows"])) == (1, 1)


def test_a_stream_of_another_thread_is_not_replayed(host):
    thread = host.conversation("c")
    host.conversation("d", session="s2")
    host.ingest(thread, Stream().turn_started())
    told = replay(host, ("stream:turn-1", 0), conversation="d")
    assert (told["streams"], told["deltas"], told["streamWindows"]) == ([], [], [])


def test_a_stream_of_another_user_is_not_replayed(host):
    host.ingest(host.conversation(), Stream().turn_started())
    other = host.acting("v")
    other.conversation()
    told = replay(other, ("stream:turn-1", 0))
    assert (told["streams"], told["deltas"]) == ([], [])
    assert window(told) == ("ok", 0, 0)


def test_the_thread_of_another_user_cannot_be_replayed_and_shows_no_message(host):
    thread = host.conversation()
    host.ingest(thread, Stream().text("m", "x"))
    other = host.acting("v")
    asked = {"threadId": thread, "streamCursorsById": []}
    assert other.refusal("sync.replay", **asked) == "E_THREAD_NOT_FOUND"
    assert other.refusal("listStreamCheckpoints", threadId=thread) == "E_THREAD_NOT_FOUND"
    options = {"numItems": 5, "cursor": None}
    told = other.call("messages.listByThread", threadId=thread, paginationOpts=options)
    assert told == {"page": [], "isDone": True, "continueCursor": ""}


def test_a_conversation_that_is_not_there_has_an_empty_replay(host):
    told = host.page("nowhere", streamArgs={"kind": "deltas", "cursors": []})
    assert told["threadStatus"] == "missing_thread"
    assert told["streams"] == {
        "kind": "deltas",
        "streams": [],
        "deltas": [],
        "streamWindows": [],
        "nextCheckpoints": [],
    }
    told = host.page("nowhere", streamArgs={"kind": "list"})
    assert told["streams"] == {"kind": "list", "streams": []}


def test_streams_that_go_on_are_listed_before_those_that_have_ended(host):
    thread = host.conversation()
    for name, ends in (("a", True), ("b", False)):
        stream = Stream(name, name)
        host.ingest(thread, stream.turn_started())
        if ends:
            host.ingest(thread, stream.turn_completed())
    host.internal(
        "turnsInternal.reconcileTerminalArtifacts",
        userScope="u",
        threadId=thread,
        turnId="a",
        status="completed",
    )
    streams = host.page(streamArgs={"kind": "list", "startOrder": 0})["streams"]
    assert streams == {
        "kind": "list",
        "streams": [
            {"streamId": "b", "state": "streaming"},
            {"streamId": "a", "state": "finished"},
        ],
    }


def test_snapshots_are_the_latest_of_each_item_the_newest_first(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(
        thread,
        stream.item_started(ran("x", "inProgress")),
        stream.item_started(said("m", "")),
        stream.item_completed(ran("x", "declined")),
        stream.item_completed(said("n", "whole")),
    )
    asked = [{"streamId": "stream:turn-1", "cursor": 0}]
    told = host.call("sync.replay", threadId=thread, streamCursorsById=asked)
    shown = [(row["itemId"], row["itemType"], row["status"]) for row in told["snapshots"]]
    assert shown == [
        ("n", "agentMessage", "completed"),
        ("x", "commandExecution", "declined"),
        ("m", "agentMessage", "inProgress"),
    ]


def resume(host, thread, turn="turn-1", cursor=0, **more):
    return host.call("sync.resumeReplay", threadId=thread, turnId=turn, fromCursor=cursor, **more)


def test_a_turn_is_resumed_from_a_cursor(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, *[stream.text("m", str(place)) for place in range(4)], runtime=SAVED)
    told = resume(host, thread, cursor=1)
    assert places(told) == [(1, 2), (2, 3), (3, 4)]
    assert (told["nextCursor"], told["streamIds"]) == (4, ["stream:turn-1"])


def test_every_stream_of_a_turn_can_be_resumed(host):
    thread = host.conversation()
    for name in ("a", "b"):
        host.ingest(thread, Stream(stream=name).text("m", name), runtime=SAVED)
    assert resume(host, thread)["streamIds"] == ["a", "b"]
    told = resume(host, thread, streamId="b")
    assert told["streamWindow"]["streamId"] == "b"
    assert len(told["deltas"]) == 1


def test_a_turn_without_a_stream_is_resumed_with_nothing(host):
    thread = host.conversation()
    host.call("acceptTurnSend", threadId=thread, turnId="turn-1", idempotencyKey="k", inputText="x")
    assert resume(host, thread, cursor=4) == {
        "streamWindow": {
            "streamId": "",
            "status": "ok",
            "serverCursorStart": 4,
            "serverCursorEnd": 4,
        },
        "deltas": [],
        "nextCursor": 4,
        "streamIds": [],
    }


def test_a_turn_that_is_not_there_cannot_be_resumed(host):
    thread = host.conversation()
    host.ingest(thread, Stream().turn_started())
    assert refused(resume, host, thread, "none") == "E_TURN_NOT_FOUND"
    assert refused(resume, host.acting("v"), thread) == "E_THREAD_NOT_FOUND"
