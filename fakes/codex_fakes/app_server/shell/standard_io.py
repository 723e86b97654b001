"""The shell around the machine that speaks on stdin and stdout, as ``codex app-server`` does.

May import the machine, the intake, the faults and the standard library; no asyncio, which would
cost more time to import than the machine takes to answer. One loop polls stdin, stdout, signals and
the control door. The rules:

* Input first. What the machine deferred happens only after :data:`QUIET_SECONDS` without input, so
  that a client which reacts to a response is heard before the turn goes on (FACTS §10).
* A client that does not read makes the turns wait, and nothing is lost but requests beyond the
  queue (FACTS §16).
* The end of stdin and SIGTERM end the process in the orderly way, exit code 0; SIGINT and SIGHUP
  kill it. Whatever was not written then is not (FACTS §3).

The invariant: the machine is only ever touched from this loop.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

from codex_fakes.app_server.dialect.intake import Intake

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from codex_fakes.app_server.machine import Machine
    from codex_fakes.app_server.shell.door import ControlDoor
    from codex_fakes.app_server.shell.faults import FaultyConnection
    from codex_fakes.app_server.surroundings.clock import Clock
    from codex_fakes.script.playing import Gates

QUIET_SECONDS: Final = 0.003
"""Seconds without input after which the machine goes on by itself.

