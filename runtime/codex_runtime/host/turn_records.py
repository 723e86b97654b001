"""What is said of turns: how one is to run, that it was accepted, how far the present one is.

May import the claims and the protocol. The invariant: a record decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from codex_runtime.host.claims import Claim
    from codex_runtime.protocol.terminal import TerminalStatus


class TurnOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a turn is to run; Codex keeps what is given for the turns after it, too.

    Attributes:
        model: The model.
        cwd: The working folder.
        effort: How much the model thinks.
        approval_policy: When Codex asks.
        sandbox_policy: What commands may do.
    """

    model: str | None = None
    cwd: str | None = None
    effort: str | None = None
    approval_policy: Any = None
    sandbox_policy: Any = None


class SentTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that was accepted.

    Attributes:
        turn_id: Its persisted id.
        accepted: Always ``True``.
    """

    turn_id: str
    accepted: bool = True


@dataclass(slots=True, eq=False)
class InFlight:
    """The turn in flight.

    Attributes:
        turn_id: Its persisted id; Codex's own for a turn that somebody else began.
        claim: The claim under which it runs; ``None`` for a turn that somebody else began.
        runtime_id: Codex's id of it, once that is known.
        begun: Whether Codex has said that it began: only then it can be steered and interrupted.
        recognised: Whether Codex has said what it began with.
        interrupt: Whether it is to be interrupted as soon as it has begun.
        failure: The error that was told before its end.
    """

    turn_id: str
    claim: Claim | None
    runtime_id: str | None = None
    begun: bool = False
    recognised: bool = False
    interrupt: bool = False
    failure: TerminalStatus | None = None
