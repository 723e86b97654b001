"""What a live client wants done.

May import the other records of the core. The invariant: effects are done in the order they are
given, and their outcome, where it matters, comes back as an input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from codex_runtime.persistence.live_reads.core.inputs import Timer
    from codex_runtime.persistence.live_reads.core.reports import Report
    from codex_runtime.persistence.live_reads.core.view import Query, View
    from codex_runtime.persistence.live_reads.failures import LiveReadsError


@dataclass(frozen=True, slots=True)
class OpenSocket:
    """Open a connection; the outcome is ``SocketOpened`` or ``SocketEnded``."""

    socket: int


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """Close a connection, or stop opening it; nothing more is wanted of it."""

    socket: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send a frame."""

    socket: int
    text: str


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Start a timer, or start it anew; the outcome is ``TimerFired``."""

    timer: Timer
    seconds: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Stop a timer; it may not be running."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class FetchToken:
    """Ask the provider; the outcome is ``TokenFetched`` or ``TokenFetchFailed``."""

    generation: int
    force_refresh: bool


@dataclass(frozen=True, slots=True)
class Deliver:
    """Show a new view; ``changed`` are the queries whose result is another."""

    view: View
    changed: frozenset[Query]


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell what happened."""

    report: Report


@dataclass(frozen=True, slots=True)
class IdentityInForce:
    """The identity of this generation, and so of those before, is what is read with."""

    generation: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """Reading has stopped until there is another token."""

    error: LiveReadsError


@dataclass(frozen=True, slots=True)
class Ended:
    """All is over; ``error`` says why when it was not asked for."""

    error: LiveReadsError | None


Effect: TypeAlias = (
    OpenSocket
    | CloseSocket
    | Send
    | SetTimer
    | CancelTimer
    | FetchToken
    | Deliver
    | Tell
    | IdentityInForce
    | Rejected
    | Ended
)
