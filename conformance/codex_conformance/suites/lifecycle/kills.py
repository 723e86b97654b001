"""Checks of what is left of a thread whose app-server was killed.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.suites.plays.processes import killed
from codex_conformance.suites.reading import result_in, said_in
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import ended_well, require_equal, turn_at
from codex_conformance.wire.messages import array_at, at

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene


@check("lifecycle.kill.kept", on=(killed,))
async def what_was_completed_is_kept(scene: Scene) -> None:
    """Reads the turns after the kill."""
    answer, result = result_in(scene, "read", "thread/read")
    turns = array_at(result, "thread", "turns")
    found = [(at(turn, "status"), *said_in(turn)) for turn in turns]
    before = ("completed", "first", "said before")
    require_equal(found, [before, ("interrupted", "second", None)], "the turns", answer)
    ended = (at(turns[1], "completedAt"), at(turns[1], "durationMs"))
    require_equal(ended, (None, None), "the end time and duration", answer)


@check("lifecycle.kill.goes-on", on=(killed,))
async def a_killed_thread_goes_on(scene: Scene) -> None:
    """Reads the answer to thread/resume, and how the turn behind it ended."""
    result_in(scene, "resume", "thread/resume")
    ended_well(turn_at(scene, 2))
