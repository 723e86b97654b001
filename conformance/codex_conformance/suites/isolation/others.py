"""Checks of two users with conversations of the same name: neither sees or changes the other's.

May import the visits, conversations and events. The invariant: what a stranger is told is compared
with what they are told of a conversation that nobody has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.host_registry import check
from codex_conformance.suites.stream_events import Stream
from codex_conformance.suites.talking import FIRST_PAGE, Talk, open_talk
from codex_conformance.suites.verdicts import require, require_equal
from codex_conformance.targets.deployment import HostCapability

if TYPE_CHECKING:
    from codex_conformance.suites.visiting import Guest, Visit

_PAGE: Final = {"paginationOpts": FIRST_PAGE}


class _Household:
    """A user's conversation with something of everything, and a stranger.

    Args:
        talk: The conversation.
        stream: Its stream.
        stranger: Somebody else.
    """

    def __init__(self, talk: Talk, stream: Stream, stranger: Guest) -> None:
        self.talk = talk
        self.stream = stream
        self.stranger = stranger
        self.source = ""

    @property
    def reads(self) -> dict[str, dict[str, Any]]:
        """The reads by name, and what they are asked."""
        name = {"conversationId": self.talk.conversation}
        cursors = [{"streamId": self.stream.id, "cursor": 0}]
        return {
            "getConversationSyncJob": name,
            "listConversationSyncJobs": name,
            "listThreadsForConversation": {**name, "includeArchived": True},
            "persistenceStats": name,
            "durableHistoryStats": name,
            "dataHygiene": name,
            "threadSnapshotByConversation": name,
            "listThreadMessagesByConversation": {
                **name,
                **_PAGE,
                "streamArgs": {"kind": "deltas", "cursors": cursors},
            },
            "listTurnMessagesByConversation": {**name, "turnId": self.stream.turn},
            "listTokenUsageByConversation": name,
            "listPendingServerRequestsByConversation": name,
            "listThreadReasoningByConversation": {**name, **_PAGE},
        }

    @property
    def thread_writes(self) -> dict[str, dict[str, Any]]:
        """The mutations by thread, and what they are called with."""
        thread = {"threadId": self.talk.thread}
        turn = {**thread, "turnId": self.stream.turn}
        return {
            "ensureSession": {**thread, "sessionId": "s", "lastEventCursor": 0},
            "acceptTurnSend": {**turn, "idempotencyKey": "k", "inputText": "mine"},
            "failAcceptedTurnSend": {**turn, "reason": "mine"},
            "upsertPendingServerRequest": {
                **turn,
                "requestId": "r",
                "itemId": "i",
                "method": "item/tool/call",
                "payloadJson": "{}",
                "requestedAt": 1,
            },
            "resolvePendingServerRequest": {
                **thread,
                "requestId": "r1",
                "status": "expired",
                "resolvedAt": 2,
            },
            "upsertTokenUsage": {**turn, **_COUNTS},
        }

    @property
    def name_writes(self) -> dict[str, dict[str, Any]]:
        """The mutations by conversation, and what they are called with."""
        name = {"conversationId": self.talk.conversation}
        turn = {**name, "turnId": self.stream.turn}
        return {
            "archiveConversation": name,
            "unarchiveConversation": name,
            "markConversationSyncProgress": {**name, "cursor": 99},
            "forceRebindConversationSync": {**name, "runtimeConversationId": "mine"},
            "startConversationSyncSource": name,
            "deleteThread": name,
            "scheduleDeleteThread": name,
            "deleteTurn": turn,
            "scheduleDeleteTurn": turn,
            "interruptTurn": turn,
            "respondApproval": {**turn, "itemId": "i1", "decision": "declined"},
        }


_COUNTS: Final = dict.fromkeys(
    (
        "totalTokens",
        "inputTokens",
        "cachedInputTokens",
        "outputTokens",
        "reasoningOutputTokens",
        "lastTotalTokens",
        "lastInputTokens",
        "lastCachedInputTokens",
        "lastOutputTokens",
        "lastReasoningOutputTokens",
    ),
    1,
)


async def _household(visit: Visit) -> _Household:
    talk = await open_talk(visit.guest())
    await talk.begin_session()
    stream = Stream(visit.name("turn"))
    await talk.takes(
        stream.started(),
        stream.closes("m1", "secret"),
        stream.asks("i1"),
        stream.thinks("r1", "secret"),
    )
    home = _Household(talk, stream, visit.guest())
    writes = home.thread_writes
    request = {**writes["upsertPendingServerRequest"], "requestId": "r1"}
    await talk.guest.mutate("upsertPendingServerRequest", **request)
    await talk.guest.mutate("upsertTokenUsage", **writes["upsertTokenUsage"])
    name = talk.conversation
    started = await talk.guest.mutate("startConversationSyncSource", conversationId=name)
    home.source = started["sourceId"]
    return home


@check("isolation.others.same-name", HostCapability.ACTORS)
async def names_are_each_users_own(visit: Visit) -> None:
    """Lets two users open a conversation of one name, and one of them write."""
    first = await open_talk(visit.guest())
    second = await open_talk(visit.guest(), first.conversation)
    require(first.thread != second.thread, "two threads", first.thread)
    await first.begin_session()
    await first.takes(Stream(visit.name("turn")).closes("m1", "secret"))
    require_equal(await second.messages(), [], "the other user's messages")


@check("isolation.others.reads", HostCapability.ACTORS)
async def reads_tell_nothing_of_others(visit: Visit) -> None:
    """Compares what a stranger is told of a conversation with what they are told of none."""
    home = await _household(visit)
    nowhere = visit.name("unopened")
    for endpoint, args in home.reads.items():
        found = await home.stranger.reads(endpoint, **args)
        nothing = await home.stranger.reads(endpoint, **{**args, "conversationId": nowhere})
        require_equal(_unnamed(found), _unnamed(nothing), f"the answer of {endpoint}")


def _unnamed(answer: Any) -> Any:
    """An answer without its message, which names the conversation."""
    if isinstance(answer, dict):
        return {name: value for name, value in answer.items() if name != "message"}
    return answer


@check("isolation.others.thread-not-found", HostCapability.ACTORS)
async def threads_of_others_are_not_found(visit: Visit) -> None:
    """Tries everything that is done by thread on another user's."""
    home = await _household(visit)
    for endpoint, args in home.thread_writes.items():
        await home.stranger.cannot(endpoint, "E_THREAD_NOT_FOUND", **args)
    await home.stranger.cannot_read(
        "listPendingApprovals", "E_THREAD_NOT_FOUND", threadId=home.talk.thread, **_PAGE
    )
    # A batch is refused, or rejected as a whole.
    batch = home.talk.batch(Stream(visit.name("turn")).closes("m2", "mine"))
    reply = await home.stranger.call("mutation", "ingestBatch", batch)
    if reply.refusal is not None:
        require_equal(reply.refusal.code, "E_THREAD_NOT_FOUND", "refused with")
    else:
        require_equal(reply.value["status"], "rejected", "the batch is")


