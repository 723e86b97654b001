"""The request for a review: review/start, of the thread itself or in a thread of its own.

May import targets, forks, items, the turn engine and the shared world. The invariant: a review that
cannot begin leaves no turn behind, but its failure is told at the end of the turn that comes next,
as by the real server.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.dialect.failures import turn_error
from codex_fakes.app_server.dialect.messages import Refusal, Request
from codex_fakes.app_server.requests.review_targets import ReviewTarget, read_target
from codex_fakes.app_server.surroundings.repositories import git_info
from codex_fakes.app_server.threads.items import normalised_input, user_message
from codex_fakes.app_server.threads.turn import Turn, UserInput

if TYPE_CHECKING:
    from codex_fakes.app_server.requests.history import History
    from codex_fakes.app_server.requests.lifecycle import Lifecycle
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.world import Connection, World
    from codex_fakes.app_server.turns.engine import TurnEngine

_DETACHED: Final = {
    "summary": (
        'review/start with delivery "detached" is deprecated and will be removed in a future '
        "release."
    ),
    "details": (
        'Use thread/start followed by review/start with delivery "inline" for a separate review '
        "thread, or thread/fork followed by turn/start with your own review instructions."
    ),
}


class ReviewRequests:
    """Handles the request for a review.

    Args:
        world: The shared part of the machine.
        home: The server's home, absolute.
        history: Finds threads.
        lifecycle: Forks threads.
        engine: Plays turns.
    """

    def __init__(
        self,
        world: World,
        home: str,
        history: History,
        lifecycle: Lifecycle,
        engine: TurnEngine,
    ) -> None:
        self._world = world
        self._home = home
        self._history = history
        self._lifecycle = lifecycle
        self._engine = engine

    def start(self, client: Connection, request: Request, params: dict[str, Any]) -> None:
        """Handle review/start."""
        detached = params.get("delivery") == "detached"
        if detached:
            self._world.tell(client.number, "deprecationNotice", _DETACHED)
        thread = self._history.loaded(params)
        target = read_target(params["target"])
        if detached:
            self._start_apart(client, request, thread, target)
            return
        turn = Turn(self._world.ids.uuid7(), kind="review", hint=target.hint)
        self._respond(client, request, turn, target.hint, thread)
        missing = target.kind == "baseBranch" and self._outside_repository(thread)
        if missing:
            self._world.defer(partial(self._fail, thread, turn))
            return
        turn.inputs = deque([_input(target.prompt(self._world.files, thread.settings.cwd))])
        self._engine.review(thread, turn)

    def _start_apart(
        self, client: Connection, request: Request, thread: Thread, target: ReviewTarget
    ) -> None:
        """Let a fork of the thread do the review, in a turn like any other."""
        if thread.paginated:
            raise Refusal("paginated threads do not support detached review")
        apart = self._lifecycle.branch(client, thread, thread.settings.copy(), thread.ordinal)
        shown = {**apart.on_wire(), "canAcceptDirectInput": None}
        self._world.tell_all("thread/started", {"thread": shown})
        skill = f"{self._home}/skills/.system/review-agent/SKILL.md"
        text = f"Use [$review-agent]({skill}) for this review.\n\n{target.task()}"
        turn = self._engine.start(apart, _input(text))
        self._respond(client, request, turn, text, apart)

    def _respond(
        self, client: Connection, request: Request, turn: Turn, text: str, thread: Thread
    ) -> None:
        message = user_message(turn.id, None, _input(text).content)
        shown = {**turn.on_wire(), "rootTurnId": None, "items": [message]}
        result = {"turn": shown, "reviewThreadId": thread.id}
        self._world.respond(client.number, request.id, result)

    def _outside_repository(self, thread: Thread) -> bool:
        return git_info(self._world.files, thread.settings.cwd) is None

    def _fail(self, thread: Thread, turn: Turn) -> None:
        text = f'"{thread.settings.cwd}" is not a git repository'
        thread.stray_error = turn_error(text, "other", None)
        thread.status = "systemError"
        self._world.set_status(thread)
        self._world.tell_error(thread, turn.id, thread.stray_error, will_retry=False)


def _input(text: str) -> UserInput:
    return UserInput(normalised_input([{"type": "text", "text": text}]), text, None)
