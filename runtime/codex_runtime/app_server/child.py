"""A child process's three streams, as callbacks of the event loop.

May import asyncio only. The invariant: its exit is seen when it happens, whoever else holds its
streams; its stdout is held up to a limit and then waits in the pipe; its stderr never waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, TypeVar

from codex_runtime.app_server.transport import MEMORY_PIPE_LIMIT, MemoryPipe

STDERR_BYTES: Final = 64 * 1024
"""How much of the end of stderr is kept, in bytes."""

_STDIN, _STDOUT, _STDERR = 0, 1, 2

P = TypeVar("P")


class ChildProcess(asyncio.SubprocessProtocol):
    """The event loop's side of a child process.

    Attributes:
        stdout: What it has written and nobody has read.
        exited: Set when it has ended.
        ended: Set when it has ended and its output, too, which what it started may outlive.
    """

    def __init__(self) -> None:
        self.stdout = MemoryPipe()
        self.exited = asyncio.Event()
        self.ended = asyncio.Event()
        self._stderr: deque[bytes] = deque()
        self._stderr_size = 0
        self._writable = asyncio.Event()
        self._writable.set()
        self._stdin_lost = False
        self._paused = False
        self._transport: asyncio.SubprocessTransport | None = None

    @property
    def stderr_tail(self) -> str:
        """The last part of what it wrote to stderr."""
        return b"".join(self._stderr)[-STDERR_BYTES:].decode(errors="replace")

    async def read(self) -> bytes:
        """Wait for output; ``b""`` when there is no more."""
        data = await self.stdout.read()
        if self._paused:
            self._paused = False
            self._pipe(_STDOUT, asyncio.ReadTransport).resume_reading()
        return data

    async def write(self, data: bytes) -> None:
        """Write to its stdin; wait while it does not read.

        Raises:
            ConnectionError: Its stdin is closed.
        """
        stdin = self._pipe(_STDIN, asyncio.WriteTransport)
        if self._stdin_lost or stdin.is_closing():
            raise ConnectionResetError("the app-server's stdin is closed")
        stdin.write(data)
        await self._writable.wait()
        if self._stdin_lost:
            raise ConnectionResetError("the app-server's stdin is closed")

    def end_stdin(self) -> None:
        """Let it find the end of its stdin."""
        self._pipe(_STDIN, asyncio.WriteTransport).close()

    def let_go(self) -> None:
        """Close our ends of its streams, after it has ended; its output ends here."""
        if self._transport is not None:
            self._transport.close()
        self.stdout.end()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop when the process has started."""
        if not isinstance(transport, asyncio.SubprocessTransport):
            raise TypeError(f"{transport!r} is not the transport of a process")
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Called by the event loop when it has written."""
        if fd == _STDERR:
            self._keep_stderr(data)
        elif not self.stdout.ended:
            self.stdout.feed(data)
            if self.stdout.size >= MEMORY_PIPE_LIMIT and not self._paused:
                self._paused = True
                self._pipe(_STDOUT, asyncio.ReadTransport).pause_reading()

    def pipe_connection_lost(self, fd: int, _exc: Exception | None) -> None:
        """Called by the event loop when one of its streams has ended."""
        if fd == _STDOUT:
            self.stdout.end()
        elif fd == _STDIN:
            self._stdin_lost = True
            self._writable.set()

    def process_exited(self) -> None:
        """Called by the event loop when it has ended."""
        self.exited.set()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Called by the event loop when it has ended and so have its streams."""
        self.stdout.end()
        self.ended.set()

    def pause_writing(self) -> None:
        """Called by the event loop when its stdin is full."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Called by the event loop when its stdin has room again."""
        self._writable.set()

    def _keep_stderr(self, data: bytes) -> None:
        self._stderr.append(data)
        self._stderr_size += len(data)
        while self._stderr_size - len(self._stderr[0]) >= STDERR_BYTES:
            self._stderr_size -= len(self._stderr.popleft())

    def _pipe(self, fd: int, kind: type[P]) -> P:
        pipe = self._transport.get_pipe_transport(fd) if self._transport is not None else None
        if not isinstance(pipe, kind):
            raise ConnectionResetError("the app-server's streams are closed")
        return pipe
