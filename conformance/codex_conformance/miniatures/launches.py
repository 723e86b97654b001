"""Processes with a fault in them: the passing executable on the other side, a broken one on this.

May import the faults and the targets' definitions. The invariant: without a fault nothing is
changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from codex_conformance.miniatures.process_faults import ProcessFault
    from codex_conformance.targets.door import Door, Venue
    from codex_conformance.targets.launch import FrameDoor, Launch, Process
    from codex_conformance.wire.frames import Frame
    from codex_conformance.wire.transcript import Ending


class FaultyLaunches:
    """A venue whose processes have a fault when they are launched.

    Args:
        venue: The venue of the passing app-server.
        fault: The fault.
    """

    def __init__(self, venue: Venue, fault: ProcessFault) -> None:
        self._venue = venue
        self._fault = fault

    @property
    def folder(self) -> Path:
        """See :meth:`codex_conformance.targets.door.Venue.folder`."""
        return self._venue.folder

    async def start(self) -> Door:
        """See :meth:`codex_conformance.targets.door.Venue.start`."""
        return await self._venue.start()

    async def launch(self, how: Launch) -> Process:
        """See :meth:`codex_conformance.targets.door.Venue.launch`."""
        return FaultyProcess(await self._venue.launch(self._fault.launch(how)), self._fault)

    async def join(self) -> Door:
        """See :meth:`codex_conformance.targets.door.Venue.join`."""
        return await self._venue.join()

    @property
    def history(self) -> str | None:
        """See :meth:`codex_conformance.targets.door.Venue.history`."""
        return self._venue.history

    @property
    def problems(self) -> tuple[str, ...]:
        """See :meth:`codex_conformance.targets.door.Venue.problems`."""
        return self._venue.problems

    def open_gate(self, name: str) -> None:
        """See :meth:`codex_conformance.targets.door.Venue.open_gate`."""
        self._venue.open_gate(name)


class FaultyProcess:
    """A process with a fault.

    Args:
        process: The passing one.
        fault: The fault.
    """

    def __init__(self, process: Process, fault: ProcessFault) -> None:
        self._process = process
        self._fault = fault
        self._door = _FaultyEnd(process.door, fault)

    @property
    def door(self) -> Door:
        """See :meth:`codex_conformance.targets.launch.Process.door`."""
        return self._door

    async def address(self) -> str:
        """See :meth:`codex_conformance.targets.launch.Process.address`."""
        return await self._process.address()

    def signal(self, number: int) -> None:
        """See :meth:`codex_conformance.targets.launch.Process.signal`."""
        self._process.signal(self._fault.signal(number))

    async def tcp(self) -> Door:
        """See :meth:`codex_conformance.targets.launch.Process.tcp`."""
        return _FaultyLines(await self._process.tcp(), self._fault)

    async def websocket(self) -> FrameDoor:
        """See :meth:`codex_conformance.targets.launch.Process.websocket`."""
        return _FaultyFrames(await self._process.websocket(), self._fault)


class _Passing:
    """A door that passes everything on.

    Args:
        door: The door behind it.
        fault: What is changed by those that are made of it.
    """

    def __init__(self, door: Door, fault: ProcessFault) -> None:
        self._door = door
        self._fault = fault

    @property
    def knows_rest(self) -> bool:
        """See :meth:`codex_conformance.targets.door.Door.knows_rest`."""
        return self._door.knows_rest

    async def send(self, data: bytes) -> None:
        """See :meth:`codex_conformance.targets.door.Door.send`."""
        await self._door.send(data)

    async def receive(self) -> bytes | None:
        """See :meth:`codex_conformance.targets.door.Door.receive`."""
        return await self._door.receive()

    async def finish(self) -> Ending:
        """See :meth:`codex_conformance.targets.door.Door.finish`."""
        return await self._door.finish()


class _FaultyEnd(_Passing):
    """Stdin and stdout of a process whose end is told in another way."""

    async def finish(self) -> Ending:
        """See :meth:`codex_conformance.targets.door.Door.finish`."""
        return self._fault.ending(await self._door.finish())


class _FaultyLines(_Passing):
    """A TCP connection on which lines are heard in another way."""

    async def send(self, data: bytes) -> None:
        """See :meth:`codex_conformance.targets.door.Door.send`; takes whole lines."""
        for line in data.removesuffix(b"\r\n").split(b"\r\n"):
            for heard in self._fault.line(line):
                await self._door.send(heard + b"\r\n")


class _FaultyFrames(_Passing):
    """A websocket on which frames are heard in another way."""

    def __init__(self, door: FrameDoor, fault: ProcessFault) -> None:
        super().__init__(door, fault)
        self._frames = door

    async def send_frame(self, frame: Frame) -> None:
        """See :meth:`codex_conformance.targets.launch.FrameDoor.send_frame`."""
        for heard in self._fault.frame(frame):
            await self._frames.send_frame(heard)
