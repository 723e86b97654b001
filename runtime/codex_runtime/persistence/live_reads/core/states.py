"""The states of a live client and how they follow each other, as data.

May import nothing. The invariant: :class:`~.machine.LiveMachine` enters no state that
:data:`TRANSITIONS` does not allow.
"""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(Enum):
    """Where a client stands."""

    IDLE = "idle"
    """Not started."""
    FETCHING = "fetching"
    """The provider is asked for a token, before a connection is opened."""
    OPENING = "opening"
    """A connection is being opened."""
    RESUMING = "resuming"
    """Connected; everything was said, the deployment's answer has not come."""
    LIVE = "live"
    """The view is kept up to date."""
    WAITING = "waiting"
    """The connection was lost; the next attempt comes after a while."""
    REJECTED = "rejected"
    """The token was refused; nothing happens until there is another one."""
    ENDED = "ended"
    """Closed, or failed for good."""


TRANSITIONS: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.IDLE: frozenset({State.FETCHING, State.OPENING, State.ENDED}),
        State.FETCHING: frozenset({State.FETCHING, State.OPENING, State.WAITING, State.ENDED}),
        State.OPENING: frozenset(
            {State.FETCHING, State.OPENING, State.RESUMING, State.WAITING, State.ENDED}
        ),
        State.RESUMING: frozenset(
            {State.FETCHING, State.LIVE, State.WAITING, State.REJECTED, State.ENDED}
        ),
        State.LIVE: frozenset({State.FETCHING, State.WAITING, State.REJECTED, State.ENDED}),
        State.WAITING: frozenset({State.FETCHING, State.OPENING, State.ENDED}),
        State.REJECTED: frozenset({State.FETCHING, State.OPENING, State.ENDED}),
        State.ENDED: frozenset(),
    }
)
"""Which states may follow which."""

CONNECTED: Final = frozenset({State.RESUMING, State.LIVE})
"""The states in which frames may be sent."""
