"""Checks of turns whose model fails, with and without retries.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.suites.plays.failures import failed_turn, retried_request, retried_stream
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import (
    ended_well,
    present,
    require,
    require_equal,
    require_order,
    some,
    turn_at,
    violated,
)
from codex_conformance.wire.messages import at

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry
    from codex_conformance.wire.turns import Turn


def _final_errors(turn: Turn) -> list[Entry]:
    return [e for e in turn.of("error") if at(e.message, "params", "willRetry") is False]


def _retries(turn: Turn) -> list[Entry]:
    return [e for e in turn.of("error") if at(e.message, "params", "willRetry") is True]


@check("lifecycle.failure.order", on=(failed_turn,))
async def failures_come_in_order(scene: Scene) -> None:
    """Compares the places of systemError, error and turn/completed."""
    turn = turn_at(scene, 0)
    completed = present(turn.first("turn/completed"), "turn/completed")
    errors = _final_errors(turn)
    require_equal(len(errors), 1, "the number of final errors", *turn.of("error"), completed)
    broken = [
        e for e in turn.statuses() if at(e.message, "params", "status", "type") == "systemError"
    ]
    if not broken:
        violated("status systemError before the error", "none", *turn.statuses(), *errors)
    require_order("lifecycle.failure.order", broken[0], errors[0], completed)


@check("lifecycle.failure.same-error", on=(failed_turn,))
async def failed_turns_carry_the_error(scene: Scene) -> None:
    """Compares the error in turn/completed with the one that was reported."""
    turn = turn_at(scene, 0)
    completed = present(turn.first("turn/completed"), "turn/completed")
    reported = some(_final_errors(turn), "final error")[0]
    expected = at(reported.message, "params", "error")
    found = at(completed.message, "params", "turn", "error")
    require_equal(found, expected, "the error", reported, completed)
    text = at(found, "message")
    require(isinstance(text, str) and bool(text), "an error with a text", repr(text), completed)


@check("lifecycle.failure.not-idle", on=(failed_turn,))
async def failed_threads_are_not_idle(scene: Scene) -> None:
    """Looks for an idle status between the failure and the next turn."""
    turn = turn_at(scene, 0)
    present(turn.first("turn/completed"), "turn/completed")
    idle = [e for e in turn.statuses() if at(e.message, "params", "status", "type") == "idle"]
    require(not idle, "no idle status after the failure", "one", *idle)


@check("lifecycle.failure.error-info", on=(failed_turn,))
async def errors_are_classified(scene: Scene) -> None:
    """Reads codexErrorInfo of the error."""
    reported = some(_final_errors(turn_at(scene, 0)), "final error")[0]
    found = at(reported.message, "params", "error", "codexErrorInfo")
    require_equal(found, "internalServerError", "codexErrorInfo", reported)


@check("lifecycle.failure.next-turn", on=(failed_turn,))
async def the_turn_after_a_failure_goes_well(scene: Scene) -> None:
    """Reads how the turn after the failed one ended."""
    ended_well(turn_at(scene, 1))


@check("lifecycle.retry.announced", on=(retried_stream,))
async def retries_are_announced(scene: Scene) -> None:
    """Looks for an error that says willRetry true, with a text."""
    turn = turn_at(scene, 0)
    present(turn.first("turn/completed"), "turn/completed")
    retries = _retries(turn)
    if not retries:
        violated("an error that says willRetry true", "none", *turn.entries[-6:])
    text = at(retries[0].message, "params", "error", "message")
    require(isinstance(text, str) and bool(text), "an error with a text", repr(text), *retries)


@check("lifecycle.retry.turn-goes-on", on=(retried_stream,))
async def retries_do_not_end_the_turn(scene: Scene) -> None:
    """Looks for a status other than active up to the last retry and behind it, until idle."""
    turn = turn_at(scene, 0)
    ended_well(turn)
    last = some(_retries(turn), "error that says willRetry true")[-1]
    for entry in some(turn.statuses(), "status"):
        found = at(entry.message, "params", "status", "type")
        allowed = ("active",) if entry.index < last.index else ("active", "idle")
        require(found in allowed, f"the status {' or '.join(allowed)}", found, last, entry)


@check("lifecycle.retry.requests-silent", on=(retried_request,))
async def repeated_requests_are_silent(scene: Scene) -> None:
    """Looks for errors in a turn whose model request was refused once and repeated."""
    turn = turn_at(scene, 0)
    ended_well(turn)
    errors = turn.of("error")
    require(not errors, "no error", f"{len(errors)} of them", *errors)
