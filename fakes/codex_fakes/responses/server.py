"""The scripted model as a server on the loopback interface.

May import the model and the loopback port; starlette and uvicorn are imported when it starts. The
invariant: it lives in the caller's event loop, takes no signal handler, and when it has stopped,
nothing of it is left: no task, no socket, no stream.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.loopback import HOST, listen, serve
from codex_fakes.responses.exchange import Exchange, OtherRequest, Outcome, Problem
from codex_fakes.responses.model import ScriptedModel
from codex_fakes.script.playing import DEFAULT_WAIT
from codex_fakes.script.validation import check_script
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    import uvicorn

    from codex_fakes.responses.requests import ModelRequest
    from codex_fakes.script.playing import Gates, ScriptPlayer
    from codex_fakes.script.steps import Script

_KEEP_ALIVE_SECONDS: Final = 24 * 3600
"""A connection closed while idle can cross with Codex's next request on it, which then fails."""


class ResponsesServer:
    """Serves a scripted model to the real codex binary; an async context manager.

    Args:
        script: What the model does; checked here.
        port: The port; 0 takes any free one.
        control: Whether the control door ``/_fake/`` is there.
        known_history: Whether every call in a conversation must be one that this server made. Say
            no when Codex goes on with threads it had with another server.

    Raises:
        ConfigurationError: ``E_SCRIPT_INVALID``.
    """

    def __init__(
        self,
        script: Script,
        *,
        port: int = 0,
        control: bool = False,
        known_history: bool = True,
    ) -> None:
        self._asked_port = port
        self._control = control
        self._model = ScriptedModel(
            check_script(script), known_history=known_history, changed=self._tell
        )
        self._waiters: list[asyncio.Future[None]] = []
        self._stopping = asyncio.Event()
        self._listener: socket.socket | None = None
        self._web: uvicorn.Server | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        """Start listening; not at all when there is nothing that anybody could be told.

        Raises:
            ConfigurationError: ``E_FAKE_PORT_BUSY``, or ``E_EXTRA_MISSING`` when starlette or
                uvicorn is not installed.
        """
        try:
            import uvicorn  # noqa: F401 - told before the port is taken

            from codex_fakes.responses.app import build_app
        except ImportError as error:
            raise ConfigurationError(
                "E_EXTRA_MISSING",
                f"the scripted model's server needs {error.name}, which the extra `fakes` installs",
                advice="pip install 'codex-runtime[fakes]'",
            ) from None
        self._listener = listen(self._asked_port)
        self._port = self._listener.getsockname()[1]
        application = build_app(self._model, self._stopping, control=self._control)
        self._web = await serve(
            application, self._listener, ws="none", timeout_keep_alive=_KEEP_ALIVE_SECONDS
        )
        self._become_unreachable()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop: end every stream, close every connection."""
        web, listener = self._web, self._listener
        if web is None or listener is None:
            return
        self._web = None
        # A client that does not read would hold its stream back for ever.
        for connection in web.server_state.connections:
            if connection.transport.get_write_buffer_size():
                connection.transport.abort()
        self._stopping.set()
        try:
            await web.shutdown(sockets=[listener])
        finally:
            for connection in list(web.server_state.connections):
                connection.transport.abort()

    @property
    def base_url(self) -> str:
        """Where the model API is: what Codex's provider has as ``base_url``."""
        return f"http://{HOST}:{self._port}/v1"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def player(self) -> ScriptPlayer:
        """Hands out the responses; ``player.left`` counts those not played."""
        return self._model.player

    @property
    def gates(self) -> Gates:
        """The gates of the script."""
        return self._model.gates

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every model request with what became of it, in the order of arrival."""
        return tuple(self._model.exchanges)

    @property
    def requests(self) -> tuple[ModelRequest, ...]:
        """Every model request, in the order of arrival."""
        return tuple(exchange.request for exchange in self._model.exchanges)

    @property
    def other_requests(self) -> tuple[OtherRequest, ...]:
        """Every request that was not for the model; each was answered with 404."""
        return tuple(self._model.other_requests)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What should not have happened; a test that passes leaves it empty."""
        return tuple(self._model.problems)

    async def request_count(self, count: int, timeout: float = DEFAULT_WAIT) -> ModelRequest:
        """Wait until the model has been asked so often.

        Args:
            count: How often, at least 1.
            timeout: Seconds to wait.

        Returns:
            The request with that number.

        Raises:
            ConfigurationError: ``E_SCRIPT_WAIT_TIMEOUT``.
        """
        exchanges = self._model.exchanges
        await self._until(
            lambda: len(exchanges) >= count,
            timeout,
            lambda: f"{count} model requests did not come: there were {len(exchanges)}",
        )
        return exchanges[count - 1].request

    async def other_request_count(self, count: int, timeout: float = DEFAULT_WAIT) -> OtherRequest:
        """Wait until so many requests have come that were not for the model.

        Args:
            count: How many, at least 1.
            timeout: Seconds to wait.

        Returns:
            The request with that number.

        Raises:
            ConfigurationError: ``E_SCRIPT_WAIT_TIMEOUT``.
        """
        others = self._model.other_requests
        await self._until(
            lambda: len(others) >= count,
            timeout,
            lambda: f"{count} other requests did not come: there were {len(others)}",
        )
        return others[count - 1]

    async def exchange_ended(self, number: int, timeout: float = DEFAULT_WAIT) -> Exchange:
        """Wait until an exchange has ended: all is sent, it was refused, or the client left.

        Args:
            number: The number of the request, from 1.
            timeout: Seconds to wait.

        Returns:
            The exchange.

        Raises:
            ConfigurationError: ``E_SCRIPT_WAIT_TIMEOUT``.
        """
        exchanges = self._model.exchanges
        await self._until(
            lambda: len(exchanges) >= number and exchanges[number - 1].outcome is not Outcome.OPEN,
            timeout,
            lambda: f"model request {number} of {len(exchanges)} did not end",
        )
        return exchanges[number - 1]

    def state(self) -> dict[str, Any]:
        """Say how far the script has come, as the control door does."""
        return self._model.state()

    async def _until(
        self, true: Callable[[], bool], timeout: float, otherwise: Callable[[], str]
    ) -> None:
        try:
            async with asyncio.timeout(timeout):
                while not true():
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.append(waiter)
                    await waiter
        except TimeoutError:
            raise ConfigurationError(
                "E_SCRIPT_WAIT_TIMEOUT", f"{otherwise()} within {timeout:g} s"
            ) from None

    def _become_unreachable(self) -> None:
        """Stop listening when the script says so: everything that it says has been played."""
        busy = any(one.outcome is Outcome.OPEN for one in self._model.exchanges)
        if self._web is None or self._model.player.reachable or busy:
            return
        for server in self._web.servers:
            server.close()
        for connection in list(self._web.server_state.connections):
            # Nothing is being answered; a client would ask again on a connection it has kept.
            connection.transport.close()

    def _tell(self) -> None:
        self._become_unreachable()
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
