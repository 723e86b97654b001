"""The requests of clients: one handler each, with the errors of FACTS §4.

May import everything of the machine below it. The rules:

* Requests that touch one thread are handled in the order they come; a name is set only once a
  turn that is starting has started, and what comes behind it waits with it (recording 13h).
* A handler answers, or raises the refusal that answers.

The invariant: every request gets exactly one answer, save an interrupt of a turn that was already
interrupted, which gets it when the next turn ends, or never.
"""

from __future__ import annotations

import posixpath
import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from codex_fakes.app_server import census
from codex_fakes.app_server.dialect import INVALID_PARAMS, Refusal, Request, not_simulated
from codex_fakes.app_server.engine import TurnEngine
from codex_fakes.app_server.history import History, HistoryPages
from codex_fakes.app_server.items import input_text, normalised_input
from codex_fakes.app_server.params import NOT_SIMULATED_FIELDS, checked_params, refuse_experimental
from codex_fakes.app_server.rollout import rollout_path
from codex_fakes.app_server.settings import BUBBLEWRAP_WARNING
from codex_fakes.app_server.thread_ids import parse_thread_id
from codex_fakes.app_server.thread_settings import new_settings, override
from codex_fakes.app_server.threads import Thread
from codex_fakes.app_server.turns import Phase, UserInput
from codex_runtime.protocol.methods import CLIENT_METHODS, PROTOCOL_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_fakes.app_server.rollout import RolloutWriter
    from codex_fakes.app_server.shelf import Shelf
    from codex_fakes.app_server.thread_settings import ThreadSettings
    from codex_fakes.app_server.world import Connection, World

    Handler: TypeAlias = Callable[[Connection, Request, dict[str, Any]], None]

INPUT_LIMIT: Final = 1_048_576
"""Characters of text that a turn's input may have."""

_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")


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
        history = History(world, shelf)
        pages = HistoryPages(world, history)
        self._history = history
        self._handlers: dict[str, Handler] = {
            "initialize": self._initialize,
            "thread/start": self._thread_start,
            "thread/resume": pages.resume,
            "thread/read": pages.read,
            "thread/list": pages.threads,
            "thread/loaded/list": pages.loaded,
            "thread/turns/list": pages.turns,
            "thread/items/list": pages.items,
            "thread/name/set": self._name_set,
            "thread/unsubscribe": self._unsubscribe,
            "turn/start": self._turn_start,
            "turn/steer": self._turn_steer,
            "turn/interrupt": self._turn_interrupt,
        }
        if self._handlers.keys() != census.SIMULATED:
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

    # --- the connection ------------------------------------------------------------------------

    def _initialize(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        if client.name is not None:
            raise Refusal("Already initialized")
        info = params["clientInfo"]
        name = info["name"]
        if not _HEADER_VALUE.fullmatch(name) or "\x7f" in name:
            raise Refusal(f"Invalid clientInfo.name: '{name}'. Must be a valid HTTP header value.")
        capabilities = params.get("capabilities") or {}
        client.name = name
        client.experimental = bool(capabilities.get("experimentalApi"))
        client.opted_out = frozenset(capabilities.get("optOutNotificationMethods") or ())
        settings = self._world.settings
        self._world.respond(
            client.number,
            request.id,
            {
                "userAgent": _user_agent(
                    name,
                    info["version"],
                    settings.user_agent_host,
                    settings.user_agent_terminal,
                ),
                "codexHome": self._shelf.home,
                "platformFamily": "unix",
                "platformOs": "linux",
            },
        )
        if settings.bubblewrap_warning and settings.sandbox != "danger-full-access":
            self._world.tell(
                client.number, "configWarning", {"summary": BUBBLEWRAP_WARNING, "details": None}
            )
        self._world.tell(
            client.number,
            "remoteControl/status/changed",
            {
                "status": "disabled",
                "serverName": settings.server_name,
                "installationId": self._shelf.installation_id(),
                "environmentId": None,
            },
        )

    # --- threads -------------------------------------------------------------------------------

    def _thread_start(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        # Starting a thread takes the real server a while, in which it answers other requests: one
        # that is already here is answered first (recording 13h).
        cwd = self._absolute(params.get("cwd") or "")
        settings = new_settings(self._world.settings, cwd, params)
        begin = partial(self._begin_thread, client, request, settings, params.get("historyMode"))
        self._world.defer(begin)

    def _begin_thread(
        self,
        client: Connection,
        request: Request,
        settings: ThreadSettings,
        history_mode: str | None,
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
            history_mode=history_mode or self._world.settings.history_mode,
        )
        thread.subscribers.add(client.number)
        self._world.threads[thread_id] = thread
        shown = thread.on_wire()
        self._world.respond(client.number, request.id, thread.session_on_wire(shown))
        self._world.tell_all("thread/started", {"thread": shown})

    def _absolute(self, cwd: str) -> str:
        base = self._world.settings.cwd or posixpath.dirname(self._shelf.home)
        return posixpath.normpath(posixpath.join(base, cwd))

    def _name_set(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        thread_id = parse_thread_id(params["threadId"])
        name = params["name"].strip()
        thread = self._history.known(thread_id)
        if thread is None:
            raise Refusal(f"no rollout found for thread id {thread_id}")
        if not name:
            raise Refusal("thread name must not be empty")
        thread.name = name
        thread.updated_ms = self._world.clock.now_ms()
        self._shelf.remember(thread)
        self._world.respond(client.number, request.id, {})
        self._world.tell_all("thread/name/updated", {"threadId": thread_id, "threadName": name})

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

    # --- turns ---------------------------------------------------------------------------------

    def _loaded(self, params: dict[str, Any]) -> Thread:
        thread_id = parse_thread_id(params["threadId"])
        thread = self._world.threads.get(thread_id)
        if thread is None:
            raise Refusal(f"thread not found: {thread_id}")
        return thread

    def _turn_start(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        thread = self._loaded(params)
        given = _input(params)
        steered = thread.turn is not None
        if not steered:
            self._override(thread, params)
            self._warn_of_unknown_model(thread)
        turn = self.engine.start(thread, given)
        self._world.respond(client.number, request.id, {"turn": turn.on_wire()})
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
        thread = self._loaded(params)
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
        self._world.respond(client.number, request.id, {"turnId": turn.id})
        self.engine.steer(thread, turn, given)

    def _turn_interrupt(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        thread = self._loaded(params)
        self.engine.interrupt(thread, params["turnId"], client.number, request.id)


def _user_agent(name: str, version: str, host: str, terminal: str) -> str:
    # The server trims what it puts together, which shows when the version is empty.
    inner = f"{name}; {version}".strip()
    return f"{name}/{PROTOCOL_VERSION} ({host}) {terminal} ({inner})"


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
