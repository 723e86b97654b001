"""Checks of what is left of a thread after a restart.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_conformance.suites.plays.history import FIRST_QUESTION, restart
from codex_conformance.suites.reading import answer_in, result_in
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import (
    ended_well,
    present,
    require,
    require_equal,
    turn_at,
    violated,
)
from codex_conformance.wire.messages import Kind, array_at, at, kind_of

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry


@check("lifecycle.restart.listed", on=(restart,))
async def threads_are_listed_after_a_restart(scene: Scene) -> None:
    """Looks for the thread in the list of the second app-server."""
    answer, result = result_in(scene, "list after restart", "thread/list")
    thread = turn_at(scene, 0).thread_id
    found = [at(listed, "id") for listed in array_at(result, "data")]
    require(thread in found, f"the thread {thread}", found, answer)


@check("lifecycle.restart.not-loaded", on=(restart,))
async def threads_read_as_not_loaded(scene: Scene) -> None:
    """Reads the thread before it is resumed."""
    answer, result = result_in(scene, "read after restart", "thread/read")
    require_equal(at(result, "thread", "status"), {"type": "notLoaded"}, "the status", answer)


@check("lifecycle.restart.resume-needed", on=(restart,))
async def turns_need_a_resumed_thread(scene: Scene) -> None:
    """Starts a turn before the thread is resumed."""
    answer = answer_in(scene, "turn before resume")
    refused = kind_of(answer.message or {}) is Kind.ERROR
    found = at(answer.message, "error", "message")
    expected = "the refusal `thread not found: …`"
    require(refused and str(found).startswith("thread not found: "), expected, found, answer)


def _resumed(scene: Scene) -> tuple[Entry, list[Any]]:
    answer, result = result_in(scene, "resume", "thread/resume")
    turns = at(result, "thread", "turns")
    if not isinstance(turns, list):
        violated("a list of turns", repr(turns), answer)
    return answer, turns


@check("lifecycle.restart.resume-turns", on=(restart,))
async def resuming_gives_the_turns(scene: Scene) -> None:
    """Compares the thread id and the turn ids of the resumed thread with those of before."""
    answer, turns = _resumed(scene)
    before = [turn_at(scene, 0), turn_at(scene, 1)]
    require_equal(
        at(answer.message, "result", "thread", "id"), before[0].thread_id, "the thread", answer
    )
    found = [at(turn, "id") for turn in turns]
    require_equal(found, [turn.turn_id for turn in before], "the turns", answer)


@check("lifecycle.restart.resume-texts", on=(restart,))
async def resumed_turns_hold_what_was_said(scene: Scene) -> None:
    """Compares the messages in the resumed turns with what was said in them."""
    answer, turns = _resumed(scene)
    found = [
        [
            at(item, "text") or at(item, "content", 0, "text")
            for item in array_at(turn, "items")
            if at(item, "type") in ("userMessage", "agentMessage")
        ]
        for turn in turns
    ]
    said = [[FIRST_QUESTION, "answer one"], ["second question", "answer two"]]
    # How many turns there are, and which, is another requirement's business.
    require_equal(found, said[: len(found)], "the messages", answer)


@check("lifecycle.restart.goes-on", on=(restart,))
async def a_resumed_thread_goes_on(scene: Scene) -> None:
    """Reads how the first turn after the restart ended."""
    _resumed(scene)
    ended_well(turn_at(scene, 2))


@check("lifecycle.restart.usage-restored", on=(restart,))
async def usage_goes_on(scene: Scene) -> None:
    """Compares the totals reported before the restart, on resuming, and in the next turn."""
    before = present(_total(turn_at(scene, 1).of("thread/tokenUsage/updated")), "usage before")
    turn = turn_at(scene, 2)
    # The report may lag behind the response to thread/resume, but not behind the next turn.
    resumed = scene.last.entries[: present(turn.first("turn/started"), "turn/started").index]
    restored = [e for e in resumed if e.method == "thread/tokenUsage/updated"]
    if not restored:
        violated("the total of before, reported on resuming", "no report", *resumed[-3:])
    require_equal(_total(tuple(restored)), before, "the restored total", *restored)
    after = turn.of("thread/tokenUsage/updated")
    last = present(_of(after, "last"), "usage of the turn after the restart")
    require_equal(_total(after), before + last, "the total after the next turn", *after)


def _of(reports: tuple[Entry, ...], which: str) -> int | None:
    found = (
        at(reports[-1].message, "params", "tokenUsage", which, "totalTokens") if reports else None
    )
    return found if isinstance(found, int) else None


def _total(reports: tuple[Entry, ...]) -> int | None:
    return _of(reports, "total")


@check("lifecycle.restart.unused-lost", on=(restart,))
async def unused_threads_are_gone(scene: Scene) -> None:
    """Resumes a thread that never had a turn."""
    answer = answer_in(scene, "resume unused")
    found = at(answer.message, "error", "message")
    expected = "the refusal `no rollout found for thread id …`"
    require(str(found).startswith("no rollout found for thread id "), expected, found, answer)
