"""What the model writes while it streams: messages and reasoning, item by item, delta by delta.

May import items, the plan, plan mode, rollouts and the shared world. The invariant: deltas come
between the start and the completion of their item, and a completed item is written down before it
is announced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_fakes.app_server.model.plan_mode import MESSAGE_DELTA, PlanMode, PlanReading
from codex_fakes.app_server.threads.items import Item, agent_message, is_answer, reasoning
from codex_fakes.app_server.threads.plan import (
    Action,
    CloseItem,
    MessageDelta,
    OpenMessage,
    OpenReasoning,
    RawDelta,
    SummaryDelta,
    SummaryPart,
)
from codex_fakes.app_server.threads.turn import OpenItem, Turn
from codex_fakes.app_server.threads.world import delta_line, delta_prefix

if TYPE_CHECKING:
    from codex_fakes.app_server.storage.rollout import RolloutWriter
    from codex_fakes.app_server.threads.thread import Thread
    from codex_fakes.app_server.threads.world import World

_SUMMARY_DELTA = "item/reasoning/summaryTextDelta"
_RAW_DELTA = "item/reasoning/textDelta"


class Writing:
    """Turns the writing part of a plan into notifications.

    Args:
        world: The shared part of the machine.
        rollouts: Writes completed items down.
    """

    def __init__(self, world: World, rollouts: RolloutWriter) -> None:
        self._world = world
        self._rollouts = rollouts
        self._plan_mode = PlanMode(world, self)

    def start_item(self, thread: Thread, turn_id: str, item: Item) -> int:
        """Announce that an item starts.

        Returns:
            When, in milliseconds.
        """
        now_ms = self._world.clock.now_ms()
        self._world.tell_subscribers(
            thread,
            "item/started",
            {"item": item, "threadId": thread.id, "turnId": turn_id, "startedAtMs": now_ms},
        )
        return now_ms

    def complete_item(self, thread: Thread, turn_id: str, item: Item, started_ms: int) -> None:
        """Write a completed item down and announce it."""
        now_ms = self._world.clock.now_ms()
        self._rollouts.complete_item(thread, turn_id, item, started_ms, now_ms)
        self.announce_completed(thread, turn_id, item)

    def announce_completed(self, thread: Thread, turn_id: str, item: Item) -> None:
        """Announce a completed item that history does not keep."""
        now_ms = self._world.clock.now_ms()
        self._world.tell_subscribers(
            thread,
            "item/completed",
            {"item": item, "threadId": thread.id, "turnId": turn_id, "completedAtMs": now_ms},
        )

    def play(self, thread: Thread, turn: Turn, action: Action) -> None:
        """Play one action of the plan, and the deltas right behind it."""
        if isinstance(action, MessageDelta):
            self._message_deltas(thread, turn, action)
        elif isinstance(action, OpenMessage):
            self._open(
                thread, turn, agent_message(self._named(action.item_id, "msg"), "", action.phase)
            )
        elif isinstance(action, OpenReasoning):
            self._open(thread, turn, reasoning(self._named(action.item_id, "rs"), [], []))
        elif isinstance(action, CloseItem):
            self._close(thread, turn)
        else:
            self._reasoning(thread, turn, action)

    def _named(self, item_id: str, kind: str) -> str:
        """The id of an item; made up when the model has sent none."""
        return item_id or f"{kind}_{self._world.ids.uuid7()}"

    def _open(self, thread: Thread, turn: Turn, item: Item) -> None:
        prefix, plan = b"", None
        if item["type"] == "agentMessage":
            prefix = delta_prefix(MESSAGE_DELTA, thread.id, turn.id, item["id"])
            if thread.settings.collaboration_mode()["mode"] == "plan":
                plan = PlanReading()
        started_ms = self.start_item(thread, turn.id, item) if plan is None else 0
        turn.open_item = OpenItem(item, started_ms, prefix=prefix, plan=plan)

    def _message_deltas(self, thread: Thread, turn: Turn, action: MessageDelta) -> None:
        item = _opened(turn)
        if item.plan is not None:
            self._plan_mode.write(thread, turn, item, action.text)
            return
        texts = [action.text]
        queue = turn.queue
        while queue:
            following = queue[0]
            if not isinstance(following, MessageDelta):
                break
            queue.popleft()
            texts.append(following.text)
        item.texts.extend(texts)
        audience = self._world.audience(thread, MESSAGE_DELTA)
        if not audience:
            return
        now = str(self._world.clock.now_ms()).encode()
        lines = [delta_line(item.prefix, text, now) for text in texts]
        for out in audience:
            out.extend(lines)

    def _reasoning(self, thread: Thread, turn: Turn, action: Action) -> None:
        item = _opened(turn)
        where = {"threadId": thread.id, "turnId": turn.id, "itemId": item.item["id"]}
        if isinstance(action, SummaryPart):
            item.texts.append("")
            self._world.tell_subscribers(
                thread,
                "item/reasoning/summaryPartAdded",
                {**where, "summaryIndex": action.part},
            )
        elif isinstance(action, SummaryDelta):
            item.texts[action.part] += action.text
            self._world.tell_subscribers(
                thread,
                _SUMMARY_DELTA,
                {**where, "delta": action.text, "summaryIndex": action.part},
            )
        elif isinstance(action, RawDelta) and self._world.settings.show_raw_reasoning:
            item.raw.append(action.text)
            self._world.tell_subscribers(
                thread, _RAW_DELTA, {**where, "delta": action.text, "contentIndex": 0}
            )

    def _close(self, thread: Thread, turn: Turn) -> None:
        opened = _opened(turn)
        turn.open_item = None
        item = opened.item
        if opened.plan is not None:
            self._plan_mode.close(thread, turn, opened)
            return
        if item["type"] == "agentMessage":
            completed = {**item, "text": "".join(opened.texts)}
            if is_answer(completed):
                turn.last_message = completed
        else:
            raw = ["".join(opened.raw)] if opened.raw else []
            completed = {**item, "summary": opened.texts, "content": raw}
        self.complete_item(thread, turn.id, completed, opened.started_ms)


def _opened(turn: Turn) -> OpenItem:
    """The item that the model is writing; a plan opens one before it writes."""
    if turn.open_item is None:
        raise RuntimeError(f"turn {turn.id}: there is no open item")
    return turn.open_item
