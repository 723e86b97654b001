"""The chat's neighbours: a Codex, and where conversations are kept.

May import the stand-ins, the settings, the app-server's transport and persistence. The invariants:
a deployment that is not wired right is refused before a word is said; what was opened here is
closed here; nothing that is shown of a deployment has a credential in it.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from codex_runtime.app_server.binary import codex_command
from codex_runtime.app_server.stdio import StdioTransport
from codex_runtime.chat.commands import ChatError
from codex_runtime.chat.printable import one_line
from codex_runtime.chat.stand_ins import stand_ins
from codex_runtime.contract.actors import Actor
from codex_runtime.contract.endpoints.runtime_owned import WiringArgs
from codex_runtime.contract.functions.ingest import RuntimeOptions
from codex_runtime.persistence.codex_only import CodexOnlyPersistence
from codex_runtime.persistence.convex_adapter import ConvexPersistence, has_outbox
from codex_runtime.persistence.convex_http import ConvexHttp
from codex_runtime.persistence.host_client import HostClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from codex_runtime.app_server.binary import AppServerCommand
    from codex_runtime.app_server.transport import Transport
    from codex_runtime.chat.settings import Environment
    from codex_runtime.persistence.port import HostPersistence
    from codex_runtime.protocol.params import ThreadSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a chat is to be.

    Attributes:
        environment: What the environment says.
        url: The deployment; ``None`` to keep nothing beside Codex itself.
        fake: Whether to start stand-ins for Codex and the deployment.
        state: Where the stand-ins keep their state.
        resume: The thread to go on with; ``None`` for a new one.
        thread: What the thread runs with.
    """

    environment: Environment
    url: str | None
    fake: bool
    state: Path | None
    resume: str | None
    thread: ThreadSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Who the runtime works with.

    Attributes:
        command: How Codex is started.
        persistence: Where conversations are kept.
        kept_in: The same in words.
        actor: Whose conversations they are.
        actor_text: The same in words.
    """

    command: AppServerCommand
    persistence: HostPersistence
    kept_in: str
    actor: Actor
    actor_text: str

    async def open(self) -> Transport:
        """Start Codex."""
        return await StdioTransport.start(self.command)


@asynccontextmanager
async def neighbours(plan: Plan) -> AsyncIterator[Neighbours]:
    """Find or start who the runtime works with.

    Args:
        plan: What the chat is to be.

    Yields:
        Them.

    Raises:
        CodexRuntimeError: What is wrong with Codex or the deployment; ``E_CHAT_…``.
    """
    environment = plan.environment
    async with AsyncExitStack() as stack:
        if plan.fake:
            who = environment.user_id or environment.actor_text
            fakes = await stack.enter_async_context(stand_ins(plan.state, who))
            command = codex_command(
                fakes.codex_bin, codex_home=fakes.codex_home, cwd=environment.cwd
            )
            actor = Actor(user_id=who)
            http = ConvexHttp(fakes.url, token=fakes.token)
            yield Neighbours(
                command=command,
                persistence=await _deployed(http, actor, environment, stack),
                kept_in=f"{_shown(fakes.url)} (in memory)",
                actor=actor,
                actor_text=who,
            )
            return
        command = codex_command(cwd=environment.cwd)
        actor = environment.actor
        persistence: HostPersistence = CodexOnlyPersistence()
        kept_in = "Codex alone"
        if plan.url is not None:
            http = ConvexHttp(plan.url, token=environment.token, admin_key=environment.admin_key)
            persistence = await _deployed(http, actor, environment, stack)
            kept_in = _shown(plan.url)
        yield Neighbours(
            command=command,
            persistence=persistence,
            kept_in=kept_in,
            actor=actor,
            actor_text=environment.actor_text,
        )


async def _deployed(
    http: ConvexHttp, actor: Actor, environment: Environment, stack: AsyncExitStack
) -> ConvexPersistence:
    client = HostClient(http)
    stack.push_async_callback(client.aclose)
    report = await client.call("validateHostWiring", WiringArgs(actor=actor))
    wrong = [check for check in report.checks if not check.ok]
    if wrong or not report.ok:
        named = "; ".join(f"{check.name}: {check.code or check.error}" for check in wrong)
        raise ChatError("E_CHAT_DEPLOYMENT_MISWIRED", one_line(named or "it does not say where"))
    return ConvexPersistence(
        client,
        outbox=await has_outbox(client, actor),
        runtime=RuntimeOptions(save_stream_deltas=environment.save_stream_deltas),
    )


def _shown(url: str) -> str:
    parts = urlsplit(url)
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}"
