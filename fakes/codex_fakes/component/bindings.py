"""Bindings: which thread a conversation is kept in, and how well the two are in step (spec 03).

May import the rows and the contract's states. The invariant: a binding's state is moved by its
table alone, and nothing of an old error is left on one that is open again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_runtime.contract.states import BINDING
from codex_runtime.values import UNDEFINED

if TYPE_CHECKING:
    from codex_fakes.component.callers import Caller
    from codex_fakes.component.rows import Row

NO_ERROR = {"lastErrorCode": UNDEFINED, "lastErrorAt": UNDEFINED}
"""Takes the last error off a binding."""


def sync_state(binding: Row, event: str) -> str:
    """Say the state of a binding after an event."""
    before = binding.get("syncState", "unsynced")
    return BINDING.move(before, event, f"Conversation {binding['conversationId']}")


def bind(ctx: Any, caller: Caller, thread: Row, conversation: str, runtime_id: str) -> Row:
    """Bind a conversation to a thread for the first time.

    Args:
        ctx: The function's context.
        caller: Whose they are.
        thread: The thread.
        conversation: The conversation.
        runtime_id: The thread of the local Codex.

    Returns:
        The binding.
    """
    now = ctx.now()
    row = {
        **caller.owner,
        "conversationId": conversation,
        "runtimeConversationId": runtime_id,
        "threadId": thread["threadId"],
        "conversationRef": thread["_id"],
        "syncState": "syncing",
        "rebindCount": 0,
        "createdAt": now,
        "updatedAt": now,
    }
    return {**row, "_id": ctx.db.insert("codex_thread_bindings", row)}


def rebound(ctx: Any, binding: Row, thread: Row, runtime_id: str, **changes: Any) -> None:
    """Bind a conversation to its thread again.

    Args:
        ctx: The function's context.
        binding: The binding.
        thread: The thread, which may have been made anew.
        runtime_id: The thread of the local Codex.
        changes: What else changes.
    """
    ctx.db.patch(
        binding["_id"],
        {
            "conversationRef": thread["_id"],
            "runtimeConversationId": runtime_id,
            "syncState": sync_state(binding, "open"),
            "updatedAt": ctx.now(),
            **NO_ERROR,
            **changes,
        },
    )
