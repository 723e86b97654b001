"""Checks of how turns end: kinds of failures, retries, double interrupts, the end in the middle.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.requirements.expectations import ERROR_INFO, ERROR_TEXTS
from codex_conformance.suites.plays.endings import (
    ended_mid_turn,
    failing,
    interrupted_twice,
    interrupted_unnamed,
    reopened_message,
)
from codex_conformance.suites.reading import answer_in, result_in, said_in
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import (
    ended_well,
    final_status,
    present,
    require,
    require_equal,
    section_of,
    some,
    turn_at,
    turns_in,
)
from codex_conformance.wire.messages import array_at, at, is_answer

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry
    from codex_conformance.wire.turns import Turn


def _error(turn: Turn) -> Entry:
    final = [e for e in turn.of("error") if at(e.message, "params", "willRetry") is False]
    return some(final, f"error of the turn {turn.text!r}")[-1]


@check("lifecycle.failure.kinds", on=(failing,))
async def failures_say_what_failed(scene: Scene) -> None:
    """Compares codexErrorInfo of each failed turn."""
    for turn in turns_in(scene):
        error = _error(turn)
        found = at(error.message, "params", "error", "codexErrorInfo")
        require_equal(found, ERROR_INFO[turn.text], f"codexErrorInfo ({turn.text})", error)


@check("lifecycle.failure.texts", on=(failing,))
async def failures_are_worded(scene: Scene) -> None:
    """Compares the beginning of the text of each failed turn."""
    for turn in turns_in(scene):
        error = _error(turn)
        found = str(at(error.message, "params", "error", "message"))
        wanted = ERROR_TEXTS[turn.text]
        # Apostrophes of both kinds are seen.
        fits = found.replace("\u2019", "'").startswith(wanted)
        require(fits, f"a text that begins with {wanted!r}", repr(found[:120]), error)


@check("lifecycle.retry.message-open", on=(reopened_message,))
async def broken_messages_stay_open(scene: Scene) -> None:
    """Compares the messages that start with those that complete."""
    turn = turn_at(scene, 0)
    present(turn.first("turn/completed"), "turn/completed")
    ids = {
        method: [
            at(entry.message, "params", "item", "id")
            for entry in turn.item_events(method, "agentMessage")
        ]
        for method in ("item/started", "item/completed")
    }
    events = turn.item_events("item/started", "agentMessage")
    require_equal(len(ids["item/started"]), 2, "the number of messages", *events)
    require_equal(ids["item/completed"], ids["item/started"][1:], "the completed ones", *events)


@check("lifecycle.retry.counted", on=(reopened_message,))
async def retries_are_counted(scene: Scene) -> None:
    """Reads text and kind of the error before the second try."""
    turn = turn_at(scene, 0)
    retries = [e for e in turn.of("error") if at(e.message, "params", "willRetry") is True]
    error = some(retries, "retry")[0]
    found = at(error.message, "params", "error")
    require_equal(at(found, "message"), "Reconnecting... 1/1", "the text", error)
    kind = at(found, "codexErrorInfo")
    expected = {"responseStreamDisconnected": {"httpStatusCode": None}}
    require_equal(kind, expected, "codexErrorInfo", error)
    cause = at(found, "additionalDetails")
    require(isinstance(cause, str) and bool(cause), "the cause", repr(cause), error)


@check("lifecycle.interrupt.twice", on=(interrupted_twice,))
async def interrupting_twice_is_harmless(scene: Scene) -> None:
    """Reads the answers, and counts turn/completed."""
    section = section_of(scene, "first")
    # A list, because what an app-server gives as an id may be anything.
    asked = [
        at(e.message, "id") for e in section if not e.received and e.method == "turn/interrupt"
    ]
    answers = [
        e
        for e in section
        if e.received and is_answer(e.message or {}) and at(e.message, "id") in asked
    ]
    results = [at(entry.message, "result") for entry in answers]
    require(results in ([{}], [{}, {}]), "one result {} or two", repr(results), *answers)
    turn = turn_at(scene, 0)
    completed = turn.of("turn/completed")
    require_equal(len(completed), 1, "the number of turn/completed", *completed)
    require_equal(final_status(turn), "interrupted", "a turn that ends as", *completed)


@check("lifecycle.interrupt.unnamed", on=(interrupted_unnamed, interrupted_twice))
async def whatever_runs_is_interrupted(scene: Scene) -> None:
    """Reads the answer, and how the turn ended if there was one."""
    section = "interrupt" if scene.section("interrupt") is not None else "nothing"
    answer, result = result_in(scene, section, "turn/interrupt")
    require_equal(result, {}, "the result", answer)
    if section == "interrupt":
        completed = present(turn_at(scene, 0).first("turn/completed"), "turn/completed")
        status = at(completed.message, "params", "turn", "status")
        require_equal(status, "interrupted", "a turn that ends as", answer, completed)


@check("lifecycle.restart.interrupted-turn", on=(ended_mid_turn,))
async def turns_that_were_cut_read_as_interrupted(scene: Scene) -> None:
    """Reads status and messages of the turn that ran when the app-server ended."""
    answer, result = result_in(scene, "read", "thread/read")
    turns = array_at(result, "thread", "turns")
    found = [(at(turn, "status"), *said_in(turn)) for turn in turns]
    expected = [("completed", "first", "said before"), ("interrupted", "second", None)]
    require_equal(found, expected, "the turns", answer)


@check("lifecycle.restart.settings", on=(ended_mid_turn,))
async def settings_outlive_a_restart(scene: Scene) -> None:
    """Reads the settings in the answer to thread/resume."""
    answer, result = result_in(scene, "resume", "thread/resume")
    found = {name: at(result, name) for name in ("approvalPolicy", "reasoningEffort")}
    expected = {"approvalPolicy": "never", "reasoningEffort": "high"}
    require_equal(found, expected, "the settings", answer)


@check("lifecycle.restart.after-interrupted", on=(ended_mid_turn,))
async def a_thread_that_was_cut_goes_on(scene: Scene) -> None:
    """Reads how the turn after the restart ended."""
    answer_in(scene, "resume")
    ended_well(turn_at(scene, 2))
