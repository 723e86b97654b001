"""Targets that are processes: the codex binary, and any command that behaves like it.

May import the scripted model's server, Codex's home, and the stdio transport (bytes only). The
invariant: each scene has a home, a scripted model and processes of its own, and when it is over
none of them is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from codex_conformance.targets.door import Capability, Door, StageSettings, Venue
from codex_conformance.targets.folders import scene_folder
from codex_conformance.targets.launched import Launcher
from codex_conformance.targets.listening import (
    LISTEN,
    ListeningProcess,
    WebSocketDoor,
    start_listening,
)
from codex_conformance.wire.messages import Message, at, encode, read_line
from codex_conformance.wire.transcript import Ending
from codex_runtime.app_server.binary import AppServerCommand, find_codex
from codex_runtime.app_server.stdio import StdioTransport
from codex_runtime.errors import AppServerError
from codex_runtime.protocol.methods import PROTOCOL_VERSION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from codex_conformance.targets.launch import Launch, Process
    from codex_fakes.responses import CodexHome, ResponsesServer
    from codex_fakes.script.steps import Script

PATIENCE: Final = 10.0
"""Seconds after which something awaited of a process counts as not coming."""

SHOWN_BYTES: Final = 200
"""How much an error shows of what a process wrote instead of an answer."""

PREFLIGHT_SECONDS: Final = 15.0
"""Seconds a process may take until it answers for the first time."""

JOBS: Final = 2
"""Processes at once: each one is busy only now and then, but starting one costs a core."""

ON_STDIO: Final = frozenset({Capability.EXIT})
"""What can be seen of a process on stdio only: how it ends when its input ends."""

LISTENING: Final = frozenset({Capability.CLIENTS})
"""What can be seen of a process on a websocket only."""

ALWAYS: Final = frozenset(
    {Capability.SCRIPTED_MODEL, Capability.RESTART, Capability.PROCESS, Capability.HTTP}
)
"""What every process can do, however it is reached."""

_VERSION: Final = re.compile(r"\b(\d+\.\d+\.\d+\S*)")


class ProcessDoor:
    """The stdio of a process.

    Args:
        transport: The process.
    """

    def __init__(self, transport: StdioTransport) -> None:
        self._transport = transport
        self._pending: list[bytes] = []
        self._ending: Ending | None = None

    @property
    def knows_rest(self) -> bool:
        """See :meth:`codex_conformance.targets.door.Door.knows_rest`: a process does not tell."""
        return False

    async def send(self, data: bytes) -> None:
        """See :meth:`codex_conformance.targets.door.Door.send`."""
        await self._transport.send(data)

    async def receive(self) -> bytes | None:
        """See :meth:`codex_conformance.targets.door.Door.receive`."""
        if self._ending is not None:
            return self._pending.pop(0) if self._pending else b""
        return await self._transport.receive()

    async def finish(self) -> Ending:
        """See :meth:`codex_conformance.targets.door.Door.finish`."""
        if self._ending is None:
            # A process that still has something to write ends only when somebody reads it.
            closing = asyncio.ensure_future(self._transport.close())
            try:
                while data := await self._transport.receive():
                    self._pending.append(data)
            finally:
                end = await closing
            self._ending = Ending(asked_for=True, exit_code=end.exit_code, stderr=end.stderr)
        return self._ending


class PlayedModel(Protocol):
    """The scripted model behind the processes of a scene."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What it could not play, or was asked against the rules."""

    def open_gate(self, name: str) -> None:
        """Let it pass a gate of the script."""


class ServedModel:
    """A model behind a real binary.

    Args:
        server: Its server.
    """

    def __init__(self, server: ResponsesServer) -> None:
        self._server = server

    @property
    def problems(self) -> tuple[str, ...]:
        """See :class:`PlayedModel`."""
        return tuple(str(problem) for problem in self._server.problems)

    def open_gate(self, name: str) -> None:
        """See :class:`PlayedModel`."""
        self._server.gates.open(name)


