"""Checks of turns: what frames them, and in which order.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.requirements.expectations import (
    FINAL_STATUS,
    NOTHING_AFTER_COMPLETED,
    SECONDS_FROM,
    SECONDS_TO,
    TURN_EVENTS,
)
from codex_conformance.suites.plays.groups import ANSWERED_COMMANDS, GOOD_TURNS, TURNS
from codex_conformance.suites.plays.turns import plain_turns, two_threads
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import (
    Inconclusive,
    present,
    require,
    require_equal,
    some,
    turns_in,
    violated,
)
from codex_conformance.wire.messages import at
from codex_conformance.wire.turns import turn_id_of

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry
    from codex_conformance.wire.turns import Turn


def line_before(turn: Turn, entry: Entry) -> Entry | None:
    """The notification about the turn's thread right before another one.

    Answers do not count: when the machine is busy, the answer to turn/start may come as late as
    behind turn/started.
    """
    before = turn.entries[: turn.entries.index(entry)]
    told = [one for one in before if one.message is not None and "method" in one.message]
    return told[-1] if told else None


@check("lifecycle.turn.response-members", on=GOOD_TURNS)
async def the_response_holds_a_turn_in_progress(scene: Scene) -> None:
    """Reads the turn in the response to turn/start."""
    expected: dict[str, object] = {
        "items": [],
        "status": "inProgress",
        "error": None,
        "startedAt": None,
        "completedAt": None,
        "durationMs": None,
    }
    for turn in turns_in(scene):
        response = present(turn.response, "response to turn/start")
        started = at(response.message, "result", "turn")
        require_equal(
            {key: at(started, key) for key in expected}, expected, "a turn with", response
        )
        require_equal(at(started, "rootTurnId"), at(started, "id"), "the root turn", response)


@check("lifecycle.turn.active-first", on=TURNS)
async def the_thread_becomes_active_right_before(scene: Scene) -> None:
    """Reads the message right before turn/started."""
    for turn in turns_in(scene):
        started = present(turn.first("turn/started"), "turn/started")
        before = line_before(turn, started)
        found = at(before.message, "params", "status") if before is not None else None
        expected = "thread/status/changed to active, without flags, right before turn/started"
        is_status = before is not None and before.method == "thread/status/changed"
        active = found == {"type": "active", "activeFlags": []}
        require(is_status and active, expected, _named(before), before, started)


def _named(entry: Entry | None) -> str:
    if entry is None:
        return "nothing"
    status = at(entry.message, "params", "status", "type")
    return f"{entry.method}{f' to {status}' if status is not None else ''}"


@check("lifecycle.turn.started-once", on=TURNS)
async def a_turn_starts_once(scene: Scene) -> None:
    """Counts turn/started for each turn/start."""
    for turn in turns_in(scene):
        started = turn.of("turn/started")
        require_equal(len(started), 1, "the number of turn/started", turn.request, *started)


@check("lifecycle.turn.completed-once", on=TURNS)
async def a_turn_completes_once(scene: Scene) -> None:
    """Counts turn/completed for each turn/start."""
    for turn in turns_in(scene):
        completed = turn.of("turn/completed")
        if not completed and not scene.missed("turn/completed"):
            raise Inconclusive("the scene broke off before turn/completed")
        require_equal(
            len(completed),
            1,
            "the number of turn/completed",
            turn.request,
            *(completed or turn.around[-6:]),
        )


@check("lifecycle.turn.completed-last", on=TURNS)
async def nothing_of_a_turn_comes_after_it(scene: Scene) -> None:
    """Looks for items, deltas, usage and errors behind turn/completed."""
    for turn in turns_in(scene):
        completed = present(turn.first("turn/completed"), "turn/completed")
        late = [e for e in turn.of(*NOTHING_AFTER_COMPLETED) if e.index > completed.index]
        found = ", ".join(str(entry.method) for entry in late)
        require(not late, "nothing of the turn after turn/completed", found, completed, *late)


@check("lifecycle.turn.idle-before-completed", on=TURNS)
async def the_thread_becomes_idle_right_before(scene: Scene) -> None:
    """Reads the message right before turn/completed, unless the turn failed."""
    for turn in turns_in(scene):
        completed = present(turn.first("turn/completed"), "turn/completed")
        if turn.of("error") and at(turn.of("error")[-1].message, "params", "willRetry") is False:
            continue
        before = line_before(turn, completed)
        idle = (
            before is not None
            and before.method == "thread/status/changed"
            and at(before.message, "params", "status") == {"type": "idle"}
        )
        expected = "thread/status/changed to idle right before turn/completed"
        require(idle, expected, _named(before), before, completed)


@check("lifecycle.turn.same-id", on=TURNS)
async def messages_carry_the_turn_id(scene: Scene) -> None:
    """Compares the turn id in every message of a turn with the one in the response."""
    for turn in turns_in(scene):
        wanted = present(turn.turn_id, "turn id in the response to turn/start")
        for entry in some(turn.of(*TURN_EVENTS), "message of a turn"):
            require_equal(turn_id_of(entry.message), wanted, "the turn id", turn.response, entry)


@check("lifecycle.turn.final-status", on=TURNS)
async def turns_say_how_they_ended(scene: Scene) -> None:
    """Compares the status in turn/completed with how the turns of the play end."""
    expected = FINAL_STATUS[scene.play.name]
    for turn, status in zip(turns_in(scene), expected, strict=False):
        completed = present(turn.first("turn/completed"), "turn/completed")
        found = at(completed.message, "params", "turn", "status")
        require_equal(found, status, "the status", completed)


@check("lifecycle.turn.summary", on=GOOD_TURNS)
async def turn_completed_holds_the_last_message(scene: Scene) -> None:
    """Compares the items in turn/completed with the last message that was completed."""
    for turn in turns_in(scene):
        completed = present(turn.first("turn/completed"), "turn/completed")
        messages = turn.item_events("item/completed", "agentMessage")
        last = at(some(messages, "completed message")[-1].message, "params", "item")
        found = at(completed.message, "params", "turn")
        require_equal(at(found, "items"), [last], "the items", messages[-1], completed)
        require_equal(at(found, "itemsView"), "summary", "itemsView", completed)


@check("lifecycle.turn.times", on=(plain_turns, *ANSWERED_COMMANDS))
async def turns_say_when(scene: Scene) -> None:
    """Reads startedAt, completedAt and durationMs in turn/completed."""
    for turn in turns_in(scene):
        completed = present(turn.first("turn/completed"), "turn/completed")
        found = at(completed.message, "params", "turn")
        for name in ("startedAt", "completedAt"):
            time = at(found, name)
            in_seconds = type(time) is int and SECONDS_FROM <= time <= SECONDS_TO
            require(in_seconds, f"{name} in seconds since 1970", repr(time), completed)
        duration = at(found, "durationMs")
        counted = type(duration) is int and duration >= 0
        require(counted, "durationMs in milliseconds", repr(duration), completed)


@check("lifecycle.turn.apart", on=(two_threads,))
async def concurrent_turns_do_not_mix(scene: Scene) -> None:
    """Compares the text that each of two threads got with what was said to it."""
    turns = turns_in(scene)
    if len({turn.thread_id for turn in turns}) != len(turns):
        violated("a thread for each turn", "the same thread twice", *(t.request for t in turns))
    for turn in turns:
        deltas = some(turn.of("item/agentMessage/delta"), "delta")
        for entry in deltas:
            own = str(at(entry.message, "params", "delta")).strip().startswith(turn.text)
            require(own, f"text that begins with {turn.text!r}", _text(entry), *deltas)


def _text(entry: Entry) -> str:
    return repr(at(entry.message, "params", "delta"))
