"""What all calls of the model have in common: whose they are, and how they are done.

May import streaming and, as types, threads and turns. The invariant: every call is counted as
finished exactly once, unless its turn ended before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from codex_fakes.app_server.model.streaming import Writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_fakes.app_server.storage.rollout import RolloutWriter
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.turn import Turn
    from codex_fakes.app_server.threads.world import World

    OnTurn: TypeAlias = Callable[[Thread, Turn], None]


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a call comes from.

    Attributes:
        thread: Its thread.
        turn: Its turn, which may end before the call does.
        epoch: The turn's epoch at the call.
        call_id: The model's id of the call.
    """

    thread: Thread
    turn: Turn
    epoch: int
    call_id: str

    @property
    def waits(self) -> bool:
        """Whether the turn still waits for the call."""
        return self.turn.running and self.turn.epoch == self.epoch

    @property
    def goes_on(self) -> bool:
        """Whether the turn waits for the call and is not about to be interrupted."""
        return self.waits and not self.turn.interrupting


class Calls:
    """The shared part of all tools.

    Args:
        world: The shared part of the machine.
        rollouts: Writes completed items down.
        finished: Called when a call is done and its turn still waits for it.
        cancelled: Called when the user cancels an approval, which ends the turn.
    """

    def __init__(
        self, world: World, rollouts: RolloutWriter, finished: OnTurn, cancelled: OnTurn
    ) -> None:
        self.world = world
        self.writing = Writing(world, rollouts)
        self._finished = finished
        self._cancelled = cancelled

    def finish(self, caller: Caller) -> None:
        """Count a call as done, so that the next one is taken up or the turn goes on."""
        if caller.waits:
            caller.turn.order.done()
            self._finished(caller.thread, caller.turn)

    def cancel(self, caller: Caller) -> None:
        """End the turn, because the user cancelled what the call asked."""
        self._cancelled(caller.thread, caller.turn)

    def waiting(self, thread: Thread, change: int) -> None:
        """Count the approvals a thread waits for; tell everybody when the flag changes."""
        before = bool(thread.waiting)
        thread.waiting += change
        if bool(thread.waiting) != before:
            self.world.set_status(thread)

    def asking(self, thread: Thread, *, asks: bool) -> None:
        """Say whether a thread waits for the user's input, and tell everybody."""
        thread.asking = asks
        self.world.set_status(thread)
