"""The shell of a session: one socket, one reader, one writer.

May import asyncio, the session and its effects. The invariant: frames go out in the order in which
the session said them; a client that reads slowly makes Transitions wait, never pile up; an action
that was started runs on when its socket is gone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from codex_fakes.convex.wire.effects import Close, Drop, RunAction, Send, Wait
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from typing import Any

    from codex_fakes.convex.engine.outcome import Outcome
    from codex_fakes.convex.wire.effects import Effect
    from codex_fakes.convex.wire.session import Session

IDLE_SECONDS: Final = 15.0
"""After how long without a frame the client is shown that the server is there."""


class Socket(Protocol):
    """A connected websocket, as its shell needs it."""

    async def receive(self) -> str | bytes | None:
        """Wait for a frame; ``None`` when the connection is gone."""

    async def send(self, text: str) -> bool:
        """Send a frame of text; whether the connection is still there."""

    async def close(self, code: int, reason: str) -> None:
        """Close properly."""

    def abort(self) -> None:
        """Cut the connection."""


class SocketShell:
    """Carries out what a session says.

    Args:
        session: The session.
        socket: Its connection.
        run_action: Runs an action to its end, whatever becomes of the socket.
        spawn: Starts a task that outlives the socket.
        before_telling: Called before anything is sent that the session said.
        idle_seconds: See :data:`IDLE_SECONDS`.
    """

    def __init__(
        self,
        session: Session,
        socket: Socket,
        *,
        run_action: Callable[[RunAction], Coroutine[Any, Any, Outcome]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        before_telling: Callable[[], None],
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self.session = session
        self._socket = socket
        self._run_action = run_action
        self._spawn = spawn
        self._before_telling = before_telling
        self._idle_seconds = idle_seconds
        self._loop = asyncio.get_running_loop()
        self._outbox: deque[Send | Close | Drop] = deque()
        self._timers: set[asyncio.TimerHandle] = set()
        self._signal = asyncio.Event()
        self._wake_wanted = False
        self._failure: CodexRuntimeError | None = None

    async def run(self) -> None:
        """Serve the socket until either side ends it.

        Raises:
            CodexRuntimeError: What was to be told could not be kept, or a call ended with it.
        """
        reader = self._loop.create_task(self._read())
        try:
            await self._write()
        finally:
            self.session.closed()
            for timer in self._timers:
                timer.cancel()
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
        failure = self._failure or (None if reader.cancelled() else reader.exception())
        if failure is not None:
            raise failure

    def wake(self) -> None:
        """Have the session say what is due, once what it said before is sent."""
        self._wake_wanted = True
        # A commit may be made by another thread of control than the loop's.
        self._loop.call_soon_threadsafe(self._signal.set)

    def drop(self) -> None:
        """Cut the connection now."""
        self.session.closed()
        self._outbox.clear()
        self._socket.abort()
        self._signal.set()

    def perform(self, effects: Iterable[Effect]) -> None:
        """Carry out effects.

        Args:
            effects: What the session said.
        """
        try:
            self._before_telling()
        except CodexRuntimeError as error:
            # What cannot be kept is not told; whoever serves the socket hears why.
            self._failure = error
            self.drop()
            return
        for effect in effects:
            match effect:
                case RunAction():
                    self._spawn(self._act(effect))
                case Wait():
                    self._start_timer(effect.milliseconds / 1000)
                case Send() | Close() | Drop():
                    self._outbox.append(effect)
        self._signal.set()

    async def _act(self, action: RunAction) -> None:
        outcome = await self._run_action(action)
        if not self.session.open:
            return
        self.perform(self.session.action_ended(action.request_id, outcome))

    def _start_timer(self, seconds: float) -> None:
        def ring() -> None:
            self._timers.discard(timer)
            self.perform(self.session.waited())

        timer = self._loop.call_later(seconds, ring)
        self._timers.add(timer)

    async def _read(self) -> None:
        try:
            while self.session.open:
                frame = await self._socket.receive()
                if frame is None:
                    # Nobody is left to hear the rest.
                    self.session.closed()
                    self._outbox.clear()
                elif isinstance(frame, str):
                    self.perform(self.session.received(frame))
                else:
                    self.perform(self.session.received_bytes())
        except BaseException:
            self.session.closed()
            raise
        finally:
            self._signal.set()

    async def _write(self) -> None:
        while True:
            while self._outbox:
                if not await self._emit(self._outbox.popleft()):
                    return
            if not self.session.open:
                return
            if self._wake_wanted:
                self._wake_wanted = False
                self.perform(self.session.woken())
                continue
            self._signal.clear()
            try:
                async with asyncio.timeout(self._idle_seconds):
                    await self._signal.wait()
            except TimeoutError:
                self.perform(self.session.idle())

    async def _emit(self, effect: Send | Close | Drop) -> bool:
        """Send a frame or end the socket; whether it goes on."""
        match effect:
            case Send(text):
                return await self._socket.send(text)
            case Close(code, reason):
                await self._socket.close(code, reason)
            case Drop():
                self._socket.abort()
        return False
