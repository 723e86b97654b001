"""Token counts and rate limits: what a turn used, and when that is told.

May import threads, turns, tools, rollouts and the shared world. The invariant: counts are told
together with the rate limits, counts first, and what a turn has changed is told again behind them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_fakes.app_server.threads.thread import Tokens
from codex_fakes.app_server.turns.limits import NO_LIMITS, limits_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_fakes.app_server.storage.rollout import RolloutWriter
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.turn import Turn
    from codex_fakes.app_server.threads.world import World
    from codex_fakes.app_server.tools.dispatch import Tools


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

    def note_limits(self, thread: Thread, headers: Mapping[str, str]) -> None:
        """Keep what an answer's headers say of the rate limits, until another one says more."""
        thread.rate_limits = limits_of(headers) or thread.rate_limits

    def report_usage(self, thread: Thread, turn: Turn) -> None:
        """Add the usage of a complete response up, and report."""
        if self.write_down(thread, turn):
            self._tell(thread)

    def conclude(self, thread: Thread, turn: Turn) -> None:
        """Report the usage of a response whose calls are done, and what the turn has changed.

        What a turn has changed is told after no other report: not when its stream is cut, not when
        it fails, not when it is interrupted while a call waits (seen on the binary).
        """
        if self.write_down(thread, turn):
            self._tell(thread)
            self._tools.tell_diff(thread, turn)

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
        """Report the counts again, when there are any yet, and always the rate limits.

        What is reported again is written down again, too, as the turn's.
        """
        self.repeat(thread, turn)
        self._tell(thread)

    def repeat(self, thread: Thread, turn: Turn) -> None:
        """Write the counts down again, as a turn's, when there are any yet."""
        if thread.usage_turn is not None:
            thread.usage_turn = turn.id
            self._rollouts.count_tokens(thread, turn.id)

    def _count(self, thread: Thread, turn: Turn) -> None:
        thread.usage_turn = turn.id
        self._rollouts.count_tokens(thread, turn.id)
        self._tell(thread)

    def _tell(self, thread: Thread) -> None:
        if thread.usage_turn is not None:
            usage = thread.token_usage(self._world.settings.model_context_window)
            self._world.tell_subscribers(thread, "thread/tokenUsage/updated", usage)
        # Of all account notifications this one alone goes to subscribers only (recording 15m).
        limits = {"rateLimits": thread.rate_limits or NO_LIMITS}
        self._world.tell_subscribers(thread, "account/rateLimits/updated", limits)
