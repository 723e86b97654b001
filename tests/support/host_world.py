"""A runtime between the simulated Codex and a Convex in memory: what its tests share."""

import asyncio
from contextlib import asynccontextmanager

from codex_fakes.app_server import SimulatedAppServer
from codex_fakes.convex.wire.in_process import InProcessConvex
from codex_fakes.script import script
from codex_runtime.contract.endpoints.runtime_owned import ListMessagesArgs
from codex_runtime.contract.functions.pages import PaginationOpts
from codex_runtime.host.runtime import HostHandlers, create_codex_host_runtime
from codex_runtime.persistence.codex_only import CodexOnlyPersistence
from codex_runtime.persistence.convex_adapter import ConvexPersistence
from codex_runtime.persistence.convex_http import ConvexHttp
from codex_runtime.persistence.host_client import HostClient
from support.persistence_world import ACTOR, app

SECONDS = 10
"""How long anything here is waited for at most."""


class World:
    """The runtime, its neighbours, and everything it has told."""

    def __init__(self, codex, *, durable=True, tools=None):
        self.codex = codex
        self.states, self.events, self.requests, self.reports = [], [], [], []
        self._moved = asyncio.Event()
        self.convex = InProcessConvex(app())
        self.http = ConvexHttp(
            self.convex.url, token=self.convex.token("u"), transport=self.convex.transport
        )
        self.client = HostClient(self.http)
        self.persistence = (
            ConvexPersistence(self.client, outbox=True, pause=self._pause)
            if durable
            else CodexOnlyPersistence()
        )
        self.runtime = create_codex_host_runtime(
            opener=codex.open,
            persistence=self.persistence,
            handlers=HostHandlers(
                on_state=lambda state: self._note(self.states, state),
                on_event=lambda event: self._note(self.events, event),
                on_request=lambda request: self._note(self.requests, request),
                on_protocol_error=lambda *report: self._note(self.reports, report),
            ),
            tools=tools,
        )

    async def _pause(self, seconds):
        """Let the deployment's time pass in the place of ours."""
        await self.convex.advance(seconds * 1_000)

    def _note(self, where, what):
        where.append(what)
        self._moved.set()

    async def until(self, holds):
        """Wait until something holds; whatever the runtime tells is a reason to look again."""
        if holds():
            return
        async with asyncio.timeout(SECONDS):
            async for _ in self._ticks():
                if holds():
                    return

    async def settled(self):
        """Wait until no turn is in flight and everything is kept."""

        def at_rest():
            state = self.runtime.get_state()
            return not state.turn_in_flight and state.ingest_metrics.waiting_event_count == 0

        await self.until(at_rest)
        await self.convex.advance(10)

    async def pending(self, count):
        """Wait until so many requests of the app-server wait and are written down; give them."""
        ticks = self._ticks()
        async with asyncio.timeout(SECONDS):
            await self.until(lambda: len(self.requests) >= count)
            kept = await self.runtime.list_pending_server_requests()
            while len(kept) != count:
                await anext(ticks)
                kept = await self.runtime.list_pending_server_requests()
        return kept

    async def _ticks(self):
        """Say when it may be worth to look again: what is kept in the background tells nobody."""
        while True:
            self._moved.clear()
            waiting = asyncio.ensure_future(self._moved.wait())
            await asyncio.wait({waiting}, timeout=0.01)
            waiting.cancel()
            yield

    async def messages(self, conversation):
        """What is kept of a conversation: role, text and status, in the order it was said."""
        page = await self.client.call(
            "listThreadMessagesByConversation",
            ListMessagesArgs(
                actor=ACTOR,
                conversation_id=conversation,
                pagination_opts=PaginationOpts(num_items=100, cursor=None),
            ),
        )
        ordered = sorted(page.page, key=lambda m: (m.created_at, m.order_in_turn))
        return [(m.role, m.text, m.status) for m in ordered]

    def kinds(self):
        """The kinds of the events that were told."""
        return [event.method for event in self.events]


@asynccontextmanager
async def world(home, *steps, durable=True, connect=True, tools=None, **simulated):
    """A runtime that is connected to a Codex which plays a script."""
    async with SimulatedAppServer(script(*steps), home=home, **simulated) as codex:
        made = World(codex, durable=durable, tools=tools)
        try:
            if connect:
                await made.runtime.connect(actor=ACTOR)
            yield made
        finally:
            await made.runtime.stop()
            await made.http.aclose()
