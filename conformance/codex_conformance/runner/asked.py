"""What the user of the command line names, and what is judged because of it.

May import the kinds of checks; a target's own module is imported when it is named. The invariant:
what is not named is not judged, unless nothing is named at all; a neighbour that a runtime needs
and nobody names is the fake.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from codex_conformance.suites.host_registry import HostCheck
from codex_conformance.suites.registry import Check
from codex_conformance.suites.runtime_registry import RuntimeCheck
from codex_conformance.targets.deployment import HostCapability
from codex_conformance.targets.door import Capability
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from codex_conformance.suites.kinds import AnyCheck
    from codex_conformance.targets.deployment import DeploymentTarget
    from codex_conformance.targets.door import Target
    from codex_conformance.targets.runtimes import RuntimeTarget

_APP_SERVER: Final = "simulated"
_DEPLOYMENT: Final = "fake"
_RUNTIME: Final = "codex-runtime"


@dataclass(frozen=True, slots=True)
class Targets:
    """What the checks of a run need.

    Attributes:
        app_server: The app-server, if any of them needs one.
        deployment: The deployment, if any of them needs one.
        runtime: The runtime, if any of them is about one.
    """

    app_server: Target | None
    deployment: DeploymentTarget | None
    runtime: RuntimeTarget | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user has named; ``None`` where they have named nothing.

    Attributes:
        app_server: The app-server.
        deployment: The deployment.
        runtime: The runtime.
    """

    app_server: str | None = None
    deployment: str | None = None
    runtime: str | None = None

    def about(self, checks: Sequence[AnyCheck]) -> tuple[AnyCheck, ...]:
        """Keep the checks about what was named.

        Args:
            checks: The checks that are selected.

        Raises:
            ConfigurationError: ``E_CONFORMANCE_NOTHING_SELECTED``: none of them is.
        """
        about = tuple(check for check in checks if self._names(check))
        if not about:
            wanted = {
                Check: "--app-server",
                HostCheck: "--convex",
                RuntimeCheck: "--runtime or --app-server",
            }
            missing = sorted({wanted[type(check)] for check in checks})
            raise ConfigurationError(
                "E_CONFORMANCE_NOTHING_SELECTED",
                "the selected checks are about a target that was not given; give one with "
                + ", ".join(missing),
            )
        return about

    def _names(self, check: AnyCheck) -> bool:
        if self.app_server is self.deployment is self.runtime is None:
            return True
        if isinstance(check, HostCheck):
            return self.deployment is not None
        if isinstance(check, RuntimeCheck):
            return self.app_server is not None or self.runtime is not None
        return self.app_server is not None

    def targets(
        self, checks: Sequence[AnyCheck], without: tuple[str, ...], workspace: Path | None
    ) -> Targets:
        """Make what the checks need.

        Args:
            checks: The checks.
            without: Capabilities that the targets shall not have.
            workspace: Where homes are made; the system's folder for temporary files when ``None``.

        Raises:
            ConfigurationError: ``E_CONFORMANCE_TARGET_INVALID``.
        """
        from codex_conformance.targets.deployment_naming import parse_deployment
        from codex_conformance.targets.limited import LimitedTarget
        from codex_conformance.targets.limited_deployment import LimitedDeployment
        from codex_conformance.targets.naming import parse_target
        from codex_conformance.targets.runtimes import parse_runtime

        kinds = {type(check) for check in checks}
        target: Target | None = None
        host: DeploymentTarget | None = None
        if kinds & {Check, RuntimeCheck}:
            target = parse_target(self.app_server or _APP_SERVER, workspace)
            less = frozenset(one for one in Capability if one.value in without)
            target = LimitedTarget(target, less) if less else target
        if kinds & {HostCheck, RuntimeCheck}:
            host = parse_deployment(self.deployment or _DEPLOYMENT)
            lacking = frozenset(one for one in HostCapability if one.value in without)
            host = LimitedDeployment(host, lacking) if lacking else host
        runtime = parse_runtime(self.runtime or _RUNTIME) if RuntimeCheck in kinds else None
        return Targets(target, host, runtime)
