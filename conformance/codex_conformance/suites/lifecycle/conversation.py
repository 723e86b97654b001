"""Checks of questions, plans, terminals, compactions, reviews, settings, limits and resuming.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_conformance.requirements.expectations import RESUME_RESULT, THREAD_START_RESULT
from codex_conformance.suites.plays.conversation import (
    FOUND,
    LONG_CALL,
    LONG_COMMAND,
    PLAN,
    QUESTION,
    QUESTION_METHOD,
    REVIEW,
    USED_PERCENT,
    compacted,
    interrupted_command,
    left_running,
    limited,
    planned,
    question,
    resumed_running,
    reviewed,
    settings_changed,
)
from codex_conformance.suites.protocol.errors import judge_refusal
from codex_conformance.suites.reading import answer_in, data_in, result_in, told_in
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
from codex_conformance.wire.messages import array_at, at
from codex_conformance.wire.turns import turn_id_of

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry
    from codex_conformance.wire.turns import Turn

# --- questions ------------------------------------------------------------------------------------


def _question(scene: Scene, place: int) -> tuple[Turn, Entry]:
    turn = turn_at(scene, place)
    return turn, present(turn.first(QUESTION_METHOD), f"request {QUESTION_METHOD}")


def _flags(entry: Entry) -> object:
    return at(entry.message, "params", "status", "activeFlags")


@check("lifecycle.question.asked", on=(question,))
async def questions_are_asked(scene: Scene) -> None:
    """Reads the members of the request, and the question with its options."""
    turn, request = _question(scene, 0)
    params = at(request.message, "params")
    require_equal(at(params, "turnId"), turn.turn_id, "the turn", request)
    item = at(params, "itemId")
    require(isinstance(item, str) and bool(item), "a text in itemId", repr(item), request)
    asked: Any = at(params, "questions", 0)
    found = {name: at(asked, name) for name in ("id", "header", "question")}
    expected = {"id": QUESTION.id, "header": QUESTION.header, "question": QUESTION.question}
    require_equal(found, expected, "the question", request)
    options = [(at(row, "label"), at(row, "description")) for row in array_at(asked, "options")]
    wanted = [(option.label, option.description) for option in QUESTION.options]
    require_equal(options, wanted, "the options", request)


@check("lifecycle.question.flag", on=(question,))
async def the_thread_waits_for_the_user(scene: Scene) -> None:
    """Reads the status before the request, and the first one after the answer."""
    turn, request = _question(scene, 0)
    before = some([e for e in turn.statuses() if e.index < request.index], "status before it")
    require_equal(_flags(before[-1]), ["waitingOnUserInput"], "the flags", before[-1], request)
    after = some([e for e in turn.statuses() if e.index > request.index], "status after it")
    require_equal(_flags(after[0]), [], "the flags", request, after[0])


@check("lifecycle.question.resolved", on=(question,))
async def questions_are_resolved(scene: Scene) -> None:
    """Counts serverRequest/resolved, and reads how the turn ended."""
    turn, request = _question(scene, 0)
    resolved = turn.of("serverRequest/resolved")
    require_equal(len(resolved), 1, "the number of serverRequest/resolved", request, *resolved)
    found = at(resolved[0].message, "params", "requestId")
    require_equal(found, at(request.message, "id"), "the requestId", request, *resolved)
    ended_well(turn)


@check("lifecycle.question.no-item", on=(question,))
async def questions_are_no_items(scene: Scene) -> None:
    """Looks for items of the turn that are neither messages nor reasoning."""
    turn, _ = _question(scene, 0)
    present(turn.first("turn/completed"), "turn/completed")
    known = ("userMessage", "agentMessage", "reasoning")
    other = [
        e for e in turn.of("item/started") if at(e.message, "params", "item", "type") not in known
    ]
    require(not other, "no other item", len(other), *other)


@check("lifecycle.question.interrupted", on=(question,))
async def open_questions_are_resolved_after_the_turn(scene: Scene) -> None:
    """Compares the places of turn/completed and serverRequest/resolved."""
    turn, _ = _question(scene, 1)
    completed = present(turn.first("turn/completed"), "turn/completed")
    resolved = some(turn.of("serverRequest/resolved"), "serverRequest/resolved")
    require_order("lifecycle.interrupt.approval-resolved", completed, resolved[0])


# --- plans ----------------------------------------------------------------------------------------


@check("lifecycle.plan.item", on=(planned,))
async def plans_are_items(scene: Scene) -> None:
    """Reads id and text of the completed plan."""
    turn = turn_at(scene, 0)
    present(turn.first("turn/completed"), "turn/completed")
    done = turn.item_events("item/completed", "plan")
    require_equal(len(done), 1, "the number of plans", turn.request, *done)
    item = at(done[0].message, "params", "item")
    require_equal(at(item, "id"), f"{turn.turn_id}-plan", "the id", done[0])
    require_equal(at(item, "text"), PLAN, "the text", done[0])


@check("lifecycle.plan.deltas-join", on=(planned,))
async def deltas_of_plans_join(scene: Scene) -> None:
    """Joins the deltas, and compares them with the plan."""
    deltas = some(turn_at(scene, 0).of("item/plan/delta"), "delta of a plan")
    joined = "".join(str(at(entry.message, "params", "delta")) for entry in deltas)
    require_equal(joined, PLAN, "the text", *deltas)


@check("lifecycle.plan.no-message", on=(planned,))
async def plans_are_no_messages(scene: Scene) -> None:
    """Looks for messages of the model."""
    turn = turn_at(scene, 0)
    present(turn.first("turn/completed"), "turn/completed")
    said = turn.item_events("item/completed", "agentMessage")
    require(not said, "no message", len(said), *said)


# --- terminals ------------------------------------------------------------------------------------


def _commands(turn: Turn, method: str) -> tuple[Entry, ...]:
    return tuple(
        entry
        for entry in turn.item_events(method, "commandExecution")
        if at(entry.message, "params", "item", "id") == LONG_CALL
    )


@check("lifecycle.terminal.outlives-turn", on=(left_running,))
async def commands_outlive_turns(scene: Scene) -> None:
    """Reads how the turn ended, and looks for the end of the command before that."""
    turn = turn_at(scene, 0)
    some(_commands(turn, "item/started"), "started command")
    completed = present(turn.first("turn/completed"), "turn/completed")
    early = [e for e in _commands(turn, "item/completed") if e.index < completed.index]
    require(not early, "a command that goes on", "its end", *early)
    ended_well(turn)


@check("lifecycle.terminal.listed", on=(left_running, interrupted_command))
async def commands_that_go_on_are_listed(scene: Scene) -> None:
    """Reads the list behind the turn."""
    answer, data = data_in(scene, "list", "thread/backgroundTerminals/list")
    found = [(at(row, "itemId"), at(row, "command")) for row in data]
    require_equal(found, [(LONG_CALL, LONG_COMMAND)], "the commands", answer)


@check("lifecycle.terminal.cleaned", on=(left_running,))
async def commands_that_go_on_are_ended(scene: Scene) -> None:
    """Reads the item that completes, and the list afterwards."""
    turn = turn_at(scene, 0)
    result_in(scene, "clean", "thread/backgroundTerminals/clean")
    done = some(_commands(turn, "item/completed"), "end of the command")[0]
    status = at(done.message, "params", "item", "status")
    require_equal(status, "failed", "the status", done)
    require_equal(turn_id_of(done.message), turn.turn_id, "the turn", done)
    answer, data = data_in(scene, "list again", "thread/backgroundTerminals/list")
    require_equal(data, [], "the commands", answer)


# --- compaction and review ------------------------------------------------------------------------


def _frame(scene: Scene, *sections: str) -> tuple[Entry, Entry]:
    """turn/started and turn/completed of the turn in some sections."""
    entries = [entry for name in sections for entry in section_of(scene, name)]
    started = next((e for e in entries if e.method == "turn/started"), None)
    completed = next((e for e in entries if e.method == "turn/completed"), None)
    return present(started, "turn/started"), present(completed, "turn/completed")


@check("lifecycle.compaction.turn", on=(compacted,))
async def compacting_is_a_turn(scene: Scene) -> None:
    """Reads the answer, and compares both ends of the turn."""
    answer, result = result_in(scene, "compact", "thread/compact/start")
    require_equal(result, {}, "the result", answer)
    started, completed = _frame(scene, "compact")
    require_equal(turn_id_of(completed.message), turn_id_of(started.message), "the turn", completed)
    status = at(completed.message, "params", "turn", "status")
    require_equal(status, "completed", "a turn that ends as", completed)


@check("lifecycle.compaction.item", on=(compacted,))
async def compacting_has_one_item(scene: Scene) -> None:
    """Reads the types of the items that start and complete."""
    _frame(scene, "compact")
    for method in ("item/started", "item/completed"):
        told = told_in(scene, "compact", method)
        kinds = [at(entry.message, "params", "item", "type") for entry in told]
        require_equal(kinds, ["contextCompaction"], f"the items ({method})", *told)


@check("lifecycle.compaction.goes-on", on=(compacted,))
async def a_compacted_thread_goes_on(scene: Scene) -> None:
    """Reads how the turn after the compaction ended."""
    answer_in(scene, "compact")
    ended_well(turn_at(scene, 1))


@check("lifecycle.review.response", on=(reviewed,))
async def reviews_are_answered_with_a_turn(scene: Scene) -> None:
    """Reads the item of the turn in the answer, and the review's thread."""
    answer, result = result_in(scene, "review", "review/start")
    found = at(result, "turn", "items", 0, "content", 0, "text")
    require_equal(found, REVIEW, "the text", answer)
    wanted = turn_at(scene, 0).thread_id
    require_equal(at(result, "reviewThreadId"), wanted, "the review's thread", answer)


