"""One check of a host: a visit to a deployment, and its outcome.

May import the suites and what examines. The invariant: a visit ends by leaving, whatever came of
it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from codex_conformance.runner.examining import examined, settled
from codex_conformance.suites.visiting import Visit

if TYPE_CHECKING:
    from codex_conformance.runner.events import CheckFinished
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
    return await settled(check, _visited(check, target), LEAVING_SECONDS)


async def _visited(check: HostCheck, target: DeploymentTarget) -> CheckFinished:
    async with target.visit() as deployment:
        visit = Visit(deployment)
        try:
            return await examined(check, check.examine, visit)
        finally:
            async with asyncio.timeout(LEAVING_SECONDS):
                await visit.leave()
