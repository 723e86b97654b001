"""Messages in plan mode: the plan in them is an item of its own.

May import items, the reading of plan text, streaming's forms and the shared world. The rules:

* A message starts with its first text that is no blank, so that a message which is only the plan
  is no item at all.
* There is one plan in a response; what a later message of it proposes is left out. A later
  response may propose another one, which takes the place of the first in history.
* The plan is completed when its message is, before it.

The invariant: no part of a mark around the plan is ever shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from codex_fakes.app_server.model.plan_text import Piece, PlanText
from codex_fakes.app_server.threads.items import Item, is_answer, proposed_plan
from codex_fakes.app_server.threads.world import delta_line

if TYPE_CHECKING:
    from codex_fakes.app_server.model.streaming import Writing
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.turn import OpenItem, Turn
    from codex_fakes.app_server.threads.world import World

MESSAGE_DELTA: Final = "item/agentMessage/delta"


@dataclass(slots=True)
class PlanDraft:
    """What a response's plan is so far.

    Attributes:
        item: The plan item, as it started.
        started_ms: When it started.
        texts: Its pieces.
        complete: Whether its message is complete.
    """

    item: Item
    started_ms: int
    texts: list[str] = field(default_factory=list)
    complete: bool = False


@dataclass(slots=True)
class PlanReading:
    """A message that may hold a plan.

    Attributes:
        text: Tells the plan apart.
        started: Whether the message's item has started.
        blank: Blanks in front of everything that is shown.
    """

    text: PlanText = field(default_factory=PlanText)
    started: bool = False
    blank: str = ""


class PlanMode:
    """Writes messages in plan mode.

    Args:
        world: The shared part of the machine.
        writing: Starts and completes items.
    """

    def __init__(self, world: World, writing: Writing) -> None:
        self._world = world
        self._writing = writing

    def write(self, thread: Thread, turn: Turn, opened: OpenItem, text: str) -> None:
        """Write a delta of the open message."""
        for piece in _reading(opened).text.feed(text):
            self._show(thread, turn, opened, piece)

    def close(self, thread: Thread, turn: Turn, opened: OpenItem) -> None:
        """Complete the open message, and the plan in it before."""
        reading = _reading(opened)
        for piece in reading.text.end():
            self._show(thread, turn, opened, piece)
        draft = turn.plan
        if draft is not None and not draft.complete:
            draft.complete = True
            item = {**draft.item, "text": "".join(draft.texts)}
            self._writing.complete_item(thread, turn.id, item, draft.started_ms)
        if not reading.started:
            return
        completed = {**opened.item, "text": "".join(opened.texts)}
        if is_answer(completed):
            turn.last_message = completed
        self._writing.complete_item(thread, turn.id, completed, opened.started_ms)

    def _show(self, thread: Thread, turn: Turn, opened: OpenItem, piece: Piece) -> None:
        if piece.kind == "message":
            self._show_message(thread, turn, opened, piece.text)
            return
        if turn.plan is None:
            item = proposed_plan(f"{turn.id}-plan", "")
            turn.plan = PlanDraft(item, self._writing.start_item(thread, turn.id, item))
        if piece.text and not turn.plan.complete:
            turn.plan.texts.append(piece.text)
            params = {
                "threadId": thread.id,
                "turnId": turn.id,
                "itemId": turn.plan.item["id"],
                "delta": piece.text,
            }
            self._world.tell_subscribers(thread, "item/plan/delta", params)

    def _show_message(self, thread: Thread, turn: Turn, opened: OpenItem, text: str) -> None:
        reading = _reading(opened)
        if not reading.started:
            reading.blank += text
            if not reading.blank.strip():
                return
            text = reading.blank
            reading.started = True
            opened.started_ms = self._writing.start_item(thread, turn.id, opened.item)
        opened.texts.append(text)
        line = delta_line(opened.prefix, text, str(self._world.clock.now_ms()).encode())
        for out in self._world.audience(thread, MESSAGE_DELTA):
            out.append(line)


def _reading(opened: OpenItem) -> PlanReading:
    """The reading of a message in plan mode; opening it begins one."""
    if opened.plan is None:
        raise RuntimeError("a message outside of plan mode is read for a plan")
    return opened.plan
