"""When a line of input is heeded: the tables of it.

May import nothing of the project. The invariant: every kind of line has a rule in every place, so
that no line is lost for want of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Place: TypeAlias = Literal["ready", "sending", "calling", "turn", "asking"]
"""What the chat is doing: nothing, sending a turn, some other call of the runtime, a turn, or
asking the user."""

Kind: TypeAlias = Literal["text", "of_turn", "local", "call"]
"""What a line is: something to say; a command about the turn in flight; a command that the chat
itself can do; a command that is a call of the runtime."""

Rule: TypeAlias = Literal["do", "hold", "refuse", "answer"]
"""What becomes of a line: it is heeded, waits until the place is another one, is refused, or
answers the question that was asked."""

Rules: TypeAlias = "Mapping[Place, Mapping[Kind, Rule]]"

ON_TERMINAL: Final[Rules] = {
    "ready": {"text": "do", "of_turn": "do", "local": "do", "call": "do"},
    "sending": {"text": "hold", "of_turn": "hold", "local": "do", "call": "hold"},
    "calling": {"text": "hold", "of_turn": "do", "local": "do", "call": "hold"},
    "turn": {"text": "refuse", "of_turn": "do", "local": "do", "call": "do"},
    "asking": {"text": "answer", "of_turn": "do", "local": "do", "call": "do"},
}
"""For somebody who types and sees what comes of it."""

IN_PIPE: Final[Rules] = {
    "ready": {"text": "do", "of_turn": "do", "local": "do", "call": "do"},
    "sending": {"text": "hold", "of_turn": "hold", "local": "hold", "call": "hold"},
    "calling": {"text": "hold", "of_turn": "hold", "local": "hold", "call": "hold"},
    "turn": {"text": "hold", "of_turn": "do", "local": "hold", "call": "hold"},
    "asking": {"text": "answer", "of_turn": "do", "local": "do", "call": "do"},
}
"""For lines that were written beforehand: what cannot be done yet waits for its turn."""
