"""Which handler each request of a client has, and when it is handled (FACTS §4).

May import everything of the machine below it. The rules:

* Requests that touch one thread are handled in the order they come; a name is set only once a
  turn that is starting has started, and what comes behind it waits with it (recording 13h).
* A handler answers, or raises the refusal that answers.

The invariant: every request gets exactly one answer, save an interrupt of a turn that was already
interrupted, which gets it when the next turn ends, or never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from codex_fakes.app_server.dialect import census
from codex_fakes.app_server.dialect.messages import Refusal, Request
from codex_fakes.app_server.dialect.not_simulated import not_simulated
from codex_fakes.app_server.dialect.params import (
    NOT_SIMULATED_FIELDS,
    checked_params,
    refuse_experimental,
)
from codex_fakes.app_server.requests.account import Account
from codex_fakes.app_server.requests.folder_queries import FolderQueries
from codex_fakes.app_server.requests.history import History, Reading
from codex_fakes.app_server.requests.lifecycle import Lifecycle
from codex_fakes.app_server.requests.model_lists import ModelLists
from codex_fakes.app_server.requests.reviews import ReviewRequests
from codex_fakes.app_server.requests.terminals import Terminals
from codex_fakes.app_server.requests.thread_changes import ThreadChanges
from codex_fakes.app_server.requests.thread_lists import ThreadLists
from codex_fakes.app_server.requests.thread_starts import ThreadStarts
from codex_fakes.app_server.requests.turn_pages import TurnPages
from codex_fakes.app_server.requests.turn_requests import TurnRequests
from codex_fakes.app_server.threads.turn import Phase
from codex_fakes.app_server.turns.engine import TurnEngine
from codex_runtime.protocol.methods import CLIENT_METHODS

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_fakes.app_server.storage.rollout import RolloutWriter
    from codex_fakes.app_server.storage.shelf import Shelf
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.world import Connection, World

    Handler: TypeAlias = Callable[[Connection, Request, dict[str, Any]], None]


class Requests:
    """Handles requests.

    Args:
        world: The shared part of the machine.
        rollouts: Writes down what happens.
        shelf: Finds stored threads.
    """

    def __init__(self, world: World, rollouts: RolloutWriter, shelf: Shelf) -> None:
        self._world = world
        self.engine = TurnEngine(world, rollouts, shelf, self._unpark)
        history = History(world, rollouts, shelf)
        reading = Reading(world, rollouts, shelf, history, self.engine)
        lists = ThreadLists(world, shelf)
        pages = TurnPages(world, history)
        changes = ThreadChanges(world, rollouts, shelf, history, self.engine)
        lifecycle = Lifecycle(world, rollouts, shelf, history, reading, self.engine)
        reviews = ReviewRequests(world, shelf.home, history, lifecycle, self.engine)
        account = Account(world, shelf)
        folders = FolderQueries(world)
        starts = ThreadStarts(world, shelf)
        turns = TurnRequests(world, shelf.home, history, self.engine)
        terminals = Terminals(world, history, self.engine.tools.running)
        self._handlers: dict[str, Handler] = {
            "thread/start": starts.start,
            "thread/resume": reading.resume,
            "thread/read": reading.read,
            "getConversationSummary": reading.summary,
            "thread/list": lists.threads,
            "thread/loaded/list": lists.loaded,
            "thread/turns/list": pages.turns,
            "thread/items/list": pages.items,
            "thread/fork": lifecycle.fork,
            "thread/revert": lifecycle.revert,
            "thread/archive": lifecycle.archive,
            "thread/unarchive": lifecycle.unarchive,
            "thread/delete": lifecycle.delete,
            "thread/name/set": changes.set_name,
            "thread/metadata/update": changes.update_metadata,
            "thread/goal/set": changes.set_goal,
            "thread/goal/get": changes.get_goal,
            "thread/goal/clear": changes.clear_goal,
            "account/read": account.read,
            "account/rateLimits/read": account.rate_limits,
            "account/usage/read": account.usage,
            "account/login/start": account.log_in,
            "account/login/cancel": account.cancel,
            "account/logout": account.log_out,
            "getAuthStatus": account.status,
            "model/list": ModelLists(world).models,
            "gitDiffToRemote": folders.git_diff,
            "fuzzyFileSearch": folders.fuzzy_search,
            "thread/compact/start": turns.compact,
            "review/start": reviews.start,
            "thread/unsubscribe": starts.unsubscribe,
            "turn/start": turns.start,
            "turn/steer": turns.steer,
            "turn/interrupt": turns.interrupt,
            "thread/backgroundTerminals/list": terminals.list,
            "thread/backgroundTerminals/clean": terminals.clean,
            "thread/backgroundTerminals/terminate": terminals.terminate,
        }
        if self._handlers.keys() | {"initialize"} != census.SIMULATED:
            raise RuntimeError("the table of simulated requests and the handlers disagree")

    def handle(self, client: Connection, request: Request) -> None:
        """Handle a request of a client.

        Args:
            client: The connection it came on.
            request: The request.

        Raises:
            Refusal: The request is answered with an error.
        """
        method = request.method
        if method not in CLIENT_METHODS:
            raise Refusal(census.unknown_method_text(method))
        if client.name is None and method != "initialize":
            if method in census.SIMULATED:
                checked_params(request)
            raise Refusal("Not initialized")
        if CLIENT_METHODS[method].experimental and not client.experimental:
            raise Refusal(f"{method} requires experimentalApi capability")
        if method not in self._handlers:
            raise not_simulated("other methods", method)
        params = checked_params(request)
        if not client.experimental:
            refuse_experimental(method, params)
        for name, subject in NOT_SIMULATED_FIELDS.get(method, {}).items():
            if params.get(name) not in (None, False):
                raise not_simulated(subject, f"{method} with {name}")
        if not self._park(client, request, params):
            self._handlers[method](client, request, params)

    # --- the order of requests on one thread ---------------------------------------------------

    def _park(self, client: Connection, request: Request, params: dict[str, Any]) -> bool:
        """Put a request off when it has to wait for a turn that is starting."""
        thread = self._world.threads.get(str(params.get("threadId")))
        if thread is None:
            return False
        starting = thread.turn is not None and thread.turn.phase is Phase.STARTING
        if not thread.parked and not (starting and request.method == "thread/name/set"):
            return False
        thread.parked.append((client.number, request))
        return True

    def _unpark(self, thread: Thread) -> None:
        waiting = list(thread.parked)
        thread.parked.clear()
        for number, request in waiting:
            client = self._world.connections.get(number)
            if client is not None:
                self.answer(client, request)

    def answer(self, client: Connection, request: Request) -> None:
        """Handle a request, and answer with the refusal if there is one."""
        try:
            self.handle(client, request)
        except Refusal as refusal:
            self._world.refuse(client.number, request.id, refusal)
