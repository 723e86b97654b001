"""Where stored threads are found again, and what is kept about them beside their rollouts.

May import rollouts, threads and the shared world. The real server keeps names, read states, goals
and the like in a database; here they are lines of one file, the last line about a thread being the
valid one. A thread has one rollout file, and one more each time it is reverted; the newest counts,
and the older ones stay, because the newer ones go on from them. The invariant: the files are the
truth about every thread that is not loaded, and are read anew each time, because another server
may work on the same home.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_fakes.app_server.dialect import messages as dialect
from codex_fakes.app_server.dialect.messages import Refusal
from codex_fakes.app_server.storage.rollout import SESSIONS
from codex_fakes.app_server.storage.rollout_reading import complete_lines, read_thread

if TYPE_CHECKING:
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.world import World

ARCHIVED: Final = "archived_sessions"
_STATES: Final = "simulated-threads.jsonl"
_FILE: Final = re.compile(
    r"rollout-(\d{4})-(\d\d)-(\d\d)T[\d-]{8}-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(_.+)?\.jsonl"
)


class Shelf:
    """The threads below one home.

    Args:
        world: The shared part of the machine.
        home: The home, absolute.
    """

    def __init__(self, world: World, home: str) -> None:
        self._world = world
        self.home = home

    # --- finding threads -----------------------------------------------------------------------

    def find(self, thread_id: str, *, archived: bool = False) -> Thread | None:
        """Find a stored thread.

        Args:
            thread_id: Its id.
            archived: Whether to look among the archived threads instead of the others.

        Returns:
            The thread, not loaded; ``None`` when it has no rollout there.
        """
        paths = self._rollouts(thread_id, ARCHIVED if archived else SESSIONS)
        return self._read(paths[-1], self._states()) if paths else None

    def at(self, path: str) -> Thread:
        """Read the thread of the rollout that a client names.

        Args:
            path: Where it is; seen from the home when it does not begin at the root.

        Raises:
            Refusal: There is none.
        """
        place = posixpath.join(self.home, path)
        found = self._read(place, self._states())
        if found is not None:
            return found
        if self._world.files.is_folder(place):
            raise Refusal(f"failed to resolve rollout path `{place}`: path is a directory")
        raise Refusal(f"failed to resolve rollout path `{place}`: file does not exist")

    def stored(self, *, archived: bool = False) -> list[Thread]:
        """Every thread that has a rollout, not loaded; once for each of its files.

        Args:
            archived: Whether to look among the archived threads instead of the others.
        """
        paths = self._below(ARCHIVED if archived else SESSIONS)
        states = self._states() if paths else {}
        read = (self._read(path, states) for path in paths)
        return [thread for thread in read if thread is not None]

    def lines(self, name: str) -> list[dict[str, Any]] | None:
        """The lines of a rollout.

        Args:
            name: The name of its file.
        """
        for place in (SESSIONS, ARCHIVED):
            for path in self._world.files.below(f"{self.home}/{place}", name):
                data = self._world.files.read(path)
                if data is not None:
                    return complete_lines(data)
        return None

    def is_referenced(self, thread_id: str) -> bool:
        """Whether the history of another thread goes on from lines of this one."""
        names = {
            posixpath.basename(path)
            for place in (SESSIONS, ARCHIVED)
            for path in self._rollouts(thread_id, place)
        }
        for path in (*self._below(SESSIONS), *self._below(ARCHIVED)):
            lines = self.lines(posixpath.basename(path))
            if not lines or lines[0]["payload"]["id"] == thread_id:
                continue
            base = lines[0]["payload"].get("history_base")
            if base is not None and base["rollout"] in names:
                return True
        return False

    # --- moving threads ------------------------------------------------------------------------

    def archive(self, thread_id: str) -> None:
        """Move the rollouts of a thread to the archive."""
        for path in self._rollouts(thread_id, SESSIONS):
            name = posixpath.basename(path)
            self._world.files.move(path, f"{self.home}/{ARCHIVED}/{name}")

    def unarchive(self, thread_id: str) -> None:
        """Move the rollouts of a thread back from the archive."""
        for path in self._rollouts(thread_id, ARCHIVED):
            name = posixpath.basename(path)
            found = _FILE.fullmatch(name)
            day = "/".join(found.group(1, 2, 3)) if found else ""
            self._world.files.move(path, f"{self.home}/{SESSIONS}/{day}/{name}")

    def delete(self, thread_id: str) -> None:
        """Remove the rollouts of a thread, and what is kept beside them."""
        for place in (SESSIONS, ARCHIVED):
            for path in self._rollouts(thread_id, place):
                self._world.files.remove(path)
        self._write_state({"id": thread_id})

    # --- what is kept beside rollouts ----------------------------------------------------------

    def remember(self, thread: Thread) -> None:
        """Keep what a thread's rollout does not say; nothing of one that is ephemeral."""
        if thread.ephemeral:
            return
        self._write_state(
            {
                "id": thread.id,
                "name": thread.name,
                "firstUnread": thread.first_unread,
                "revision": thread.revision,
                "preview": thread.preview,
                "git": thread.git,
                "daybreak": thread.daybreak,
                "goal": thread.goal,
                "touched": thread.touched_ms,
            }
        )

    def _write_state(self, state: dict[str, Any]) -> None:
        self._world.files.append(f"{self.home}/{_STATES}", dialect.encode(state) + b"\n")

    def _states(self) -> dict[str, dict[str, Any]]:
        data = self._world.files.read(f"{self.home}/{_STATES}") or b""
        # The piece behind the last newline is what a crash tore, or nothing.
        lines = data.split(b"\n")[:-1]
        states = (msgspec.json.decode(line, type=dict[str, Any]) for line in lines)
        return {state["id"]: state for state in states}

    # --- files ---------------------------------------------------------------------------------

    def _below(self, place: str) -> list[str]:
        return self._world.files.below(f"{self.home}/{place}", ".jsonl")

    def _rollouts(self, thread_id: str, place: str) -> list[str]:
        """The files of a thread, the oldest first."""
        found: list[tuple[str, str]] = []
        for path in self._below(place):
            match = _FILE.fullmatch(posixpath.basename(path))
            if match is not None and match.group(4) == thread_id:
                found.append((match.group(5) or "", path))
        return [path for _, path in sorted(found)]

    def _read(self, path: str, states: dict[str, dict[str, Any]]) -> Thread | None:
        data = self._world.files.read(path)
        thread = None if data is None else read_thread(path, data, self.lines)
        if thread is not None:
            thread.kept = True
            state = states.get(thread.id, {})
            thread.name = state.get("name")
            thread.first_unread = state.get("firstUnread")
            thread.revision = state.get("revision")
            thread.preview = state.get("preview") or thread.own_preview
            thread.git = state.get("git", thread.git)
            thread.daybreak = state.get("daybreak")
            thread.goal = state.get("goal")
            thread.touched_ms = state.get("touched", 0)
        return thread
