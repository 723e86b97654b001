"""A runtime whose Codex is played by the test, line by line, over a connection in memory."""

import asyncio
from contextlib import asynccontextmanager

from codex_runtime.app_server.memory import memory_pair
from codex_runtime.contract.actors import Actor
from codex_runtime.host.runtime import HostHandlers, create_codex_host_runtime
from support.core_desk import THREAD, TURN, thread_of, turn_of
from support.peer import Peer

ACTOR = Actor(user_id="u")
SECONDS = 10
"""How long anything here is waited for at most."""


class Codexes:
    """The app-servers that a runtime opens, one after the other, each played by the test.

    Attributes:
        opened: How many were opened.
        fails: What opening one raises, if anything.
        closes: Whether what is opened closes before it is aborted.
    """

    def __init__(self):
        self.opened = 0
        self.fails = None
        self.closes = True
        self._peers = asyncio.Queue()

    async def open(self):
        self.opened += 1
        if self.fails is not None:
            raise self.fails
        ours, theirs = memory_pair()
        if not self.closes:
            _close_only_when_aborted(ours)
        self._peers.put_nowait(Peer(theirs))
        return ours

    async def next(self):
        """The peer of the next connection that is opened."""
        async with asyncio.timeout(SECONDS):
            return await self._peers.get()


def _close_only_when_aborted(transport):
    aborted = asyncio.Event()
    close, abort = transport.close, transport.abort

    async def close_then():
        await aborted.wait()
        return await close()

    def abort_now():
        abort()
        aborted.set()

    transport.close, transport.abort = close_then, abort_now


class Hosted:
    """A runtime and its Codex.

    Attributes:
        runtime: The runtime.
        codexes: Where its app-servers come from.
        peer: The present app-server.
        reports: What was reported.
    """

    def __init__(self, *, sleep=asyncio.sleep, **made_with):
        self.codexes = Codexes()
        self.reports = []
        handlers = HostHandlers(on_protocol_error=lambda *report: self.reports.append(report))
        self.runtime = create_codex_host_runtime(
            opener=self.codexes.open, sleep=sleep, **{"handlers": handlers, **made_with}
        )
        self.peer = None

    async def connect(self, **settings):
        """Connect; Codex says hello."""
        async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
            connecting = group.create_task(self.runtime.connect(**{"actor": ACTOR, **settings}))
            self.peer = await self.codexes.next()
            await self.peer.hello()
        assert await self.peer.heard() == {"method": "initialized"}
        return connecting.result()

    async def ask(self, call, result):
        """Have the runtime ask something of Codex; give what it asked, and what it made of that."""
        async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
            asking = group.create_task(call)
            asked = await self.peer.heard()
            await self.peer.say({"id": asked["id"], **result})
        return asked, asking.result()

    async def open(self, **told):
        """Open a thread."""
        return await self.ask(self.runtime.open_thread(**told), {"result": thread_of()})

    async def send(self, text="hi"):
        """Send a turn, and let it begin."""
        sent = await self.ask(self.runtime.send_turn(text), {"result": turn_of()})
        await self.peer.say(
            {"method": "turn/started", "params": {"threadId": THREAD, "turn": {"id": TURN}}}
        )
        await self.until(lambda state: state.turn_in_flight)
        return sent

    async def until(self, holds):
        """Wait for a state in which something holds."""
        async with asyncio.timeout(SECONDS):
            states = self.runtime.lifecycle()
            async for state in states:
                if holds(state):
                    break
            await states.aclose()


@asynccontextmanager
async def hosted(*, connect=True, **made_with):
    """A runtime, connected to a Codex that the test plays; nothing is left running behind it."""
    before = asyncio.all_tasks()
    made = Hosted(**made_with)
    try:
        if connect:
            await made.connect()
        yield made
    finally:
        async with asyncio.timeout(SECONDS):
            await made.runtime.stop()
    assert asyncio.all_tasks() <= before
