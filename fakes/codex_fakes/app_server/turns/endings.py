"""How turns end: completed, failed or interrupted, each in the order of FACTS §8, §10 and §12.

May import threads, goals, turns, the shelf, rollouts and the shared world. The invariant: a turn's
end is written down before it is told, and told exactly once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from codex_fakes.app_server.threads.goals import is_active

if TYPE_CHECKING:
    from codex_fakes.app_server.dialect.messages import RpcId
    from codex_fakes.app_server.storage.rollout import RolloutWriter
    from codex_fakes.app_server.storage.shelf import Shelf
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.turn import Turn
    from codex_fakes.app_server.threads.world import World


class Endings:
    """Ends turns that have moved to their end.

    Args:
        world: The shared part of the machine.
        rollouts: Writes ends down.
        shelf: Keeps read states.
    """

    def __init__(self, world: World, rollouts: RolloutWriter, shelf: Shelf) -> None:
        self._world = world
        self._rollouts = rollouts
        self._shelf = shelf

    def complete(self, thread: Thread, turn: Turn) -> None:
        """End a turn whose model has nothing more to do."""
        self.close(thread, turn, "completed", None)
        # Nobody has to read what goes on by itself.
        if turn.last_message is not None and not is_active(thread.goal):
            self._mark_unread(thread, turn)
        self._answer(thread.hanging)
        self._come_to_rest(thread)
        self._tell(thread, turn)

    def fail(self, thread: Thread, turn: Turn, error: dict[str, Any]) -> None:
        """End a turn that failed; its status and its error have been told."""
        self.close(thread, turn, "failed", error)
        self._mark_unread(thread, turn)
        self._answer(thread.hanging)
        self._tell(thread, turn)

    def interrupt(self, thread: Thread, turn: Turn) -> None:
        """End a turn that was interrupted; its pending requests need no answer any more."""
        pending = self._world.withdraw(thread)
        thread.waiting = 0
        thread.asking = False
        self.close(thread, turn, "interrupted", None)
        if turn.last_message is not None:
            self._mark_unread(thread, turn)
        self._answer(thread.hanging)
        self._answer(turn.interrupts)
        thread.ghost = turn.id
        self._come_to_rest(thread)
        self._tell(thread, turn)
        for request in pending:
            self._world.resolved(request)

    def close(
        self,
        thread: Thread,
        turn: Turn,
        status: Literal["completed", "failed", "interrupted"],
        error: dict[str, Any] | None,
    ) -> None:
        """Write a turn's end down, and let the thread go of it.

        Args:
            thread: The thread.
            turn: The turn.
            status: How it ended.
            error: Why it failed.
        """
        turn.void()
        now_ms = self._world.clock.now_ms()
        record = thread.record_of(turn.id)
        record.status = status
        record.error = error
        record.completed_at = now_ms // 1000
        record.duration_ms = now_ms - turn.started_ms
        message = None if turn.last_message is None else turn.last_message["text"]
        self._rollouts.end_turn(thread, record, message)
        thread.turn = None

    def _come_to_rest(self, thread: Thread) -> None:
        """Say that a thread is idle, unless an error that was no turn's came meanwhile."""
        if thread.status != "systemError":
            thread.status = "idle"
            self._world.set_status(thread)

    def _mark_unread(self, thread: Thread, turn: Turn) -> None:
        """Mark a thread as unread: a turn failed, or the model has said something."""
        if thread.ephemeral or not thread.of_user:
            return
        thread.first_unread = thread.first_unread or turn.id
        thread.revision = self._world.ids.uuid4()
        self._shelf.remember(thread)
        self._world.tell_subscribers(
            thread,
            "thread/readState/changed",
            {"threadId": thread.id, "readState": thread.read_state()},
        )

    def _tell(self, thread: Thread, turn: Turn) -> None:
        ended = thread.record_of(turn.id).on_wire("notLoaded")
        stray, thread.stray_error = thread.stray_error, None
        if stray is not None and ended["status"] == "completed":
            ended |= {"status": "failed", "error": stray}
        elif turn.last_message is not None and ended["status"] == "completed":
            ended["items"] = [turn.last_message]
            ended["itemsView"] = "summary"
        self._world.tell_subscribers(
            thread, "turn/completed", {"threadId": thread.id, "turn": ended}
        )

    def _answer(self, waiting: list[tuple[int, RpcId]]) -> None:
        for client, request_id in waiting:
            self._world.respond(client, request_id, {})
        waiting.clear()
