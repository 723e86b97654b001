"""The requirements about what a turn can be besides text and one command, and how it can end.

May import the definition of a requirement. The invariant: the rows say what an app-server does, in
words that need no knowledge of this package.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.requirements.requirement import Requirement, must, should
from codex_conformance.targets.door import Capability

_QUESTIONS: Final = (
    must(
        "lifecycle.question.asked",
        "A question of the model is a request that names thread, turn and item, and holds the "
        "questions with their options.",
        "FACTS §9",
    ),
    must(
        "lifecycle.question.flag",
        "While a question is open the thread's status has the flag waitingOnUserInput; after the "
        "answer it has none.",
        "FACTS §7, §9",
    ),
    must(
        "lifecycle.question.resolved",
        "An answered question is resolved once, after the answer, and the turn ends well.",
        "FACTS §9",
    ),
    should(
        "lifecycle.question.no-item",
        "A question is no item of the turn.",
        "FACTS §9",
    ),
    should(
        "lifecycle.question.interrupted",
        "A question that was open when the turn was interrupted is resolved after turn/completed.",
        "FACTS §10",
    ),
)

_PLANS: Final = (
    must(
        "lifecycle.plan.item",
        "In plan mode the proposed plan is an item `TURN-plan` with the plan's text.",
        "FACTS §6, §8",
    ),
    must(
        "lifecycle.plan.deltas-join",
        "The deltas of a plan, joined, are its text.",
        "FACTS §8",
    ),
    should(
        "lifecycle.plan.no-message",
        "A response that is nothing but a plan is no message.",
        "FACTS §8",
    ),
)

_TERMINALS: Final = (
    must(
        "lifecycle.terminal.outlives-turn",
        "A turn ends well while its command goes on: the command's item stays open.",
        "FACTS §8",
    ),
    must(
        "lifecycle.terminal.listed",
        "A command that goes on is listed by thread/backgroundTerminals/list, also when its turn "
        "was interrupted.",
        "FACTS §10",
    ),
    must(
        "lifecycle.terminal.cleaned",
        "thread/backgroundTerminals/clean ends commands that go on: their items complete as "
        "failed, with the turn's id, and none is listed any more.",
        "FACTS §8, §10",
    ),
)

_COMPACTION: Final = (
    must(
        "lifecycle.compaction.turn",
        "Compacting a thread is answered with {}, and is a turn of its own that ends well.",
        "FACTS §7",
    ),
    must(
        "lifecycle.compaction.item",
        "That turn has one item, contextCompaction, and says nothing of the summary.",
        "FACTS §7",
    ),
    must(
        "lifecycle.compaction.goes-on",
        "After a compaction the next turn goes well.",
        "FACTS §7",
    ),
)

_REVIEWS: Final = (
    must(
        "lifecycle.review.response",
        "review/start is answered with a turn whose item is what the review is told to do, and "
        "with the thread of the review.",
        "FACTS §7",
    ),
    should(
        "lifecycle.review.entered-first",
        "The item enteredReviewMode comes before turn/started.",
        "FACTS §7",
    ),
    must(
        "lifecycle.review.exited",
        "The item exitedReviewMode says what the review found, and the turn of the response "
        "completes.",
        "FACTS §7",
    ),
    must(
        "lifecycle.review.not-steered",
        "Steering a review is refused with -32600 `cannot steer a review turn`, and data says "
        "activeTurnNotSteerable.",
        "FACTS §4",
    ),
    must(
        "lifecycle.review.goes-on",
        "After a review the next turn goes well.",
        "FACTS §7",
    ),
)

_SETTINGS: Final = (
    should(
        "lifecycle.settings.announced",
        "Settings that a turn/start changes are told by thread/settings/updated, before the "
        "response, and not again by later turns.",
        "FACTS §7",
    ),
    must(
        "lifecycle.settings.sticky",
        "Settings that a turn/start has changed are those of the thread from then on.",
        "FACTS §7",
    ),
    must(
        "lifecycle.limits.reported",
        "The rate limits that the model API speaks of are reported: the share as a whole number, "
        "the window in minutes, its end in seconds.",
        "FACTS §6, §14",
    ),
)

_RESUMES: Final = (
    must(
        "lifecycle.resume.running",
        "Resuming a thread whose turn runs gives it as active, with the turn in progress.",
        "FACTS §13",
    ),
    should(
        "lifecycle.resume.goal-cleared",
        "thread/goal/cleared comes after the response to thread/resume.",
        "FACTS §13",
    ),
    should(
        "lifecycle.resume.result",
        "The result of thread/resume has every field of thread/start's, and collaborationMode, "
        "initialTurnsPage and both cursors.",
        "FACTS §7",
    ),
    should(
        "lifecycle.resume.status",
        "Resuming a thread that is loaded brings no status.",
        "FACTS §13",
    ),
)

_CONSENT: Final = (
    must(
        "lifecycle.approval.at-once",
        "Two commands of one response are asked about at the same time, with two ids.",
        "FACTS §9",
    ),
    must(
        "lifecycle.approval.flag-until-last",
        "The flag waitingOnApproval stays until the last of several requests is answered.",
        "FACTS §9",
    ),
    must(
        "lifecycle.approval.session",
        "A command that was allowed for the session runs again without being asked about.",
        "FACTS §9",
    ),
    must(
        "lifecycle.approval.nonsense",
        "An answer that decides nothing, or is an error, fails the command, and the turn goes on.",
        "FACTS §9",
    ),
    should(
        "lifecycle.patch.cancelled",
        "Cancelling a patch interrupts the turn, and the patch's item is never completed.",
        "FACTS §9",
    ),
    must(
        "lifecycle.patch.unasked",
        "A patch inside the folder of a thread that may write there is applied without being "
        "asked about.",
        "FACTS §9",
    ),
    must(
        "lifecycle.steer.waits-for-tools",
        "The message of a steer that comes while an approval is open appears after the command.",
        "FACTS §11",
    ),
    should(
        "lifecycle.tool.interrupted",
        "A call of the client's tool that is interrupted completes as failed, before the "
        "interrupt is answered.",
        "FACTS §9, §10",
    ),
    should(
        "lifecycle.tool.refused",
        "Tools whose name is none, or stands twice, are refused with -32600; the same name in a "
        "namespace is not.",
        "FACTS §9",
    ),
)

_ENDINGS: Final = (
    must(
        "lifecycle.failure.kinds",
        "codexErrorInfo says what failed: the status of a refused connection, the limits, the "
        "overload, the context, or other.",
        "FACTS §12",
    ),
    should(
        "lifecycle.failure.texts",
        "The texts of failures begin as those of the real app-server.",
        "FACTS §12",
    ),
    should(
        "lifecycle.retry.message-open",
        "A message that was being streamed when the stream broke stays open, and the next try is "
        "another message.",
        "FACTS §12",
    ),
    must(
        "lifecycle.retry.counted",
        "A retry says which it is of how many, and why, and is a responseStreamDisconnected.",
        "FACTS §12",
    ),
    must(
        "lifecycle.interrupt.twice",
        "Of two interrupts of one turn at once the first is answered with {}, the second with {} "
        "or never, and the turn completes once.",
        "FACTS §10, §20",
    ),
    should(
        "lifecycle.interrupt.unnamed",
        "An interrupt without a turn's id interrupts what runs, also right after turn/start was "
        "answered, and is granted when nothing does.",
        "FACTS §10",
    ),
    must(
        "lifecycle.restart.interrupted-turn",
        "A turn that ran when the app-server ended reads as interrupted, with the user's message "
        "and without what was being streamed.",
        "FACTS §3, §13",
        Capability.RESTART,
    ),
    should(
        "lifecycle.restart.settings",
        "After a restart thread/resume gives the settings that the thread had.",
        "FACTS §13",
        Capability.RESTART,
    ),
    must(
        "lifecycle.restart.after-interrupted",
        "After a restart in the middle of a turn the next turn goes well.",
        "FACTS §13",
        Capability.RESTART,
    ),
)

_CLIENTS: Final = (
    must(
        "lifecycle.clients.changes-broadcast",
        "Every client hears when a thread is named, archived or unarchived.",
        "FACTS §15",
        Capability.CLIENTS,
    ),
    must(
        "lifecycle.clients.all-resolved",
        "Every client that was asked hears that the request is resolved, whoever answered.",
        "FACTS §9",
        Capability.CLIENTS,
    ),
    must(
        "lifecycle.clients.turn-survives",
        "A turn goes on when the client that started it is gone.",
        "FACTS §15",
        Capability.CLIENTS,
    ),
)

CONVERSATION: Final[tuple[Requirement, ...]] = (
    *_QUESTIONS,
    *_PLANS,
    *_TERMINALS,
    *_COMPACTION,
    *_REVIEWS,
    *_SETTINGS,
    *_RESUMES,
    *_CONSENT,
    *_ENDINGS,
    *_CLIENTS,
)
"""Every one of these requirements, in the order of reports."""
