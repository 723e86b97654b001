"""The asyncio shell around the machine: in-memory connections, gates, and the passing of time.

May import asyncio, the machine, the script's player and the in-memory transport. The rules:

* Input first. What was deferred happens only after the event loop has turned a few times without
  new input, so that a client which reacts to a response is heard before the turn goes on; that is
  the start window of FACTS §10, in turns of the loop instead of milliseconds.
  Where clients are in other processes, ``quiet_seconds`` says how long to listen instead.
* Then time. A virtual clock jumps to the next timer when nothing else is left to do, and the timer
  is not farther away than the clock jumps.
* A client that does not read makes the server wait if it is the only one, and else nobody; see
  :mod:`.slow_clients`.

The invariant: the machine is only ever touched from callbacks of one event loop.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from codex_fakes.app_server.configuration.settings import SimulatedSettings
from codex_fakes.app_server.machine import Machine
from codex_fakes.app_server.shell.fault_language import SLOW_READ_MS, parse_faults
from codex_fakes.app_server.shell.faults import FaultyConnection
from codex_fakes.app_server.shell.lasting import Lasting
from codex_fakes.app_server.shell.playable import check_playable
from codex_fakes.app_server.shell.slow_clients import PIPE_LIMIT, SlowClients
from codex_fakes.app_server.surroundings.clock import Clock, Ids, VirtualClock
from codex_fakes.app_server.surroundings.files import DiskFiles
from codex_fakes.script.playing import DEFAULT_WAIT, Gates, ScriptPlayer, gate_names
from codex_runtime.app_server.memory import MemoryTransport, memory_pair
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from codex_fakes.app_server.shell.lasting import Tap
    from codex_fakes.script.steps import Script
    from codex_runtime.errors import CodexRuntimeError

QUIET_TURNS: Final = 24
"""Turns of the event loop without input after which the machine goes on by itself.

