"""Checks of interrupted turns, and of interrupts that are refused.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.suites.plays.groups import INTERRUPTED
from codex_conformance.suites.plays.interrupts import (
    early_interrupt,
    interrupted_approval,
    interrupted_message,
    refused_interrupts,
)
from codex_conformance.suites.protocol.errors import judge_refusal
from codex_conformance.suites.reading import answer_in
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import (
    ended_well,
    present,
    require,
    require_equal,
    require_order,
    section_of,
    some,
    turn_at,
)
from codex_conformance.wire.messages import Kind, at, kind_of

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene


@check("lifecycle.interrupt.order", on=INTERRUPTED)
async def interrupts_happen_in_order(scene: Scene) -> None:
    """Compares the places of the answer, the idle status and turn/completed."""
    answer = answer_in(scene, "interrupt")
    require_equal(at(answer.message, "result"), {}, "the result", answer)
    turn = turn_at(scene, 0)
    idle = [e for e in turn.statuses() if at(e.message, "params", "status", "type") == "idle"]
    ended = present(turn.first("turn/completed"), "turn/completed")
    require_order("lifecycle.interrupt.order", answer, some(idle, "idle status")[0], ended)


@check("lifecycle.interrupt.open-message", on=(interrupted_message,))
async def open_messages_stay_open(scene: Scene) -> None:
    """Looks for the item/completed of the message that was being streamed."""
    turn = turn_at(scene, 0)
    present(turn.first("turn/completed"), "turn/completed")
    some(turn.item_events("item/started", "agentMessage"), "open message")
    completed = turn.item_events("item/completed", "agentMessage")
    require(not completed, "no item/completed of the open message", "one", *completed)


@check("lifecycle.interrupt.next-turn", on=INTERRUPTED)
async def the_turn_after_an_interrupt_goes_well(scene: Scene) -> None:
    """Reads how the turn after the interrupted one ended."""
    ended_well(turn_at(scene, 1))


@check("lifecycle.interrupt.approval-resolved", on=(interrupted_approval,))
async def pending_approvals_are_resolved_after_the_turn(scene: Scene) -> None:
    """Compares the places of turn/completed and serverRequest/resolved."""
    turn = turn_at(scene, 0)
    completed = present(turn.first("turn/completed"), "turn/completed")
    resolved = some(turn.of("serverRequest/resolved"), "serverRequest/resolved")
    require_order("lifecycle.interrupt.approval-resolved", completed, resolved[0])


@check("lifecycle.interrupt.late-answer", on=(interrupted_approval,))
async def late_answers_change_nothing(scene: Scene) -> None:
    """Looks for a reaction to the answer after the turn was interrupted."""
    section = section_of(scene, "late answer")
    turn = turn_at(scene, 0)
    reactions = [entry for entry in section if entry in turn.entries]
    found = ", ".join(str(entry.method) for entry in reactions)
    require(not reactions, "no reaction", found, *section)


@check("lifecycle.interrupt.idle-refused", on=(refused_interrupts,))
async def idle_threads_cannot_be_interrupted(scene: Scene) -> None:
    """Reads the answers for a thread that was never used and for one whose turn ended."""
    judge_refusal(scene, "never used", "no active turn to interrupt")
    judge_refusal(scene, "completed", "no active turn to interrupt")


@check("lifecycle.interrupt.wrong-turn-refused", on=(refused_interrupts,))
async def another_turns_id_does_not_interrupt(scene: Scene) -> None:
    """Reads the answer for the id of another turn."""
    judge_refusal(scene, "wrong turn", "expected active turn id ")


@check("lifecycle.interrupt.refused-changes-nothing", on=(early_interrupt, refused_interrupts))
async def refused_interrupts_change_nothing(scene: Scene) -> None:
    """Compares the answer to an interrupt with how the turn ended."""
    name = "interrupt" if scene.section("interrupt") is not None else "wrong turn"
    answer = answer_in(scene, name)
    completed = present(turn_at(scene, 0).first("turn/completed"), "turn/completed")
    status = at(completed.message, "params", "turn", "status")
    refused = kind_of(answer.message or {}) is Kind.ERROR
    expected = "completed" if refused else "interrupted"
    require_equal(status, expected, "a turn that ends as", answer, completed)
