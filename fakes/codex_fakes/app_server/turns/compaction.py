"""Compaction: the model's summary takes the place of a context that is full, or too long.

May import items, settings, counts, writing and the shared world. It happens before a turn's first
request, between two requests of a turn, or in a turn of its own (thread/compact/start). The order
is that of recordings 08g and 16a2: the item starts; the counts are told again once the model
answers; then its usage, and the estimate of what is left; the item ends, and a warning follows.
The invariant: what the model writes meanwhile is never told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_fakes.app_server.configuration.settings import skills_warning
from codex_fakes.app_server.threads.items import context_compaction
from codex_fakes.app_server.threads.turn import Compacting

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

_CONTEXT_ITEMS: Final = 2
"""Items that a context begins with: what the model is told to be, and where it works."""


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

    def begin(self, thread: Thread, turn: Turn, *, midway: bool = False) -> None:
        """Announce that the context is compacted; the model has to be asked next.

        Args:
            thread: The thread.
            turn: Its turn.
            midway: See :class:`Compacting`.
        """
        item = context_compaction(self._world.ids.uuid7())
        started_ms = self._writing.start_item(thread, turn.id, item)
        turn.compaction = Compacting(item, started_ms, midway, _CONTEXT_ITEMS + _remembered(thread))

    def finish(self, thread: Thread, turn: Turn) -> None:
        """Let the summary that the model has written take the context's place."""
        if turn.compaction is None:
            return
        item, started_ms, midway, _ = turn.compaction
        turn.compaction = None
        thread.compacts = False
        self._counts.report_usage(thread, turn)
        if not midway:
            self.renew(thread)
        self._counts.shrink_context(thread, turn)
        self._writing.complete_item(thread, turn.id, item, started_ms)
        self._world.warn(thread, COMPACTION_WARNING)

    def open(self, thread: Thread) -> None:
        """Make a thread's context, if it has none, or one that was made for another model."""
        if thread.context_model != thread.settings.model:
            self.renew(thread)

    def renew(self, thread: Thread) -> None:
        """Make a thread's context anew, and warn of what does not fit into it."""
        thread.context_model = thread.settings.model
        warning = skills_warning(self._world.settings.model_context_window)
        if warning is not None:
            self._world.warn(thread, warning)


def _remembered(thread: Thread) -> int:
    """How many items the model remembers of a thread."""
    items = [stored.item["type"] for record in thread.records for stored in record.items]
    places = [place for place, kind in enumerate(items) if kind == "contextCompaction"]
    if not places:
        return len(items)
    # A compaction leaves what the user said, and its summary.
    return items[: places[-1]].count("userMessage") + len(items) - places[-1]
