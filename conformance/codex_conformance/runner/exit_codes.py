"""What a run exits with, as one pure function.

May import the events only. The invariant: 0 means that everything a host relies on was seen to
hold; whatever was not seen is never reported as success.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from codex_conformance.runner.events import CheckFinished, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable


class ExitCode(IntEnum):
    """The exit codes of ``codex-conformance``."""

    OK = 0
    """Every must passed."""
    FAILED = 1
    """A requirement is broken."""
    INCOMPLETE = 2
    """The run was cut short, or an outcome is unknown."""
    USAGE = 3
    """The command line or the machine's set-up is wrong; nothing was run."""
    UNREACHABLE = 4
    """The target does not start, or does not answer."""
    NOTHING_EXECUTED = 5
    """No selected check applies to the target."""
    INTERNAL = 70
    """A check or the runner is broken."""


def exit_code_of(
    results: Iterable[CheckFinished], *, complete: bool, strict: bool = False
) -> ExitCode:
    """Decide what a run exits with; the first of these that holds.

    1. an outcome is ``error``: ``INTERNAL``
    2. a must failed (with ``strict``: anything): ``FAILED``
    3. the run is incomplete, or the outcome of a must (with ``strict``: of anything) is unknown:
       ``INCOMPLETE``
    4. nothing was judged at all: ``NOTHING_EXECUTED``
    5. otherwise: ``OK``

    Args:
        results: What became of the checks.
        complete: Whether every selected check was run.
        strict: Whether a should counts like a must.

    Returns:
        The exit code.
    """
    results = tuple(results)
    counting = [result for result in results if strict or result.level == "must"]
    outcomes = {result.outcome for result in counting}
    if any(result.outcome is Outcome.ERROR for result in results):
        return ExitCode.INTERNAL
    if Outcome.FAIL in outcomes:
        return ExitCode.FAILED
    if not complete or Outcome.UNKNOWN in outcomes:
        return ExitCode.INCOMPLETE
    if all(result.outcome is Outcome.NOT_APPLICABLE for result in results):
        return ExitCode.NOTHING_EXECUTED
    return ExitCode.OK
