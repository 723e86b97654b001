"""The shell of the runtime: one mailbox, and the tasks that do what the core says.

May import asyncio, the core, the connection and persistence. The invariants: one task takes events
and awaits nothing but its mailbox; every step runs elsewhere and comes back as an event; what was
started has ended when the shell has stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.common import Emit, HostError, Report, Tell
from codex_runtime.host.flows import Perform, Settle
from codex_runtime.host.steps import Ask, Close, Decline, Keep, Open, Reply, RunTool, Sleep

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codex_runtime.app_server.connection import AppServerConnection
    from codex_runtime.host.core import HostCore
    from codex_runtime.host.flows import Flow
    from codex_runtime.persistence.port import HostPersistence


class SystemOutside:
    """Time and chance as they are."""

    def now_ms(self) -> float:
        """The time, in milliseconds since the epoch."""
        return float(int(time.time() * 1_000))

    def new_id(self) -> str:
        """A new UUID."""
        return str(uuid4())


class Mailbox:
    """What happens, in the order in which it does; one task takes it."""

    def __init__(self) -> None:
        self._letters: deque[Callable[[], None]] = deque()
        self._arrived = asyncio.Event()

    def put(self, letter: Callable[[], None]) -> None:
        """Put something in: what is to be done about it in the core."""
        self._letters.append(letter)
        self._arrived.set()

    async def take(self) -> list[Callable[[], None]]:
        """Wait until something is there; give all of it."""
        while not self._letters:
            self._arrived.clear()
            await self._arrived.wait()
        letters = list(self._letters)
        self._letters.clear()
        return letters


class Shell:
    """Runs a core.

    Args:
        core: The core.
        connect: Makes a connection to the app-server; it is started and stopped here.
        persistence: Where things are kept.
        run_tool: Runs a registered tool.
        sleep: Waits; a test that brings its own needs no time.
        tell: Hears of states, messages and reports; it must not raise.
    """

    def __init__(
        self,
        core: HostCore,
        connect: Callable[[], AppServerConnection],
        persistence: HostPersistence,
        run_tool: Callable[[str, Any], Awaitable[Any]],
        sleep: Callable[[float], Awaitable[None]],
        tell: Callable[[Emit | Report | Tell], None],
    ) -> None:
        self._core = core
        self._connect = connect
        self._persistence = persistence
        self._run_tool = run_tool
        self._sleep = sleep
        self._tell = tell
        self._mailbox = Mailbox()
        self._tasks: set[asyncio.Task[None]] = set()
        self._worker: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._connection: AppServerConnection | None = None
        self._room = asyncio.Event()
        self._room.set()

    async def run(self, flow: Callable[[], Flow]) -> Any:
        """Have the core do something, and wait for what comes of it.

        Args:
            flow: Makes the flow, in the mailbox's turn.

        Returns:
            What the flow returned.
        """
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name="codex runtime mailbox")
        ticket: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._mailbox.put(lambda: self._core.common.begin(flow(), ticket))
        return await ticket

    async def close(self) -> None:
        """End the mailbox; the core has stopped before."""
        for task in (self._reader, self._worker, *self._tasks):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        self._worker = self._reader = None

    async def _work(self) -> None:
        while True:
            for letter in await self._mailbox.take():
                letter()
                for effect in self._core.take_out():
                    self._do(effect)
            if self._core.ingest.queue.full:
                self._room.clear()
            else:
                self._room.set()

    def _do(self, effect: Any) -> None:
        match effect:
            case Perform():
                task = asyncio.create_task(self._perform(effect))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case Settle(ticket, value, error):
                if ticket.done():
                    return
                if error is None:
                    ticket.set_result(value)
                else:
                    ticket.set_exception(error)
            case Emit() | Report() | Tell():
                self._tell(effect)

    async def _perform(self, perform: Perform) -> None:
        core, number = self._core, perform.number
        try:
            value = await self._step(perform.step)
        except CodexRuntimeError as failed:
            error = failed
            self._mailbox.put(lambda: core.common.do(core.common.flows.resume(number, error=error)))
        else:
            self._mailbox.put(lambda: core.common.do(core.common.flows.resume(number, value)))

    async def _step(self, step: Any) -> Any:
        match step:
            case Sleep(seconds):
                return await self._sleep(seconds)
            case Keep(operation, args):
                return await getattr(self._persistence, operation)(args)
            case Open():
                return await self._open()
            case Close():
                return await self._close_connection()
            case RunTool(tool, arguments):
                return await self._run_tool(tool, arguments)
        connection = self._connection
        if connection is None:
            raise HostError("E_RUNTIME_STOPPED", "Bridge stopped before request completed.")
        match step:
            case Ask(call, bound):
                return await connection.call(call, timeout=bound)
            case Reply(request, answer):
                return await connection.answer(request, answer)
            case Decline(request, why):
                return await connection.refuse(request, why)
        raise TypeError(f"{step!r} is no step")

    async def _open(self) -> Any:
        connection = self._connect()
        server = await connection.start()
        self._connection = connection
        self._reader = asyncio.create_task(self._read(connection), name="codex runtime reader")
        return server

    async def _read(self, connection: AppServerConnection) -> None:
        core = self._core
        async for batch in connection.event_batches():
            # When more waits to be kept than may be remembered, Codex waits with it.
            await self._room.wait()
            for event in batch:
                self._mailbox.put(lambda event=event: core.arrived(event))  # type: ignore[misc]

    async def _close_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._room.set()
            await connection.stop()