@dataclass(slots=True)
class ProcessVenue:
    """A home, a scripted model, and the processes started on them.

    Attributes:
        folder: The working folder of the scene's threads.
        command: How a process is started.
        model: The scripted model.
        listens: Whether a process is reached over a websocket.
        history: The history mode of the threads.
        doors: The connections so far.
        process: The newest process that listens.
        launcher: Launches processes in another way than the usual one.
    """

    folder: Path
    command: AppServerCommand
    model: PlayedModel
    launcher: Launcher
    listens: bool = False
    history: str | None = None
    doors: list[ProcessDoor | WebSocketDoor] = field(default_factory=list)
    process: ListeningProcess | None = None

    async def start(self) -> Door:
        """See :meth:`codex_conformance.targets.door.Venue.start`."""
        door: ProcessDoor | WebSocketDoor
        if self.listens:
            self.process = await start_listening(self.command)
            try:
                door = await WebSocketDoor.open(self.process.url, self.process)
            except BaseException:
                await self.process.end()
                raise
        else:
            door = ProcessDoor(await StdioTransport.start(self.command))
        self.doors.append(door)
        return door

    async def join(self) -> Door:
        """See :meth:`codex_conformance.targets.door.Venue.join`."""
        if self.process is None:
            raise RuntimeError("only an app-server that listens can be joined")
        door = await WebSocketDoor.open(self.process.url, None)
        self.doors.append(door)
        return door

    async def launch(self, how: Launch) -> Process:
        """See :meth:`codex_conformance.targets.door.Venue.launch`."""
        return await self.launcher.launch(how)

    @property
    def problems(self) -> tuple[str, ...]:
        """See :meth:`codex_conformance.targets.door.Venue.problems`."""
        return self.model.problems

    def open_gate(self, name: str) -> None:
        """See :meth:`codex_conformance.targets.door.Venue.open_gate`."""
        self.model.open_gate(name)

    async def stop(self) -> None:
        """Close every connection and end every process of the scene."""
        for door in reversed(self.doors):
            await door.finish()
        await self.launcher.stop()


