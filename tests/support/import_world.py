"""A runtime that imports whatever threads a test puts on the shelf into a Convex in memory.

The shelf is an app-server that knows nothing but threads as ``thread/read`` tells them, so that a
test can have a history that no Codex of today would write.
"""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest

from codex_fakes.convex.wire.in_process import InProcessConvex
from codex_runtime.app_server.memory import memory_pair
from codex_runtime.contract.endpoints.runtime_owned import ListMessagesArgs
from codex_runtime.contract.functions.imports import CancelJobArgs
from codex_runtime.contract.functions.pages import PaginationOpts
from codex_runtime.contract.functions.threads import ConversationArgs
from codex_runtime.contract.limits import SYNC_POLL_INTERVAL
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.runtime import HostHandlers, create_codex_host_runtime
from codex_runtime.persistence.convex_adapter import ConvexPersistence
from codex_runtime.persistence.convex_http import ConvexHttp
from codex_runtime.persistence.host_client import HostClient
from support.host import Host
from support.peer import HELLO, Peer
from support.persistence_world import ACTOR, Line, app

THREAD = "018f5f3b-5b7a-7c9d-a12b-3d0f3e4c5b6a"
"""The thread on the shelf."""
START = "chat:startConversationSyncSource"
APPEND = "chat:appendConversationSyncSourceChunk"
SEAL = "chat:sealConversationSyncSource"
CANCEL = "chat:cancelConversationSyncJob"
LOOK = "chat:getConversationSyncJob"
PAGE = 500
SECONDS = 10
"""How long anything here is waited for at most."""


def said(item_id, text="hi", kind="agentMessage", **more):
    """An item that somebody has said."""
    return {"type": kind, "id": item_id, "text": text, **more}


def asked(item_id, text="hello", **more):
    """What the user has said."""
    content = [{"type": "text", "text": text}]
    return {"type": "userMessage", "id": item_id, "content": content, **more}


def turn(turn_id, *items, status="completed", began=1_700_000_000, **more):
    """A turn of a thread."""
    return {"id": turn_id, "status": status, "items": list(items), "startedAt": began, **more}


def turns(count):
    """So many turns: a question and an answer each."""
    return [
        turn(
            f"T{n:05}",
            asked(f"u{n:05}"),
            said(f"a{n:05}", f"answer {n}"),
            began=1_700_000_000 + n,
        )
        for n in range(count)
    ]


