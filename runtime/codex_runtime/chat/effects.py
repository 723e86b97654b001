"""What the dialogue wants done: shown, asked for, called.

May import nothing of the project. The invariant: these are values; nothing happens by making one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Look: TypeAlias = Literal["plain", "dim", "heading", "notice", "error"]
"""How a text looks. A ``notice`` or an ``error`` is about the chat, not of the conversation, so it
goes to stderr."""

RequestId: TypeAlias = str | int


@dataclass(frozen=True, slots=True)
class Stream:
    """Show a piece of a text that grows.

    Attributes:
        text: The piece.
        look: How.
    """

    text: str
    look: Look = "plain"


@dataclass(frozen=True, slots=True)
class Line:
    """Show a text on lines of its own.

    Attributes:
        text: The text.
        look: How.
    """

    text: str
    look: Look = "plain"


@dataclass(frozen=True, slots=True)
class Break:
    """End the line that was begun, if one was."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Show how far something has come, in the place of what was shown of it before.

    Attributes:
        text: How far.
        last: Whether it has come to its end.
    """

    text: str
    last: bool


@dataclass(frozen=True, slots=True)
class Prompt:
    """Ask for a line, on a terminal.

    Attributes:
        text: What to ask with.
        secret: Whether what is typed must not be seen.
    """

    text: str
    secret: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """End the chat.

    Attributes:
        code: The exit code.
    """

    code: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send a turn."""

    text: str


@dataclass(frozen=True, slots=True)
class Steer:
    """Say more to the turn in flight."""

    text: str


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Interrupt the turn in flight."""


@dataclass(frozen=True, slots=True)
class ListThreads:
    """List the threads of the local Codex."""


@dataclass(frozen=True, slots=True)
class Import:
    """Import a thread of the local Codex."""

    thread_id: str


@dataclass(frozen=True, slots=True)
class Decide:
    """Answer an approval.

    Attributes:
        request_id: The request.
        of: What may or may not be done.
        decision: The decision, in the protocol's word.
    """

    request_id: RequestId
    of: Literal["command", "files"]
    decision: str


@dataclass(frozen=True, slots=True)
class GiveAnswers:
    """Answer questions to the user.

    Attributes:
        request_id: The request.
        answers: The answers to each question, by its id.
    """

    request_id: RequestId
    answers: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Grant:
    """Grant permissions.

    Attributes:
        request_id: The request.
        permissions: Which; an empty mapping grants none.
        scope: For how long.
    """

    request_id: RequestId
    permissions: Mapping[str, Any]
    scope: Literal["turn", "session"]


@dataclass(frozen=True, slots=True)
class Elicited:
    """Answer an MCP server.

    Attributes:
        request_id: The request.
        action: What the user says.
    """

    request_id: RequestId
    action: Literal["accept", "decline", "cancel"]


@dataclass(frozen=True, slots=True)
class RefuseTool:
    """Tell the model that a tool of another client is not here.

    Attributes:
        request_id: The request.
        tool: The tool.
    """

    request_id: RequestId
    tool: str


Call: TypeAlias = (
    Send
    | Steer
    | Interrupt
    | ListThreads
    | Import
    | Decide
    | GiveAnswers
    | Grant
    | Elicited
    | RefuseTool
)
"""What is asked of the runtime. Only one of ``Send``, ``ListThreads`` and ``Import`` is under way
at a time."""

Effect: TypeAlias = Stream | Line | Break | Progress | Prompt | End | Call
