"""What stands between a runtime and an app-server: it keeps every message, and can interfere.

May import the doors, the in-memory pipe and the wire's messages. The invariant: what no rule picks
is passed on byte for byte and in order; what is recorded of the runtime is what it has said, and of
the app-server what the runtime has heard.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from codex_conformance.wire.messages import encode, is_answer, keyed, method_of, read_line
from codex_runtime.app_server.transport import MemoryPipe, Transport, TransportEnd

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from codex_conformance.targets.door import Door
    from codex_conformance.wire.messages import Message

Side: TypeAlias = Literal["runtime", "codex"]
"""Who speaks."""

WHOLE_PIPE: Final = 1 << 26
"""Bytes of one direction that may wait: the back pressure is the runtime's own affair."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message.

    Attributes:
        side: Who says it.
        method: Its method; of an answer, the method of its request.
        answers: Whether it is an answer.
        message: What it says.
    """

    side: Side
    method: str | None
    answers: bool
    message: Message

    def shown(self) -> str:
        """It as evidence shows it."""
        arrow = "->" if self.side == "runtime" else "<-"
        return f"{arrow} {encode(self.message).decode()[:300]}"


Change: TypeAlias = Callable[["Message"], Iterable["Message | bytes"]]
"""What is passed on in the place of a message: messages, or bytes as they are."""


@dataclass(slots=True)
class Rule:
    """What is done with messages of one kind.

    Attributes:
        side: Who says them.
        method: Their method; of answers, the method of their requests; any when ``None``.
        change: What is passed on in their place.
        answers: Whether answers are meant, and not requests and notifications.
        times: How often; always when ``None``.
        picks: Which of them; all when ``None``.
    """

    side: Side
    method: str | None
    change: Change
    answers: bool = False
    times: int | None = None
    picks: Callable[[Message], bool] | None = None

    def applies(self, spoken: Spoken) -> bool:
        """Whether the message is one of these, and the rule is not used up."""
        return (
            self.times != 0
            and spoken.side == self.side
            and spoken.answers == self.answers
            and self.method in (None, spoken.method)
            and (self.picks is None or self.picks(spoken.message))
        )


@dataclass(slots=True)
class Lines:
    """One direction of a connection: bytes in, whole lines out.

    Attributes:
        rest: The beginning of a line that has not ended.
    """

    rest: bytes = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; give the lines that are whole now, without their ends."""
        *whole, self.rest = (self.rest + data).split(b"\n")
        return whole


class WireTap:
    """Everything a runtime and its app-servers say to each other.

    Args:
        start: Starts an app-server and opens a door to it.
        moved: Called whenever there is something new to look at.

    Attributes:
        spoken: Every message, in order.
        rules: What is done with messages; the first one that applies wins.
        lines: The connections, the newest last.
        refusal: What opening another connection fails with, if it is to fail.
    """

    def __init__(
        self, start: Callable[[], Awaitable[Door | Transport]], moved: Callable[[], None]
    ) -> None:
        self._start = start
        self.moved = moved
        self._asked: dict[tuple[Side, str], str | None] = {}
        self.spoken: list[Spoken] = []
        self.rules: list[Rule] = []
        self.lines: list[TappedTransport] = []
        self.refusal: Exception | None = None

    async def open(self) -> TappedTransport:
        """Start an app-server and give the runtime's end of the way to it.

        Raises:
            Exception: What an app-server that cannot be started is to be refused with.
        """
        if self.refusal is not None:
            raise self.refusal
        line = TappedTransport(self, await self._start())
        self.lines.append(line)
        self._asked.clear()
        self.moved()
        return line

    @property
    def line(self) -> TappedTransport:
        """The newest connection."""
        return self.lines[-1]

    def rule(self, side: Side, method: str | None, change: Change, **more: Any) -> Rule:
        """Have something done with messages; see :class:`Rule`. The newest rule that applies wins.

        Returns:
            The rule, for :meth:`lift`.
        """
        made = Rule(side, method, change, **more)
        self.rules.insert(0, made)
        return made

    def lift(self, rule: Rule) -> None:
        """Do nothing more with such messages."""
        self.rules.remove(rule)

    def said(
        self, side: Side, method: str | None = None, *, answers: bool = False
    ) -> list[Message]:
        """Give the messages of one side, in order.

        Args:
            side: Who has said them.
            method: Only these; of answers, those to such requests.
            answers: Whether answers are meant.
        """
        return [
            one.message
            for one in self.spoken
            if one.side == side and one.answers == answers and method in (None, one.method)
        ]

    def nudge(self) -> None:
        """Listen again to app-servers that were at rest: something has happened to them."""
        for line in self.lines:
            line.nudge()

    def take(self, side: Side, raw: bytes) -> bytes:
        """Take a line of one side; give what is passed on of it."""
        message = read_line(raw).message
        if message is None:
            return raw + b"\n"
        spoken = self._read(side, message)
        if side == "runtime":
            self._keep(spoken)
        rule = next((rule for rule in self.rules if rule.applies(spoken)), None)
        if rule is None:
            passed: list[Message | bytes] = [raw]
            heard = [spoken]
        else:
            if rule.times is not None:
                rule.times -= 1
            passed = list(rule.change(message))
            heard = [self._read(side, one) for one in passed if isinstance(one, dict)]
        if side == "codex":
            for one in heard:
                self._keep(one)
        return b"".join((one if isinstance(one, bytes) else encode(one)) + b"\n" for one in passed)

    def heard(self, message: Message) -> None:
        """Note that the runtime hears something that no app-server has said."""
        self._keep(self._read("codex", message))

    def _read(self, side: Side, message: Message) -> Spoken:
        other: Side = "codex" if side == "runtime" else "runtime"
        key = keyed(message.get("id"))
        if is_answer(message):
            return Spoken(side, self._asked.get((other, key)), True, message)
        method = method_of(message)
        if "id" in message:
            self._asked[side, key] = method
        return Spoken(side, method, False, message)

    def _keep(self, spoken: Spoken) -> None:
        self.spoken.append(spoken)
        self.moved()


