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
from codex_runtime.chat.stand_ins import stand_ins
from codex_runtime.contract.actors import Actor
from codex_runtime.contract.functions.ingest import RuntimeOptions
from codex_runtime.persistence.codex_only import CodexOnlyPersistence
from codex_runtime.persistence.opening import open_convex_persistence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from codex_runtime.app_server.binary import AppServerCommand
    from codex_runtime.app_server.transport import Transport
    from codex_runtime.chat.settings import Environment
    from codex_runtime.persistence.convex_adapter import ConvexPersistence
    from codex_runtime.persistence.live_reads.tokens import TokenProvider
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
            yield Neighbours(
                command=command,
                persistence=await _deployed(
                    stack, fakes.url, actor, environment, token=fakes.token
                ),
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
            persistence = await _deployed(
                stack,
                plan.url,
                actor,
                environment,
                token=environment.token,
                admin_key=environment.admin_key,
            )
            kept_in = _shown(plan.url)
        yield Neighbours(
            command=command,
            persistence=persistence,
            kept_in=kept_in,
            actor=actor,
            actor_text=environment.actor_text,
        )


async def _deployed(
    stack: AsyncExitStack,
    url: str,
    actor: Actor,
    environment: Environment,
    *,
    token: str | TokenProvider | None,
    admin_key: str | None = None,
) -> ConvexPersistence:
    opened = open_convex_persistence(
        url,
        actor=actor,
        token=token,
        admin_key=admin_key,
        runtime=RuntimeOptions(save_stream_deltas=environment.save_stream_deltas),
    )
    return await stack.enter_async_context(opened)


def _shown(url: str) -> str:
    parts = urlsplit(url)
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}"
