"""Processes that were launched in a way of a play's own.

May import the connections and the wire's records. The invariant: nothing is read into the bytes of
a process but the address it prints; however a play leaves a process, finishing its door ends it
with all that it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from codex_conformance.targets.connections import CHUNK, TcpDoor, WebSocketFrames
from codex_conformance.wire.transcript import Ending
from codex_runtime.errors import AppServerError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_conformance.targets.launch import Launch

LISTENING_SECONDS: Final = 15.0
"""Seconds a process may take until it says where it listens."""

ENDING_SECONDS: Final = 5.0
"""Seconds each way of ending a process may take: the end of its input, SIGTERM, SIGKILL."""

STDERR_KEPT: Final = 1 << 16
"""Bytes kept of what a process wrote to stderr: the last ones."""

_ADDRESS: Final = re.compile(rb"ws://(127\.0\.0\.1:\d+)")


class LaunchedProcess:
    """A process, and what it says on stderr; launch one with :meth:`launch`.

    Args:
        process: The process, in a session of its own.
        listens: Whether it does not end when its input ends.
    """

    def __init__(self, process: asyncio.subprocess.Process, *, listens: bool) -> None:
        self._process = process
        self._listens = listens
        self._stderr = bytearray()
        self._told = asyncio.Event()
        self._connections: list[TcpDoor | WebSocketFrames] = []
        self._listening = asyncio.create_task(self._listen())
        self.door = _StandardIo(self)

    @classmethod
    async def launch(
        cls, argv: tuple[str, ...], env: Mapping[str, str], cwd: str, *, listens: bool
    ) -> LaunchedProcess:
        """Launch a process.

        Args:
            argv: The command line.
            env: The whole environment.
            cwd: Where.
            listens: Whether it does not end when its input ends.

        Raises:
            ConfigurationError: ``E_CODEX_BINARY_NOT_EXECUTABLE``.
        """
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, env=env, cwd=cwd, stdin=pipe, stdout=pipe, stderr=pipe,
                # What it started is ended with it.
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise ConfigurationError(
                "E_CODEX_BINARY_NOT_EXECUTABLE", f"{argv[0]!r} cannot be started: {error.strerror}"
            ) from None
        return cls(process, listens=listens)

    async def _listen(self) -> None:
        stderr = self._process.stderr
        while stderr is not None and (data := await stderr.read(CHUNK)):
            self._stderr += data
            del self._stderr[:-STDERR_KEPT]
            if _ADDRESS.search(self._stderr):
                self._told.set()
        self._told.set()

    async def address(self) -> str:
        """See :meth:`codex_conformance.targets.launch.Process.address`."""
        try:
            async with asyncio.timeout(LISTENING_SECONDS):
                await self._told.wait()
        except TimeoutError:
            raise AppServerError(
                "E_APP_SERVER_START_TIMEOUT",
                f"the app-server did not say where it listens within {LISTENING_SECONDS:g} s",
                stderr=self._said(),
            ) from None
        found = _ADDRESS.search(self._stderr)
        if found is None:
            raise AppServerError(
                "E_APP_SERVER_START_FAILED",
                "the app-server ended before it said where it listens",
                exit_code=await self._process.wait(),
                stderr=self._said(),
            )
        return found.group(1).decode()

    def signal(self, number: int) -> None:
        """See :meth:`codex_conformance.targets.launch.Process.signal`."""
        # Not by way of the Process: it would reap a child that has just ended, and asyncio would
        # never learn its exit code.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def tcp(self) -> TcpDoor:
        """See :meth:`codex_conformance.targets.launch.Process.tcp`."""
        door = await TcpDoor.open(await self.address())
        self._connections.append(door)
        return door

    async def websocket(self) -> WebSocketFrames:
        """See :meth:`codex_conformance.targets.launch.Process.websocket`."""
        door = await WebSocketFrames.open(await self.address())
        self._connections.append(door)
        return door

    async def write(self, data: bytes) -> None:
        """Write to its stdin.

        Raises:
            ConnectionError: It does not read any more.
        """
        if self._process.stdin is not None:
            self._process.stdin.write(data)
            await self._process.stdin.drain()

    async def read(self) -> bytes:
        """Read from its stdout; ``b""`` at the end."""
        return b"" if self._process.stdout is None else await self._process.stdout.read(CHUNK)

    async def ended(self) -> Ending:
        """Close its stdin, wait until it ends, and make it end if it does not."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._listens and not await self._ended_before_listening():
            self.signal(signal.SIGTERM)
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                async with asyncio.timeout(ENDING_SECONDS):
                    await self._process.wait()
                    break
            except TimeoutError:
                self.signal(number)
        code = await self._process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._listening
        for connection in self._connections:
            await connection.finish()
        return Ending(asked_for=True, exit_code=code, stderr=self._said())

    async def _ended_before_listening(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LISTENING_SECONDS):
                await self._told.wait()
        return self._process.returncode is not None

    def _said(self) -> str:
        return self._stderr.decode("utf-8", "replace")


class Launcher:
    """Launches the processes of a scene, and ends them.

    Args:
        argv: The usual command line, on stdin and stdout.
        env: The usual environment; ``CODEX_HOME`` is the scene's home.
        folder: Where they are launched.
    """

    def __init__(self, argv: tuple[str, ...], env: Mapping[str, str], folder: Path) -> None:
        self._argv = argv
        self._env = env
        self._folder = folder
        self._usual: str | None = None
        self._launched: list[LaunchedProcess] = []

    async def launch(self, how: Launch) -> LaunchedProcess:
        """Launch a process.

        Args:
            how: In which way.

        Raises:
            ConfigurationError: ``E_CODEX_BINARY_NOT_EXECUTABLE``.
        """
        home = Path(self._env["CODEX_HOME"])
        config = home / "config.toml"
        if self._usual is None:
            self._usual = config.read_text(encoding="utf-8")
        elsewhere = home.with_name("elsewhere")
        if how.home == "file":
            elsewhere.touch()
        said = self._usual if how.config is None else how.config
        config.write_text(how.added + said, encoding="utf-8")
        process = await LaunchedProcess.launch(
            (*self._argv, *how.arguments),
            {**self._env, "CODEX_HOME": str(home if how.home == "ready" else elsewhere)},
            str(self._folder),
            listens=how.listens,
        )
        self._launched.append(process)
        return process

    async def stop(self) -> None:
        """End every process."""
        for process in reversed(self._launched):
            await process.door.finish()


class _StandardIo:
    """The door of a process: its stdin and stdout.

    Args:
        process: The process.
    """

    def __init__(self, process: LaunchedProcess) -> None:
        self._process = process
        self._pending: list[bytes] = []
        self._ending: Ending | None = None

    @property
    def knows_rest(self) -> bool:
        """See :meth:`codex_conformance.targets.door.Door.knows_rest`: a process does not tell."""
        return False

    async def send(self, data: bytes) -> None:
        """See :meth:`codex_conformance.targets.door.Door.send`."""
        await self._process.write(data)

    async def receive(self) -> bytes | None:
        """See :meth:`codex_conformance.targets.door.Door.receive`."""
        if self._ending is not None:
            return self._pending.pop(0) if self._pending else b""
        return await self._process.read()

    async def finish(self) -> Ending:
        """See :meth:`codex_conformance.targets.door.Door.finish`."""
        if self._ending is None:
            # A process that still has something to write ends only when somebody reads it.
            ending = asyncio.ensure_future(self._process.ended())
            while data := await self._process.read():
                self._pending.append(data)
            self._ending = await ending
        return self._ending
