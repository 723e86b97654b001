"""Checks of when the app-server ends, and how.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from codex_conformance.suites.plays.dialect import introduction
from codex_conformance.suites.plays.groups import TURNS
from codex_conformance.suites.plays.history import input_ends_mid_turn
from codex_conformance.suites.plays.processes import (
    input_ends,
    not_utf_8,
    signals,
    unfinished_line,
)
from codex_conformance.suites.protocol.starts import endings_of
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import require, require_equal, section_of, some, violated
from codex_conformance.wire.probe import THE_END

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


def _judge_signals(scene: Scene, codes: dict[str, int]) -> None:
    """Judge the exit codes of processes that were sent signals."""
    endings = dict(endings_of(scene))
    for name, code in codes.items():
        if name not in endings and scene.missed(THE_END):
            violated(f"the end of the process ({name})", "a process that goes on")
        found = endings[name].exit_code if name in endings else None
        require_equal(found, code, f"an exit code ({name}) of")


@check("protocol.process.sigterm", on=(signals,))
async def sigterm_ends_it(scene: Scene) -> None:
    """Reads the exit codes after SIGTERM, at rest and in the middle of a turn."""
    _judge_signals(scene, {"SIGTERM at rest": 0, "SIGTERM in a turn": 0})


@check("protocol.process.other-signals", on=(signals,))
async def other_signals_kill_it(scene: Scene) -> None:
    """Reads how processes ended that were sent SIGINT and SIGHUP."""
    _judge_signals(scene, {"SIGINT": -signal.SIGINT, "SIGHUP": -signal.SIGHUP})


@check("protocol.process.no-last-words", on=(input_ends,))
async def there_are_no_last_words(scene: Scene) -> None:
    """Looks for messages that came after the client closed its side."""
    words = [entry for entry in section_of(scene, "the end") if entry.received]
    require(not words, "nothing after the end of input", "messages", *words)


@check("protocol.process.unfinished-line", on=(unfinished_line,))
async def unfinished_lines_get_no_answer(scene: Scene) -> None:
    """Looks for the answer to the request that no newline ended."""
    words = [entry for entry in section_of(scene, "the end") if entry.received]
    require(not words, "no answer to an unfinished line", "messages", *words)


@check("protocol.process.not-utf-8", on=(not_utf_8,))
async def lines_are_utf_8(scene: Scene) -> None:
    """Reads how the app-server ended behind a line that is not UTF-8."""
    if scene.missed(THE_END):
        violated("the end of the app-server", "an app-server that goes on")
    for _, ending in endings_of(scene):
        require(not ending.asked_for, "an end behind the line", "an end with the input")
        require_equal(ending.exit_code, 0, "the exit code")