The real server takes 5 to 25 ms from a response to turn/start to the turn's first notification.
"""

UNREAD_LIMIT: Final = 1 << 20
"""Bytes that wait to be written before the machine waits, too."""

_STDIN: Final = 0
_STDOUT: Final = 1
_CHUNK: Final = 1 << 16


class StandardIo:
    """Serves one client on stdin and stdout.

    Args:
        machine: The server.
        gates: The script's gates.
        clock: The machine's clock, a real one.
        faults: What goes wrong.
    """

    def __init__(
        self, machine: Machine, gates: Gates, clock: Clock, faults: FaultyConnection | None = None
    ) -> None:
        self._machine = machine
        self._gates = gates
        self._clock = clock
        self._number = machine.connection_opened()
        self._faults = faults
        self._intake = Intake(lossy=faults is not None and faults.lossy)
        self._poll = selectors.PollSelector()
        self._waiting: list[bytes] = []
        self._unwritten = bytearray()
        self._deaf_client = False
        self._go_on_at = 0.0
        self._read_at = 0.0
        self.door: ControlDoor | None = None

    def watch(self, descriptor: int, ready: Callable[[], None] | None) -> None:
        """Call something whenever a file descriptor can be read; ``None`` ends that."""
        if ready is None:
            # The door is closed after the loop has ended, when nothing is watched any more.
            if self._poll.get_map() is not None:
                self._poll.unregister(descriptor)
        else:
            self._poll.register(descriptor, selectors.EVENT_READ, ready)

    def serve(self) -> None:
        """Serve until stdin ends or SIGTERM comes."""
        blocking = os.get_blocking(_STDOUT)
        waking, woken = os.pipe()
        os.set_blocking(waking, False)
        os.set_blocking(woken, False)
        os.set_blocking(_STDOUT, False)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, _let_the_loop_see)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        self.watch(waking, self._machine.shut_down)
        self.watch(_STDIN, self._read)
        try:
            self._turn()
            if not self._machine.ended:
                self._machine.warm_up()
            while not self._machine.ended:
                self._turn()
        finally:
            signal.set_wakeup_fd(-1)
            os.set_blocking(_STDOUT, blocking)
            self._poll.close()
            os.close(waking)
            os.close(woken)

    # --- one turn of the loop ------------------------------------------------------------------

    def _turn(self) -> None:
        """Wait until something is to be done, and do it."""
        ready = self._poll.select(self._patience())
        for key, _ in ready:
            key.data()
        if not self._machine.ended and not self._blocked:
            self._take_waiting()
            self._go_on()
        self._flush()

    @property
    def _blocked(self) -> bool:
        return len(self._unwritten) > UNREAD_LIMIT

    def _patience(self) -> float | None:
        """Seconds until something is to be done without input; ``None`` when there is nothing."""
        if self._blocked:
            return None
        moments: list[float] = []
        if self._waiting:
            moments.append(self._read_at - time.monotonic())
        if self._machine.has_deferred:
            moments.append(self._go_on_at - time.monotonic())
        due_ms = self._machine.next_due_ms
        if due_ms is not None:
            moments.append((due_ms - self._clock.now_ms()) / 1000)
        return max(min(moments), 0.0) if moments else None

    def _go_on(self) -> None:
        now = time.monotonic()
        if self._machine.has_deferred and now >= self._go_on_at:
            self._machine.step()
            self._go_on_at = time.monotonic() + QUIET_SECONDS
        due_ms = self._machine.next_due_ms
        if due_ms is not None and due_ms <= self._clock.now_ms():
            self._machine.fire_due()

    # --- input ---------------------------------------------------------------------------------

    def _read(self) -> None:
        data = os.read(_STDIN, _CHUNK)
        if not data:
            self._machine.shut_down()
            return
        admitted, refused = self._intake.admit(
            data, waiting=len(self._waiting), way_out=not self._blocked
        )
        self._unwritten += b"".join(refused)
        slow = self._faults is not None and self._faults.slow
        if slow or self._blocked:
            self._waiting.extend(admitted.splitlines(keepends=True))
        else:
            self._hear(admitted)
        if slow and self._waiting:
            # What the client still writes piles up in the pipe, until it is full.
            self.watch(_STDIN, None)

    def _take_waiting(self) -> None:
        """Hear what had to wait: all of it, or a line when its time has come."""
        if not self._waiting:
            return
        if self._faults is None or not self._faults.slow:
            waiting, self._waiting = self._waiting, []
            self._hear(b"".join(waiting))
        elif time.monotonic() >= self._read_at:
            self._hear(self._waiting.pop(0))
            self._read_at = time.monotonic() + self._faults.slow_read_seconds
            if not self._waiting:
                self.watch(_STDIN, self._read)

    def _hear(self, data: bytes) -> None:
        if self._faults is None:
            self._machine.bytes_received(self._number, data)
        else:
            lines, back = self._faults.heard(data)
            self._unwritten += b"".join(back)
            for line in lines:
                self._machine.bytes_received(self._number, line)
        self._go_on_at = time.monotonic() + QUIET_SECONDS

    def _opened(self, continuation: Callable[[], None]) -> None:
        if not self._machine.ended:
            continuation()

    # --- output --------------------------------------------------------------------------------

    def _flush(self) -> None:
        for gate, continuation in self._machine.gates_reached():
            self._gates.arrive(gate, partial(self._opened, continuation))
            if self.door is not None:
                self.door.reached(gate)
        for _, lines in self._machine.take_output():
            sent = lines if self._faults is None else self._faults.said(lines)
            self._unwritten += b"".join(sent)
        if self._unwritten:
            self._write()
        if self._faults is not None and self._faults.fate is not None:
            _meet(self._faults.fate)

    def _write(self) -> None:
        if self._deaf_client:
            self._unwritten.clear()
            return
        try:
            written = os.write(_STDOUT, self._unwritten)
        except BlockingIOError:
            written = 0
        except BrokenPipeError:
            self._deaf_client = True
            written = len(self._unwritten)
        del self._unwritten[:written]
        watched = _STDOUT in self._poll.get_map()
        if self._unwritten and not watched:
            self._poll.register(_STDOUT, selectors.EVENT_WRITE, self._write)
        elif watched and not self._unwritten:
            self._poll.unregister(_STDOUT)


def _let_the_loop_see(_number: int, _frame: FrameType | None) -> None:
    """Handle SIGTERM: the wake-up descriptor has told the loop already."""


def _meet(fate: str) -> NoReturn:
    """End, or do nothing for ever, as a fault wants it."""
    if fate == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    while True:
        signal.pause()
