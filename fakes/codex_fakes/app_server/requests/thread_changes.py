"""Requests that change what is kept about a thread: its name, its metadata and its goal.

May import the history, goals, rollouts, the shelf, the turn engine and the shared world. The
invariant: what is changed is kept before it is told, and a thread that is only loaded gets its
rollout by being changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.dialect.messages import INTERNAL, Refusal, Request
from codex_fakes.app_server.dialect.other_ids import unknown_project
from codex_fakes.app_server.dialect.thread_ids import parse_thread_id
from codex_fakes.app_server.threads.goals import (
    OBJECTIVE_LIMIT,
    is_active,
    new_goal,
    within_budget,
)

if TYPE_CHECKING:
    from codex_fakes.app_server.requests.history import History
    from codex_fakes.app_server.storage.rollout import RolloutWriter
    from codex_fakes.app_server.storage.shelf import Shelf
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.world import Connection, World
    from codex_fakes.app_server.turns.engine import TurnEngine

_GIT: Final = ("sha", "branch", "originUrl")


class ThreadChanges:
    """Handles the requests that change what is kept about a thread.

    Args:
        world: The shared part of the machine.
        rollouts: Writes rollouts.
        shelf: Keeps what is changed.
        history: Finds threads.
        engine: Pursues goals.
    """

    def __init__(
        self,
        world: World,
        rollouts: RolloutWriter,
        shelf: Shelf,
        history: History,
        engine: TurnEngine,
    ) -> None:
        self._world = world
        self._rollouts = rollouts
        self._shelf = shelf
        self._history = history
        self._engine = engine

    def _keep(self, thread: Thread) -> None:
        self._rollouts.materialize(thread)
        thread.touched_ms = self._world.clock.now_ms()
        thread.kept = True
        self._shelf.remember(thread)

    # --- names and metadata --------------------------------------------------------------------

    def set_name(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/name/set."""
        thread_id = parse_thread_id(params["threadId"])
        name = params["name"].strip()
        if not name:
            raise Refusal("thread name must not be empty")
        thread = self._world.threads.get(thread_id) or self._shelf.find(thread_id)
        if thread is None:
            raise Refusal(f"no rollout found for thread id {thread_id}")
        if thread.ephemeral:
            raise Refusal(f"ephemeral thread does not support metadata updates: {thread_id}")
        thread.name = name
        self._keep(thread)
        self._world.respond(client.number, request.id, {})
        self._world.tell_all("thread/name/updated", {"threadId": thread_id, "threadName": name})

    def update_metadata(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/metadata/update."""
        thread_id = parse_thread_id(params["threadId"])
        given = {name: params.get(name) for name in ("gitInfo", "daybreakEnabled", "projectId")}
        if not any(value is not None for value in given.values()):
            raise Refusal("thread metadata update must include at least one field")
        if given["projectId"]:
            raise unknown_project(given["projectId"])
        git = _git_update(given["gitInfo"])
        thread = self._history.known(thread_id)
        if thread is None and given["daybreakEnabled"] is not None:
            raise Refusal(f"thread not found: {thread_id}")
        if thread is None and given["projectId"] is not None:
            raise Refusal(
                "failed to read thread metadata: invalid thread-store request: no rollout found "
                f"for thread id {thread_id}",
                code=INTERNAL,
            )
        if thread is None:
            raise Refusal(f"no rollout found for thread id {thread_id}")
        if thread.ephemeral:
            raise Refusal(f"ephemeral thread does not support metadata updates: {thread_id}")
        self._rollouts.materialize(thread)
        changed = {**dict.fromkeys(_GIT), **(thread.git or {}), **git}
        thread.git = changed if any(value is not None for value in changed.values()) else None
        if given["daybreakEnabled"] is not None:
            thread.daybreak = given["daybreakEnabled"]
        self._keep(thread)
        shown = {**thread.on_wire(), "canAcceptDirectInput": None}
        self._world.respond(client.number, request.id, {"thread": shown})

    # --- goals ---------------------------------------------------------------------------------

    def _with_goals(self, params: dict[str, Any]) -> Thread:
        thread_id = parse_thread_id(params["threadId"])
        thread = self._world.threads.get(thread_id) or self._shelf.find(thread_id)
        if thread is None:
            raise Refusal(f"thread not found: {thread_id}")
        if thread.ephemeral:
            raise Refusal(f"ephemeral thread does not support goals: {thread_id}")
        return thread

    def get_goal(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/goal/get."""
        self._world.respond(client.number, request.id, {"goal": self._with_goals(params).goal})

    def set_goal(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/goal/set; a goal that is active starts turns when nothing else runs."""
        thread = self._with_goals(params)
        objective = params.get("objective")
        if objective is not None and not objective.strip():
            raise Refusal("goal objective must not be empty")
        if objective is not None and len(objective.strip()) > OBJECTIVE_LIMIT:
            raise Refusal(f"goal objective must be at most {OBJECTIVE_LIMIT} characters")
        if thread.turn is not None:
            self._engine.goals.count(thread, thread.turn)
        now = self._world.clock.now_ms() // 1000
        goal = thread.goal
        if goal is None:
            if objective is None:
                raise Refusal(f"cannot update goal for thread {thread.id}: no goal exists")
            goal = new_goal(thread.id, "", None, now)
        budget = params.get("tokenBudget")
        if budget is not None and budget < 1:
            raise Refusal("goal budgets must be positive when provided")
        changed = {
            **goal,
            "objective": goal["objective"] if objective is None else objective.strip(),
            "status": params.get("status") or goal["status"],
            "tokenBudget": params.get("tokenBudget", goal["tokenBudget"]),
            "updatedAt": now,
        }
        changed = within_budget(changed)
        is_another = is_active(thread.goal) and goal["objective"] != changed["objective"]
        thread.goal = changed
        thread.meter.root = None
        thread.preview = thread.preview or changed["objective"]
        self._keep(thread)
        self._world.respond(client.number, request.id, {"goal": changed})
        update = {"threadId": thread.id, "turnId": None, "goal": changed}
        self._world.tell_all("thread/goal/updated", update)
        if thread.turn is not None:
            thread.turn.nudged |= is_another and is_active(changed)
        else:
            self._engine.pursuit.go_on(thread)

    def clear_goal(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/goal/clear."""
        thread = self._with_goals(params)
        cleared = thread.goal is not None
        thread.goal = None
        if cleared:
            self._keep(thread)
        self._world.respond(client.number, request.id, {"cleared": cleared})
        if cleared:
            self._world.tell_all("thread/goal/cleared", {"threadId": thread.id})


def _git_update(given: dict[str, Any] | None) -> dict[str, str | None]:
    """The members of ``gitInfo`` that a request changes; ``None`` clears one."""
    if given is None:
        return {}
    update: dict[str, str | None] = {}
    for name in _GIT:
        if name in given:
            value = given[name]
            update[name] = None if value is None else value.strip()
            if update[name] == "":
                raise Refusal(f"gitInfo.{name} must not be empty")
    if not update:
        raise Refusal("gitInfo must include at least one field")
    return update
