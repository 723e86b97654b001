"""What the client tells about itself, for logs and for people.

May import the exceptions and the view. The invariant: nothing has to listen; what must be known is
raised where it is waited for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from codex_runtime.persistence.live_reads.core.view import Query
    from codex_runtime.persistence.live_reads.failures import LiveReadsError


@dataclass(frozen=True, slots=True)
class Connected:
    """The deployment has sent all subscribed queries; the view is live.

    Attributes:
        count: Which connection of this client it is, from 1.
    """

    count: int


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection ended; the last view stays until the next connection has a newer one.

    Attributes:
        error: Why: ``E_LIVE_DISCONNECTED``, ``E_LIVE_PROTOCOL``, ``E_LIVE_UNREACHABLE`` …
        retry_in: Seconds until it is tried again.
    """

    error: LiveReadsError
    retry_in: float


@dataclass(frozen=True, slots=True)
class TokenAccepted:
    """The deployment reads with the identity of the token."""


@dataclass(frozen=True, slots=True)
class TokenRejected:
    """The deployment refused the token.

    Attributes:
        error: ``E_LIVE_TOKEN_REJECTED`` with the deployment's text.
        retrying: Whether the provider is asked for another; otherwise reading has stopped.
    """

    error: LiveReadsError
    retrying: bool


@dataclass(frozen=True, slots=True)
class TokenUnavailable:
    """The provider gave no new token in time; the old one stays as long as it is good.

    Attributes:
        error: ``E_LIVE_TOKEN_UNAVAILABLE``.
    """

    error: LiveReadsError


@dataclass(frozen=True, slots=True)
class LogLines:
    """A query logged something.

    Attributes:
        query: Which.
        lines: What, as the deployment formats it.
    """

    query: Query
    lines: tuple[str, ...]


Report: TypeAlias = (
    Connected | Disconnected | TokenAccepted | TokenRejected | TokenUnavailable | LogLines
)
