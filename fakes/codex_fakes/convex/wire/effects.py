"""What a session asks its shell to do.

May import the calls, by type. The invariant: effects are carried out in the order in which they
came, and nothing is sent after :class:`Close` or :class:`Drop`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codex_fakes.convex.wire.calls import Caller


@dataclass(frozen=True, slots=True)
class Send:
    """Send a frame of text."""

    text: str


@dataclass(frozen=True, slots=True)
class Close:
    """Close the socket properly; nothing comes after it."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Cut the connection without a word; nothing comes after it."""


@dataclass(frozen=True, slots=True)
class RunAction:
    """Run an action, and tell its outcome to :meth:`Session.action_ended`."""

    request_id: int
    path: str
    args: dict[str, Any]
    caller: Caller
    component: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass, then call :meth:`Session.waited`."""

    milliseconds: float


Effect = Send | Close | Drop | RunAction | Wait
