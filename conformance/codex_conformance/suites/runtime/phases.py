"""Checks of a runtime's phases: what each event does in each of them.

May import the trials and the expected tables.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from codex_conformance.requirements.runtime_states import (
    EXPECTED_LIFECYCLE,
    RUNNING,
    SHOWN_PHASES,
    walk,
)
from codex_conformance.suites.runtime_registry import check
from codex_conformance.suites.verdicts import require, require_equal
from codex_conformance.targets.door import Capability
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from codex_conformance.suites.runtime.trial import Trial

GARBAGE: Final = b"this is no message"
"""A line that an app-server may not write."""

MESSAGE: Final = {"method": "account/updated", "params": {"authMode": None, "planType": None}}
"""A message that says nothing about any thread."""

EXIT_CODE: Final = 7

_RESTING: Final = ("idle", "running", "troubled", "failed", "stopped")


async def _in_state(trial: Trial, state: str) -> None:
    """Make a runtime and bring it into a state."""
    await trial.make()
    if state == "idle":
        return
    await trial.connect()
    # What an app-server says of itself at its start is over before anything happens to it.
    await trial.heard()
    if state == "troubled":
        trial.tap.line.say(GARBAGE)
        await trial.phase("error")
    elif state == "failed":
        trial.tap.line.break_off(EXIT_CODE)
        await trial.phase("error")
    elif state == "stopped":
        await trial.stop()


def _changes(trial: Trial, since: int) -> list[tuple[str, str]]:
    """The phases that listeners heard of, each change once."""
    heard = [(state.phase, state.source) for state in trial.states[since - 1 :]]
    return [now for before, now in pairwise(heard) if before != now]


async def _fires(trial: Trial, event: str) -> tuple[str, ...]:
    """Have an event happen; give the events that the table knows it by."""
    match event:
        case "connect":
            await trial.connect()
            return ("connect", "opened")
        case "stop":
            await trial.stop()
            return ("stop", "stopped")
        case "protocolError":
            before = len(trial.reports)
            trial.tap.line.say(GARBAGE)
            await trial.until(lambda: len(trial.reports) > before, "a report of it")
        case "exit":
            trial.tap.line.break_off(EXIT_CODE)
            await trial.until(lambda: not trial.state.running, "that nothing runs")
        case "event":
            await _heard(trial)
        case _:
            raise ValueError(f"{event} is nothing that happens outside")
    return (event,)


async def _heard(trial: Trial) -> None:
    """Have the runtime hear a message, and a question behind it answered."""
    trial.tap.line.say(MESSAGE)
    # The answer comes behind the message: what the message does has been done then.
    await trial.within(trial.runtime.list_threads(), "listing threads")


async def _goes_by_the_table(trial: Trial, event: str, states: tuple[str, ...]) -> None:
    """Have an event happen in every state, and compare with the table."""
    for state in states:
        await _in_state(trial, state)
        since = len(trial.states)
        events = await _fires(trial, event)
        expected = walk(state, *events)
        found = _changes(trial, since)
        require_equal(found, expected, f"{event} of a runtime that is {state}:")
        after = expected[-1][0] if expected else SHOWN_PHASES.get(state, state)
        require_equal(trial.state.phase, after, f"after {event} of {state}, the phase")
        # There is one app-server at a time.
        if state != states[-1]:
            await trial.stop()


@check("lifecycle.phase.created")
async def a_new_runtime_is_idle(trial: Trial) -> None:
    """Makes a runtime and looks at it."""
    await trial.make()
    state = trial.state
    require_equal((state.phase, state.source, state.running), ("idle", "runtime", False), "it is")
    nothing = (state.runtime_conversation_id, state.conversation_id, state.turn_id)
    require_equal(nothing, (None, None, None), "its ids are")
    require_equal(len(trial.tap.lines), 0, "app-servers that were started:")


@check("lifecycle.phase.connect", Capability.RESTART)
async def connecting_goes_by_the_table(trial: Trial) -> None:
    """Connects in every phase, and looks whether another app-server was started."""
    await _goes_by_the_table(trial, "connect", _RESTING)
    for state in sorted(RUNNING):
        await trial.stop()
        await _in_state(trial, state)
        started = len(trial.tap.lines)
        await trial.connect()
        require_equal(len(trial.tap.lines), started, "app-servers after connecting again:")


@check("lifecycle.phase.stop", Capability.RESTART)
async def stopping_goes_by_the_table(trial: Trial) -> None:
    """Stops in every phase, and looks whether the app-server was let go."""
    await _goes_by_the_table(trial, "stop", _RESTING)
    require(all(line.closed for line in trial.tap.lines), "that every app-server is let go", "not")
    require(not trial.state.running, "that nothing runs", "running")


@check("lifecycle.phase.protocol-error")
async def a_protocol_error_goes_by_the_table(trial: Trial) -> None:
    """Has the app-server write a line that is no message."""
    await _goes_by_the_table(trial, "protocolError", ("running",))
    require(trial.state.running, "that the app-server is kept", "not running")
    require(not trial.tap.line.closed, "that the app-server is kept", "it was closed")
    require(trial.state.last_error is not None, "an error in the state", "none")


@check("lifecycle.phase.recovers", Capability.RESTART)
async def the_next_message_ends_an_error(trial: Trial) -> None:
    """Has the app-server write a line that is no message, and a message behind it."""
    await _goes_by_the_table(trial, "event", ("running", "troubled"))
    require_equal(trial.state.last_error, None, "the error that is shown:")


@check("lifecycle.phase.exit", Capability.RESTART)
async def an_exit_goes_by_the_table(trial: Trial) -> None:
    """Has the app-server end, in every phase in which there is one."""
    await _goes_by_the_table(trial, "exit", ("running", "troubled"))
    found = trial.state.last_error or ""
    require(f"code {EXIT_CODE}" in found, f"the exit code {EXIT_CODE} in lastError", found)


async def _cannot_start(trial: Trial) -> None:
    await trial.make()
    trial.tap.refusal = CodexRuntimeError("E_CODEX_BINARY_MISSING", "there is none")
    await trial.refused(trial.runtime.connect(actor=None), "E_CODEX_BINARY_MISSING")


@check("lifecycle.phase.start-failed")
async def a_start_that_fails_is_rolled_back(trial: Trial) -> None:
    """Connects where no app-server can be started."""
    await _cannot_start(trial)
    require_equal(EXPECTED_LIFECYCLE["starting"]["openFailed"], "failed", "the table says")
    require_equal((trial.state.phase, trial.state.running), ("error", False), "it is")
    require_equal(trial.state.last_error_code, "E_CODEX_BINARY_MISSING", "the code in the state:")


@check("lifecycle.phase.start-retried")
async def a_start_can_be_tried_again(trial: Trial) -> None:
    """Connects where no app-server can be started, and again when one can."""
    await _cannot_start(trial)
    trial.tap.refusal = None
    await trial.connect()
    require_equal((trial.state.phase, trial.state.running), ("running", True), "it is")


@check("lifecycle.phase.stop-starting")
async def a_start_can_be_stopped(trial: Trial) -> None:
    """Stops a runtime whose app-server has not answered initialize yet."""
    await trial.make()
    trial.tap.rule("codex", "initialize", lambda _: (), answers=True)
    connecting = trial.begin(trial.connect())
    await trial.until(lambda: bool(trial.tap.said("runtime", "initialize")), "initialize")
    await trial.stop()
    require_equal((trial.state.phase, trial.state.running), ("stopped", False), "it is")
    await trial.refused(connecting)


@check("lifecycle.phase.late-exit", Capability.RESTART)
async def a_late_exit_changes_nothing(trial: Trial) -> None:
    """Stops, then has the app-server end."""
    await trial.connected()
    await trial.stop()
    since = len(trial.states)
    trial.tap.line.break_off(EXIT_CODE)
    await trial.connect()
    found = _changes(trial, since)
    require_equal(found, walk("stopped", "connect", "opened"), "what is heard afterwards:")
