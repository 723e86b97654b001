"""Checks of consent that is asked for twice at once, given for a session, or answered wrongly.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.suites.plays.collaboration import NEW_FILE, PATCH_METHOD, STEERING
from codex_conformance.suites.plays.consent import (
    NONSENSE,
    allowed_for_the_session,
    answered_with_nonsense,
    asked_at_once,
    interrupted_tool,
    patch_cancelled,
    patch_in_the_folder,
    steered_approval,
    tools_refused,
)
from codex_conformance.suites.protocol.errors import judge_refusal
from codex_conformance.suites.reading import answer_in, result_in
from codex_conformance.suites.registry import check
from codex_conformance.suites.stage import APPROVAL_METHOD
from codex_conformance.suites.verdicts import (
    ended_well,
    final_status,
    present,
    require,
    require_equal,
    require_order,
    section_of,
    some,
    turn_at,
)
from codex_conformance.wire.messages import at, keyed

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry
    from codex_conformance.wire.turns import Turn


def _completed(turn: Turn, kind: str) -> tuple[Entry, ...]:
    present(turn.first("turn/completed"), "turn/completed")
    return turn.item_events("item/completed", kind)


def _statuses_of(entries: tuple[Entry, ...]) -> list[object]:
    return [at(entry.message, "params", "item", "status") for entry in entries]


@check("lifecycle.approval.at-once", on=(asked_at_once,))
async def two_commands_are_asked_about_at_once(scene: Scene) -> None:
    """Compares ids and items of both requests, and their places with the first answer's."""
    turn = turn_at(scene, 0)
    asked = some(turn.of(APPROVAL_METHOD), "request for approval")
    first_answer = section_of(scene, "first answer")[0]
    early = [entry for entry in asked if entry.index < first_answer.index]
    require_equal(len(early), 2, "the number of requests before the first answer", *asked)
    for path in (("id",), ("params", "itemId")):
        different = len({keyed(at(entry.message, *path)) for entry in early})
        require_equal(different, 2, f"the number of different {path[-1]}", *early)
    ended_well(turn)


@check("lifecycle.approval.flag-until-last", on=(asked_at_once,))
async def the_flag_stays_until_the_last_answer(scene: Scene) -> None:
    """Reads the statuses between the two answers, and the first one behind the second."""
    turn = turn_at(scene, 0)
    section = section_of(scene, "first answer")
    between = [entry for entry in turn.statuses() if entry in section]
    require(not between, "no change of the flag between the answers", len(between), *between)
    after = some([e for e in turn.statuses() if e.index > section[-1].index], "status afterwards")
    flags = at(after[0].message, "params", "status", "activeFlags")
    require_equal(flags, [], "the flags", after[0])


@check("lifecycle.approval.session", on=(allowed_for_the_session,))
async def a_session_is_asked_once(scene: Scene) -> None:
    """Looks for a second request, and reads how both commands ended."""
    again = turn_at(scene, 1).of(APPROVAL_METHOD)
    require(not again, "no second request", len(again), *again)
    for place in (0, 1):
        done = _completed(turn_at(scene, place), "commandExecution")
        # A command that ends at once and quietly may have no item; one that asks always has.
        found = _statuses_of(done)
        require(found in ([], ["completed"]), "a command that completes", found, *done)
        ended_well(turn_at(scene, place))
    some(_completed(turn_at(scene, 0), "commandExecution"), "completed command")


@check("lifecycle.approval.nonsense", on=(answered_with_nonsense,))
async def nonsense_fails_the_command(scene: Scene) -> None:
    """Reads how each command ended, and how its turn did."""
    for place, (text, _) in enumerate(NONSENSE):
        turn = turn_at(scene, place)
        done = _completed(turn, "commandExecution")
        require_equal(_statuses_of(done), ["failed"], f"the command ({text})", *done)
        ended_well(turn)


@check("lifecycle.patch.cancelled", on=(patch_cancelled,))
async def a_cancelled_patch_stays_open(scene: Scene) -> None:
    """Reads how the turn ended, and looks for the end of the patch."""
    turn = turn_at(scene, 0)
    some(turn.item_events("item/started", "fileChange"), "started patch")
    done = _completed(turn, "fileChange")
    require(not done, "a patch that is never completed", len(done), *done)
    completed = turn.first("turn/completed")
    require_equal(final_status(turn), "interrupted", "a turn that ends as", completed)


@check("lifecycle.patch.unasked", on=(patch_in_the_folder,))
async def patches_in_the_folder_are_applied(scene: Scene) -> None:
    """Looks for requests, and reads how the patch ended."""
    turn = turn_at(scene, 0)
    done = _completed(turn, "fileChange")
    asked = turn.of(PATCH_METHOD)
    require(not asked, "no request", len(asked), *asked)
    require_equal(_statuses_of(done), ["completed"], f"the patch of {NEW_FILE}", *done)
    ended_well(turn)


@check("lifecycle.steer.waits-for-tools", on=(steered_approval,))
async def steering_waits_for_the_command(scene: Scene) -> None:
    """Compares the places of the command's end and of the user's message."""
    turn = turn_at(scene, 0)
    answer, result = result_in(scene, "steer", "turn/steer")
    require_equal(at(result, "turnId"), turn.turn_id, "the turn", answer)
    done = some(_completed(turn, "commandExecution"), "completed command")
    steered = [
        entry
        for entry in turn.item_events("item/started", "userMessage")
        if at(entry.message, "params", "item", "content", 0, "text") == STEERING
    ]
    require_equal(len(steered), 1, "the number of its messages", *steered)
    require_order("lifecycle.steer.waits-for-tools", done[0], steered[0])
    ended_well(turn)


@check("lifecycle.tool.interrupted", on=(interrupted_tool,))
async def interrupted_tools_fail(scene: Scene) -> None:
    """Reads how the call ended, and compares its place with the answer to the interrupt."""
    turn = turn_at(scene, 0)
    done = _completed(turn, "dynamicToolCall")
    require_equal(_statuses_of(done), ["failed"], "the call", turn.request, *done)
    require_order("lifecycle.tool.interrupted", done[0], answer_in(scene, "interrupt"))


@check("lifecycle.tool.refused", on=(tools_refused,))
async def tools_that_cannot_be_are_refused(scene: Scene) -> None:
    """Reads the answers to a bad name, to a name twice, and to a tool in a namespace."""
    judge_refusal(scene, "bad name", "dynamic tool name must match ")
    judge_refusal(scene, "same name", "duplicate dynamic tool name: ")
    result_in(scene, "namespace", "thread/start")
