"""Checks of what events make of turns, messages, approvals and reasoning.

May import the visits, conversations, events, the moves of batches and the expected states.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.requirements.states import EXPECTED_STATES
from codex_conformance.suites.host_registry import check
from codex_conformance.suites.ingest.batches import deliver, ready
from codex_conformance.suites.stream_events import Stream
from codex_conformance.suites.talking import open_talk, talk_with_turn
from codex_conformance.suites.verdicts import require, require_equal

if TYPE_CHECKING:
    from codex_conformance.suites.visiting import Visit

_ENDINGS: Final = ("completed", "interrupted", "failed")


@check("ingest.message.text")
async def deltas_join(visit: Visit) -> None:
    """Delivers a message piece by piece, and then whole."""
    talk, stream = await ready(visit)
    await deliver(talk, stream.started(), stream.opens("m1"), stream.adds("m1", "one "))
    await deliver(talk, stream.adds("m1", "two"))
    found = _shown(await talk.message("m1"))
    require_equal(found, ("assistant", "streaming", "one two"), "the message")
    await deliver(talk, stream.closes("m1", "one, two."))
    found = _shown(await talk.message("m1"))
    require_equal(found, ("assistant", "completed", "one, two."), "the message")


def _shown(message: Any) -> tuple[Any, Any, Any]:
    return message["role"], message["status"], message["text"]


@check("ingest.message.late-start")
async def late_starts_wipe_nothing(visit: Visit) -> None:
    """Delivers the start of a message behind its deltas, and behind its completion."""
    talk, stream = await ready(visit)
    await talk.takes(stream.started(), stream.adds("m1", "text"), stream.closes("m2", "whole"))
    await deliver(talk, stream.opens("m1"), stream.opens("m2"), stream.adds("m2", "more"))
    streaming, whole = await talk.message("m1"), await talk.message("m2")
    require_equal(_shown(streaming), ("assistant", "streaming", "text"), "the streaming message")
    require_equal(_shown(whole), ("assistant", "completed", "whole"), "the completed message")


_ITEM_STATUS: Final = {"completed": "completed", "interrupted": "declined", "failed": "failed"}


@check("ingest.message.endings")
async def messages_end_by_their_table(visit: Visit) -> None:
    """Ends commands in every way, and then in every other."""
    talk, stream = await ready(visit)
    await talk.takes(stream.started())
    for first in _ENDINGS:
        for second in _ENDINGS:
            item = f"{first}-{second}"
            await deliver(
                talk,
                stream.command("completed", item, _ITEM_STATUS[first]),
                stream.command("completed", item, _ITEM_STATUS[second]),
            )
            expected = EXPECTED_STATES["message"][first][second]
            found = (await talk.message(item))["status"]
            require_equal(found, expected, f"{first}, then {second}:")


@check("ingest.turn.started")
async def turns_start(visit: Visit) -> None:
    """Delivers the start of a turn that nobody has accepted, and of one that was."""
    talk, stream = await ready(visit)
    accepted = Stream(visit.name("turn"))
    await talk.accept(accepted.turn)
    require_equal(await talk.turn_status(accepted.turn), "queued", "an accepted turn is")
    await deliver(talk, stream.started(), accepted.started())
    for turn in (stream.turn, accepted.turn):
        require_equal(await talk.turn_status(turn), "inProgress", "a started turn is")


@check("ingest.turn.endings")
async def turns_end_by_their_table(visit: Visit) -> None:
    """Ends turns in every way, then in every other, then starts them again."""
    talk, _ = await ready(visit)
    table = EXPECTED_STATES["turn"]
    for first in _ENDINGS:
        for second in _ENDINGS:
            stream = Stream(visit.name("turn"))
            await deliver(talk, stream.started(), stream.ended(first, "why"))
            await talk.turn_becomes(stream.turn, first)
            expected = first if table[first][second] == "=" else table[first][second]
            await deliver(talk, stream.ended(second, "why"))
            await talk.turn_becomes(stream.turn, expected)
            await deliver(talk, stream.started())
            await visit.pass_time(0)
            require_equal(await talk.turn_status(stream.turn), expected, "started again, it is")


@check("ingest.turn.error-first")
async def an_error_outweighs_a_completion(visit: Visit) -> None:
    """Delivers an error and a completion in one batch."""
    talk, stream = await ready(visit)
    await deliver(talk, stream.started(), stream.fails("boom"), stream.ended("completed"))
    await talk.turn_becomes(stream.turn, "failed")


@check("ingest.turn.settles-messages")
async def messages_end_with_their_turn(visit: Visit) -> None:
    """Ends turns in every way while a message streams."""
    guest = visit.guest()
    for status in _ENDINGS:
        stream = Stream(visit.name("turn"))
        talk = await talk_with_turn(guest, stream)
        await talk.takes(stream.ended(status, "why"))
        found = await talk.message_ends("m1")
        require_equal((found["status"], found["text"]), (status, "hel"), "the message")


@check("ingest.turn.settles-waiting")
async def nothing_waits_behind_a_turn(visit: Visit) -> None:
    """Ends a turn while an approval and a server request of it wait."""
    talk, stream = await ready(visit)
    await talk.takes(stream.started(), stream.asks("i1"))
    await talk.guest.mutate(
        "upsertPendingServerRequest",
        requestId="r1",
        threadId=talk.thread,
        turnId=stream.turn,
        itemId="i2",
        method="item/tool/call",
        payloadJson="{}",
        requestedAt=1,
    )
    await talk.takes(stream.ended("interrupted", "why"))

    async def waiting() -> list[Any]:
        return [*await talk.approvals(), *await talk.requests()]

    await visit.until(waiting, lambda found: not found, "that nothing waits")


@check("ingest.approval.asked")
async def what_is_asked_waits(visit: Visit) -> None:
    """Delivers a request for approval, and lists what waits."""
    talk, stream = await ready(visit)
    await deliver(talk, stream.started(), stream.asks("i1", "because"))
    rows = await talk.approvals()
    found = [(row["turnId"], row["itemId"], row["kind"], row.get("reason")) for row in rows]
    expected = [(stream.turn, "i1", "commandExecution", "because")]
    require_equal(found, expected, "what waits:")
    shown = (await talk.snapshot())["pendingApprovals"]
    require_equal([row["itemId"] for row in shown], ["i1"], "in the snapshot:")


@check("ingest.approval.decided-at-once")
async def what_is_done_does_not_wait(visit: Visit) -> None:
    """Delivers a request for approval and the completed command in one batch."""
    talk, stream = await ready(visit)
    await deliver(
        talk, stream.started(), stream.asks("i1"), stream.command("completed", "i1", "completed")
    )
    require_equal(await talk.approvals(), [], "what waits:")


@check("ingest.approval.colons")
async def colons_are_letters(visit: Visit) -> None:
    """Asks and decides in turns whose ids are the beginnings of each other up to a colon."""
    talk, _ = await ready(visit)
    outer = Stream(visit.name("turn"))
    inner = Stream(f"{outer.turn}:1", f"{outer.id}-inner")
    await deliver(talk, outer.started(), inner.started(), outer.asks("1:i"), inner.asks("i"))
    found = sorted((row["turnId"], row["itemId"]) for row in await talk.approvals())
    require_equal(found, [(outer.turn, "1:i"), (inner.turn, "i")], "what waits:")
    await deliver(talk, inner.command("completed", "i", "declined"))
    left = [(row["turnId"], row["itemId"]) for row in await talk.approvals()]
    require_equal(left, [(outer.turn, "1:i")], "what still waits:")


@check("ingest.reasoning.summary")
async def summaries_are_kept(visit: Visit) -> None:
    """Delivers two pieces of a reasoning summary, twice."""
    talk, stream = await ready(visit)
    events = [stream.started(), stream.thinks("r1", "one"), stream.thinks("r1", "two")]
    await deliver(talk, *events)
    await deliver(talk, *events)
    rows = await talk.reasoning()
    found = [(row["itemId"], row["channel"], row["text"]) for row in rows]
    expected = [("r1", "summary", "two"), ("r1", "summary", "one")]
    require_equal(found, expected, "the reasoning")


@check("ingest.reasoning.raw")
async def raw_reasoning_is_hidden(visit: Visit) -> None:
    """Delivers raw reasoning with and without leave, and lists it with and without asking."""
    talk = await open_talk(visit.guest())
    await talk.begin_session()
    stream = Stream(visit.name("turn"))
    await deliver(talk, stream.started(), stream.thinks("r1", "kept back", raw=True))
    require_equal(await talk.reasoning(raw=True), [], "without leave:")
    event = stream.thinks("r2", "told", raw=True)
    await deliver(talk, event, exposeRawReasoningDeltas=True)
    require_equal(await talk.reasoning(), [], "without asking:")
    rows = await talk.reasoning(raw=True)
    require([row["text"] for row in rows] == ["told"], "what may be told", rows)
