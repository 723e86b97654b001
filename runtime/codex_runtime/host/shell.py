"""The shell of the runtime: one mailbox, and the tasks that do what the core says.

May import asyncio, the core, the connection and persistence. The invariants: one task takes events
and awaits nothing but its mailbox; every step runs elsewhere and comes back as an event, whatever
it raises; what was started has ended when the shell is closed, and nobody waits for it any more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from codex_runtime.errors import AppServerError, CodexRuntimeError, LocalProtocolError
from codex_runtime.host.common import Emit, HostError, Report, Tell
from codex_runtime.host.flows import Perform, Settle
from codex_runtime.host.processes import is_gone
from codex_runtime.host.steps import (
    AbandonTool,
    Ask,
    Close,
    Decline,
    FindGone,
    Follow,
    Keep,
    Open,
    Reply,
    RunTool,
    Sleep,
)
from codex_runtime.persistence.failures import PersistenceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codex_runtime.app_server.connection import AppServerConnection
    from codex_runtime.app_server.events import Event
    from codex_runtime.host.core import HostCore
    from codex_runtime.host.flows import Flow
    from codex_runtime.persistence.port import HostPersistence

KEEP_SECONDS: Final = 120.0
"""How long persistence may take for one call; waiting for an import has its own bound."""
CLOSE_SECONDS: Final = 15.0
"""How long the connection may take to close, and tasks to end once they are cancelled."""

_log = logging.getLogger("codex_runtime.host")


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
        connect: Makes a connection to the app-server, with experimental methods or without; it is
            started and stopped here.
        persistence: Where things are kept.
        run_tool: Runs a registered tool.
        sleep: Waits; a test that brings its own needs no time.
        tell: Hears of states, messages and reports; it must not raise.
    """

    def __init__(
        self,
        core: HostCore,
        connect: Callable[[bool], AppServerConnection],
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
        self._tools: dict[int, asyncio.Task[None]] = {}
        self._tickets: set[asyncio.Future[Any]] = set()
        self._worker: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._connection: AppServerConnection | None = None
        self._closed = False
        self._room = asyncio.Event()
        self._room.set()

    async def run(self, flow: Callable[[], Flow], *, lasting: bool = False) -> Any:
        """Have the core do something, and wait for what comes of it.

        Args:
            flow: Makes the flow, in the mailbox's turn.
            lasting: Whether it goes on when the app-server is gone.

        Returns:
            What the flow returned.

        Raises:
            CodexRuntimeError: What the flow raises; ``E_RUNTIME_STOPPED``: the shell was closed.
        """
        if self._closed:
            raise _stopped()
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name="codex runtime mailbox")
        ticket: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._tickets.add(ticket)
        ticket.add_done_callback(self._tickets.discard)
        self._mailbox.put(lambda: self._core.common.begin(flow(), ticket, lasting=lasting))
        return await ticket

    def begin(self, flow: Callable[[], Flow]) -> None:
        """Have the core do something that nobody waits for; what fails is reported.

        Args:
            flow: Makes the flow, in the mailbox's turn; it goes on when the app-server is gone.
        """
        self._mailbox.put(lambda: self._core.common.begin(flow(), lasting=True))

    async def close(self) -> None:
        """End everything that was started here; the core has stopped before, if it could."""
        self._closed = True
        tasks = {task for task in (self._reader, self._worker, *self._tasks) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            _, going_on = await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
            for task in going_on:
                _log.error("%s goes on although it was cancelled", task.get_name())
        try:
            await self._close_connection()
        finally:
            self._refuse_all()

    def _refuse_all(self) -> None:
        for ticket in tuple(self._tickets):
            if not ticket.done():
                ticket.set_exception(_stopped())

    async def _work(self) -> None:
        try:
            while True:
                for letter in await self._mailbox.take():
                    letter()
                    for effect in self._core.take_out():
                        self._do(effect)
                if self._core.full and self._connection is not None:
                    self._room.clear()
                else:
                    self._room.set()
        finally:
            # Nobody takes anything any more: whoever waits is told, and nobody waits from now on.
            self._closed = True
            self._refuse_all()

    def _do(self, effect: Any) -> None:
        match effect:
            case Perform():
                name = f"codex runtime {type(effect.step).__name__}"
                task = asyncio.create_task(self._perform(effect), name=name)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                if isinstance(effect.step, RunTool):
                    self._tools[effect.step.call] = task
            case Settle(ticket, value, error):
                if ticket.done():
                    return
                if error is None:
                    ticket.set_result(value)
                else:
                    ticket.set_exception(error)
            case AbandonTool(call):
                tool = self._tools.get(call)
                if tool is not None:
                    tool.cancel()
            case Emit() | Report() | Tell():
                self._tell(effect)

    async def _perform(self, perform: Perform) -> None:
        common, number = self._core.common, perform.number
        try:
            value = await self._step(perform.step)
        except (Exception, asyncio.CancelledError) as failed:
            # What a step awaits may be cancelled without the step being so: the flow hears of that
            # as of anything else, and of a tool that was broken off.
            error = _coded(perform.step, failed)
            self._mailbox.put(lambda: common.do(common.flows.resume(number, error=error)))
            if isinstance(failed, asyncio.CancelledError) and _is_being_cancelled():
                raise
        else:
            self._mailbox.put(lambda: common.do(common.flows.resume(number, value)))
        finally:
            if isinstance(perform.step, RunTool):
                del self._tools[perform.step.call]

    async def _step(self, step: Any) -> Any:
        match step:
            case Sleep(seconds):
                return await self._sleep(seconds)
            case Keep(operation, args):
                return await self._keep(operation, args)
            case Follow(args, seen):
                return await self._persistence.wait_for_job(args, seen)
            case FindGone(owners):
                return frozenset(filter(is_gone, owners))
            case Open(experimental):
                return await self._open(experimental)
            case Close():
                return await self._close_connection()
            case RunTool(_, tool, arguments):
                return await self._run_tool(tool, arguments)
        connection = self._connection
        if connection is None:
            raise _stopped()
        match step:
            case Ask(call, bound):
                return await connection.call(call, timeout=bound)
            case Reply(request, answer):
                return await connection.answer(request, answer)
            case Decline(request, why):
                return await connection.refuse(request, why)
        raise TypeError(f"{step!r} is no step")

    async def _keep(self, operation: str, args: Any) -> Any:
        call = getattr(self._persistence, operation)
        bound = asyncio.timeout(KEEP_SECONDS)
        try:
            async with bound:
                return await call(args)
        except TimeoutError as error:
            if not bound.expired():
                raise
            raise PersistenceError(
                "E_PERSISTENCE_OUTCOME_UNKNOWN",
                f"{operation} did not answer within {KEEP_SECONDS:g} s.",
            ) from error

    async def _open(self, experimental: bool) -> Any:
        connection = self._connect(experimental)
        server = await connection.start()
        self._connection = connection
        self._reader = asyncio.create_task(self._read(connection), name="codex runtime reader")
        return server

    async def _read(self, connection: AppServerConnection) -> None:
        async for batch in connection.event_batches():
            # When more waits to be kept than may be remembered, Codex waits with it.
            await self._room.wait()
            self._mailbox.put(partial(self._arrived, batch))

    def _arrived(self, batch: list[Event]) -> None:
        for event in batch:
            self._core.arrived(event)

    async def _close_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self._room.set()
        bound = asyncio.timeout(CLOSE_SECONDS)
        try:
            async with bound:
                await connection.stop()
                if self._reader is not None:
                    # What was said until the end is in the mailbox before anybody goes on.
                    await asyncio.wait({self._reader})
        except TimeoutError as error:
            if not bound.expired():
                raise
            connection.abort()
            raise AppServerError(
                "E_RUNTIME_STOP_TIMEOUT",
                f"The connection to Codex did not close within {CLOSE_SECONDS:g} s.",
            ) from error


def _stopped() -> HostError:
    return HostError("E_RUNTIME_STOPPED", "Bridge stopped before request completed.")


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _coded(step: Any, failed: BaseException) -> CodexRuntimeError:
    """Give what a step raised a code, where it has none."""
    if isinstance(failed, CodexRuntimeError):
        return failed
    why = f"{type(failed).__name__}: {failed}"
    error: CodexRuntimeError
    match step:
        case Keep(operation, _):
            error = PersistenceError("E_PERSISTENCE_OUTCOME_UNKNOWN", f"{operation} raised {why}")
        case Open():
            error = AppServerError("E_APP_SERVER_START_FAILED", f"opening it raised {why}")
        case Ask() | Reply() | Decline() if isinstance(failed, TypeError | ValueError):
            # What is to be sent is written down before anything is sent.
            error = LocalProtocolError("E_PROTOCOL_OUTBOUND_INVALID", f"it cannot be sent: {why}")
        case _:
            error = HostError("E_RUNTIME_STEP_FAILED", f"{type(step).__name__} raised {why}")
    error.__cause__ = failed
    return error
