"""Pursuing a thread's goal: what turns use is counted, and the model makes and ends goals.

May import calls, goals, the shelf and the shared world. The rules, all seen on the binary:

* Tokens count as input that was not cached, plus output. They are counted when a call is done and
  when a turn ends, and told if there is anything new.
* A goal whose budget is used up is limited; a turn that fails blocks its goal, or finds it limited
  by the account's usage. Counting goes on for a goal that its budget limits, and for no other.
* The model may set a goal where there is none, or only one that is complete; it may complete or
  block any goal. What it says wrongly only the model is told.

The invariant: a goal that has changed is kept before it is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_fakes.app_server.threads.goals import (
    COUNTED,
    OBJECTIVE_LIMIT,
    is_active,
    new_goal,
    within_budget,
)

if TYPE_CHECKING:
    from codex_fakes.app_server.storage.shelf import Shelf
    from codex_fakes.app_server.threads.goals import Goal
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.turn import Turn
    from codex_fakes.app_server.threads.world import World

_ENDS: Final = frozenset({"complete", "blocked"})


class _Created(msgspec.Struct, forbid_unknown_fields=True):
    objective: str
    token_budget: int | None = None


class _Updated(msgspec.Struct, forbid_unknown_fields=True):
    status: str


class Goals:
    """Keeps the goals of threads up to date.

    Args:
        world: The shared part of the machine.
        shelf: Keeps goals.
    """

    def __init__(self, world: World, shelf: Shelf) -> None:
        self._world = world
        self._shelf = shelf

    # --- counting ------------------------------------------------------------------------------

    def begin(self, thread: Thread) -> None:
        """Count from here on, because a turn starts."""
        thread.meter.restart(_spent(thread, None), self._world.clock.now_ms())

    def count(self, thread: Thread, turn: Turn) -> None:
        """Count what a turn has used since the last time, and tell if that is anything."""
        goal = self._counted(thread, turn)
        if goal is not thread.goal and goal is not None:
            self._keep(thread, turn, goal)

    def fail(self, thread: Thread, turn: Turn, info: Any) -> None:
        """Stop pursuing a goal, because a turn failed.

        Args:
            thread: The thread.
            turn: The turn.
            info: What kind of failure it was, as ``codexErrorInfo``.
        """
        goal = self._counted(thread, turn)
        if goal is not None and is_active(thread.goal):
            status = "usageLimited" if info == "usageLimitExceeded" else "blocked"
            self._keep(thread, turn, {**goal, "status": status})
        elif goal is not None and goal is not thread.goal:
            self._keep(thread, turn, goal)

    def _counted(self, thread: Thread, turn: Turn) -> Goal | None:
        """A thread's goal with what was used since the last time; itself if that is nothing."""
        now_ms = self._world.clock.now_ms()
        tokens, seconds = thread.meter.read(_spent(thread, turn), now_ms)
        goal = thread.goal
        if goal is None or goal["status"] not in COUNTED or not (tokens or seconds):
            return goal
        return within_budget(
            {
                **goal,
                "tokensUsed": goal["tokensUsed"] + tokens,
                "timeUsedSeconds": goal["timeUsedSeconds"] + seconds,
                "updatedAt": now_ms // 1000,
            }
        )

    # --- the model's tools ---------------------------------------------------------------------

    def create(self, thread: Thread, turn: Turn, arguments: dict[str, Any] | str) -> None:
        """Let the model set a goal: ``create_goal``."""
        wanted = _read(arguments, _Created)
        if wanted is None or (thread.goal is not None and thread.goal["status"] != "complete"):
            return
        objective, budget = wanted.objective.strip(), wanted.token_budget
        if not 0 < len(objective) <= OBJECTIVE_LIMIT or (budget is not None and budget < 1):
            return
        now_ms = self._world.clock.now_ms()
        thread.meter.restart(_spent(thread, turn), now_ms)
        thread.meter.root = turn.root or turn.id
        self._keep(thread, turn, new_goal(thread.id, objective, budget, now_ms // 1000))

    def update(self, thread: Thread, turn: Turn, arguments: dict[str, Any] | str) -> None:
        """Let the model end its goal: ``update_goal``."""
        wanted = _read(arguments, _Updated)
        if wanted is None or wanted.status not in _ENDS or thread.goal is None:
            return
        self.count(thread, turn)
        now = self._world.clock.now_ms() // 1000
        self._keep(thread, turn, {**thread.goal, "status": wanted.status, "updatedAt": now})

    def _keep(self, thread: Thread, turn: Turn, goal: Goal) -> None:
        thread.goal = goal
        self._shelf.remember(thread)
        update = {"threadId": thread.id, "turnId": turn.id, "goal": goal}
        self._world.tell_all("thread/goal/updated", update)


def _spent(thread: Thread, turn: Turn | None) -> int:
    """The tokens that a thread has used, those of a response included whose calls are not done."""
    total = thread.total.input - thread.total.cached + thread.total.output
    # Tokens of a review are never counted.
    if turn is None or turn.usage is None or turn.kind == "review":
        return total
    pending = type(thread.total)(*turn.usage)
    return total + pending.input - pending.cached + pending.output


def _read(arguments: dict[str, Any] | str, wanted: type[Any]) -> Any:
    try:
        if isinstance(arguments, str):
            return msgspec.json.decode(arguments, type=wanted)
        return msgspec.convert(arguments, wanted)
    except msgspec.MsgspecError:
        return None