@dataclass(eq=False)
class TappedTransport:
    """The runtime's end of a connection.

    Attributes:
        tap: What keeps what passes.
        door: The app-server, as bytes.
        end: How the connection has ended for the runtime, once it has.
    """

    tap: WireTap
    door: Door | Transport
    end: TransportEnd | None = None
    _incoming: MemoryPipe = field(default_factory=lambda: MemoryPipe(WHOLE_PIPE))
    _sent: Lines = field(default_factory=Lines)
    _came: Lines = field(default_factory=Lines)
    _awake: asyncio.Event = field(default_factory=asyncio.Event)
    _deaf: bool = False
    _closed: bool = False
    _pump: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self._pump = asyncio.create_task(self._listen(), name="conformance wire tap")

    @property
    def closed(self) -> bool:
        """Whether the runtime has closed it, or let go of it."""
        return self._closed

    async def send(self, data: bytes) -> None:
        """See :meth:`codex_runtime.app_server.transport.Transport.send`."""
        if self.end is not None or self._closed:
            raise ConnectionResetError("the app-server has ended")
        out = b"".join(self.tap.take("runtime", raw) for raw in self._sent.feed(data) if raw)
        if out and not self._deaf:
            await self.door.send(out)
        self.nudge()

    async def receive(self) -> bytes:
        """See :meth:`codex_runtime.app_server.transport.Transport.receive`."""
        return await self._incoming.read()

    async def close(self) -> TransportEnd:
        """See :meth:`codex_runtime.app_server.transport.Transport.close`."""
        await self._quiet()
        if not self._closed:
            self._closed = True
            ended = await _finished(self.door)
            self._incoming.end()
            if self.end is None:
                self.end = ended
            self.tap.moved()
        return self.end or TransportEnd("it was closed")

    def abort(self) -> None:
        """See :meth:`codex_runtime.app_server.transport.Transport.abort`."""
        self._closed = True
        if self._pump is not None:
            self._pump.cancel()
        self._incoming.end(discard=True)

    def nudge(self) -> None:
        """Listen to the app-server again."""
        self._awake.set()

    def say(self, *messages: Message | bytes) -> None:
        """Have the runtime hear what no app-server has said."""
        for one in messages:
            if isinstance(one, dict):
                self.tap.heard(one)
            self._incoming.feed((encode(one) if isinstance(one, dict) else one) + b"\n")

    def hang(self) -> None:
        """Let nothing more pass in either direction."""
        self._deaf = True

    def break_off(self, exit_code: int | None = None) -> None:
        """Have the runtime find that the app-server has ended."""
        self._deaf = True
        self.end = TransportEnd("it was ended by the suite", exit_code)
        self._incoming.end()

    async def _listen(self) -> None:
        while True:
            self._awake.clear()
            data = await self.door.receive()
            if data is None:
                # It is at rest until something is done to it.
                await self._awake.wait()
                continue
            if self._deaf:
                if not data:
                    return
                continue
            if not data:
                self._incoming.end()
                return
            out = b"".join(self.tap.take("codex", raw) for raw in self._came.feed(data) if raw)
            if out and not self._incoming.ended:
                self._incoming.feed(out)

    async def _quiet(self) -> None:
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump


async def _finished(door: Door | Transport) -> TransportEnd:
    if isinstance(door, Transport):
        return await door.close()
    ending = await door.finish()
    return TransportEnd("it was closed", ending.exit_code, ending.stderr)
