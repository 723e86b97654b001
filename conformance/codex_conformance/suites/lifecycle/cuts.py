"""Checks of turns that are cut, of commands nobody is asked about, and of long waits.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_conformance.suites.plays.commands import (
    TYPED,
    amended,
    commands_unasked,
    denied,
    escalation_unasked,
    typed_into,
)
from codex_conformance.suites.plays.cuts import (
    compacted_while_running,
    interrupted_again,
    reverted_while_running,
    reviewed_while_running,
)
from codex_conformance.suites.plays.waits import compacted_by_itself, stalled, unreachable
from codex_conformance.suites.protocol.errors import judge_refusal
from codex_conformance.suites.reading import history_of, one_told_in
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
    turns_in,
    violated,
)
from codex_conformance.wire.messages import at

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.turns import Turn

IDLE: Final = "stream disconnected before completion: idle timeout waiting for SSE"
"""What is said of a model that says nothing any more."""

COMMAND_MEMBERS: Final = ("status", "exitCode", "aggregatedOutput")
"""The members of a command's item that say how it went."""


def _judge_cut(scene: Scene) -> None:
    """Judge that the turn that ran was interrupted."""
    turn = turn_at(scene, 1)
    completed = present(turn.first("turn/completed"), "turn/completed")
    require_equal(final_status(turn), "interrupted", "a turn that ends as", completed)


@check("lifecycle.revert.running", on=(reverted_while_running,))
async def reverting_cuts_into_a_turn(scene: Scene) -> None:
    """Compares the places of turn/completed and thread/reverted."""
    if history_of(scene) == "legacy":
        judge_refusal(scene, "cut", "thread/revert only supports paginated threads")
        return
    _judge_cut(scene)
    completed = present(turn_at(scene, 1).first("turn/completed"), "turn/completed")
    reverted = one_told_in(scene, "cut", "thread/reverted")
    require_order("lifecycle.revert.running", completed, reverted)


@check("lifecycle.compaction.running", on=(compacted_while_running,))
async def compacting_cuts_into_a_turn(scene: Scene) -> None:
    """Reads how the turn ended that ran when the thread was compacted."""
    _judge_cut(scene)


@check("lifecycle.review.running", on=(reviewed_while_running,))
async def reviewing_cuts_into_a_turn(scene: Scene) -> None:
    """Reads how the turn ended that ran when the review was started."""
    _judge_cut(scene)


@check("lifecycle.interrupt.still-named", on=(interrupted_again,))
async def interrupted_turns_are_still_named(scene: Scene) -> None:
    """Reads the refusal of an interrupt behind an interrupted turn."""
    judge_refusal(scene, "wrong turn", "expected active turn id ")


@check("lifecycle.interrupt.hangs", on=(interrupted_again,))
async def second_interrupts_wait_for_the_next_turn(scene: Scene) -> None:
    """Looks for the answer to the second interrupt, before and in the next turn."""
    asked = section_of(scene, "again")[0]
    answers = scene.transcript.answers_to(asked)
    later = section_of(scene, "next turn")
    early = [answer for answer in answers if later and answer.index < later[0].index]
    require(not early, "no answer before the next turn", "an answer", asked, *early)
    if not answers:
        violated("an answer when the next turn ends", "none", asked)
    require_equal(at(answers[0].message, "result"), {}, "the result", asked, answers[0])
    completed = present(turn_at(scene, 2).first("turn/completed"), "turn/completed")
    before = answers[0].index < completed.index
    require(before, "an answer before turn/completed", "one behind it", answers[0], completed)


def _commands(turn: Turn) -> list[tuple[object, ...]]:
    """How the commands of a turn went: status, exit code, output."""
    return [
        tuple(
            at(e.message, "params", "item", of) for of in ("status", "exitCode", "aggregatedOutput")
        )
        for e in turn.item_events("item/completed", "commandExecution")
    ]


@check("lifecycle.command.unasked", on=(commands_unasked,))
async def commands_tell_how_they_went(scene: Scene) -> None:
    """Reads the items of a command that went well and of one that did not."""
    turn = turn_at(scene, 0)
    present(turn.first("turn/completed"), "turn/completed")
    asked = turn.of(APPROVAL_METHOD)
    require(not asked, "no request for approval", "one", *asked)
    expected = [("completed", 0, "well"), ("failed", 3, "ill")]
    items = turn.item_events("item/completed", "commandExecution")
    require_equal(_commands(turn), expected, "the commands", *items)


