"""What a flow of the runtime can have done outside of it.

May import the app-server's builders and the contract by type. The invariant: a step is a value;
what it needs stands in it, and who does it knows nothing of the flow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_runtime.app_server.requests import Call
    from codex_runtime.contract.functions.imports import GetJobArgs, Job
    from codex_runtime.protocol.answers import Answer
    from codex_runtime.protocol.messages import Request


@dataclass(frozen=True, slots=True)
class Open:
    """Open the connection to the app-server; gives what the server says of itself.

    Attributes:
        experimental: Whether experimental methods are going to be used.
    """

    experimental: bool = False


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection to the app-server."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Make a request to the app-server; gives its result.

    Attributes:
        call: The request.
        seconds: How long to wait for its answer; the connection's own bound when ``None``.
    """

    call: Call[Any]
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer a request of the app-server.

    Attributes:
        request: The request.
        answer: The answer.
    """

    request: Request
    answer: Answer


@dataclass(frozen=True, slots=True)
class Decline:
    """Refuse a request of the app-server that nobody here can answer.

    Attributes:
        request: The request.
        why: In words.
    """

    request: Request
    why: str


@dataclass(frozen=True, slots=True)
class Keep:
    """Call persistence; gives its result.

    Attributes:
        operation: The method of the port.
        args: Its arguments.
    """

    operation: str
    args: Any


@dataclass(frozen=True, slots=True)
class Follow:
    """Wait until an import has ended; gives the job then.

    Attributes:
        args: Which import.
        seen: Called with the job whenever it was looked at; it must not raise.
    """

    args: GetJobArgs
    seen: Callable[[Job], None]


@dataclass(frozen=True, slots=True)
class FindGone:
    """Look which owners of claims are gone; gives those whose processes certainly run no more.

    Attributes:
        owners: Their names.
    """

    owners: frozenset[str]


@dataclass(frozen=True, slots=True)
class RunTool:
    """Run a tool that the host has registered; gives its answer.

    Attributes:
        call: The call: what :class:`AbandonTool` names it by.
        tool: Its name.
        arguments: What the model calls it with.
    """

    call: int
    tool: str
    arguments: Any


@dataclass(frozen=True, slots=True)
class AbandonTool:
    """Break a tool off: nobody waits for its answer any more. No flow waits for this.

    Attributes:
        call: The call.
    """

    call: int


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait.

    Attributes:
        seconds: How long.
    """

    seconds: float
