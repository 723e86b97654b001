"""Checks of what a client does with whole threads: name, fork, archive, delete, revert, leave.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_conformance.requirements.expectations import TURN_EVENTS
from codex_conformance.suites.plays.threads import (
    IN_THE_FORK,
    NAME,
    SAID,
    archived,
    archived_while_running,
    deleted,
    forked,
    forked_while_running,
    renamed,
    reverted,
    unsubscribed,
)
from codex_conformance.suites.protocol.errors import judge_refusal
from codex_conformance.suites.reading import (
    answer_in,
    data_in,
    history_of,
    one_told_in,
    result_in,
    said_in,
    told_in,
)
from codex_conformance.suites.registry import check
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
from codex_conformance.wire.messages import Kind, array_at, at, kind_of

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry

# --- names ----------------------------------------------------------------------------------------


@check("lifecycle.name.announced", on=(renamed,))
async def names_are_announced(scene: Scene) -> None:
    """Reads the answer and the notification behind it."""
    answer, result = result_in(scene, "name", "thread/name/set")
    require_equal(result, {}, "the result", answer)
    told = one_told_in(scene, "name", "thread/name/updated")
    require_order("lifecycle.name.announced", answer, told)
    require_equal(at(told.message, "params", "threadName"), NAME, "the name", told)
    wanted = turn_at(scene, 0).thread_id
    require_equal(at(told.message, "params", "threadId"), wanted, "the thread", told)


@check("lifecycle.name.kept", on=(renamed,))
async def names_are_kept(scene: Scene) -> None:
    """Reads the name of the thread in both answers."""
    answer, result = result_in(scene, "read", "thread/read")
    require_equal(at(result, "thread", "name"), NAME, "the name", answer)
    answer, data = data_in(scene, "list", "thread/list")
    require_equal([at(thread, "name") for thread in data], [NAME], "the names", answer)


@check("lifecycle.name.empty-refused", on=(renamed,))
async def empty_names_are_refused(scene: Scene) -> None:
    """Reads the answer to a name of blanks."""
    judge_refusal(scene, "empty name", "")


# --- forks ----------------------------------------------------------------------------------------


def _fork_in(scene: Scene, section: str) -> tuple[Entry, Any]:
    answer, result = result_in(scene, section, "thread/fork")
    return answer, at(result, "thread")


def _turn_ids(thread: Any) -> list[object]:
    return [at(turn, "id") for turn in array_at(thread, "turns")]


@check("lifecycle.fork.new-thread", on=(forked,))
async def a_fork_is_a_thread_of_its_own(scene: Scene) -> None:
    """Compares id, session and origin of a fork with those of its origin."""
    origin = turn_at(scene, 0).thread_id
    answer, fork = _fork_in(scene, "whole")
    id_, session = at(fork, "id"), at(fork, "sessionId")
    require(isinstance(id_, str) and id_ != origin, "an id of its own", repr(id_), answer)
    require_equal(session, id_, "the session", answer)
    require_equal(at(fork, "forkedFromId"), origin, "the origin", answer)


@check("lifecycle.fork.turns", on=(forked,))
async def a_fork_has_the_turns_of_its_origin(scene: Scene) -> None:
    """Compares the ids of the turns, and what was said in them."""
    answer, fork = _fork_in(scene, "whole")
    expected = [turn_at(scene, place).turn_id for place in range(len(SAID))]
    require_equal(_turn_ids(fork), expected, "the turns", answer)
    found = [said_in(turn) for turn in array_at(fork, "turns")]
    require_equal(found, list(SAID), "the messages", answer)


@check("lifecycle.fork.order", on=(forked,))
async def a_fork_is_announced_in_order(scene: Scene) -> None:
    """Compares the places of the answer, the token usage and thread/started."""
    answer, fork = _fork_in(scene, "whole")
    usage = one_told_in(scene, "whole", "thread/tokenUsage/updated")
    started = one_told_in(scene, "whole", "thread/started")
    require_equal(at(usage.message, "params", "threadId"), at(fork, "id"), "the thread", usage)
    require_order("lifecycle.fork.order", answer, usage, started)


@check("lifecycle.fork.last-turn", on=(forked,))
async def a_fork_ends_where_it_was_told_to(scene: Scene) -> None:
    """Compares the turns of forks up to a turn, and before one."""
    first = turn_at(scene, 0).turn_id
    for section in ("up to a turn", "before a turn"):
        answer, fork = _fork_in(scene, section)
        require_equal(_turn_ids(fork), [first], f"the turns ({section})", answer)


@check("lifecycle.fork.without-turns", on=(forked,))
async def a_fork_comes_without_turns(scene: Scene) -> None:
    """Looks for turns in the answer."""
    answer, fork = _fork_in(scene, "without turns")
    require_equal(at(fork, "turns"), [], "the turns", answer)


@check("lifecycle.fork.apart", on=(forked,))
async def a_fork_goes_its_own_way(scene: Scene) -> None:
    """Compares what was said in the origin and in the fork after another turn in the fork."""
    for section, more in (("origin", ()), ("fork", (IN_THE_FORK,))):
        answer, result = result_in(scene, section, "thread/read")
        found = [said_in(turn) for turn in array_at(result, "thread", "turns")]
        require_equal(found, [*SAID, *more], f"the messages ({section})", answer)


@check("lifecycle.fork.refused", on=(forked,))
async def forks_that_cannot_be_are_refused(scene: Scene) -> None:
    """Reads the answers to both ids at once, and to an unknown turn."""
    judge_refusal(scene, "both", "`beforeTurnId` cannot be combined with `lastTurnId`")
    text = "turn not found: " if history_of(scene) == "paginated" else "lastTurnId '"
    judge_refusal(scene, "unknown turn", text)


@check("lifecycle.fork.running", on=(forked_while_running,))
async def threads_are_forked_while_they_run(scene: Scene) -> None:
    """Reads the answers to a fork up to the running turn and to a whole one."""
    judge_refusal(scene, "up to the running turn", "lastTurnId '")
    _fork_in(scene, "whole")
    ended_well(turn_at(scene, 0))


@check("lifecycle.fork.deprecation", on=(forked,))
async def whole_histories_are_deprecated(scene: Scene) -> None:
    """Looks for deprecationNotice before the answers with and without turns."""
    paginated = history_of(scene) == "paginated"
    for section, method, with_turns in (
        ("whole", "thread/fork", True),
        ("without turns", "thread/fork", False),
        ("origin", "thread/read", True),
    ):
        answer, _ = result_in(scene, section, method)
        told = told_in(scene, section, "deprecationNotice")
        before = [entry for entry in told if entry.index < answer.index]
        expected = 1 if paginated and with_turns else 0
        require_equal(len(before), expected, f"the notices ({section})", *before, answer)
        require_equal(len(told), len(before), f"the notices in time ({section})", *told, answer)


# --- archived -------------------------------------------------------------------------------------


def _not_loaded(told: tuple[Entry, ...]) -> tuple[Entry, ...]:
    wanted = {"type": "notLoaded"}
    return tuple(entry for entry in told if at(entry.message, "params", "status") == wanted)


@check("lifecycle.archive.order", on=(archived,))
async def archiving_happens_in_order(scene: Scene) -> None:
    """Compares the places of notLoaded, the answer and thread/archived."""
    answer, result = result_in(scene, "archive", "thread/archive")
    require_equal(result, {}, "the result", answer)
    statuses = _not_loaded(told_in(scene, "archive", "thread/status/changed"))
    require_equal(len(statuses), 1, "the number of notLoaded", answer, *statuses)
    told = one_told_in(scene, "archive", "thread/archived")
    require_order("lifecycle.archive.order", statuses[0], answer, told)
    wanted = turn_at(scene, 0).thread_id
    require_equal(at(told.message, "params", "threadId"), wanted, "the thread", told)


@check("lifecycle.archive.listed-apart", on=(archived,))
async def archived_threads_are_listed_apart(scene: Scene) -> None:
    """Compares both lists."""
    gone, kept = turn_at(scene, 0).thread_id, turn_at(scene, 1).thread_id
    for section, wanted in (("list", kept), ("list archived", gone)):
        answer, data = data_in(scene, section, "thread/list")
        found = [at(thread, "id") for thread in data]
        require_equal(found, [wanted], f"the threads ({section})", answer)


@check("lifecycle.archive.readable", on=(archived,))
async def archived_threads_can_be_read(scene: Scene) -> None:
    """Reads the answer to thread/read."""
    answer, result = result_in(scene, "read", "thread/read")
    require_equal(at(result, "thread", "id"), turn_at(scene, 0).thread_id, "the thread", answer)


@check("lifecycle.archive.not-resumed", on=(archived,))
async def archived_threads_are_not_resumed(scene: Scene) -> None:
    """Reads the answer to thread/resume."""
    judge_refusal(scene, "resume", f"session {turn_at(scene, 0).thread_id} is archived.")


@check("lifecycle.archive.once", on=(archived,))
async def threads_are_archived_once(scene: Scene) -> None:
    """Reads the answers to archiving again, and to unarchiving again."""
    judge_refusal(scene, "archive again", "no rollout found for thread id ")
    judge_refusal(scene, "unarchive again", "no archived rollout found for thread id ")


@check("lifecycle.archive.running", on=(archived_while_running,))
async def archiving_interrupts(scene: Scene) -> None:
    """Reads how the running turn ended, and compares its place with the answer's."""
    answer, _ = result_in(scene, "archive", "thread/archive")
    turn = turn_at(scene, 1)
    completed = present(turn.first("turn/completed"), "turn/completed")
    require_equal(final_status(turn), "interrupted", "a turn that ends as", completed)
    told = one_told_in(scene, "archive", "thread/archived")
    require_order("lifecycle.archive.running", completed, answer, told)


@check("lifecycle.unarchive.order", on=(archived,))
async def unarchiving_happens_in_order(scene: Scene) -> None:
    """Reads the thread in the answer, and compares its place with thread/unarchived."""
    answer, result = result_in(scene, "unarchive", "thread/unarchive")
    require_equal(at(result, "thread", "id"), turn_at(scene, 0).thread_id, "the thread", answer)
    status = at(result, "thread", "status")
    require_equal(status, {"type": "notLoaded"}, "the status", answer)
    told = one_told_in(scene, "unarchive", "thread/unarchived")
    require_order("lifecycle.unarchive.order", answer, told)


@check("lifecycle.unarchive.goes-on", on=(archived,))
async def unarchived_threads_go_on(scene: Scene) -> None:
    """Looks for the thread in the list, and reads how its next turn ended."""
    thread = turn_at(scene, 0).thread_id
    answer, data = data_in(scene, "list again", "thread/list")
    listed = [at(row, "id") for row in data]
    require(thread in listed, f"the thread {thread}", listed, answer)
    result_in(scene, "resume again", "thread/resume")
    ended_well(turn_at(scene, 2))


# --- deleted --------------------------------------------------------------------------------------


@check("lifecycle.delete.order", on=(deleted,))
async def deleting_happens_in_order(scene: Scene) -> None:
    """Compares the places of the answer and of thread/deleted."""
    answer, result = result_in(scene, "delete", "thread/delete")
    require_equal(result, {}, "the result", answer)
    told = one_told_in(scene, "delete", "thread/deleted")
    require_order("lifecycle.delete.order", answer, told)
    wanted = turn_at(scene, 0).thread_id
    require_equal(at(told.message, "params", "threadId"), wanted, "the thread", told)


