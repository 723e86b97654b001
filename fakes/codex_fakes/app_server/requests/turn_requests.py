"""Requests about turns: turn/start, turn/steer, turn/interrupt and thread/compact/start.

May import the history, settings, items, the turn engine and the shared world. The invariant: what
a turn changes for good is told before the answer to the request that starts it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.configuration.models import has_metadata
from codex_fakes.app_server.dialect.failures import turn_error
from codex_fakes.app_server.dialect.messages import INTERNAL, INVALID_PARAMS, Refusal, Request
from codex_fakes.app_server.requests.thread_starts import absolute
from codex_fakes.app_server.threads.items import input_text, normalised_input
from codex_fakes.app_server.threads.thread_settings import override
from codex_fakes.app_server.threads.turn import UserInput

if TYPE_CHECKING:
    from codex_fakes.app_server.requests.history import History
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.world import Connection, World
    from codex_fakes.app_server.turns.engine import TurnEngine

INPUT_LIMIT: Final = 1_048_576
"""Characters of text that a turn's input may have."""


class TurnRequests:
    """Handles the requests about turns.

    Args:
        world: The shared part of the machine.
        home: The server's home, absolute.
        history: Finds threads.
        engine: Plays turns.
    """

    def __init__(self, world: World, home: str, history: History, engine: TurnEngine) -> None:
        self._world = world
        self._home = home
        self._history = history
        self._engine = engine

    def start(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle turn/start."""
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
        turn = self._engine.start(thread, given)
        # The response shows a turn that has not started, also when the input joins a running one.
        shown = {**turn.on_wire(), "startedAt": None}
        self._world.respond(client.number, request.id, {"turn": shown})
        if steered:
            self._override(thread, params)

    def _warn_of_unknown_model(self, thread: Thread) -> None:
        model = thread.settings.model
        if not has_metadata(model):
            self._world.warn(
                thread,
                f"Model metadata for `{model}` not found. Defaulting to fallback metadata; this "
                "can degrade performance and cause issues.",
            )

    def _override(self, thread: Thread, params: dict[str, Any]) -> None:
        """Change a thread's settings for good, and say so when that changes anything."""
        before = thread.settings.on_wire()
        override(thread.settings, params)
        if params.get("cwd") is not None:
            thread.settings.cwd = absolute(self._world, self._home, params["cwd"])
        shown = thread.settings.on_wire()
        if shown != before:
            self._world.tell_subscribers(
                thread,
                "thread/settings/updated",
                {"threadId": thread.id, "threadSettings": shown},
            )

    def steer(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle turn/steer."""
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
        self._engine.steer(thread, turn, given)

    def interrupt(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle turn/interrupt."""
        thread = self._history.loaded(params)
        self._engine.interrupt(thread, params["turnId"], client.number, request.id)

    def compact(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle thread/compact/start."""
        thread = self._history.loaded(params)
        self._world.respond(client.number, request.id, {})
        self._engine.compact(thread)


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
