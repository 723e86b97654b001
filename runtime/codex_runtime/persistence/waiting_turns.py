"""Turns that were accepted and wait to be run, or run, where no outbox keeps them.

May import the contract. No IO. The invariants: the turns of a thread are claimed in the order in
which they were accepted, each once; a turn that is accepted again under its key is the same turn.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from codex_runtime.contract.endpoints import runtime_owned as owned
from codex_runtime.contract.functions import turns
from codex_runtime.contract.limits import LEASE_DEFAULT
from codex_runtime.contract.shapes import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS_MOST: Final = 1_024
"""Idempotency keys that are remembered: who asks again does so soon."""


def system_now_ms() -> float:
    """The time, in milliseconds since the epoch."""
    return float(int(time.time() * 1_000))


@dataclass(frozen=True, slots=True)
class _Waiting:
    accepted: owned.AcceptedTurnSend
    idempotency_key: str
    input_text: str


class WaitingTurns:
    """The turns of all threads that wait or run; gone with the process.

    Args:
        now_ms: The time, in milliseconds since the epoch.
    """

    def __init__(self, now_ms: Callable[[], float] = system_now_ms) -> None:
        self._now = now_ms
        self._waiting: dict[str, deque[_Waiting]] = {}
        self._running: dict[tuple[str, str], str] = {}
        self._known: OrderedDict[tuple[str, str], owned.AcceptedTurnSend] = OrderedDict()

    def accept(
        self, args: owned.AcceptTurnSendArgs, accepted: owned.AcceptedTurnSend | None = None
    ) -> owned.AcceptedTurnSend:
        """Take a turn; one that is known by its key waits no second time.

        Args:
            args: The turn.
            accepted: What somebody else has made of it, where somebody has.

        Returns:
            The turn as it was accepted, perhaps earlier.
        """
        key = (args.thread_id, args.idempotency_key)
        if key in self._known:
            return self._known[key]
        if accepted is None:
            accepted = owned.AcceptedTurnSend(
                dispatch_id=args.turn_id if args.dispatch_id is UNSET else args.dispatch_id,
                turn_id=args.turn_id,
                accepted=True,
            )
        self._known[key] = accepted
        if len(self._known) > KEYS_MOST:
            self._known.popitem(last=False)
        waiting = _Waiting(accepted, args.idempotency_key, args.input_text)
        self._waiting.setdefault(args.thread_id, deque()).append(waiting)
        return accepted

    def fail(self, args: owned.FailTurnSendArgs) -> None:
        """Let go of a turn that will not be run."""
        waiting = self._waiting.get(args.thread_id, deque())
        for one in [one for one in waiting if one.accepted.turn_id == args.turn_id]:
            waiting.remove(one)

    def claim(self, args: turns.ClaimArgs) -> turns.Claimed | None:
        """Take the next turn of a thread; ``None`` when none waits."""
        waiting = self._waiting.get(args.thread_id)
        if not waiting:
            return None
        first = waiting.popleft()
        self._running[args.thread_id, first.accepted.dispatch_id] = first.accepted.turn_id
        lease = LEASE_DEFAULT if args.lease_ms is UNSET else args.lease_ms
        return turns.Claimed(
            dispatch_id=first.accepted.dispatch_id,
            turn_id=first.accepted.turn_id,
            idempotency_key=first.idempotency_key,
            input_text=first.input_text,
            claim_token=str(uuid4()),
            lease_expires_at=self._now() + lease,
            attempt_count=1,
            status="claimed",
        )

    def running(self, thread_id: str, dispatch_id: str) -> str | None:
        """Give the turn of a dispatch that was claimed and has not ended.

        Args:
            thread_id: The thread.
            dispatch_id: The dispatch.
        """
        return self._running.get((thread_id, dispatch_id))

    def ended(self, thread_id: str, dispatch_id: str) -> None:
        """Let go of a turn that was claimed; of another one nothing is known.

        Args:
            thread_id: The thread.
            dispatch_id: The dispatch.
        """
        self._running.pop((thread_id, dispatch_id), None)
