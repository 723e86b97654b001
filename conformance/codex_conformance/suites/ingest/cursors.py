"""Checks of cursors: what is new, what is known, what is missing.

May import the visits, conversations, events and the moves of batches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.suites.host_registry import check
from codex_conformance.suites.ingest.batches import deliver, ready, rejected
from codex_conformance.suites.stream_events import Stream
from codex_conformance.suites.verdicts import require_equal

if TYPE_CHECKING:
    from codex_conformance.suites.visiting import Visit


@check("ingest.cursor.empty-range")
async def events_have_a_range(visit: Visit) -> None:
    """Delivers an event that ends where it begins, and one that ends before."""
    talk, stream = await ready(visit)
    event = stream.started()
    await rejected(talk, None, {**event, "cursorStart": 5, "cursorEnd": 5})
    await rejected(talk, None, {**event, "cursorStart": 5, "cursorEnd": 4})


@check("ingest.cursor.gap")
async def gaps_are_partial(visit: Visit) -> None:
    """Delivers events at 0 and at 3."""
    talk, stream = await ready(visit)
    first = stream.started()
    stream.cursor = 3
    answer = await deliver(talk, first, stream.closes("m1", "text"))
    require_equal(answer["status"], "partial", "the batch is")
    require_equal([row["messageId"] for row in await talk.messages()], ["m1"], "the messages")


@check("ingest.cursor.out-of-order")
async def the_past_is_closed(visit: Visit) -> None:
    """Delivers events at 0 and 3, and then one at 1 that was never seen."""
    talk, stream = await ready(visit)
    first = stream.started()
    stream.cursor = 3
    await talk.takes(first, stream.closes("m1", "text"))
    stream.cursor = 1
    await rejected(talk, "OUT_OF_ORDER", stream.closes("m2", "text"))


@check("ingest.cursor.contiguous")
async def what_goes_on_is_ok(visit: Visit) -> None:
    """Delivers text deltas, which are not stored, batch by batch."""
    talk, stream = await ready(visit)
    await talk.takes(stream.started(), stream.opens("m1"))
    for text in ("a", "b", "c"):
        answer = await deliver(talk, stream.adds("m1", text))
        require_equal(answer["status"], "ok", "the batch is")


@check("ingest.stream.collision")
async def a_stream_has_one_turn(visit: Visit) -> None:
    """Delivers events of two turns under one stream."""
    talk, stream = await ready(visit)
    await talk.takes(stream.started())
    other = Stream(visit.name("turn"), stream.id, cursor=1)
    await rejected(talk, None, other.started())
    require_equal(await talk.turn(other.turn), None, "the other turn:")


@check("ingest.delivery.again")
async def stored_events_are_known(visit: Visit) -> None:
    """Delivers the same four events twice, and a part of them a third time."""
    talk, stream = await ready(visit)
    events = [
        stream.started(),
        stream.opens("m1"),
        stream.closes("m1", "text"),
        stream.thinks("r1", "hm"),
    ]
    await talk.takes(*events)
    before = await talk.everything()
    replayed = await talk.replay((stream.id, 0))
    for batch in (events, events[1:3]):
        answer = await deliver(talk, *batch)
        require_equal(answer["status"], "ok", "the batch is")
        require_equal(await talk.everything(), before, "the conversation")
        require_equal(await talk.replay((stream.id, 0)), replayed, "the stream")


@check("ingest.delivery.text-once")
async def text_is_not_doubled(visit: Visit) -> None:
    """Delivers text deltas twice, in the same batch and in two others."""
    talk, stream = await ready(visit)
    events = [
        stream.started(),
        stream.opens("m1"),
        stream.adds("m1", "one "),
        stream.adds("m1", "two"),
    ]
    await talk.takes(*events)
    for batch in (events, events[2:3], events[2:]):
        await deliver(talk, *batch)
        message = await talk.message("m1")
        require_equal(message["text"], "one two", "the text")
