"""Miniatures that break turns and what is in them.

May import the definition of a miniature.
"""

from __future__ import annotations

from typing import Final

from codex_conformance.miniatures.miniature import Miniature, broken_by

TURNS: Final[tuple[Miniature, ...]] = (
    broken_by(
        "one-turn-too-many",
        "thread/read gives a turn that nobody asked for.",
        'put=thread/read[result.thread.turns=[]]:result.thread.turns=[{"id":"turn","items":[]}]',
        "lifecycle.thread.read-without-turns",
    ),
    broken_by(
        "list-loses-a-thread",
        "thread/list leaves one of two threads out.",
        "omit=thread/list[result.data.1]:result.data.-1",
        "lifecycle.thread.list-complete",
        "lifecycle.unarchive.goes-on",
        "lifecycle.list.ascending",
        "lifecycle.list.folder",
        "lifecycle.list.providers",
    ),
    broken_by(
        "list-times-confused",
        "The newest thread is listed with the time of the year 2000.",
        "put=thread/list[result.data.1]:result.data.0.createdAt=946684800",
        "lifecycle.thread.list-newest-first",
    ),
    broken_by(
        "previews-missing",
        "The preview of the first listed thread is empty.",
        'put=thread/list[result.data.0]:result.data.0.preview=""',
        "lifecycle.thread.list-preview",
    ),
    broken_by(
        "everything-is-idle",
        "A thread that is not loaded reads as idle.",
        'put=thread/read[result.thread.status.type=notLoaded]:result.thread.status={"type":"idle"}',
        "lifecycle.restart.not-loaded",
    ),
    broken_by(
        "unloaded-unexplained",
        "turn/start is refused without saying that the thread is not there.",
        "put=turn/start[error.message^=thread not found]:error.message=no",
        "lifecycle.restart.resume-needed",
        "protocol.errors.unknown-thread",
    ),
    broken_by(
        "resume-loses-a-turn",
        "thread/resume leaves the last turn out.",
        "omit=thread/resume[result.thread.turns.0]:result.thread.turns.-1",
        "lifecycle.restart.resume-turns",
        "lifecycle.resume.running",
    ),
    broken_by(
        "resume-loses-texts",
        "The first turn of thread/resume holds no items.",
        "put=thread/resume[result.thread.turns.0]:result.thread.turns.0.items=[]",
        "lifecycle.restart.resume-texts",
    ),
    broken_by(
        "third-question-fails",
        "After a restart the next turn fails.",
        "put=turn/completed[params.turn.items.0.text=answer three]:params.turn.status=failed",
        "lifecycle.restart.goes-on",
    ),
    broken_by(
        "lost-unexplained",
        "Resuming a thread that was lost is refused without saying so.",
        "put=thread/resume[error.message^=no rollout found]:error.message=no",
        "lifecycle.restart.unused-lost",
        "protocol.errors.unknown-thread",
    ),
    broken_by(
        "active-behind",
        "The thread becomes active behind turn/started.",
        "reorder=thread/status/changed[params.status.type=active]#1",
        "lifecycle.turn.active-first",
    ),
    broken_by(
        "delta-behind-the-turn",
        "A delta comes behind turn/completed.",
        'insert=turn/completed:{"method":"item/agentMessage/delta","params":{"threadId":"@params.threadId","turnId":"@params.turn.id","itemId":"ghost","delta":"late"},"emittedAtMs":"@emittedAtMs"}',
        "lifecycle.turn.completed-last",
        "lifecycle.turn.apart",
        "lifecycle.message.deltas-inside",
    ),
    broken_by(
        "started-in-milliseconds",
        "startedAt of a completed turn is in milliseconds.",
        "put=turn/completed:params.turn.startedAt=1795330000000",
        "lifecycle.turn.times",
    ),
    broken_by(
        "bravo-says-alpha",
        "A delta of one thread says what another was told.",
        "put=item/agentMessage/delta[params.delta=bravo one]:params.delta=alpha one",
        "lifecycle.turn.apart",
    ),
    broken_by(
        "question-shouted",
        "The user's first message comes back in capital letters.",
        "put=item/started[params.item.content.0.text=hi there]:params.item.content.0.text=HI THERE",
        "lifecycle.item.user-message-first",
    ),
    broken_by(
        "one-delta-lost",
        "One delta of a message does not come.",
        'drop=item/agentMessage/delta[params.delta=" wor"]',
        "lifecycle.message.deltas-join",
    ),
    broken_by(
        "answers-shortened",
        "The text of a completed message is cut.",
        "put=item/completed[params.item.text=Hello world]:params.item.text=Hello",
        "lifecycle.message.as-said",
        "lifecycle.turn.summary",
        "lifecycle.message.deltas-join",
    ),
    broken_by(
        "summary-emptied",
        "The first part of a completed reasoning summary is empty.",
        'put=item/completed[params.item.summary.1]:params.item.summary.0=""',
        "lifecycle.reasoning.parts-join",
    ),
    broken_by(
        "total-is-last",
        "The total token usage is that of the last response.",
        "put=thread/tokenUsage/updated:params.tokenUsage.total=@params.tokenUsage.last",
        "lifecycle.usage.cumulative",
        "lifecycle.restart.usage-restored",
    ),
    broken_by(
        "lists-nothing-at-first",
        "The first list of a process is empty.",
        "put=thread/list[id=1][result]:result.data=[]",
        "lifecycle.restart.listed",
    ),
    broken_by(
        "starts-too-early",
        "The response to turn/start says when the turn started.",
        "put=turn/start[result]:result.turn.startedAt=1795330000",
        "lifecycle.turn.response-members",
    ),
    broken_by(
        "turn-started-twice",
        "turn/started comes twice.",
        "duplicate=turn/started",
        "lifecycle.turn.started-once",
        "lifecycle.steer.same-turn",
    ),
    broken_by(
        "turn-completed-twice",
        "turn/completed comes twice.",
        "duplicate=turn/completed",
        "lifecycle.turn.completed-once",
        "lifecycle.steer.ends-once",
        "lifecycle.interrupt.twice",
    ),
    broken_by(
        "missing-turn-completed",
        "turn/completed does not come.",
        "drop=turn/completed",
        "lifecycle.turn.completed-once",
        "lifecycle.interrupt.twice",
    ),
    broken_by(
        "wrong-turn-id",
        "turn/completed carries the id of another turn.",
        'put=turn/completed:params.turn.id="01a201df-0000-7000-8000-000000000000"',
        "lifecycle.turn.same-id",
        "lifecycle.compaction.turn",
        "lifecycle.review.exited",
    ),
    broken_by(
        "deltas-of-another-turn",
        "Deltas carry the id of another turn.",
        'put=item/agentMessage/delta:params.turnId="01a201df-0000-7000-8000-000000000000"',
        "lifecycle.turn.same-id",
    ),
    broken_by(
        "failure-as-completed",
        "A turn that failed ends as completed.",
        "put=turn/completed[params.turn.status=failed]:params.turn.status=completed",
        "lifecycle.turn.final-status",
        "lifecycle.failure.idle",
    ),
    broken_by(
        "no-summary",
        "turn/completed holds no items.",
        "put=turn/completed:params.turn.items=[]",
        "lifecycle.turn.summary",
    ),
    broken_by(
        "reasoning-not-started",
        "A reasoning item is completed without having been started.",
        "drop=item/started[params.item.type=reasoning]",
        "lifecycle.item.started-first",
    ),
    broken_by(
        "reasoning-completed-twice",
        "A reasoning item is completed twice.",
        "duplicate=item/completed[params.item.type=reasoning]",
        "lifecycle.item.completed-once",
    ),
    broken_by(
        "reasoning-not-completed",
        "A reasoning item is started and never completed.",
        "drop=item/completed[params.item.type=reasoning]",
        "lifecycle.item.all-completed",
    ),
    broken_by(
        "forgets-client-ids",
        "The user's message does not carry the client's id.",
        "put=item/started[params.item.type=userMessage]:params.item.clientId=null",
        "lifecycle.item.client-id",
    ),
    broken_by(
        "delta-before-item-started",
        "The first delta of a message comes before its item/started.",
        "late=item/started[params.item.type=agentMessage]:item/agentMessage/delta",
        "lifecycle.message.deltas-inside",
    ),
    broken_by(
        "reasoning-parts-unannounced",
        "The parts of a reasoning summary are not announced.",
        "drop=item/reasoning/summaryPartAdded",
        "lifecycle.reasoning.parts-announced",
    ),
    broken_by(
        "no-rate-limits",
        "account/rateLimits/updated does not come.",
        "drop=account/rateLimits/updated",
        "lifecycle.usage.rate-limits",
        "lifecycle.limits.reported",
    ),
)
"""Miniatures of turns, items and usage."""
