"""Reviews: a turn in which the model looks at what was done, in a turn inside the turn.

May import items, the plan, rollouts, writing and the shared world. The order is that of recordings
14c and 16a3: the review is announced as an item before turn/started, which names the inner turn;
everything else names the outer one, and what the review says comes all at once at its end. The
invariant: the inner turn takes the user's message in history and never ends; tokens of a review
are not counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_fakes.app_server.storage.rollout import preview_of
from codex_fakes.app_server.threads.items import (
    NO_REVIEW,
    agent_message,
    review_mode,
    user_message,
)
from codex_fakes.app_server.threads.plan import MessageDelta, OpenMessage

if TYPE_CHECKING:
    from codex_fakes.app_server.model.streaming import Writing
    from codex_fakes.app_server.storage.rollout import RolloutWriter
    from codex_fakes.app_server.threads.plan import Action
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.turn import Turn, UserInput
    from codex_fakes.app_server.threads.world import World

_INTERRUPTED: Final = "Review was interrupted. Please re-run /review and wait for it to complete."


class Reviews:
    """Plays what is special about the turn of a review.

    Args:
        world: The shared part of the machine.
        rollouts: Writes turns and items down.
        writing: Announces items.
    """

    def __init__(self, world: World, rollouts: RolloutWriter, writing: Writing) -> None:
        self._world = world
        self._rollouts = rollouts
        self._writing = writing

    def begin(self, thread: Thread, turn: Turn) -> None:
        """Begin the review: in history, the inner turn comes first."""
        inner = self._world.ids.uuid7()
        turn.inner = inner
        entered = review_mode("entered", self._new_id(), turn.hint)
        if thread.paginated:
            self._rollouts.begin_turn(thread, inner, turn.id)
            self._rollouts.begin_turn(thread, turn.id)
            self._tell(thread, turn, entered)
        else:
            # There, the outer turn begins with its first item, which comes first.
            self._rollouts.materialize(thread)
            self._tell(thread, turn, entered)
            self._rollouts.begin_turn(thread, inner, turn.id)
        thread.record_of(inner).status = "interrupted"

    def take_input(self, thread: Thread, turn: Turn, given: UserInput) -> None:
        """Announce the task as the user's message; history gives it to the inner turn."""
        item = user_message(self._new_id(), None, given.content)
        thread.preview = thread.preview or preview_of(given.content)
        started_ms = self._writing.start_item(thread, turn.id, item)
        now_ms = self._world.clock.now_ms()
        self._rollouts.complete_item(thread, turn.inner or turn.id, item, started_ms, now_ms)
        self._writing.announce_completed(thread, turn.id, item)

    def hear(self, thread: Thread, turn: Turn, action: Action) -> None:
        """Take in what the model writes; of its messages, clients hear that they start."""
        if isinstance(action, OpenMessage):
            message = agent_message(action.item_id, "", action.phase)
            self._writing.start_item(thread, turn.id, message)
        elif isinstance(action, MessageDelta):
            turn.review.append(action.text)

    def finish(self, thread: Thread, turn: Turn) -> None:
        """Say what the review says."""
        turn.usage = None
        text = "".join(turn.review)
        self._say(thread, turn, text, text)

    def break_off(self, thread: Thread, turn: Turn) -> None:
        """Say that the review says nothing, because its turn failed or was interrupted."""
        turn.usage = None
        turn.streaming = False
        self._say(thread, turn, NO_REVIEW, _INTERRUPTED)

    def _say(self, thread: Thread, turn: Turn, review: str, text: str) -> None:
        self._tell(thread, turn, review_mode("exited", self._new_id(), review))
        message = agent_message(f"msg_{self._new_id()}", text, None)
        self._tell(thread, turn, message)
        turn.last_message = message if text else None

    def _new_id(self) -> str:
        return self._world.ids.uuid7()

    def _tell(self, thread: Thread, turn: Turn, item: dict[str, Any]) -> None:
        started_ms = self._writing.start_item(thread, turn.id, item)
        self._writing.complete_item(thread, turn.id, item, started_ms)
