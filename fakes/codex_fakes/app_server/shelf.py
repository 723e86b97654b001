"""Where stored threads are found again, and what is kept about them beside their rollouts.

May import rollouts, threads and the shared world. The real server keeps names and read states in
a database; here they are lines of one file, the last line about a thread being the valid one. The
invariant: the files are the truth about every thread that is not loaded, and are read anew each
time, because another server may work on the same home.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_fakes.app_server import dialect
from codex_fakes.app_server.rollout import SESSIONS, read_rollout

if TYPE_CHECKING:
    from codex_fakes.app_server.threads import Thread
    from codex_fakes.app_server.world import World

_STATES: Final = "simulated-threads.jsonl"
_INSTALLATION: Final = "installation_id"


class Shelf:
    """The threads below one home.

    Args:
        world: The shared part of the machine.
        home: The home, absolute.
    """

    def __init__(self, world: World, home: str) -> None:
        self._world = world
        self.home = home

    def find(self, thread_id: str) -> Thread | None:
        """Find a stored thread.

        Args:
            thread_id: Its id.

        Returns:
            The thread, not loaded; ``None`` when it has no rollout.
        """
        found = self._read(f"-{thread_id}.jsonl")
        return found[0] if found else None

    def open(self, path: str) -> Thread | None:
        """Read the thread of one rollout; ``None`` when there is none at that path."""
        found = self._read_all([path])
        return found[0] if found else None

    def stored(self) -> list[Thread]:
        """Every thread that has a rollout, not loaded."""
        return self._read(".jsonl")

    def remember(self, thread: Thread) -> None:
        """Keep a thread's name and read state."""
        state = {
            "id": thread.id,
            "name": thread.name,
            "firstUnread": thread.first_unread,
            "revision": thread.revision,
        }
        self._world.files.append(f"{self.home}/{_STATES}", dialect.encode(state) + b"\n")

    def installation_id(self) -> str:
        """The id of this home; made up the first time it is asked for."""
        path = f"{self.home}/{_INSTALLATION}"
        found = self._world.files.read(path)
        if found is not None:
            return found.decode().strip()
        made = self._world.ids.uuid4()
        self._world.files.write(path, made.encode())
        return made

    def _read(self, suffix: str) -> list[Thread]:
        return self._read_all(self._world.files.below(f"{self.home}/{SESSIONS}", suffix))

    def _read_all(self, paths: list[str]) -> list[Thread]:
        states = self._states() if paths else {}
        threads: list[Thread] = []
        for path in paths:
            data = self._world.files.read(path)
            thread = None if data is None else read_rollout(path, data)
            if thread is not None:
                state = states.get(thread.id, {})
                thread.name = state.get("name")
                thread.first_unread = state.get("firstUnread")
                thread.revision = state.get("revision")
                threads.append(thread)
        return threads

    def _states(self) -> dict[str, dict[str, Any]]:
        data = self._world.files.read(f"{self.home}/{_STATES}") or b""
        # The piece behind the last newline is what a crash tore, or nothing.
        lines = data.split(b"\n")[:-1]
        states = (msgspec.json.decode(line, type=dict[str, Any]) for line in lines)
        return {state["id"]: state for state in states}