class ProcessTarget:
    """Any command line that behaves as ``codex app-server``.

    It is started with ``CODEX_HOME`` set to a home whose config.toml names the scripted model.

    Args:
        name: How the user wrote the target.
        command_of: The command line, given the home.
        workspace: Where homes are made; the system's folder for temporary files when ``None``.
        version_of: How the version is found and refused, if at all.
        listens: Whether it is reached over a websocket.
        history: The history mode of the threads.
    """

    def __init__(
        self,
        name: str,
        command_of: Callable[[CodexHome], tuple[str, ...]],
        *,
        workspace: Path | None = None,
        version_of: VersionRule | None = None,
        listens: bool = False,
        history: str | None = None,
    ) -> None:
        self._name = name
        self._command_of = command_of
        self._workspace = workspace
        self._version_of = version_of
        self._listens = listens
        self._history = history

    @property
    def name(self) -> str:
        """See :meth:`codex_conformance.targets.door.Target.name`."""
        return self._name

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See :meth:`codex_conformance.targets.door.Target.capabilities`."""
        reached = LISTENING if self._listens else ON_STDIO
        return ALWAYS | reached

    @property
    def jobs(self) -> int:
        """See :meth:`codex_conformance.targets.door.Target.jobs`."""
        return JOBS

    @property
    def patience(self) -> float:
        """See :meth:`codex_conformance.targets.door.Target.patience`."""
        return PATIENCE

    async def preflight(self) -> str:
        """See :meth:`codex_conformance.targets.door.Target.preflight`.

        Raises:
            ConfigurationError: The binary is missing or cannot be executed, or the home cannot be
                written.
            AppServerError: ``E_APP_SERVER_VERSION_UNSUPPORTED``, ``E_APP_SERVER_START_FAILED`` or
                ``E_APP_SERVER_START_TIMEOUT``.
        """
        if self._version_of is not None:
            await self._version_of.check()
        from codex_fakes.script.steps import Script

        async with self.open(Script(), StageSettings()) as venue:
            return await _first_answer(await venue.start())

    @contextlib.asynccontextmanager
    async def open(self, script: Script, settings: StageSettings) -> AsyncIterator[Venue]:
        """See :meth:`codex_conformance.targets.door.Target.open`."""
        # The fakes' server is imported when a scene needs it, so that `--help` does not wait.
        from codex_fakes.responses import ResponsesServer

        with scene_folder(self._workspace) as folder:
            async with ResponsesServer(script) as model:
                home = self._home(folder, model.base_url, settings)
                work = self._work(folder)
                venue = self._venue(home, home.env, work, ServedModel(model))
                try:
                    yield venue
                finally:
                    await venue.stop()

    def _argv(self, home: CodexHome) -> tuple[str, ...]:
        return self._command_of(home)

    def _venue(
        self, home: CodexHome, env: Mapping[str, str], work: Path, model: PlayedModel
    ) -> ProcessVenue:
        argv = self._argv(home)
        usual = (*argv, *(LISTEN if self._listens else ()))
        return ProcessVenue(
            folder=work,
            command=AppServerCommand(usual, env, str(work)),
            model=model,
            launcher=Launcher(argv, env, work),
            listens=self._listens,
            history=self._history,
        )

    def _home(self, folder: Path, base_url: str, settings: StageSettings) -> CodexHome:
        from codex_fakes.responses import CodexHome, CodexSettings

        written = CodexSettings(
            request_max_retries=settings.request_max_retries,
            stream_max_retries=settings.stream_max_retries,
            requires_openai_auth=settings.requires_openai_auth,
            sandbox_mode=settings.sandbox,
            stream_idle_timeout_ms=settings.stream_idle_timeout_ms,
            strict=settings.strict_config,
        )
        return CodexHome.create(folder / "home", base_url=base_url, settings=written)

    def _work(self, folder: Path) -> Path:
        work = folder / "work"
        work.mkdir(exist_ok=True)
        return work


@dataclass(frozen=True, slots=True)
class VersionRule:
    """Which version a binary must have.

    Attributes:
        binary: The binary.
        required: The version.
    """

    binary: Path
    required: str = PROTOCOL_VERSION

    async def check(self) -> None:
        """Ask the binary for its version.

        Raises:
            ConfigurationError: It cannot be executed.
            AppServerError: ``E_APP_SERVER_VERSION_UNSUPPORTED``.
        """
        command = AppServerCommand((str(self.binary), "--version"))
        transport = await StdioTransport.start(command)
        said = bytearray()
        try:
            async with asyncio.timeout(PREFLIGHT_SECONDS):
                while data := await transport.receive():
                    said += data
        except TimeoutError:
            transport.abort()
        end = await transport.close()
        text = (said.decode("utf-8", "replace").splitlines() or [""])[0]
        found = _VERSION.search(text)
        if found is None or found.group(1) != self.required:
            raise AppServerError(
                "E_APP_SERVER_VERSION_UNSUPPORTED",
                f"`{self.binary} --version` must say {self.required} and says "
                f"{text[:100] or 'nothing'!r}",
                exit_code=end.exit_code,
                stderr=end.stderr,
                advice=f"Install Codex {self.required}: pip install 'codex-runtime[codex]'; or add "
                "`allow-any-version` to the target.",
            )


async def _first_answer(door: Door) -> str:
    """Introduce ourselves to a process and wait for its answer, past whatever else it writes."""
    hello = {
        "id": 0,
        "method": "initialize",
        "params": {"clientInfo": {"name": "conformance", "version": "1.0"}},
    }
    written = bytearray()
    answer: Message | None = None
    in_time = True
    try:
        async with asyncio.timeout(PREFLIGHT_SECONDS):
            # One that has ended already takes nothing, but may have left something to read.
            with contextlib.suppress(ConnectionError):
                await door.send(encode(hello) + b"\n")
            while answer is None and (data := await door.receive()):
                written += data
                answer = _answer_in(bytes(written))
    except TimeoutError:
        in_time = False
    ending = await door.finish()
    if answer is not None:
        agent = at(answer, "result", "userAgent")
        return agent if isinstance(agent, str) else "an app-server that does not name itself"
    first = bytes(written).split(b"\n")[0][:SHOWN_BYTES].decode(errors="replace")
    instead = f"; what it wrote instead begins: {first}" if first else ""
    if not in_time:
        raise AppServerError(
            "E_APP_SERVER_START_TIMEOUT",
            f"the app-server did not answer initialize within {PREFLIGHT_SECONDS:g} s{instead}",
            exit_code=ending.exit_code,
            stderr=ending.stderr,
            advice="Run the command by hand to see what it waits for.",
        )
    raise AppServerError(
        "E_APP_SERVER_START_FAILED",
        f"the app-server ended before it answered initialize (exit code {ending.exit_code})"
        f"{instead}",
        exit_code=ending.exit_code,
        stderr=ending.stderr,
    )


def _answer_in(written: bytes) -> Message | None:
    """Find the answer among the whole lines; an echo of the request is none."""
    for line in written.split(b"\n")[:-1]:
        message = read_line(line).message
        if message is not None and ("result" in message or "error" in message):
            return message
    return None


def codex_target(
    name: str,
    *,
    path: str | None = None,
    allow_any_version: bool = False,
    workspace: Path | None = None,
    listens: bool = False,
    history: str | None = None,
) -> ProcessTarget:
    """Make the target ``codex``: the codex binary.

    Args:
        name: How the user wrote it.
        path: The binary; the one that is installed when ``None``.
        allow_any_version: Whether a version other than the lock's may be run.
        workspace: Where homes are made.
        listens: Whether it is reached over a websocket.
        history: The history mode of the threads.

    Raises:
        ConfigurationError: ``E_CODEX_BINARY_MISSING`` or ``E_CODEX_BINARY_NOT_EXECUTABLE``.
    """
    binary = find_codex(path)
    return ProcessTarget(
        name,
        lambda home: home.command(binary),
        workspace=workspace,
        version_of=None if allow_any_version else VersionRule(binary),
        listens=listens,
        history=history,
    )


def stdio_target(name: str, command: str, *, workspace: Path | None = None) -> ProcessTarget:
    """Make the target ``stdio``: any command line.

    Args:
        name: How the user wrote it.
        command: The command line, quoted as for a shell.
        workspace: Where homes are made.

    Raises:
        ValueError: The quotes do not match.
    """
    argv = tuple(shlex.split(command))
    return ProcessTarget(name, lambda _: argv, workspace=workspace)
