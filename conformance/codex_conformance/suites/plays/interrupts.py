"""Plays in which the client ends a turn, or tries to.

May import the stage, the script language and the definition of a play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_conformance.suites.playing import play
from codex_conformance.suites.plays.dialect import UNKNOWN_THREAD
from codex_fakes.script.steps import Run, Say, Wait, script

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage

UNKNOWN_TURN: Final = UNKNOWN_THREAD
"""A turn id of the right form that no app-server has given out."""


@play(
    "interrupted-message",
    script(
        (Say(text=("partial ", "text "), left_open=True), Wait(gate="rest"), Say(text="and more")),
        Say(text="after"),
    ),
)
async def interrupted_message(stage: Stage) -> None:
    """The client interrupts a message in the middle, and starts another turn."""
    await stage.start()
    thread = await stage.thread()
    turn = await stage.turn(thread, "go")
    await stage.delta(turn, "text ")
    with stage.section("interrupt"):
        await stage.interrupt(turn)
        await stage.turn_end(turn)
        await stage.probe.fence(turn.thread_id)
    await stage.whole_turn(thread, "next")


@play("interrupted-approval", script(Run(command="touch never", output=""), Say(text="after")))
async def interrupted_approval(stage: Stage) -> None:
    """The client interrupts a turn that waits for an approval, and then answers all the same."""
    await stage.start()
    thread = await stage.thread(approvalPolicy="untrusted")
    turn = await stage.turn(thread, "go")
    request = await stage.approval(turn)
    with stage.section("interrupt"):
        await stage.interrupt(turn)
        await stage.turn_end(turn)
        await stage.resolved(turn, request)
    with stage.section("late answer"):
        await stage.decide(request, "accept")
        await stage.probe.fence(turn.thread_id)
    await stage.whole_turn(thread, "next")


@play(
    "refused-interrupts",
    script((Say(text="begun ", left_open=True), Wait(gate="rest"), Say(text="done"))),
)
async def refused_interrupts(stage: Stage) -> None:
    """The client interrupts a thread that is idle, and a turn by the wrong id."""
    await stage.start()
    thread = await stage.thread()
    with stage.section("never used"):
        await stage.probe.request("turn/interrupt", {"threadId": thread, "turnId": UNKNOWN_TURN})
    turn = await stage.turn(thread, "go")
    await stage.delta(turn, "begun ")
    with stage.section("wrong turn"):
        await stage.interrupt(turn, UNKNOWN_TURN)
    stage.open_gate("rest")
    await stage.turn_end(turn)
    await stage.probe.fence(turn.thread_id)
    with stage.section("completed"):
        await stage.interrupt(turn)
        await stage.probe.fence(turn.thread_id)


@play("early-interrupt", script(Say(text="answered"), Say(text="spare")))
async def early_interrupt(stage: Stage) -> None:
    """The client interrupts a turn as soon as it knows its id."""
    await stage.start()
    turn = await stage.turn(await stage.thread(), "go")
    with stage.section("interrupt"):
        await stage.interrupt(turn)
    await stage.turn_end(turn)
    await stage.probe.fence(turn.thread_id)
