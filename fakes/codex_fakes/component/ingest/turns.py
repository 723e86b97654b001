"""The turns of a batch: which there are, what the batch says of them, what is written.

May import the callers and the contract's states. The invariant: a turn moves by its table alone,
and one that has ended is brought to its end again whenever something late arrives for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_fakes.component.callers import check_turn_writable, find_turn
from codex_fakes.component.endings import ending, reconcile_soon
from codex_runtime.contract.states import TURN

if TYPE_CHECKING:
    from codex_fakes.component.callers import Caller
    from codex_fakes.component.ingest.events import Event
    from codex_fakes.component.rows import Row


class Turns:
    """The turns of a batch.

    Args:
        ctx: The function's context.
        caller: Whose they are.
        thread: Their thread.
    """

    def __init__(self, ctx: Any, caller: Caller, thread: Row) -> None:
        self._ctx = ctx
        self._caller = caller
        self._thread = thread
        self._turns: dict[str, Row] = {}
        self._stored: dict[str, Row] = {}

    def take(self, turn_id: str, event: Event) -> Row:
        """Take in what an event says of its turn.

        Args:
            turn_id: The turn.
            event: The event.

        Returns:
            The turn as it is now.

        Raises:
            ContractError: ``E_TURN_DELETING``.
        """
        turn = self._turns.get(turn_id)
        if turn is None:
            turn = find_turn(self._ctx, self._caller, self._thread["threadId"], turn_id)
            if turn is None:
                turn = self._insert(turn_id)
            else:
                check_turn_writable(turn)
            self._turns[turn_id] = turn
            self._stored[turn_id] = dict(turn)
        word = event.turn_event
        status = TURN.move(turn["status"], word, f"Turn {turn_id}")
        if event.terminal is not None:
            turn |= ending(turn, status, event.terminal.status, event.terminal.error)
            turn.setdefault("completedAt", self._ctx.now())
        turn["status"] = status
        return turn

    def flush(self, delete_delay: float) -> None:
        """Write what has changed, and set going what follows from a turn's end."""
        for turn_id, turn in self._turns.items():
            before = self._stored[turn_id]
            changes = {name: value for name, value in turn.items() if before.get(name) != value}
            if changes:
                self._ctx.db.patch(turn["_id"], changes)
            if turn["status"] in TURN.terminal:
                reconcile_soon(self._ctx, turn, delete_delay)

    def _insert(self, turn_id: str) -> Row:
        thread_id = self._thread["threadId"]
        row = {
            **self._caller.owner,
            "threadId": thread_id,
            "threadRef": self._thread["_id"],
            "turnId": turn_id,
            "status": "queued",
            "idempotencyKey": f"sync:{thread_id}:{turn_id}",
            "startedAt": self._ctx.now(),
        }
        return {**row, "_id": self._ctx.db.insert("codex_turns", row)}
