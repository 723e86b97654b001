"""Deployments behind a URL: ``url:URL``, and ``fake:wire`` in a process of its own.

May import httpx when a call is made, and the fake's process when one is started. The invariant: a
call is sent once; what became of one whose answer was lost is not known, and is never guessed.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from codex_conformance.targets.deployment import Caller, Carrier, HostCapability, Reply
from codex_conformance.targets.refusals import refusal_of
from codex_runtime.errors import CodexRuntimeError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from codex_conformance.targets.deployment import CallKind, Deployment
    from codex_fakes.convex.wire.process import ConvexProcess

JOBS: Final = 4
"""Checks at once."""

CALL_SECONDS: Final = 20.0
"""How long a call may take."""

_LOOK_EVERY_MS: Final = 100
_LOOKS: Final = 100
_LONGEST_PAUSE_MS: Final = 5_000
_SERVER_CODE: Final = "E_CONFORMANCE_DEPLOYMENT_UNREACHABLE"


class Credentials(Protocol):
    """How a deployment is told who calls."""

    @property
    def only_user(self) -> str | None:
        """The one user there are credentials of; ``None`` when there are some of anybody."""

    @property
    def capabilities(self) -> frozenset[HostCapability]:
        """What these credentials make possible."""

    async def headers(self, caller: Caller) -> dict[str, str]:
        """The headers of a call.

        Raises:
            CodexRuntimeError: There are no credentials of this caller.
        """


class ServedDeployment:
    """A deployment that is called over HTTP.

    Args:
        client: Carries the calls.
        module: The module of the host's endpoints.
        credentials: How it is told who calls.
    """

    shared = True
    poll = (_LOOK_EVERY_MS, _LOOKS)

    def __init__(self, client: httpx.AsyncClient, module: str, credentials: Credentials) -> None:
        self._client = client
        self._module = module
        self._credentials = credentials

    @property
    def only_user(self) -> str | None:
        """See :meth:`codex_conformance.targets.deployment.Deployment.only_user`."""
        return self._credentials.only_user

    async def call(
        self, kind: CallKind, endpoint: str, args: dict[str, Any], caller: Caller
    ) -> Reply:
        """See :meth:`codex_conformance.targets.deployment.Deployment.call`."""
        import httpx

        body = {"path": f"{self._module}:{endpoint}", "args": args, "format": "json"}
        headers = await self._credentials.headers(caller)
        try:
            response = await self._client.post(f"/api/{kind}", json=body, headers=headers)
            answer = response.json()
        except (httpx.HTTPError, ValueError) as error:
            why = f"{type(error).__name__}: {error}".rstrip(": ")
            raise _unreachable(f"{endpoint} was not answered: {why}") from error
        if not isinstance(answer, dict) or "status" not in answer:
            told = answer.get("message", "") if isinstance(answer, dict) else ""
            raise _unreachable(f"{endpoint} was answered with {response.status_code}: {told}")
        if answer["status"] == "success":
            return Reply(answer.get("value"))
        return Reply(
            refusal=refusal_of(str(answer.get("errorMessage", "")), answer.get("errorData"))
        )

    async def pass_time(self, milliseconds: float) -> None:
        """See :meth:`codex_conformance.targets.deployment.Deployment.pass_time`."""
        # Nothing tells a caller over HTTP when something has happened: it has to ask again.
        await asyncio.sleep(min(milliseconds, _LONGEST_PAUSE_MS) / 1_000)

    async def carrier(self, caller: Caller) -> Carrier:
        """See :meth:`codex_conformance.targets.deployment.Deployment.carrier`."""
        return Carrier(
            str(self._client.base_url).rstrip("/"),
            self._module,
            _Shared(self._client),
            await self._credentials.headers(caller),
        )


class _Shared:
    """Carries the requests of another client over the connections of this one.

    Args:
        client: Whose connections they are.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry a request."""
        return await self._client.send(request)


def _unreachable(text: str) -> ConfigurationError:
    return ConfigurationError(_SERVER_CODE, text)


class ServedTarget:
    """A deployment behind a URL.

    Args:
        name: How the user wrote it, without its secrets.
        url: The URL.
        module: The module of the host's endpoints.
        credentials: How it is told who calls.
        bound: Whether its host is said to bind actors to callers.
    """

    jobs = JOBS

    def __init__(
        self, name: str, url: str, module: str, credentials: Credentials, *, bound: bool = True
    ) -> None:
        self.name = name
        self._url = url
        self._module = module
        self._credentials = credentials
        self._bound = bound
        self._extended = False

    @property
    def capabilities(self) -> frozenset[HostCapability]:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.capabilities`."""
        able = set(self._credentials.capabilities)
        if self._bound:
            able.add(HostCapability.BOUND_ACTORS)
        if self._extended:
            able.add(HostCapability.EXTENDED)
        else:
            # The audit is one of the extended endpoints.
            able.discard(HostCapability.AUDIT)
        return frozenset(able)

    async def preflight(self) -> str:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.preflight`."""
        async with self.visit() as deployment:
            reply = await deployment.call("query", "extendedManifest", {"actor": {}}, Caller())
        self._extended = reply.refusal is None
        more = "with" if self._extended else "without"
        return f"a deployment, its host in {self._module}, {more} the extended manifest"

    @asynccontextmanager
    async def visit(self) -> AsyncIterator[Deployment]:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.visit`."""
        try:
            import httpx
        except ImportError as error:
            raise ConfigurationError(
                "E_EXTRA_MISSING",
                f"calling a deployment needs {error.name}",
                advice="pip install 'codex-runtime[conformance]'",
            ) from None
        async with httpx.AsyncClient(
            base_url=self._url, timeout=CALL_SECONDS, trust_env=False
        ) as client:
            yield ServedDeployment(client, self._module, self._credentials)

    async def aclose(self) -> None:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.aclose`."""


