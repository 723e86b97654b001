"""The turns that the server starts by itself, to go on with a thread's goal.

May import goals, items, turns and the shared world. Such a turn has no message of the user. It
starts when a turn has been completed, or when a goal is set or a thread is opened, if nothing else
runs; never behind an interrupt or a failure, and not while the user plans with the model. The
invariant: whatever a client wants of a thread meanwhile comes first.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from codex_fakes.app_server.threads.goals import is_active
from codex_fakes.app_server.threads.items import input_text
from codex_fakes.app_server.threads.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.world import World

IDLE_MS: Final = 10
"""Milliseconds that a thread is idle before the server goes on with its goal."""


class Pursuit:
    """Starts the turns in which goals are pursued.

    Args:
        world: The shared part of the machine.
        begin: Starts a turn of a thread that has none.
    """

    def __init__(self, world: World, begin: Callable[[Thread, Turn], None]) -> None:
        self._world = world
        self._begin = begin

    def go_on(self, thread: Thread) -> None:
        """Go on with a thread's goal soon, if it is active."""
        if is_active(thread.goal):
            self._world.after(IDLE_MS, partial(self._start, thread))

    def _start(self, thread: Thread) -> None:
        loaded = self._world.threads.get(thread.id) is thread
        plans = thread.settings.collaboration_mode()["mode"] == "plan"
        if not loaded or plans or thread.turn is not None or not is_active(thread.goal):
            return
        turn = Turn(self._world.ids.uuid7(), root=thread.meter.root)
        turn.newest_text = _newest_text(thread)
        self._begin(thread, turn)


def _newest_text(thread: Thread) -> str:
    """What the user said last in a thread; empty before that."""
    for record in reversed(thread.records):
        for stored in reversed(record.items):
            if stored.item["type"] == "userMessage":
                return input_text(stored.item["content"])
    return ""
