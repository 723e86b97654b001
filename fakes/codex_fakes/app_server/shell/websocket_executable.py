"""The command ``codex-simulated --listen ws://``: the banner, the signals, the drain.

May import asyncio, the in-process server and its websocket; imported when there is a websocket.
The invariant: SIGTERM and SIGINT let running turns finish and end the process with 0, a second one
does not wait for them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from codex_fakes.app_server.configuration.invocation import start_failure
from codex_fakes.app_server.shell.listening import SimulatedWebSocket
from codex_fakes.app_server.shell.server import SimulatedAppServer
from codex_fakes.app_server.surroundings.clock import SystemClock
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from codex_fakes.app_server.configuration.invocation import Listen
    from codex_fakes.app_server.configuration.settings import SimulatedSettings
    from codex_fakes.app_server.shell.door import ControlDoor
    from codex_fakes.app_server.shell.script_place import ScriptPlace
    from codex_fakes.script.steps import Script


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a server is started with.

    Attributes:
        home: Its home.
        script: What the model does.
        place: How far the model is.
        settings: How it is configured.
        faults: What goes wrong, as ``CODEX_SIMULATED_FAULTS`` says it.
        control: Where the control door is; ``None`` for none.
        quiet_seconds: How long it listens before it goes on by itself.
    """

    home: str
    script: Script
    place: ScriptPlace
    settings: SimulatedSettings
    faults: str
    control: str | None
    quiet_seconds: float


def serve_websocket(around: Surroundings, listen: Listen, token_sha256: str | None) -> None:
    """Serve on a websocket until a signal ends it.

    Args:
        around: What the server is started with.
        listen: Where to listen.
        token_sha256: The digest of the token that clients have to show; ``None`` for none.

    Raises:
        EarlyExit: The address cannot be listened on, or not without a token.
        ConfigurationError: ``E_FAKE_FAULT_UNKNOWN``, ``E_FAKE_SOCKET_UNUSABLE``.
    """
    import ipaddress

    loopback = listen.transport == "unix" or ipaddress.ip_address(listen.host).is_loopback
    if not loopback and token_sha256 is None:
        raise start_failure(
            f"refusing to start non-loopback websocket listener {_address(listen)} without auth; "
            "configure `--ws-auth capability-token` or `--ws-auth signed-bearer-token`"
        )
    server = SimulatedAppServer(
        around.script,
        home=Path(around.home),
        settings=around.settings,
        clock=SystemClock(),
        seed=None,
        faults=(around.faults,),
        quiet_seconds=around.quiet_seconds,
        player=around.place.player,
        gates=around.place.gates,
    )
    asyncio.run(_serve(server, around, listen, token_sha256, loopback=loopback))
    for problem in server.problems:
        sys.stderr.write(f"{problem}\n")


async def _serve(
    server: SimulatedAppServer,
    around: Surroundings,
    listen: Listen,
    token_sha256: str | None,
    *,
    loopback: bool,
) -> None:
    signals = _Signals()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(server)
        if around.control is not None:
            await stack.enter_async_context(_Door(server, around.control))
        path: str | None = None
        if listen.transport == "unix":
            path = listen.path
            Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        websocket = SimulatedWebSocket(
            server,
            host=listen.host,
            port=listen.port,
            path=path,
            token_sha256=token_sha256,
            lossy="lost-overload" in around.faults,
        )
        try:
            url = await stack.enter_async_context(websocket)
        except ConfigurationError as error:
            raise start_failure(f"Address in use (os error 98): {error.text}") from None
        if path is None:
            _show_banner(url, loopback=loopback)
        await _until_told_to_end(server, signals)


class _Signals:
    """SIGTERM and SIGINT, counted."""

    def __init__(self) -> None:
        self.count = 0
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._came)

    def _came(self) -> None:
        self.count += 1
        for count, waiter in self._waiters:
            if count <= self.count and not waiter.done():
                waiter.set_result(None)

    async def came(self, count: int) -> None:
        """Wait until so many have come."""
        if self.count < count:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append((count, waiter))
            await waiter


async def _until_told_to_end(server: SimulatedAppServer, signals: _Signals) -> None:
    """Wait for a signal, and for the running turns; die if a fault wants it."""
    await _first(signals.came(1), server.until(lambda: server.ended))
    if not server.ended:
        # A server that a fault has hung does not hear any signal.
        done = partial(_is_done, server)
        await _first(server.until(done), *(() if server.hung else (signals.came(2),)))
    if server.crashed:
        os.kill(os.getpid(), signal.SIGKILL)


def _is_done(server: SimulatedAppServer) -> bool:
    return server.ended or not (server.busy or server.hung)


async def _first(*awaited: Coroutine[object, object, None]) -> None:
    tasks = [asyncio.create_task(each) for each in awaited]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Door:
    """The control door on the event loop.

    Args:
        server: The server whose gates it opens.
        path: Where it is.
    """

    def __init__(self, server: SimulatedAppServer, path: str) -> None:
        self._server = server
        self._path = path
        self._door: ControlDoor | None = None
        self._heralds: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> None:
        from codex_fakes.app_server.shell.door import ControlDoor

        door = self._door = ControlDoor(self._path, self._server.gates, _watch)
        for gate in self._server.gates.names:
            self._heralds.append(asyncio.create_task(self._herald(door, gate)))

    async def _herald(self, door: ControlDoor, gate: str) -> None:
        await self._server.until(partial(self._server.gates.is_reached, gate))
        door.reached(gate)

    async def __aexit__(self, *_error: object) -> None:
        for herald in self._heralds:
            herald.cancel()
        await asyncio.gather(*self._heralds, return_exceptions=True)
        if self._door is not None:
            self._door.close()


def _watch(descriptor: int, ready: Callable[[], None] | None) -> None:
    loop = asyncio.get_running_loop()
    if ready is None:
        loop.remove_reader(descriptor)
    else:
        loop.add_reader(descriptor, ready)


def _address(listen: Listen) -> str:
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    return f"{host}:{listen.port}"


def _show_banner(url: str, *, loopback: bool) -> None:
    http = "http" + url.removeprefix("ws")
    lines = [
        "codex app-server (WebSockets)",
        f"  listening on: {url}",
        f"  readyz: {http}/readyz",
        f"  healthz: {http}/healthz",
    ]
    if loopback:
        lines.append("  note: binds localhost only (use SSH port-forwarding for remote access)")
    sys.stderr.write("\n".join(lines) + "\n")
    sys.stderr.flush()
