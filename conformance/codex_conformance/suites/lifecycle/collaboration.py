"""Checks of steered turns, patches, the client's own tools, and several clients.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from codex_conformance.suites.plays.collaboration import (
    ADDED,
    ARGUMENTS,
    NEW_FILE,
    PATCH_METHOD,
    STEERING,
    STEERING_ID,
    TOOL,
    TOOL_METHOD,
    TOOL_SAID,
    client_tool,
    patch_accepted,
    patch_declined,
    refused_steers,
    started_while_running,
    steered_message,
    two_clients,
)
from codex_conformance.suites.protocol.errors import judge_refusal
from codex_conformance.suites.reading import result_in
from codex_conformance.suites.registry import check
from codex_conformance.suites.stage import APPROVAL_METHOD
from codex_conformance.suites.verdicts import (
    ended_well,
    present,
    require,
    require_equal,
    require_order,
    some,
    turn_at,
)
from codex_conformance.wire.messages import array_at, at, is_answer

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry
    from codex_conformance.wire.turns import Turn

# --- steers ---------------------------------------------------------------------------------------


@check("lifecycle.steer.same-turn", on=(steered_message,))
async def steering_is_of_the_running_turn(scene: Scene) -> None:
    """Compares the id in the answer with the turn's, and counts turn/started."""
    turn = turn_at(scene, 0)
    answer, result = result_in(scene, "steer", "turn/steer")
    require_equal(at(result, "turnId"), turn.turn_id, "the turn", answer)
    started = turn.of("turn/started")
    require_equal(len(started), 1, "the number of turn/started", *started)


@check("lifecycle.steer.user-message", on=(steered_message,))
async def steering_becomes_a_user_message(scene: Scene) -> None:
    """Reads the second user message of the turn."""
    _second_message(turn_at(scene, 0))


def _second_message(turn: Turn) -> None:
    present(turn.first("turn/completed"), "turn/completed")
    said = turn.item_events("item/completed", "userMessage")
    require_equal(len(said), 2, "the number of user messages", *said)
    item = at(said[1].message, "params", "item")
    require_equal(at(item, "content", 0, "text"), STEERING, "the text", said[1])
    require_equal(at(item, "clientId"), STEERING_ID, "the client's id", said[1])


@check("lifecycle.steer.message-dropped", on=(steered_message,))
async def the_message_that_was_cut_is_dropped(scene: Scene) -> None:
    """Looks for the item/completed of the message that was being streamed."""
    turn = turn_at(scene, 0)
    present(turn.first("turn/completed"), "turn/completed")
    opened = some(turn.item_events("item/started", "agentMessage"), "open message")
    cut = at(opened[0].message, "params", "item", "id")
    completed = [
        entry
        for entry in turn.item_events("item/completed", "agentMessage")
        if at(entry.message, "params", "item", "id") == cut
    ]
    require(not completed, "no item/completed of the message", "one", *completed)


@check("lifecycle.steer.ends-once", on=(steered_message,))
async def a_steered_turn_ends_once(scene: Scene) -> None:
    """Counts turn/completed, and reads how the turn ended."""
    turn = turn_at(scene, 0)
    ended = some(turn.of("turn/completed"), "turn/completed")
    require_equal(len(ended), 1, "the number of turn/completed", *ended)
    ended_well(turn)


@check("lifecycle.steer.start-joins", on=(started_while_running,))
async def a_turn_started_while_one_runs_joins_it(scene: Scene) -> None:
    """Compares the id in the answer with the running turn's, and reads the user message."""
    running = turn_at(scene, 0)
    answer, result = result_in(scene, "start", "turn/start")
    require_equal(at(result, "turn", "id"), running.turn_id, "the turn", answer)
    said = turn_at(scene, 1).item_events("item/completed", "userMessage")
    texts = [at(entry.message, "params", "item", "content", 0, "text") for entry in said]
    require_equal(texts, [STEERING], "the user messages", answer, *said)


@check("lifecycle.steer.idle-refused", on=(refused_steers,))
async def idle_threads_cannot_be_steered(scene: Scene) -> None:
    """Reads the answer for a thread whose turn has ended."""
    judge_refusal(scene, "idle", "no active turn to steer")


@check("lifecycle.steer.wrong-turn-refused", on=(refused_steers,))
async def another_turns_id_does_not_steer(scene: Scene) -> None:
    """Reads the answer for the id of another turn."""
    judge_refusal(scene, "wrong turn", "expected active turn id `")


