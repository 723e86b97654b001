"""The door with a fault in it: a passing app-server on the other side, a broken one on this.

May import the faults, the wire and the targets. The invariant: without a fault nothing is changed,
not one byte and not one wait.
"""

from __future__ import annotations

import copy
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from codex_conformance.miniatures.faults import Fault, FaultOf, FromClient, HangUp, Passing
from codex_conformance.targets.simulated import SimulatedTarget
from codex_conformance.wire.messages import Kind, at, encode, is_answer, kind_of, read_line
from codex_conformance.wire.transcript import Ending
from codex_conformance.wire.turns import thread_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from codex_conformance.miniatures.faults import Outgoing
    from codex_conformance.targets.door import Capability, Door, StageSettings, Venue
    from codex_conformance.wire.messages import Message
    from codex_fakes.script.steps import Script


class Watch:
    """What has passed over a connection so far, as far as faults need to know.

    Requests are remembered by the JSON text of their ids, so that 0 and "0" are two.
    """

    def __init__(self) -> None:
        self._asked: dict[str, Message] = {}
        self._running: set[object] = set()
        self._unresolved: set[object] = set()
        self._started_here = False

    def client_wrote(self, message: Message | None) -> None:
        """Take note of a message of the client."""
        if message is not None and kind_of(message) is Kind.REQUEST:
            self._asked[repr(message["id"])] = message
            self._started_here = self._started_here or message["method"] == "thread/start"

    def server_wrote(self, message: Message) -> Passing:
        """Take note of a message of the app-server, and say what is known about it."""
        request = None
        method = message.get("method")
        if is_answer(message):
            request = self._asked.pop(repr(message["id"]), None)
            method = request["method"] if request is not None else None
        thread = thread_of(message)
        if method == "turn/started":
            self._running.add(thread)
        passing = Passing(
            copy.deepcopy(message),
            method,
            request,
            running=thread in self._running,
            outstanding=len(self._asked),
            unresolved=len(self._unresolved),
            started_here=self._started_here,
        )
        if method == "turn/completed":
            self._running.discard(thread)
        if kind_of(message) is Kind.REQUEST:
            self._unresolved.add(message["id"])
        if method == "serverRequest/resolved":
            self._unresolved.discard(at(message, "params", "requestId"))
        return passing


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

    @property
    def knows_rest(self) -> bool:
        """See :meth:`codex_conformance.targets.door.Door.knows_rest`."""
        return self._door.knows_rest

    async def send(self, data: bytes) -> None:
        """See :meth:`codex_conformance.targets.door.Door.send`; takes whole lines."""
        if self._hung_up is not None:
            raise ConnectionResetError("the app-server has ended")
        for raw in data.removesuffix(b"\n").split(b"\n"):
            message = read_line(raw).message
            try:
                passed = self._fault.from_client(raw, message) or FromClient((raw,))
            except HangUp as hang_up:
                self._hung_up = hang_up
                return
            self._ready += _lines(passed.to_client)
            for line in passed.to_server:
                self._watch.client_wrote(read_line(line).message)
                await self._door.send(line + b"\n")

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
        name: The miniature's name.
        fault_of: Makes the fault of each connection.
        workspace: Where homes are made; the system's folder for temporary files when ``None``.
    """

    def __init__(self, name: str, fault_of: FaultOf, workspace: Path | None = None) -> None:
        self._name = name
        self._fault_of = fault_of
        self._simulated = SimulatedTarget(workspace)

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
            yield FaultyVenue(venue, self._fault_of)
