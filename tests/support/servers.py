"""The real app-server and the simulated one, to be started, ended and started again."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from codex_cli_bin import bundled_codex_path
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from codex_fakes.app_server import SimulatedAppServer, SimulatedSettings, SystemClock
from codex_fakes.responses.codex_home import CodexHome, CodexSettings
from codex_fakes.responses.server import ResponsesServer

PATIENCE = 12.0
"""Seconds after which something counts as not coming."""
ENDING = 20.0
"""Seconds a process may take to end."""


class Real:
    """The real binary, with the scripted model behind it."""

    kind = "real"

    def __init__(self, program, folder: Path) -> None:
        self._program = program
        self._settings = dict(program.settings)
        self._folder = folder
        self._cwd = folder / "work"
        self._cwd.mkdir(parents=True)
        self._process = None
        self._url = ""
        self._drain = None
        self.exit_codes = []

    @asynccontextmanager
    async def running(self):
        async with ResponsesServer(self._program.script, known_history=False) as model:
            self._model = model
            self.gates = model.gates
            try:
                await self.begin()
                yield self
            finally:
                if self._process is not None and self._process.returncode is None:
                    self._process.kill()
                    await self._process.wait()

    @property
    def places(self):
        return (
            (self._folder / "home", "<CODEX_HOME>"),
            (self._cwd, "<CWD>"),
            (self._model.base_url, "<MODEL>"),
        )

    async def begin(self, settings=None) -> None:
        self._settings |= settings or {}
        home = CodexHome.create(
            self._folder / "home", base_url=self._model.base_url, settings=_real(self._settings)
        )
        ws = self._program.websocket
        argv = home.command(bundled_codex_path(), *(("--listen", "ws://127.0.0.1:0") * ws))
        quiet, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *argv,
            env=dict(home.env),
            cwd=self._cwd,
            stdin=quiet if ws else pipe,
            stdout=quiet if ws else pipe,
            stderr=pipe if ws else quiet,
        )
        if ws:
            async with asyncio.timeout(ENDING):
                while not (
                    found := re.search(rb"ws://127\.0\.0\.1:\d+", line := await self._err())
                ):
                    assert line, "the app-server ended before it listened"
            self._url = found.group().decode()
            self._drain = asyncio.ensure_future(self._process.stderr.read())

    async def _err(self):
        return await self._process.stderr.readline()

    async def connect(self, client):
        if self._url:
            return Frames(await connect(self._url, max_size=None, compression=None))
        return Pipes(self._process)

    async def end(self, how, clients) -> None:
        """End the process; with the end of stdin unless a signal is named."""
        if how == "kill":
            self._process.kill()
        elif how == "term" or self._url:
            self._process.terminate()
        else:
            for client in clients:
                await client.hang_up()
        async with asyncio.timeout(ENDING):
            self.exit_codes.append(await self._process.wait())
            if self._drain is not None:
                await self._drain
        self._url = ""


class Simulated:
    """The simulated app-server in this process."""

    kind = "simulated"

    def __init__(self, program, folder: Path, machine) -> None:
        self._program = program
        self._folder = folder
        self._cwd = folder / "work"
        self._cwd.mkdir(parents=True)
        (folder / "home").mkdir()
        self._server = SimulatedAppServer(
            program.script,
            home=folder / "home",
            settings=SimulatedSettings(
                **{**machine, **program.settings, **program.worked_out, "cwd": str(self._cwd)}
            ),
            clock=SystemClock() if program.real_time else None,
            single_connection=not program.websocket,
        )
        self.exit_codes = []
        self.places = ((folder / "home", "<CODEX_HOME>"), (self._cwd, "<CWD>"))

    @asynccontextmanager
    async def running(self):
        async with AsyncExitStack() as self._stack:
            await self._stack.enter_async_context(self._server)
            yield self

    @property
    def gates(self):
        return self._server.gates

    async def begin(self, settings=None) -> None:
        after = self._server.successor()
        lasting = after._lasting
        changed = dataclasses.replace(lasting.settings, **(settings or {}))
        after._begin(dataclasses.replace(lasting, settings=changed))
        self._server = await self._stack.enter_async_context(after)

    async def connect(self, client):
        def tap(line):
            # Heard when it is said, not when the loop comes to it: at rest, all is heard.
            client.hear(line)
            return [line]

        client.listens = False
        return self._server.connect(tap=tap)

    async def rest(self) -> None:
        await self._server.settle(PATIENCE)

    async def end(self, how, clients) -> None:
        if how == "kill":
            self._server.crash()
        elif how == "term":
            await self._server.stop()
        else:
            for client in clients:
                await client.hang_up()
            await self._server.stop()
        self.exit_codes.append(-9 if how == "kill" else 0)


def _real(settings) -> CodexSettings:
    """Say in config.toml what simulated settings mean."""
    names = {
        "sandbox": "sandbox_mode",
        "show_raw_reasoning": "show_raw_agent_reasoning",
        "auto_compact_token_limit": "model_auto_compact_token_limit",
    }
    known = {part.name for part in dataclasses.fields(CodexSettings)}
    told = {names.get(key, key): value for key, value in settings.items()}
    extra = {key: told.pop(key) for key in list(told) if key not in known}
    return CodexSettings(**told, extra=extra, strict=False)


class Pipes:
    """The stdio of a process."""

    def __init__(self, process) -> None:
        self._process = process

    async def send(self, data):
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    async def receive(self):
        return await self._process.stdout.read(1 << 16)

    async def hang_up(self):
        self._process.stdin.close()


class Frames:
    """A websocket, one message in each frame, as lines."""

    def __init__(self, socket) -> None:
        self._socket = socket

    async def send(self, data):
        await self._socket.send(data.decode().rstrip("\n"))

    async def receive(self):
        try:
            return (await self._socket.recv()).encode() + b"\n"
        except ConnectionClosed:
            return b""

    async def hang_up(self):
        await self._socket.close()