@check("lifecycle.delete.gone", on=(deleted,))
async def deleted_threads_are_gone(scene: Scene) -> None:
    """Reads the answer to reading the thread, and looks for it in the list."""
    gone, kept = turn_at(scene, 0).thread_id, turn_at(scene, 1).thread_id
    judge_refusal(scene, "read", f"thread not loaded: {gone}")
    answer, data = data_in(scene, "list", "thread/list")
    require_equal([at(thread, "id") for thread in data], [kept], "the threads", answer)


@check("lifecycle.delete.forked-refused", on=(deleted,))
async def forked_threads_are_not_deleted(scene: Scene) -> None:
    """Reads the answer to deleting a thread that has a fork."""
    if history_of(scene) == "paginated":
        judge_refusal(scene, "delete forked", f"cannot delete thread {turn_at(scene, 1).thread_id}")
    else:
        result_in(scene, "delete forked", "thread/delete")


# --- reverted -------------------------------------------------------------------------------------


@check("lifecycle.revert.order", on=(reverted,))
async def reverting_happens_in_order(scene: Scene) -> None:
    """Reads the answer, and compares its place with thread/reverted."""
    if history_of(scene) != "paginated":
        judge_refusal(scene, "revert", "thread/revert only supports paginated threads")
        return
    answer, result = result_in(scene, "revert", "thread/revert")
    require_equal(at(result, "thread", "id"), turn_at(scene, 0).thread_id, "the thread", answer)
    require(isinstance(result, dict), "an object", repr(result), answer)
    for member in ("turnsBackwardsCursor", "itemsBackwardsCursor"):
        require(member in result, f"the member {member}", sorted(result), answer)
    told = one_told_in(scene, "revert", "thread/reverted")
    require_order("lifecycle.revert.order", answer, told)


@check("lifecycle.revert.turns-gone", on=(reverted,))
async def reverted_turns_are_gone(scene: Scene) -> None:
    """Reads the turns that are left."""
    answer, result = result_in(scene, "read", "thread/read")
    left = SAID[:1] if history_of(scene) == "paginated" else SAID
    found = [said_in(turn) for turn in array_at(result, "thread", "turns")]
    require_equal(found, list(left), "the messages", answer)


@check("lifecycle.revert.goes-on", on=(reverted,))
async def a_reverted_thread_goes_on(scene: Scene) -> None:
    """Reads how the turn after the revert ended."""
    answer_in(scene, "revert")
    ended_well(turn_at(scene, len(SAID)))


# --- subscriptions --------------------------------------------------------------------------------


@check("lifecycle.unsubscribe.status", on=(unsubscribed,))
async def leaving_says_what_it_did(scene: Scene) -> None:
    """Reads the status in each answer."""
    expected = {"unknown": "notLoaded", "once": "unsubscribed", "again": "notSubscribed"}
    for section, status in expected.items():
        answer, result = result_in(scene, section, "thread/unsubscribe")
        require_equal(at(result, "status"), status, f"the status ({section})", answer)


@check("lifecycle.unsubscribe.silent", on=(unsubscribed,))
async def who_left_hears_no_turns(scene: Scene) -> None:
    """Looks for messages of the turn that the client started after it had left."""
    section = section_of(scene, "turn")
    heard = [e for e in section if e.received and kind_of(e.message or {}) is Kind.NOTIFICATION]
    some([e for e in heard if e.method == "thread/status/changed"], "status")
    private = [entry for entry in heard if entry.method in TURN_EVENTS]
    require(not private, "nothing of the turn but the status", len(private), *private)
