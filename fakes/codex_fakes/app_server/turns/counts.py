"""Token counts and rate limits: what a turn used, and when that is told.

May import threads, turns, tools, rollouts and the shared world. The invariant: counts are told
together with the rate limits, counts first, and what a turn has changed is told again behind them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.threads.thread import Tokens

if TYPE_CHECKING:
    from codex_fakes.app_server.storage.rollout import RolloutWriter
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.turn import Turn
    from codex_fakes.app_server.threads.world import World
    from codex_fakes.app_server.tools.dispatch import Tools

RATE_LIMITS: Final[dict[str, Any]] = {
    "rateLimits": {
        "limitId": "codex",
        "limitName": None,
        "normalModelSlug": None,
        "primary": None,
        "secondary": None,
        "credits": None,
        "individualLimit": None,
        "spendControlReached": None,
        "planType": None,
        "rateLimitReachedType": None,
    }
}
"""The rate limits of a provider that reports none."""


class Counts:
    """Counts tokens and tells about them.

    Args:
        world: The shared part of the machine.
        rollouts: Writes counts down.
        tools: Tells what a turn has changed.
    """

    def __init__(self, world: World, rollouts: RolloutWriter, tools: Tools) -> None:
        self._world = world
        self._rollouts = rollouts
        self._tools = tools

    def report_usage(self, thread: Thread, turn: Turn) -> None:
        """Add the usage of a complete response up, and report."""
        if self.write_down(thread, turn):
            self.report(thread, turn)

    def write_down(self, thread: Thread, turn: Turn) -> bool:
        """Add the usage of a complete response up without telling anybody.

        Returns:
            Whether there was a usage that had not been added yet.
        """
        if turn.usage is None:
            return False
        thread.last = Tokens(*turn.usage)
        thread.total = thread.total.plus(thread.last)
        turn.usage = None
        thread.usage_turn = turn.id
        self._rollouts.count_tokens(thread, turn.id)
        return True

    def fill_context(self, thread: Thread, turn: Turn) -> None:
        """Count the context window as full, because the model said so, and report."""
        window = self._world.settings.model_context_window
        thread.last = Tokens(window - thread.total.total)
        thread.total = Tokens(window)
        thread.compacts = True
        self._count(thread, turn)

    def shrink_context(self, thread: Thread, turn: Turn) -> None:
        """Estimate the context after a compaction, and report."""
        thread.last = Tokens(self._world.settings.compacted_context_tokens)
        self._count(thread, turn)

    def report(self, thread: Thread, turn: Turn) -> None:
        """Report the counts, when there are any yet, and always the rate limits."""
        counted = thread.usage_turn is not None
        if counted:
            thread.usage_turn = turn.id
            usage = thread.token_usage(self._world.settings.model_context_window)
            self._world.tell_subscribers(thread, "thread/tokenUsage/updated", usage)
        # Of all account notifications this one alone goes to subscribers only (recording 15m).
        self._world.tell_subscribers(thread, "account/rateLimits/updated", RATE_LIMITS)
        if counted:
            self._tools.tell_diff(thread, turn)

    def _count(self, thread: Thread, turn: Turn) -> None:
        thread.usage_turn = turn.id
        self._rollouts.count_tokens(thread, turn.id)
        self.report(thread, turn)
