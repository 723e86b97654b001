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
    from codex_runtime.host.holding import Holding
    from codex_runtime.host.turn_control import TurnControl
    from codex_runtime.protocol.results import ThreadOpened

Strategy: TypeAlias = Literal["start", "resume", "fork"]


class ThreadControl:
    """The open thread.

    Args:
        common: What the parts share.
        turns: The turn in flight: while there is one, the thread is locked.
        changed: Called whenever what is shown of the thread has changed.
        holding: Holds messages back while it is open which thread they are of.
        tools: The tools that every new thread is started with.
    """

    def __init__(
        self,
        common: Common,
        turns: TurnControl,
        changed: Callable[[], None],
        holding: Holding,
        tools: tuple[Any, ...] = (),
    ) -> None:
        self._common = common
        self._turns = turns
        self._changed = changed
        self._holding = holding
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
        pinned = "" if pin is None else pin.strip()
        self._turns.switching = True
        try:
            yield from self._turns.look_first()
            opened: ThreadOpened = yield from self._open(call, pinned or None)
        finally:
            self._turns.switching = False
        self._turns.dispatch_next()
        return opened

    def _open(self, call: Call[ThreadOpened], pin: str | None) -> Flow:
        # What is said of the thread comes after the answer, and counts when it is bound.
        self._holding.begin()
        try:
            opened: ThreadOpened = yield Ask(call)
            turns = opened.thread.turns
            self._switch(opened.thread.id, pin, begun=bool(turns))
            try:
                yield from self.bind()
            finally:
                if turns and turns[-1].status == "inProgress":
                    # It goes on; another turn would only say more in it.
                    self._turns.current.started(turns[-1].id)
        finally:
            self._holding.end()
        return opened

    def _switch(self, runtime_id: str, pin: str | None, *, begun: bool) -> None:
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
            begun=begun,
            in_step=kept and before.in_step,
        )
        self._changed()

    def bind(self) -> Flow:
        """Bind the open thread to where it is kept, and bring that into step, if it is not yet."""
        bound = self._common.bound
        if bound.runtime_id is None or self._common.ready:
            return
        self._holding.begin()
        try:
            if bound.thread_id is None:
                yield from self._bind(bound, bound.runtime_id)
            yield from self._turns.bring_into_step()
        finally:
            self._holding.end()

    def _bind(self, bound: Bound, runtime_id: str) -> Flow:
        common = self._common
        settings = common.acting()
        opened = yield Keep(
            "ensure_thread",
            OpenBindingArgs(
                actor=settings.actor,
                conversation_id=bound.conversation_id or runtime_id,
                runtime_conversation_id=runtime_id,
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
