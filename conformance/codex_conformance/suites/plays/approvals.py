"""Plays of a command that needs the user's consent.

May import the stage, the script language and the definition of a play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_conformance.suites.playing import play
from codex_fakes.script.steps import Run, Say, Script, script

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage

COMMAND: Final = "touch made.txt && echo made"
"""The command the model wants to run."""

OUTPUT: Final = "made\n"
"""What the command prints."""


def _asking() -> Script:
    return script(Run(command=COMMAND, output=OUTPUT), Say(text="done"))


@play("command-accepted", _asking())
async def command_accepted(stage: Stage) -> None:
    """The user lets a command run."""
    await stage.start()
    turn = await stage.turn(await stage.thread(approvalPolicy="untrusted"), "run it")
    request = await stage.approval(turn)
    await stage.decide(request, "accept")
    await stage.turn_end(turn)
    await stage.probe.fence(turn.thread_id)


@play("command-declined", _asking())
async def command_declined(stage: Stage) -> None:
    """The user declines a command; the model goes on without it."""
    await stage.start()
    turn = await stage.turn(await stage.thread(approvalPolicy="untrusted"), "run it")
    request = await stage.approval(turn)
    await stage.decide(request, "decline")
    await stage.turn_end(turn)
    await stage.probe.fence(turn.thread_id)


@play("command-cancelled", _asking())
async def command_cancelled(stage: Stage) -> None:
    """The user declines a command and ends the turn with it."""
    await stage.start()
    turn = await stage.turn(await stage.thread(approvalPolicy="untrusted"), "run it")
    request = await stage.approval(turn)
    await stage.decide(request, "cancel")
    await stage.turn_end(turn)
    await stage.probe.fence(turn.thread_id)


@play("answers-that-do-not-count", _asking())
async def answers_that_do_not_count(stage: Stage) -> None:
    """The client answers with an id of the wrong type, then rightly, then once more."""
    await stage.start()
    turn = await stage.turn(await stage.thread(approvalPolicy="untrusted"), "run it")
    request = await stage.approval(turn)
    with stage.section("id of the wrong type"):
        # What is a number becomes its digits, and what is a string becomes a number.
        right = request.get("id")
        wrong = str(right) if isinstance(right, int) else 0
        await stage.decide(request, "cancel", answer_id=wrong)
        await stage.probe.fence(turn.thread_id)
    with stage.section("right answer"):
        await stage.decide(request, "accept")
        await stage.resolved(turn, request)
    with stage.section("second answer"):
        await stage.decide(request, "cancel")
        await stage.turn_end(turn)
        await stage.probe.fence(turn.thread_id)
