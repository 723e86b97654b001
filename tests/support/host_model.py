"""A runtime between two neighbours that can be disturbed, and what was said on the wire.

Everything runs in one loop with a virtual clock. What the app-server sends is written down from the
bytes themselves, so that what is kept can be compared with it.
"""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections import defaultdict
from dataclasses import dataclass, field

from codex_fakes.app_server import SimulatedAppServer
from codex_fakes.app_server.surroundings.clock import VirtualClock
from codex_fakes.convex.wire.in_process import InProcessConvex
from codex_fakes.script import Drop, FailHttp, Response, Run, Say, Think, Wait, script
from codex_fakes.script.playing import Gates, ScriptPlayer, gate_names
from codex_runtime.app_server.options import ConnectionOptions
from codex_runtime.contract.endpoints.runtime_owned import ListMessagesArgs
from codex_runtime.contract.functions.pages import PaginationOpts
from codex_runtime.contract.functions.threads import ConversationArgs
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.engine import Engine
from codex_runtime.host.facade import CodexHostRuntime
from codex_runtime.host.ingest_queue import IngestQueue
from codex_runtime.host.listeners import HostHandlers
from codex_runtime.host.turn_identity import turn_of
from codex_runtime.persistence.convex_adapter import ConvexPersistence
from codex_runtime.persistence.convex_http import ConvexHttp
from codex_runtime.persistence.host_client import HostClient
from codex_runtime.protocol.params import ThreadSettings
from support.disturbed_persistence import DisturbedPersistence
from support.persistence_world import ACTOR, app

SETTLED_SECONDS = 1_000.0
"""Virtual seconds within which everything that was asked of a runtime is answered."""
MEMORY_MOST = 64 * 1_024
"""Bytes that may wait to be kept here: few, so that the queue is full now and then."""
EVENT_BYTES = 16 * 1_024
"""Bytes of events that are read from the app-server at a time."""
PIECE_BYTES = 4 * 1_024
"""Bytes that come out of the pipe at a time."""
EACH = 12
"""How many turns of each kind the model can play."""

LONG = tuple(f"{number} " for number in range(40))
FLOOD = tuple(f"{number} {'x' * 700}" for number in range(200))
LINE_BYTES = 160 * 1_024
"""Bytes of the longest line: what a flood said, at its end once more as a whole."""
FAULTS = (
    "crash-mid-item",
    "crash-now=turn/start",
    "crash-now=turn/started",
    "crash-now=turn/completed",
    "hang=turn/start",
    "hang=item/completed",
    "drop=turn/completed",
    "drop=turn/started",
    "garbage=item/started",
    "never-answer=turn/start",
    "never-answer=turn/interrupt",
    "never-answer=thread/read",
    "late=turn/started:item/started",
    "reorder=turn/started",
    "duplicate=turn/started",
    "duplicate=turn/completed",
)
"""What the next app-server may do wrong."""
KINDS = ("long", "think", "gate", "run", "retry", "fail", "flood")


def _script():
    rows = [
        Response(steps=(Say(text=LONG),), when="[long", repeat=True),
        Response(steps=(Think(summary=("So.",)), Say(text="Well.")), when="[think", repeat=True),
        Response(steps=(FailHttp(status=400),), when="[fail", repeat=True),
    ]
    for number in range(EACH):
        held = (
            Say(text=("in ", "three "), left_open=True),
            Wait(f"a{number}"),
            Say(text=("pie", "ces, "), left_open=True),
            Wait(f"b{number}"),
            Say(text=("as it", " were")),
        )
        rows += [
            Response(steps=held, when=f"[gate {number}]"),
            Response(steps=(Wait(f"f{number}"), Say(text=FLOOD)), when=f"[flood {number}]"),
            Response(steps=(Run(command="echo", escalate="to see it"),), when=f"[run {number}]"),
            Response(steps=(Say(text=("do", "ne")),), when=f"[run {number}]"),
            Response(steps=(Say(text="oh", left_open=True), Drop()), when=f"[retry {number}]"),
            Response(steps=(Say(text=("a", "gain")),), when=f"[retry {number}]"),
        ]
    return script(*rows, otherwise="echo")


class Outside:
    """The loop's time, and ids that are the same in every run."""

    def __init__(self):
        self._random = random.Random(0)

    def now_ms(self):
        return 1_795_330_000_000.0 + asyncio.get_running_loop().time() * 1_000

    def new_id(self):
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


