"""The events of one stream, as a runtime sends them to a host: written here, byte for byte.

May import the standard library only, so that runtime and host cannot be wrong together. The
invariant: cursors run on from event to event, and every event has an id of its own.
"""

from __future__ import annotations

import json
from typing import Any, Final

RUNTIME_THREAD: Final = "018f5f3b-5b7a-7c9d-a12b-3d0f3e4c5b6a"
"""The id of the local Codex's thread; no host looks it up."""

CREATED_AT: Final = 1_700_000_000_000
"""When the first event of a stream was made, in milliseconds since the epoch."""

Event = dict[str, Any]


class Stream:
    """A stream of one turn; each method makes its next event.

    Args:
        turn: The turn.
        stream: The stream's id; made of the turn's when left out.
        cursor: Where it begins.
    """

    def __init__(self, turn: str, stream: str | None = None, *, cursor: int = 0) -> None:
        self.turn = turn
        self.id = stream or f"stream-of-{turn}"
        self.cursor = cursor

    def event(
        self, method: str, params: dict[str, Any], *, request: int | None = None, **changes: Any
    ) -> Event:
        """Make an event of a message of the app-server.

        Args:
            method: The message's method.
            params: Its params, beside thread and turn.
            request: Its id, when it is a request.
            changes: Fields of the event that are other than usual.
        """
        message: dict[str, Any] = {"method": method}
        if request is not None:
            message["id"] = request
        message["params"] = {"threadId": RUNTIME_THREAD, **params}
        start = self.cursor
        self.cursor += 1
        return {
            "type": "stream_delta",
            "eventId": f"{self.id}:{start}",
            "turnId": self.turn,
            "streamId": self.id,
            "kind": method,
            "payloadJson": json.dumps(message, separators=(",", ":")),
            "cursorStart": start,
            "cursorEnd": start + 1,
            "createdAt": CREATED_AT + start,
            **changes,
        }

    def started(self) -> Event:
        """The turn has started."""
        return self.event("turn/started", {"turn": {"id": self.turn, "status": "inProgress"}})

    def ended(self, status: str = "completed", error: str | None = None) -> Event:
        """The turn has ended."""
        turn: dict[str, Any] = {"id": self.turn, "status": status}
        if error is not None:
            turn["error"] = {"message": error}
        return self.event("turn/completed", {"turn": turn})

    def item(self, when: str, item: dict[str, Any]) -> Event:
        """An item was ``started`` or ``completed``."""
        return self.event(f"item/{when}", {"turnId": self.turn, "item": item})

    def opens(self, item: str, text: str = "") -> Event:
        """A message of the model begins."""
        return self.item("started", {"type": "agentMessage", "id": item, "text": text})

    def adds(self, item: str, text: str) -> Event:
        """A message of the model goes on."""
        return self.event(
            "item/agentMessage/delta", {"turnId": self.turn, "itemId": item, "delta": text}
        )

    def closes(self, item: str, text: str) -> Event:
        """A message of the model is complete."""
        return self.item("completed", {"type": "agentMessage", "id": item, "text": text})

    def command(self, when: str, item: str, status: str) -> Event:
        """A command was ``started`` or ``completed``."""
        told = {"type": "commandExecution", "id": item, "command": "ls", "status": status}
        return self.item(when, told)

    def asks(self, item: str, reason: str = "may it run?") -> Event:
        """The app-server asks whether a command may run."""
        return self.event(
            "item/commandExecution/requestApproval",
            {"turnId": self.turn, "itemId": item, "reason": reason},
            request=self.cursor + 1,
        )

    def thinks(self, item: str, text: str, *, raw: bool = False) -> Event:
        """The model's reasoning goes on."""
        where = {"contentIndex": 0} if raw else {"summaryIndex": 0}
        method = "item/reasoning/textDelta" if raw else "item/reasoning/summaryTextDelta"
        return self.event(method, {"turnId": self.turn, "itemId": item, "delta": text, **where})

    def fails(self, text: str) -> Event:
        """The app-server reports an error that ends the turn."""
        return self.event(
            "error", {"turnId": self.turn, "error": {"message": text}, "willRetry": False}
        )
