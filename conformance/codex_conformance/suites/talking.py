"""A conversation of a guest: its thread, its session, what goes in and what comes out.

May import the visits, the events and the verdicts. The invariant: it calls one endpoint for each
method and makes nothing up; what it returns is what the host answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codex_conformance.suites.stream_events import Event, Stream
    from codex_conformance.suites.visiting import Guest, Visit

FIRST_PAGE = {"numItems": 50, "cursor": None}
"""What asks for the first page of a list."""


class Talk:
    """A conversation that is open.

    Args:
        guest: Whose it is.
        conversation: Its id.
        thread: Its thread.
    """

    def __init__(self, guest: Guest, conversation: str, thread: str) -> None:
        self.guest = guest
        self.conversation = conversation
        self.thread = thread
        self.session = f"session-of-{conversation}"

    @property
    def visit(self) -> Visit:
        """The visit it takes place in."""
        return self.guest.visit

    async def begin_session(self) -> None:
        """Make the session that delivers events."""
        await self.guest.mutate(
            "ensureSession", sessionId=self.session, threadId=self.thread, lastEventCursor=0
        )

    def batch(self, *events: Event, **runtime: Any) -> dict[str, Any]:
        """The arguments that deliver events."""
        options = {"runtime": runtime} if runtime else {}
        return {
            "sessionId": self.session,
            "threadId": self.thread,
            "deltas": list(events),
            **options,
        }

    async def takes(self, *events: Event, **runtime: Any) -> Any:
        """Deliver events as the scene needs it; give what the host says of it."""
        return await self.guest.mutate("ingestBatch", **self.batch(*events, **runtime))

    async def messages(self) -> list[Any]:
        """The newest messages, newest first."""
        found = await self.guest.query(
            "listThreadMessagesByConversation",
            conversationId=self.conversation,
            paginationOpts=FIRST_PAGE,
        )
        return list(found["page"])

    async def message(self, message: str) -> Any:
        """One of the newest messages; ``None`` when it is not among them."""
        found = [row for row in await self.messages() if row["messageId"] == message]
        return found[0] if found else None

    async def snapshot(self) -> Any:
        """The thread at a glance."""
        found = await self.guest.query(
            "threadSnapshotByConversation", conversationId=self.conversation
        )
        return found.get("data", {})

    async def turn(self, turn: str) -> Any:
        """A turn in the snapshot; ``None`` when it is not there."""
        turns = (await self.snapshot()).get("turns", [])
        return next((row for row in turns if row["turnId"] == turn), None)

    async def turn_status(self, turn: str) -> Any:
        """The status of a turn; ``None`` when there is no such turn."""
        found = await self.turn(turn)
        return None if found is None else found["status"]

    async def turn_ends(self, turn: str, *, needed: bool = True) -> Any:
        """Wait until a turn has ended, and give how."""
        return await self.visit.until(
            lambda: self.turn_status(turn),
            lambda status: status in ("completed", "interrupted", "failed"),
            f"the end of turn {turn}",
            needed=needed,
        )

    async def turn_becomes(self, turn: str, status: str) -> None:
        """Wait until a turn has the status that a rule gives it."""
        await self.visit.until(
            lambda: self.turn_status(turn),
            lambda found: bool(found == status),
            f"a turn that is {status}",
        )

    async def message_ends(self, message: str) -> Any:
        """Wait until a message has ended, as a rule says it does, and give it."""
        return await self.visit.until(
            lambda: self.message(message),
            lambda found: bool(found["status"] != "streaming"),
            "the end of the message",
        )

    async def approvals(self) -> list[Any]:
        """The approvals of the thread that wait."""
        found = await self.guest.query(
            "listPendingApprovals", threadId=self.thread, paginationOpts=FIRST_PAGE
        )
        return list(found["page"])

    async def requests(self) -> list[Any]:
        """The server requests of the conversation that wait."""
        found = await self.guest.query(
            "listPendingServerRequestsByConversation", conversationId=self.conversation
        )
        return list(found)

    async def reasoning(self, *, raw: bool = False) -> list[Any]:
        """The reasoning of the conversation, newest first."""
        found = await self.guest.query(
            "listThreadReasoningByConversation",
            conversationId=self.conversation,
            paginationOpts=FIRST_PAGE,
            includeRaw=raw,
        )
        return list(found["page"])

    async def replay(self, *streams: tuple[str, int], **runtime: Any) -> Any:
        """What streams still hold from certain cursors."""
        options = {"runtime": runtime} if runtime else {}
        found = await self.guest.query(
            "listThreadMessagesByConversation",
            conversationId=self.conversation,
            paginationOpts={"numItems": 1, "cursor": None},
            streamArgs={
                "kind": "deltas",
                "cursors": [{"streamId": name, "cursor": cursor} for name, cursor in streams],
            },
            **options,
        )
        return found["streams"]

    async def accept(self, turn: str, key: str | None = None, text: str = "hello") -> Any:
        """Accept a turn."""
        return await self.guest.mutate("acceptTurnSend", **self.send(turn, key, text))

    def send(self, turn: str, key: str | None = None, text: str = "hello") -> dict[str, Any]:
        """The arguments that a turn is accepted with."""
        return {
            "threadId": self.thread,
            "turnId": turn,
            "idempotencyKey": key or f"key-of-{turn}",
            "inputText": text,
        }

    async def everything(self) -> dict[str, Any]:
        """All that the host's reads tell of the conversation; a code where one is refused."""
        name = {"conversationId": self.conversation}
        page = {**name, "paginationOpts": FIRST_PAGE}
        reads: dict[str, dict[str, Any]] = {
            "threadSnapshotByConversation": name,
            "persistenceStats": name,
            "listThreadsForConversation": {**name, "includeArchived": True},
            "listThreadMessagesByConversation": page,
            "listThreadReasoningByConversation": {**page, "includeRaw": True},
            "listPendingApprovals": {"threadId": self.thread, "paginationOpts": FIRST_PAGE},
            "listPendingServerRequestsByConversation": name,
            "listTokenUsageByConversation": name,
            "listConversationSyncJobs": name,
        }
        told: dict[str, Any] = {}
        for endpoint, args in reads.items():
            reply = await self.guest.call("query", endpoint, args)
            told[endpoint] = reply.value if reply.refusal is None else reply.refusal.code
        return told


async def open_talk(guest: Guest, conversation: str | None = None) -> Talk:
    """Open a conversation.

    Args:
        guest: Whose it is.
        conversation: Its id; a new one when left out.
    """
    name = conversation or guest.visit.name("conversation")
    opened = await guest.mutate("ensureConversationBinding", conversationId=name)
    if name not in guest.conversations:
        guest.conversations.append(name)
    return Talk(guest, name, opened["threadId"])


async def talk_with_turn(guest: Guest, stream: Stream) -> Talk:
    """Open a conversation in which a turn runs: a session, the turn, a message that streams."""
    talk = await open_talk(guest)
    await talk.begin_session()
    await talk.takes(stream.started(), stream.opens("m1"), stream.adds("m1", "hel"))
    return talk
