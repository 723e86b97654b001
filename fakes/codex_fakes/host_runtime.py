"""A host runtime whose neighbours are fakes: what the fixture ``codex_runtime`` makes.

May import the fakes and the runtime. The invariants: it belongs to no event loop until it is used
in one; nothing listens on any port; in a deployment with a virtual clock the runtime's pauses are
the deployment's time; what was started has ended when the block has.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from codex_fakes.convex.engine.clock import VirtualClock
from codex_runtime.contract.actors import Actor
from codex_runtime.host.runtime import FLUSH_MS, create_codex_host_runtime
from codex_runtime.persistence.opening import open_convex_persistence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codex_fakes.app_server import SimulatedAppServer
    from codex_fakes.convex.wire.in_process import InProcessConvex
    from codex_runtime.app_server.memory import MemoryTransport
    from codex_runtime.host.facade import CodexHostRuntime


@asynccontextmanager
async def connected_runtime(
    codex: SimulatedAppServer,
    convex: InProcessConvex | None = None,
    *,
    user: str = "user",
    session_id: str | None = None,
    flush_ms: float = FLUSH_MS,
    **options: Any,
) -> AsyncIterator[CodexHostRuntime]:
    """Run a runtime between a simulated Codex and a Convex in memory.

    Args:
        codex: The simulated Codex. One that runs already goes on behind the block; one that has
            ended is started again, as a binary would be, when the runtime connects again.
        convex: The deployment, with the endpoints of a host; Codex alone knows everything when left
            out.
        user: Whose conversations they are: who the deployment is told is calling.
        session_id: See :meth:`CodexHostRuntime.connect`.
        flush_ms: See there.
        options: What :func:`create_codex_host_runtime` takes besides.

    Yields:
        The runtime, connected; stopped when the block ends.

    Raises:
        CodexRuntimeError: What connecting raises; ``E_PERSISTENCE_MISWIRED`` and its like: the
            deployment has not the endpoints of a host.
    """
    actor = Actor(user_id=user)
    async with AsyncExitStack() as stack:
        if not codex.started:
            await stack.enter_async_context(codex)
        present = codex

        async def start() -> MemoryTransport:
            nonlocal present
            if present.ended:
                present = await stack.enter_async_context(present.successor())
            return await present.open()

        if convex is not None:
            opened = open_convex_persistence(
                convex.url,
                actor=actor,
                token=convex.token(user),
                transport=convex.transport,
                **_pauses(convex),
            )
            options["persistence"] = await stack.enter_async_context(opened)
        runtime = create_codex_host_runtime(opener=start, **options)
        await stack.enter_async_context(runtime)
        await runtime.connect(actor=actor, session_id=session_id, flush_ms=flush_ms)
        yield runtime


def _pauses(convex: InProcessConvex) -> dict[str, Any]:
    if not isinstance(convex.backend.clock, VirtualClock):
        return {}

    async def pause(seconds: float) -> None:
        await convex.advance(seconds * 1_000)

    return {"pause": pause}
