"""For whom a function acts, and what of theirs there is: threads, turns, bindings.

May import the rows and the contract. The invariant: everything is looked up under the caller's
scope, so what belongs to somebody else is not found; and nothing is written to what is being
deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from codex_fakes.component.rows import one
from codex_runtime.contract.actors import Actor, canonical_actor, scope_of
from codex_runtime.contract.shapes import UNSET
from codex_runtime.contract.states import THREAD
from codex_runtime.errors import ContractError
from codex_runtime.values import UNDEFINED

if TYPE_CHECKING:
    from codex_fakes.component.rows import Row


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom a function acts.

    Attributes:
        scope: The scope of everything that is theirs.
        user_id: The user's id; ``UNDEFINED`` for somebody without one.
        anonymous_id: The anonymous id; ``UNDEFINED`` for somebody with an account, or with neither.
    """

    scope: str
    user_id: Any
    anonymous_id: Any

    @property
    def actor(self) -> dict[str, Any]:
        """The actor in canonical form, as arguments have it."""
        whole = {"userId": self.user_id, "anonymousId": self.anonymous_id}
        return {name: value for name, value in whole.items() if value is not UNDEFINED}

    @property
    def owner(self) -> dict[str, Any]:
        """The fields of a row that say whose it is."""
        return {"userScope": self.scope, "userId": self.user_id}

    @property
    def identity(self) -> dict[str, Any]:
        """The same for rows of work, which carry the whole identity."""
        return {**self.owner, "anonymousId": self.anonymous_id}


def caller_of(args: dict[str, Any]) -> Caller:
    """Read for whom a function acts from its arguments."""
    given = args["actor"]
    actor = canonical_actor(
        Actor(
            user_id=given.get("userId", UNSET),
            anonymous_id=given.get("anonymousId", UNSET),
        )
    )
    return Caller(
        scope_of(actor),
        UNDEFINED if actor.user_id is UNSET else actor.user_id,
        UNDEFINED if actor.anonymous_id is UNSET else actor.anonymous_id,
    )


def new_id(ctx: Any) -> str:
    """Make an id: a random UUID (version 4) out of the function's own chance."""
    bits = 0
    for _ in range(3):
        bits = bits << 48 | int(ctx.random() * (1 << 48))
    return str(UUID(int=bits & (1 << 128) - 1, version=4))


def thread_of(ctx: Any, caller: Caller, thread_id: str) -> Row:
    """Find a thread of the caller's.

    Raises:
        ContractError: ``E_THREAD_NOT_FOUND``.
    """
    thread = one(ctx.db, "codex_threads", {"userScope": caller.scope, "threadId": thread_id})
    if thread is None:
        raise thread_missing(thread_id)
    return thread


def thread_missing(thread_id: str) -> ContractError:
    """Say that a thread is not there."""
    return ContractError("E_THREAD_NOT_FOUND", f"Thread not found: {thread_id}")


def thread_to_write(ctx: Any, caller: Caller, thread_id: str, event: str = "write") -> Row:
    """Find a thread of the caller's that takes writes.

    Args:
        ctx: The function's context.
        caller: The caller.
        thread_id: The thread.
        event: What is to be done to it, an event of the thread's states.

    Raises:
        ContractError: ``E_THREAD_NOT_FOUND``, ``E_THREAD_DELETING`` or ``E_ACTOR_PURGING``.
    """
    thread = thread_of(ctx, caller, thread_id)
    check_writable(ctx, caller, thread, event)
    return thread


def check_writable(ctx: Any, caller: Caller, thread: Row, event: str = "write") -> str:
    """Check that a thread takes an event, and say its status after it.

    Raises:
        ContractError: ``E_THREAD_DELETING`` or ``E_ACTOR_PURGING``.
    """
    check_not_purging(ctx, caller)
    state = "deleting" if "deletionJobId" in thread else thread["status"]
    return THREAD.move(state, event, f"Thread {thread['threadId']}")


def check_not_purging(ctx: Any, caller: Caller) -> None:
    """Check that not everything of the caller's is just being deleted.

    Raises:
        ContractError: ``E_ACTOR_PURGING``.
    """
    for status in ("queued", "running"):
        where = {"userScope": caller.scope, "targetKind": "actor", "status": status}
        if one(ctx.db, "codex_deletion_jobs", where) is not None:
            raise ContractError(
                "E_ACTOR_PURGING",
                "Everything of this actor is being deleted; nothing new is taken.",
            )


def turn_of(ctx: Any, caller: Caller, thread_id: str, turn_id: str) -> Row:
    """Find a turn of the caller's.

    Raises:
        ContractError: ``E_TURN_NOT_FOUND``.
    """
    turn = find_turn(ctx, caller, thread_id, turn_id)
    if turn is None:
        raise ContractError("E_TURN_NOT_FOUND", f"Turn not found: {turn_id}")
    return turn


def find_turn(ctx: Any, caller: Caller, thread_id: str, turn_id: str) -> Row | None:
    """Find a turn of the caller's, if there is one."""
    return one(
        ctx.db,
        "codex_turns",
        {"userScope": caller.scope, "threadId": thread_id, "turnId": turn_id},
    )


def turn_to_write(ctx: Any, caller: Caller, thread_id: str, turn_id: str) -> Row:
    """Find a turn of the caller's that takes writes.

    Raises:
        ContractError: ``E_TURN_NOT_FOUND`` or ``E_TURN_DELETING``.
    """
    turn = turn_of(ctx, caller, thread_id, turn_id)
    check_turn_writable(turn)
    return turn


def check_turn_writable(turn: Row) -> None:
    """Check that a turn is not being deleted.

    Raises:
        ContractError: ``E_TURN_DELETING``.
    """
    if "deletionJobId" in turn:
        raise ContractError("E_TURN_DELETING", f"Turn {turn['turnId']} is being deleted.")


def binding_of(ctx: Any, caller: Caller, conversation_id: str) -> Row | None:
    """Find what a conversation is bound to."""
    where = {**caller.owner, "conversationId": conversation_id}
    return one(ctx.db, "codex_thread_bindings", where)


def bound(ctx: Any, caller: Caller, conversation_id: str) -> Row:
    """Find what a conversation is bound to, which must be something.

    Raises:
        ContractError: ``E_CONVERSATION_NOT_FOUND``.
    """
    binding = binding_of(ctx, caller, conversation_id)
    if binding is None:
        raise ContractError(
            "E_CONVERSATION_NOT_FOUND", f"Conversation not found: {conversation_id}"
        )
    return binding


def given(args: dict[str, Any], *names: str) -> dict[str, Any]:
    """Take those arguments of some names that were given."""
    return {name: args[name] for name in names if name in args}
