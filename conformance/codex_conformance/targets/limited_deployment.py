"""A deployment of which less is asked than it could do.

May import the definition of a deployment. The invariant: what is taken away is undeclared, so that
checks which need it do not apply; everything else is the deployment's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from codex_conformance.targets.deployment import (
        Deployment,
        DeploymentTarget,
        HostCapability,
    )


class LimitedDeployment:
    """A deployment without some of its capabilities.

    Args:
        target: The deployment.
        without: What it shall not declare.
    """

    def __init__(self, target: DeploymentTarget, without: frozenset[HostCapability]) -> None:
        self._target = target
        self._without = without

    @property
    def name(self) -> str:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.name`."""
        return self._target.name

    @property
    def capabilities(self) -> frozenset[HostCapability]:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.capabilities`."""
        return self._target.capabilities - self._without

    @property
    def jobs(self) -> int:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.jobs`."""
        return self._target.jobs

    async def preflight(self) -> str:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.preflight`."""
        return await self._target.preflight()

    def visit(self) -> AbstractAsyncContextManager[Deployment]:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.visit`."""
        return self._target.visit()

    async def aclose(self) -> None:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.aclose`."""
        await self._target.aclose()
