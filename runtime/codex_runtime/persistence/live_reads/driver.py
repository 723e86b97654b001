"""What the machine wants done, done with asyncio: sockets, timers, the provider of tokens.

May import the core, :mod:`.socket` and the options. The invariants: one supervisor task owns every
task; inputs are handled one at a time and their effects done in order; when the supervisor is done,
nothing is left running.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from codex_runtime.persistence.live_reads.core.effects import (
    CancelTimer,
    CloseSocket,
    Deliver,
    Effect,
    Ended,
    FetchToken,
    IdentityInForce,
    OpenSocket,
    Rejected,
    Send,
    SetTimer,
    Tell,
)
from codex_runtime.persistence.live_reads.core.inputs import (
    FrameReceived,
    Input,
    SocketEnded,
    SocketOpened,
    Stop,
    Timer,
    TimerFired,
    TokenFetched,
    TokenFetchFailed,
)
from codex_runtime.persistence.live_reads.failures import LiveReadsError
from codex_runtime.persistence.live_reads.socket import Socket

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from codex_runtime.persistence.live_reads.clock import Clock, TimerHandle
    from codex_runtime.persistence.live_reads.core.machine import LiveMachine
    from codex_runtime.persistence.live_reads.tokens import TokenProvider


class Audience(Protocol):
    """Who is shown what the machine has found out."""

    def shown(self, effect: Deliver | Tell | IdentityInForce | Rejected | Ended) -> None:
        """Take it in.

        Args:
            effect: What there is to know.
        """
        ...


class Driver:
    """Runs a machine.

    Args:
        machine: The machine.
        url: The websocket URL of the deployment.
        clock: The clock of its timers.
        audience: Who is shown what it finds out.
    """

    def __init__(self, machine: LiveMachine, url: str, clock: Clock, audience: Audience) -> None:
        self._machine = machine
        self._url = url
        self._clock = clock
        self._audience = audience
        self.provider: TokenProvider | None = None
        self._sockets: dict[int, asyncio.Task[None]] = {}
        self._outgoing: dict[int, asyncio.Queue[str]] = {}
        self._timers: dict[Timer, TimerHandle] = {}
        self._fetching: asyncio.Task[None] | None = None
        self._undone: deque[Effect] = deque()
        self._doing = False
        self._tasks: asyncio.TaskGroup | None = None
        self._over = asyncio.Event()

    async def run(self, running: asyncio.Event) -> None:
        """Run until the machine has ended, and all its tasks with it.

        Args:
            running: Set as soon as inputs may be fed.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                running.set()
                await self._over.wait()
        finally:
            # However the tasks ended, nobody waits for ever.
            self.feed(Stop())

    def feed(self, event: Input) -> None:
        """Hand the machine an input, and do what it wants.

        Args:
            event: What happened.
        """
        self._undone += self._machine.handle(event)
        if self._doing:
            # An effect made this input; what it leads to comes behind the effects before it.
            return
        self._doing = True
        try:
            while self._undone:
                effect = self._undone.popleft()
                self._DOERS[type(effect)](self, effect)
        finally:
            self._doing = False

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        if self._tasks is None:
            raise AssertionError("a machine is not started before its driver runs")
        return self._tasks.create_task(work)

    # Timers.

    def _set_timer(self, effect: SetTimer) -> None:
        self._cancel_timer(effect)
        self._timers[effect.timer] = self._clock.call_later(
            effect.seconds, partial(self._fire, effect.timer)
        )

    def _cancel_timer(self, effect: SetTimer | CancelTimer) -> None:
        handle = self._timers.pop(effect.timer, None)
        if handle is not None:
            handle.cancel()

    def _fire(self, timer: Timer) -> None:
        self._timers.pop(timer, None)
        self.feed(TimerFired(timer))

    # Sockets.

    def _open_socket(self, effect: OpenSocket) -> None:
        self._outgoing[effect.socket] = asyncio.Queue()
        self._sockets[effect.socket] = self._spawn(self._run_socket(effect.socket))

    def _close_socket(self, effect: CloseSocket) -> None:
        task = self._sockets.pop(effect.socket, None)
        # A socket whose own frame led to this ends by itself.
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def _send(self, effect: Send) -> None:
        self._outgoing[effect.socket].put_nowait(effect.text)

    async def _run_socket(self, number: int) -> None:
        try:
            socket = await Socket.open(self._url)
            try:
                await self._converse(number, socket)
            finally:
                await socket.close()
        except LiveReadsError as error:
            self.feed(SocketEnded(number, error))
        finally:
            del self._outgoing[number]

    async def _converse(self, number: int, socket: Socket) -> None:
        writer = self._spawn(self._write(number, socket))
        try:
            self.feed(SocketOpened(number))
            while number in self._sockets:
                self.feed(FrameReceived(number, await socket.receive()))
        finally:
            writer.cancel()

    async def _write(self, number: int, socket: Socket) -> None:
        outgoing = self._outgoing[number]
        try:
            while True:
                await socket.send(await outgoing.get())
        except LiveReadsError as error:
            self.feed(SocketEnded(number, error))

    # Tokens.

    def _fetch_token(self, effect: FetchToken) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
        if self.provider is not None:
            self._fetching = self._spawn(self._ask(self.provider, effect))

    async def _ask(self, provider: TokenProvider, effect: FetchToken) -> None:
        try:
            token: object = await provider(force_refresh=effect.force_refresh)
        except Exception as cause:  # noqa: BLE001 - whatever the caller's provider raises
            self._no_token(effect, f"the provider raised {type(cause).__name__}: {cause}", cause)
            return
        if isinstance(token, str):
            self.feed(TokenFetched(effect.generation, token))
        else:
            self._no_token(effect, f"the provider gave {type(token).__name__}, not text", None)

    def _no_token(self, effect: FetchToken, text: str, cause: Exception | None) -> None:
        error = LiveReadsError("E_LIVE_TOKEN_UNAVAILABLE", text)
        error.__cause__ = cause
        self.feed(TokenFetchFailed(effect.generation, error))

    # What is known.

    def _show(self, effect: Deliver | Tell | IdentityInForce | Rejected) -> None:
        self._audience.shown(effect)

    def _ended(self, effect: Ended) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
        self._audience.shown(effect)
        self._over.set()

    _DOERS: Final[dict[type, Callable[[Driver, Any], None]]] = {
        OpenSocket: _open_socket,
        CloseSocket: _close_socket,
        Send: _send,
        SetTimer: _set_timer,
        CancelTimer: _cancel_timer,
        FetchToken: _fetch_token,
        Deliver: _show,
        Tell: _show,
        IdentityInForce: _show,
        Rejected: _show,
        Ended: _ended,
    }