@dataclass
class SaidTurn:
    """A turn as it went over the wire.

    Attributes:
        persisted: The id it is persisted with.
        texts: The text of each message of the model, by item, in order.
        deltas: The pieces of the model's text, as they came.
        ended: Whether its end was said.
    """

    persisted: str
    texts: dict[str, str] = field(default_factory=dict)
    deltas: str = ""
    ended: bool = False


class Said:
    """What was said of turns, message by message."""

    def __init__(self):
        self.turns = {}

    def take(self, message):
        params = message.get("params") or {}
        method, turn_id = message.get("method", ""), params.get("turnId")
        if method in ("turn/started", "turn/completed"):
            turn_id = params["turn"]["id"]
        if turn_id is None:
            return
        turn = self.turns.setdefault(turn_id, SaidTurn(turn_id))
        item = params.get("item") or {}
        match method:
            case "item/started" if item.get("type") == "userMessage":
                turn.persisted = turn_of(item.get("clientId")) or turn.persisted
            case "item/agentMessage/delta":
                text = turn.texts.get(params["itemId"], "")
                turn.texts[params["itemId"]] = text + params["delta"]
                turn.deltas += params["delta"]
            case "item/completed" if item.get("type") == "agentMessage":
                turn.texts[item["id"]] = item["text"]
            case "turn/completed":
                turn.ended = True

    def by_persisted(self):
        """The turns by the ids they are persisted with."""
        return {turn.persisted: turn for turn in self.turns.values()}


class _Sliced:
    """A transport that gives what it receives in pieces, as a pipe does."""

    def __init__(self, inner):
        self._inner = inner
        self._left = b""
        self.send, self.close, self.abort = inner.send, inner.close, inner.abort

    async def receive(self):
        if not self._left:
            self._left = await self._inner.receive()
        piece, self._left = self._left[:PIECE_BYTES], self._left[PIECE_BYTES:]
        return piece


