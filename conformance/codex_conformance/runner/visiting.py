"""One check of a host: a visit to a deployment, and its outcome.

May import the suites, the events and the verdicts of scenes. The invariant: a visit ends by
leaving, whatever came of it; a mistake in a check is an ``error``, never a verdict about the
deployment.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.runner.events import CheckFinished, Outcome
from codex_conformance.runner.judging import broken
from codex_conformance.suites.verdicts import Inconclusive, Violation
from codex_conformance.suites.visiting import Visit
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from codex_conformance.suites.host_registry import HostCheck
    from codex_conformance.targets.deployment import DeploymentTarget

LEAVING_SECONDS: Final = 10.0
"""Seconds that taking away what a check has made may take."""


async def examine(check: HostCheck, target: DeploymentTarget) -> CheckFinished:
    """Have a check visit a deployment.

    Args:
        check: The check.
        target: The deployment; it must have the capabilities the check needs.

    Returns:
        The outcome.
    """
    try:
        async with target.visit() as deployment:
            visit = Visit(deployment)
            try:
                return await _judged(check, visit)
            finally:
                async with asyncio.timeout(LEAVING_SECONDS):
                    await visit.leave()
    except CodexRuntimeError as error:
        return _finished(check, Outcome.UNKNOWN, reason=str(error))
    except TimeoutError:
        reason = f"cleaning up took longer than {LEAVING_SECONDS:g} s"
        return _finished(check, Outcome.UNKNOWN, reason=reason)


async def _judged(check: HostCheck, visit: Visit) -> CheckFinished:
    try:
        async with asyncio.timeout(check.bound):
            await check.examine(visit)
    except Violation as violation:
        return _finished(
            check,
            Outcome.FAIL,
            expected=violation.expected,
            found=violation.found,
            evidence=visit.recent,
        )
    except Inconclusive as inconclusive:
        return _finished(check, Outcome.UNKNOWN, reason=str(inconclusive), evidence=visit.recent)
    except CodexRuntimeError as error:
        return _finished(check, Outcome.UNKNOWN, reason=str(error), evidence=visit.recent)
    except TimeoutError:
        reason = f"the check took longer than {check.bound:g} s"
        return _finished(check, Outcome.UNKNOWN, reason=reason, evidence=visit.recent)
    except Exception as error:  # noqa: BLE001 - whatever a check raises is a bug in the check
        return broken(check, error)
    return _finished(check, Outcome.PASS)


def _finished(check: HostCheck, outcome: Outcome, **details: Any) -> CheckFinished:
    return CheckFinished(
        id=check.id, level=check.requirement.level.value, outcome=outcome, **details
    )
