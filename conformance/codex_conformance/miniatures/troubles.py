"""Miniatures that break approvals, interrupts, failures and retries.

May import the faults, the definition of a miniature, and the plays' constants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.miniatures.faults import (
    Fault,
    FaultOf,
    FromClient,
    Passing,
    after,
    answer,
    both,
    changed,
    dropped,
    either,
    ending,
    followed,
    heard,
    item,
    late,
    named,
    notification,
    put,
    refusal,
    retry,
    status,
)
from codex_conformance.miniatures.miniature import Miniature, miniature
from codex_conformance.suites.stage import APPROVAL_METHOD
from codex_conformance.wire.messages import Message, at, encode, is_answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_conformance.miniatures.faults import Outgoing


def _running(passing: Passing) -> bool:
    return passing.running


def _decision(decision: str) -> Any:
    return lambda _raw, message: at(message, "result", "decision") == decision


def _decided(decision: str) -> Any:
    return lambda _raw, message: FromClient(
        (encode({**message, "result": {"decision": decision}}),)
    )


def _digits(_raw: bytes, message: Message | None) -> bool:
    id_ = at(message, "id")
    return message is not None and is_answer(message) and isinstance(id_, str) and id_.isdigit()


def _as_number(_raw: bytes, message: Message | None) -> FromClient:
    return FromClient((encode({**(message or {}), "id": int(at(message, "id"))}),))


def _last_answer_counts() -> Fault:
    answered: set[str] = set()
    changed_mind = False

    def back(_raw: bytes, message: Message | None) -> FromClient | None:
        nonlocal changed_mind
        if message is not None and is_answer(message):
            key = repr(message["id"])
            changed_mind = changed_mind or key in answered
            answered.add(key)
        return None

    def out(passing: Passing) -> Iterable[Outgoing] | None:
        if not changed_mind or passing.method != "turn/completed":
            return None
        put("interrupted", "params", "turn", "status")(passing)
        return [passing.message]

    return Fault(out, back)


def _resolves_again() -> Fault:
    """A first answer that comes after the request was resolved resolves it once more."""
    resolved: dict[str, Message] = {}
    answered: set[str] = set()

    def out(passing: Passing) -> None:
        if passing.method == "serverRequest/resolved":
            resolved[repr(passing.at("params", "requestId"))] = passing.message

    def back(_raw: bytes, message: Message | None) -> FromClient | None:
        if message is None or not is_answer(message):
            return None
        key = repr(message["id"])
        too_late = key in resolved and key not in answered
        answered.add(key)
        return FromClient((encode(message),), (resolved[key],)) if too_late else None

    return Fault(out, back)


def _completes_open_message() -> Fault:
    open_messages: dict[object, Message] = {}

    def out(passing: Passing) -> Iterable[Outgoing] | None:
        thread = passing.at("params", "threadId")
        if item("item/started", "agentMessage")(passing):
            open_messages[thread] = passing.at("params")
        elif item("item/completed", "agentMessage")(passing):
            open_messages.pop(thread, None)
        elif status("idle")(passing) and thread in open_messages:
            started = open_messages.pop(thread)
            turn, message = started["turnId"], started["item"]
            done = notification(passing, "item/completed", turnId=turn, item=message)
            return [done, passing.message]
        return None

    return Fault(out)


def _after(status_before: str) -> FaultOf:
    """Turns fail once a turn has ended in a certain way."""
    return after(
        ending(status_before), ending("completed"), put("failed", "params", "turn", "status")
    )


def _pending(passing: Passing) -> bool:
    return passing.unresolved > 0


def _idle_again(passing: Passing) -> Outgoing:
    return notification(passing, "thread/status/changed", status={"type": "idle"})


def _system_error(passing: Passing) -> Outgoing:
    return notification(passing, "thread/status/changed", status={"type": "systemError"})


def _reconnecting(passing: Passing) -> Outgoing:
    error = {
        "message": "Reconnecting... 1/1",
        "codexErrorInfo": "other",
        "additionalDetails": None,
        "misalignment": None,
    }
    turn = passing.at("params", "turn", "id")
    return notification(passing, "error", turnId=turn, error=error, willRetry=True)


def _unclassified(passing: Passing) -> None:
    error = passing.at("params", "error") or passing.at("params", "turn", "error")
    error["codexErrorInfo"] = "other"


APPROVALS: Final[tuple[Miniature, ...]] = (
    miniature(
        "no-waiting-flag",
        "The thread's status does not say that it waits for approval.",
        dropped(status("active", "waitingOnApproval")),
        "lifecycle.approval.flag-set",
        "lifecycle.thread.status-steps",
    ),
    miniature(
        "asks-before-the-item",
        "The command's item is started after the client was asked about it.",
        late(item("item/started", "commandExecution"), named(APPROVAL_METHOD)),
        "lifecycle.approval.item-first",
    ),
    miniature(
        "cannot-cancel",
        "The request does not offer to cancel.",
        changed(named(APPROVAL_METHOD), put(["accept"], "params", "availableDecisions")),
        "lifecycle.approval.request",
    ),
    miniature(
        "never-resolved",
        "serverRequest/resolved does not come.",
        dropped(named("serverRequest/resolved")),
        "lifecycle.approval.resolved",
    ),
    miniature(
        "flag-stays",
        "After the answer the status is not reported again.",
        dropped(both(status("active"), _running)),
        "lifecycle.approval.flag-cleared",
    ),
    miniature(
        "wrong-exit-code",
        "A command that ran well completes with exit code 1.",
        changed(
            lambda p: (
                item("item/completed", "commandExecution")(p)
                and p.at("params", "item", "exitCode") == 0
            ),
            put(1, "params", "item", "exitCode"),
        ),
        "lifecycle.approval.accepted-runs",
    ),
    miniature(
        "declined-as-failed",
        "A declined command or patch completes as failed.",
        changed(
            lambda p: p.at("params", "item", "status") == "declined",
            put("failed", "params", "item", "status"),
        ),
        "lifecycle.approval.declined",
        "lifecycle.patch.declined",
    ),
    miniature(
        "decline-is-cancel",
        "Declining a command ends the turn.",
        heard(_decision("decline"), _decided("cancel")),
        "lifecycle.approval.declined-goes-on",
        "lifecycle.turn.final-status",
        "lifecycle.usage.per-response",
    ),
    miniature(
        "cancel-is-decline",
        "Cancelling a command does not end the turn.",
        heard(_decision("cancel"), _decided("decline")),
        "lifecycle.approval.cancelled",
        "lifecycle.turn.final-status",
    ),
    miniature(
        "any-type-of-id",
        "An answer whose id is a text of digits counts.",
        heard(_digits, _as_number),
        "lifecycle.approval.id-type",
        "lifecycle.approval.first-answer-counts",
        "lifecycle.approval.resolved",
    ),
    miniature(
        "last-answer-counts",
        "A second answer to a request takes the place of the first.",
        _last_answer_counts,
        "lifecycle.approval.first-answer-counts",
    ),
)

INTERRUPTS: Final[tuple[Miniature, ...]] = (
    miniature(
        "interrupt-answered-last",
        "An interrupt is answered after the turn has completed.",
        late(answer("turn/interrupt"), named("turn/completed")),
        "lifecycle.interrupt.order",
    ),
    miniature(
        "completes-open-messages",
        "A message that was being streamed is completed when the turn is interrupted.",
        _completes_open_message,
        "lifecycle.interrupt.open-message",
    ),
    miniature(
        "fails-after-interrupt",
        "Turns fail after a turn was interrupted.",
        _after("interrupted"),
        "lifecycle.interrupt.next-turn",
        "lifecycle.turn.final-status",
    ),
    miniature(
        "resolved-too-early",
        "A pending approval is resolved before the interrupted turn has completed.",
        late(
            both(either(status("idle"), named("turn/completed")), _pending),
            named("serverRequest/resolved"),
        ),
        "lifecycle.interrupt.approval-resolved",
    ),
    miniature(
        "late-answer-counts",
        "An answer that comes after the turn was interrupted resolves the request again.",
        _resolves_again,
        "lifecycle.interrupt.late-answer",
    ),
    miniature(
        "vague-about-idle-threads",
        "Interrupting an idle thread is refused without the reason.",
        changed(refusal("no active turn to interrupt"), put("no", "error", "message")),
        "lifecycle.interrupt.idle-refused",
    ),
    miniature(
        "vague-about-other-turns",
        "Interrupting or steering another turn is refused without the reason.",
        changed(refusal("expected active turn id"), put("no", "error", "message")),
        "lifecycle.interrupt.wrong-turn-refused",
        "lifecycle.steer.wrong-turn-refused",
    ),
    miniature(
        "refused-and-interrupted",
        "An interrupt is refused, and the turn ends as interrupted all the same.",
        after(
            lambda passing: passing.refused and passing.method == "turn/interrupt",
            ending("completed"),
            put("interrupted", "params", "turn", "status"),
        ),
        "lifecycle.interrupt.refused-changes-nothing",
    ),
)

FAILURES: Final[tuple[Miniature, ...]] = (
    miniature(
        "error-before-status",
        "The error is reported before the thread's status is systemError.",
        late(status("systemError"), retry(will_retry=False)),
        "lifecycle.failure.order",
    ),
    miniature(
        "failed-without-error",
        "turn/completed of a failed turn has no error.",
        changed(ending("failed"), put(None, "params", "turn", "error")),
        "lifecycle.failure.same-error",
    ),
    miniature(
        "idle-after-failure",
        "The thread becomes idle after a failed turn.",
        followed(ending("failed"), _idle_again),
        "lifecycle.failure.not-idle",
        "lifecycle.thread.status-steps",
    ),
    miniature(
        "unclassified-errors",
        "codexErrorInfo is always other.",
        changed(either(retry(will_retry=False), ending("failed")), _unclassified),
        "lifecycle.failure.error-info",
    ),
    miniature(
        "fails-after-failure",
        "Turns fail after a turn has failed.",
        _after("failed"),
        "lifecycle.failure.next-turn",
        "lifecycle.turn.final-status",
    ),
    miniature(
        "silent-retries",
        "Opening a broken stream again is not reported.",
        dropped(retry(will_retry=True)),
        "lifecycle.retry.announced",
    ),
    miniature(
        "system-error-while-retrying",
        "The thread's status is systemError while a stream is opened again.",
        followed(retry(will_retry=True), _system_error),
        "lifecycle.retry.turn-goes-on",
        "lifecycle.thread.status-steps",
    ),
    miniature(
        "talkative-retries",
        "Every model request is reported as a retry.",
        followed(named("turn/started"), _reconnecting),
        "lifecycle.retry.requests-silent",
    ),
)