@check("isolation.others.unchanged", HostCapability.ACTORS)
async def nothing_of_others_changes(visit: Visit) -> None:
    """Tries everything on another user's conversation, and compares all that its owner reads."""
    home = await _household(visit)
    before = await home.talk.everything()
    tries = {**home.thread_writes, **home.name_writes}
    for endpoint, args in tries.items():
        await home.stranger.call("mutation", endpoint, args)
    batch = home.talk.batch(home.stream.closes("m2", "mine"))
    await home.stranger.call("mutation", "ingestBatch", batch)
    await visit.pass_time(0)
    require_equal(await home.talk.everything(), before, "the conversation")


@check("isolation.others.imports", HostCapability.ACTORS)
async def imports_of_others_are_not_found(visit: Visit) -> None:
    """Tries to feed, seal and cancel another user's import."""
    home = await _household(visit)
    chunk = {"chunkIndex": 0, "payloadJson": "[]", "messageCount": 0, "byteSize": 2}
    seal = {"expectedManifestJson": "[]", "expectedChecksum": "0:0:0"}
    source = {"sourceId": home.source}
    not_found = "E_SYNC_SOURCE_NOT_FOUND"
    await home.stranger.cannot("appendConversationSyncSourceChunk", not_found, **source, **chunk)
    await home.stranger.cannot("sealConversationSyncSource", not_found, **source, **seal)
    sealed = await home.talk.guest.mutate("sealConversationSyncSource", **source, **seal)
    await home.stranger.cannot(
        "cancelConversationSyncJob", "E_SYNC_JOB_NOT_FOUND", jobId=sealed["jobId"]
    )


