"""A turn as it is shown: texts that grow, what Codex does, how it ends.

May import what is told, the effects and the protocol; no IO. The invariant: a text that was shown
while it grew is not shown again when it is complete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_runtime.chat import telling
from codex_runtime.chat.commands import ChatError
from codex_runtime.chat.effects import Break, Line
from codex_runtime.errors import CATALOGUE
from codex_runtime.protocol.terminal import terminal_status

if TYPE_CHECKING:
    from codex_runtime.chat.effects import Stream
    from codex_runtime.protocol.messages import Notification


class Transcript:
    """What was shown of the last turn.

    Attributes:
        ended: Whether the end of the turn in flight was told.
    """

    def __init__(self) -> None:
        self.ended = False
        self._changes: dict[str, tuple[str, ...]] = {}
        self._growing: str | None = None
        self._grown: set[str] = set()

    def changes_of(self, item_id: str) -> tuple[str, ...]:
        """Give the file changes of an item that has begun, in words."""
        return self._changes.get(item_id, ())

    def over(self) -> None:
        """Take note that the turn is in flight no more."""
        self.ended = False
        self._growing = None

    def broken_off(self) -> None:
        """Take note that something else was shown: a text that grows goes on below it."""
        self._growing = None

    def told(self, message: Notification) -> list[Line | Stream | Break]:
        """Take a message of the conversation.

        Args:
            message: The message.

        Returns:
            What to show.

        Raises:
            ChatError: The turn has failed, with the code of its end.
        """
        delta = telling.delta_of(message)
        if delta is not None:
            return self._grown_by(*delta)
        item = telling.item_of(message)
        match message.method:
            case "item/started":
                self._changes[str(item.get("id"))] = telling.changes_of(item)
                line = telling.started_line(item)
            case "item/completed":
                return self._completed(item)
            case "turn/started":
                # Not at the end of the last one: items may be completed after it.
                self._changes.clear()
                self._grown.clear()
                return []
            case "turn/completed":
                line = self._ended_by(message)
            case _:
                line = telling.retry_line(message)
        return [] if line is None else [line]

    def _grown_by(self, name: str, piece: Stream) -> list[Line | Stream | Break]:
        begins = name != self._growing
        self._growing = name
        self._grown.add(name)
        return [Break(), piece] if begins else [piece]

    def _completed(self, item: telling.Item) -> list[Line | Stream | Break]:
        if item.get("type") == "agentMessage" and str(item.get("id")) not in self._grown:
            return [Line(str(item.get("text", "")))]
        return list(telling.completed_lines(item))

    def _ended_by(self, message: Notification) -> Line | None:
        self.ended = True
        end = terminal_status(message)
        if end is None or end.status == "completed":
            return None
        if end.status == "interrupted":
            return Line("The turn was interrupted.", "notice")
        code = end.code or "E_TERMINAL_FAILED"
        raise ChatError(code, end.error or CATALOGUE[code].trigger)