@check("lifecycle.command.ids", on=(commands_unasked,))
async def commands_have_the_ids_of_their_calls(scene: Scene) -> None:
    """Compares the ids of the commands' items with those of the model's calls."""
    items = some(turn_at(scene, 0).item_events("item/completed", "commandExecution"), "command")
    found = [at(item.message, "params", "item", "id") for item in items]
    require_equal(found, ["call_well", "call_ill"], "the ids", *items)


@check("lifecycle.approval.amendment", on=(amended,))
async def amendments_allow_for_good(scene: Scene) -> None:
    """Looks for a request in the second turn, and for the command."""
    turn = turn_at(scene, 1)
    ended_well(turn)
    asked = turn.of(APPROVAL_METHOD)
    require(not asked, "no request for approval", "one", *asked)
    statuses = [status for status, *_ in _commands(turn)]
    require_equal(statuses, ["completed"], "commands that end as", *turn.of("item/completed"))


@check("lifecycle.terminal.interaction", on=(typed_into,))
async def typing_is_told(scene: Scene) -> None:
    """Looks for the notification with the item of the command and the text."""
    turn = turn_at(scene, 0)
    present(turn.first("turn/completed"), "turn/completed")
    started = some(turn.item_events("item/started", "commandExecution"), "command")[0]
    told = turn.of("item/commandExecution/terminalInteraction")
    found = [
        (at(e.message, "params", "itemId"), at(e.message, "params", "stdin"))
        for e in told
        if at(e.message, "params", "stdin")
    ]
    item = at(started.message, "params", "item", "id")
    require_equal(found, [(item, TYPED)], "what was typed", started, *told)


@check("lifecycle.command.denied", on=(denied,))
async def denied_commands_do_not_complete(scene: Scene) -> None:
    """Reads the item of the command, if it has one, and how the turn ended."""
    turn = turn_at(scene, 0)
    ended_well(turn)
    for item in turn.item_events("item/completed", "commandExecution"):
        require_equal(at(item.message, "params", "item", "status"), "failed", "a command", item)


@check("lifecycle.approval.never", on=(escalation_unasked,))
async def nobody_is_asked_where_nobody_is_to_be(scene: Scene) -> None:
    """Looks for a request and for the item of the command."""
    turn = turn_at(scene, 0)
    ended_well(turn)
    found = (*turn.of(APPROVAL_METHOD), *turn.item_events("item/started", "commandExecution"))
    require(not found, "neither request nor item", "some", *found)


@check("lifecycle.failure.idle", on=(stalled,))
async def silent_models_fail_the_turn(scene: Scene) -> None:
    """Reads the error of the turn."""
    turn = turn_at(scene, 0)
    completed = present(turn.first("turn/completed"), "turn/completed")
    message = at(completed.message, "params", "turn", "error", "message")
    require_equal((final_status(turn), message), ("failed", IDLE), "an end as", completed)


@check("lifecycle.retry.network", on=(unreachable,))
async def the_network_is_waited_for(scene: Scene) -> None:
    """Reads the errors of the turn, and how it ended when it was interrupted."""
    turn = turn_at(scene, 0)
    for error in some(turn.of("error"), "error"):
        require_equal(at(error.message, "params", "willRetry"), True, "willRetry", error)
        text = at(error.message, "params", "error", "message")
        require_equal(text, "Reconnecting... waiting for network", "the text", error)
    completed = present(turn.first("turn/completed"), "turn/completed")
    require_equal(final_status(turn), "interrupted", "a turn that ends as", completed)


@check("lifecycle.compaction.automatic", on=(compacted_by_itself,))
async def long_threads_are_compacted(scene: Scene) -> None:
    """Looks for the item in the turn behind the one that failed."""
    turns = turns_in(scene)
    turn = turn_at(scene, 2)
    ended_well(turn)
    for other in turns[:1]:
        items = other.item_events("item/started", "contextCompaction")
        require(not items, "no compaction of a short thread", "one", *items)
    items = turn.item_events("item/completed", "contextCompaction")
    require(len(items) == 1, "one contextCompaction", str(len(items)), *items)
