"""The requests of clients but for the first, with the errors of FACTS §4: one handler each.

May import everything of the machine below it. The rules:

* Requests that touch one thread are handled in the order they come; a name is set only once a
  turn that is starting has started, and what comes behind it waits with it (recording 13h).
* A handler answers, or raises the refusal that answers.

The invariant: every request gets exactly one answer, save an interrupt of a turn that was already
interrupted, which gets it when the next turn ends, or never.
"""

from __future__ import annotations

import posixpath
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from codex_fakes.app_server.configuration.ignored_settings import ignored_names, ignored_text
from codex_fakes.app_server.configuration.settings import unstable_features_warning
from codex_fakes.app_server.dialect import census
from codex_fakes.app_server.dialect.dynamic_tools import check_tools, tool_names
from codex_fakes.app_server.dialect.failures import turn_error
from codex_fakes.app_server.dialect.messages import (
    INTERNAL,
    INVALID_PARAMS,
    Refusal,
    Request,
    not_simulated,
)
from codex_fakes.app_server.dialect.params import (
    NOT_SIMULATED_FIELDS,
    checked_params,
    refuse_experimental,
)
from codex_fakes.app_server.dialect.thread_ids import parse_thread_id
from codex_fakes.app_server.requests.account import Account
from codex_fakes.app_server.requests.folder_queries import FolderQueries
from codex_fakes.app_server.requests.history import History, Reading
from codex_fakes.app_server.requests.lifecycle import Lifecycle
from codex_fakes.app_server.requests.thread_changes import ThreadChanges
from codex_fakes.app_server.requests.thread_lists import ThreadLists
from codex_fakes.app_server.requests.turn_pages import TurnPages
from codex_fakes.app_server.storage.rollout import rollout_path
from codex_fakes.app_server.threads.items import input_text, normalised_input, user_message
from codex_fakes.app_server.threads.thread import Thread
from codex_fakes.app_server.threads.thread_settings import new_settings, override
from codex_fakes.app_server.threads.turn import Phase, Turn, UserInput
from codex_fakes.app_server.turns.engine import TurnEngine
from codex_runtime.protocol.methods import CLIENT_METHODS

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_fakes.app_server.storage.rollout import RolloutWriter
    from codex_fakes.app_server.storage.shelf import Shelf
    from codex_fakes.app_server.threads.thread_settings import ThreadSettings
    from codex_fakes.app_server.threads.world import Connection, World

    Handler: TypeAlias = Callable[[Connection, Request, dict[str, Any]], None]

INPUT_LIMIT: Final = 1_048_576
"""Characters of text that a turn's input may have."""


