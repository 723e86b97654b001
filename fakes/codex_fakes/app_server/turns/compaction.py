"""Compaction: the model's summary takes the place of a context that is full, or too long.

May import items, settings, counts, writing and the shared world. It happens before a turn's first
request, between two requests of a turn, or in a turn of its own (thread/compact/start). The order
is that of recordings 08g and 16a2: the item starts; the counts are told again once the model
answers; then its usage, and the estimate of what is left; the item ends, and a warning follows.
The invariant: what the model writes meanwhile is never told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_fakes.app_server.configuration.settings import SKILLS_WARNING
from codex_fakes.app_server.threads.items import context_compaction

if TYPE_CHECKING:
    from codex_fakes.app_server.model.streaming import Writing
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.turn import Turn
    from codex_fakes.app_server.threads.world import World
    from codex_fakes.app_server.turns.counts import Counts

COMPACTION_WARNING: Final = (
    "Heads up: Long threads and multiple compactions can cause the model to be less accurate. "
    "Start a new thread when possible to keep threads small and targeted."
)


class Compaction:
    """Compacts the context of threads.

    Args:
        world: The shared part of the machine.
        writing: Announces items and writes them down.
        counts: Counts tokens.
    """

    def __init__(self, world: World, writing: Writing, counts: Counts) -> None:
        self._world = world
        self._writing = writing
        self._counts = counts

    def is_due(self, thread: Thread) -> bool:
        """Whether the context has to be compacted before the model is asked again."""
        limit = self._world.settings.auto_compact_token_limit
        return thread.compacts or (limit is not None and thread.last.total >= limit)

    def begin(self, thread: Thread, turn: Turn) -> None:
        """Announce that the context is compacted; the model has to be asked next."""
        item = context_compaction(self._world.ids.uuid7())
        turn.compaction = (item, self._writing.start_item(thread, turn.id, item))

    def finish(self, thread: Thread, turn: Turn) -> None:
        """Let the summary that the model has written take the context's place."""
        if turn.compaction is None:
            return
        item, started_ms = turn.compaction
        turn.compaction = None
        thread.compacts = False
        self._counts.report_usage(thread, turn)
        self.tell_skills(thread)
        self._counts.shrink_context(thread, turn)
        self._writing.complete_item(thread, turn.id, item, started_ms)
        self._world.warn(thread, COMPACTION_WARNING)

    def tell_skills(self, thread: Thread) -> None:
        """Warn that the skills do not fit into a new context, if they do not."""
        if self._world.settings.exceeds_skills_budget:
            self._world.warn(thread, SKILLS_WARNING)
