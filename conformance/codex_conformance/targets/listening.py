"""App-servers that listen on a websocket of the loopback interface.

May import the wire's records; websockets is imported when a connection is made. The invariant: a
line is one text frame in both directions, and a process that was started has ended when its door is
finished.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from codex_conformance.wire.transcript import Ending
from codex_runtime.errors import AppServerError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from codex_runtime.app_server.binary import AppServerCommand

LISTEN: Final = ("--listen", "ws://127.0.0.1:0")
"""What makes an app-server listen on a port of its own choice."""

LISTENING_SECONDS: Final = 15.0
"""Seconds a process may take until it says where it listens."""

DRAINING_SECONDS: Final = 2.0
"""Seconds a process may wait for its turns to end; then it is told once more not to wait."""

ENDING_SECONDS: Final = 15.0
"""Seconds a process may take to end once it was told so twice; then it is killed."""

_URL: Final = re.compile(rb"ws://127\.0\.0\.1:\d+")


@dataclass(slots=True)
class ListeningProcess:
    """A process that listens.

    Attributes:
        process: The process.
        url: Where it listens.
        stderr: Collects what else it says.
    """

    process: asyncio.subprocess.Process
    url: str
    stderr: asyncio.Task[bytes]

    async def end(self) -> tuple[int, str]:
        """End the process with SIGTERM, twice if it waits for a turn to end; idempotent.

        Returns:
            Its exit code, and what it wrote to stderr.
        """
        code: int | None = None
        for seconds in (DRAINING_SECONDS, ENDING_SECONDS):
            if self.process.returncode is None:
                # Not terminate(): it would reap a child that has just ended, and asyncio would
                # never learn its exit code.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.process.pid, signal.SIGTERM)
            code = await self._ended_within(seconds)
            if code is not None:
                break
        else:
            self.process.kill()
            code = await self.process.wait()
        return code, (await self.stderr).decode("utf-8", "replace")

    async def _ended_within(self, seconds: float) -> int | None:
        try:
            async with asyncio.timeout(seconds):
                return await self.process.wait()
        except TimeoutError:
            return None


async def start_listening(command: AppServerCommand) -> ListeningProcess:
    """Start a process, and wait until it says where it listens.

    Args:
        command: How it is started.

    Returns:
        The process.

    Raises:
        AppServerError: ``E_APP_SERVER_START_FAILED`` or ``E_APP_SERVER_START_TIMEOUT``.
    """
    process = await asyncio.create_subprocess_exec(
        *command.argv,
        env=None if command.env is None else dict(command.env),
        cwd=command.cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    reader = process.stderr
    if reader is None:
        raise RuntimeError("a process whose stderr is a pipe has a reader of it")
    said = bytearray()
    try:
        async with asyncio.timeout(LISTENING_SECONDS):
            while (found := _URL.search(said)) is None:
                line = await reader.readline()
                if not line:
                    raise AppServerError(
                        "E_APP_SERVER_START_FAILED",
                        "the app-server ended before it said where it listens",
                        exit_code=await process.wait(),
                        stderr=said.decode("utf-8", "replace"),
                    )
                said += line
    except TimeoutError:
        process.kill()
        raise AppServerError(
            "E_APP_SERVER_START_TIMEOUT",
            f"the app-server did not say where it listens within {LISTENING_SECONDS:g} s",
            exit_code=await process.wait(),
            stderr=said.decode("utf-8", "replace"),
        ) from None
    return ListeningProcess(process, found.group().decode(), asyncio.create_task(reader.read()))


class WebSocketDoor:
    """One websocket to an app-server.

    Args:
        socket: The websocket.
        process: The process behind it, if it ends with this door.
    """

    def __init__(self, socket: ClientConnection, process: ListeningProcess | None) -> None:
        self._socket = socket
        self._process = process
        self._ending: Ending | None = None

    @classmethod
    async def open(cls, url: str, process: ListeningProcess | None) -> WebSocketDoor:
        """Connect to an app-server.

        Args:
            url: Where it listens.
            process: The process, if it ends with this door.

        Raises:
            AppServerError: ``E_APP_SERVER_UNREACHABLE``.
        """
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException

        try:
            # Lines may be of any size; the loopback interface needs no compression and no proxy.
            socket = await connect(url, max_size=None, compression=None, proxy=None)
        except (OSError, WebSocketException) as error:
            raise AppServerError("E_APP_SERVER_UNREACHABLE", f"{url}: {error}") from error
        return cls(socket, process)

    @property
    def knows_rest(self) -> bool:
        """See :meth:`codex_conformance.targets.door.Door.knows_rest`: a process does not tell."""
        return False

    async def send(self, data: bytes) -> None:
        """See :meth:`codex_conformance.targets.door.Door.send`."""
        from websockets.exceptions import ConnectionClosed

        try:
            await self._socket.send(data.removesuffix(b"\n"), text=True)
        except ConnectionClosed as closed:
            raise ConnectionResetError(str(closed)) from closed

    async def receive(self) -> bytes | None:
        """See :meth:`codex_conformance.targets.door.Door.receive`."""
        from websockets.exceptions import ConnectionClosed

        try:
            return await self._socket.recv(decode=False) + b"\n"
        except ConnectionClosed:
            return b""

    async def finish(self) -> Ending:
        """See :meth:`codex_conformance.targets.door.Door.finish`."""
        if self._ending is None:
            await self._socket.close()
            code, stderr = None, ""
            if self._process is not None:
                code, stderr = await self._process.end()
            self._ending = Ending(asked_for=True, exit_code=code, stderr=stderr)
        return self._ending