class Requests:
    """Handles requests.

    Args:
        world: The shared part of the machine.
        rollouts: Writes down what happens.
        shelf: Finds stored threads.
    """

    def __init__(self, world: World, rollouts: RolloutWriter, shelf: Shelf) -> None:
        self._world = world
        self._shelf = shelf
        self.engine = TurnEngine(world, rollouts, shelf, self._unpark)
        history = History(world, rollouts, shelf)
        reading = Reading(world, rollouts, shelf, history)
        lists = ThreadLists(world, shelf)
        pages = TurnPages(world, history)
        changes = ThreadChanges(world, rollouts, shelf, history)
        lifecycle = Lifecycle(world, rollouts, shelf, history, reading, self.engine)
        account = Account(world, shelf)
        folders = FolderQueries(world)
        self._history = history
        self._handlers: dict[str, Handler] = {
            "thread/start": self._thread_start,
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
            "gitDiffToRemote": folders.git_diff,
            "fuzzyFileSearch": folders.fuzzy_search,
            "thread/compact/start": self._compact_start,
            "review/start": self._review_start,
            "thread/unsubscribe": self._unsubscribe,
            "turn/start": self._turn_start,
            "turn/steer": self._turn_steer,
            "turn/interrupt": self._turn_interrupt,
            "thread/backgroundTerminals/list": self._terminals_list,
            "thread/backgroundTerminals/clean": self._terminals_clean,
            "thread/backgroundTerminals/terminate": self._terminals_terminate,
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
            raise not_simulated(method)
        params = checked_params(request)
        if not client.experimental:
            refuse_experimental(method, params)
        for name in NOT_SIMULATED_FIELDS.get(method, ()):
            if params.get(name) not in (None, False):
                raise not_simulated(f"{method} with {name}")
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

    # --- threads -------------------------------------------------------------------------------

    def _thread_start(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        # Starting a thread takes the real server a while, in which it answers other requests: one
        # that is already here is answered first (recording 13h).
        cwd = self._absolute(params.get("cwd") or "")
        settings = new_settings(self._world.settings, cwd, params)
        specs = params.get("dynamicTools") or []
        check_tools(specs)
        self._world.defer(partial(self._begin_thread, client, request, params, settings, specs))

    def _begin_thread(
        self,
        client: Connection,
        request: Request,
        params: dict[str, Any],
        settings: ThreadSettings,
        specs: list[Any],
    ) -> None:
        now_ms = self._world.clock.now_ms()
        thread_id = self._world.ids.uuid7()
        thread = Thread(
            id=thread_id,
            path=rollout_path(self._shelf.home, thread_id, now_ms),
            originator=client.name or "",
            settings=settings,
            created_ms=now_ms,
            updated_ms=now_ms,
            recency_ms=now_ms,
            history_mode=params.get("historyMode") or self._world.settings.history_mode,
            ephemeral=bool(params.get("ephemeral")),
            tools=tool_names(specs),
            tool_specs=specs,
        )
        thread.subscribers.add(client.number)
        self._world.threads[thread_id] = thread
        shown = thread.on_wire()
        ignored = ignored_names(params.get("config"))
        if ignored:
            notice = {"summary": ignored_text(ignored), "details": None}
            self._world.tell(client.number, "configWarning", notice)
        self._world.respond(client.number, request.id, thread.session_on_wire(shown))
        self._world.tell_all("thread/started", {"thread": shown})
        if ignored:
            self._world.warn(thread, ignored_text(ignored))
        features = settings.features_with(self._world.settings)
        if features:
            text = unstable_features_warning(features, self._shelf.home)
            warning = {"threadId": thread_id, "message": text}
            self._world.tell_subscribers(thread, "warning", warning)

    def _absolute(self, cwd: str) -> str:
        base = self._world.settings.cwd or posixpath.dirname(self._shelf.home)
        return posixpath.normpath(posixpath.join(base, cwd))

    def _unsubscribe(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        thread = self._world.threads.get(parse_thread_id(params["threadId"]))
        if thread is None:
            status = "notLoaded"
        elif client.number in thread.subscribers:
            thread.subscribers.discard(client.number)
            status = "unsubscribed"
        else:
            status = "notSubscribed"
        self._world.respond(client.number, request.id, {"status": status})

    def _compact_start(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        thread = self._history.loaded(params)
        self._world.respond(client.number, request.id, {})
        self.engine.compact(thread)

    def _review_start(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        thread = self._history.loaded(params)
        target = params["target"]
        if target["type"] != "custom" or params.get("delivery") == "detached":
            raise not_simulated("review/start but for instructions of the client, inline")
        text = target["instructions"].strip()
        if not text:
            raise Refusal("instructions must not be empty")
        given = UserInput(normalised_input([{"type": "text", "text": text}]), text, None)
        turn = Turn(self._world.ids.uuid7(), kind="review", inputs=deque([given]))
        message = user_message(turn.id, None, given.content)
        shown = {**turn.on_wire(), "rootTurnId": None, "items": [message]}
        result = {"turn": shown, "reviewThreadId": thread.id}
        self._world.respond(client.number, request.id, result)
        self.engine.review(thread, turn)

    # --- turns ---------------------------------------------------------------------------------

    def _turn_start(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        thread = self._history.loaded(params)
        given = _input(params)
        steered = thread.turn is not None
        if thread.turn is not None and thread.turn.kind != "regular":
            kind = thread.turn.kind.capitalize()
            raise Refusal(
                f"failed to submit turn input: ActiveTurnNotSteerable {{ turn_kind: {kind} }}",
                code=INTERNAL,
            )
        if not steered:
            self._override(thread, params)
            self._warn_of_unknown_model(thread)
        turn = self.engine.start(thread, given)
        # The response shows a turn that has not started, also when the input joins a running one.
        shown = {**turn.on_wire(), "startedAt": None}
        self._world.respond(client.number, request.id, {"turn": shown})
        if steered:
            self._override(thread, params)

    def _warn_of_unknown_model(self, thread: Thread) -> None:
        model = thread.settings.model
        if model not in self._world.settings.known_models:
            text = (
                f"Model metadata for `{model}` not found. Defaulting to fallback metadata; this "
                "can degrade performance and cause issues."
            )
            warning = {"threadId": thread.id, "message": text}
            self._world.tell_subscribers(thread, "warning", warning)

    def _override(self, thread: Thread, params: dict[str, Any]) -> None:
        """Change a thread's settings for good, and say so when that changes anything."""
        before = thread.settings.on_wire()
        override(thread.settings, params)
        if params.get("cwd") is not None:
            thread.settings.cwd = self._absolute(params["cwd"])
        shown = thread.settings.on_wire()
        if shown != before:
            self._world.tell_subscribers(
                thread,
                "thread/settings/updated",
                {"threadId": thread.id, "threadSettings": shown},
            )

    def _turn_steer(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        thread = self._history.loaded(params)
        expected = params["expectedTurnId"]
        if not expected:
            raise Refusal("expectedTurnId must not be empty")
        given = _input(params)
        turn = thread.turn
        if turn is None:
            raise Refusal("no active turn to steer")
        if expected != turn.id:
            raise Refusal(f"expected active turn id `{expected}` but found `{turn.id}`")
        if not params["input"]:
            raise Refusal("input must not be empty")
        if turn.kind != "regular":
            text = f"cannot steer a {turn.kind} turn"
            info = {"activeTurnNotSteerable": {"turnKind": turn.kind}}
            raise Refusal(text, data=turn_error(text, info, None))
        self._world.respond(client.number, request.id, {"turnId": turn.id})
        self.engine.steer(thread, turn, given)

    def _turn_interrupt(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        thread = self._history.loaded(params)
        self.engine.interrupt(thread, params["turnId"], client.number, request.id)

    # --- commands that go on -------------------------------------------------------------------

    def _terminals_list(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        running = self.engine.tools.running
        page = running.page(self._history.loaded(params), params.get("cursor"), params.get("limit"))
        self._world.respond(client.number, request.id, page)

    def _terminals_clean(
        self, client: Connection, request: Request, params: dict[str, Any]
    ) -> None:
        thread = self._history.loaded(params)
        self._world.respond(client.number, request.id, {})
        self.engine.tools.running.clean(thread)

    def _terminals_terminate(
        self, client: Connection, request: Request, params: dict[str, Any]
    ) -> None:
        running = self.engine.tools.running
        command = running.find(self._history.loaded(params), params["processId"])
        terminated = {"terminated": command is not None}
        self._world.respond(client.number, request.id, terminated)
        if command is not None:
            running.terminate(command)


def _input(params: dict[str, Any]) -> UserInput:
    elements = params["input"]
    text = input_text(elements)
    length = sum(len(element["text"]) for element in elements if element["type"] == "text")
    if length > INPUT_LIMIT:
        raise Refusal(
            f"Input exceeds the maximum length of {INPUT_LIMIT} characters.",
            code=INVALID_PARAMS,
            data={
                "input_error_code": "input_too_large",
                "max_chars": INPUT_LIMIT,
                "actual_chars": length,
            },
        )
    return UserInput(normalised_input(elements), text, params.get("clientUserMessageId"))
