"""The approvals of a batch: what was asked, and what is seen to be decided (spec 02 §8.4).

May import the rows and the contract's states. The invariant: an approval is known by its turn and
its item, whatever characters their ids have; what is observed settles only what is pending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_fakes.component.rows import one
from codex_runtime.contract.states import APPROVAL

if TYPE_CHECKING:
    from codex_fakes.component.callers import Caller
    from codex_fakes.component.rows import Row
    from codex_runtime.protocol.approvals import ApprovalRequested, ApprovalResolved

OBSERVER: Final = "runtime"
"""Who decided an approval that was only seen to be decided."""

_OBSERVED: Final = {"accepted": "observeAccepted", "declined": "observeDeclined"}


def request_approval(
    ctx: Any, caller: Caller, turn: Row, asked: ApprovalRequested, created_at: float
) -> None:
    """Write down that something needs consent; asking again changes nothing."""
    if find_approval(ctx, turn, asked.item_id) is not None:
        return
    row = {
        **caller.owner,
        "threadId": turn["threadId"],
        "threadRef": turn["threadRef"],
        "turnId": turn["turnId"],
        "turnRef": turn["_id"],
        "itemId": asked.item_id,
        "kind": asked.kind,
        "status": "pending",
        "createdAt": created_at,
    }
    if asked.reason is not None:
        row["reason"] = asked.reason
    ctx.db.insert("codex_approvals", row)


def observe_approval(ctx: Any, turn: Row, decided: ApprovalResolved) -> None:
    """Write down what is seen to be decided, where it is still open."""
    approval = find_approval(ctx, turn, decided.item_id)
    if approval is not None:
        settle(ctx, approval, _OBSERVED[decided.status])


def settle(ctx: Any, approval: Row, event: str) -> None:
    """Settle an approval by what is observed."""
    status = APPROVAL.move(approval["status"], event, f"Approval {approval['itemId']}")
    if status != approval["status"]:
        ctx.db.patch(
            approval["_id"], {"status": status, "decidedBy": OBSERVER, "decidedAt": ctx.now()}
        )


def find_approval(ctx: Any, turn: Row, item_id: str) -> Row | None:
    """Find the approval of an item."""
    return one(
        ctx.db,
        "codex_approvals",
        {
            "userScope": turn["userScope"],
            "threadId": turn["threadId"],
            "turnId": turn["turnId"],
            "itemId": item_id,
        },
    )