@check("isolation.others.deletions", HostCapability.ACTORS)
async def deletions_of_others_are_unknown(visit: Visit) -> None:
    """Asks for, cancels and forces another user's deletion that waits."""
    home = await _household(visit)
    scheduled = await home.talk.guest.mutate(
        "scheduleDeleteThread", conversationId=home.talk.conversation
    )
    job = {"deletionJobId": scheduled["deletionJobId"]}
    require_equal(await home.stranger.reads("getDeletionStatus", **job), None, "the status")
    cancelled = await home.stranger.does("cancelDeletion", **job)
    require_equal(cancelled, {**job, "cancelled": False}, "the answer")
    forced = await home.stranger.does("forceRunDeletion", **job)
    require_equal(forced, {**job, "forced": False}, "the answer")
    mine = await home.talk.guest.reads("getDeletionStatus", **job)
    require_equal(mine["status"], "scheduled", "the owner's deletion is")


@check("isolation.others.approvals", HostCapability.ACTORS)
async def approvals_of_others_are_not_listed(visit: Visit) -> None:
    """Lists all approvals that wait, as the user whose they are and as a stranger."""
    home = await _household(visit)
    mine = await home.talk.guest.reads("listPendingApprovals", **_PAGE)
    found = [row["itemId"] for row in mine["page"] if row["threadId"] == home.talk.thread]
    require_equal(found, ["i1"], "the owner's approvals")
    theirs = await home.stranger.reads("listPendingApprovals", **_PAGE)
    require_equal(theirs["page"], [], "a stranger's approvals")


@check("isolation.others.dispatches", HostCapability.ACTORS, HostCapability.EXTENDED)
async def outboxes_of_others_are_not_found(visit: Visit) -> None:
    """Lists and claims the accepted turns of another user's thread, and acknowledges its stream."""
    home = await _household(visit)
    await home.talk.accept(visit.name("turn"))
    thread = {"threadId": home.talk.thread}
    stranger, not_found = home.stranger, "E_THREAD_NOT_FOUND"
    await stranger.cannot_read("listOpenTurnDispatches", not_found, **thread)
    await stranger.cannot_read("listStreamCheckpoints", not_found, **thread)
    await stranger.cannot("claimTurnDispatch", not_found, **thread, claimOwner="stranger")
    await stranger.cannot(
        "acknowledgeStream", not_found, **thread, streamId=home.stream.id, cursor=1
    )
    await stranger.cannot("heartbeatSession", not_found, **thread, sessionId="s", lastEventCursor=0)


@check("isolation.threads.streams")
async def streams_stay_in_their_conversation(visit: Visit) -> None:
    """Asks in one conversation for the stream of another of the same user."""
    guest = visit.guest()
    talk, other = await open_talk(guest), await open_talk(guest)
    await talk.begin_session()
    stream = Stream(visit.name("turn"))
    await talk.takes(stream.started(), stream.opens("m1"))
    mine = await talk.replay((stream.id, 0))
    require(len(mine["deltas"]) == 2, "two events in their own conversation", mine["deltas"])
    found = await other.replay((stream.id, 0))
    require_equal(found["deltas"], [], "the events in another conversation")
