"""Checks of how turns end: here, and durably.

May import the trials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_conformance.suites.runtime.identities import SOME_THREAD
from codex_conformance.suites.runtime.turns import GATED, STREAMING, accepted
from codex_conformance.suites.runtime_registry import check
from codex_conformance.suites.verdicts import require
from codex_conformance.wire.messages import at
from codex_fakes.script.steps import FailHttp, Say, script
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_conformance.suites.runtime.trial import Trial
    from codex_conformance.wire.messages import Message


@check("lifecycle.dispatch.completed", script=script(Say("x")))
async def a_completed_turn_is_completed(trial: Trial) -> None:
    """Plays a turn."""
    await trial.opened()
    await trial.turn_ends(await trial.play_turn(), "completed")


@check("lifecycle.dispatch.interrupted", script=STREAMING)
async def an_interrupted_turn_is_interrupted(trial: Trial) -> None:
    """Interrupts a turn that runs."""
    await trial.opened()
    turn = await trial.running_turn()
    await trial.within(trial.runtime.interrupt(), "interrupting")
    await trial.at_rest()
    await trial.turn_ends(turn, "interrupted")


@check("lifecycle.dispatch.failed", script=script(FailHttp(status=400)))
async def a_failed_turn_has_failed(trial: Trial) -> None:
    """Has the model fail."""
    await trial.opened()
    await trial.turn_ends(await trial.play_turn(), "failed")


def elsewhere(message: Message) -> tuple[Message]:
    """Ask for another thread, which is not there."""
    return ({**message, "params": {**message["params"], "threadId": SOME_THREAD}},)


@check("lifecycle.dispatch.start-refused", script=script(Say("x")))
async def a_turn_that_codex_refuses_has_failed(trial: Trial) -> None:
    """Has Codex refuse to start a turn, and sends another one."""
    await trial.opened()
    trial.tap.rule("runtime", "turn/start", elsewhere, times=1)
    try:
        await trial.within(trial.runtime.send_turn("one"), "sending a turn")
    except CodexRuntimeError as error:
        # Whether it is told here is not what this rule is about.
        require(bool(error.code), "a code", error)
    turn = accepted(trial)
    await trial.turn_ends(turn, "failed")
    await trial.until(lambda: not trial.state.turn_in_flight, "that nothing is in flight")
    other = await trial.granted(trial.play_turn("two"), "sending the next turn")
    await trial.turn_ends(other, "completed")


def _turn(trial: Trial, **changed: Any) -> dict[str, Any]:
    """The turn that runs, as Codex tells of it, with something changed."""
    told = at(trial.tap.said("codex", "turn/started")[-1], "params", "turn")
    return {**told, **changed}


async def _goes_on(trial: Trial, *messages: Callable[[Trial], Message]) -> None:
    """Have Codex say something while a turn runs, which does not end it."""
    turn = await trial.running_turn()
    trial.tap.line.say(*(message(trial) for message in messages))
    await trial.heard()
    shown = (trial.state.turn_in_flight, trial.state.turn_id)
    require(shown == (True, turn), "that the turn is still in flight", shown)
    trial.open_gate("g")
    await trial.at_rest()
    await trial.turn_ends(turn, "completed")
    await trial.says(("user", "hello"), ("assistant", "x"))


@check("lifecycle.dispatch.will-retry", script=GATED)
async def an_error_that_is_retried_ends_nothing(trial: Trial) -> None:
    """Has Codex tell of an error that it goes on after."""
    thread = await trial.opened()

    def error(trial: Trial) -> Message:
        told = {"message": "again", "codexErrorInfo": None, "additionalDetails": None}
        where = {"threadId": thread, "turnId": _turn(trial)["id"]}
        return {"method": "error", "params": {**where, "error": told, "willRetry": True}}

    await _goes_on(trial, error)


@check("lifecycle.dispatch.own-end", script=GATED)
async def only_its_own_end_ends_a_turn(trial: Trial) -> None:
    """Has Codex tell of the end of another turn, and of one in another thread."""
    thread = await trial.opened()

    def end(where: str, **changed: Any) -> Callable[[Trial], Message]:
        def message(trial: Trial) -> Message:
            turn = _turn(trial, status="completed", **changed)
            return {"method": "turn/completed", "params": {"threadId": where, "turn": turn}}

        return message

    await _goes_on(trial, end(thread, id=SOME_THREAD), end(SOME_THREAD))


@check("lifecycle.dispatch.end-malformed", script=GATED)
async def an_end_that_says_nothing_is_a_failure(trial: Trial) -> None:
    """Has Codex tell of the end of a turn without saying how it ended."""
    thread = await trial.opened()
    turn = await trial.running_turn()
    told = {"id": await trial.turn_of_codex()}
    trial.tap.line.say({"method": "turn/completed", "params": {"threadId": thread, "turn": told}})
    await trial.until(lambda: not trial.state.turn_in_flight, "that the turn is over")
    await trial.turn_ends(turn, "failed")


@check("lifecycle.dispatch.exit", script=STREAMING)
async def an_exit_ends_the_turn(trial: Trial) -> None:
    """Has the app-server end in the middle of a turn."""
    await trial.opened()
    turn = await trial.running_turn()
    trial.tap.line.break_off(9)
    await trial.turn_ends(turn)


@check("lifecycle.dispatch.stop", script=STREAMING)
async def stopping_ends_the_turn(trial: Trial) -> None:
    """Stops in the middle of a turn."""
    await trial.opened()
    turn = await trial.running_turn()
    await trial.stop()
    await trial.turn_ends(turn)
