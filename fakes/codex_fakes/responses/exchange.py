"""One request and what became of it, and what was wrong on the way.

May import the requests and the rendering. The invariant: an exchange ends once, and its outcome
then stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codex_fakes.responses.render import Rendering
    from codex_fakes.responses.requests import ModelRequest
    from codex_fakes.script.playing import PlannedResponse


class Outcome(Enum):
    """How an exchange ended."""

    OPEN = "open"
    """It has not ended: the stream goes on, or waits."""
    SENT = "sent"
    """All that the script says was sent; with a drop, up to the drop."""
    REFUSED = "refused"
    """It was answered with an HTTP error, the script's or the server's own."""
    LEFT = "left"
    """The client left before the end, as Codex does on an interrupt or a steer."""
    STOPPED = "stopped"
    """The server was stopped before the end."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that should not have happened.

    Attributes:
        code: A code of the catalogue: ``E_MODEL_REQUEST_INVALID``, ``E_SCRIPT_EXHAUSTED`` or
            ``E_SCRIPT_UNPLAYABLE``.
        request: The number of the model request it is about, from 1.
        text: What was expected and what was found.
    """

    code: str
    request: int
    text: str

    def __str__(self) -> str:
        """Say the problem as errors are said."""
        return f"[{self.code}] model request {self.request}: {self.text}"


@dataclass(slots=True)
class Exchange:
    """A request to the scripted model and what became of it.

    Attributes:
        request: The request.
        planned: The response chosen for it, unless there was none.
        rendering: What that became, unless it could not be played.
        outcome: How it ended.
    """

    request: ModelRequest
    planned: PlannedResponse | None = None
    rendering: Rendering | None = None
    outcome: Outcome = Outcome.OPEN


@dataclass(frozen=True, slots=True)
class OtherRequest:
    """A request to anything but the model, or one that broke off before its end.

    It was answered with 404 when there was anybody to answer.

    Attributes:
        method: The HTTP method.
        path: The path with its query.
        headers: The HTTP headers, names in lower case.
        raw: The body as received; empty when it broke off.
    """

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes
