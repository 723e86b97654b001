"""The stdio transport: an app-server as a child process.

May import the transport's definition, the child process, the binary's command and the error
catalogue. The invariant: a process that was started is always waited for; its stderr is kept apart
from the protocol; it is stopped the orderly way first (end of stdin) and by force last, with
everything it started (FACTS §3).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codex_runtime.app_server.child import ChildProcess
from codex_runtime.app_server.transport import TransportEnd
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from codex_runtime.app_server.binary import AppServerCommand


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
        process: The loop's transport to the process, which is in a session of its own.
        child: The process's streams.
        timeouts: How long stopping it may take.
    """

    def __init__(
        self,
        process: asyncio.SubprocessTransport,
        child: ChildProcess,
        timeouts: StopTimeouts,
    ) -> None:
        self._process = process
        self._child = child
        self._timeouts = timeouts
        self._pid = process.get_pid()
        self._exit_code: int | None = None
        self._watcher = asyncio.create_task(self._watch_exit())
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
        loop = asyncio.get_running_loop()
        try:
            process, child = await loop.subprocess_exec(
                ChildProcess,
                *command.argv,
                env=None if command.env is None else dict(command.env),
                cwd=command.cwd,
                # Of its own, so that a Ctrl-C in our terminal is not also its end, and so that
                # what it started can be ended with it.
                start_new_session=True,
            )
        except OSError as error:
            raise _not_started(command, error) from None
        return cls(process, child, timeouts or StopTimeouts())

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._pid

    @property
    def exit_code(self) -> int | None:
        """The exit code; negative when a signal ended it; ``None`` while it runs."""
        return self._exit_code if self._exit_code is not None else self._process.get_returncode()

    @property
    def stderr_tail(self) -> str:
        """The last part of what it wrote to stderr."""
        return self._child.stderr_tail

    async def send(self, data: bytes) -> None:
        """See :meth:`codex_runtime.app_server.transport.Transport.send`."""
        await self._child.write(data)

    async def receive(self) -> bytes:
        """See :meth:`codex_runtime.app_server.transport.Transport.receive`."""
        return await self._child.read()

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
        # The end of its output comes a moment before its exit is seen.
        ending = self._child.stdout.ended and await self._ends_within(self._timeouts.drain)
        if not ending and not self._child.exited.is_set():
            how = await self._ask_to_end()
        self._kill_group()
        await self._watcher
        return TransportEnd(
            f"the app-server process has ended ({how}; {_exit_text(self._exit_code)})",
            self._exit_code,
            self.stderr_tail,
        )

    async def _ask_to_end(self) -> str:
        with contextlib.suppress(ConnectionError):
            self._child.end_stdin()
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
                await self._child.exited.wait()
        except TimeoutError:
            return False
        return True

    def _kill_group(self) -> None:
        # The group outlives its leader while anything the app-server started is left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)

    async def _watch_exit(self) -> None:
        """End the output a little after the process, also when what it started holds it open."""
        await self._child.exited.wait()
        self._exit_code = self._process.get_returncode()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timeouts.drain):
                await self._child.ended.wait()
        self._child.let_go()


def _not_started(command: AppServerCommand, error: OSError) -> ConfigurationError:
    program = command.argv[0]
    if isinstance(error, FileNotFoundError):
        if command.cwd is not None and not Path(command.cwd).is_dir():
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
