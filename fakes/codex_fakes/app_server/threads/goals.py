"""Goals of threads, as the wire shows them: what makes one, what using tokens does to it.

May import the standard library only. The invariant: a goal is a value; whoever changes one makes a
new one, and what has been counted once is not counted again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Goal: TypeAlias = dict[str, Any]

OBJECTIVE_LIMIT: Final = 4000
"""Characters that a goal's objective may have."""
COUNTED: Final = frozenset({"active", "budgetLimited"})
"""The statuses in which what a turn uses is counted."""


def new_goal(thread_id: str, objective: str, budget: int | None, now: int) -> Goal:
    """Make a goal.

    Args:
        thread_id: The thread.
        objective: What is to be reached.
        budget: How many tokens it may take; ``None`` for any number.
        now: Seconds since the epoch.
    """
    return {
        "threadId": thread_id,
        "objective": objective,
        "status": "active",
        "tokenBudget": budget,
        "tokensUsed": 0,
        "timeUsedSeconds": 0,
        "createdAt": now,
        "updatedAt": now,
    }


def within_budget(goal: Goal) -> Goal:
    """The goal, limited if it is active and has used its budget up."""
    budget = goal["tokenBudget"]
    if goal["status"] != "active" or budget is None or goal["tokensUsed"] < budget:
        return goal
    return {**goal, "status": "budgetLimited"}


def is_active(goal: Goal | None) -> bool:
    """Whether there is a goal that the server goes on with by itself."""
    return goal is not None and goal["status"] == "active"


@dataclass(slots=True)
class GoalMeter:
    """How much of what a thread has used is counted already.

    Attributes:
        counted: Tokens of the thread that are counted.
        since_ms: Until when time is counted, in milliseconds.
        root: The turn in which the model set the goal itself; its turns are parts of that one.
    """

    counted: int = 0
    since_ms: int = 0
    root: str | None = None

    def restart(self, spent: int, now_ms: int) -> None:
        """Count from here on."""
        self.counted, self.since_ms = spent, now_ms

    def read(self, spent: int, now_ms: int) -> tuple[int, int]:
        """Count what has been used since the last time.

        Args:
            spent: Tokens that the thread has used in all.
            now_ms: Milliseconds since the epoch.

        Returns:
            Tokens, and whole seconds.
        """
        # A context that is full makes the counts of its thread smaller than they were.
        tokens, self.counted = max(spent - self.counted, 0), spent
        seconds = (now_ms - self.since_ms) // 1000
        self.since_ms += seconds * 1000
        return tokens, seconds
