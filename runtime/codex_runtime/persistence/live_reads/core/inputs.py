"""What can happen to a live client.

May import the exceptions and the view. The invariant: what belongs to one connection carries its
number, so that what comes late from an old one can be told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from codex_runtime.persistence.live_reads.core.view import Query
    from codex_runtime.persistence.live_reads.failures import LiveReadsError


class Timer(Enum):
    """What the client waits for by the clock."""

    CONNECT = "connect"
    """A connection must have been opened and answered."""
    SILENCE = "silence"
    """The deployment must have sent something."""
    RECONNECT = "reconnect"
    """The next attempt is due."""
    STABLE = "stable"
    """The connection has held long enough to forget the failures before it."""
    FETCH = "fetch"
    """The provider must have given a token."""
    REFRESH = "refresh"
    """The token is about to expire."""


class Provided(Enum):
    """The token is not given, but a provider of tokens is."""

    PROVIDED = "provided"


@dataclass(frozen=True, slots=True)
class Start:
    """Begin."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Close for good."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Someone wants to read a query."""

    query: Query


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Someone no longer wants to read it."""

    query: Query


@dataclass(frozen=True, slots=True)
class UseToken:
    """Read with another identity from now on; ``generation`` counts these."""

    generation: int
    source: str | Provided | None


@dataclass(frozen=True, slots=True)
class TokenFetched:
    """The provider has given a token."""

    generation: int
    token: str


@dataclass(frozen=True, slots=True)
class TokenFetchFailed:
    """The provider has failed."""

    generation: int
    error: LiveReadsError


@dataclass(frozen=True, slots=True)
class SocketOpened:
    """A connection is open."""

    socket: int


@dataclass(frozen=True, slots=True)
class SocketEnded:
    """A connection could not be opened, or has ended."""

    socket: int
    error: LiveReadsError


@dataclass(frozen=True, slots=True)
class FrameReceived:
    """The deployment has sent a frame."""

    socket: int
    text: str | bytes


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The time of a timer has come."""

    timer: Timer


Input: TypeAlias = (
    Start
    | Stop
    | Subscribe
    | Unsubscribe
    | UseToken
    | TokenFetched
    | TokenFetchFailed
    | SocketOpened
    | SocketEnded
    | FrameReceived
    | TimerFired
)
