"""A turn that this runtime has claimed, and what is said of it to whoever keeps it.

May import the contract. The invariant: what a claim says names the thread and the actor it was made
for, so that it can be written down when neither is the open one any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from codex_runtime.contract.functions.turns import (
    CancelDispatchArgs,
    DispatchFailedArgs,
    DispatchStartedArgs,
    OwnedArgs,
)

if TYPE_CHECKING:
    from codex_runtime.contract.actors import Actor
    from codex_runtime.contract.functions.turns import Claimed
    from codex_runtime.protocol.terminal import TerminalStatus

Said: TypeAlias = tuple[str, Any]
"""A method of the port, and its arguments."""

TURN_FAILED: Final = "E_TURN_FAILED"
"""What a turn ends with that Codex has ended as failed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A turn that this runtime has claimed.

    Attributes:
        actor: Whose it is.
        thread_id: The persisted thread.
        claimed: The claim as persistence has given it.
    """

    actor: Actor
    thread_id: str
    claimed: Claimed

    def started(self, runtime_thread: str, runtime_turn: str, lease_ms: float) -> Said:
        """Say that Codex has the turn, or that it still has.

        Args:
            runtime_thread: Codex's id of the thread.
            runtime_turn: Codex's id of the turn.
            lease_ms: How long the claim is to last from now on, in milliseconds.
        """
        return "turn_started", DispatchStartedArgs(
            actor=self.actor,
            thread_id=self.thread_id,
            dispatch_id=self.claimed.dispatch_id,
            claim_token=self.claimed.claim_token,
            runtime_thread_id=runtime_thread,
            runtime_turn_id=runtime_turn,
            lease_ms=lease_ms,
        )

    def completed(self) -> Said:
        """Say that the turn has been completed."""
        return "turn_completed", OwnedArgs(
            actor=self.actor,
            thread_id=self.thread_id,
            dispatch_id=self.claimed.dispatch_id,
            claim_token=self.claimed.claim_token,
        )

    def failed(self, code: str, reason: str) -> Said:
        """Say that the turn has failed.

        Args:
            code: Why, as a code of the catalogue.
            reason: Why, in words.
        """
        return "turn_failed", DispatchFailedArgs(
            actor=self.actor,
            thread_id=self.thread_id,
            dispatch_id=self.claimed.dispatch_id,
            claim_token=self.claimed.claim_token,
            code=code,
            reason=reason,
        )

    def cancelled(self, reason: str) -> Said:
        """Say that the turn was interrupted.

        Args:
            reason: Why, in words.
        """
        return "turn_cancelled", CancelDispatchArgs(
            actor=self.actor,
            thread_id=self.thread_id,
            dispatch_id=self.claimed.dispatch_id,
            reason=reason,
        )

    def ended(self, ending: TerminalStatus | None) -> Said:
        """Say how the turn has ended.

        Args:
            ending: What Codex has said of its end; ``None`` for one that was completed.
        """
        if ending is None or ending.status == "completed":
            return self.completed()
        if ending.status == "interrupted":
            return self.cancelled(ending.error or "interrupted")
        reason = ending.error or "turn/completed reported failed status"
        return self.failed(TURN_FAILED, reason)
