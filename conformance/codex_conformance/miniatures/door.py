"""The door with a fault in it: a passing app-server on the other side, a broken one on this.

May import the faults, the wire and the targets. The invariant: without a fault nothing is changed,
not one byte and not one wait.
"""

from __future__ import annotations

import copy
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from codex_conformance.miniatures.faults import Fault, FaultOf, FromClient, HangUp, Passing
from codex_conformance.miniatures.launches import FaultyLaunches
from codex_conformance.targets.executable import ExecutableTarget
from codex_conformance.targets.simulated import SimulatedTarget
from codex_conformance.wire.messages import Kind, encode, is_answer, kind_of, read_line
from codex_conformance.wire.transcript import Ending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from codex_conformance.miniatures.faults import Outgoing
    from codex_conformance.miniatures.miniature import Miniature
    from codex_conformance.targets.door import Capability, Door, StageSettings, Target, Venue
    from codex_conformance.targets.launch import Launch, Process
    from codex_conformance.wire.messages import Message
    from codex_fakes.script.steps import Script


class Watch:
    """What has passed over a connection so far, as far as faults need to know.

    Requests are remembered by the JSON text of their ids, so that 0 and "0" are two.
    """

    def __init__(self) -> None:
        self._asked: dict[str, Message] = {}

    def client_wrote(self, message: Message | None) -> None:
        """Take note of a message of the client."""
        if message is not None and kind_of(message) is Kind.REQUEST:
            self._asked[repr(message["id"])] = message

    def server_wrote(self, message: Message) -> Passing:
        """Take note of a message of the app-server, and say what is known about it."""
        request = None
        method = message.get("method")
        if is_answer(message):
            request = self._asked.pop(repr(message["id"]), None)
            method = request["method"] if request is not None else None
        return Passing(copy.deepcopy(message), method, request, outstanding=len(self._asked))


class FaultyDoor:
    """A door whose lines pass through a fault.

    Args:
        door: The door to the passing app-server.
        fault: The fault.
    """

    def __init__(self, door: Door, fault: Fault) -> None:
        self._door = door
        self._fault = fault
        self._watch = Watch()
        self._ready = b""
        self._partial = b""
        self._hung_up: HangUp | None = None
        self._said_goodbye = False

    @property
    def knows_rest(self) -> bool:
        """See :meth:`codex_conformance.targets.door.Door.knows_rest`."""
        return self._door.knows_rest

    async def send(self, data: bytes) -> None:
        """See :meth:`codex_conformance.targets.door.Door.send`; no line is cut."""
        if self._hung_up is not None:
            raise ConnectionResetError("the app-server has ended")
        *lines, unfinished = data.split(b"\n")
        # What no newline ends is a line of its own, and stays without one.
        sent = [(line, b"\n") for line in lines] + [(unfinished, b"")] * bool(unfinished)
        for raw, end in sent:
            message = read_line(raw).message
            try:
                passed = self._fault.from_client(raw, message) or FromClient((raw,))
            except HangUp as hang_up:
                self._hung_up = hang_up
                return
            self._ready += _lines(passed.to_client)
            for line in passed.to_server:
                self._watch.client_wrote(read_line(line).message)
                await self._door.send(line + end)

    async def receive(self) -> bytes | None:
        """See :meth:`codex_conformance.targets.door.Door.receive`."""
        while not self._ready:
            if self._hung_up is not None:
                return b""
            data = await self._door.receive()
            if not data:
                return data
            self._take(data)
        ready, self._ready = self._ready, b""
        return ready

    async def finish(self) -> Ending:
        """See :meth:`codex_conformance.targets.door.Door.finish`."""
        end = await self._door.finish()
        if not self._said_goodbye:
            self._said_goodbye = True
            self._ready += _lines(self._fault.last_words)
        code = self._fault.exit_code if self._fault.exit_code is not None else end.exit_code
        if self._hung_up is not None:
            code = self._hung_up.exit_code
        return Ending(end.asked_for, code, end.stderr)

    def _take(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        for raw in lines:
            message = read_line(raw).message
            outgoing: Iterable[Outgoing] | None = None
            if message is not None:
                try:
                    outgoing = self._fault.from_server(self._watch.server_wrote(message))
                except HangUp as hang_up:
                    self._hung_up = hang_up
                    return
            self._ready += _lines((raw,) if outgoing is None else outgoing)


def _lines(outgoing: Iterable[Outgoing]) -> bytes:
    return b"".join(
        (part if isinstance(part, bytes) else encode(part)) + b"\n" for part in outgoing
    )


class FaultyVenue:
    """A venue whose doors have a fault.

    Args:
        venue: The venue of the passing app-server.
        fault_of: Makes the fault of each connection.
    """

    def __init__(self, venue: Venue, fault_of: FaultOf) -> None:
        self._venue = venue
        self._fault_of = fault_of

    @property
    def folder(self) -> Path:
        """See :meth:`codex_conformance.targets.door.Venue.folder`."""
        return self._venue.folder

    async def start(self) -> Door:
        """See :meth:`codex_conformance.targets.door.Venue.start`."""
        return FaultyDoor(await self._venue.start(), self._fault_of())

    async def launch(self, how: Launch) -> Process:
        """See :meth:`codex_conformance.targets.door.Venue.launch`."""
        return await self._venue.launch(how)

    async def join(self) -> Door:
        """See :meth:`codex_conformance.targets.door.Venue.join`."""
        return FaultyDoor(await self._venue.join(), self._fault_of())

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


class MiniatureTarget:
    """The simulated app-server with a fault.

    Args:
        miniature: What is wrong with it.
        workspace: Where homes are made; the system's folder for temporary files when ``None``.
    """

    def __init__(self, miniature: Miniature, workspace: Path | None = None) -> None:
        self._name = miniature.name
        self._fault_of = miniature.fault
        self._process_fault = miniature.process
        self._simulated: Target = (
            SimulatedTarget(workspace, faults=miniature.by_name)
            if miniature.process is None
            else ExecutableTarget(miniature.name, workspace, faults=miniature.by_name)
        )

    @property
    def name(self) -> str:
        """See :meth:`codex_conformance.targets.door.Target.name`."""
        return f"miniature:{self._name}"

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See :meth:`codex_conformance.targets.door.Target.capabilities`."""
        return self._simulated.capabilities

    @property
    def jobs(self) -> int:
        """See :meth:`codex_conformance.targets.door.Target.jobs`."""
        return self._simulated.jobs

    @property
    def patience(self) -> float:
        """See :meth:`codex_conformance.targets.door.Target.patience`."""
        return self._simulated.patience

    async def preflight(self) -> str:
        """See :meth:`codex_conformance.targets.door.Target.preflight`."""
        return f"{await self._simulated.preflight()}, with the fault {self._name}"

    @asynccontextmanager
    async def open(self, script: Script, settings: StageSettings) -> AsyncIterator[Venue]:
        """See :meth:`codex_conformance.targets.door.Target.open`."""
        async with self._simulated.open(script, settings) as venue:
            if self._fault_of is not None:
                yield FaultyVenue(venue, self._fault_of)
            elif self._process_fault is not None:
                yield FaultyLaunches(venue, self._process_fault)
            else:
                yield venue
