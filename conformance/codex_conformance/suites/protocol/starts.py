"""Checks of how a process starts, or refuses to.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_conformance.suites.plays.processes import (
    homeless_starts,
    misconfigured_starts,
    misused_starts,
    starts_without_an_address,
    unguarded_starts,
    warned_starts,
)
from codex_conformance.suites.reading import told_in
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import present, require, require_equal, some, violated
from codex_conformance.wire.messages import at

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Ending

REFUSED: Final = 1
"""The exit code where the surroundings do not allow a start."""

MISUSED: Final = 2
"""The exit code where the command line cannot be understood."""


def endings_of(scene: Scene) -> tuple[tuple[str, Ending], ...]:
    """How the processes of a scene ended, each with the name of its section.

    Raises:
        Inconclusive: No process has ended.
    """
    found = (
        (name, transcript.ending)
        for transcript in scene.transcripts
        for name in transcript.section_names
        if transcript.ending is not None
    )
    return some(found, "process that has ended")


def _judge_exit_codes(scene: Scene, code: int) -> None:
    for name, ending in endings_of(scene):
        require_equal(ending.exit_code, code, f"an exit code ({name}) of")


@check("protocol.start.home", on=(homeless_starts,))
async def a_start_needs_a_home(scene: Scene) -> None:
    """Reads the exit codes of processes whose home is not there, or is a file."""
    _judge_exit_codes(scene, REFUSED)


@check("protocol.start.configuration", on=(misconfigured_starts,))
async def some_configurations_end_the_start(scene: Scene) -> None:
    """Reads the exit codes of processes whose configuration cannot be had."""
    _judge_exit_codes(scene, REFUSED)


@check("protocol.start.command-line", on=(misused_starts,))
async def the_command_line_must_be_understood(scene: Scene) -> None:
    """Reads the exit codes of processes with an unknown flag and a strange address."""
    _judge_exit_codes(scene, MISUSED)


@check("protocol.start.address", on=(starts_without_an_address,))
async def a_start_needs_an_address(scene: Scene) -> None:
    """Reads the exit codes of processes that are to listen nowhere, or on a port that is taken."""
    _judge_exit_codes(scene, REFUSED)


@check("protocol.start.unguarded", on=(unguarded_starts,))
async def the_network_needs_a_token(scene: Scene) -> None:
    """Reads the exit codes of processes that would listen unguarded, or want an unknown token."""
    _judge_exit_codes(scene, REFUSED)


@check("protocol.start.refusal-on-stderr", on=(homeless_starts, misused_starts))
async def refusals_are_written_to_stderr(scene: Scene) -> None:
    """Reads stdout and stderr of processes that do not start."""
    for transcript in scene.transcripts:
        ending = present(transcript.ending, "end of a process")
        said = tuple(transcript.from_server())
        require(not said and not transcript.leftover, "nothing on stdout", "a line", *said)
        require("rror: " in ending.stderr, "a reason on stderr", repr(ending.stderr[-200:]))


def _warning_in(scene: Scene, section: str, word: str) -> None:
    """Judge that one configWarning of a section speaks of something."""
    warnings = told_in(scene, section, "configWarning")
    if not any(word in str(warning.message) for warning in warnings):
        violated(f"a configWarning about {word!r}", f"{len(warnings)} others", *warnings)


@check("protocol.start.warned", on=(warned_starts,))
async def a_broken_configuration_is_told(scene: Scene) -> None:
    """Looks for the configWarning with details and path behind initialize."""
    _warning_in(scene, "no TOML", "Invalid configuration; using defaults.")
    for warning in told_in(scene, "no TOML", "configWarning"):
        if at(warning.message, "params", "summary") == "Invalid configuration; using defaults.":
            details = at(warning.message, "params", "details")
            require(isinstance(details, str), "details as text", repr(details), warning)
            path = at(warning.message, "params", "path")
            named = str(path).endswith("config.toml")
            require(named, "the path of config.toml", repr(path), warning)


@check("protocol.start.unknown-keys", on=(warned_starts,))
async def unknown_keys_are_told(scene: Scene) -> None:
    """Looks for the configWarning that names the key."""
    _warning_in(scene, "unknown key", "no_such_key")
