"""What the parts of the machine share: connections, time, what is deferred, and the way out.

May import the dialect, the clock, the files and the threads; no asyncio. The invariant: everything
that leaves the machine goes through :class:`World`, so that a run is a pure function of its input,
its clock and its seed.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from codex_fakes.app_server.dialect import messages as dialect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from codex_fakes.app_server.configuration.settings import SimulatedSettings
    from codex_fakes.app_server.dialect.messages import Answer, RpcId
    from codex_fakes.app_server.surroundings.clock import Clock, Ids
    from codex_fakes.app_server.surroundings.files import Files
    from codex_fakes.app_server.threads.external_login import ExternalLogin
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.script.playing import ScriptPlayer
    from codex_runtime.errors import CodexRuntimeError

Continuation: TypeAlias = "Callable[[], None]"

EXPERIMENTAL_NOTIFICATIONS: Final = frozenset(
    {"thread/readState/changed", "thread/settings/updated"}
)
"""The notifications that clients without ``experimentalApi`` do not get (FACTS §5)."""


@dataclass(slots=True)
class Connection:
    """One client.

    Attributes:
        number: Which one.
        lines: Cuts its bytes into lines.
        name: ``clientInfo.name``; ``None`` until it initialized.
        experimental: Whether it has the ``experimentalApi`` capability.
        opted_out: Notifications it does not want.
        out: Lines that go to it at the next flush.
    """

    number: int
    lines: dialect.LineReader = field(default_factory=dialect.LineReader)
    name: str | None = None
    experimental: bool = False
    opted_out: frozenset[str] = frozenset()
    out: list[bytes] = field(default_factory=list)

    def wants(self, method: str) -> bool:
        """Whether it gets notifications of a method."""
        if self.name is None or method in self.opted_out:
            return False
        return self.experimental or method not in EXPERIMENTAL_NOTIFICATIONS


@dataclass(slots=True)
class ServerRequest:
    """A request of the server that a client has to answer.

    Attributes:
        id: Its id; counted from 0 for the whole server.
        thread: The thread it belongs to.
        turn_id: The turn it belongs to.
        line: The line that was sent, which is sent again to whoever resumes the thread.
        answered: What happens with the answer.
        quiet: Whether nobody is told that it is resolved.
    """

    id: int
    thread: Thread
    turn_id: str
    line: bytes
    answered: Callable[[Answer], None]
    quiet: bool = False


class World:
    """The shared part of the machine.

    Args:
        settings: How the server is configured.
        player: Hands out the model's responses.
        clock: The time.
        ids: Makes ids up.
        files: The server's files.
    """

    def __init__(
        self,
        settings: SimulatedSettings,
        player: ScriptPlayer,
        clock: Clock,
        ids: Ids,
        files: Files,
    ) -> None:
        self.settings = settings
        self.player = player
        self.clock = clock
        self.ids = ids
        self.files = files
        self.connections: dict[int, Connection] = {}
        self.threads: dict[str, Thread] = {}
        self.requests: dict[int, ServerRequest] = {}
        self.external_login: ExternalLogin | None = None
        self.problems: list[CodexRuntimeError] = []
        self.deferred: deque[Continuation] = deque()
        self.gates: deque[tuple[str, Continuation]] = deque()
        self._timers: list[tuple[int, int, Continuation]] = []
        self._timer_count = 0
        self._request_count = 0

    # --- waiting -------------------------------------------------------------------------------

    def defer(self, continuation: Continuation) -> None:
        """Do something once the input that has already arrived is dealt with."""
        self.deferred.append(continuation)

    def after(self, delay_ms: int, continuation: Continuation) -> None:
        """Do something after some milliseconds."""
        self._timer_count += 1
        due = self.clock.now_ms() + delay_ms
        heapq.heappush(self._timers, (due, self._timer_count, continuation))

    def at_gate(self, gate: str, continuation: Continuation) -> None:
        """Do something once a gate is open; the shell knows the gates."""
        self.gates.append((gate, continuation))

    @property
    def next_due_ms(self) -> int | None:
        """When the next timer is due, in milliseconds since the epoch."""
        return self._timers[0][0] if self._timers else None

    def fire_due(self) -> None:
        """Run the timers that are due."""
        while self._timers and self._timers[0][0] <= self.clock.now_ms():
            heapq.heappop(self._timers)[2]()

    # --- the way out ---------------------------------------------------------------------------

    def send(self, connection: int, line: bytes) -> None:
        """Send a line to one connection, if it is still there."""
        client = self.connections.get(connection)
        if client is not None:
            client.out.append(line)

    def respond(self, connection: int, request_id: RpcId, result: object) -> None:
        """Answer a request."""
        self.send(connection, dialect.response_line(request_id, result))

    def refuse(self, connection: int, request_id: RpcId, refusal: dialect.Refusal) -> None:
        """Answer a request with an error."""
        self.send(connection, dialect.refusal_line(request_id, refusal))

    def tell(self, connection: int, method: str, params: dict[str, Any]) -> None:
        """Send a notification to one connection."""
        self._spread((connection,), method, params)

    def tell_all(self, method: str, params: dict[str, Any]) -> None:
        """Send a notification to every initialized connection."""
        self._spread(tuple(self.connections), method, params)

    def tell_subscribers(self, thread: Thread, method: str, params: dict[str, Any]) -> None:
        """Send a notification to the connections that follow a thread."""
        self._spread(sorted(thread.subscribers), method, params)

    def _spread(self, numbers: Iterable[int], method: str, params: dict[str, Any]) -> None:
        line = b""
        for number in numbers:
            client = self.connections.get(number)
            if client is not None and client.wants(method):
                line = line or dialect.notification_line(method, params, self.clock.now_ms())
                client.out.append(line)

    def warn(self, thread: Thread, text: str) -> None:
        """Warn the connections that follow a thread."""
        self.tell_subscribers(thread, "warning", {"threadId": thread.id, "message": text})

    def tell_error(
        self, thread: Thread, turn_id: str, error: dict[str, Any], *, will_retry: bool
    ) -> None:
        """Tell the connections that follow a thread what went wrong in a turn."""
        params = {"error": error, "willRetry": will_retry, "threadId": thread.id, "turnId": turn_id}
        self.tell_subscribers(thread, "error", params)

    def audience(self, thread: Thread, method: str) -> list[list[bytes]]:
        """The outgoing lines of everyone who follows a thread and wants a method.

        For streams of deltas, which write their own lines; see :func:`delta_line`.
        """
        clients = (self.connections.get(number) for number in sorted(thread.subscribers))
        return [client.out for client in clients if client is not None and client.wants(method)]

    def set_status(self, thread: Thread) -> None:
        """Tell everybody a thread's status."""
        self.tell_all(
            "thread/status/changed",
            {"threadId": thread.id, "status": thread.status_on_wire()},
        )

    # --- requests of the server ----------------------------------------------------------------

    def ask(
        self,
        thread: Thread,
        turn_id: str,
        method: str,
        params: dict[str, Any],
        answered: Callable[[Answer], None],
        *,
        quiet: bool = False,
    ) -> None:
        """Ask everybody who follows a thread; the first answer counts.

        Args:
            thread: The thread.
            turn_id: The turn that waits for the answer.
            method: What is asked.
            params: With what.
            answered: What happens with the answer.
            quiet: Whether nobody is told that the request is resolved.
        """
        number = self._request_count
        self._request_count += 1
        line = dialect.request_line(number, method, params)
        self.requests[number] = ServerRequest(number, thread, turn_id, line, answered, quiet)
        for subscriber in sorted(thread.subscribers):
            self.send(subscriber, line)

    def take_answer(self, answer: Answer) -> None:
        """Hand an answer to who asked; one that nobody waits for is ignored."""
        if not isinstance(answer.id, int):
            return
        request = self.requests.pop(answer.id, None)
        if request is not None:
            self.resolved(request)
            request.answered(answer)

    def resolved(self, request: ServerRequest) -> None:
        """Tell everybody who follows the thread that a request needs no answer any more."""
        if request.quiet:
            return
        self.tell_subscribers(
            request.thread,
            "serverRequest/resolved",
            {"threadId": request.thread.id, "requestId": request.id},
        )

    def withdraw(self, thread: Thread) -> list[ServerRequest]:
        """Forget the pending requests of a thread; late answers are ignored from now on."""
        mine = [request for request in self.requests.values() if request.thread is thread]
        for request in mine:
            del self.requests[request.id]
        return mine


def delta_prefix(method: str, thread_id: str, turn_id: str, item_id: str) -> bytes:
    """The start of every delta notification of one item, up to the delta itself."""
    params = dialect.encode({"threadId": thread_id, "turnId": turn_id, "itemId": item_id})
    return b'{"method":"' + method.encode() + b'","params":' + params[:-1] + b',"delta":'


def delta_line(prefix: bytes, text: str, now: bytes, rest: bytes = b"") -> bytes:
    """One delta notification.

    Args:
        prefix: See :func:`delta_prefix`.
        text: The delta.
        now: The time in milliseconds, in digits.
        rest: Members behind the delta, each with its comma in front.
    """
    return prefix + dialect.encode(text) + rest + b'},"emittedAtMs":' + now + b"}\n"
