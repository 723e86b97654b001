"""Checks of what waits for an answer: approvals, server requests; and of token usage.

May import the visits, conversations and events.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.host_registry import check
from codex_conformance.suites.stream_events import Stream
from codex_conformance.suites.talking import Talk, open_talk
from codex_conformance.suites.verdicts import require, require_equal

if TYPE_CHECKING:
    from codex_conformance.suites.visiting import Visit

_COUNTS: Final = (
    "totalTokens",
    "inputTokens",
    "cachedInputTokens",
    "outputTokens",
    "reasoningOutputTokens",
)


async def _asked(visit: Visit) -> tuple[Talk, Stream]:
    """A conversation in which an approval waits."""
    talk = await open_talk(visit.guest())
    await talk.begin_session()
    stream = Stream(visit.name("turn"))
    await talk.takes(stream.started(), stream.asks("i1"))
    return talk, stream


async def _decide(talk: Talk, stream: Stream, decision: str) -> Any:
    return await talk.guest.does(
        "respondApproval",
        conversationId=talk.conversation,
        turnId=stream.turn,
        itemId="i1",
        decision=decision,
    )


@check("host_wiring.approval.respond")
async def an_approval_is_decided(visit: Visit) -> None:
    """Decides an approval that waits, and lists those that wait."""
    talk, stream = await _asked(visit)
    require_equal(await _decide(talk, stream, "accepted"), None, "the answer")
    require_equal(await talk.approvals(), [], "what waits:")


@check("host_wiring.approval.once")
async def a_decision_is_given_once(visit: Visit) -> None:
    """Declines an approval twice, and then accepts it."""
    talk, stream = await _asked(visit)
    await _decide(talk, stream, "declined")
    await _decide(talk, stream, "declined")
    await talk.guest.cannot(
        "respondApproval",
        "E_APPROVAL_DECIDED",
        conversationId=talk.conversation,
        turnId=stream.turn,
        itemId="i1",
        decision="accepted",
    )


class _Requests:
    """Server requests of one turn."""

    def __init__(self, talk: Talk, turn: str) -> None:
        self.talk = talk
        self.turn = turn

    def args(self, request: str | int, **more: Any) -> dict[str, Any]:
        """What a request is written down with."""
        return {
            "requestId": request,
            "threadId": self.talk.thread,
            "turnId": self.turn,
            "itemId": "i1",
            "method": "item/tool/requestUserInput",
            "payloadJson": "{}",
            "requestedAt": 1,
            **more,
        }

    async def ask(self, request: str | int) -> None:
        """Write a request down."""
        await self.talk.guest.mutate("upsertPendingServerRequest", **self.args(request))

    def answer(self, request: str | int, status: str = "answered") -> dict[str, Any]:
        """What a request is settled with."""
        answer = {"responseJson": '{"a":1}'} if status == "answered" else {}
        return {
            "threadId": self.talk.thread,
            "requestId": request,
            "status": status,
            "resolvedAt": 2,
            **answer,
        }

    async def settle(self, request: str | int, status: str = "answered") -> None:
        """Settle a request."""
        await self.talk.guest.mutate("resolvePendingServerRequest", **self.answer(request, status))

    async def waiting(self) -> list[Any]:
        """The ids of those that wait."""
        return [row["requestId"] for row in await self.talk.requests()]


async def _requests(visit: Visit) -> _Requests:
    talk = await open_talk(visit.guest())
    turn = visit.name("turn")
    await talk.accept(turn)
    return _Requests(talk, turn)


@check("host_wiring.request.ids-apart")
async def ids_of_requests_have_types(visit: Visit) -> None:
    """Writes down the requests 1 and "1", and answers the number."""
    requests = await _requests(visit)
    await requests.ask(1)
    await requests.ask("1")
    found = await requests.waiting()
    require(len(found) == 2, "two requests", found)
    await requests.settle(1)
    require_equal(await requests.waiting(), ["1"], "what waits:")


@check("host_wiring.request.asked-again")
async def a_request_waits_again(visit: Visit) -> None:
    """Answers a request, and writes it down again."""
    requests = await _requests(visit)
    await requests.ask("r")
    await requests.settle("r")
    require_equal(await requests.waiting(), [], "what waits after the answer:")
    await requests.ask("r")
    rows = await requests.talk.requests()
    require_equal([row["requestId"] for row in rows], ["r"], "what waits again:")
    require("responseJson" not in rows[0], "no answer", rows[0].get("responseJson"))


@check("host_wiring.request.settled")
async def settled_requests_stay_settled(visit: Visit) -> None:
    """Lets an answered request expire, and answers one that has expired."""
    requests = await _requests(visit)
    for first, second in (("answered", "expired"), ("expired", "answered")):
        await requests.ask(first)
        await requests.settle(first, first)
        await requests.settle(first, first)
        await requests.talk.guest.cannot(
            "resolvePendingServerRequest",
            "E_SERVER_REQUEST_SETTLED",
            **requests.answer(first, second),
        )


@check("host_wiring.request.questions")
async def questions_are_checked_when_written(visit: Visit) -> None:
    """Writes requests with questions that are none, and lists one with good ones."""
    requests = await _requests(visit)
    for bad in ("{no json", "{}", '[{"id":"q"}]'):
        await requests.talk.guest.cannot(
            "upsertPendingServerRequest",
            "E_SERVER_REQUEST_QUESTIONS_JSON_INVALID",
            **requests.args("bad", questionsJson=bad),
        )
    question = {
        "id": "q",
        "header": "h",
        "question": "?",
        "isOther": False,
        "isSecret": False,
        "options": None,
    }
    written = requests.args("good", questionsJson=json.dumps([question]))
    await requests.talk.guest.does("upsertPendingServerRequest", **written)
    rows = await requests.talk.requests()
    found = [(row["requestId"], row.get("questions")) for row in rows]
    require_equal(found, [("good", [question])], "what waits:")


def _usage(talk: Talk, turn: str, scale: int, **more: Any) -> dict[str, Any]:
    counts = {name: place * scale for place, name in enumerate(_COUNTS, 1)}
    last = {f"last{name[0].upper()}{name[1:]}": count + 1 for name, count in counts.items()}
    return {"threadId": talk.thread, "turnId": turn, **counts, **last, **more}


@check("host_wiring.usage.kept")
async def usage_is_kept_per_turn(visit: Visit) -> None:
    """Writes the usage of a turn twice, the second time without the context window."""
    talk = await open_talk(visit.guest())
    turn = visit.name("turn")
    await talk.accept(turn)
    await talk.guest.does("upsertTokenUsage", **_usage(talk, turn, 10, modelContextWindow=1_000))
    await talk.guest.does("upsertTokenUsage", **_usage(talk, turn, 20))
    rows = await talk.guest.reads("listTokenUsageByConversation", conversationId=talk.conversation)
    require(len(rows) == 1, "one turn", len(rows))
    total = {name: place * 20 for place, name in enumerate(_COUNTS, 1)}
    expected = {
        "turnId": turn,
        "total": total,
        "last": {name: count + 1 for name, count in total.items()},
        "modelContextWindow": 1_000,
    }
    found = {name: value for name, value in rows[0].items() if name != "updatedAt"}
    require_equal(found, expected, "the usage")