class Shelf:
    """An app-server that answers ``thread/read``."""

    def __init__(self, *turns, **thread):
        self.turns, self.thread, self.answer = list(turns), thread, None
        self.peers, self._tasks = [], set()

    async def open(self):
        """Open a connection to it."""
        ours, theirs = memory_pair(1 << 26)
        peer = Peer(theirs)
        self.peers.append(peer)
        task = asyncio.create_task(self._serve(peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return ours

    async def _serve(self, peer):
        buffer = b""
        while data := await peer.transport.receive():
            *lines, buffer = (buffer + data).split(b"\n")
            for message in map(json.loads, lines):
                if "id" in message:
                    await peer.transport.send(json.dumps(self._answer(message)).encode() + b"\n")

    def _answer(self, message):
        if message["method"] == "initialize":
            return {"id": message["id"], "result": HELLO}
        assert message["method"] == "thread/read"
        if message["params"]["threadId"] != THREAD:
            error = {"code": -32600, "message": "thread not loaded"}
            return {"id": message["id"], "error": error}
        if self.answer is not None:
            return {"id": message["id"], "result": self.answer}
        return {"id": message["id"], "result": {"thread": self.as_read()}}

    def as_read(self):
        """The thread as ``thread/read`` tells it."""
        return {"id": THREAD, "historyMode": "paginated", **self.thread, "turns": self.turns}

    def vanish(self):
        """Be gone, as a Codex that has crashed."""
        for peer in self.peers:
            peer.transport.abort()


class Gate:
    """Holds the requests to one endpoint back, but for the first few, until it is opened."""

    def __init__(self, path, first=0):
        self._path, self._first = path, first
        self.reached, self._open = asyncio.Event(), asyncio.Event()

    async def pass_through(self, path):
        """Let a request go on, now or when it is opened."""
        if path != self._path or self._open.is_set():
            return
        self._first -= 1
        if self._first < 0:
            self.reached.set()
            await self._open.wait()

    def open(self):
        """Let everything pass from now on."""
        self._open.set()


class Wire(httpx.AsyncBaseTransport):
    """The line to the deployment: gates and refusals by the path of what is called."""

    def __init__(self, beneath):
        self._line = Line(beneath)
        self.gates, self.refusals, self.called = [], [], []
        self.chunks, self.is_cut = [], False
        self.moved = asyncio.Event()

    async def handle_async_request(self, request):
        path = json.loads(request.content)["path"]
        self.called.append(path)
        self.moved.set()
        for gate in self.gates:
            await gate.pass_through(path)
        if self.is_cut:
            raise httpx.ConnectError("the line is cut")
        for refuse in self.refusals:
            answer = refuse(path, request)
            if answer is not None:
                self._line.faults = [answer]
                break
        response = await self._line.handle_async_request(request)
        if path == APPEND and response.status_code == httpx.codes.OK:
            self.chunks.append(json.loads(request.content)["args"])
        return response


class ImportWorld:
    """One deployment, and the runtimes that import into it."""

    def __init__(self, shelf, **convex):
        self.shelf = shelf
        self.convex = InProcessConvex(app(), **convex)
        self.wire, self.stalled = Wire(self.convex.transport), False
        self.poll_ms = SYNC_POLL_INTERVAL
        # Of time a test may let pass as much as it likes.
        self.token = self.convex.token("u", expires_in=1e9)
        self.reports, self.progress = [], []
        self._http, self._runtimes = [], []
        self.client = HostClient(self._line(self.convex.transport))
        self.runtime = None

    def _line(self, transport):
        http = ConvexHttp(self.convex.url, token=self.token, transport=transport, pause=self._pause)
        self._http.append(http)
        return http

    async def _pause(self, seconds):
        """Let the deployment's time pass in the place of ours, unless it stands still."""
        if not self.stalled:
            await self.convex.advance(seconds * 1_000)

    async def start(self, around=None):
        """Start another runtime, on a line of its own; ``around`` gets between it and Convex."""
        self.wire = Wire(self.convex.transport)
        client = HostClient(self._line(self.wire))
        persistence = ConvexPersistence(
            client, outbox=True, pause=self._pause, poll_interval_ms=self.poll_ms
        )
        self.runtime = create_codex_host_runtime(
            opener=self.shelf.open,
            persistence=persistence if around is None else around(persistence),
            handlers=HostHandlers(on_protocol_error=lambda *report: self.reports.append(report)),
        )
        self._runtimes.append(self.runtime)
        await self.runtime.connect(actor=ACTOR)

    def gate(self, path, *, first=0):
        """Hold the calls of an endpoint back, after the first ones."""
        gate = Gate(path, first)
        self.wire.gates.append(gate)
        return gate

    def importing(self, conversation="c"):
        """Begin to import what is on the shelf."""
        return asyncio.create_task(self.bring(conversation))

    async def bring(self, conversation="c"):
        """Import what is on the shelf."""
        return await self.runtime.import_local_thread_to_persistence(
            THREAD, conversation_id=conversation, on_progress=self.progress.append
        )

    async def until(self, holds):
        """Wait until something holds; what happens over the line is a reason to look again."""
        async with asyncio.timeout(SECONDS):
            while not holds():
                self.wire.moved.clear()
                waiting = asyncio.ensure_future(self.wire.moved.wait())
                await asyncio.wait({waiting}, timeout=0.01)
                waiting.cancel()

    async def until_called(self, path):
        """Wait until an endpoint has been called."""
        await self.until(lambda: path in self.wire.called)

    async def until_state(self, state):
        """Wait until an import is in a state."""
        await self.until(lambda: self.states()[-1:] == [state])

    async def at(self, path, importing):
        """Wait until an import calls an endpoint, and hold it there; give what lets it go on."""
        gate = self.gate(path)
        reached = asyncio.ensure_future(gate.reached.wait())
        await asyncio.wait({reached, importing}, return_when=asyncio.FIRST_COMPLETED)
        if importing.done():
            reached.cancel()
            raise AssertionError(f"{path} was not called: {importing.result()}")
        return gate

    async def sealed(self, importing):
        """Wait until an import is sealed, before the first look at what becomes of it."""
        sealing = await self.at(SEAL, importing)
        looking = self.gate(LOOK)
        sealing.open()
        await looking.reached.wait()
        return looking

    async def abandoned_while_it_is_taken_in(self):
        """Import until it is sealed; then the runtime is gone, and the deployment has not begun."""
        importing = self.importing()
        await self.sealed(importing)
        await self.runtime.stop()
        with pytest.raises(CodexRuntimeError, match="E_RUNTIME_STOPPED"):
            await importing
        self.progress.clear()

    async def cancel_by_hand(self, code, why):
        """Cancel the only import there is, past the runtime."""
        args = CancelJobArgs(
            actor=ACTOR, job_id=self.job()["jobId"], error_code=code, error_message=why
        )
        await self.client.call("cancelConversationSyncJob", args)

    def states(self):
        """The states that were told, each as often as it was entered."""
        told = [one.state for one in self.progress]
        return [
            state for state, before in zip(told, [None, *told], strict=False) if state != before
        ]

    async def messages(self, conversation="c"):
        """Everything that is kept of a conversation, in the order it was said."""
        rows, cursor, done = [], None, False
        while not done:
            page = await self.client.call(
                "listThreadMessagesByConversation",
                ListMessagesArgs(
                    actor=ACTOR,
                    conversation_id=conversation,
                    pagination_opts=PaginationOpts(num_items=PAGE, cursor=cursor),
                ),
            )
            rows += page.page
            cursor, done = page.continue_cursor, page.is_done
        return sorted(rows, key=lambda row: (row.created_at, row.turn_id, row.order_in_turn))

    async def texts(self, conversation="c"):
        """The role, text and status of everything that is kept."""
        return [(row.role, row.text, row.status) for row in await self.messages(conversation)]

    async def turns(self, conversation="c"):
        """The status of each of the latest turns."""
        where = ConversationArgs(actor=ACTOR, conversation_id=conversation)
        state = (await self.client.call("threadSnapshotByConversation", where)).data
        return {turn.turn_id: turn.status for turn in state.turns}

    def rows(self, table, **wanted):
        """The rows of one of the component's tables that have these values."""
        return Host(self.convex.backend).rows(table, **wanted)

    def job(self):
        """The only import there is."""
        (job,) = self.rows("codex_sync_import_jobs")
        return job

    def binding(self):
        """What is kept of how far the conversation is in step."""
        (binding,) = self.rows("codex_thread_bindings", conversationId="c")
        return binding

    async def close(self):
        """Stop every runtime, and let go of the deployment."""
        for runtime in self._runtimes:
            await runtime.stop()
        for http in self._http:
            await http.aclose()


@asynccontextmanager
async def shelf_world(*turns, thread=None, around=None, **convex):
    """A runtime that is connected to a shelf with a thread of these turns."""
    world = ImportWorld(Shelf(*turns, **(thread or {})), **convex)
    try:
        await world.start(around)
        yield world
    finally:
        for gate in world.wire.gates:
            gate.open()
        await world.close()
