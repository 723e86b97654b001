"""Checks of batches: taken in as a whole, or rejected as a whole.

May import the visits, conversations and events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_conformance.suites.host_registry import check
from codex_conformance.suites.stream_events import Event, Stream
from codex_conformance.suites.talking import Talk, open_talk, talk_with_turn
from codex_conformance.suites.verdicts import require, require_equal

if TYPE_CHECKING:
    from codex_conformance.suites.visiting import Visit


async def ready(visit: Visit) -> tuple[Talk, Stream]:
    """Open a conversation with a session, and make a stream for a turn in it."""
    talk = await open_talk(visit.guest())
    await talk.begin_session()
    return talk, Stream(visit.name("turn"))


async def deliver(talk: Talk, *events: Event, **runtime: Any) -> Any:
    """Deliver a batch that the rule says the host answers."""
    return await talk.guest.does("ingestBatch", **talk.batch(*events, **runtime))


async def rejected(talk: Talk, code: str | None, *events: Event) -> Any:
    """Deliver a batch that must be rejected, and give the answer.

    Args:
        talk: The conversation.
        code: The public code of the rejection; any when ``None``.
        events: The batch.
    """
    answer = await deliver(talk, *events)
    require_equal(answer["status"], "rejected", "the batch is")
    require(bool(answer["errors"]), "an error", answer)
    if code is not None:
        require_equal(answer["errors"][0]["code"], code, "the code")
    return answer


@check("ingest.batch.taken")
async def a_batch_is_taken_in(visit: Visit) -> None:
    """Delivers a turn's first three events."""
    talk, stream = await ready(visit)
    answer = await deliver(talk, stream.started(), stream.opens("m1"), stream.adds("m1", "hi"))
    require_equal(answer["status"], "ok", "the batch is")
    require_equal(answer["ingestStatus"], "ok", "the ingest is")
    require_equal(answer["errors"], [], "the errors")
    expected = [{"streamId": stream.id, "ackCursorEnd": 3}]
    require_equal(answer["ackedStreams"], expected, "the streams")


@check("ingest.batch.empty")
async def an_empty_batch_is_refused(visit: Visit) -> None:
    """Delivers nothing."""
    talk, _ = await ready(visit)
    await talk.guest.cannot("ingestBatch", **talk.batch())


@check("ingest.batch.lifecycle")
async def events_without_a_stream_are_refused(visit: Visit) -> None:
    """Delivers an event of a thread that belongs to no stream, alone and in a batch."""
    talk, stream = await ready(visit)
    event = {
        "type": "lifecycle_event",
        "eventId": visit.name("event"),
        "kind": "thread/name/updated",
        "payloadJson": '{"method":"thread/name/updated","params":{"threadName":"name"}}',
        "createdAt": 1,
    }
    await talk.guest.cannot("ingestBatch", **talk.batch(stream.started(), event))
    where = {"sessionId": talk.session, "threadId": talk.thread}
    await talk.guest.cannot("ingestEvent", **where, event=event)
    require_equal(await talk.turn(stream.turn), None, "the turn that came with it:")


@check("ingest.batch.one-event")
async def one_event_is_a_batch(visit: Visit) -> None:
    """Delivers an event alone, and reads what came of it."""
    talk, stream = await ready(visit)
    where = {"sessionId": talk.session, "threadId": talk.thread}
    answer = await talk.guest.does("ingestEvent", **where, event=stream.closes("m1", "alone"))
    require_equal(answer["status"], "ok", "the event is")
    require_equal([row["text"] for row in await talk.messages()], ["alone"], "the messages")


@check("ingest.batch.malformed")
async def malformed_payloads_are_rejected(visit: Visit) -> None:
    """Delivers payloads that are no JSON, of another method, and without what they must have."""
    talk, stream = await ready(visit)
    good = stream.closes("m1", "text")
    for payload in (
        "{",
        '"text"',
        good["payloadJson"].replace("item/completed", "item/started"),
        good["payloadJson"].replace('"item"', '"thing"'),
    ):
        answer = await rejected(talk, "UNKNOWN", {**good, "payloadJson": payload})
        require_equal(answer["errors"][0]["recoverable"], False, "recoverable:")


@check("ingest.batch.turn-mismatch")
async def events_belong_to_their_turn(visit: Visit) -> None:
    """Delivers an event whose payload names another turn than its envelope."""
    talk, stream = await ready(visit)
    event = stream.adds("m1", "text")
    await rejected(talk, "TURN_ID_MISMATCH", {**event, "turnId": visit.name("turn")})


@check("ingest.batch.all-or-nothing")
async def rejected_batches_leave_nothing(visit: Visit) -> None:
    """Delivers good events with a bad one behind them, of three kinds."""
    stream = Stream(visit.name("turn"))
    talk = await talk_with_turn(visit.guest(), stream)
    before = await talk.everything()
    replayed = await talk.replay((stream.id, 0))
    place = stream.cursor
    for wrong in (
        {"cursorEnd": place + 2},
        {"cursorStart": 0, "eventId": "of-the-past"},
        {"streamId": f"{stream.id}:other", "turnId": "another"},
    ):
        stream.cursor = place
        good = (
            Stream(f"{stream.turn}-next").started(),
            stream.adds("m1", "lost"),
            stream.closes("m2", "lost"),
        )
        await rejected(talk, None, *good, {**stream.adds("m1", "lost"), **wrong})
        require_equal(await talk.everything(), before, "the conversation")
        require_equal(await talk.replay((stream.id, 0)), replayed, "the stream")


@check("ingest.session.recovered")
async def unknown_sessions_are_bound(visit: Visit) -> None:
    """Delivers a batch of a session that was never made, and another one after it."""
    talk = await open_talk(visit.guest())
    stream = Stream(visit.name("turn"))
    answer = await deliver(talk, stream.started(), stream.closes("m1", "text"))
    _recovered(answer, talk)
    require_equal([row["messageId"] for row in await talk.messages()], ["m1"], "the messages")
    again = await deliver(talk, stream.closes("m2", "text"))
    require_equal(again["status"], "ok", "the next batch is")


@check("ingest.session.moved")
async def sessions_move_between_threads(visit: Visit) -> None:
    """Delivers a batch to another thread of the same user than the session's."""
    guest = visit.guest()
    first, second = await open_talk(guest), await open_talk(guest)
    await first.begin_session()
    second.session = first.session
    answer = await deliver(second, Stream(visit.name("turn")).closes("m1", "text"))
    _recovered(answer, second)
    require_equal([row["messageId"] for row in await second.messages()], ["m1"], "the messages")


def _recovered(answer: Any, talk: Talk) -> None:
    require_equal(answer["status"], "session_recovered", "the batch is")
    require_equal(answer["errors"], [], "the errors")
    expected = {
        "action": "session_rebound",
        "sessionId": talk.session,
        "threadId": talk.thread,
    }
    require_equal(answer.get("recovery"), expected, "the recovery")
