"""A host as its user has it: a runtime, who answers what it asks, and what is there in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Self

import httpx

from codex_runtime.app_server import AppServerConnection, ConnectionOptions, requests
from codex_runtime.contract.endpoints.runtime_owned import (
    ListConversationRequestsArgs,
    TurnMessagesArgs,
)
from codex_runtime.contract.functions.threads import ConversationArgs
from codex_runtime.contract.functions.turns import ListDispatchesArgs
from codex_runtime.contract.states import TURN
from codex_runtime.errors import CodexRuntimeError, RequestFailedError
from codex_runtime.host.runtime import HostHandlers, create_codex_host_runtime
from codex_runtime.host.turn_identity import persisted_ids
from codex_runtime.persistence.convex_adapter import ConvexPersistence
from codex_runtime.persistence.convex_http import ConvexHttp
from codex_runtime.persistence.host_client import HostClient
from codex_runtime.protocol import params as p
from codex_runtime.protocol.items import text_of
from support.kill_steps import SPOKEN
from support.kill_world import PATIENCE, CodexProcess, Trap, WatchedCalls
from support.persistence_world import ACTOR

CONVERSATION = "c"


class Host:
    """A host; a context manager.

    Args:
        codex: Its Codex.
        url: The deployment's URL.
        token: With which it acts there.
        advance: Lets the deployment's time pass, in milliseconds; through its control door when
            left out.
        line: The line to the deployment; the network when left out.
        trap: What is done at a step.
        outbox: Whether the deployment has an outbox.
    """

    def __init__(
        self,
        codex: CodexProcess,
        url: str,
        token: str,
        *,
        advance: Callable[[float], Awaitable[Any]] | None = None,
        line: httpx.AsyncBaseTransport | None = None,
        trap: Trap | None = None,
        outbox: bool = True,
    ) -> None:
        self._url = url
        self._advance = advance or self._advance_by_door
        self._moved = asyncio.Event()
        self._answering: set[asyncio.Task[None]] = set()
        self._trap = trap or codex.killing(None)
        inner = line or httpx.AsyncHTTPTransport(trust_env=False)
        watched = WatchedCalls(inner, self._trap, self._moved.set)
        self._http = ConvexHttp(url, token=token, transport=watched)
        self.persistence = ConvexPersistence(
            HostClient(self._http),
            outbox=outbox,
            pause=lambda seconds: self._advance(seconds * 1_000),
        )
        self.runtime = create_codex_host_runtime(
            opener=codex.opener(self._trap),
            persistence=self.persistence,
            handlers=HostHandlers(
                on_state=lambda state: self._moved.set(),
                on_event=lambda event: self._moved.set(),
                on_request=self._answer_soon,
            ),
        )

    async def __aenter__(self) -> Self:
        await self.runtime.connect(actor=ACTOR)
        return self

    async def __aexit__(self, *error: object) -> None:
        try:
            await self.runtime.stop()
        finally:
            if self._answering:
                await asyncio.wait(self._answering)
            await self._http.aclose()

    async def _advance_by_door(self, milliseconds: float) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
            door, told = f"{self._url}/_fake/advance", {"milliseconds": milliseconds}
            try:
                answer = await client.post(door, json=told)
            except httpx.TransportError:
                # The server was killed behind it, and is back; time may pass twice.
                assert self._trap.sprung
                answer = await client.post(door, json=told)
            answer.raise_for_status()

    def _answer_soon(self, request: Any) -> None:
        task = asyncio.create_task(self._accept(request))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _accept(self, request: Any) -> None:
        try:
            await self.runtime.respond_command_approval(request.id, "accept")
        except CodexRuntimeError:
            # Its Codex is gone, or the runtime is.
            assert self._trap.sprung

    async def open(self, thread_id: str | None = None) -> str:
        """Open the thread, as far as Codex still knows it; give its id.

        Args:
            thread_id: Codex's id of it; a new one when left out.
        """
        if thread_id is not None:
            try:
                opened = await self.runtime.open_thread(
                    "resume", conversation_id=thread_id, persisted_conversation_id=CONVERSATION
                )
            except RequestFailedError:
                # It has ended before it had written anything down.
                pass
            else:
                return opened.thread.id
        opened = await self.runtime.open_thread("start", persisted_conversation_id=CONVERSATION)
        return opened.thread.id

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; whatever the runtime tells is a reason to look again."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self._moved.clear()
                await self._moved.wait()

    @property
    def idle(self) -> bool:
        """Whether no turn is in flight."""
        return not self.runtime.get_state().turn_in_flight

    @property
    def gone(self) -> bool:
        """Whether the runtime has seen that its Codex is gone."""
        return self.runtime.get_state().phase == "error"

    async def say(self, text: str) -> None:
        """Say something, and wait until every turn that was accepted has ended."""
        await self.runtime.send_turn(text)
        await self.at_rest()

    async def import_again(self, thread_id: str) -> None:
        """Import a thread, whatever has become of earlier attempts.

        Args:
            thread_id: Codex's id of it.
        """
        imported = await self.runtime.import_local_thread_to_persistence(
            thread_id, conversation_id=CONVERSATION
        )
        assert (imported.sync_state, imported.error_code) == ("synced", None)

    async def at_rest(self) -> None:
        """Wait until no turn is in flight, and none waits in the outbox."""
        async with asyncio.timeout(PATIENCE):
            while True:
                self._moved.clear()
                await self.until(lambda: self.idle)
                await self._advance(10)
                if not await self.open_turns():
                    return
                await self._moved.wait()

    async def open_turns(self) -> list[Any]:
        """The turns of the conversation that have not ended, in the outbox."""
        state = await self._state()
        return await self.persistence.open_turns(
            ListDispatchesArgs(actor=ACTOR, thread_id=state.thread_id)
        )

    async def _state(self) -> Any:
        state = await self.persistence.thread_state(
            ConversationArgs(actor=ACTOR, conversation_id=CONVERSATION)
        )
        assert state is not None
        return state

    async def check_whole(self, turns: list[Any], *, given_up: tuple[str, ...]) -> dict[str, str]:
        """Check that what is kept is what Codex says, message for message, and nothing twice.

        Args:
            turns: The turns as Codex says them.
            given_up: The statuses, beside Codex's own, that a turn may have which was cut off.

        Returns:
            How every turn has ended, by its persisted id.
        """
        await self._advance(10)
        state = await self._state()
        statuses = {turn.turn_id: turn.status for turn in state.turns}
        assert set(statuses.values()) <= TURN.terminal
        assert await self.open_turns() == []
        asked = ListConversationRequestsArgs(actor=ACTOR, conversation_id=CONVERSATION)
        assert await self.persistence.list_server_requests(asked) == []
        known = persisted_ids(turns)
        for turn in turns:
            if not turn["items"]:
                continue
            turn_id = known[turn["id"]]
            kept = await self._messages(turn_id)
            said = [(item["type"], text_of(item)) for item in turn["items"]]
            assert [one for one in kept if one in said] == said, (kept, said)
            self._check_rest([one for one in kept if one not in said], statuses[turn_id])
            assert statuses[turn_id] in (turn["status"], *given_up)
        for turn_id in set(statuses) - set(known.values()):
            # Codex does not know it, so nobody has said anything in it, and it has not worked.
            assert statuses[turn_id] in ("failed", "interrupted")
            assert all(kind == "userMessage" for kind, _ in await self._messages(turn_id))
        return statuses

    async def _messages(self, turn_id: str) -> list[tuple[str, str]]:
        args = TurnMessagesArgs(actor=ACTOR, conversation_id=CONVERSATION, turn_id=turn_id)
        messages = await self.persistence.turn_messages(args)
        for message in messages:
            assert message.status != "streaming"
            if message.source_item_type == "agentMessage" and message.text not in SPOKEN:
                # It was cut off while it streamed.
                assert message.status != "completed"
                assert any(spoken.startswith(message.text) for spoken in SPOKEN)
        return [(message.source_item_type, message.text) for message in messages]

    @staticmethod
    def _check_rest(rest: list[tuple[str, str]], status: str) -> None:
        """Check what is kept and Codex has forgotten: what was cut off, each once."""
        kinds = [kind for kind, _ in rest]
        assert len(set(kinds)) == len(kinds), rest
        # A history of the older kind has no commands, however they have ended.
        assert set(kinds) <= {"commandExecution"} or status != "completed", rest


async def turns_of_codex(codex: CodexProcess, thread_id: str) -> list[Any]:
    """What Codex says of a thread when nobody uses it."""
    async with AppServerConnection(codex.opener()) as server:
        read = await server.call(requests.thread_read(thread_id, include_turns=True))
    return [
        {"id": turn.id, "status": turn.status, "items": list(turn.items)}
        for turn in read.thread.turns
    ]


async def old_thread(codex: CodexProcess, mode: Any, *texts: str) -> str:
    """Make a thread that no runtime has ever seen; give its id."""
    options = ConnectionOptions(experimental_api=True)
    async with AppServerConnection(codex.opener(), options) as server:
        opened = await server.call(requests.thread_start(p.ThreadStartParams(history_mode=mode)))
        events = server.events()
        for text in texts:
            await server.call(requests.turn_start_text(opened.thread.id, text))
            async with asyncio.timeout(PATIENCE):
                async for event in events:
                    if getattr(event, "method", "") == "turn/completed":
                        break
    return opened.thread.id
