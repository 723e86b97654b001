"""Opening persistence in a deployment: looked at before it is used, closed with the block.

May import the adapter, the HTTP client and the contract. The invariants: a deployment that is not
wired right is refused before anything is kept in it; what it can do is asked and not assumed.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from codex_runtime.contract.endpoints.runtime_owned import WiringArgs
from codex_runtime.contract.shapes import UNSET
from codex_runtime.persistence.convex_adapter import ConvexPersistence, has_outbox
from codex_runtime.persistence.convex_http import TIMEOUT_SECONDS, ConvexHttp
from codex_runtime.persistence.failures import PersistenceError
from codex_runtime.persistence.host_client import HostClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from codex_runtime.contract.actors import Actor
    from codex_runtime.contract.functions.ingest import RuntimeOptions
    from codex_runtime.contract.shapes import UnsetType
    from codex_runtime.persistence.convex_http import Carrier
    from codex_runtime.persistence.live_reads.tokens import TokenProvider


@asynccontextmanager
async def open_convex_persistence(
    url: str,
    *,
    actor: Actor,
    token: str | TokenProvider | None = None,
    admin_key: str | None = None,
    module: str = "chat",
    runtime: RuntimeOptions | UnsetType = UNSET,
    timeout: float = TIMEOUT_SECONDS,
    transport: Carrier | None = None,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[ConvexPersistence]:
    """Keep the conversations of a runtime in a deployment, for as long as the block lasts.

    Args:
        url: The deployment.
        actor: As whom to ask whether it is wired right.
        token: Who calls, or an async provider that is asked again when a token is refused.
        admin_key: The key of an administrator, in place of a token.
        module: The module that the host's endpoints are in.
        runtime: How the deployment is to keep and replay streams; its defaults when left out.
        timeout: How long one attempt of a call may take, in seconds.
        transport: What carries requests; the network when left out.
        pause: Waits between attempts and looks; a test that brings its own needs no time.

    Yields:
        The persistence, with its outbox where the deployment has one.

    Raises:
        PersistenceError: ``E_PERSISTENCE_MISWIRED``: the deployment's own check of its wiring finds
            something wrong; what asking it raises (``E_PERSISTENCE_URL_INVALID``,
            ``E_PERSISTENCE_UNREACHABLE``, ``E_PERSISTENCE_NOT_CONVEX``,
            ``E_PERSISTENCE_ENDPOINT_MISSING``, ``E_PERSISTENCE_UNAUTHORIZED``, …).
        ContractError: The deployment refuses the actor.
    """
    http = ConvexHttp(
        url, token=token, admin_key=admin_key, timeout=timeout, transport=transport, pause=pause
    )
    client = HostClient(http, module)
    try:
        report = await client.call("validateHostWiring", WiringArgs(actor=actor))
        wrong = [check for check in report.checks if not check.ok]
        if wrong or not report.ok:
            named = "; ".join(f"{check.name}: {check.code or check.error}" for check in wrong)
            raise PersistenceError("E_PERSISTENCE_MISWIRED", named or "it does not say where")
        yield ConvexPersistence(
            client, outbox=await has_outbox(client, actor), runtime=runtime, pause=pause
        )
    finally:
        await client.aclose()
