"""What a run tells its reporters.

May import the requirements and msgspec. The invariant: an event is complete in itself, so that a
reporter needs no access to the suites, and a file of events can be read anywhere.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Final, Literal, Protocol, TypeAlias

import msgspec
from msgspec import Meta


class Outcome(Enum):
    """What became of a check."""

    PASS = "pass"  # noqa: S105 - an outcome
    FAIL = "fail"
    UNKNOWN = "unknown"
    """It could not be judged: the scene broke off, or did not show what the rule is about."""
    NOT_APPLICABLE = "not_applicable"
    """The target does not declare what the check needs."""
    ERROR = "error"
    """The check itself is broken."""


class _Event(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="event", forbid_unknown_fields=True
):
    """What all events have in common: they are immutable, and unknown members are an error."""


class RunStarted(_Event, frozen=True, kw_only=True, tag="run_started"):
    """The run begins.

    Attributes:
        target: The app-server as the user wrote it; ``None`` for none.
        found: What was found there.
        deployment: The deployment as the user wrote it, without its secrets; ``None`` for none.
        deployment_found: What was found there.
        runtime: The runtime as the user wrote it; ``None`` for none.
        runtime_found: What was found there.
        capabilities: What the targets can do.
        checks: The ids of the selected checks, in the order of reports.
    """

    target: str | None = None
    found: str | None = None
    deployment: str | None = None
    deployment_found: str | None = None
    runtime: str | None = None
    runtime_found: str | None = None
    capabilities: tuple[str, ...]
    checks: tuple[str, ...]


class CheckStarted(_Event, frozen=True, kw_only=True, tag="check_started"):
    """A check begins to judge.

    Attributes:
        id: The check.
    """

    id: str


class CheckFinished(_Event, frozen=True, kw_only=True, tag="check_finished"):
    """A check has an outcome.

    Attributes:
        id: The check.
        level: ``must`` or ``should``.
        outcome: What became of it.
        scene: The play whose scene decided the outcome, when it is no pass.
        reason: Why it is unknown, not applicable, or an error.
        expected: What the rule wants, when it failed.
        found: What there was instead, when it failed.
        evidence: The messages that show it, oldest first; the traceback of an error.
        seconds: How long it took, its scenes included where it was the first to need them.
    """

    id: str
    level: Literal["must", "should"]
    outcome: Outcome
    scene: str | None = None
    reason: str | None = None
    expected: str | None = None
    found: str | None = None
    evidence: tuple[str, ...] = ()
    seconds: Annotated[float, Meta(ge=0)] = 0.0


class RunFinished(_Event, frozen=True, kw_only=True, tag="run_finished"):
    """The run is over.

    Attributes:
        exit_code: What the command exits with.
        complete: Whether every selected check was run.
        not_run: The checks that were not.
        cut_short: Why not.
        seconds: How long the run took.
    """

    exit_code: int
    complete: bool
    not_run: tuple[str, ...] = ()
    cut_short: str | None = None
    seconds: Annotated[float, Meta(ge=0)] = 0.0


Event: TypeAlias = RunStarted | CheckStarted | CheckFinished | RunFinished

EVENTS: Final = (RunStarted, CheckStarted, CheckFinished, RunFinished)
"""The types of events."""


class Reporter(Protocol):
    """Something that is told what happens in a run."""

    def report(self, event: Event) -> None:
        """Take an event; called in order, never twice at the same time.

        Args:
            event: What happened.
        """
