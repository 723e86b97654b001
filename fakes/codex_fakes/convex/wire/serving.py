"""A Convex server that listens on the loopback interface.

May import asyncio, the server and the loopback port; uvicorn is imported when it starts. The
invariant: it lives in the caller's event loop, takes no signal handler, and when it has stopped,
nothing of it is left: no task, no socket, no timer. A backend with the machine's clock has its
schedule driven here.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.engine.clock import VirtualClock
from codex_fakes.convex.wire.scheduling import drive_schedule
from codex_fakes.loopback import HOST, listen, serve
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    import socket
    from types import TracebackType
    from typing import Self

    import uvicorn

    from codex_fakes.convex.wire.server import ConvexServer

_KEEP_ALIVE_SECONDS: Final = 75
_FRAME_BYTES: Final = 64 << 20
PING_SECONDS: Final = 5.0
"""How long after the answer to a ping a client is pinged again."""
SILENCE_SECONDS: Final = 120.0
"""A client that answers no ping for so long is gone."""


class ListeningConvex:
    """Serves a Convex server on a port; an async context manager.

    Args:
        server: What it serves.
        port: The port; 0 takes any free one.
        ping_seconds: See :data:`PING_SECONDS`.
        silence_seconds: See :data:`SILENCE_SECONDS`.
    """

    def __init__(
        self,
        server: ConvexServer,
        *,
        port: int = 0,
        ping_seconds: float = PING_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self.server = server
        self._ping_seconds = ping_seconds
        self._silence_seconds = silence_seconds
        self._asked_port = port
        self._listener: socket.socket | None = None
        self._web: uvicorn.Server | None = None
        self._schedule: asyncio.Task[None] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """What clients are given as the deployment's URL."""
        return f"http://{HOST}:{self._port}"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    async def __aenter__(self) -> Self:
        """Start listening.

        Raises:
            ConfigurationError: ``E_FAKE_PORT_BUSY``, or ``E_EXTRA_MISSING`` when starlette or
                uvicorn is not installed.
        """
        try:
            import uvicorn  # noqa: F401 - told before the port is taken
        except ImportError as error:
            raise ConfigurationError(
                "E_EXTRA_MISSING",
                f"the fake Convex needs {error.name}, which the extra `fakes` installs",
                advice="pip install 'codex-runtime[fakes]'",
            ) from None
        application = self.server.asgi
        self._listener = listen(self._asked_port)
        self._port = self._listener.getsockname()[1]
        self._web = await serve(
            application,
            self._listener,
            ws="websockets-sansio",
            ws_max_size=_FRAME_BYTES,
            ws_ping_interval=self._ping_seconds,
            ws_ping_timeout=self._silence_seconds,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        self.server.cut = self._cut
        self._schedule = asyncio.get_running_loop().create_task(self._drive())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop: cut every socket, end every action, close every connection."""
        web, listener = self._web, self._listener
        if web is None or listener is None:
            return
        self._web = None
        if self._schedule is not None:
            self._schedule.cancel()
            await asyncio.gather(self._schedule, return_exceptions=True)
        try:
            await self.server.aclose()
        finally:
            for connection in list(web.server_state.connections):
                connection.transport.abort()
            await web.shutdown(sockets=[listener])

    async def _drive(self) -> None:
        server = self.server
        while not isinstance(server.backend.clock, VirtualClock):
            server.restarted.clear()
            driving = asyncio.create_task(
                drive_schedule(server.backend, server.changed, server.spawn)
            )
            try:
                # A restart brings another backend, with the same schedule.
                await server.restarted.wait()
            finally:
                driving.cancel()
                await asyncio.gather(driving, return_exceptions=True)

    def _cut(self, address: Any) -> bool:
        """Cut the connection from an address."""
        if self._web is None or address is None:
            return False
        for connection in list(self._web.server_state.connections):
            if getattr(connection, "client", None) == tuple(address):
                connection.transport.abort()
                return True
        return False
