"""Checks of replay: what a stream still holds, for whom, and for how long.

May import the visits, conversations, events and the moves of batches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.host_registry import check
from codex_conformance.suites.ingest.batches import ready
from codex_conformance.suites.stream_events import Stream
from codex_conformance.suites.verdicts import require, require_equal
from codex_conformance.targets.deployment import HostCapability

if TYPE_CHECKING:
    from codex_conformance.suites.talking import Talk
    from codex_conformance.suites.visiting import Visit

_SECOND: Final = 1_000
_DAY: Final = 24 * 60 * 60 * _SECOND
_CLEANED_AFTER: Final = 300 * _SECOND


def _cursors(streams: Any) -> list[Any]:
    return [delta["cursorStart"] for delta in streams["deltas"]]


@check("ingest.replay.whole")
async def a_reader_gets_everything(visit: Visit) -> None:
    """Delivers three stored events, and replays from the beginning and from the middle."""
    talk, stream = await ready(visit)
    await talk.takes(stream.started(), stream.opens("m1"), stream.closes("m1", "text"))
    for begin in (0, 2):
        found = await talk.replay((stream.id, begin))
        require_equal(_cursors(found), [0, 1, 2][begin:], "the events")
        window = {
            "streamId": stream.id,
            "status": "ok",
            "serverCursorStart": begin,
            "serverCursorEnd": 3,
        }
        require_equal(found["streamWindows"], [window], "the window")
        expected = [{"streamId": stream.id, "cursor": 3}]
        require_equal(found["nextCheckpoints"], expected, "the next checkpoint")


@check("ingest.replay.rebased")
async def a_window_is_rebased(visit: Visit) -> None:
    """Replays from 0 a stream whose first stored event is at 10."""
    talk, stream = await ready(visit)
    stream.cursor = 10
    await talk.takes(stream.started(), stream.opens("m1"))
    found = await talk.replay((stream.id, 0))
    window = found["streamWindows"][0]
    require_equal(
        (window["status"], window["serverCursorStart"]), ("rebased", 10), "status and start"
    )
    require_equal(_cursors(found), [10, 11], "the events")


@check("ingest.replay.budget")
async def a_replay_is_bounded(visit: Visit) -> None:
    """Replays five stored events with a budget of two, for each stream and for the request."""
    talk, stream = await ready(visit)
    await talk.takes(stream.started(), *(stream.closes(f"m{n}", "text") for n in range(4)))
    for option in ("maxDeltasPerStreamRead", "maxDeltasPerRequestRead"):
        found = await talk.replay((stream.id, 0), **{option: 2})
        require_equal(_cursors(found), [0, 1], f"the events with {option} 2:")
        again = await talk.replay((stream.id, 2), **{option: 2})
        require_equal(_cursors(again), [2, 3], f"the next ones with {option} 2:")


@check("ingest.replay.text-stored")
async def text_is_stored_on_demand(visit: Visit) -> None:
    """Delivers text deltas with and without saveStreamDeltas, and replays them."""
    talk, stream = await ready(visit)
    await talk.takes(stream.started(), stream.opens("m1"), stream.adds("m1", "one "))
    await talk.takes(stream.adds("m1", "two"), saveStreamDeltas=True)
    message = await talk.message("m1")
    require_equal(message["text"], "one two", "the text")
    kinds = []
    for begin in (0, 3):
        found = await talk.replay((stream.id, begin))
        kinds += [delta["kind"] for delta in found["deltas"]]
    expected = ["turn/started", "item/started", "item/agentMessage/delta"]
    require_equal(kinds, expected, "what can be replayed:")


@check("ingest.replay.checkpoint", HostCapability.EXTENDED)
async def checkpoints_are_the_consumers(visit: Visit) -> None:
    """Delivers events, reads the checkpoints, and moves one forwards and backwards."""
    talk, stream = await ready(visit)
    await talk.takes(stream.started(), stream.opens("m1"), stream.closes("m1", "text"))
    require_equal(await _checkpoints(talk), [], "the checkpoints before any reader:")
    for cursor, expected in ((2, 2), (1, 2), (3, 3)):
        where = {"threadId": talk.thread, "streamId": stream.id}
        await talk.guest.does("acknowledgeStream", **where, cursor=cursor)
        found = [row["cursor"] for row in await _checkpoints(talk)]
        require_equal(found, [expected], f"the checkpoint after {cursor}:")


async def _checkpoints(talk: Talk) -> list[Any]:
    return list(await talk.guest.reads("listStreamCheckpoints", threadId=talk.thread))


async def _ended(talk: Talk, stream: Stream, **runtime: Any) -> None:
    await talk.takes(stream.started(), stream.ended(), **runtime)
    await talk.turn_ends(stream.turn)
    await talk.visit.pass_time(_SECOND)


async def _streams(talk: Talk) -> tuple[list[Any], list[Any]]:
    """The ids of the streams there are, and of those that a marker says were drained."""
    snapshot = await talk.snapshot()
    markers = snapshot["lifecycleMarkers"]
    return (
        [row["streamId"] for row in snapshot["allStreams"]],
        [row.get("streamId") for row in markers if row["kind"] == "stream/drain_complete"],
    )


@check("ingest.stream.cleaned-up", HostCapability.VIRTUAL_CLOCK)
async def ended_streams_are_removed(visit: Visit) -> None:
    """Ends a turn, and looks at its stream then and five minutes later."""
    talk, stream = await ready(visit)
    await _ended(talk, stream)
    require_equal(await _streams(talk), ([stream.id], []), "streams and markers at first:")
    await visit.pass_time(_CLEANED_AFTER)
    require_equal(await _streams(talk), ([], [stream.id]), "streams and markers later:")


@check("ingest.stream.delay", HostCapability.VIRTUAL_CLOCK)
async def the_delay_is_honoured(visit: Visit) -> None:
    """Ends turns that ask for a shorter and for a longer stay of their streams."""
    talk, short = await ready(visit)
    await _ended(talk, short, finishedStreamDeleteDelayMs=10 * _SECOND)
    await visit.pass_time(10 * _SECOND)
    require_equal((await _streams(talk))[0], [], "streams after the shorter stay:")
    other, long = await ready(visit)
    await _ended(other, long, finishedStreamDeleteDelayMs=2 * _CLEANED_AFTER)
    await visit.pass_time(_CLEANED_AFTER)
    require_equal((await _streams(other))[0], [long.id], "streams during the longer stay:")


@check("ingest.stream.expiry", HostCapability.VIRTUAL_CLOCK, HostCapability.AUDIT)
async def stored_events_expire(visit: Visit) -> None:
    """Keeps a session busy for a day, and counts what is stored of a stream of the day before."""
    talk, old = await ready(visit)
    await talk.takes(old.started(), old.opens("m1"))
    first, _ = await visit.rows_of(talk.guest)
    stored = first.get("codex_stream_deltas_ttl", 0)
    require(stored == 2, "two stored events", stored)
    busy = Stream(visit.name("turn"))
    # Longer than any event lives, with never a silence that a sweep could wait for.
    for _ in range(26):
        await talk.takes(busy.adds("m2", "text"))
        await visit.pass_time(_DAY / 24)
    left, _ = await visit.rows_of(talk.guest)
    require_equal(left.get("codex_stream_deltas_ttl", 0), 0, "stored events after a day:")
