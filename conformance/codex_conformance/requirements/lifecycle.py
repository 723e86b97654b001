"""The requirements of the suite ``lifecycle``: threads, turns, items, approvals, failures.

May import the definition of a requirement. The invariant: the rows say what an app-server does, in
words that need no knowledge of this package.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.requirements.requirement import Requirement, must, should
from codex_conformance.targets.door import Capability

_THREADS: Final = (
    must(
        "lifecycle.thread.response-first",
        "The response to thread/start comes before thread/started.",
        "FACTS §7",
    ),
    must(
        "lifecycle.thread.started-once",
        "thread/started comes exactly once for a new thread.",
        "FACTS §7",
    ),
    must(
        "lifecycle.thread.ids",
        "A thread id is a UUID, and the session id of a new thread is the thread id.",
        "FACTS §6",
    ),
    should(
        "lifecycle.thread.origin",
        "A new thread names the client as its originator, and its source is vscode.",
        "FACTS §5",
    ),
    must(
        "lifecycle.thread.starts-idle",
        "A new thread is idle and has no turns.",
        "FACTS §7",
    ),
    should(
        "lifecycle.thread.start-result",
        "The result of thread/start has every field, with null where there is nothing to say.",
        "FACTS §6, §7",
    ),
    must(
        "lifecycle.thread.status-steps",
        "The status of a thread changes from idle to active and from there, also by way of "
        "waitingOnApproval, to idle or to systemError; it is not reported again unchanged.",
        "FACTS §7, §8, §12",
    ),
    must(
        "lifecycle.thread.read-without-turns",
        "thread/read leaves the turns out unless it is asked for them.",
        "FACTS §7",
    ),
    must(
        "lifecycle.thread.read-turns",
        "thread/read with includeTurns gives the turns in their order, each with its user message "
        "and its answer.",
        "FACTS §7, §13",
    ),
    must(
        "lifecycle.thread.list-complete",
        "thread/list gives every thread that has a turn.",
        "FACTS §7",
    ),
    must(
        "lifecycle.thread.list-newest-first",
        "thread/list gives the newest thread first.",
        "FACTS §7",
    ),
    should(
        "lifecycle.thread.list-used-only",
        "thread/list leaves out threads that never had a turn.",
        "FACTS §7",
    ),
    should(
        "lifecycle.thread.list-preview",
        "The preview of a listed thread is the text of its first user message.",
        "FACTS §7",
    ),
)

_RESTARTS: Final = (
    must(
        "lifecycle.restart.listed",
        "A thread that had a turn is listed after a restart.",
        "FACTS §7, §13",
        Capability.RESTART,
    ),
    should(
        "lifecycle.restart.not-loaded",
        "After a restart a thread can be read, and reads as notLoaded.",
        "FACTS §7, §13",
        Capability.RESTART,
    ),
    must(
        "lifecycle.restart.resume-needed",
        "After a restart turn/start is refused until the thread is resumed.",
        "FACTS §7",
        Capability.RESTART,
    ),
    must(
        "lifecycle.restart.resume-turns",
        "thread/resume gives the turns of before the restart, in their order, with the same ids.",
        "FACTS §13",
        Capability.RESTART,
    ),
    must(
        "lifecycle.restart.resume-texts",
        "The turns that thread/resume gives hold what was said.",
        "FACTS §13",
        Capability.RESTART,
    ),
    must(
        "lifecycle.restart.goes-on",
        "After thread/resume the next turn goes well.",
        "FACTS §13",
        Capability.RESTART,
    ),
    should(
        "lifecycle.restart.usage-restored",
        "After thread/resume the thread's token totals go on from where they were.",
        "FACTS §7, §13",
        Capability.RESTART,
    ),
    should(
        "lifecycle.restart.unused-lost",
        "A thread that never had a turn is gone after a restart.",
        "FACTS §7",
        Capability.RESTART,
    ),
)

_TURNS: Final = (
    should(
        "lifecycle.turn.response-members",
        "The response to turn/start holds a turn in progress without items, error or start time.",
        "FACTS §8",
    ),
    must(
        "lifecycle.turn.active-first",
        "The thread's status becomes active in the message right before turn/started.",
        "FACTS §8",
    ),
    must(
        "lifecycle.turn.started-once",
        "turn/started comes exactly once for a turn.",
        "FACTS §8",
    ),
    must(
        "lifecycle.turn.completed-once",
        "turn/completed comes exactly once for a turn.",
        "FACTS §8",
    ),
    must(
        "lifecycle.turn.completed-last",
        "After turn/completed no item, delta, token usage or error of the turn comes.",
        "FACTS §8",
    ),
    must(
        "lifecycle.turn.idle-before-completed",
        "Unless the turn failed, the thread becomes idle in the message right before "
        "turn/completed.",
        "FACTS §8, §10",
    ),
    must(
        "lifecycle.turn.same-id",
        "Every message of a turn carries the turn id of the response to turn/start.",
        "FACTS §8",
    ),
    must(
        "lifecycle.turn.final-status",
        "turn/completed says how the turn ended: completed, interrupted or failed.",
        "FACTS §8, §10, §12",
    ),
    should(
        "lifecycle.turn.summary",
        "turn/completed holds the last message of the model and nothing else, as a summary.",
        "FACTS §8",
    ),
    should(
        "lifecycle.turn.times",
        "A completed turn has startedAt and completedAt in seconds and durationMs in milliseconds.",
        "FACTS §6, §8",
    ),
    must(
        "lifecycle.turn.apart",
        "Two turns that run at the same time do not mix: each thread gets its own text.",
        "FACTS §4, §8",
    ),
)

_ITEMS: Final = (
    must(
        "lifecycle.item.started-first",
        "item/completed comes only for an item that was started.",
        "FACTS §8",
    ),
    must(
        "lifecycle.item.completed-once",
        "No item is started twice or completed twice in a turn.",
        "FACTS §8",
    ),
    must(
        "lifecycle.item.all-completed",
        "When a turn ends well, every item it started has been completed.",
        "FACTS §8",
    ),
    must(
        "lifecycle.item.user-message-first",
        "The first item of a turn is the user's message, with the user's text.",
        "FACTS §8",
    ),
    should(
        "lifecycle.item.client-id",
        "The user's message carries the id the client gave it, or null.",
        "FACTS §8",
    ),
    must(
        "lifecycle.message.deltas-inside",
        "The deltas of a message come after its item/started and before its item/completed.",
        "FACTS §8",
    ),
    must(
        "lifecycle.message.deltas-join",
        "The deltas of a message, joined, are the text of its item/completed.",
        "FACTS §8",
    ),
    must(
        "lifecycle.message.as-said",
        "The text of a completed message is what the model said.",
        "FACTS §8",
    ),
    must(
        "lifecycle.reasoning.parts-announced",
        "Every part of a reasoning summary is announced by summaryPartAdded, counted from 0, "
        "before its deltas.",
        "FACTS §8",
    ),
    must(
        "lifecycle.reasoning.parts-join",
        "The deltas of each part, joined, are that part of the completed reasoning item's summary.",
        "FACTS §8",
    ),
    must(
        "lifecycle.usage.cumulative",
        "The total token usage of a thread is the sum of what was reported last by last.",
        "FACTS §8",
    ),
    should(
        "lifecycle.usage.per-response",
        "Token usage is reported once for each response of the model.",
        "FACTS §8",
    ),
    should(
        "lifecycle.usage.rate-limits",
        "account/rateLimits/updated comes right behind every report of token usage.",
        "FACTS §8",
    ),
)

_APPROVALS: Final = (
    must(
        "lifecycle.approval.flag-set",
        "Before the client is asked, the thread's status gets the flag waitingOnApproval.",
        "FACTS §9",
    ),
    must(
        "lifecycle.approval.item-first",
        "The command's item is started, and in progress, before the client is asked about it.",
        "FACTS §9",
    ),
    must(
        "lifecycle.approval.request",
        "The request names thread, turn, item, command and folder, and the decisions there are, "
        "accept and cancel among them.",
        "FACTS §9",
    ),
    must(
        "lifecycle.approval.resolved",
        "serverRequest/resolved with the request's id comes once, after the answer and before the "
        "item is completed.",
        "FACTS §9",
    ),
    must(
        "lifecycle.approval.flag-cleared",
        "After the answer the thread's status is active without flags.",
        "FACTS §9",
    ),
    must(
        "lifecycle.approval.accepted-runs",
        "An accepted command runs: its item completes with its exit code and its output.",
        "FACTS §9",
    ),
    must(
        "lifecycle.approval.declined",
        "The item of a declined command completes as declined, without an exit code.",
        "FACTS §9",
    ),
    must(
        "lifecycle.approval.declined-goes-on",
        "After a command is declined the turn goes on, and ends well.",
        "FACTS §9",
    ),
    must(
        "lifecycle.approval.cancelled",
        "Cancelling declines the command and interrupts the turn.",
        "FACTS §9",
    ),
    must(
        "lifecycle.approval.id-type",
        "An answer whose id has another JSON type than the request's does not count.",
        "FACTS §4",
    ),
    must(
        "lifecycle.approval.first-answer-counts",
        "A second answer to a request changes nothing.",
        "FACTS §4",
    ),
)

_INTERRUPTS: Final = (
    must(
        "lifecycle.interrupt.order",
        "An interrupt is answered with {}, then the thread becomes idle, then the turn completes.",
        "FACTS §10",
    ),
    should(
        "lifecycle.interrupt.open-message",
        "A message that was being streamed when the turn was interrupted is never completed.",
        "FACTS §10",
    ),
    must(
        "lifecycle.interrupt.next-turn",
        "After an interrupted turn the next one goes well.",
        "FACTS §10",
    ),
    should(
        "lifecycle.interrupt.approval-resolved",
        "An approval that was pending when the turn was interrupted is resolved after "
        "turn/completed.",
        "FACTS §10",
    ),
    must(
        "lifecycle.interrupt.late-answer",
        "The answer to an approval whose turn was interrupted changes nothing.",
        "FACTS §10",
    ),
    must(
        "lifecycle.interrupt.idle-refused",
        "Interrupting an idle thread is refused with -32600 `no active turn to interrupt`.",
        "FACTS §4, §10",
    ),
    must(
        "lifecycle.interrupt.wrong-turn-refused",
        "Interrupting by the id of another turn is refused with -32600 `expected active turn id "
        "…`.",
        "FACTS §4, §10",
    ),
    must(
        "lifecycle.interrupt.refused-changes-nothing",
        "A turn whose interrupt was refused ends well; one whose interrupt was granted ends as "
        "interrupted.",
        "FACTS §10",
    ),
)

_FAILURES: Final = (
    must(
        "lifecycle.failure.order",
        "A turn fails in this order: status systemError, one error that says willRetry false, "
        "turn/completed.",
        "FACTS §12",
    ),
    must(
        "lifecycle.failure.same-error",
        "turn/completed of a failed turn carries the error that was reported.",
        "FACTS §12",
    ),
    should(
        "lifecycle.failure.not-idle",
        "After a failed turn the thread is not reported as idle.",
        "FACTS §12",
    ),
    should(
        "lifecycle.failure.error-info",
        "When the model API answers with HTTP 500, codexErrorInfo says internalServerError.",
        "FACTS §12",
    ),
    must(
        "lifecycle.failure.next-turn",
        "After a failed turn the next one goes well.",
        "FACTS §12",
    ),
    must(
        "lifecycle.retry.announced",
        "When a broken stream is opened again, an error that says willRetry true is reported.",
        "FACTS §12",
    ),
    must(
        "lifecycle.retry.turn-goes-on",
        "A retry does not end the turn: the thread stays active until the turn ends well.",
        "FACTS §12",
    ),
    should(
        "lifecycle.retry.requests-silent",
        "Repeating a refused request of the model API is not reported.",
        "FACTS §12",
    ),
)

LIFECYCLE: Final[tuple[Requirement, ...]] = (
    *_THREADS,
    *_RESTARTS,
    *_TURNS,
    *_ITEMS,
    *_APPROVALS,
    *_INTERRUPTS,
    *_FAILURES,
)
"""Every requirement of the suite, in the order of reports."""