def _review_items(scene: Scene, kind: str) -> tuple[Entry, ...]:
    return tuple(
        entry
        for name in ("review", "rest")
        for entry in told_in(scene, name, "item/completed")
        if at(entry.message, "params", "item", "type") == kind
    )


@check("lifecycle.review.entered-first", on=(reviewed,))
async def reviews_are_entered_first(scene: Scene) -> None:
    """Compares the places of enteredReviewMode and turn/started."""
    answer_in(scene, "review")
    entered = some(_review_items(scene, "enteredReviewMode"), "enteredReviewMode")[0]
    told = at(entered.message, "params", "item", "review")
    require_equal(told, REVIEW, "the review", entered)
    started, _ = _frame(scene, "review", "rest")
    require_order("lifecycle.review.entered-first", entered, started)


@check("lifecycle.review.exited", on=(reviewed,))
async def reviews_say_what_they_found(scene: Scene) -> None:
    """Reads exitedReviewMode, and compares the turn that completes with the answer's."""
    _, completed = _frame(scene, "review", "rest")
    exited = _review_items(scene, "exitedReviewMode")
    require_equal(len(exited), 1, "the number of exitedReviewMode", completed, *exited)
    found = at(exited[0].message, "params", "item", "review")
    require_equal(found, FOUND, "the review", exited[0])
    _, result = result_in(scene, "review", "review/start")
    require_equal(turn_id_of(completed.message), at(result, "turn", "id"), "the turn", completed)