class HostModel:
    """The runtime, its neighbours, and what was asked of it.

    Without an outbox the deployment is an older one, which has only the first manifest.
    """

    def __init__(self, home, *, outbox=True):
        self._home = home
        self._script = _script()
        self._player = ScriptPlayer(self._script)
        self._gates = Gates(gate_names(self._script))
        self._clock = VirtualClock()
        self._codexes = []
        self.faults, self.sound = (), True
        self._tasks = []
        self._counts = defaultdict(int)
        self.said, self.told = Said(), Said()
        self.states, self.requests, self.reports = [], [], []
        self.accepted, self.threads, self.conversations = {}, {}, set()
        self.outcomes = []
        manifests = ("runtimeOwned", "runtimeExtended") if outbox else ("runtimeOwned",)
        self.convex = InProcessConvex(app(manifests=manifests))
        self.http = ConvexHttp(
            self.convex.url,
            token=self.convex.token("u", expires_in=1e9),
            transport=self.convex.transport,
        )
        self.client = HostClient(self.http)
        self.persistence = DisturbedPersistence(ConvexPersistence(self.client, outbox=outbox))
        self.engine = Engine(
            self._open_codex,
            options=ConnectionOptions(event_bytes=EVENT_BYTES),
            persistence=self.persistence,
            handlers=HostHandlers(
                on_state=self.states.append,
                on_event=lambda event: self.told.take(json.loads(event.raw)),
                on_request=self.requests.append,
                on_protocol_error=lambda *report: self.reports.append(report),
            ),
            tools={},
            outside=Outside(),
        )
        self.engine.core.ingest.queue = IngestQueue(memory_most=MEMORY_MOST)
        self.runtime = CodexHostRuntime(self.engine)
        self._ticking = asyncio.ensure_future(self._tick())

    async def _tick(self):
        """Let the deployment's time pass with ours."""
        while True:
            await asyncio.sleep(5)
            await self.convex.advance(5_000)

    async def _open_codex(self):
        """Start an app-server, as every connection to a process does."""
        if self._codexes and not self._codexes[-1].ended:
            # Nobody is connected to it any more: it hangs.
            self._codexes[-1].crash()
        faults, self.faults = self.faults, ()
        codex = SimulatedAppServer(
            self._script,
            home=self._home,
            clock=self._clock,
            seed=len(self._codexes),
            single_connection=True,
            faults=faults,
            player=self._player,
            gates=self._gates,
        )
        await codex.__aenter__()
        self._codexes.append(codex)
        self.sound = not faults
        return _Sliced(codex.connect(tap=self._tap))

    def _tap(self, line):
        self.said.take(json.loads(line))
        return (line,)

    def open_gates(self, *, ahead=False):
        """Let the model go on wherever it waits, and perhaps wherever it is going to."""
        for name in self._gates.names:
            if ahead or self._gates.is_reached(name):
                self._gates.open(name)

    @property
    def codex(self):
        """The app-server that runs; ``None`` without one."""
        return self._codexes[-1] if self._codexes and not self._codexes[-1].ended else None

    def begin(self, name, call):
        """Ask something of the runtime; whoever asks does not wait."""

        async def asked():
            try:
                return await call
            except CodexRuntimeError as error:
                return error

        task = asyncio.ensure_future(asked())
        self._tasks.append((name, task))
        return task

    def connect(self):
        """Connect."""
        self.begin("connect", self.runtime.connect(actor=ACTOR))

    def stop(self):
        """Stop."""
        self.begin("stop", self.runtime.stop())

    def answer(self, decision):
        """Answer the request that came last, also where that was answered before."""
        respond = self.runtime.respond_command_approval
        self.begin(f"{decision} it", respond(self.requests[-1].id, decision))

    def answer_all(self):
        """Answer every request that has ever come: those that wait still are answered by that."""
        for request in self.requests:
            self.begin("accept it", self.runtime.respond_command_approval(request.id, "accept"))

    def send(self, kind):
        """Send a turn of a kind that the model can play."""
        number = self._counts[kind]
        self._counts[kind] += 1
        text = f"[{kind} {number}]" if number < EACH else f"just say {number}"
        bound = self.engine.core.common.bound
        task = self.begin(f"send {text}", self.runtime.send_turn(text))

        def sent(task):
            if not task.cancelled() and not isinstance(task.result(), CodexRuntimeError):
                self.accepted[task.result().turn_id] = bound.conversation_id
                # Also where nobody could say how opening the thread had ended.
                self.threads[bound.conversation_id] = bound.runtime_id

        task.add_done_callback(sent)

    def open(self, strategy, conversation):
        """Open a thread; an old one is the last one of its conversation."""
        thread = self.threads.get(conversation)
        self.conversations.add(conversation)
        if strategy != "start" and thread is None:
            strategy = "start"
        task = self.begin(
            f"{strategy} {conversation}",
            self.runtime.open_thread(
                strategy,
                conversation_id=None if strategy == "start" else thread,
                persisted_conversation_id=conversation,
                settings=ThreadSettings(approval_policy="on-request"),
            ),
        )

        def opened(task):
            if not task.cancelled() and not isinstance(task.result(), CodexRuntimeError):
                self.threads[conversation] = task.result().thread.id

        task.add_done_callback(opened)

    async def answered(self):
        """Wait until everything that was asked is answered; give the answers."""
        tasks, self._tasks = self._tasks, []
        if tasks:
            _, going_on = await asyncio.wait([t for _, t in tasks], timeout=SETTLED_SECONDS)
            assert not going_on, [name for name, task in tasks if task in going_on]
        outcomes = [(name, task.result()) for name, task in tasks]
        self.outcomes += outcomes
        return outcomes

    async def kept(self, conversation):
        """The messages of the model that are kept of a conversation, by turn."""
        kept, cursor = defaultdict(list), None
        while True:
            page = await self.client.call(
                "listThreadMessagesByConversation",
                ListMessagesArgs(
                    actor=ACTOR,
                    conversation_id=conversation,
                    pagination_opts=PaginationOpts(num_items=100, cursor=cursor),
                ),
            )
            for message in page.page:
                if message.role == "assistant" and message.source_item_type == "agentMessage":
                    kept[message.turn_id].append(message)
            if page.is_done:
                break
            cursor = page.continue_cursor
        for messages in kept.values():
            messages.sort(key=lambda message: message.order_in_turn)
        return kept

    async def statuses(self, conversation):
        """How far the latest turns of a conversation are, by turn."""
        args = ConversationArgs(actor=ACTOR, conversation_id=conversation)
        state = await self.persistence.inner.thread_state(args)
        return {} if state is None else {turn.turn_id: turn.status for turn in state.turns}

    async def close(self):
        """Let go of everything."""
        self._ticking.cancel()
        await asyncio.wait([self._ticking])
        for codex in self._codexes:
            await codex.stop()
        await self.http.aclose()
