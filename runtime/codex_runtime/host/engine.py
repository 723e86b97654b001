"""What runs a runtime: its core, its shell, and the passing from one connection to the next.

May import asyncio, the shell, the core and the connection. The invariants: there is one shell at a
time; stopping happens once at a time, whoever asks for it and whatever becomes of them, and takes a
bounded time.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from codex_runtime.app_server.connection import AppServerConnection
from codex_runtime.host.common import Emit, Report, Tell
from codex_runtime.host.core import HostCore
from codex_runtime.host.listeners import HostHandlers, Listeners
from codex_runtime.host.shell import Shell, SystemOutside
from codex_runtime.host.tools import ToolBox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from codex_runtime.app_server.options import ConnectionOptions
    from codex_runtime.app_server.transport import Transport
    from codex_runtime.host.common import Outside, Settings
    from codex_runtime.host.flows import Flow
    from codex_runtime.persistence.port import HostPersistence


class Engine:
    """Runs a core.

    Args:
        opener: Opens the transport to the app-server.
        options: How the connection to it behaves.
        persistence: Where things are kept.
        handlers: Who hears of what.
        tools: Python functions that the model may call, by name.
        sleep: Waits; a test that brings its own needs no time.
        outside: Time and chance.

    Attributes:
        core: What decides.
        listeners: Who hears of it.
        outside: Time and chance.
        persistence: Where things are kept.

    Raises:
        HostError: ``E_RUNTIME_CONFIG_INVALID``: a tool or a handler that cannot be used.
    """

    def __init__(
        self,
        opener: Callable[[], Awaitable[Transport]],
        *,
        options: ConnectionOptions,
        persistence: HostPersistence,
        handlers: HostHandlers,
        tools: Mapping[str, Callable[..., Any]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        outside: Outside | None = None,
    ) -> None:
        self.outside = outside or SystemOutside()
        self.persistence = persistence
        self._tools = ToolBox(tools)
        self._opener = opener
        self._options = options
        self._sleep = sleep
        self.core = HostCore(
            self.outside,
            durable=persistence.durable,
            outbox=persistence.outbox,
            tools=self._tools.definitions,
            tool_names=self._tools,
        )
        self.listeners = Listeners(handlers, self.core.state)
        self._shell = self._new_shell()
        self._stopping: asyncio.Task[None] | None = None

    async def run(self, flow: Callable[[], Flow], *, lasting: bool = False) -> Any:
        """Have the core do something, and wait for what comes of it.

        Args:
            flow: Makes the flow, in the mailbox's turn.
            lasting: Whether it goes on when the app-server is gone.

        Returns:
            What the flow returned.

        Raises:
            CodexRuntimeError: What the flow raises; ``E_RUNTIME_STOPPED``.
        """
        return await self._shell.run(flow, lasting=lasting)

    def begin(self, flow: Callable[[], Flow]) -> None:
        """Have the core do something that nobody waits for; what fails is reported.

        Args:
            flow: Makes the flow, in the mailbox's turn; it goes on when the app-server is gone.
        """
        self._shell.begin(flow)

    async def connect(self, settings: Settings) -> None:
        """Connect to the app-server.

        Args:
            settings: With what.

        Raises:
            CodexRuntimeError: What opening the connection raises; ``E_RUNTIME_STOPPING``;
                ``E_RUNTIME_STOPPED``.
        """
        if self._stopping is not None and self.core.common.lifecycle == "stopped":
            # It has stopped, but for its last tasks.
            await asyncio.wait({self._stopping})
        await self._shell.run(lambda: self.core.connect(settings))

    async def stop(self) -> None:
        """Stop; goes on when whoever asked for it is cancelled.

        Raises:
            CodexRuntimeError: What could not be done before the end.
        """
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop(), name="codex runtime stop")
            self._stopping.add_done_callback(_seen)
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        shell = self._shell
        try:
            await shell.run(self.core.stop, lasting=True)
        finally:
            try:
                await shell.close()
            finally:
                # Whatever has become of stopping: it is stopped, and can be connected again.
                self.core.end()
                for effect in self.core.take_out():
                    if isinstance(effect, Emit | Report | Tell):
                        self.listeners.hear(effect)
                self._shell = self._new_shell()
                self._stopping = None

    def _new_shell(self) -> Shell:
        return Shell(
            self.core,
            self._new_connection,
            self.persistence,
            self._tools.run,
            self._sleep,
            self.listeners.hear,
        )

    def _new_connection(self, experimental: bool) -> AppServerConnection:
        options = self._options
        if (experimental or self._tools.definitions) and not options.experimental_api:
            options = replace(options, experimental_api=True)
        return AppServerConnection(self._opener, options)


def _seen(stopping: asyncio.Task[None]) -> None:
    """Look at how stopping ended: whoever waited for it may have been cancelled meanwhile."""
    if not stopping.cancelled():
        stopping.exception()