@check("lifecycle.steer.empty-refused", on=(refused_steers,))
async def empty_steers_are_refused(scene: Scene) -> None:
    """Reads the answers to a steer without a turn's id and to one without input."""
    judge_refusal(scene, "no turn", "expectedTurnId must not be empty")
    judge_refusal(scene, "no input", "input must not be empty")


# --- patches --------------------------------------------------------------------------------------

_PATCHED = (patch_accepted, patch_declined)


def _request(turn: Turn, method: str) -> Entry:
    return present(turn.first(method), f"request {method}")


def _completed(turn: Turn, kind: str) -> Entry:
    return some(turn.item_events("item/completed", kind), f"completed {kind}")[0]


@check("lifecycle.patch.item-first", on=_PATCHED)
async def the_patch_is_an_item_before_it_is_asked_about(scene: Scene) -> None:
    """Compares the places of item/started and the request, and reads the status."""
    turn = turn_at(scene, 0)
    request = _request(turn, PATCH_METHOD)
    started = some(turn.item_events("item/started", "fileChange"), "started patch")[0]
    require_order("lifecycle.patch.item-first", started, request)
    item = at(started.message, "params", "item")
    require_equal(at(item, "status"), "inProgress", "the status", started)
    require_equal(
        at(request.message, "params", "itemId"), at(item, "id"), "the item", started, request
    )


@check("lifecycle.patch.changes", on=_PATCHED)
async def the_patch_says_what_it_changes(scene: Scene) -> None:
    """Reads the changes of the started item."""
    started = some(turn_at(scene, 0).item_events("item/started", "fileChange"), "started patch")[0]
    changes = array_at(started.message, "params", "item", "changes")
    require_equal(len(changes or ()), 1, "the number of changes", started)
    change: Any = (changes or (None,))[0]
    path = PurePosixPath(str(at(change, "path")))
    named = path.is_absolute() and path.name == NEW_FILE
    require(named, f"the absolute path of {NEW_FILE}", str(path), started)
    require_equal(at(change, "kind", "type"), "add", "the kind", started)
    require_equal(at(change, "diff"), ADDED, "the diff", started)


@check("lifecycle.patch.resolved", on=_PATCHED)
async def the_patch_is_resolved(scene: Scene) -> None:
    """Compares the places of the answer, serverRequest/resolved and the item's end."""
    turn = turn_at(scene, 0)
    request, completed = _request(turn, PATCH_METHOD), _completed(turn, "fileChange")
    wanted = at(request.message, "id")
    answer = next(
        (e for e in turn.around if not e.received and e.message and is_answer(e.message)), None
    )
    resolved = some(turn.of("serverRequest/resolved"), "serverRequest/resolved")
    require_equal(at(resolved[0].message, "params", "requestId"), wanted, "the id", *resolved)
    answered = present(answer, "answer of the client")
    require_order("lifecycle.patch.resolved", answered, resolved[0], completed)


@check("lifecycle.patch.accepted", on=(patch_accepted,))
async def an_accepted_patch_completes(scene: Scene) -> None:
    """Reads the status of the completed item."""
    completed = _completed(turn_at(scene, 0), "fileChange")
    require_equal(
        at(completed.message, "params", "item", "status"), "completed", "the status", completed
    )


@check("lifecycle.patch.declined", on=(patch_declined,))
async def a_declined_patch_is_declined(scene: Scene) -> None:
    """Reads the status of the completed item, looks for a diff, and reads how the turn ended."""
    turn = turn_at(scene, 0)
    completed = _completed(turn, "fileChange")
    require_equal(
        at(completed.message, "params", "item", "status"), "declined", "the status", completed
    )
    diffs = turn.of("turn/diff/updated")
    require(not diffs, "no turn/diff/updated", "one", completed, *diffs)
    ended_well(turn)


@check("lifecycle.patch.turn-diff", on=(patch_accepted,))
async def the_turn_shows_its_diff(scene: Scene) -> None:
    """Reads the first turn/diff/updated behind the completed item."""
    turn = turn_at(scene, 0)
    completed = _completed(turn, "fileChange")
    present(turn.first("turn/completed"), "turn/completed")
    diffs = turn.of("turn/diff/updated")
    require(bool(diffs), "turn/diff/updated", "none", completed)
    shown = str(at(diffs[0].message, "params", "diff"))
    holds = NEW_FILE in shown and "+line one" in shown
    require(holds, f"a diff of {NEW_FILE} with its lines", shown[:200], diffs[0])


# --- tools ----------------------------------------------------------------------------------------


