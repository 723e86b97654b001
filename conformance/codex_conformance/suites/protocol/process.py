"""Checks of when the app-server ends, and how.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.suites.plays.dialect import introduction
from codex_conformance.suites.plays.groups import TURNS
from codex_conformance.suites.plays.history import input_ends_mid_turn
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import require, require_equal, some

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene


@check("protocol.process.stays", on=TURNS)
async def the_app_server_stays(scene: Scene) -> None:
    """Looks for connections that ended before the client closed its side."""
    endings = [(t, t.ending) for t in scene.transcripts if t.ending is not None]
    for transcript, ending in some(endings, "end of a connection"):
        stderr = f", stderr: {ending.stderr[-200:]}" if ending.stderr else ""
        require(
            ending.asked_for,
            "a connection that stays open",
            f"its end (exit code {ending.exit_code}{stderr})",
            *transcript.entries[-4:],
        )


@check("protocol.process.ends-with-input", on=(introduction, input_ends_mid_turn))
async def the_app_server_ends_with_its_input(scene: Scene) -> None:
    """Reads the exit code after the client closed its side, at rest and in the middle of a turn."""
    endings = [t.ending for t in scene.transcripts if t.ending is not None and t.ending.asked_for]
    for ending in some(endings, "end that the client asked for"):
        require_equal(ending.exit_code, 0, "the exit code")