@check("lifecycle.review.not-steered", on=(reviewed,))
async def reviews_are_not_steered(scene: Scene) -> None:
    """Reads text and data of the refusal."""
    judge_refusal(scene, "steer", "cannot steer a review turn")
    answer = answer_in(scene, "steer")
    info = at(answer.message, "error", "data", "codexErrorInfo")
    require_equal(info, {"activeTurnNotSteerable": {"turnKind": "review"}}, "the data", answer)


@check("lifecycle.review.goes-on", on=(reviewed,))
async def a_reviewed_thread_goes_on(scene: Scene) -> None:
    """Reads how the turn after the review ended."""
    answer_in(scene, "review")
    ended_well(turn_at(scene, 0))


# --- settings and limits --------------------------------------------------------------------------


@check("lifecycle.settings.announced", on=(settings_changed,))
async def changed_settings_are_told(scene: Scene) -> None:
    """Compares the place of thread/settings/updated with the answer's, and looks for another."""
    told = some(told_in(scene, "with settings", "thread/settings/updated"), "changed settings")
    answer = answer_in(scene, "with settings")
    require_order("lifecycle.settings.announced", told[0], answer)
    policy = at(told[0].message, "params", "threadSettings", "approvalPolicy")
    require_equal(policy, "never", "the policy", told[0])
    again = told_in(scene, "without settings", "thread/settings/updated")
    require(not again, "no further thread/settings/updated", len(again), *again)


