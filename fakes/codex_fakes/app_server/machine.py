"""The simulated app-server as a state machine: events go in, bytes come out.

May import everything of the simulation except the asyncio shell. It knows no asyncio, no sockets
and no clock of its own: connections, bytes, opened gates and the passing of time are told to it;
what it wants to say, what it waits for and when its next timer is due can be asked. Files are
reached through a port that is handed in, because thread/list and its like have to read what is on
the disk at that moment; writes take the same way so that they are seen by later reads.

The invariant: the same events, clock and seed give the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_fakes.app_server.dialect import messages as dialect
from codex_fakes.app_server.dialect.messages import Answer, Request
from codex_fakes.app_server.requests.reception import Reception
from codex_fakes.app_server.threads.world import Connection, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codex_fakes.app_server.configuration.settings import SimulatedSettings
    from codex_fakes.app_server.requests.handlers import Requests
    from codex_fakes.app_server.surroundings.clock import Clock, Ids
    from codex_fakes.app_server.surroundings.files import Files
    from codex_fakes.app_server.threads.world import Continuation
    from codex_fakes.script.playing import ScriptPlayer
    from codex_runtime.errors import CodexRuntimeError


class Machine:
    """A simulated app-server without its shell.

    Args:
        settings: How the server is configured.
        player: Hands out the model's responses.
        home: The server's home, absolute.
        clock: The time.
        ids: Makes ids up.
        files: The server's files.
    """

    def __init__(
        self,
        settings: SimulatedSettings,
        player: ScriptPlayer,
        home: str,
        clock: Clock,
        ids: Ids,
        files: Files,
    ) -> None:
        self._world = World(settings, player, clock, ids, files)
        self._home = home
        self._reception = Reception(self._world, home)
        self._requests: Requests | None = None
        self._connection_count = 0
        self.ended = False

    def warm_up(self) -> Requests:
        """Get ready for requests other than initialize, which is answered without all this.

        Most of the simulation is imported here: as an executable it is asked for initialize at
        once, and has the time for this while the client reads the answer.

        Returns:
            What handles those requests.
        """
        if self._requests is None:
            from codex_fakes.app_server.requests.handlers import Requests
            from codex_fakes.app_server.storage.rollout import RolloutWriter
            from codex_fakes.app_server.storage.shelf import Shelf

            shelf = Shelf(self._world, self._home)
            self._requests = Requests(self._world, RolloutWriter(self._world), shelf)
        return self._requests

    # --- events --------------------------------------------------------------------------------

    def connection_opened(self) -> int:
        """A client has connected.

        Returns:
            The number of the connection.
        """
        number = self._connection_count
        self._connection_count += 1
        self._world.connections[number] = Connection(number)
        return number

    def bytes_received(self, connection: int, data: bytes) -> None:
        """Bytes of a client have arrived, in any split."""
        client = self._world.connections.get(connection)
        if client is None or self.ended:
            return
        for line in client.lines.feed(data):
            try:
                message = dialect.read_line(line)
            except UnicodeDecodeError:
                # The real server ends in an orderly way on a line that is not UTF-8 (FACTS §2).
                self.shut_down()
                return
            if isinstance(message, Request) and message.method == "initialize":
                self._reception.answer(client, message)
            elif isinstance(message, Request):
                self.warm_up().answer(client, message)
            elif isinstance(message, Answer):
                self._world.take_answer(message)

    def connection_closed(self, connection: int) -> None:
        """A client has gone; its turns go on, and nothing is resolved or denied (FACTS §9)."""
        self._world.connections.pop(connection, None)
        for thread in self._world.threads.values():
            thread.subscribers.discard(connection)

    def shut_down(self) -> None:
        """End in the orderly way: nothing more is said, running turns are written off."""
        if self.ended:
            return
        self.ended = True
        if self._requests is not None:
            engine = self._requests.engine
            engine.tools.end()
            for thread in self._world.threads.values():
                engine.abandon(thread)
        for client in self._world.connections.values():
            client.out.clear()
        self._world.deferred.clear()

    def crash(self) -> None:
        """End at once: nothing more is said or written."""
        self.ended = True
        self._world.deferred.clear()
        for client in self._world.connections.values():
            client.out.clear()

    # --- what the shell does for the machine ---------------------------------------------------

    @property
    def has_deferred(self) -> bool:
        """Whether something happens once the input that is already here is dealt with."""
        return bool(self._world.deferred) and not self.ended

    def step(self) -> None:
        """Do one thing that was deferred."""
        if self.has_deferred:
            self._world.deferred.popleft()()

    @property
    def next_due_ms(self) -> int | None:
        """When the next timer is due, in milliseconds since the epoch."""
        return None if self.ended else self._world.next_due_ms

    def fire_due(self) -> None:
        """Run the timers that the clock has passed."""
        if not self.ended:
            self._world.fire_due()

    def after(self, delay_ms: int, continuation: Continuation) -> None:
        """Do something of the shell's after some milliseconds of the machine's time."""
        self._world.after(delay_ms, continuation)

    @property
    def busy(self) -> bool:
        """Whether a turn runs."""
        return any(thread.turn is not None for thread in self._world.threads.values())

    def gates_reached(self) -> Iterator[tuple[str, Continuation]]:
        """The gates that were reached since the last call, each with what opening it does."""
        gates = self._world.gates
        while gates:
            yield gates.popleft()

    def take_output(self) -> Iterator[tuple[int, list[bytes]]]:
        """The lines to send since the last call, by connection."""
        for number, client in self._world.connections.items():
            if client.out:
                lines, client.out = client.out, []
                yield number, lines

    @property
    def problems(self) -> tuple[CodexRuntimeError, ...]:
        """What the script could not give: ``E_SCRIPT_EXHAUSTED``."""
        return tuple(self._world.problems)
