"""One check of a runtime: a trial between an app-server and a deployment, and its outcome.

May import the suites, the events and the verdicts of scenes. The invariant: a trial ends with
every runtime stopped, whatever came of it; a mistake in a check is an ``error``, never a verdict.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.runner.events import CheckFinished, Outcome
from codex_conformance.runner.judging import broken
from codex_conformance.suites.runtime.trial import Trial
from codex_conformance.suites.verdicts import Inconclusive, Violation
from codex_conformance.suites.visiting import Visit
from codex_conformance.targets.convex_line import ConvexLine
from codex_conformance.targets.deployment import HostCapability
from codex_conformance.targets.door import StageSettings
from codex_conformance.targets.wire_tap import WireTap
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from codex_conformance.suites.runtime_registry import RuntimeCheck
    from codex_conformance.targets.deployment import DeploymentTarget
    from codex_conformance.targets.door import Target
    from codex_conformance.targets.runtimes import RuntimeTarget

LEAVING_SECONDS: Final = 15.0
"""Seconds that stopping everything and taking away what was made may take."""


async def put_to_trial(
    check: RuntimeCheck, runtime: RuntimeTarget, app_server: Target, deployment: DeploymentTarget
) -> CheckFinished:
    """Put a runtime to a check's trial.

    Args:
        check: The check.
        runtime: The runtime.
        app_server: The one neighbour.
        deployment: The other; both must have the capabilities the check needs.

    Returns:
        The outcome.
    """
    moved = asyncio.Event()
    try:
        async with (
            app_server.open(check.script, StageSettings()) as venue,
            deployment.visit() as deployed,
        ):
            visit = Visit(deployed)
            guest = visit.guest()
            trial = Trial(
                runtime,
                venue,
                visit,
                guest,
                tap=WireTap(venue.start, moved.set),
                line=ConvexLine(await deployed.carrier(guest.caller), moved.set),
                outbox=HostCapability.EXTENDED in deployment.capabilities,
                patience=app_server.patience,
                moved=moved,
            )
            try:
                return await _judged(check, trial)
            finally:
                async with asyncio.timeout(LEAVING_SECONDS):
                    await trial.leave()
                    await visit.leave()
    except CodexRuntimeError as error:
        return _finished(check, Outcome.UNKNOWN, reason=str(error))
    except TimeoutError:
        reason = f"cleaning up took longer than {LEAVING_SECONDS:g} s"
        return _finished(check, Outcome.UNKNOWN, reason=reason)


async def _judged(check: RuntimeCheck, trial: Trial) -> CheckFinished:
    try:
        async with asyncio.timeout(check.bound):
            await check.examine(trial)
    except Violation as violation:
        return _finished(
            check,
            Outcome.FAIL,
            expected=violation.expected,
            found=violation.found,
            evidence=trial.recent,
        )
    except Inconclusive as inconclusive:
        return _finished(check, Outcome.UNKNOWN, reason=str(inconclusive), evidence=trial.recent)
    except CodexRuntimeError as error:
        # What a rule forbids to be refused, its check says; anything else only the scene needed.
        return _finished(check, Outcome.UNKNOWN, reason=str(error), evidence=trial.recent)
    except TimeoutError:
        reason = f"the check took longer than {check.bound:g} s"
        return _finished(check, Outcome.UNKNOWN, reason=reason, evidence=trial.recent)
    except Exception as error:  # noqa: BLE001 - whatever a check raises is a bug in the check
        return broken(check, error)
    return _finished(check, Outcome.PASS)


def _finished(check: RuntimeCheck, outcome: Outcome, **details: Any) -> CheckFinished:
    return CheckFinished(
        id=check.id, level=check.requirement.level.value, outcome=outcome, **details
    )
