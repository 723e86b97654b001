"""Miniatures that break turns and what is in them.

May import the faults, the definition of a miniature, and the plays' constants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.miniatures.faults import (
    Fault,
    Passing,
    answer,
    both,
    changed,
    computed,
    doubled,
    dropped,
    ending,
    followed,
    item,
    late,
    named,
    notification,
    preceded,
    put,
    status,
)
from codex_conformance.miniatures.miniature import Miniature, miniature
from codex_conformance.suites.plays.interrupts import UNKNOWN_TURN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_conformance.miniatures.faults import Outgoing

_DELTA: Final = "item/agentMessage/delta"
_USAGE: Final = "thread/tokenUsage/updated"


def _idle(passing: Passing) -> bool:
    return not passing.running


def _ghost_output(passing: Passing) -> Outgoing:
    turn = passing.at("params", "turn", "id")
    return notification(
        passing, "item/commandExecution/outputDelta", turnId=turn, itemId="ghost", delta="late"
    )


def _read_state(passing: Passing) -> Outgoing:
    return notification(passing, "thread/readState/changed", readState={"firstUnread": None})


def _in_milliseconds(passing: Passing) -> None:
    turn = passing.at("params", "turn")
    turn["startedAt"] *= 1000
    turn["completedAt"] *= 1000


def _swapped(old: str, new: str, value: Any) -> Any:
    """A JSON value with one text replaced by another wherever it stands."""
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, list):
        return [_swapped(old, new, part) for part in value]
    if isinstance(value, dict):
        return {key: _swapped(old, new, part) for key, part in value.items()}
    return value


def _saying(old: str, new: str) -> Any:
    """What the model says is changed, in deltas and in items alike."""

    def out(passing: Passing) -> Iterable[Outgoing] | None:
        if passing.at("params", "item", "type") == "userMessage":
            return None
        if not passing.method or not passing.method.startswith(("item/", "turn/completed")):
            return None
        return [_swapped(old, new, passing.message)]

    return lambda: Fault(out)


def _only_last_usage(passing: Passing) -> None:
    usage = passing.at("params", "tokenUsage")
    usage["total"] = dict(usage["last"])


def _later_report(passing: Passing) -> bool:
    usage = passing.at("params", "tokenUsage")
    return passing.method == _USAGE and passing.running and usage["total"] != usage["last"]


def _shouted(passing: Passing) -> None:
    content = passing.at("params", "item", "content", 0)
    content["text"] = content["text"].upper()


FRAMES: Final[tuple[Miniature, ...]] = (
    miniature(
        "starts-too-early",
        "The response to turn/start says when the turn started.",
        changed(answer("turn/start"), put(1_795_330_000, "result", "turn", "startedAt")),
        "lifecycle.turn.response-members",
    ),
    miniature(
        "active-too-late",
        "The thread becomes active after turn/started.",
        late(both(status("active"), _idle), named("turn/started")),
        "lifecycle.turn.active-first",
    ),
    miniature(
        "turn-started-twice",
        "turn/started comes twice.",
        doubled(named("turn/started")),
        "lifecycle.turn.started-once",
        "lifecycle.steer.same-turn",
    ),
    miniature(
        "turn-completed-twice",
        "turn/completed comes twice.",
        doubled(named("turn/completed")),
        "lifecycle.turn.completed-once",
        "lifecycle.steer.ends-once",
    ),
    miniature(
        "missing-turn-completed",
        "turn/completed does not come.",
        dropped(named("turn/completed")),
        "lifecycle.turn.completed-once",
    ),
    miniature(
        "output-after-the-turn",
        "Output of a command comes after turn/completed.",
        followed(named("turn/completed"), _ghost_output),
        "lifecycle.turn.completed-last",
    ),
    miniature(
        "read-state-after-idle",
        "thread/readState/changed comes between idle and turn/completed.",
        preceded(named("turn/completed"), _read_state),
        "lifecycle.turn.idle-before-completed",
    ),
    miniature(
        "wrong-turn-id",
        "turn/completed carries the id of another turn.",
        changed(named("turn/completed"), put(UNKNOWN_TURN, "params", "turn", "id")),
        "lifecycle.turn.same-id",
    ),
    miniature(
        "deltas-of-another-turn",
        "Deltas carry the id of another turn.",
        changed(named(_DELTA), put(UNKNOWN_TURN, "params", "turnId")),
        "lifecycle.turn.same-id",
    ),
    miniature(
        "failure-as-completed",
        "A turn that failed ends as completed.",
        changed(ending("failed"), put("completed", "params", "turn", "status")),
        "lifecycle.turn.final-status",
    ),
    miniature(
        "no-summary",
        "turn/completed holds no items.",
        changed(named("turn/completed"), put([], "params", "turn", "items")),
        "lifecycle.turn.summary",
    ),
    miniature(
        "times-in-milliseconds",
        "startedAt and completedAt are in milliseconds.",
        changed(named("turn/completed"), _in_milliseconds),
        "lifecycle.turn.times",
    ),
    miniature(
        "threads-mixed-up",
        "One thread gets the text of another.",
        _saying("bravo", "alpha"),
        "lifecycle.turn.apart",
    ),
)

ITEMS: Final[tuple[Miniature, ...]] = (
    miniature(
        "reasoning-not-started",
        "A reasoning item is completed without having been started.",
        dropped(item("item/started", "reasoning")),
        "lifecycle.item.started-first",
    ),
    miniature(
        "reasoning-completed-twice",
        "A reasoning item is completed twice.",
        doubled(item("item/completed", "reasoning")),
        "lifecycle.item.completed-once",
    ),
    miniature(
        "reasoning-not-completed",
        "A reasoning item is started and never completed.",
        dropped(item("item/completed", "reasoning")),
        "lifecycle.item.all-completed",
    ),
    miniature(
        "changes-the-question",
        "The user's message comes back in capital letters.",
        changed(item("item/started", "userMessage"), _shouted),
        "lifecycle.item.user-message-first",
    ),
    miniature(
        "forgets-client-ids",
        "The user's message does not carry the client's id.",
        changed(item("item/started", "userMessage"), put(None, "params", "item", "clientId")),
        "lifecycle.item.client-id",
    ),
    miniature(
        "delta-before-item-started",
        "The first delta of a message comes before its item/started.",
        late(item("item/started", "agentMessage"), named(_DELTA)),
        "lifecycle.message.deltas-inside",
    ),
    miniature(
        "delta-lost",
        "One delta of a message does not come.",
        dropped(lambda p: p.method == _DELTA and p.at("params", "delta") == " wor"),
        "lifecycle.message.deltas-join",
    ),
    miniature(
        "ascii-only",
        "Characters that are not ASCII become question marks.",
        _saying("\u00fc", "?"),
        "lifecycle.message.as-said",
    ),
    miniature(
        "reasoning-parts-unannounced",
        "The parts of a reasoning summary are not announced.",
        dropped(named("item/reasoning/summaryPartAdded")),
        "lifecycle.reasoning.parts-announced",
    ),
    miniature(
        "reasoning-parts-merged",
        "The completed reasoning item has one part where there were two.",
        changed(
            item("item/completed", "reasoning"),
            computed(lambda parts: ["".join(parts)], "params", "item", "summary"),
        ),
        "lifecycle.reasoning.parts-join",
    ),
)

USAGE: Final[tuple[Miniature, ...]] = (
    miniature(
        "usage-not-cumulative",
        "The total token usage is that of the last response.",
        changed(named(_USAGE), _only_last_usage),
        "lifecycle.usage.cumulative",
        "lifecycle.restart.usage-restored",
    ),
    miniature(
        "usage-of-the-first-response-only",
        "Only the first response of the model is reported.",
        dropped(_later_report),
        "lifecycle.usage.per-response",
    ),
    miniature(
        "no-rate-limits",
        "account/rateLimits/updated does not come.",
        dropped(named("account/rateLimits/updated")),
        "lifecycle.usage.rate-limits",
    ),
)
