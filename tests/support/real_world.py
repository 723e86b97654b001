"""A host from end to end: a Codex, real or simulated, a runtime, and a Convex in its own process.

What is kept is read by a reader of its own, with plain HTTP and JSON, that shares no code with the
runtime; what Codex says of the thread comes from Codex.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from codex_fakes.convex.wire.process import ConvexProcess
from codex_runtime.contract.actors import Actor
from codex_runtime.host.facade import CodexHostRuntime
from codex_runtime.host.runtime import HostHandlers, create_codex_host_runtime
from codex_runtime.persistence.codex_only import CodexOnlyPersistence
from codex_runtime.persistence.convex_adapter import ConvexPersistence
from codex_runtime.persistence.convex_http import ConvexHttp
from codex_runtime.persistence.host_client import HostClient
from codex_runtime.persistence.port import HostPersistence
from support.codex import Codex

Answer = Callable[[CodexHostRuntime, Any], Awaitable[None]]
Row = dict[str, Any]
Said = tuple[str, str, str]
"""The role, the text and the status of a message."""
WAIT = 30.0
POLL_MS = 20.0
"""How long to wait between two looks at an import: this deployment is near."""
PAGE = 100


class Reader:
    """Reads what a deployment keeps for a user, as anybody would with curl.

    Args:
        url: The deployment's URL.
        token: The user's token.
        user: Who that is.
    """

    def __init__(self, url: str, token: str, user: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, trust_env=False
        )
        self._actor = {"userId": user}

    async def aclose(self) -> None:
        """Let go of the deployment."""
        await self._client.aclose()

    async def query(self, name: str, **args: Any) -> Any:
        """Call a query of the host."""
        body = {"path": f"chat:{name}", "format": "json", "args": {"actor": self._actor, **args}}
        answer = (await self._client.post("/api/query", json=body)).json()
        assert answer["status"] == "success", answer
        return answer["value"]

    async def messages(self, conversation: str) -> list[Row]:
        """Every message of a conversation, in the order it was said."""
        name = "listThreadMessagesByConversation"
        rows: list[Row] = []
        cursor = None
        while True:
            options = {"numItems": PAGE, "cursor": cursor}
            page = await self.query(name, conversationId=conversation, paginationOpts=options)
            rows += page["page"]
            if page["isDone"]:
                return sorted(rows, key=lambda row: (row["createdAt"], row["orderInTurn"]))
            cursor = page["continueCursor"]

    async def thoughts(self, conversation: str) -> dict[int, str]:
        """The parts of the summary of what the model thought, each put together."""
        name = "listThreadReasoningByConversation"
        options = {"numItems": PAGE, "cursor": None}
        page = await self.query(name, conversationId=conversation, paginationOpts=options)
        parts: dict[int, str] = {}
        # Pages are in the order of milliseconds; within one, the stream says what came first.
        for row in sorted(page["page"], key=lambda row: (row["createdAt"], row["cursorStart"])):
            index = int(row["summaryIndex"])
            parts[index] = parts.get(index, "") + row["text"]
        return parts

    async def turns(self, conversation: str) -> dict[str, str]:
        """How each of the latest turns stands, in order."""
        name = "threadSnapshotByConversation"
        state = (await self.query(name, conversationId=conversation))["data"]
        return {turn["turnId"]: turn["status"] for turn in reversed(state["turns"])}

    async def waiting(self, conversation: str) -> list[Row]:
        """The requests that wait for an answer, and the turns that have not ended."""
        name = "listPendingServerRequestsByConversation"
        requests = await self.query(name, conversationId=conversation, limit=PAGE)
        thread = await self.query("threadSnapshotByConversation", conversationId=conversation)
        thread_id = thread["data"]["threadId"]
        open_turns = await self.query("listOpenTurnDispatches", threadId=thread_id)
        return [*requests, *open_turns]


class Hosting:
    """A Codex, and the runtimes that drive it, one after the other.

    Args:
        codex: The Codex.
        convex: The deployment.
        user: Whose conversations they are: everybody's own deployment, as it were.
        answer: Answers the requests of the app-server.
        tools: Python functions that the model may call.
    """

    def __init__(
        self,
        codex: Codex,
        convex: ConvexProcess,
        user: str,
        answer: Answer | None,
        tools: Mapping[str, Callable[..., Any]],
    ) -> None:
        self.codex = codex
        self.events: list[str] = []
        self.reports: list[Any] = []
        self._answer = answer
        self._tools = dict(tools)
        self._moved = asyncio.Event()
        self._answering: set[asyncio.Task[None]] = set()
        self._actor = Actor(user_id=user)
        token = convex.token(user)
        self.reader = Reader(convex.url, token, user)
        self._http = ConvexHttp(convex.url, token=token)
        self.runtime = self._runtime(CodexOnlyPersistence())

    def _runtime(self, persistence: HostPersistence) -> CodexHostRuntime:
        return create_codex_host_runtime(
            opener=self.codex.open,
            persistence=persistence,
            handlers=HostHandlers(
                on_state=lambda _: self._moved.set(),
                on_event=self._hear,
                on_request=self._answer_soon,
                on_protocol_error=lambda *report: self.reports.append(report),
            ),
            tools=self._tools,
        )

    async def start(self, *, durable: bool = True) -> None:
        """Start another runtime; one that is there is stopped, and its Codex with it."""
        await self.runtime.stop()
        self.events.clear()
        client = HostClient(self._http)
        self.runtime = self._runtime(
            ConvexPersistence(client, outbox=True, poll_interval_ms=POLL_MS)
            if durable
            else CodexOnlyPersistence()
        )
        await self.runtime.connect(actor=self._actor)

    async def aclose(self) -> None:
        """Stop everything."""
        try:
            await self.runtime.stop()
        finally:
            if self._answering:
                await asyncio.wait(self._answering)
            await self._http.aclose()
            await self.reader.aclose()

    def _hear(self, event: Any) -> None:
        self.events.append(event.method)
        self._moved.set()

    def _answer_soon(self, request: Any) -> None:
        assert self._answer is not None, f"nobody is to be asked: {request.method}"
        task = asyncio.create_task(_finished(self._answer(self.runtime, request)))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; whatever the runtime tells is a reason to look again."""
        async with asyncio.timeout(WAIT):
            while not holds():
                self._moved.clear()
                await self._moved.wait()

    async def heard(self, method: str, count: int = 1) -> None:
        """Wait until an event has come so often since the last turn began."""
        await self.until(lambda: self.events.count(method) >= count)

    async def say(self, text: str) -> None:
        """Send a turn, and wait until it has ended."""
        await self.begin(text)
        await self.ended()

    async def begin(self, text: str) -> None:
        """Send a turn."""
        self.events.clear()
        await self.runtime.send_turn(text)

    async def ended(self) -> None:
        """Wait until the turn has ended."""
        await self.heard("turn/completed")
        await self.until(lambda: not self.runtime.get_state().turn_in_flight)

    async def check(
        self,
        conversation: str,
        said: Sequence[Said],
        *,
        turns: Sequence[str],
        forgotten: Sequence[Said] = (),
    ) -> None:
        """Check that what is kept is what the script said, and what Codex says; then all is over.

        Args:
            conversation: The conversation; that of the open thread.
            said: Role, text and status of every message, in order; of what a tool did, a part of
                the text, because a command stands in it as the machine's shell is told it.
            turns: How each turn has ended, in order.
            forgotten: Those of the messages that Codex does not remember.
        """
        thread_id = self.runtime.get_state().runtime_conversation_id
        assert thread_id is not None
        read = await self.runtime.read_thread(thread_id, include_turns=True)
        await self.runtime.stop()
        assert self.reports == []
        rows = await self.reader.messages(conversation)
        kept = [(row["role"], row["text"], row["status"]) for row in rows]
        assert list(map(_in_short, kept, said)) == list(said), kept
        assert len(kept) == len(said), kept
        remembered = [row for row, one in zip(rows, said, strict=True) if one not in forgotten]
        items = [item for turn in read.thread.turns for item in turn.items]
        payloads = [json.loads(row["payloadJson"]) for row in remembered]
        assert payloads == items, (payloads, items)
        ended = list((await self.reader.turns(conversation)).values())
        assert ended == [turn.status for turn in read.thread.turns] == list(turns), ended
        waiting = await self.reader.waiting(conversation)
        assert waiting == [], waiting


def _in_short(kept: Said, said: Said) -> Said:
    role, text, status = kept
    return (role, said[1] if role == "tool" and said[1] in text else text, status)


async def _finished(answering: Awaitable[None]) -> None:
    await answering


@asynccontextmanager
async def hosting(
    codex: Codex,
    convex: ConvexProcess,
    user: str,
    *,
    answer: Answer | None = None,
    tools: Mapping[str, Callable[..., Any]] | None = None,
) -> AsyncIterator[Hosting]:
    """Have a host whose runtime is connected."""
    async with codex:
        host = Hosting(codex, convex, user, answer, tools or {})
        try:
            await host.start()
            yield host
        finally:
            await host.aclose()
