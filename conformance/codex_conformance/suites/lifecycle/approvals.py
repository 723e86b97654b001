"""Checks of a command that needs the user's consent.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.requirements.expectations import APPROVAL_DECISIONS, APPROVAL_TEXTS
from codex_conformance.suites.plays.approvals import (
    COMMAND,
    OUTPUT,
    answers_that_do_not_count,
    command_accepted,
    command_cancelled,
    command_declined,
)
from codex_conformance.suites.plays.groups import ANSWERED_COMMANDS, ASKING
from codex_conformance.suites.registry import check
from codex_conformance.suites.stage import APPROVAL_METHOD
from codex_conformance.suites.verdicts import (
    ended_well,
    present,
    require,
    require_equal,
    require_order,
    section_of,
    some,
    turn_at,
    violated,
)
from codex_conformance.wire.messages import at

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry
    from codex_conformance.wire.turns import Turn


def _asked(scene: Scene) -> tuple[Turn, Entry]:
    """The turn in which the client is asked, and the request."""
    turn = turn_at(scene, 0)
    return turn, present(turn.first(APPROVAL_METHOD), "request for approval")


def _answer(turn: Turn, request: Entry) -> Entry:
    """The client's first answer to the request."""
    wanted = at(request.message, "id")
    found = next(
        (
            entry
            for entry in turn.around
            if not entry.received
            and entry.index > request.index
            and "result" in (entry.message or {})
            and at(entry.message, "id") == wanted
        ),
        None,
    )
    return present(found, "answer of the client")


def _completed(turn: Turn) -> Entry:
    items = turn.item_events("item/completed", "commandExecution")
    return present(items[0] if items else None, "completed command")


@check("lifecycle.approval.flag-set", on=ASKING)
async def the_thread_waits_for_approval(scene: Scene) -> None:
    """Reads the last status before the request."""
    turn, request = _asked(scene)
    before = [entry for entry in turn.statuses() if entry.index < request.index]
    last = some(before, "status before the request")[-1]
    found = at(last.message, "params", "status")
    expected = {"type": "active", "activeFlags": ["waitingOnApproval"]}
    require_equal(found, expected, "the status", last, request)


@check("lifecycle.approval.item-first", on=ASKING)
async def the_item_starts_before_the_request(scene: Scene) -> None:
    """Looks for the item of the command before the request, in progress."""
    turn, request = _asked(scene)
    item = at(request.message, "params", "itemId")
    started = [
        entry
        for entry in turn.item_events("item/started", "commandExecution")
        if entry.index < request.index and at(entry.message, "params", "item", "id") == item
    ]
    if not started:
        violated(f"item/started of {item} before the request", "none", request)
    status = at(started[0].message, "params", "item", "status")
    require_equal(status, "inProgress", "the item's status", started[0])


@check("lifecycle.approval.request", on=ASKING)
async def the_request_says_what_is_asked(scene: Scene) -> None:
    """Reads the members of the request that a host needs."""
    turn, request = _asked(scene)
    params = at(request.message, "params")
    for name in APPROVAL_TEXTS:
        found = at(params, name)
        require(isinstance(found, str) and bool(found), f"a text in {name}", repr(found), request)
    require_equal(at(params, "turnId"), turn.turn_id, "the turn", request)
    if turn.text == "run it":
        found = at(params, "command")
        require(COMMAND in str(found), f"the command {COMMAND!r}", repr(found), request)
    offered = at(params, "availableDecisions")
    listed = isinstance(offered, list) and all(name in offered for name in APPROVAL_DECISIONS)
    require(listed, f"the decisions {', '.join(APPROVAL_DECISIONS)}", offered, request)


