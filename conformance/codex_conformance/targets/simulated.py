"""The target ``simulated``: the simulated app-server, in this process.

May import the simulated app-server. The invariant: it knows when it is at rest, so that "nothing
more comes" is decided at once and never by waiting.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from codex_conformance.targets.door import Capability, Door, StageSettings, Venue
from codex_conformance.targets.folders import scene_folder
from codex_conformance.wire.transcript import Ending

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from codex_conformance.targets.launch import Launch, Process
    from codex_fakes.app_server import SimulatedAppServer, SimulatedSettings, VirtualClock
    from codex_fakes.script.steps import Script
    from codex_runtime.app_server.memory import MemoryTransport

PATIENCE: Final = 10.0
"""Seconds after which something awaited counts as not coming; rest is known much earlier."""

JOBS: Final = 8
"""Scenes at once."""

END_SECONDS: Final = 5.0
"""Seconds it may take to end after the client closed its side; it takes a few turns of the loop."""

LONGEST_JUMP_MS: Final = 60_000
"""How far the virtual clock jumps by itself: what takes longer goes on until somebody ends it."""

RESTART_MS: Final = 1_000
"""Milliseconds that pass on the virtual clock between one app-server and the next."""


class SimulatedDoor:
    """A connection to a simulated app-server.

    Args:
        server: The app-server.
        transport: The client's end.
        ends: Whether the app-server ends with this connection.
    """

    def __init__(
        self, server: SimulatedAppServer, transport: MemoryTransport, *, ends: bool = False
    ) -> None:
        self._server = server
        self._transport = transport
        self._ends = ends
        self._pending: list[bytes] = []
        self._ending: Ending | None = None

    @property
    def knows_rest(self) -> bool:
        """See :meth:`codex_conformance.targets.door.Door.knows_rest`."""
        return True

    async def send(self, data: bytes) -> None:
        """See :meth:`codex_conformance.targets.door.Door.send`."""
        await self._transport.send(data)

    async def receive(self) -> bytes | None:
        """See :meth:`codex_conformance.targets.door.Door.receive`."""
        if self._ending is not None:
            return self._pending.pop(0) if self._pending else b""
        if self._readable:
            return await self._transport.receive()
        # Whichever is first: a client must be able to act while the app-server is still at work.
        reading = asyncio.ensure_future(self._transport.receive())
        resting = asyncio.ensure_future(self._server.settle())
        try:
            await asyncio.wait((reading, resting), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done() and not self._readable:
                # Raises what settling raised; rest is certain only without.
                resting.result()
                return None
            return await reading
        finally:
            for task in (reading, resting):
                task.cancel()
            await asyncio.gather(reading, resting, return_exceptions=True)

    @property
    def _readable(self) -> bool:
        incoming = self._transport.incoming
        return incoming.size > 0 or incoming.ended

    @property
    def _exit_code(self) -> int | None:
        # It is no process: that it has shut down is what exit code 0 says.
        if self._server.crashed:
            return -signal.SIGKILL
        return 0 if self._server.ended else None

    async def finish(self) -> Ending:
        """See :meth:`codex_conformance.targets.door.Door.finish`."""
        if self._ending is None:
            # Only our side, as stdin is closed: what the app-server still writes can be read.
            self._transport.outgoing.end()
            try:
                async with asyncio.timeout(END_SECONDS):
                    while data := await self._transport.receive():
                        self._pending.append(data)
            except TimeoutError:
                self._transport.abort()
            if self._ends:
                await self._server.stop()
            self._ending = Ending(asked_for=True, exit_code=self._exit_code)
        return self._ending


class SimulatedVenue:
    """A home, and the simulated app-servers started on it.

    Args:
        home: The home.
        folder: The working folder of the scene's threads.
        script: What the model does.
        settings: How the app-servers are configured.
        joined: Whether more than one client connects to an app-server.
        history: The history mode of the threads.
        faults: What the app-servers do wrong, by name.
    """

    def __init__(
        self,
        home: Path,
        folder: Path,
        script: Script,
        settings: SimulatedSettings,
        *,
        joined: bool = False,
        history: str | None = None,
        faults: str = "",
    ) -> None:
        self.folder = folder
        self._faults = faults
        self.history = history
        self._joined = joined
        self._home = home
        self._script = script
        self._settings = settings
        self._clock: VirtualClock | None = None
        self._servers: list[SimulatedAppServer] = []

    async def start(self) -> Door:
        """See :meth:`codex_conformance.targets.door.Venue.start`."""
        from codex_fakes.app_server import SimulatedAppServer, VirtualClock

        if self._clock is None:
            self._clock = VirtualClock(longest_jump_ms=LONGEST_JUMP_MS)
        else:
            self._clock.advance_to(self._clock.now_ms() + RESTART_MS)
        server = SimulatedAppServer(
            self._script,
            home=self._home,
            settings=self._settings,
            clock=self._clock,
            # Another one for each process, or the second would make up the first one's ids.
            seed=len(self._servers),
            # With several clients the end of one is not the end of the app-server.
            single_connection=not self._joined,
            faults=(self._faults,),
        )
        self._servers.append(await server.__aenter__())
        return SimulatedDoor(server, server.connect(), ends=self._joined)

    async def launch(self, how: Launch) -> Process:
        """See :meth:`codex_conformance.targets.door.Venue.launch`: it is none."""
        raise RuntimeError(f"the simulated app-server in this process is not launched: {how}")

    async def join(self) -> Door:
        """See :meth:`codex_conformance.targets.door.Venue.join`."""
        return SimulatedDoor(self._servers[-1], self._servers[-1].connect())

    @property
    def problems(self) -> tuple[str, ...]:
        """See :meth:`codex_conformance.targets.door.Venue.problems`."""
        return tuple(str(problem) for server in self._servers for problem in server.problems)

    def open_gate(self, name: str) -> None:
        """See :meth:`codex_conformance.targets.door.Venue.open_gate`."""
        self._servers[-1].gates.open(name)

    async def stop(self) -> None:
        """End every app-server of the scene."""
        for server in self._servers:
            await server.stop()


class SimulatedTarget:
    """The simulated app-server.

    Args:
        workspace: Where homes are made; the system's folder for temporary files when ``None``.
        name: How the user wrote it.
        history: The history mode of the threads.
        faults: What the app-server does wrong, by name.
    """

    def __init__(
        self,
        workspace: Path | None = None,
        *,
        name: str = "simulated",
        history: str | None = None,
        faults: str = "",
    ) -> None:
        self._faults = faults
        self._workspace = workspace
        self._name = name
        self._history = history

    @property
    def name(self) -> str:
        """See :meth:`codex_conformance.targets.door.Target.name`."""
        return self._name

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See :meth:`codex_conformance.targets.door.Target.capabilities`."""
        return frozenset(Capability) - {Capability.PROCESS, Capability.HTTP}

    @property
    def jobs(self) -> int:
        """See :meth:`codex_conformance.targets.door.Target.jobs`."""
        return JOBS

    @property
    def patience(self) -> float:
        """See :meth:`codex_conformance.targets.door.Target.patience`."""
        return PATIENCE

    async def preflight(self) -> str:
        """See :meth:`codex_conformance.targets.door.Target.preflight`."""
        from codex_runtime.protocol.methods import PROTOCOL_VERSION

        with scene_folder(self._workspace):
            return f"the simulated app-server, in this process, as Codex {PROTOCOL_VERSION}"

    @asynccontextmanager
    async def open(self, script: Script, settings: StageSettings) -> AsyncIterator[Venue]:
        """See :meth:`codex_conformance.targets.door.Target.open`."""
        # Imported when a scene needs it, so that `--help` does not wait.
        from codex_fakes.app_server import SimulatedSettings

        with scene_folder(self._workspace) as folder:
            home, work = folder / "home", folder / "work"
            home.mkdir()
            work.mkdir()
            simulated = SimulatedSettings(
                request_max_retries=settings.request_max_retries,
                stream_max_retries=settings.stream_max_retries,
                requires_openai_auth=settings.requires_openai_auth,
                sandbox=settings.sandbox,
                stream_idle_timeout_ms=settings.stream_idle_timeout_ms,
            )
            venue = SimulatedVenue(
                home,
                work,
                script,
                simulated,
                joined=settings.joined,
                history=self._history,
                faults=self._faults,
            )
            try:
                yield venue
            finally:
                await venue.stop()
