"""Checks of what calls read: ranges of their own, whatever else there is.

May import the visits, conversations and events. The invariant: what is compared are counts of the
deployment's own, of the same calls before and after other data has grown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.host_registry import check
from codex_conformance.suites.stream_events import Stream
from codex_conformance.suites.talking import FIRST_PAGE, Talk, open_talk
from codex_conformance.suites.verdicts import Inconclusive, require_equal
from codex_conformance.targets.deployment import HostCapability

if TYPE_CHECKING:
    from codex_conformance.suites.visiting import Visit

_OTHERS: Final = 12
"""Users who come along while the reads of one are counted."""

_PAST: Final = 60
"""Messages that come along outside of a page."""


async def _furnished(visit: Visit, turn: str) -> Talk:
    """A conversation with something of everything."""
    talk = await open_talk(visit.guest())
    await talk.begin_session()
    stream = Stream(turn)
    await talk.takes(
        stream.started(),
        stream.closes("m1", "text"),
        stream.asks("i1"),
        stream.thinks("r1", "hm"),
        stream.adds("m2", "goes on"),
    )
    await talk.accept(f"{turn}-queued")
    return talk


async def _counted(talk: Talk, turn: str) -> dict[str, int]:
    """How many documents each call of a round reads; the round changes nothing."""
    by_name = {"conversationId": talk.conversation}
    page = {**by_name, "paginationOpts": FIRST_PAGE}
    calls: tuple[tuple[Any, str, dict[str, Any]], ...] = (
        ("query", "threadSnapshotByConversation", by_name),
        ("query", "persistenceStats", by_name),
        ("query", "durableHistoryStats", by_name),
        ("query", "dataHygiene", by_name),
        ("query", "listThreadsForConversation", by_name),
        ("query", "listThreadMessagesByConversation", page),
        ("query", "listThreadReasoningByConversation", page),
        ("query", "listTurnMessagesByConversation", {**by_name, "turnId": turn}),
        ("query", "listPendingApprovals", {"paginationOpts": FIRST_PAGE}),
        ("query", "listTokenUsageByConversation", by_name),
        ("query", "listPendingServerRequestsByConversation", by_name),
        ("query", "listConversationSyncJobs", by_name),
        ("mutation", "ensureConversationBinding", by_name),
        ("mutation", "acceptTurnSend", talk.send(f"{turn}-queued")),
        ("mutation", "archiveConversation", by_name),
        ("mutation", "unarchiveConversation", by_name),
    )
    counts = {}
    for kind, endpoint, args in calls:
        reply = await talk.guest.call(kind, endpoint, args)
        if reply.reads is None or reply.refusal is not None:
            raise Inconclusive(f"the reads of {endpoint} were not counted")
        counts[endpoint] = reply.reads
    return counts


@check("host_wiring.reads.of-others", HostCapability.READS, HostCapability.ACTORS)
async def nobody_pays_for_others(visit: Visit) -> None:
    """Counts what calls read before and after many other users have come along."""
    turn = visit.name("turn")
    talk = await _furnished(visit, turn)
    before = await _counted(talk, turn)
    for _ in range(_OTHERS):
        await _furnished(visit, visit.name("turn"))
    require_equal(await _counted(talk, turn), before, "documents read as before:")


@check("host_wiring.reads.of-the-past", HostCapability.READS)
async def a_page_does_not_pay_for_the_past(visit: Visit) -> None:
    """Counts what the first, a middle and the last page read before and after a thread grows."""
    talk = await open_talk(visit.guest())
    await talk.begin_session()
    stream = Stream(visit.name("turn"))
    await talk.takes(*(stream.closes(f"m{place}", "text") for place in range(6)))
    before = await _pages(talk, 3)
    for _ in range(_PAST // 20):
        await talk.takes(*(stream.closes(f"m{stream.cursor}", "text") for _ in range(20)))
    after = await _pages(talk, 30)
    # The page in the middle has as many messages before as behind it, and reads as many rows.
    require_equal(after[1], before[0], "documents read by a page in the middle, as by the first:")
    require_equal(after[0], before[0], "documents read by the first page, as before:")


async def _pages(talk: Talk, skip: int) -> tuple[int | None, int | None]:
    """What the first page of two reads, and the page of two behind some."""
    first = await _read(talk, 2, None)
    behind = await _read(talk, skip, None)
    page = await _read(talk, 2, behind[1])
    return first[0], page[0]


async def _read(talk: Talk, size: int, cursor: str | None) -> tuple[int | None, str]:
    reply = await talk.guest.call(
        "query",
        "listThreadMessagesByConversation",
        {
            "conversationId": talk.conversation,
            "paginationOpts": {"numItems": size, "cursor": cursor},
        },
    )
    if reply.refusal is not None or reply.reads is None:
        raise Inconclusive("the reads of a page were not counted")
    return reply.reads, reply.value["continueCursor"]
