"""A check that acts itself, on a visit or in a trial: what it raises is its outcome.

May import the verdicts, the events and what is said of broken checks. The invariant: a mistake in a
check is an ``error``, never a verdict; what could not be found out is unknown, with the reason.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from codex_conformance.runner.events import CheckFinished, Outcome
from codex_conformance.runner.judging import broken
from codex_conformance.suites.verdicts import Inconclusive, Violation
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codex_conformance.suites.kinds import AnyCheck


class Subject(Protocol):
    """What a check acts with: a visit to a deployment, or the trial of a runtime."""

    @property
    def recent(self) -> tuple[str, ...]:
        """What was said and done last, for a report."""


SubjectT = TypeVar("SubjectT", bound=Subject)


async def examined(
    check: AnyCheck, examine: Callable[[SubjectT], Awaitable[None]], subject: SubjectT
) -> CheckFinished:
    """Have a check examine what it is about.

    Args:
        check: The check.
        examine: Its function.
        subject: What it acts with.

    Returns:
        The outcome.
    """
    try:
        async with asyncio.timeout(check.bound):
            await examine(subject)
    except Violation as violation:
        return _finished(
            check,
            Outcome.FAIL,
            expected=violation.expected,
            found=violation.found,
            evidence=subject.recent,
        )
    except (Inconclusive, CodexRuntimeError) as error:
        # What a rule forbids to be refused, its check says; anything else only the scene needed.
        return _finished(check, Outcome.UNKNOWN, reason=str(error), evidence=subject.recent)
    except TimeoutError:
        reason = f"the check took longer than {check.bound:g} s"
        return _finished(check, Outcome.UNKNOWN, reason=reason, evidence=subject.recent)
    except Exception as error:  # noqa: BLE001 - whatever a check raises is a bug in the check
        return broken(check, error)
    return _finished(check, Outcome.PASS)


async def settled(
    check: AnyCheck, outcome: Awaitable[CheckFinished], leaving_seconds: float
) -> CheckFinished:
    """Wait for an outcome; it is unknown where arriving or leaving goes wrong.

    Args:
        check: The check.
        outcome: Gives its outcome.
        leaving_seconds: How long leaving may take, for the report.

    Returns:
        The outcome.
    """
    try:
        return await outcome
    except CodexRuntimeError as error:
        return _finished(check, Outcome.UNKNOWN, reason=str(error))
    except TimeoutError:
        reason = f"cleaning up took longer than {leaving_seconds:g} s"
        return _finished(check, Outcome.UNKNOWN, reason=reason)


def _finished(check: AnyCheck, outcome: Outcome, **details: Any) -> CheckFinished:
    return CheckFinished(
        id=check.id, level=check.requirement.level.value, outcome=outcome, **details
    )
