"""Requests that make, move and remove threads: fork, revert, archive, unarchive and delete.

May import the history, the making of threads, rollouts, the shelf, the turn engine and the shared
world. The orders are those of FACTS §7 and of recordings 08d, 08e, 08h, 15m and 16b: a turn that
runs is interrupted first, a loaded thread is said to be not loaded, and only then is anything
refused because of what other threads need. The invariant: a thread that is archived or deleted is
not loaded.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from codex_fakes.app_server.configuration.ignored_settings import ignored_names, ignored_text
from codex_fakes.app_server.dialect.messages import Refusal, Request
from codex_fakes.app_server.dialect.thread_ids import parse_thread_id
from codex_fakes.app_server.requests.thread_starts import load, new_thread
from codex_fakes.app_server.requests.turn_pages import item_cursor, turn_cursor
from codex_fakes.app_server.storage.rollout import HistoryBase
from codex_fakes.app_server.storage.rollout_reading import fold, history_lines
from codex_fakes.app_server.threads.thread_settings import forked_settings, tier_warning

if TYPE_CHECKING:
    from codex_fakes.app_server.requests.history import History, Reading
    from codex_fakes.app_server.storage.rollout import RolloutWriter
    from codex_fakes.app_server.storage.shelf import Shelf
    from codex_fakes.app_server.threads.thread import Thread, TurnRecord
    from codex_fakes.app_server.threads.thread_settings import ThreadSettings
    from codex_fakes.app_server.threads.world import Connection, World
    from codex_fakes.app_server.turns.engine import TurnEngine


class Lifecycle:
    """Handles the requests that make, move and remove threads.

    Args:
        world: The shared part of the machine.
        rollouts: Writes rollouts.
        shelf: Keeps stored threads.
        history: Finds threads.
        reading: Tells what a client that opens a thread is told.
        engine: Ends turns that run.
    """

    def __init__(
        self,
        world: World,
        rollouts: RolloutWriter,
        shelf: Shelf,
        history: History,
        reading: Reading,
        engine: TurnEngine,
    ) -> None:
        self._world = world
        self._rollouts = rollouts
        self._shelf = shelf
        self._history = history
        self._reading = reading
        self._engine = engine

    # --- branches ------------------------------------------------------------------------------

    def fork(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/fork."""
        if params.get("lastTurnId") is not None and params.get("beforeTurnId") is not None:
            raise Refusal("`beforeTurnId` cannot be combined with `lastTurnId`")
        source = self._history.named(params)
        full = not params.get("excludeTurns")
        if params.get("ephemeral") and full and source.paginated:
            raise Refusal("ephemeral paginated thread/fork requires `excludeTurns: true`")
        settings = forked_settings(self._world.settings, source.settings, params)
        if full:
            self._history.deprecated(client, source)
        end = _end_of_fork(source, params)
        ephemeral = bool(params.get("ephemeral"))
        thread = self.branch(client, source, settings, end, ephemeral=ephemeral)
        thread.source = params.get("threadSource")
        shown = thread.on_wire()
        if thread.ephemeral:
            # Said of an ephemeral fork this once; whoever reads it later is not told.
            thread.forked_from = None
            shown["preview"] = thread.opening
        turns = thread.turns_on_wire() if full else []
        ignored = ignored_names(params.get("config"))
        if ignored:
            self._world.warn(thread, ignored_text(ignored))
        result = thread.session_on_wire({**shown, "turns": turns})
        self._world.respond(client.number, request.id, result)
        if full:
            self._reading.tell_usage(client, thread)
        self._world.tell_all("thread/started", {"thread": shown})
        tier = tier_warning(settings, params)
        if tier is not None:
            self._world.warn(thread, tier)

    def branch(
        self,
        client: Connection,
        source: Thread,
        settings: ThreadSettings,
        end: int,
        *,
        ephemeral: bool = False,
    ) -> Thread:
        """Make a thread that goes on from another one, and subscribe who asked.

        Args:
            client: Who asked.
            source: The other thread.
            settings: What the new one runs with.
            end: The ordinal of the first line of the other one that is not taken over.
            ephemeral: Whether the new one is never written down.

        Returns:
            The new thread, loaded; nobody has been told.
        """
        home = self._shelf.home
        thread = new_thread(self._world, home, client, settings, source.history_mode)
        thread.ephemeral, thread.forked_from = ephemeral, source.id
        thread.name, thread.daybreak = source.name, source.daybreak
        thread.tools, thread.tool_specs = source.tools, source.tool_specs
        self._branch_off(thread, source, end)
        load(self._world, thread, client)
        return thread

    def _branch_off(self, thread: Thread, source: Thread, end: int) -> None:
        """Give a new thread the history of another one, up to a line of it."""
        settings = thread.settings
        own = self._shelf.lines(posixpath.basename(source.path)) or []
        history = history_lines(own, self._shelf.lines) if own else []
        lines = [line for line in history if line["ordinal"] < end]
        fold(thread, lines)
        thread.settings = settings
        if thread.ephemeral:
            thread.ordinal = end
        elif thread.paginated:
            self._rollouts.begin_branch(thread, self._base(source, end))
        else:
            self._rollouts.begin_copy(thread, lines)
            thread.own_preview = thread.preview = thread.opening
        if thread.name is not None or thread.daybreak is not None:
            self._shelf.remember(thread)

    def _base(self, source: Thread, end: int) -> HistoryBase:
        """Find the file that a branch goes on from: the one that has the lines before its end."""
        name = posixpath.basename(source.path)
        thread_id = source.id
        while True:
            lines = self._shelf.lines(name)
            if not lines:
                break
            thread_id = lines[0]["payload"]["id"]
            base = lines[0]["payload"].get("history_base")
            if base is None or end > lines[0]["ordinal"]:
                break
            name = base["rollout"]
        return HistoryBase(thread_id, name, end)

    def revert(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/revert."""
        thread = self._history.loaded(params)
        if thread.ephemeral:
            raise Refusal("ephemeral threads do not support thread/revert")
        if not thread.paginated:
            raise Refusal("thread/revert only supports paginated threads")
        self._come_to_rest(thread)
        thread.status = "notLoaded"
        self._world.set_status(thread)
        if not thread.stored:
            del self._world.threads[thread.id]
            raise Refusal(f"no rollout found for thread id {thread.id}")
        before = params["beforeTurnId"]
        kept = [record.id for record in thread.records]
        if before not in kept:
            thread.status = "idle"
            self._world.set_status(thread)
            raise Refusal(f"turn not found: {before}")
        reverted = self._cut_off(thread, thread.records[kept.index(before)])
        self._world.set_status(reverted)
        self._world.respond(
            client.number,
            request.id,
            {
                "thread": reverted.on_wire(),
                "turnsBackwardsCursor": turn_cursor(reverted),
                "itemsBackwardsCursor": item_cursor(reverted),
            },
        )
        self._world.tell_all("thread/reverted", {"threadId": thread.id})

    def _cut_off(self, thread: Thread, first: TurnRecord) -> Thread:
        """Take a thread back to where a turn began; the files that are there stay.

        Returns:
            The thread as it is now, which takes the old one's place.
        """
        base = self._base(thread, first.ordinal)
        stem = thread.path.removesuffix(".jsonl").partition(f"{thread.id}_")[0]
        stem = stem if stem.endswith(thread.id) else f"{stem}{thread.id}"
        thread.path = f"{stem}_{self._world.ids.uuid7()}.jsonl"
        self._shelf.remember(thread)
        self._rollouts.begin_branch(thread, base)
        reverted = self._shelf.find(thread.id)
        if reverted is None:
            raise RuntimeError(f"thread {thread.id} has lost the rollout that was just written")
        reverted.settings = thread.settings
        reverted.reverted = True
        reverted.subscribers = thread.subscribers
        self._world.threads[thread.id] = reverted
        kept = {record.id for record in reverted.records}
        if reverted.first_unread is not None and reverted.first_unread not in kept:
            reverted.first_unread = None
            reverted.revision = self._world.ids.uuid4()
            self._shelf.remember(reverted)
            self._world.tell_subscribers(
                reverted,
                "thread/readState/changed",
                {"threadId": thread.id, "readState": reverted.read_state()},
            )
        reverted.status = "idle"
        return reverted

    # --- the archive ---------------------------------------------------------------------------

    def archive(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/archive."""
        thread_id = parse_thread_id(params["threadId"], kind="session")
        loaded = self._world.threads.get(thread_id)
        if loaded is not None and not loaded.ephemeral:
            self._rollouts.materialize(loaded)
            self._unload(loaded)
        elif loaded is not None or self._shelf.find(thread_id) is None:
            raise Refusal(f"no rollout found for thread id {thread_id}")
        self._shelf.archive(thread_id)
        self._world.respond(client.number, request.id, {})
        self._world.tell_all("thread/archived", {"threadId": thread_id})

    def unarchive(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/unarchive."""
        thread_id = parse_thread_id(params["threadId"], kind="session")
        if self._shelf.find(thread_id, archived=True) is None:
            raise Refusal(f"no archived rollout found for thread id {thread_id}")
        self._shelf.unarchive(thread_id)
        thread = self._shelf.find(thread_id)
        if thread is None:
            raise RuntimeError(f"thread {thread_id} has lost the rollout that was just moved")
        self._world.respond(client.number, request.id, {"thread": thread.on_wire()})
        self._world.tell_all("thread/unarchived", {"threadId": thread_id})

    def delete(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/delete."""
        thread_id = parse_thread_id(params["threadId"])
        loaded = self._world.threads.get(thread_id)
        if loaded is not None and loaded.ephemeral:
            raise Refusal(f"thread is not persisted and cannot be deleted: {thread_id}")
        if loaded is not None:
            self._unload(loaded)
        elif self._history.known(thread_id) is None:
            raise Refusal(f"no rollout found for thread id {thread_id}")
        if self._shelf.is_referenced(thread_id):
            raise Refusal(f"cannot delete thread {thread_id}: forked history still references it")
        self._shelf.delete(thread_id)
        self._world.respond(client.number, request.id, {})
        self._world.tell_all("thread/deleted", {"threadId": thread_id})

    def _come_to_rest(self, thread: Thread) -> None:
        """End the turn of a thread and the commands that it has left running."""
        self._engine.stop(thread)
        self._engine.tools.running.clean(thread)

    def _unload(self, thread: Thread) -> None:
        self._come_to_rest(thread)
        thread.status = "notLoaded"
        del self._world.threads[thread.id]
        self._world.set_status(thread)


def _end_of_fork(source: Thread, params: dict[str, Any]) -> int:
    """The ordinal of the first line that a fork does not take over."""
    for name in ("lastTurnId", "beforeTurnId"):
        turn_id = params.get(name)
        if turn_id is None:
            continue
        places = [place for place, record in enumerate(source.records) if record.id == turn_id]
        if not places and source.paginated:
            raise Refusal(f"turn not found: {turn_id}")
        if not places:
            raise Refusal(f"{name} '{turn_id}' was not found in the source thread")
        if name == "beforeTurnId":
            return source.records[places[0]].ordinal
        if source.records[places[0]].status == "inProgress":
            raise Refusal(f"lastTurnId '{turn_id}' identifies an in-progress turn")
        following = source.records[places[0] + 1 :]
        return following[0].ordinal if following else source.ordinal
    return source.ordinal
