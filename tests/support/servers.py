"""The real app-server and the simulated one, to be started, ended and started again."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import MappingProxyType

from codex_cli_bin import bundled_codex_path
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from codex_conformance.targets.executable import ControlSocket
from codex_fakes.app_server import SimulatedAppServer, SimulatedSettings, SystemClock
from codex_fakes.responses.codex_home import CodexHome, CodexSettings
from codex_fakes.responses.server import ResponsesServer
from codex_fakes.script.files import dump_script

PATIENCE = 12.0
"""Seconds after which something counts as not coming."""
SIGNALS = {"kill": signal.SIGKILL, "int": signal.SIGINT, "hup": signal.SIGHUP}
"""Signals that end a process on stdio at once."""
ENDING = 20.0
"""Seconds a process may take to end."""


def make_repository(folder: Path) -> None:
    """Make a folder a repository with one commit, the same one every time."""
    who = {"NAME": "n", "EMAIL": "n@example.org", "DATE": "2026-01-01T00:00:00Z"}
    env = {f"GIT_{role}_{key}": who[key] for role in ("AUTHOR", "COMMITTER") for key in who}
    for arguments in (("init", "-q", "-b", "main"), ("commit", "-q", "--allow-empty", "-m", "c")):
        subprocess.run(["git", *arguments], cwd=folder, env={**os.environ, **env}, check=True)


class ScriptedModel:
    """The real binary, with the scripted model behind it.

    Args:
        script: What the model does.
    """

    kind = "real"
    env: Mapping[str, str] = MappingProxyType({})

    def __init__(self, script) -> None:
        self._script = script

    @asynccontextmanager
    async def ready(self):
        async with ResponsesServer(self._script, known_history=False) as model:
            self._server = model
            self.gates, self.base_url = model.gates, model.base_url
            yield

    async def asked(self, count):
        """Wait until the model has been asked so often."""
        if count:
            await self._server.request_count(count, PATIENCE)

    def command(self, home, *arguments):
        return home.command(bundled_codex_path(), *arguments)


class ScriptFile:
    """The executable ``codex-simulated``, with its script in a file.

    Args:
        script: What the model does.
    """

    kind = "executable"
    base_url = "http://127.0.0.1:9/v1"

    def __init__(self, script) -> None:
        self._script = script

    @asynccontextmanager
    async def ready(self):
        # The path of a unix socket is short.
        with tempfile.TemporaryDirectory(prefix="codex-") as folder:
            written, control = Path(folder) / "script.json", Path(folder) / "control"
            written.write_text(dump_script(self._script), encoding="utf-8")
            self.env = {
                "CODEX_SIMULATED_SCRIPT": str(written),
                "CODEX_SIMULATED_CONTROL": str(control),
            }
            self.gates = Door(control)
            yield

    async def asked(self, count):
        """When its model is asked cannot be seen from outside."""

    def command(self, home, *arguments):
        # The same interpreter, whatever is on PATH.
        python, *rest = home.command(sys.executable, *arguments)
        return (python, "-m", "codex_fakes.app_server", *rest)


class Door:
    """The gates of a process, behind its control socket."""

    def __init__(self, path) -> None:
        self._socket = ControlSocket(path)

    def open(self, name) -> None:
        self._socket.open_gate(name)


class Process:
    """An app-server in a process of its own.

    Args:
        program: What is played to it.
        folder: Where its home and its working folder are made.
        model: What it is, and where its model is.
    """

    def __init__(self, program, folder: Path, model) -> None:
        self._program = program
        self._settings = dict(program.settings)
        self._folder = folder
        self._cwd = folder / "work"
        self._cwd.mkdir(parents=True)
        if program.repository:
            make_repository(self._cwd)
        self._model = model
        self.kind = model.kind
        self._process = None
        self._url = ""
        self._drain = None
        self.exit_codes = []

    @asynccontextmanager
    async def running(self):
        async with self._model.ready():
            self.gates = self._model.gates
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

    @property
    def url(self) -> str:
        """Where its websocket is."""
        return self._url

    async def model_asked(self, count) -> None:
        """Wait until the model has been asked so often, where that can be seen."""
        await self._model.asked(count)

    @property
    def process(self):
        """The process."""
        return self._process

    async def fails_to_listen(self, address):
        """Start it where it must not listen; gives its exit code and its last words."""
        async with self._model.ready():
            home = CodexHome.create(self._folder / "home", base_url=self._model.base_url)
            process = await asyncio.create_subprocess_exec(
                *self._model.command(home, "--listen", address),
                env={**home.env, **self._model.env},
                cwd=self._cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            async with asyncio.timeout(ENDING):
                _, err = await process.communicate()
        words = [line for line in err.decode().splitlines() if line.startswith("Error:")]
        return process.returncode, words

    async def begin(self, settings=None) -> None:
        self._settings |= settings or {}
        home = CodexHome.create(
            self._folder / "home", base_url=self._model.base_url, settings=_real(self._settings)
        )
        ws = self._program.websocket
        argv = self._model.command(home, *(("--listen", "ws://127.0.0.1:0") * ws))
        quiet, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *argv,
            env={**home.env, **self._model.env},
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
        if how in SIGNALS:
            self._process.send_signal(SIGNALS[how])
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


def real(program, folder: Path) -> Process:
    """The real binary, for one program."""
    return Process(program, folder, ScriptedModel(program.script))


def executable(program, folder: Path) -> Process:
    """The executable ``codex-simulated``, for one program."""
    return Process(program, folder, ScriptFile(program.script))


class Simulated:
    """The simulated app-server in this process."""

    kind = "simulated"

    def __init__(self, program, folder: Path, machine) -> None:
        self._program = program
        self._folder = folder
        self._cwd = folder / "work"
        self._cwd.mkdir(parents=True)
        if program.repository:
            make_repository(self._cwd)
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

    @property
    def asked(self) -> int:
        """How often the model has been asked."""
        return self._server.player.handed_out

    async def begin(self, settings=None) -> None:
        after = self._server.successor()
        lasting = after._lasting
        changed = dataclasses.replace(lasting.settings, **(settings or {}))
        after._begin(dataclasses.replace(lasting, settings=changed))
        self._server = await self._stack.enter_async_context(after)

    async def model_asked(self, count) -> None:
        """Wait until it has asked its model as often as it will: until it is at rest."""
        await self.rest()

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
        if how in SIGNALS:
            self._server.crash()
        elif how == "term":
            await self._server.stop()
        else:
            for client in clients:
                await client.hang_up()
            await self._server.stop()
        self.exit_codes.append(-SIGNALS.get(how, 0))


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
