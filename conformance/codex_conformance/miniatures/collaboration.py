"""Miniatures that break steered turns, patches, the client's own tools, and several clients.

May import the faults, the definition of a miniature, and the plays' constants.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.miniatures.faults import (
    Fault,
    FromClient,
    Passing,
    after,
    answer,
    both,
    changed,
    computed,
    dropped,
    ending,
    item,
    late,
    named,
    notification,
    preceded,
    put,
    refusal,
)
from codex_conformance.miniatures.miniature import Miniature, miniature
from codex_conformance.suites.plays.collaboration import (
    NEW_FILE,
    PATCH_METHOD,
    STEERING_ID,
    TOOL_METHOD,
)
from codex_conformance.suites.plays.interrupts import UNKNOWN_TURN
from codex_conformance.suites.stage import APPROVAL_METHOD
from codex_conformance.wire.messages import Message, at, encode, is_answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_conformance.miniatures.faults import Outgoing, Where


def _elsewhere(passing: Passing) -> bool:
    """Whether the connection has not started a thread."""
    return not passing.started_here


def _steering(passing: Passing) -> bool:
    return bool(passing.at("params", "item", "clientId") == STEERING_ID)


def _joining(passing: Passing) -> bool:
    return bool(at(passing.request, "params", "clientUserMessageId") == STEERING_ID)


def _became(value: str) -> Where:
    return lambda passing: passing.at("params", "item", "status") == value


def _another_text(text: str) -> Any:
    return put(text, "error", "message")


def _completes_what_was_cut() -> Fault:
    """A message that steering has cut is completed when the next one starts."""
    opened: Message | None = None
    steered = False

    def out(passing: Passing) -> Iterable[Outgoing] | None:
        nonlocal opened, steered
        steered = steered or _steering(passing)
        if item("item/completed", "agentMessage")(passing):
            opened = None
        if not item("item/started", "agentMessage")(passing):
            return None
        cut, opened = opened, passing.at("params")
        if cut is None or not steered:
            return None
        turn, message = cut["turnId"], cut["item"]
        return [notification(passing, "item/completed", turnId=turn, item=message), passing.message]

    return Fault(out)


def _resolves_patches_late() -> Fault:
    """What is asked about a patch is resolved after the patch has ended."""
    asked: set[object] = set()
    held: list[Message] = []

    def out(passing: Passing) -> Iterable[Outgoing] | None:
        if passing.method == PATCH_METHOD:
            asked.add(passing.at("id"))
        elif passing.method == "serverRequest/resolved":
            if passing.at("params", "requestId") in asked:
                held.append(passing.message)
                return []
        elif item("item/completed", "fileChange")(passing):
            released = [passing.message, *held]
            held.clear()
            return released
        return None

    return Fault(out)


def _turns_for_everybody() -> Fault:
    """A client that has neither started nor resumed a thread hears of its turns."""
    subscribed = False

    def back(_raw: bytes, message: Message | None) -> FromClient | None:
        nonlocal subscribed
        method = at(message, "method")
        subscribed = subscribed or method in ("thread/start", "thread/resume")
        return None

    def out(passing: Passing) -> Iterable[Outgoing] | None:
        if subscribed or passing.method != "thread/status/changed":
            return None
        return [passing.message, notification(passing, "turn/started", turn={"id": UNKNOWN_TURN})]

    return Fault(out, back)


def _only_the_starter_decides() -> Fault:
    """The answer of a client that has not started a thread counts as no."""
    started = False

    def back(_raw: bytes, message: Message | None) -> FromClient | None:
        nonlocal started
        started = started or at(message, "method") == "thread/start"
        if message is None or started or not is_answer(message):
            return None
        return FromClient((encode({**message, "result": {"decision": "decline"}}),))

    return Fault(from_client=back)


def _resolved(passing: Passing) -> Outgoing:
    return notification(passing, "serverRequest/resolved", requestId=0)


STEERS: Final[tuple[Miniature, ...]] = (
    miniature(
        "steers-another-turn",
        "turn/steer is answered with the id of another turn.",
        changed(answer("turn/steer"), put(UNKNOWN_TURN, "result", "turnId")),
        "lifecycle.steer.same-turn",
    ),
    miniature(
        "forgets-steering-ids",
        "The message of turn/steer does not carry the client's id.",
        changed(
            both(item("item/completed", "userMessage"), _steering),
            put(None, "params", "item", "clientId"),
        ),
        "lifecycle.steer.user-message",
    ),
    miniature(
        "completes-what-was-cut",
        "A message that was cut by turn/steer is completed.",
        _completes_what_was_cut,
        "lifecycle.steer.message-dropped",
    ),
    miniature(
        "steering-is-fatal",
        "A turn that was steered fails.",
        after(
            both(item("item/completed", "userMessage"), _steering),
            ending("completed"),
            put("failed", "params", "turn", "status"),
        ),
        "lifecycle.steer.ends-once",
    ),
    miniature(
        "starts-another-turn",
        "turn/start while a turn runs is answered with the id of another turn.",
        changed(both(answer("turn/start"), _joining), put(UNKNOWN_TURN, "result", "turn", "id")),
        "lifecycle.steer.start-joins",
    ),
    miniature(
        "idle-steer-misworded",
        "The refusal of a steer of an idle thread says something else.",
        changed(refusal("no active turn to steer"), _another_text("nothing runs")),
        "lifecycle.steer.idle-refused",
    ),
    miniature(
        "wrong-steer-unquoted",
        "The refusal of a steer by another turn's id does not quote the ids.",
        changed(refusal("expected active turn id `"), _another_text("expected active turn id A")),
        "lifecycle.steer.wrong-turn-refused",
    ),
    miniature(
        "empty-steer-misworded",
        "The refusal of a steer without input does not say that the input is missing.",
        changed(refusal("input must not be empty"), _another_text("invalid steer")),
        "lifecycle.steer.empty-refused",
    ),
)

PATCHES: Final[tuple[Miniature, ...]] = (
    miniature(
        "asks-before-the-patch",
        "The client is asked about a patch before its item is started.",
        late(item("item/started", "fileChange"), named(PATCH_METHOD)),
        "lifecycle.patch.item-first",
    ),
    miniature(
        "relative-paths",
        "The changes of a patch have relative paths.",
        changed(
            item("item/started", "fileChange"),
            put(NEW_FILE, "params", "item", "changes", 0, "path"),
        ),
        "lifecycle.patch.changes",
    ),
    miniature(
        "patch-resolved-late",
        "A request about a patch is resolved after the patch's item/completed.",
        _resolves_patches_late,
        "lifecycle.patch.resolved",
    ),
    miniature(
        "patch-never-done",
        "The item of an applied patch completes as in progress.",
        changed(
            both(item("item/completed", "fileChange"), _became("completed")),
            put("inProgress", "params", "item", "status"),
        ),
        "lifecycle.patch.accepted",
    ),
    miniature(
        "declined-patch-fails",
        "The item of a declined patch completes as failed.",
        changed(
            both(item("item/completed", "fileChange"), _became("declined")),
            put("failed", "params", "item", "status"),
        ),
        "lifecycle.patch.declined",
    ),
    miniature(
        "no-turn-diff",
        "turn/diff/updated does not come.",
        dropped(named("turn/diff/updated")),
        "lifecycle.patch.turn-diff",
    ),
)

TOOLS: Final[tuple[Miniature, ...]] = (
    miniature(
        "arguments-as-text",
        "The arguments of a tool are JSON in a string.",
        changed(named(TOOL_METHOD), computed(json.dumps, "params", "arguments")),
        "lifecycle.tool.call",
    ),
    miniature(
        "tool-answer-lost",
        "The item of an answered call does not hold what the client said.",
        changed(
            both(item("item/completed", "dynamicToolCall"), _became("completed")),
            put([], "params", "item", "contentItems"),
        ),
        "lifecycle.tool.answered",
    ),
    miniature(
        "failed-tool-completes",
        "The item of a call that failed completes as completed.",
        changed(
            both(item("item/completed", "dynamicToolCall"), _became("failed")),
            put("completed", "params", "item", "status"),
        ),
        "lifecycle.tool.failed",
    ),
    miniature(
        "tool-resolved",
        "A call of the client's tool is reported as resolved.",
        preceded(item("item/completed", "dynamicToolCall"), _resolved),
        "lifecycle.tool.unflagged",
    ),
)

CLIENTS: Final[tuple[Miniature, ...]] = (
    miniature(
        "new-threads-are-secret",
        "Only the client that starts a thread hears of it.",
        dropped(both(named("thread/started"), _elsewhere)),
        "lifecycle.clients.broadcast",
    ),
    miniature(
        "turns-for-everybody",
        "Clients that are not subscribed hear of turns.",
        _turns_for_everybody,
        "lifecycle.clients.subscribers-only",
    ),
    miniature(
        "request-renumbered",
        "A pending request is repeated with another id.",
        changed(both(named(APPROVAL_METHOD), _elsewhere), put(99, "id")),
        "lifecycle.clients.request-repeated",
    ),
    miniature(
        "only-the-starter-decides",
        "The answer of a client that has not started the thread counts as no.",
        _only_the_starter_decides,
        "lifecycle.clients.answer-counts",
    ),
)
