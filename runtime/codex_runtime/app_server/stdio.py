"""The stdio transport: an app-server as a child process.

May import the transport's definition, the binary's command and the error catalogue. The invariant:
a process that was started is always waited for; its stderr is read all the time, apart from the
protocol and bounded; it is stopped the orderly way first (end of stdin) and by force last, with
everything it started (FACTS §3).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from codex_runtime.app_server.transport import TransportEnd
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from codex_runtime.app_server.binary import AppServerCommand

READ_BYTES: Final = 1 << 18
"""How much is read at a time, in bytes."""

STDERR_BYTES: Final = 64 * 1024
"""How much of the end of stderr is kept, in bytes."""


@dataclass(frozen=True, slots=True)
class StopTimeouts:
    """How long each step of stopping a process may take, in seconds.

    Attributes:
        eof: From the end of its stdin until it ends by itself; a healthy one takes 0.1.
        terminate: From SIGTERM until it ends.
        drain: From its end until its output ends; what it started may hold it open.
    """

    eof: float = 5.0
    terminate: float = 5.0
    drain: float = 1.0


class StdioTransport:
    """A running app-server process; start one with :meth:`start`.

    Args:
        process: The process, its three streams piped and in a session of its own.
        timeouts: How long stopping it may take.
    """

    def __init__(self, process: Process, timeouts: StopTimeouts) -> None:
        self._process = process
        self._timeouts = timeouts
        self._stderr: deque[bytes] = deque()
        self._stderr_size = 0
        self._stderr_reader = asyncio.create_task(self._read_stderr())
        self._watcher = asyncio.create_task(self._watch_exit())
        self._output_ended = asyncio.Event()
        self._stopping: asyncio.Task[TransportEnd] | None = None

    @classmethod
    async def start(
        cls, command: AppServerCommand, timeouts: StopTimeouts | None = None
    ) -> StdioTransport:
        """Start an app-server.

        Args:
            command: How.
            timeouts: How long stopping it may take.

        Returns:
            The transport to it.

        Raises:
            ConfigurationError: ``E_CODEX_BINARY_MISSING`` or ``E_CODEX_BINARY_NOT_EXECUTABLE``.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *command.argv,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=None if command.env is None else dict(command.env),
                cwd=command.cwd,
                limit=READ_BYTES,
                # Of its own, so that a Ctrl-C in our terminal is not also its end, and so that
                # what it started can be ended with it.
                start_new_session=True,
            )
        except OSError as error:
            raise _not_started(command, error) from None
        return cls(process, timeouts or StopTimeouts())

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code; negative when a signal ended it; ``None`` while it runs."""
        return self._process.returncode

    @property
    def stderr_tail(self) -> str:
        """The last part of what it wrote to stderr."""
        return b"".join(self._stderr)[-STDERR_BYTES:].decode(errors="replace")

    async def send(self, data: bytes) -> None:
        """See :meth:`codex_runtime.app_server.transport.Transport.send`."""
        stdin = self._process.stdin
        if stdin is None or stdin.is_closing():
            raise ConnectionResetError("the app-server's stdin is closed")
        stdin.write(data)
        await stdin.drain()

    async def receive(self) -> bytes:
        """See :meth:`codex_runtime.app_server.transport.Transport.receive`."""
        stdout = self._process.stdout
        data = await stdout.read(READ_BYTES) if stdout is not None else b""
        if not data:
            self._output_ended.set()
        return data

    async def close(self) -> TransportEnd:
        """See :meth:`codex_runtime.app_server.transport.Transport.close`.

        The steps: end of stdin and wait, SIGTERM and wait, SIGKILL to its whole process group.
        Output that is not read meanwhile may keep a process from ending in the orderly way.
        """
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        return await asyncio.shield(self._stopping)

    def abort(self) -> None:
        """See :meth:`codex_runtime.app_server.transport.Transport.abort`: SIGKILL, at once."""
        self._kill_group()

    async def _stop(self) -> TransportEnd:
        how = "it had ended by itself"
        if self._process.returncode is None:
            how = await self._ask_to_end()
        self._kill_group()
        await self._process.wait()
        await self._watcher
        await self._stderr_reader
        return TransportEnd(
            f"the app-server process has ended ({how}; {_exit_text(self._process.returncode)})",
            self._process.returncode,
            self.stderr_tail,
        )

    async def _ask_to_end(self) -> str:
        if self._process.stdin is not None:
            self._process.stdin.close()
        if await self._ends_within(self._timeouts.eof):
            return "after the end of its stdin"
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        if await self._ends_within(self._timeouts.terminate):
            return "after SIGTERM"
        return "after SIGKILL"

    async def _ends_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            return False
        return True

    def _kill_group(self) -> None:
        # The group outlives its leader while anything the app-server started is left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _watch_exit(self) -> None:
        """End the output a little after the process, also when a grandchild holds it open."""
        await self._process.wait()
        try:
            async with asyncio.timeout(self._timeouts.drain):
                await self._output_ended.wait()
        except TimeoutError:
            for stream in (self._process.stdout, self._process.stderr):
                if stream is not None:
                    stream.feed_eof()

    async def _read_stderr(self) -> None:
        stream = self._process.stderr
        while stream is not None and (data := await stream.read(READ_BYTES)):
            self._stderr.append(data)
            self._stderr_size += len(data)
            while self._stderr_size - len(self._stderr[0]) >= STDERR_BYTES:
                self._stderr_size -= len(self._stderr.popleft())


def _not_started(command: AppServerCommand, error: OSError) -> ConfigurationError:
    program = command.argv[0]
    if isinstance(error, FileNotFoundError):
        if command.cwd is not None and not os.path.isdir(command.cwd):  # noqa: PTH112 - one stat, at a failure
            return ConfigurationError(
                "E_CODEX_BINARY_NOT_EXECUTABLE",
                f"{program!r} cannot be started in {command.cwd!r}, which is not a folder",
            )
        return ConfigurationError("E_CODEX_BINARY_MISSING", f"there is no binary at {program!r}")
    reason = "it is not a program" if error.errno == errno.ENOEXEC else error.strerror
    return ConfigurationError(
        "E_CODEX_BINARY_NOT_EXECUTABLE", f"{program!r} cannot be started: {reason}"
    )


def _exit_text(code: int | None) -> str:
    if code is None:
        return "exit code unknown"
    if code < 0:
        return f"ended by signal {-code}"
    return f"exit code {code}"
