"""How turns end: which ending stands, its text, and what follows from it (spec 04 §7).

May import the contract's states. The invariant: of several endings the worst stands with its own
text, and the moment of the first is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_runtime.contract.limits import STREAM_DELETE_DELAY
from codex_runtime.values import UNDEFINED

if TYPE_CHECKING:
    from codex_fakes.component.rows import Row

RECONCILE = "turnsInternal:reconcileTerminalArtifacts"


def ending(turn: Row, status: str, told: str, error: str | None) -> Row:
    """Say the error of a turn after it was told to end.

    Args:
        turn: The turn before.
        status: Its status after.
        told: The ending it was told.
        error: The text it was told with.

    Returns:
        ``{"error": …}``, ``UNDEFINED`` for a turn that is completed.
    """
    if status == "completed":
        return {"error": UNDEFINED}
    if status != told or (status == turn["status"] and turn.get("error")):
        # The ending that stands was told before, and its text with it.
        return {"error": turn.get("error") or status}
    return {"error": error or turn.get("error") or status}


def reconcile_soon(ctx: Any, turn: Row, delete_delay: float = STREAM_DELETE_DELAY) -> None:
    """Bring what belongs to a turn that has ended to its end, in a transaction of its own."""
    args = {
        "userScope": turn["userScope"],
        "threadId": turn["threadId"],
        "turnId": turn["turnId"],
        "status": turn["status"],
        "deleteDelayMs": delete_delay,
    }
    error = turn.get("error", UNDEFINED)
    if error is not UNDEFINED:
        args["error"] = error
    ctx.scheduler.run_after(0, RECONCILE, args)