@check("lifecycle.approval.resolved", on=(*ANSWERED_COMMANDS, answers_that_do_not_count))
async def the_request_is_resolved(scene: Scene) -> None:
    """Counts serverRequest/resolved, and compares its place with the answer and the item."""
    turn, request = _asked(scene)
    answer = _answer(turn, request)
    completed = _completed(turn)
    resolved = turn.of("serverRequest/resolved")
    require_equal(
        len(resolved), 1, "the number of serverRequest/resolved", request, *resolved, completed
    )
    wanted, found = at(request.message, "id"), at(resolved[0].message, "params", "requestId")
    require_equal(found, wanted, "the requestId", request, *resolved)
    require_order("lifecycle.approval.resolved", answer, resolved[0], completed)


@check("lifecycle.approval.flag-cleared", on=ANSWERED_COMMANDS)
async def the_thread_waits_no_more(scene: Scene) -> None:
    """Reads the first status after the answer."""
    turn, request = _asked(scene)
    answer = _answer(turn, request)
    later = [entry for entry in turn.statuses() if entry.index > answer.index]
    first = some(later, "status after the answer")[0]
    found = at(first.message, "params", "status")
    require_equal(found, {"type": "active", "activeFlags": []}, "the status", request, first)


@check("lifecycle.approval.accepted-runs", on=(command_accepted,))
async def accepted_commands_run(scene: Scene) -> None:
    """Reads status, exit code and output of the command that was accepted."""
    turn, _ = _asked(scene)
    completed = _completed(turn)
    item = at(completed.message, "params", "item")
    found = {key: at(item, key) for key in ("status", "exitCode")}
    require_equal(found, {"status": "completed", "exitCode": 0}, "an item with", completed)
    output = at(item, "aggregatedOutput")
    # What the machine's shell profile prints may stand before it.
    printed = isinstance(output, str) and output.endswith(OUTPUT)
    require(printed, f"the output {OUTPUT!r}", repr(output), completed)


@check("lifecycle.approval.declined", on=(command_declined, command_cancelled))
async def declined_commands_do_not_run(scene: Scene) -> None:
    """Reads status and exit code of the command that was declined."""
    turn, _ = _asked(scene)
    completed = _completed(turn)
    item = at(completed.message, "params", "item")
    found = {key: at(item, key) for key in ("status", "exitCode")}
    require_equal(found, {"status": "declined", "exitCode": None}, "an item with", completed)


@check("lifecycle.approval.declined-goes-on", on=(command_declined,))
async def a_declined_command_does_not_end_the_turn(scene: Scene) -> None:
    """Reads how the turn ended, and whether the model spoke again."""
    turn, _ = _asked(scene)
    ended_well(turn)
    spoke = turn.item_events("item/completed", "agentMessage")
    require(bool(spoke), "a message of the model after the command", "none", *turn.entries[-4:])


@check("lifecycle.approval.cancelled", on=(command_cancelled,))
async def cancelling_interrupts_the_turn(scene: Scene) -> None:
    """Reads how the turn ended, and whether the model spoke again."""
    turn, _ = _asked(scene)
    completed = present(turn.first("turn/completed"), "turn/completed")
    status = at(completed.message, "params", "turn", "status")
    require_equal(status, "interrupted", "a turn that ends as", completed)
    spoke = turn.item_events("item/started", "agentMessage")
    require(not spoke, "no message of the model", "one", *spoke)


@check("lifecycle.approval.id-type", on=(answers_that_do_not_count,))
async def the_type_of_an_id_matters(scene: Scene) -> None:
    """Looks for a reaction to an answer whose id has the wrong type."""
    turn, _ = _asked(scene)
    section = section_of(scene, "id of the wrong type")
    reactions = [entry for entry in section if entry in turn.entries]
    found = ", ".join(str(entry.method) for entry in reactions)
    require(not reactions, "no reaction", found, *section)


@check("lifecycle.approval.first-answer-counts", on=(answers_that_do_not_count,))
async def the_first_answer_counts(scene: Scene) -> None:
    """Reads what became of a command that was accepted, and then cancelled."""
    turn, _ = _asked(scene)
    section = section_of(scene, "second answer")
    second = section[0]
    completed = _completed(turn)
    status = at(completed.message, "params", "item", "status")
    require_equal(status, "completed", "a command that ends as", second, completed)
    ended_well(turn)
