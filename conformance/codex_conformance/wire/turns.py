"""The turns of a transcript: which messages belong to which turn.

May import the transcript and the messages. The invariant: messages are given to turns by their
thread and their place, never by the turn id they carry, so that an app-server which writes a wrong
turn id breaks the rule about turn ids and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codex_conformance.wire.messages import Message, at

if TYPE_CHECKING:
    from codex_conformance.wire.transcript import Entry, Transcript


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn, from its ``turn/start`` to the next one of the same thread.

    Attributes:
        thread_id: The thread.
        request: The client's ``turn/start``.
        response: The answer to it, when there was one.
        entries: What the app-server wrote about the thread since then (notifications and requests
            that carry its id), in order.
        around: Everything that passed between this ``turn/start`` and the next of the thread.
    """

    thread_id: str
    request: Entry
    response: Entry | None
    entries: tuple[Entry, ...]
    around: tuple[Entry, ...]

    @property
    def turn_id(self) -> str | None:
        """The id the response gave the turn."""
        found = at(self.response.message, "result", "turn", "id") if self.response else None
        return found if isinstance(found, str) else None

    @property
    def text(self) -> str:
        """What the user said."""
        return str(at(self.request.message, "params", "input", 0, "text"))

    def of(self, *methods: str) -> tuple[Entry, ...]:
        """The messages with one of these methods, in order."""
        return tuple(entry for entry in self.entries if entry.method in methods)

    def first(self, method: str) -> Entry | None:
        """The first message with this method."""
        return next(iter(self.of(method)), None)

    def statuses(self) -> tuple[Entry, ...]:
        """The changes of the thread's status."""
        return self.of("thread/status/changed")

    def item_events(self, method: str, kind: str | None = None) -> tuple[Entry, ...]:
        """``item/started`` or ``item/completed``, of one type of item or of all.

        Args:
            method: Which of the two.
            kind: The type of item.
        """
        return tuple(
            entry
            for entry in self.of(method)
            if kind is None or at(entry.message, "params", "item", "type") == kind
        )


def turns_of(transcript: Transcript) -> tuple[Turn, ...]:
    """Find the turns that the client started, in the order in which it did."""
    starts = [
        entry
        for entry in transcript.requests()
        if entry.method == "turn/start"
        and isinstance(at(entry.message, "params", "threadId"), str)
        and any("result" in (answer.message or {}) for answer in transcript.answers_to(entry))
    ]
    return tuple(_turn(transcript, start, starts) for start in starts)


def _turn(transcript: Transcript, start: Entry, starts: list[Entry]) -> Turn:
    thread = at(start.message, "params", "threadId")
    end = next(
        (
            other.index
            for other in starts
            if other.index > start.index and at(other.message, "params", "threadId") == thread
        ),
        len(transcript.entries),
    )
    around = tuple(transcript.entries[start.index + 1 : end])
    entries = tuple(
        entry
        for entry in around
        if entry.received and entry.method is not None and thread_of(entry.message) == thread
    )
    answers = transcript.answers_to(start)
    return Turn(thread, start, answers[0] if answers else None, entries, around)


def thread_of(message: Message | None) -> object:
    """The thread a notification or request is about; ``None`` for one that names none."""
    named = at(message, "params", "threadId")
    return at(message, "params", "thread", "id") if named is None else named


def turn_id_of(message: Message | None) -> object:
    """The turn id a notification or request carries; ``None`` for one that carries none."""
    named = at(message, "params", "turnId")
    return at(message, "params", "turn", "id") if named is None else named