class _IssuedTokens:
    """Tokens of a fake deployment's own issuer.

    Args:
        process: The deployment.
    """

    only_user = None
    capabilities = frozenset({HostCapability.ACTORS, HostCapability.AUDIT})

    def __init__(self, process: ConvexProcess) -> None:
        self._process = process
        self._tokens: dict[str, str] = {}

    async def headers(self, caller: Caller) -> dict[str, str]:
        """See :meth:`Credentials.headers`."""
        if caller.operator:
            return {"Authorization": f"Convex {self._process.admin_key}"}
        if caller.user is None:
            return {}
        token = self._tokens.get(caller.user)
        if token is None:
            token = await asyncio.to_thread(self._process.token, caller.user)
            self._tokens[caller.user] = token
        return {"Authorization": f"Bearer {token}"}


class FakeProcessTarget:
    """``codex-fakes convex`` with host and component, in a process of its own, over HTTP.

    Args:
        name: How the user wrote it.
    """

    jobs = JOBS

    def __init__(self, name: str = "fake:wire") -> None:
        self.name = name
        self._process: ConvexProcess | None = None
        self._served: ServedTarget | None = None

    @property
    def capabilities(self) -> frozenset[HostCapability]:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.capabilities`."""
        return frozenset(HostCapability) - {HostCapability.READS, HostCapability.VIRTUAL_CLOCK}

    async def preflight(self) -> str:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.preflight`."""
        from codex_fakes.component.host.definitions import HOST_MODULE
        from codex_fakes.convex.wire.process import ConvexProcess

        process = ConvexProcess("codex_fakes.component.deployed:app")
        await asyncio.to_thread(process.start)
        self._process = process
        self._served = ServedTarget(self.name, process.url, HOST_MODULE, _IssuedTokens(process))
        try:
            await self._served.preflight()
        except CodexRuntimeError:
            await self.aclose()
            raise
        return "host and component on the in-memory Convex, in a process of its own, over HTTP"

    @asynccontextmanager
    async def visit(self) -> AsyncIterator[Deployment]:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.visit`."""
        if self._served is None:
            raise RuntimeError("a deployment is started by its preflight")
        async with self._served.visit() as deployment:
            yield deployment

    async def aclose(self) -> None:
        """See :meth:`codex_conformance.targets.deployment.DeploymentTarget.aclose`."""
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(process.stop)
