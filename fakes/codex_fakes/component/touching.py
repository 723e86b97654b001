"""Making a thread, or writing down that it was used.

May import the callers and rows. The invariant: touching never changes a thread's status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_fakes.component.callers import check_not_purging, check_writable
from codex_fakes.component.rows import one

if TYPE_CHECKING:
    from codex_fakes.component.callers import Caller
    from codex_fakes.component.rows import Row


def touch(ctx: Any, caller: Caller, thread_id: str, settings: Row, *, listed: bool = False) -> Row:
    """Make a thread, or touch the one there is.

    Args:
        ctx: The function's context.
        caller: Whose it is.
        thread_id: Its id.
        settings: What is to be remembered of how it runs; what is left out stays as it is.
        listed: Whether a conversation is bound to it, or about to be.

    Returns:
        The thread as it is now.

    Raises:
        ContractError: ``E_THREAD_DELETING`` or ``E_ACTOR_PURGING``.
    """
    now = ctx.now()
    where = {"userScope": caller.scope, "threadId": thread_id}
    thread = one(ctx.db, "codex_threads", where)
    if thread is None:
        check_not_purging(ctx, caller)
        made = {name: value for name, value in settings.items() if value != ""}
        row = {
            **caller.owner,
            "threadId": thread_id,
            "status": "active",
            "bound": listed,
            "createdAt": now,
            "updatedAt": now,
            **made,
        }
        return {**row, "_id": ctx.db.insert("codex_threads", row)}
    check_writable(ctx, caller, thread, "open")
    changes = {**settings, "updatedAt": now, "bound": thread["bound"] or listed}
    ctx.db.patch(thread["_id"], changes)
    return {**thread, **changes}