A client needs a handful to read a response, wake who waits for it, and send what follows.
"""


class SimulatedAppServer:
    """A simulated Codex app-server inside the process.

    Use it as an async context manager; leaving it ends the server in the orderly way, as the end
    of stdin ends the real one.

    Args:
        script: What the model does.
        home: The server's home (``CODEX_HOME``); threads stored there are found again.
        settings: How the server is configured.
        clock: The time; a virtual clock of its own when left out, under which timers cost no
            wall time.
        seed: The seed of the ids it makes up; ``None`` draws from the system's randomness.
        single_connection: Whether the end of the first connection ends the server, as stdio does.
        tap: See :meth:`connect`; for every connection that names none of its own.
        faults: What goes wrong, each as
            :func:`codex_fakes.app_server.shell.fault_language.parse_faults` reads it; every
            connection counts its own messages.
        quiet_seconds: Seconds without input after which the server goes on by itself;
            :data:`QUIET_TURNS` turns of the loop when left out.
        player: What hands out the script's responses; from the first one when left out.
        gates: The script's gates, when they are to be shared with somebody.

    Raises:
        ConfigurationError: ``E_FAKE_NOT_SIMULATED``: the script has steps that are not played;
            ``E_FAKE_FAULT_UNKNOWN``.
    """

    def __init__(
        self,
        script: Script,
        *,
        home: Path,
        settings: SimulatedSettings | None = None,
        clock: Clock | None = None,
        seed: int | None = 0,
        single_connection: bool = False,
        tap: Tap | None = None,
        faults: Iterable[str] = (),
        quiet_seconds: float | None = None,
        player: ScriptPlayer | None = None,
        gates: Gates | None = None,
    ) -> None:
        check_playable(script)
        clock = VirtualClock() if clock is None else clock
        self._begin(
            Lasting(
                player=ScriptPlayer(script) if player is None else player,
                gates=Gates(gate_names(script)) if gates is None else gates,
                home=home,
                settings=SimulatedSettings() if settings is None else settings,
                clock=clock,
                ids=Ids(clock, seed),
                single_connection=single_connection,
                tap=tap,
                faults=parse_faults(",".join(faults)),
                quiet_seconds=quiet_seconds,
            )
        )

    def _begin(self, lasting: Lasting) -> None:
        self._lasting = lasting
        self._machine = Machine(
            lasting.settings,
            lasting.player,
            str(lasting.home.absolute()),
            lasting.clock,
            lasting.ids,
            DiskFiles(),
        )
        self._ends: dict[int, MemoryTransport] = {}
        self._taps: dict[int, Tap | None] = {}
        self._faults: dict[int, FaultyConnection] = {}
        self._readers: dict[int, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next: asyncio.Handle | None = None
        self._slow = SlowClients(single=lasting.single_connection)
        self._hung = False
        self.crashed = False
        self._quiet = 0
        self._defect: Exception | None = None
        self._settled: list[asyncio.Future[None]] = []
        self._awaited: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    @property
    def player(self) -> ScriptPlayer:
        """What hands out the script's responses."""
        return self._lasting.player

    @property
    def gates(self) -> Gates:
        """The script's gates."""
        return self._lasting.gates

    @property
    def home(self) -> Path:
        """The server's home."""
        return self._lasting.home

    @property
    def clock(self) -> Clock:
        """The server's time."""
        return self._lasting.clock

    def successor(self) -> SimulatedAppServer:
        """Make the server that comes after this one, as a restart does.

        Returns:
            A server that has not started, on the same home, with the same settings, clock and
            gates, for which the script goes on where this one left it.
        """
        successor = SimulatedAppServer.__new__(SimulatedAppServer)
        successor._begin(self._lasting)  # noqa: SLF001 - one of its own kind
        return successor

    # --- life ----------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End in the orderly way, as the end of stdin does; idempotent.

        Raises:
            Exception: What went wrong inside the simulation, if anything did: a defect of it.
        """
        if not self._machine.ended:
            self._machine.shut_down()
        self._hang_up(discard=False)
        readers = list(self._readers.values())
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        if self._defect is not None:
            defect, self._defect = self._defect, None
            raise defect

    def crash(self) -> None:
        """End at once, as SIGKILL does: nothing more is sent or written, unread bytes are lost."""
        self.crashed = True
        self._machine.crash()
        self._hang_up(discard=True)

    @property
    def started(self) -> bool:
        """Whether it is used in an event loop, or was."""
        return self._loop is not None

    @property
    def ended(self) -> bool:
        """Whether the server has ended."""
        return self._machine.ended

    @property
    def problems(self) -> tuple[CodexRuntimeError, ...]:
        """What the script could not give; empty when every request had a response."""
        return self._machine.problems

    def connect(self, *, tap: Tap | None = None) -> MemoryTransport:
        """Connect a client.

        Args:
            tap: Gets each line that the server sends on this connection, newline included, and
                gives back what is sent instead.

        Returns:
            The client's end; closing it disconnects.

        Raises:
            ConnectionError: The server has ended.
            ConfigurationError: ``E_APP_SERVER_NOT_STARTED``: outside the ``async with`` block.
        """
        if self._loop is None:
            raise ConfigurationError(
                "E_APP_SERVER_NOT_STARTED", "the simulated app-server is used before it started"
            )
        if self._machine.ended:
            raise ConnectionResetError("the simulated app-server has ended")
        ours, theirs = memory_pair(PIPE_LIMIT)
        number = self._machine.connection_opened()
        self._ends[number] = ours
        self._taps[number] = self._lasting.tap if tap is None else tap
        if self._lasting.faults:
            self._faults[number] = FaultyConnection(self._lasting.faults)
        reader = self._loop.create_task(self._read(number, ours), name=f"simulated-{number}")
        self._readers[number] = reader
        return theirs

    async def open(self) -> MemoryTransport:
        """Connect a client; what :class:`AppServerConnection` takes as its opener.

        Returns:
            The client's end.

        Raises:
            ConnectionError: The server has ended.
            ConfigurationError: ``E_APP_SERVER_NOT_STARTED``: outside the ``async with`` block.
        """
        return self.connect()

    # --- quiescence ----------------------------------------------------------------------------

    @property
    def quiescent(self) -> bool:
        """Whether the server only waits for input or for a gate."""
        if self._machine.ended or self._hung:
            return True
        unread = any(end.incoming.size for end in self._ends.values())
        return not unread and self._next is None

    async def settle(self, timeout: float = DEFAULT_WAIT) -> None:
        """Wait until the server only waits for input or for a gate.

        Args:
            timeout: Seconds to wait.

        Raises:
            ConfigurationError: ``E_SCRIPT_WAIT_TIMEOUT``.
        """
        while not self.quiescent:
            waiter = asyncio.get_running_loop().create_future()
            self._settled.append(waiter)
            try:
                async with asyncio.timeout(timeout):
                    await waiter
            except TimeoutError:
                raise ConfigurationError(
                    "E_SCRIPT_WAIT_TIMEOUT",
                    f"the simulated app-server did not come to rest within {timeout:g} s",
                ) from None

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait, for as long as it takes, until something holds of the server.

        Args:
            holds: Asked whenever something has happened, and when the server has ended.
        """
        if not holds():
            waiter = asyncio.get_running_loop().create_future()
            self._awaited.append((holds, waiter))
            await waiter

    def _notice(self) -> None:
        for holds, waiter in self._awaited:
            if not waiter.done() and holds():
                waiter.set_result(None)
        self._awaited = [awaited for awaited in self._awaited if not awaited[1].done()]

    # --- input ---------------------------------------------------------------------------------

    async def _read(self, number: int, end: MemoryTransport) -> None:
        faults = self._faults.get(number)
        while data := await end.receive():
            if faults is None:
                self._drive(partial(self._machine.bytes_received, number, data))
            else:
                await self._hear(number, end, faults, data)
        if self._hung:
            return
        self._drive(partial(self._closed, number))
        end.outgoing.end()
        self._ends.pop(number, None)
        self._rest()

    async def _hear(
        self, number: int, end: MemoryTransport, faults: FaultyConnection, data: bytes
    ) -> None:
        """Take what a client sent, as its faults let it through."""
        lines, back = faults.heard(data)
        if back and not end.outgoing.ended:
            end.outgoing.feed(b"".join(back))
        for line in lines:
            if faults.slow and self._loop is not None:
                read = self._loop.create_future()
                self._drive(partial(self._machine.after, SLOW_READ_MS, partial(_release, read)))
                await read
            self._drive(partial(self._machine.bytes_received, number, line))
        self._meet(faults)

    def _meet(self, faults: FaultyConnection) -> None:
        """End, or do nothing any more, if a fault wants it."""
        if faults.fate == "crash" and not self._machine.ended:
            self.crashed = True
            self._machine.crash()
            # What was said before is in the pipe, and stays there, as it does with a process.
            self._hang_up(discard=False)
        elif faults.fate == "hang" and not self._hung:
            self._hung = True
            if self._next is not None:
                self._next.cancel()
                self._next = None
            self._rest()

    @property
    def hung(self) -> bool:
        """Whether a fault has made the server do nothing any more."""
        return self._hung

    @property
    def busy(self) -> bool:
        """Whether a turn runs."""
        return self._machine.busy

    def _closed(self, number: int) -> None:
        if not self._machine.ended:
            self._machine.connection_closed(number)
            if self._lasting.single_connection:
                self._machine.shut_down()

    def _drive(self, event: Callable[[], None]) -> None:
        """Let the machine take an event; a defect in it ends the server, and is not swallowed."""
        if self._hung:
            return
        try:
            event()
        except Exception as defect:  # noqa: BLE001 - raised again by stop()
            self._defect = self._defect or defect
            self._machine.crash()
        self._advanced()

    def _advanced(self) -> None:
        """Something happened: let it out, and see later what follows from it."""
        self._quiet = 0
        self._flush()
        self._schedule()
        self._notice()

    def _opened(self, continuation: Callable[[], None]) -> None:
        if not self._machine.ended:
            self._drive(continuation)

    # --- output --------------------------------------------------------------------------------

    def _flush(self) -> None:
        for gate, continuation in self._machine.gates_reached():
            self.gates.arrive(gate, partial(self._opened, continuation))
        for number, lines in self._machine.take_output():
            end = self._ends.get(number)
            if end is None or end.outgoing.ended:
                continue
            tap = self._taps[number]
            if tap is not None:
                lines = [changed for line in lines for changed in tap(line)]
            faults = self._faults.get(number)
            if faults is not None:
                lines = faults.said(lines)
            end.outgoing.feed(b"".join(lines))
            self._slow.cut_off(end)
        for faults in list(self._faults.values()):
            self._meet(faults)
        if self._machine.ended:
            self._hang_up(discard=False)

    def _hang_up(self, *, discard: bool) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        for end in self._ends.values():
            end.outgoing.end(discard=discard)
            end.incoming.end(discard=True)
        self._rest()
        self._notice()

    # --- going on ------------------------------------------------------------------------------

    def _schedule(self) -> None:
        """See to it that the machine goes on when it has something to do."""
        if self._next is not None:
            if self._quiet:
                return
            # There was input: whatever was planned waits for it to be dealt with.
            self._next.cancel()
            self._next = None
        if self._loop is None or self._machine.ended or self._hung:
            self._rest()
            return
        if self._slow.hold_back(self._ends.values(), self._advanced):
            self._rest()
            return
        due_ms = self._machine.next_due_ms
        quiet_seconds = self._lasting.quiet_seconds
        if self._machine.has_deferred and quiet_seconds is not None:
            self._quiet = QUIET_TURNS
            self._next = self._loop.call_later(quiet_seconds, self._turn)
        elif self._machine.has_deferred or self._jumps_to(due_ms):
            self._next = self._loop.call_soon(self._turn)
        elif due_ms is not None and not isinstance(self.clock, VirtualClock):
            delay = max(due_ms - self.clock.now_ms(), 0) / 1000
            self._next = self._loop.call_later(delay, self._turn_to_timers)
        else:
            self._rest()

    def _jumps_to(self, due_ms: int | None) -> bool:
        """Whether the clock moves to the next timer by itself."""
        clock = self.clock
        return due_ms is not None and isinstance(clock, VirtualClock) and clock.jumps_to(due_ms)

    def _turn(self) -> None:
        """Count a turn of the loop without input; after enough of them, go on."""
        self._next = None
        self._quiet += 1
        if self._quiet < QUIET_TURNS and self._loop is not None:
            self._next = self._loop.call_soon(self._turn)
            return
        if self._machine.has_deferred:
            self._drive(self._machine.step)
        else:
            self._turn_to_timers()

    def _turn_to_timers(self) -> None:
        self._next = None
        due_ms = self._machine.next_due_ms
        if due_ms is not None and isinstance(self.clock, VirtualClock):
            if not self.clock.jumps_to(due_ms):
                self._rest()
                return
            self.clock.advance_to(due_ms)
        self._drive(self._machine.fire_due)

    def _rest(self) -> None:
        """Tell who waits that there is nothing to do."""
        if self.quiescent:
            for waiter in self._settled:
                if not waiter.done():
                    waiter.set_result(None)
            self._settled.clear()


def _release(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
