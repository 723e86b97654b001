"""The stage of a scene: the client's moves, in the words of the field.

May import the wire and the targets' definition of a door. The invariant: a move either gets what it
needs from the app-server or raises :class:`~codex_conformance.wire.probe.Unmet`; a play never works
with a value that was not there, and never judges.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.targets.launch import Launch
from codex_conformance.wire.messages import Kind, Message, at, kind_of, same_id
from codex_conformance.wire.probe import Probe, Unmet, Why
from codex_conformance.wire.turns import thread_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codex_conformance.targets.door import Door, Venue
    from codex_conformance.targets.launch import Process
    from codex_conformance.wire.transcript import Ending, Entry, Transcript

CLIENT_NAME: Final = "conformance"
"""The name under which the probe introduces itself."""

CLIENT_VERSION: Final = "1.0"
"""The version under which the probe introduces itself."""

APPROVAL_METHOD: Final = "item/commandExecution/requestApproval"
"""The server request that asks whether a command may run."""


GATE: Final = "an app-server whose model goes on"
"""What is awaited when a gate is opened."""

PATIENCE_SECONDS: Final = 1.0
"""How long the answer to one request is waited for after a flood."""
TRIES: Final = 2_000
"""Requests after a flood of which one must be granted."""


@dataclass(frozen=True, slots=True)
class StartedTurn:
    """A turn that a play has started.

    Attributes:
        thread_id: Its thread.
        turn_id: Its id, from the response.
        since: The place in the transcript where it was started.
    """

    thread_id: str
    turn_id: str
    since: int


class Stage:
    """What a play acts on: one venue, and one connection after the other.

    Args:
        venue: The venue.
        patience: Seconds after which something awaited counts as not coming.
    """

    def __init__(self, venue: Venue, patience: float) -> None:
        self._venue = venue
        self._patience = patience
        self._probe: Probe | None = None
        self._first: Probe | None = None
        self._joined: list[Probe] = []
        self.transcripts: list[Transcript] = []

    @property
    def probe(self) -> Probe:
        """The present connection.

        Raises:
            RuntimeError: The play has not started an app-server yet; a mistake in the play.
        """
        if self._probe is None:
            raise RuntimeError("a play must start an app-server before it can talk to one")
        return self._probe

    @property
    def folder(self) -> str:
        """The working folder for threads."""
        return str(self._venue.folder)

    @property
    def history(self) -> dict[str, str]:
        """The params of thread/start that say the history mode; none for the default's."""
        return {} if self._venue.history is None else {"historyMode": self._venue.history}

    async def start(self, *, greet: bool = True) -> None:
        """Start an app-server on the venue's home; the one before must have ended.

        Args:
            greet: Introduce the client as well.
        """
        self._first = self.open(await self._venue.start())
        if greet:
            await self.greet()

    async def launch(self, how: Launch | None = None, *, greet: bool = False) -> Process:
        """Launch an app-server as a process; the one before must have ended.

        Args:
            how: In which way; the usual one when left out.
            greet: Introduce the client as well.
        """
        process = await self._venue.launch(Launch() if how is None else how)
        self._first = self.open(process.door)
        if greet:
            await self.greet()
        return process

    def open(self, door: Door) -> Probe:
        """Make the moves on a connection from now on."""
        self._probe = Probe(door, self._patience)
        self.transcripts.append(self._probe.transcript)
        return self._probe

    async def greet(self, **capabilities: Any) -> Message:
        """Send ``initialize`` and ``initialized``; return the answer."""
        answer = await self.introduce(**capabilities)
        await self.probe.send({"method": "initialized"})
        return answer

    async def introduce(self, **capabilities: Any) -> Message:
        """Send ``initialize`` alone; return the answer."""
        return await self.probe.request(
            "initialize",
            {
                "clientInfo": {"name": CLIENT_NAME, "title": None, "version": CLIENT_VERSION},
                "capabilities": {"experimentalApi": True, **capabilities},
            },
        )

    async def end(self) -> Ending:
        """Close the client's side and wait for the end of the app-server."""
        for joined in self._joined:
            await joined.finish()
        self._joined.clear()
        # The app-server ends with the connection that it was started with.
        return await (self._first or self.probe).finish()

    async def join(self, *, greet: bool = True) -> Probe:
        """Connect a further client to the same app-server; return its connection.

        Args:
            greet: Introduce the client as well.
        """
        present = self.probe
        door = await self._venue.join()
        self._probe = joined = Probe(door, self._patience)
        self._joined.append(joined)
        self.transcripts.append(joined.transcript)
        if greet:
            await self.greet()
        self._probe = present
        return joined

    async def leave(self, probe: Probe) -> Ending:
        """Disconnect a client that has joined; the app-server goes on."""
        self._joined.remove(probe)
        return await probe.finish()

    def speak_for(self, probe: Probe) -> None:
        """Make the moves of another client from now on."""
        self._probe = probe

    async def restart(self) -> None:
        """End the app-server in the orderly way and start another on the same home."""
        await self.end()
        await self.start()

    async def recovered(self) -> Message:
        """Ask, one request after the other, until one is granted; return that answer.

        A flooded app-server may lose an answer; whether it still does is shown by the next request.

        Raises:
            Unmet: None of :data:`TRIES` requests is.
        """
        for _ in range(TRIES):
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    answer = await self.probe.request("thread/loaded/list", {})
            except TimeoutError:
                continue
            if kind_of(answer) is Kind.RESPONSE:
                return answer
        raise Unmet("a request that is granted", Why.BOUND, f"{TRIES} were refused")

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Name the part of the transcript that is written meanwhile."""
        transcript = self.probe.transcript
        start = len(transcript.entries)
        try:
            yield
        finally:
            transcript.section_from(name, start)

    async def ask(
        self, section: str, method: str, params: Any = None, *, fence: str | None = None
    ) -> Message:
        """Make one request in a section of its own; return the answer.

        Args:
            section: The section's name.
            method: The request's method.
            params: Its params; left out when ``None``.
            fence: The thread whose doings are waited for in the section.
        """
        with self.section(section):
            answer = await self.probe.request(method, params)
            if fence is not None:
                await self.probe.fence(fence)
        return answer

    async def thread(self, **params: Any) -> str:
        """Start a thread in the venue's folder; return its id."""
        given = {"cwd": self.folder, **self.history, **params}
        answer = await self.probe.request("thread/start", given)
        return text_at(answer, "result", "thread", "id")

    async def turn(self, thread_id: str, text: str, **params: Any) -> StartedTurn:
        """Start a turn and wait for the response only."""
        sent = await self.probe.send_request(
            "turn/start",
            {"threadId": thread_id, "input": [{"type": "text", "text": text}], **params},
        )
        answer = await self.probe.answer_to(sent)
        return StartedTurn(thread_id, text_at(answer, "result", "turn", "id"), sent.index)

    async def whole_turn(self, thread_id: str, text: str, **params: Any) -> StartedTurn:
        """Start a turn and wait until it has ended and nothing more comes of it."""
        turn = await self.turn(thread_id, text, **params)
        await self.turn_end(turn)
        await self.probe.fence(thread_id)
        return turn

    async def turn_end(self, turn: StartedTurn) -> Entry:
        """Wait for the ``turn/completed`` of a turn's thread."""
        return await self.event(turn, "turn/completed")

    async def event(
        self, turn: StartedTurn, method: str, fits: Callable[[Message], bool] | None = None
    ) -> Entry:
        """Wait for a message about a turn's thread, sent after the turn was started.

        Args:
            turn: The turn.
            method: The message's method.
            fits: What else must hold of it.
        """

        def wanted(entry: Entry) -> bool:
            message = entry.message
            return (
                message is not None
                and entry.method == method
                and thread_of(message) == turn.thread_id
                and (fits is None or fits(message))
            )

        return await self.probe.until(method, wanted, since=turn.since)

    async def delta(self, turn: StartedTurn, text: str) -> Entry:
        """Wait until the model's message has been streamed up to this piece."""
        return await self.event(
            turn, "item/agentMessage/delta", lambda message: at(message, "params", "delta") == text
        )

    async def approval(self, turn: StartedTurn) -> Message:
        """Wait until the app-server asks whether a command may run."""
        entry = await self.event(
            turn, APPROVAL_METHOD, lambda message: kind_of(message) is Kind.REQUEST
        )
        return entry.message or {}

    async def decide(self, request: Message, decision: str, *, answer_id: Any = None) -> None:
        """Answer an approval.

        Args:
            request: The request.
            decision: What is decided.
            answer_id: The id of the answer; the request's own when left out.
        """
        wanted = request.get("id") if answer_id is None else answer_id
        await self.probe.send({"id": wanted, "result": {"decision": decision}})

    async def resolved(self, turn: StartedTurn, request: Message) -> Entry:
        """Wait until a server request is reported as resolved."""
        return await self.event(
            turn,
            "serverRequest/resolved",
            lambda message: same_id(at(message, "params", "requestId"), request.get("id")),
        )

    async def interrupt(self, turn: StartedTurn, turn_id: str | None = None) -> Message:
        """Ask for the end of a turn; return the answer."""
        return await self.probe.request(
            "turn/interrupt",
            {"threadId": turn.thread_id, "turnId": turn.turn_id if turn_id is None else turn_id},
        )

    def open_gate(self, name: str) -> None:
        """Let the model go on behind a gate of the script.

        Raises:
            Unmet: The app-server that plays the script is gone.
        """
        try:
            self._venue.open_gate(name)
        except OSError as error:
            raise Unmet(GATE, Why.ENDED, f"{name!r}: {error}") from error
        for probe in (self._first, *self._joined):
            if probe is not None:
                probe.stirred()


def text_at(message: Message, *path: str | int) -> str:
    """Take a string out of a message that the play cannot go on without.

    Raises:
        Unmet: It is not there.
    """
    found = at(message, *path)
    if not isinstance(found, str):
        where = ".".join(str(step) for step in path)
        shown = str(message)[:200]
        raise Unmet(f"a string at {where}", Why.MALFORMED, shown)
    return found
