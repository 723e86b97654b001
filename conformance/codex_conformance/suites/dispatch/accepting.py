"""Checks of turns that are accepted, fail to be dispatched, or are interrupted.

May import the visits and conversations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.host_registry import check
from codex_conformance.suites.talking import Talk, open_talk
from codex_conformance.suites.verdicts import require, require_equal

if TYPE_CHECKING:
    from codex_conformance.suites.visiting import Visit

_ACCEPT: Final = "acceptTurnSend"
_ENDED: Final = frozenset({"completed", "interrupted", "failed"})


async def _turns(talk: Talk) -> list[Any]:
    return sorted(row["turnId"] for row in (await talk.snapshot())["turns"])


@check("dispatch.accept.queued")
async def an_accepted_turn_is_queued(visit: Visit) -> None:
    """Accepts a turn, and reads it."""
    talk = await open_talk(visit.guest())
    turn = visit.name("turn")
    answer = await talk.guest.does(_ACCEPT, **talk.send(turn))
    require_equal(answer, {"dispatchId": turn, "turnId": turn, "accepted": True}, "the answer")
    require_equal(await talk.turn_status(turn), "queued", "the turn is")


@check("dispatch.accept.once")
async def a_key_makes_one_turn(visit: Visit) -> None:
    """Sends one turn three times, the last time under another id."""
    talk = await open_talk(visit.guest())
    turn, key = visit.name("turn"), visit.name("key")
    for name in (turn, turn, visit.name("turn")):
        answer = await talk.guest.does(_ACCEPT, **talk.send(name, key))
        require_equal(answer["accepted"], True, "accepted:")
    require_equal(await _turns(talk), [turn], "the turns")


@check("dispatch.accept.echo")
async def the_first_turn_is_named(visit: Visit) -> None:
    """Sends a turn again under another id, and reads the answer."""
    talk = await open_talk(visit.guest())
    turn, key = visit.name("turn"), visit.name("key")
    await talk.accept(turn, key)
    answer = await talk.guest.does(_ACCEPT, **talk.send(visit.name("turn"), key))
    require_equal(answer, {"dispatchId": turn, "turnId": turn, "accepted": True}, "the answer")


@check("dispatch.accept.per-thread")
async def keys_belong_to_a_thread(visit: Visit) -> None:
    """Sends turns under one key into two threads."""
    guest = visit.guest()
    first, second = await open_talk(guest), await open_talk(guest)
    key, other = visit.name("key"), visit.name("turn")
    await first.accept(visit.name("turn"), key)
    answer = await guest.does(_ACCEPT, **second.send(other, key))
    require_equal(answer["turnId"], other, "the second thread's turn")
    require_equal(await _turns(second), [other], "the turns")


@check("dispatch.accept.id-once")
async def ids_of_turns_are_used_once(visit: Visit) -> None:
    """Sends one turn under two keys."""
    talk = await open_talk(visit.guest())
    turn = visit.name("turn")
    await talk.accept(turn)
    again = talk.send(turn, visit.name("key"))
    await talk.guest.cannot(_ACCEPT, "E_TURN_ID_REUSED", **again)
    require_equal(await _turns(talk), [turn], "the turns")


async def _failed(visit: Visit) -> Any:
    """Accept a turn, fail it, and give how it ended."""
    talk = await open_talk(visit.guest())
    turn = visit.name("turn")
    await talk.accept(turn)
    answer = await talk.guest.does(
        "failAcceptedTurnSend",
        threadId=talk.thread,
        turnId=turn,
        code="TURN_START_FAILED",
        reason="it did not start",
    )
    require_equal(answer, None, "the answer")
    return await talk.turn_ends(turn, needed=False)


@check("dispatch.accept.fails")
async def a_failed_send_ends(visit: Visit) -> None:
    """Accepts a turn, and says that it could not be dispatched."""
    status = await _failed(visit)
    require(status in _ENDED, "a turn that has ended", status)


@check("dispatch.accept.fails-as-failed")
async def a_failed_send_is_failed(visit: Visit) -> None:
    """Accepts a turn, says that it could not be dispatched, and reads how it ended."""
    require_equal(await _failed(visit), "failed", "the turn ends as")


@check("dispatch.interrupt.ends")
async def an_interrupted_turn_ends(visit: Visit) -> None:
    """Interrupts a turn that was accepted."""
    talk = await open_talk(visit.guest())
    turn = visit.name("turn")
    await talk.accept(turn)
    answer = await talk.guest.does(
        "interruptTurn", conversationId=talk.conversation, turnId=turn, reason="enough"
    )
    require_equal(answer, None, "the answer")
    require_equal(await talk.turn_ends(turn, needed=False), "interrupted", "the turn ends as")


@check("dispatch.interrupt.unknown")
async def unknown_turns_are_not_interrupted(visit: Visit) -> None:
    """Interrupts a turn that is not there."""
    talk = await open_talk(visit.guest())
    await talk.guest.cannot(
        "interruptTurn",
        "E_TURN_NOT_FOUND",
        conversationId=talk.conversation,
        turnId=visit.name("turn"),
    )
