"""Checks of turns that are sent: accepted, given to Codex, shown, steered and interrupted.

May import the trials.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.runtime_registry import check
from codex_conformance.suites.verdicts import present, require, require_equal, some
from codex_conformance.targets.deployment import HostCapability
from codex_conformance.wire.messages import at
from codex_fakes.script.steps import Say, Wait, script
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from codex_conformance.suites.runtime.trial import Trial
    from codex_conformance.wire.messages import Message

GATED: Final = script((Wait("g"), Say("x")))
"""The model answers when it may."""

STREAMING: Final = script((Say(("a", "b"), left_open=True), Wait("g"), Say("c")))
"""The model stops in the middle of its answer."""


class HeldStart:
    """Keeps back what Codex says about the start of a turn.

    Args:
        trial: The trial.
        told: Whether ``turn/started`` passes, and only the answer is kept back.
    """

    def __init__(self, trial: Trial, *, told: bool) -> None:
        self._trial = trial
        self._kept: list[Message] = []
        self._rules = [trial.tap.rule("codex", "turn/start", self._keep, answers=True)]
        if not told:
            self._rules.append(trial.tap.rule("codex", "turn/started", self._keep))

    def _keep(self, message: Message) -> tuple[()]:
        self._kept.append(message)
        self._trial.tap.moved()
        return ()

    async def wait(self) -> None:
        """Wait until everything that is kept back has come."""
        await self._trial.until(
            lambda: len(self._kept) >= len(self._rules), "that Codex starts the turn"
        )

    def release(self) -> None:
        """Let it pass."""
        for rule in self._rules:
            self._trial.tap.lift(rule)
        self._trial.tap.line.say(*self._kept)


def accepted(trial: Trial) -> str:
    """The persisted id of the first turn that the deployment was asked to accept."""
    (call, *_) = some(trial.line.called("acceptTurnSend"), "turn that is to be accepted")
    return str(call.args["turnId"])


@check("lifecycle.dispatch.accepted", script=GATED)
async def a_turn_that_was_sent_is_durable(trial: Trial) -> None:
    """Sends a turn, and looks for it in the deployment while it runs."""
    await trial.opened()
    turn = await trial.send()
    found = await trial.talk().turn(turn)
    require(found is not None, f"a durable turn {turn}", "none")


@check("lifecycle.dispatch.accepted-first", script=script(Say("x")))
async def a_turn_is_accepted_before_it_starts(trial: Trial) -> None:
    """Sends a turn, and notes whether it was accepted when Codex was asked to start it."""
    await trial.opened()
    known: list[bool] = []

    def note(message: Message) -> tuple[Message]:
        known.append(any(call.answered for call in trial.line.called("acceptTurnSend")))
        return (message,)

    trial.tap.rule("runtime", "turn/start", note)
    await trial.play_turn()
    require_equal(known, [True], "that it was accepted before is")


@check("lifecycle.dispatch.asked", script=script(Say("x")))
async def codex_is_asked_to_start_it(trial: Trial) -> None:
    """Sends a turn, and reads what Codex is asked."""
    thread = await trial.opened()
    await trial.play_turn("What is this?")
    (asked, *more) = some(trial.tap.said("runtime", "turn/start"), "turn/start")
    require_equal(len(more), 0, "further requests to start it:")
    require_equal(at(asked, "params", "threadId"), thread, "the thread:")
    texts = [at(one, "text") for one in at(asked, "params", "input") or ()]
    require_equal(texts, ["What is this?"], "what the user says:")


@check("lifecycle.dispatch.named", script=script(Say("x"), Say("y")))
async def codex_is_told_a_name_of_the_turn(trial: Trial) -> None:
    """Sends two turns, and compares the names that Codex is told with the durable ones."""
    await trial.opened()
    turns = [await trial.play_turn(), await trial.play_turn()]
    names = [
        str(at(asked, "params", "clientUserMessageId"))
        for asked in trial.tap.said("runtime", "turn/start")
    ]
    asked = [call.args for call in trial.line.called("acceptTurnSend")]
    for turn, name, args in zip(turns, names, asked, strict=True):
        known = (turn, args.get("dispatchId"), args["idempotencyKey"])
        require(name in known, f"a name that is kept with the turn, one of {known}", name)


@check("lifecycle.dispatch.shown", script=GATED)
async def the_state_shows_the_turn(trial: Trial) -> None:
    """Looks at the state while a turn runs, and afterwards."""
    await trial.opened()
    turn = await trial.running_turn()
    shown = (trial.state.turn_in_flight, trial.state.turn_id)
    require_equal(shown, (True, turn), "while it runs, the state shows")
    trial.open_gate("g")
    await trial.at_rest()
    shown = (trial.state.turn_in_flight, trial.state.turn_id)
    require_equal(shown, (False, None), "afterwards, the state shows")


@check("lifecycle.dispatch.shown-early", script=GATED)
async def a_start_that_is_told_before_it_is_answered_is_shown(trial: Trial) -> None:
    """Has Codex tell of the start before it answers."""
    await trial.opened()
    held = HeldStart(trial, told=True)
    sending = trial.begin(trial.send())
    await held.wait()
    await trial.until(lambda: trial.state.turn_in_flight, "a turn in flight")
    await trial.heard()
    early = trial.state.turn_id
    held.release()
    require_equal(early, await sending, "the turn that was shown before the answer:")


@check("lifecycle.dispatch.again", script=script(Say("x"), Say("y")))
async def the_next_turn_can_be_sent(trial: Trial) -> None:
    """Plays two turns, one after the other."""
    await trial.opened()
    for text in ("one", "two"):
        turn = await trial.granted(trial.play_turn(text), "sending a turn")
        await trial.turn_ends(turn, "completed")
    await trial.says(("user", "one"), ("assistant", "x"), ("user", "two"), ("assistant", "y"))


@check("lifecycle.dispatch.one-slot", script=GATED)
async def of_two_turns_one_is_given_to_codex(trial: Trial) -> None:
    """Sends two turns at once."""
    await trial.opened()
    results = await trial.within(
        asyncio.gather(
            trial.runtime.send_turn("one"), trial.runtime.send_turn("two"), return_exceptions=True
        ),
        "sending two turns",
    )
    refused = [one for one in results if isinstance(one, BaseException)]
    require_equal(len(refused), 1, "turns that are refused:")
    require(isinstance(refused[0], CodexRuntimeError), "a refusal with a code", refused[0])
    await trial.turn_of_codex()
    require_equal(len(trial.tap.said("runtime", "turn/start")), 1, "turns that Codex is given:")


@check("lifecycle.dispatch.interrupt-early", script=STREAMING)
async def an_early_interrupt_is_sent_when_the_turn_has_a_name(trial: Trial) -> None:
    """Interrupts before Codex has named the turn."""
    await trial.opened()
    held = HeldStart(trial, told=False)
    sending = trial.begin(trial.send())
    await held.wait()
    await trial.until(lambda: trial.state.turn_in_flight, "a turn in flight")
    await trial.within(trial.runtime.interrupt(), "interrupting")
    require_equal(trial.tap.said("runtime", "turn/interrupt"), [], "interrupts of a nameless turn:")
    held.release()
    turn = await sending
    codex_turn = await trial.turn_of_codex()
    await trial.until(lambda: bool(trial.tap.said("runtime", "turn/interrupt")), "turn/interrupt")
    named = at(trial.tap.said("runtime", "turn/interrupt")[0], "params", "turnId")
    require_equal(named, codex_turn, "the turn that is interrupted:")
    await trial.turn_ends(turn, "interrupted")


@check("lifecycle.dispatch.interrupt-idle", script=script(Say("x")))
async def an_idle_interrupt_leaves_the_next_turn_alone(trial: Trial) -> None:
    """Interrupts while nothing runs, then plays a turn."""
    await trial.opened()
    await trial.within(trial.runtime.interrupt(), "interrupting")
    turn = await trial.play_turn()
    await trial.turn_ends(turn, "completed")
    require_equal(trial.tap.said("runtime", "turn/interrupt"), [], "interrupts that Codex hears:")


@check("lifecycle.dispatch.steer", script=script((Wait("g"), Say("x")), Say("y")))
async def what_is_steered_is_said_in_the_turn(trial: Trial) -> None:
    """Says something more while the model thinks."""
    await trial.opened()
    turn = await trial.running_turn()
    await trial.within(trial.runtime.steer_turn("and more"), "steering")
    await trial.until(lambda: bool(trial.tap.said("runtime", "turn/steer")), "turn/steer")
    asked = trial.tap.said("runtime", "turn/steer")[0]
    named = at(asked, "params", "expectedTurnId")
    require_equal(named, await trial.turn_of_codex(), "the turn that is steered:")
    require_equal(at(asked, "params", "input", 0, "text"), "and more", "what is said:")
    trial.open_gate("g")
    await trial.at_rest()
    await trial.turn_ends(turn, "completed")


async def _open(trial: Trial) -> list[Any]:
    thread = present((await trial.talk().snapshot()).get("threadId"), "thread of the conversation")
    rows = await trial.guest.reads("listOpenTurnDispatches", threadId=thread)
    return [(row["turnId"], row["status"], row.get("runtimeTurnId")) for row in rows]


@check("lifecycle.dispatch.outbox", HostCapability.EXTENDED, script=GATED)
async def a_turn_goes_through_the_outbox(trial: Trial) -> None:
    """Looks at the outbox while a turn runs, and afterwards."""
    await trial.opened()
    turn = await trial.running_turn()
    expected = [(turn, "started", await trial.turn_of_codex())]
    await trial.durably(lambda: _open(trial), lambda found: found == expected, f"open: {expected}")
    trial.open_gate("g")
    await trial.at_rest()
    await trial.durably(lambda: _open(trial), lambda found: not found, "nothing open afterwards")


@check("lifecycle.dispatch.outbox-shown", HostCapability.EXTENDED, script=script(Say("x")))
async def the_state_says_whether_there_is_an_outbox(trial: Trial) -> None:
    """Looks at runtimes with an outbox, without one, and without any deployment."""
    shown = []
    for durable, outbox in ((True, True), (True, False), (False, False)):
        await trial.make(durable=durable, outbox=outbox)
        shown.append(trial.state.outbox)
    require_equal(shown, [True, False, False], "with one, without one, and with nothing kept:")
