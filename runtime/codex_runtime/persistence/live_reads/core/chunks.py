"""Transitions that come in parts.

May import the messages and the exceptions. The invariant: parts come in order, all of one
transition, before anything else may follow; what they make up is one message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_runtime.persistence.live_reads.core.server_messages import (
    ServerMessage,
    Transition,
    TransitionChunk,
    read_message,
)
from codex_runtime.persistence.live_reads.failures import LiveReadsError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Assembly:
    """The transition of a connection that has not arrived whole."""

    def __init__(self) -> None:
        self._parts: list[TransitionChunk] = []

    def take(self, message: ServerMessage) -> ServerMessage | None:
        """Take a message.

        Args:
            message: The next message of the connection.

        Returns:
            The message itself; for the last part of a transition, that transition; ``None`` for an
            earlier part.

        Raises:
            LiveReadsError: ``E_LIVE_PROTOCOL`` for a part out of order, a transition in the midst
                of another, or parts that make up something else.
        """
        if not isinstance(message, TransitionChunk):
            if self._parts and isinstance(message, Transition):
                raise _violation("a transition in the midst of another one's parts")
            return message
        self._check(message)
        self._parts.append(message)
        if len(self._parts) < message.total_parts:
            return None
        whole = read_message(_joined(self._parts))
        self._parts.clear()
        if not isinstance(whole, Transition):
            raise _violation("parts that make up no transition")
        return whole

    def _check(self, part: TransitionChunk) -> None:
        if part.part_number != len(self._parts):
            raise _violation(f"part {part.part_number} where part {len(self._parts)} is due")
        if part.part_number >= part.total_parts:
            raise _violation(f"part {part.part_number} of {part.total_parts}")
        if self._parts:
            first = self._parts[0]
            if (first.transition_id, first.total_parts) != (part.transition_id, part.total_parts):
                raise _violation("parts of two transitions mixed")


def _joined(parts: Sequence[TransitionChunk]) -> str:
    return "".join(part.chunk for part in parts)


def _violation(what: str) -> LiveReadsError:
    return LiveReadsError("E_LIVE_PROTOCOL", what)
