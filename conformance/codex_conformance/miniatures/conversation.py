"""Miniatures that break questions, plans, terminals, reviews, consent, and the ways turns end.

May import the definition of a miniature.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.miniatures.miniature import Miniature, broken_by

CONVERSATION: Final[tuple[Miniature, ...]] = (
    broken_by(
        "asks-without-options",
        "A question does not say what can be answered.",
        "omit=item/tool/requestUserInput:params.questions.0.options",
        "lifecycle.question.asked",
    ),
    broken_by(
        "waits-for-nobody",
        "The flag waitingOnUserInput is waitingOnApproval.",
        "put=thread/status/changed[params.status.activeFlags.0=waitingOnUserInput]"
        ":params.status.activeFlags.0=waitingOnApproval",
        "lifecycle.question.flag",
    ),
    broken_by(
        "question-resolved-twice",
        "serverRequest/resolved comes twice.",
        "duplicate=serverRequest/resolved",
        "lifecycle.question.resolved",
        "lifecycle.approval.resolved",
        "lifecycle.clients.all-resolved",
    ),
    broken_by(
        "questions-are-items",
        "A question is an item of its own.",
        "insert=item/tool/requestUserInput:"
        '{"method":"item/started","params":{"threadId":"@params.threadId",'
        '"turnId":"@params.turnId","item":{"type":"userInput","id":"@params.itemId"}},'
        '"emittedAtMs":1795330000000}',
        "lifecycle.question.no-item",
    ),
    broken_by(
        "questions-resolved-first",
        "A question that was open is resolved before turn/completed.",
        "late=turn/completed[params.turn.status=interrupted]:serverRequest/resolved",
        "lifecycle.question.interrupted",
        "lifecycle.interrupt.approval-resolved",
        "lifecycle.interrupt.twice",
        "lifecycle.turn.completed-once",
        "lifecycle.turn.idle-before-completed",
        "lifecycle.compaction.running",
        "lifecycle.review.running",
    ),
    broken_by(
        "plans-by-any-name",
        "A plan has an id of its own.",
        "put=item/completed[params.item.type=plan]:params.item.id=plan-1",
        "lifecycle.plan.item",
    ),
    broken_by(
        "loses-plan-deltas",
        "The first delta of a plan does not come.",
        "drop=item/plan/delta#1",
        "lifecycle.plan.deltas-join",
    ),
    broken_by(
        "plans-are-messages",
        "A plan is a message as well.",
        "insert=item/completed[params.item.type=plan]:"
        '{"method":"item/completed","params":{"threadId":"@params.threadId",'
        '"turnId":"@params.turnId","item":{"type":"agentMessage","id":"m","text":"plan"}},'
        '"emittedAtMs":"@emittedAtMs"}',
        "lifecycle.plan.no-message",
    ),
    broken_by(
        "commands-end-with-turns",
        "A command that goes on completes before its turn.",
        "insert=item/started[params.item.id=call_long]:"
        '{"method":"item/completed","params":{"threadId":"@params.threadId",'
        '"turnId":"@params.turnId","item":"@params.item"},"emittedAtMs":"@emittedAtMs"}',
        "lifecycle.terminal.outlives-turn",
        "lifecycle.terminal.cleaned",
    ),
    broken_by(
        "terminals-unlisted",
        "A command that goes on is not listed.",
        "put=thread/backgroundTerminals/list[result]:result.data=[]",
        "lifecycle.terminal.listed",
    ),
    broken_by(
        "cleans-politely",
        "A command that was ended completes as completed.",
        "put=item/completed[params.item.id=call_long]:params.item.status=completed",
        "lifecycle.terminal.cleaned",
    ),
    broken_by(
        "compaction-answers",
        "thread/compact/start is answered with a turn.",
        "put=thread/compact/start[result]:result.turn=null",
        "lifecycle.compaction.turn",
    ),
    broken_by(
        "compaction-without-item",
        "A compaction is no item.",
        "drop=item/started[params.item.type=contextCompaction]",
        "lifecycle.compaction.item",
    ),
    broken_by(
        "compacted-to-death",
        "After a compaction the next turn fails.",
        "put=turn/completed[params.turn.items.0.text=after the compaction]"
        ":params.turn.status=failed",
        "lifecycle.compaction.goes-on",
    ),
    broken_by(
        "reviews-nowhere",
        "review/start does not say where the review is.",
        "omit=review/start:result.reviewThreadId",
        "lifecycle.review.response",
    ),
    broken_by(
        "entered-late",
        "enteredReviewMode completes behind turn/started.",
        "late=item/completed[params.item.type=enteredReviewMode]:turn/started",
        "lifecycle.review.entered-first",
    ),
    broken_by(
        "review-without-end",
        "exitedReviewMode does not come.",
        "drop=item/completed[params.item.type=exitedReviewMode]",
        "lifecycle.review.exited",
    ),
    broken_by(
        "review-refusal-without-data",
        "The refusal to steer a review has no data.",
        "omit=turn/steer[error]:error.data",
        "lifecycle.review.not-steered",
    ),
    broken_by(
        "reviewed-to-death",
        "After a review the next turn fails.",
        "put=turn/completed[params.turn.items.0.text=after the review]:params.turn.status=failed",
        "lifecycle.review.goes-on",
    ),
    broken_by(
        "settings-unannounced",
        "thread/settings/updated comes behind the response.",
        "late=thread/settings/updated:turn/start",
        "lifecycle.settings.announced",
    ),
    broken_by(
        "settings-forgotten",
        "thread/resume says that a thread asks, whatever was changed.",
        "put=thread/resume[result]:result.approvalPolicy=on-request",
        "lifecycle.settings.sticky",
        "lifecycle.restart.settings",
    ),
    broken_by(
        "limits-in-fractions",
        "The share of a rate limit is a fraction.",
        "put=account/rateLimits/updated[params.rateLimits.primary]"
        ":params.rateLimits.primary.usedPercent=12.5",
        "lifecycle.limits.reported",
    ),
    broken_by(
        "resumes-as-idle",
        "A thread whose turn runs resumes as idle.",
        'put=thread/resume[result.thread.status.type=active]:result.thread.status={"type":"idle"}',
        "lifecycle.resume.running",
    ),
    broken_by(
        "goals-stay",
        "thread/goal/cleared does not come.",
        "drop=thread/goal/cleared",
        "lifecycle.resume.goal-cleared",
    ),
    broken_by(
        "resumes-without-cursors",
        "The result of thread/resume has no cursors.",
        "omit=thread/resume:result.turnsBackwardsCursor",
        "lifecycle.resume.result",
    ),
    broken_by(
        "resuming-changes-status",
        "Resuming a thread that is loaded brings its status.",
        "insert=thread/resume[result.thread.status.type=idle][request.params.excludeTurns=true]:"
        '{"method":"thread/status/changed","params":{"threadId":"@result.thread.id",'
        '"status":{"type":"idle"}},"emittedAtMs":1795330000000}',
        "lifecycle.resume.status",
    ),
)
"""Miniatures of what a turn can be besides text and one command."""

CONSENT: Final[tuple[Miniature, ...]] = (
    broken_by(
        "one-item-for-two",
        "Two requests at once are about one item.",
        "put=item/commandExecution/requestApproval[params.itemId=call_2]:params.itemId=call_1",
        "lifecycle.approval.at-once",
    ),
    broken_by(
        "flag-cleared-early",
        "The flag is taken away when the first of two requests is answered.",
        "insert=serverRequest/resolved#1:"
        '{"method":"thread/status/changed","params":{"threadId":"@params.threadId",'
        '"status":{"type":"active","activeFlags":[]}},"emittedAtMs":"@emittedAtMs"}',
        "lifecycle.approval.flag-until-last",
        "lifecycle.thread.status-steps",
    ),
    broken_by(
        "asks-every-time",
        "A command that was allowed for the session ends as failed.",
        "put=item/completed[params.item.id=call_2]:params.item.status=failed",
        "lifecycle.approval.session",
        "lifecycle.approval.amendment",
    ),
    broken_by(
        "nonsense-is-consent",
        "A command whose approval was answered with nonsense completes.",
        "put=item/completed[params.item.id=call_nonsense]:params.item.status=completed",
        "lifecycle.approval.nonsense",
    ),
    broken_by(
        "cancelled-patch-completes",
        "The item of a cancelled patch completes.",
        "insert=item/fileChange/requestApproval:"
        '{"method":"item/completed","params":{"threadId":"@params.threadId",'
        '"turnId":"@params.turnId","item":{"type":"fileChange","id":"@params.itemId",'
        '"status":"declined"}},"emittedAtMs":1795330000000}',
        "lifecycle.patch.cancelled",
        "lifecycle.patch.accepted",
        "lifecycle.patch.resolved",
    ),
    broken_by(
        "unasked-patch-fails",
        "A patch that needs no consent completes as failed.",
        "put=item/completed[params.item.type=fileChange][params.item.status=completed]"
        ":params.item.status=failed",
        "lifecycle.patch.unasked",
        "lifecycle.patch.accepted",
    ),
    broken_by(
        "steers-past-tools",
        "The message of a steer appears before the command has ended.",
        "late=item/completed[params.item.type=commandExecution]"
        "[params.item.command^=/bin/bash -lc 'touch steered'"
        "]:item/agentMessage/delta",
        "lifecycle.steer.waits-for-tools",
    ),
    broken_by(
        "interrupted-tool-stays-open",
        "A call of the client's tool that is interrupted completes behind the answer.",
        "late=item/completed[params.item.type=dynamicToolCall][params.item.status=failed]"
        ":turn/interrupt",
        "lifecycle.tool.interrupted",
    ),
    broken_by(
        "tool-names-unexplained",
        "Tools of a bad name are refused without saying so.",
        "put=thread/start[error.message^=dynamic tool name]:error.message=no",
        "lifecycle.tool.refused",
    ),
)
"""Miniatures of consent."""

ENDINGS: Final[tuple[Miniature, ...]] = (
    broken_by(
        "limits-unclassified",
        "A rate limit that was exceeded is other.",
        "put=error[params.error.codexErrorInfo=rateLimitExceeded]"
        ":params.error.codexErrorInfo=other",
        "lifecycle.failure.kinds",
    ),
    broken_by(
        "failures-reworded",
        "The text of an exceeded quota is another one.",
        "put=error[params.error.message^=Quota exceeded]:params.error.message=no",
        "lifecycle.failure.texts",
    ),
    broken_by(
        "completes-broken-messages",
        "A message whose stream broke is completed.",
        "insert=error[params.willRetry=true]:"
        '{"method":"item/completed","params":{"threadId":"@params.threadId",'
        '"turnId":"@params.turnId","item":{"type":"agentMessage","id":"msg_0_0","text":"lost "}},'
        '"emittedAtMs":"@emittedAtMs"}',
        "lifecycle.retry.message-open",
    ),
    broken_by(
        "retries-uncounted",
        "A retry does not say which it is.",
        "put=error[params.willRetry=true]:params.error.message=Reconnecting...",
        "lifecycle.retry.counted",
        "lifecycle.retry.network",
    ),
    broken_by(
        "interrupts-once",
        "The second of two interrupts is refused.",
        "put=turn/interrupt[id=4][result={}]:result=null",
        "lifecycle.interrupt.twice",
    ),
    broken_by(
        "interrupts-by-name-only",
        "An interrupt without a turn's id is refused.",
        "refuse=turn/interrupt[params.turnId=]:no turn",
        "lifecycle.interrupt.unnamed",
    ),
    broken_by(
        "cut-turns-run-on",
        "A turn that was cut reads as in progress.",
        "put=thread/read[result.thread.turns.1.status=interrupted]"
        ":result.thread.turns.1.status=inProgress",
        "lifecycle.restart.interrupted-turn",
    ),
    broken_by(
        "restart-forgets-effort",
        "After a restart the effort of a thread is forgotten.",
        "put=thread/resume[result.reasoningEffort=high][result.thread.turns=[]]"
        ":result.reasoningEffort=null",
        "lifecycle.restart.settings",
        "lifecycle.settings.sticky",
    ),
    broken_by(
        "cut-for-good",
        "After a restart in the middle of a turn the next turn fails.",
        "put=turn/completed[params.turn.items.0.text=after the cut]:params.turn.status=failed",
        "lifecycle.restart.after-interrupted",
    ),
)
"""Miniatures of how turns end."""

CLIENTS: Final[tuple[Miniature, ...]] = (
    broken_by(
        "archives-in-private",
        "Nobody hears that a thread was unarchived.",
        "drop=thread/name/updated",
        "lifecycle.clients.changes-broadcast",
        "lifecycle.name.announced",
    ),
    broken_by(
        "resolved-for-nobody",
        "Nobody hears what becomes of a request for approval.",
        "drop=serverRequest/resolved[params.requestId=0]",
        "lifecycle.clients.all-resolved",
        "lifecycle.approval.resolved",
        "lifecycle.question.resolved",
    ),
    broken_by(
        "turns-die-with-clients",
        "A turn whose client has gone is interrupted.",
        "put=thread/read[result.thread.turns.0.items.1.text=begun done]"
        ":result.thread.turns.0.status=interrupted",
        "lifecycle.clients.turn-survives",
    ),
)
"""Miniatures of several clients."""
