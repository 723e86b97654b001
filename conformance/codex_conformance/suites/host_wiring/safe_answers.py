"""Checks of what a caller gets of a conversation that is bound to nothing.

May import the visits. The invariant: an expected answer is written out whole; a field too few or
too many is a violation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.host_registry import check
from codex_conformance.suites.talking import FIRST_PAGE
from codex_conformance.suites.verdicts import require, require_equal

if TYPE_CHECKING:
    from codex_conformance.suites.visiting import Visit

_PAGE: Final[dict[str, Any]] = {"paginationOpts": FIRST_PAGE}
_NO_PAGE: Final[dict[str, Any]] = {"page": [], "isDone": True, "continueCursor": ""}

_SAFE_READS: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "threadSnapshotByConversation": ({}, {}),
    "persistenceStats": (
        {},
        {"streamCount": 0, "deltaCount": 0, "latestCursorByStream": []},
    ),
    "durableHistoryStats": ({}, {"messageCountInPage": 0, "latest": []}),
    "dataHygiene": (
        {},
        {"scannedStreamStats": 0, "streamStatOrphans": 0, "orphanStreamIds": []},
    ),
    "listThreadMessagesByConversation": (_PAGE, _NO_PAGE),
    "listTurnMessagesByConversation": ({"turnId": "no-turn"}, {"data": []}),
    "listThreadReasoningByConversation": (_PAGE, _NO_PAGE),
}
"""What each safe read is asked, and the fields of its answer beside status, code and message."""

_LISTS: Final[dict[str, Any]] = {
    "getConversationSyncJob": None,
    "listConversationSyncJobs": [],
    "listThreadsForConversation": _NO_PAGE,
    "listTokenUsageByConversation": [],
    "listPendingServerRequestsByConversation": [],
}

_STRICT: Final[dict[str, dict[str, Any]]] = {
    "archiveConversation": {},
    "unarchiveConversation": {},
    "deleteThread": {},
    "scheduleDeleteThread": {},
    "deleteTurn": {"turnId": "no-turn"},
    "scheduleDeleteTurn": {"turnId": "no-turn"},
    "respondApproval": {"turnId": "no-turn", "itemId": "no-item", "decision": "accepted"},
    "interruptTurn": {"turnId": "no-turn"},
    "markConversationSyncProgress": {"cursor": 0},
    "forceRebindConversationSync": {"runtimeConversationId": "no-thread"},
    "startConversationSyncSource": {},
}

_STREAMS: Final[tuple[tuple[dict[str, Any], dict[str, Any]], ...]] = (
    ({"kind": "list"}, {"kind": "list", "streams": []}),
    (
        {"kind": "deltas", "cursors": [{"streamId": "no-stream", "cursor": 0}]},
        {
            "kind": "deltas",
            "streams": [],
            "deltas": [],
            "streamWindows": [],
            "nextCheckpoints": [],
        },
    ),
)


@check("host_wiring.safe.reads")
async def safe_reads_say_what_is_missing(visit: Visit) -> None:
    """Reads a conversation that nobody has opened, with each safe read."""
    guest, name = visit.guest(), visit.name("unopened")
    for endpoint, (args, fields) in _SAFE_READS.items():
        found = dict(await guest.reads(endpoint, conversationId=name, **args))
        message = found.pop("message", None)
        require(isinstance(message, str) and message != "", f"a message of {endpoint}", message)
        told = {"threadStatus": "missing_thread", "code": "E_THREAD_NOT_FOUND"}
        require_equal(found, {**told, **fields}, f"the answer of {endpoint}")


@check("host_wiring.safe.lists")
async def lists_of_nothing_are_empty(visit: Visit) -> None:
    """Lists what there is of a conversation that nobody has opened."""
    guest, name = visit.guest(), visit.name("unopened")
    for endpoint, expected in _LISTS.items():
        found = await guest.reads(endpoint, conversationId=name)
        require_equal(found, expected, f"the answer of {endpoint}")


@check("host_wiring.safe.streams")
async def safe_answers_have_streams(visit: Visit) -> None:
    """Asks for the streams, and for deltas, of a conversation that nobody has opened."""
    guest, name = visit.guest(), visit.name("unopened")
    for asked, expected in _STREAMS:
        found = await guest.reads(
            "listThreadMessagesByConversation", conversationId=name, streamArgs=asked, **_PAGE
        )
        require_equal(found.get("streams"), expected, "the streams")


@check("host_wiring.safe.mutations")
async def mutations_need_a_conversation(visit: Visit) -> None:
    """Tries each mutation by conversation on one that nobody has opened."""
    guest, name = visit.guest(), visit.name("unopened")
    for endpoint, args in _STRICT.items():
        await guest.cannot(endpoint, "E_CONVERSATION_NOT_FOUND", conversationId=name, **args)


@check("host_wiring.safe.codes-as-data")
async def codes_are_data(visit: Visit) -> None:
    """Has a mutation of the host, one of the component and a query refused."""
    guest, name = visit.guest(), visit.name("unopened")
    refusals = (
        await guest.cannot("archiveConversation", conversationId=name),
        await guest.cannot("acceptTurnSend", **_send(name)),
        await guest.cannot_read("listPendingApprovals", threadId=name, **_PAGE),
    )
    for refusal in refusals:
        require(refusal.as_data, "a code as the data of the error", refusal.text.strip())


def _send(thread: str) -> dict[str, Any]:
    return {"threadId": thread, "turnId": "t", "idempotencyKey": "k", "inputText": "hello"}
