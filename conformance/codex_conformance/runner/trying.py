"""One check of a runtime: a trial between an app-server and a deployment, and its outcome.

May import the suites and what examines. The invariant: a trial ends with every runtime stopped,
whatever came of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from codex_conformance.runner.examining import examined, settled
from codex_conformance.suites.runtime.trial import Trial
from codex_conformance.suites.visiting import Visit
from codex_conformance.targets.convex_line import ConvexLine
from codex_conformance.targets.deployment import HostCapability
from codex_conformance.targets.door import StageSettings
from codex_conformance.targets.wire_tap import WireTap

if TYPE_CHECKING:
    from codex_conformance.runner.events import CheckFinished
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
    outcome = _tried(check, runtime, app_server, deployment)
    return await settled(check, outcome, LEAVING_SECONDS)


async def _tried(
    check: RuntimeCheck, runtime: RuntimeTarget, app_server: Target, deployment: DeploymentTarget
) -> CheckFinished:
    moved = asyncio.Event()
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
            return await examined(check, check.examine, trial)
        finally:
            async with asyncio.timeout(LEAVING_SECONDS):
                await trial.leave()
                await visit.leave()
