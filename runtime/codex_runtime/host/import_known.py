"""What a deployment keeps already of a thread that is to be imported.

May import the plan, the steps, the recognition of kept items and the contract. The invariant: what
was streamed, or imported before, is found under the ids that it has, whatever Codex calls it by
now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_runtime.contract.endpoints.runtime_owned import TurnMessagesArgs
from codex_runtime.contract.functions.threads import ConversationArgs
from codex_runtime.host.import_plan import KnownTurn
from codex_runtime.host.kept_items import names_of
from codex_runtime.host.steps import Keep

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from codex_runtime.contract.actors import Actor
    from codex_runtime.contract.functions.reading import Message
    from codex_runtime.contract.functions.threads import ThreadState
    from codex_runtime.host.flows import Flow
    from codex_runtime.host.import_plan import ImportPlan


def is_renumbered(thread: Mapping[str, Any]) -> bool:
    """Tell whether a thread's history is of the older kind, which numbers its items anew.

    Args:
        thread: The thread as ``thread/read`` gives it.

    Returns:
        Whether its items have other ids now than when they were streamed.
    """
    return thread.get("historyMode") == "legacy"


def known_turns(actor: Actor, plan: ImportPlan, *, renumbered: bool) -> Flow:
    """Find out what is kept of turns that may be kept in part, or under other ids.

    Args:
        actor: Whose the conversation is.
        plan: What is to be imported.
        renumbered: Whether items may have other ids than those they are kept under.

    Returns:
        What is kept, by the persisted ids of the turns.
    """
    where = ConversationArgs(actor=actor, conversation_id=plan.conversation_id)
    state: ThreadState | None = yield Keep("thread_state", where)
    latest = {turn.turn_id for turn in state.turns} if state else set()
    known: dict[str, KnownTurn] = {}
    for planned in plan.turns:
        # What is not among the latest turns was kept whole before them.
        if planned.turn_id not in latest and not renumbered:
            continue
        args = TurnMessagesArgs(
            actor=actor, conversation_id=plan.conversation_id, turn_id=planned.turn_id
        )
        kept: list[Message] = yield Keep("turn_messages", args)
        if kept:
            names, _ = names_of(planned.turn, planned.turn_id, kept)
            known[planned.turn_id] = KnownTurn(names, max(one.created_at for one in kept))
    return known


def has_brought(actor: Actor, plan: ImportPlan) -> Flow:
    """Tell whether an import of earlier has brought the thread as it is now.

    Its last turn is what changes; the stream that brought it is named after what it held.

    Args:
        actor: Whose the conversation is.
        plan: What is to be imported.

    Returns:
        Whether the last turn is there as planned; no for one whose stream is not kept any more.
    """
    where = ConversationArgs(actor=actor, conversation_id=plan.conversation_id)
    state: ThreadState | None = yield Keep("thread_state", where)
    brought = {stream.stream_id for stream in state.all_streams} if state else set()
    last = plan.last_stream
    return last is None or last in brought
