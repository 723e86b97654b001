"""Requests that read a thread: thread/read, thread/resume and getConversationSummary.

May import the shelf, rollouts, threads, pages of turns and the shared world. The invariant: reading
changes nothing, save that resuming loads the thread and subscribes who asked, and that asking a
thread with paginated history for its turns brings its rollout about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.configuration.ignored_settings import ignored_names, ignored_text
from codex_fakes.app_server.dialect.messages import Refusal, Request
from codex_fakes.app_server.dialect.thread_ids import parse_thread_id
from codex_fakes.app_server.requests.turn_pages import (
    item_cursor,
    need_turns,
    turn_cursor,
    turns_page,
)
from codex_fakes.app_server.storage.rollout import GIT_NAMES, timestamp
from codex_fakes.app_server.threads.thread import Tokens
from codex_fakes.app_server.threads.thread_settings import (
    check_resumed,
    mode_of,
    model_warning,
    new_settings,
    override_thread,
    sandbox_policy,
    tier_warning,
)
from codex_runtime.protocol.methods import PROTOCOL_VERSION

if TYPE_CHECKING:
    from codex_fakes.app_server.storage.rollout import RolloutWriter
    from codex_fakes.app_server.storage.shelf import Shelf
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.world import Connection, World
    from codex_fakes.app_server.turns.engine import TurnEngine

_FULL_READ: Final = (
    "Full-history hydration is deprecated for paginated threads; omit `includeTurns` or set it "
    "to `false`, then page with `thread/turns/list` and `thread/items/list`."
)
_FULL: Final = (
    "Full-history hydration is deprecated for paginated threads; use `excludeTurns: true`, then "
    "page with `thread/turns/list` and `thread/items/list`."
)


class History:
    """Finds threads, loaded or stored, and loads them.

    Args:
        world: The shared part of the machine.
        rollouts: Writes rollouts.
        shelf: Finds stored threads.
    """

    def __init__(self, world: World, rollouts: RolloutWriter, shelf: Shelf) -> None:
        self._world = world
        self._rollouts = rollouts
        self._shelf = shelf

    def known(self, thread_id: str) -> Thread | None:
        """A thread that is loaded, stored or archived."""
        found = self._world.threads.get(thread_id) or self._shelf.find(thread_id)
        return found or self._shelf.find(thread_id, archived=True)

    def existing(self, params: dict[str, Any]) -> Thread:
        """The thread that the params name, whether it is loaded or not.

        Raises:
            Refusal: There is none.
        """
        thread_id = parse_thread_id(params["threadId"])
        thread = self.known(thread_id)
        if thread is None:
            raise Refusal(f"thread not loaded: {thread_id}")
        return thread

    def active(self, thread_id: str) -> Thread:
        """A thread that has a rollout and is not archived.

        Raises:
            Refusal: There is no rollout, or it is in the archive.
        """
        loaded = self._world.threads.get(thread_id)
        if loaded is not None and loaded.stored:
            return loaded
        stored = None if loaded is not None else self._shelf.find(thread_id)
        if stored is None:
            if self._shelf.find(thread_id, archived=True) is not None:
                raise Refusal(
                    f"session {thread_id} is archived. Run `codex unarchive {thread_id}` to "
                    "unarchive it first."
                )
            raise Refusal(f"no rollout found for thread id {thread_id}")
        return stored

    def named(self, params: dict[str, Any]) -> Thread:
        """The thread that thread/resume and thread/fork name: by its rollout, or by its id.

        Raises:
            Refusal: There is none.
        """
        thread_id = parse_thread_id(params["threadId"], kind="session")
        if params.get("path"):
            thread_id = self._shelf.at(params["path"]).id
        return self.active(thread_id)

    def loaded(self, params: dict[str, Any]) -> Thread:
        """The loaded thread that the params name.

        Raises:
            Refusal: It is not loaded.
        """
        thread_id = parse_thread_id(params["threadId"])
        thread = self._world.threads.get(thread_id)
        if thread is None:
            raise Refusal(f"thread not found: {thread_id}")
        return thread

    def deprecated(self, client: Connection, thread: Thread, summary: str = _FULL) -> None:
        """Tell a client that asks for all turns of a paginated thread not to."""
        if thread.paginated:
            notice = {"summary": summary, "details": None}
            self._world.tell(client.number, "deprecationNotice", notice)


class Reading:
    """Handles the requests that read a thread.

    Args:
        world: The shared part of the machine.
        rollouts: Writes rollouts.
        shelf: Finds stored threads.
        history: Finds threads.
        engine: Pursues the goals of threads that are opened.
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

    def read(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/read."""
        thread = self._history.existing(params)
        turns = None
        if params.get("includeTurns"):
            self._ready_for_turns(thread)
            self._history.deprecated(client, thread, _FULL_READ)
            turns = thread.turns_on_wire()
        result = {"thread": thread.on_wire(turns=turns), "readState": thread.read_state()}
        self._world.respond(client.number, request.id, result)

    def _ready_for_turns(self, thread: Thread) -> None:
        if thread.ephemeral:
            raise Refusal("ephemeral threads do not support includeTurns")
        if not thread.stored and not thread.paginated:
            raise Refusal(
                f"thread {thread.id} is not materialized yet; includeTurns is unavailable before "
                "first user message"
            )
        self._rollouts.materialize(thread)
        need_turns(thread)

    def resume(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/resume."""
        self._refuse_stale_path(params)
        thread = self._history.named(params)
        full = not params.get("excludeTurns")
        if full:
            self._history.deprecated(client, thread)
        need_turns(thread)
        cold = thread.status == "notLoaded"
        if cold:
            check_resumed(self._world.settings, params)
        thread.subscribers.add(client.number)
        if cold:
            self._load(thread, params)
        turns = thread.turns_on_wire(rejoined=True) if full else None
        shown = thread.on_wire(turns=turns)
        if full and not (cold or thread.paginated or thread.records):
            # Its rollout alone is read, which does not tell the name (seen on the binary).
            shown["name"] = None
        page = params.get("initialTurnsPage")
        result = {
            **thread.session_on_wire(shown, resumed=True),
            "initialTurnsPage": None if page is None else turns_page(thread, page, rejoined=True),
            "turnsBackwardsCursor": turn_cursor(thread),
            "itemsBackwardsCursor": item_cursor(thread),
        }
        self._world.respond(client.number, request.id, result)
        if full or (cold and thread.paginated):
            self.tell_usage(client, thread, rejoined=not cold)
        if thread.goal is None:
            self._world.tell_all("thread/goal/cleared", {"threadId": thread.id})
        else:
            update = {"threadId": thread.id, "turnId": None, "goal": thread.goal}
            self._world.tell_all("thread/goal/updated", update)
        for pending in list(self._world.requests.values()):
            if pending.thread is thread:
                self._world.send(client.number, pending.line)
        self._engine.pursuit.go_on(thread)

    def _refuse_stale_path(self, params: dict[str, Any]) -> None:
        """Refuse to resume a loaded thread by a path that is not its own."""
        path = params.get("path")
        loaded = self._world.threads.get(parse_thread_id(params["threadId"], kind="session"))
        if path and loaded is not None and loaded.stored and path != loaded.path:
            raise Refusal(
                f"cannot resume running thread {loaded.id} with stale path: requested `{path}`, "
                f"active `{loaded.path}`"
            )

    def _load(self, thread: Thread, params: dict[str, Any]) -> None:
        """Load a stored thread; one that is loaded keeps its settings."""
        self._world.threads[thread.id] = thread
        ignored = ignored_names(params.get("config"))
        if ignored:
            self._world.warn(thread, ignored_text(ignored))
        for warning in (
            model_warning(thread.settings, params),
            tier_warning(thread.settings, params),
        ):
            if warning is not None:
                self._world.warn(thread, warning)
        if not thread.preview and thread.opening:
            thread.preview = thread.opening
            self._shelf.remember(thread)
        if not thread.settings.model:
            # No turn has written down what it runs with: it is what a new thread would run with.
            thread.settings = new_settings(self._world.settings, thread.settings.cwd, params)
        settings = thread.settings
        # The service tier is not kept (seen on the binary).
        settings.service_tier = None
        # Of the sandbox the server keeps what mode it had, not the details. One in which the model
        # may write in its folder becomes the configured one again (seen on the binary).
        if params.get("sandbox") or settings.sandbox.get("type") != "workspaceWrite":
            settings.sandbox = sandbox_policy(params.get("sandbox") or mode_of(settings.sandbox))
        else:
            settings.sandbox = sandbox_policy(self._world.settings.sandbox)
        override_thread(settings, params)
        if params.get("cwd") is not None:
            settings.cwd = params["cwd"]
        thread.status = "idle"
        self._world.set_status(thread)

    def tell_usage(self, client: Connection, thread: Thread, *, rejoined: bool = False) -> None:
        """Tell a client the token usage of a thread that it has just opened.

        Args:
            client: The client.
            thread: The thread.
            rejoined: Whether the thread was loaded already.
        """
        turn = thread.turn
        pending = None if turn is None or turn.usage is None else Tokens(*turn.usage)
        if thread.usage_turn is not None or pending is not None:
            window = self._world.settings.model_context_window
            usage = thread.token_usage(window, pending, rejoined=rejoined)
            self._world.tell(client.number, "thread/tokenUsage/updated", usage)

    def summary(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle getConversationSummary."""
        path = params.get("rolloutPath")
        if path is not None:
            thread = self._shelf.at(path)
        else:
            thread_id = parse_thread_id(params["conversationId"])
            known = self._history.known(thread_id)
            if known is None or not known.stored:
                raise Refusal(f"no rollout found for conversation id {thread_id}")
            thread = known
        self._world.respond(client.number, request.id, {"summary": _summary(thread)})


def _summary(thread: Thread) -> dict[str, Any]:
    git = thread.git
    names = {**GIT_NAMES, "sha": "sha", "originUrl": "origin_url"}
    return {
        "conversationId": thread.id,
        "path": thread.path,
        "preview": thread.preview,
        "timestamp": timestamp(thread.created_ms),
        "updatedAt": timestamp(thread.updated_ms_of_row(None)),
        "modelProvider": thread.settings.model_provider,
        "cwd": thread.settings.cwd,
        "cliVersion": PROTOCOL_VERSION,
        "source": "vscode",
        "gitInfo": None if git is None else {names[name]: value for name, value in git.items()},
    }