@check("lifecycle.tool.call", on=(client_tool,))
async def the_clients_tool_is_called(scene: Scene) -> None:
    """Reads the request, and compares its place with the item's start."""
    turn = turn_at(scene, 0)
    request = _request(turn, TOOL_METHOD)
    started = some(turn.item_events("item/started", "dynamicToolCall"), "started call")[0]
    require_order("lifecycle.tool.call", started, request)
    params = at(request.message, "params")
    require_equal(at(params, "tool"), TOOL, "the tool", request)
    require_equal(at(params, "arguments"), dict([ARGUMENTS]), "the arguments", request)
    item = at(started.message, "params", "item", "id")
    require_equal(at(params, "callId"), item, "the call", started, request)


@check("lifecycle.tool.answered", on=(client_tool,))
async def what_the_tool_says_is_kept(scene: Scene) -> None:
    """Reads the item of the call that was answered."""
    completed = _completed(turn_at(scene, 0), "dynamicToolCall")
    item = at(completed.message, "params", "item")
    require_equal(at(item, "status"), "completed", "the status", completed)
    require_equal(at(item, "contentItems", 0, "text"), TOOL_SAID, "the text", completed)


@check("lifecycle.tool.failed", on=(client_tool,))
async def a_tool_may_fail(scene: Scene) -> None:
    """Reads the item of the call that failed, and how the turn ended."""
    turn = turn_at(scene, 1)
    completed = _completed(turn, "dynamicToolCall")
    require_equal(
        at(completed.message, "params", "item", "status"), "failed", "the status", completed
    )
    ended_well(turn)


@check("lifecycle.tool.unflagged", on=(client_tool,))
async def calls_of_tools_are_not_flagged(scene: Scene) -> None:
    """Reads the flags of the thread, and looks for serverRequest/resolved."""
    turn = turn_at(scene, 0)
    present(turn.first("turn/completed"), "turn/completed")
    _request(turn, TOOL_METHOD)
    for entry in turn.statuses():
        flags = at(entry.message, "params", "status", "activeFlags")
        require(not flags, "no flags", flags, entry)
    resolved = turn.of("serverRequest/resolved")
    require(not resolved, "no serverRequest/resolved", "one", *resolved)


# --- clients --------------------------------------------------------------------------------------


@check("lifecycle.clients.broadcast", on=(two_clients,))
async def every_client_hears_of_threads(scene: Scene) -> None:
    """Looks for thread/started and for the status on the connection that asked for nothing."""
    heard = _bystander(scene)
    for method in ("thread/started", "thread/status/changed"):
        found = [entry for entry in heard if entry.method == method]
        require(bool(found), method, "none", *heard[-1:])


@check("lifecycle.clients.subscribers-only", on=(two_clients,))
async def turns_are_for_subscribers(scene: Scene) -> None:
    """Looks for messages about turns and items on the connection that asked for nothing."""
    heard = _bystander(scene)
    some([entry for entry in heard if entry.method == "thread/status/changed"], "status")
    private = [
        e for e in heard if str(e.method).startswith(("turn/", "item/", "thread/tokenUsage"))
    ]
    require(not private, "nothing of turns and items", str(len(private)), *private)


def _bystander(scene: Scene) -> tuple[Entry, ...]:
    connections = some(scene.transcripts, "connection")
    require(len(connections) == 3, "three connections", len(connections))
    return tuple(entry for entry in connections[2].entries if entry.received)


@check("lifecycle.clients.request-repeated", on=(two_clients,))
async def a_pending_request_is_repeated(scene: Scene) -> None:
    """Compares the request of the first connection with that of the second."""
    first, repeated = (_asked_in(scene, place) for place in (0, 1))
    answer = next(
        (
            entry
            for request in scene.transcripts[1].requests()
            if request.method == "thread/resume"
            for entry in scene.transcripts[1].answers_to(request)
        ),
        None,
    )
    require_equal(
        at(repeated.message, "id"), at(first.message, "id"), "the id of the request", repeated
    )
    resumed = present(answer, "answer to thread/resume")
    require_order("lifecycle.clients.request-repeated", resumed, repeated)


def _asked_in(scene: Scene, place: int) -> Entry:
    connections = some(scene.transcripts[place : place + 1], "connection")
    found = (entry for entry in connections[0].entries if entry.method == APPROVAL_METHOD)
    return present(next(found, None), f"request {APPROVAL_METHOD} on connection {place + 1}")


@check("lifecycle.clients.answer-counts", on=(two_clients,))
async def the_other_clients_answer_counts(scene: Scene) -> None:
    """Reads on the first connection what became of the command."""
    _asked_in(scene, 1)
    turn = turn_at(scene, 0)
    completed = _completed(turn, "commandExecution")
    require_equal(
        at(completed.message, "params", "item", "status"), "completed", "the status", completed
    )