@check("lifecycle.settings.sticky", on=(settings_changed,))
async def changed_settings_stay(scene: Scene) -> None:
    """Reads the settings in the answer to thread/resume."""
    answer, result = result_in(scene, "resume", "thread/resume")
    found = {name: at(result, name) for name in ("approvalPolicy", "reasoningEffort")}
    expected = {"approvalPolicy": "never", "reasoningEffort": "high"}
    require_equal(found, expected, "the settings", answer)


@check("lifecycle.limits.reported", on=(limited,))
async def rate_limits_are_reported(scene: Scene) -> None:
    """Reads the primary limit in account/rateLimits/updated."""
    present(turn_at(scene, 0).first("turn/completed"), "turn/completed")
    told = [e for e in scene.entries if e.method == "account/rateLimits/updated"]
    limits = [at(e.message, "params", "rateLimits", "primary") for e in told]
    expected = {
        "usedPercent": int(float(USED_PERCENT) + 0.5),
        "windowDurationMins": 300,
        "resetsAt": 1_795_350_000,
    }
    require(expected in limits, f"the limit {expected}", limits, *told)


# --- resuming -------------------------------------------------------------------------------------


@check("lifecycle.resume.running", on=(resumed_running,))
async def running_threads_are_resumed(scene: Scene) -> None:
    """Reads status and last turn of the thread in the answer."""
    answer, result = result_in(scene, "running", "thread/resume")
    status = at(result, "thread", "status")
    require_equal(status, {"type": "active", "activeFlags": []}, "the status", answer)
    last = (array_at(result, "thread", "turns") or [None])[-1]
    found = (at(last, "id"), at(last, "status"))
    require_equal(found, (turn_at(scene, 0).turn_id, "inProgress"), "the turn", answer)


@check("lifecycle.resume.goal-cleared", on=(resumed_running, settings_changed))
async def resuming_clears_the_goal(scene: Scene) -> None:
    """Looks for thread/goal/cleared behind each answer."""
    sections = [name for name in ("running", "idle", "resume") if scene.section(name) is not None]
    for section in some(sections, "thread/resume"):
        answer, _ = result_in(scene, section, "thread/resume")
        cleared = told_in(scene, section, "thread/goal/cleared")
        require_equal(len(cleared), 1, "the number of thread/goal/cleared", answer, *cleared)
        require_order("lifecycle.resume.goal-cleared", answer, cleared[0])


@check("lifecycle.resume.result", on=(resumed_running,))
async def resuming_gives_every_field(scene: Scene) -> None:
    """Compares the members of the result."""
    expected = THREAD_START_RESULT | RESUME_RESULT
    for section in ("running", "idle"):
        answer, result = result_in(scene, section, "thread/resume")
        require(isinstance(result, dict), "an object", repr(result), answer)
        found = frozenset(result)
        differing = f"missing: {sorted(expected - found)}, unexpected: {sorted(found - expected)}"
        require(found == expected, f"the members {', '.join(sorted(expected))}", differing, answer)


@check("lifecycle.resume.status", on=(resumed_running,))
async def resuming_what_is_loaded_brings_no_status(scene: Scene) -> None:
    """Looks for thread/status/changed around the answer."""
    answer, _ = result_in(scene, "idle", "thread/resume")
    told = told_in(scene, "idle", "thread/status/changed")
    require(not told, "no status", len(told), *told, answer)
