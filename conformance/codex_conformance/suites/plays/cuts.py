"""Plays of what cuts into a running turn, and of what is still there of one that was cut.

May import the stage, the script language and the definition of a play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_conformance.suites.playing import play
from codex_conformance.suites.plays.conversation import REVIEW
from codex_conformance.suites.plays.interrupts import UNKNOWN_TURN
from codex_fakes.script.steps import Response, Say, Wait, script

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage, StartedTurn

_FIRST = Response(when="first", steps=(Say(text="one"),))
_CUT = Response(
    when="second", steps=(Say(text="begun ", left_open=True), Wait(gate="never"), Say(text="no"))
)


async def _running(stage: Stage) -> StartedTurn:
    """A thread with one turn that has ended and one that runs."""
    await stage.start()
    thread = await stage.thread()
    await stage.whole_turn(thread, "first")
    turn = await stage.turn(thread, "second")
    await stage.delta(turn, "begun ")
    return turn


async def _cut(stage: Stage, turn: StartedTurn, method: str, **params: Any) -> None:
    """Make the request that cuts into the turn, and wait until the turn has ended."""
    with stage.section("cut"):
        await stage.probe.request(method, {"threadId": turn.thread_id, **params})
        await stage.turn_end(turn)


@play("reverted-while-running", script(_FIRST, _CUT))
async def reverted_while_running(stage: Stage) -> None:
    """A turn is taken back while it runs."""
    turn = await _running(stage)
    params = {"threadId": turn.thread_id, "beforeTurnId": turn.turn_id}
    await stage.ask("cut", "thread/revert", params, fence=turn.thread_id)


@play("compacted-while-running", script(_FIRST, _CUT, Say(text="a summary")))
async def compacted_while_running(stage: Stage) -> None:
    """A thread is compacted while a turn runs."""
    await _cut(stage, await _running(stage), "thread/compact/start")


@play(
    "reviewed-while-running", script(_FIRST, _CUT, Response(when=REVIEW, steps=(Say(text="fine"),)))
)
async def reviewed_while_running(stage: Stage) -> None:
    """A review is started while a turn runs."""
    target = {"type": "custom", "instructions": REVIEW}
    await _cut(stage, await _running(stage), "review/start", target=target)


@play(
    "interrupted-again",
    script(_FIRST, _CUT, Response(when="third", steps=(Say(text="after"),))),
)
async def interrupted_again(stage: Stage) -> None:
    """A turn is interrupted, by another turn's id and by its own again, and another one follows."""
    turn = await _running(stage)
    await stage.interrupt(turn)
    await stage.turn_end(turn)
    await stage.probe.fence(turn.thread_id)
    named = {"threadId": turn.thread_id}
    await stage.ask("wrong turn", "turn/interrupt", {**named, "turnId": UNKNOWN_TURN})
    with stage.section("again"):
        await stage.probe.send_request("turn/interrupt", {**named, "turnId": turn.turn_id})
        # Not about the thread: it waits for nothing that the thread is about to do.
        await stage.probe.fence()
    with stage.section("next turn"):
        await stage.whole_turn(turn.thread_id, "third")
