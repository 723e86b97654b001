"""Making a host runtime: what an integrator imports (spec 06 §1).

May import the façade, the engine, the transports and persistence. The invariant: what is made is
not connected, and nothing runs yet.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from codex_runtime.app_server.binary import codex_command
from codex_runtime.app_server.options import ConnectionOptions
from codex_runtime.app_server.stdio import StdioTransport
from codex_runtime.host.common import FLUSH_MS, HostError
from codex_runtime.host.engine import Engine
from codex_runtime.host.facade import CodexHostRuntime
from codex_runtime.host.listeners import HostHandlers
from codex_runtime.host.listing import ListedThread, ListedThreads
from codex_runtime.host.turn_records import SentTurn, TurnOptions
from codex_runtime.persistence.codex_only import CodexOnlyPersistence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from codex_runtime.app_server.transport import Transport
    from codex_runtime.persistence.port import HostPersistence

__all__ = [
    "FLUSH_MS",
    "CodexHostRuntime",
    "HostHandlers",
    "ListedThread",
    "ListedThreads",
    "SentTurn",
    "TurnOptions",
    "create_codex_host_runtime",
]


def create_codex_host_runtime(
    *,
    codex_bin: str | None = None,
    cwd: str | None = None,
    opener: Callable[[], Awaitable[Transport]] | None = None,
    options: ConnectionOptions | None = None,
    persistence: HostPersistence | None = None,
    handlers: HostHandlers | None = None,
    tools: Mapping[str, Callable[..., Any]] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> CodexHostRuntime:
    """Make a runtime.

    Args:
        codex_bin: The codex binary; the installed one when left out.
        cwd: The folder that Codex is started in.
        opener: Opens the transport to an app-server, in place of starting a binary.
        options: How the connection behaves; where there are tools, what is experimental is used.
        persistence: Where things are kept; Codex alone knows them when left out.
        handlers: Who hears of what.
        tools: Python functions that the model may call, by name.
        sleep: Waits for a number of seconds; a test that brings its own needs no time.

    Returns:
        The runtime, not connected.

    Raises:
        HostError: ``E_RUNTIME_CONFIG_INVALID``.
    """
    if opener is not None and (codex_bin is not None or cwd is not None):
        raise HostError(
            "E_RUNTIME_CONFIG_INVALID", "Give an opener, or a binary and its folder, not both."
        )

    async def start() -> Transport:
        return await StdioTransport.start(codex_command(codex_bin, cwd=cwd))

    engine = Engine(
        opener or start,
        options=options or ConnectionOptions(),
        persistence=persistence or CodexOnlyPersistence(),
        handlers=handlers or HostHandlers(),
        tools=tools or {},
        sleep=sleep,
    )
    return CodexHostRuntime(engine)
