"""Threads: opened, resumed, forked, bound to where they are kept (spec 06 §5, "Better").

May import the common parts, the steps, the protocol and the contract. The invariant: the binding
changes only with what Codex has answered; a request that fails leaves it as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from codex_runtime.app_server import requests
from codex_runtime.contract.endpoints.runtime_owned import OpenBindingArgs
from codex_runtime.contract.functions.ingest import SessionArgs
from codex_runtime.contract.shapes import UNSET
from codex_runtime.host.common import Bound, HostError
from codex_runtime.host.steps import Ask, Keep
from codex_runtime.protocol import params as p

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_runtime.app_server.requests import Call
    from codex_runtime.host.common import Common
    from codex_runtime.host.flows import Flow
    from codex_runtime.host.turn_control import TurnControl
    from codex_runtime.protocol.results import ThreadOpened

Strategy: TypeAlias = Literal["start", "resume", "fork"]


class ThreadControl:
    """The open thread.

    Args:
        common: What the parts share.
        turns: The turn in flight: while there is one, the thread is locked.
        changed: Called whenever what is shown of the thread has changed.
        tools: The tools that every new thread is started with.
    """

    def __init__(
        self,
        common: Common,
        turns: TurnControl,
        changed: Callable[[], None],
        tools: tuple[Any, ...] = (),
    ) -> None:
        self._common = common
        self._turns = turns
        self._changed = changed
        self._tools = tools

    def open(
        self,
        strategy: Strategy,
        thread_id: str | None,
        pin: str | None,
        settings: p.ThreadSettings,
        tools: tuple[Any, ...],
    ) -> Flow:
        """Open a thread.

        Args:
            strategy: Whether it is a new one, an old one, or a copy of an old one.
            thread_id: Which old one.
            pin: The conversation it is kept in, whatever Codex's thread is called.
            settings: What it runs with.
            tools: The tools it is started with, beside the registered ones.

        Returns:
            What Codex says of it.
        """
        self._common.connected()
        self._turns.check_unlocked()
        named = "" if thread_id is None else thread_id.strip()
        if strategy != "start" and not named:
            raise HostError(
                "E_RUNTIME_CONVERSATION_ID_REQUIRED",
                f'conversationId is required when strategy="{strategy}".',
            )
        call = _call(strategy, named, settings, (*self._tools, *tools))
        opened: ThreadOpened = yield Ask(call)
        pinned = "" if pin is None else pin.strip()
        self._switch(opened.thread.id, pinned or None)
        yield from self.bind()
        self._turns.dispatch_next()
        return opened

    def _switch(self, runtime_id: str, pin: str | None) -> None:
        """Make a thread of Codex's the open one (spec 06 §5, the identity-switch table)."""
        before = self._common.bound
        conversation = pin or before.conversation_id or runtime_id
        same = before.runtime_id == runtime_id
        if pin is None and before.runtime_id is not None and not same:
            conversation = runtime_id
        kept = same and conversation == before.conversation_id
        self._common.bound = Bound(
            runtime_id=runtime_id,
            conversation_id=conversation,
            thread_id=before.thread_id if kept else None,
            pinned=pin is not None,
        )
        self._changed()

    def bind(self) -> Flow:
        """Bind the open thread to where it is kept, if it is not bound yet."""
        common = self._common
        settings = common.acting()
        bound = common.bound
        if bound.thread_id is not None or bound.runtime_id is None:
            return
        opened = yield Keep(
            "ensure_thread",
            OpenBindingArgs(
                actor=settings.actor,
                conversation_id=bound.conversation_id or bound.runtime_id,
                runtime_conversation_id=bound.runtime_id,
                model=settings.model or UNSET,
                cwd=settings.cwd or UNSET,
                session_id=settings.session_id,
            ),
        )
        yield Keep(
            "ensure_session",
            SessionArgs(
                actor=settings.actor,
                session_id=settings.session_id,
                thread_id=opened.thread_id,
                last_event_cursor=0,
            ),
        )
        if common.bound is bound:
            bound.thread_id = opened.thread_id
            self._changed()

    def ask_unlocked(self, call: Call[Any]) -> Flow:
        """Make a request that changes a thread; not while a turn is in flight."""
        self._common.connected()
        self._turns.check_unlocked()
        return (yield Ask(call))

    def ask(self, call: Call[Any]) -> Flow:
        """Make a request that changes nothing here."""
        self._common.connected()
        return (yield Ask(call))

    def roll_back(self, thread_id: str, turns: int) -> Flow:
        """Take the last turns of a thread back.

        Args:
            thread_id: The thread.
            turns: How many.

        Returns:
            What Codex says of the thread then.
        """
        self._common.connected()
        self._turns.check_unlocked()
        if turns < 1:
            raise HostError("E_RUNTIME_CONFIG_INVALID", "numTurns must be at least 1.")
        read = yield Ask(requests.thread_read(thread_id, include_turns=True))
        known = read.thread.turns
        if not known:
            raise HostError("E_RUNTIME_CONFIG_INVALID", "The thread has no turn to take back.")
        first = known[max(0, len(known) - turns)]
        return (yield Ask(requests.thread_revert(thread_id, first.id)))


def _call(
    strategy: Strategy, thread_id: str, settings: p.ThreadSettings, tools: tuple[Any, ...]
) -> Call[ThreadOpened]:
    given: dict[str, Any] = {
        name: getattr(settings, name)
        for name in p.ThreadSettings.__struct_fields__
        if getattr(settings, name) is not UNSET
    }
    if strategy == "start":
        if tools:
            given["dynamic_tools"] = tools
        return requests.thread_start(p.ThreadStartParams(**given))
    if strategy == "resume":
        return requests.thread_resume(p.ThreadResumeParams(thread_id=thread_id, **given))
    return requests.thread_fork(p.ThreadForkParams(thread_id=thread_id, **given))
