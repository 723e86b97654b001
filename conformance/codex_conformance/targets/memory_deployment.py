"""The target ``fake``: host and component on the in-memory Convex, in this process.

May import the in-memory Convex; the component is imported when it is asked for. The invariant:
every check has a deployment of its own, with a clock of its own, so that checks cannot disturb each
other and a check on it comes out the same every time.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.targets.deployment import Carrier, HostCapability, Reply
from codex_conformance.targets.refusals import refusal_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codex_conformance.targets.deployment import Caller, CallKind, Deployment
    from codex_fakes.convex import App, Backend

JOBS: Final = 1
"""Checks at once: they wait for nothing, so more of them would only take turns."""

MODULE: Final = "chat"
"""The module of the host's endpoints."""

ISSUER: Final = "https://conformance.test"
"""Who vouches for the users."""

_LOOK_EVERY_MS: Final = 1_000
_LOOKS: Final = 120


class MemoryDeployment:
    """A deployment in memory.

    Args:
        backend: The deployment.
    """

    shared = False
    only_user = None
    poll = (_LOOK_EVERY_MS, _LOOKS)

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def call(
        self, kind: CallKind, endpoint: str, args: dict[str, Any], caller: Caller
    ) -> Reply:
        """See :meth:`codex_conformance.targets.deployment.Deployment.call`."""
        from codex_fakes.convex import UNDEFINED, Identity

        identity = None if caller.user is None else Identity(caller.user, ISSUER)
        run = self._backend.query if kind == "query" else self._backend.mutation
        outcome = run(f"{MODULE}:{endpoint}", args, identity=identity, internal=caller.operator)
        if outcome.error is None:
            return Reply(outcome.value, reads=outcome.documents_read)
        data = outcome.error.data
        refusal = refusal_of(outcome.error.message, None if data is UNDEFINED else data)
        return Reply(refusal=refusal, reads=outcome.documents_read)

    async def pass_time(self, milliseconds: float) -> None:
        """See :meth:`codex_conformance.targets.deployment.Deployment.pass_time`."""
        await self._backend.advance(milliseconds)

    async def carrier(self, caller: Caller) -> Carrier:
        """See :meth:`codex_conformance.targets.deployment.Deployment.carrier`."""
        from codex_fakes.convex.wire.in_process import URL
        from codex_fakes.convex.wire.server import ConvexServer
        from codex_fakes.convex.wire.transport import InProcessTransport

        server = ConvexServer(self._backend)
        headers = {}
        if caller.user is not None:
            headers["Authorization"] = f"Bearer {server.tokens.issue(caller.user)}"
        return Carrier(URL, MODULE, InProcessTransport(server), headers)


class MemoryTarget:
    """Host and component in memory.

    Args:
        app: What is deployed; the whole host and component when ``None``.
        name: How the user wrote it.
        says: What it is, for the report's header.
    """

    jobs = JOBS
    capabilities = frozenset(HostCapability)

    def __init__(
        self,
        app: App | None = None,
        *,
        name: str = "fake",
        says: str = "host and component on the in-memory Convex, in this process",
    ) -> None:
        self.name = name
        self._app = app
        self._says = says

    async def preflight(self) -> str:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.preflight`."""
        self._deployed()
        return self._says

    def _deployed(self) -> App:
        if self._app is None:
            from codex_fakes.component.deployed import app

            self._app = app
        return self._app

    @asynccontextmanager
    async def visit(self) -> AsyncIterator[Deployment]:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.visit`."""
        from codex_fakes.convex import Backend

        yield MemoryDeployment(Backend(self._deployed()))

    async def aclose(self) -> None:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.aclose`."""
