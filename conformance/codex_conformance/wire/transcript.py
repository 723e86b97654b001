"""What passed over one connection, in order: the evidence every verdict rests on.

May import the messages only. The invariant: entries are appended and never changed; what the client
sent stands where it was sent, and what came stands in the order in which it came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from codex_conformance.wire.messages import (
    SHOWN_LIMIT,
    Kind,
    Line,
    Message,
    alike_ids,
    is_answer,
    kind_of,
    method_of,
    printable,
    read_line,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class Direction(Enum):
    """Who wrote a line; the value is how evidence shows it."""

    SENT = "->"
    RECEIVED = "<-"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line in its place.

    Attributes:
        index: Its place in the transcript, from 0.
        direction: Who wrote it.
        line: What it says.
    """

    index: int
    direction: Direction
    line: Line

    @property
    def message(self) -> Message | None:
        """The JSON object of the line, if it holds one."""
        return self.line.message

    @property
    def method(self) -> str | None:
        """The method of the message, if it has one."""
        return method_of(self.line.message)

    @property
    def received(self) -> bool:
        """Whether the app-server wrote it."""
        return self.direction is Direction.RECEIVED

    def shown(self, limit: int = SHOWN_LIMIT) -> str:
        """Write the entry as evidence: direction and text, cut to a length."""
        text = self.line.raw.decode("utf-8", "backslashreplace")
        cut = f"… ({len(self.line.raw)} bytes)" if len(text) > limit else ""
        return f"{self.direction.value} {printable(text[:limit])}{cut}"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended.

    Attributes:
        asked_for: Whether the client had closed its side before.
        exit_code: The exit code of the process, where there is one (negative: that signal).
        stderr: The last part of what the process wrote to stderr.
    """

    asked_for: bool
    exit_code: int | None = None
    stderr: str = ""


@dataclass(slots=True)
class Transcript:
    """Everything that passed over one connection.

    Attributes:
        entries: The lines, oldest first.
        leftover: Bytes behind the last newline.
        ending: How the connection ended, once it has.
    """

    entries: list[Entry] = field(default_factory=list)
    leftover: bytes = b""
    ending: Ending | None = None
    _sections: dict[str, tuple[int, int]] = field(default_factory=dict)

    def sent(self, raw: bytes) -> Entry:
        """Note a line of the client."""
        return self._append(Direction.SENT, raw)

    def received(self, data: bytes) -> None:
        """Note bytes of the app-server, in any split."""
        *lines, self.leftover = (self.leftover + data).split(b"\n")
        for raw in lines:
            self._append(Direction.RECEIVED, raw)

    def section_from(self, name: str, start: int) -> None:
        """Name the entries from ``start`` to the present end, so that a check can find them."""
        self._sections[name] = (start, len(self.entries))

    def section(self, name: str) -> tuple[Entry, ...] | None:
        """The entries of a named section; ``None`` when the scene never came there."""
        bounds = self._sections.get(name)
        return None if bounds is None else tuple(self.entries[bounds[0] : bounds[1]])

    @property
    def section_names(self) -> tuple[str, ...]:
        """The sections there are, in order."""
        return tuple(self._sections)

    def from_server(self) -> Iterator[Entry]:
        """The app-server's lines."""
        return (entry for entry in self.entries if entry.received)

    def requests(self) -> Iterator[Entry]:
        """The client's requests."""
        for entry in self.entries:
            if (
                not entry.received
                and entry.message is not None
                and kind_of(entry.message) is Kind.REQUEST
            ):
                yield entry

    def answers_to(self, request: Entry) -> tuple[Entry, ...]:
        """The answers to a request; ids of another type count, see :func:`alike_ids`.

        Where a scene uses an id again, an answer belongs to the latest request before it.
        """
        wanted = request.message.get("id") if request.message is not None else None
        found: list[Entry] = []
        for entry in self.entries[request.index + 1 :]:
            if entry.message is None or not alike_ids(entry.message.get("id"), wanted):
                continue
            if not entry.received and kind_of(entry.message) is Kind.REQUEST:
                break
            if entry.received and is_answer(entry.message):
                found.append(entry)
        return tuple(found)

    def _append(self, direction: Direction, raw: bytes) -> Entry:
        entry = Entry(len(self.entries), direction, read_line(raw))
        self.entries.append(entry)
        return entry
