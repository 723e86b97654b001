"""The core of a runtime by itself: a test is its Codex, its persistence and its clock.

Nothing runs beside the test. What the core asks of Codex waits until the test answers it; what it
has kept is kept at once, unless the test holds that back; time passes when the test lets it.
"""

import json

import msgspec

from codex_runtime.app_server.events import ConnectionEnded
from codex_runtime.app_server.transport import TransportEnd
from codex_runtime.contract.actors import Actor
from codex_runtime.contract.endpoints.runtime_owned import AcceptedTurnSend, AcceptTurnSendArgs
from codex_runtime.contract.functions.threads import OpenedBinding
from codex_runtime.contract.functions.turns import Claimed
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.common import Emit, Report, Settings, Tell
from codex_runtime.host.core import HostCore
from codex_runtime.host.flows import Perform, Settle
from codex_runtime.host.steps import (
    AbandonTool,
    Ask,
    Close,
    Keep,
    Open,
    Reply,
    Sleep,
)
from codex_runtime.host.turn_records import TurnOptions
from codex_runtime.protocol.messages import decode_message
from codex_runtime.protocol.params import ThreadSettings
from support.ingest_desk import Outside, well

ACTOR = Actor(user_id="u")
THREAD = "01a20206-565a-77a1-bbce-80578f48955d"
OTHER = "01a20206-565a-77a1-bbce-80578f48955e"
TURN = "01a20206-6666-77a1-bbce-80578f489551"
NEXT = "01a20206-6666-77a1-bbce-80578f489552"


class Ticket:
    """Somebody who has asked the core for something."""

    def __init__(self):
        self.settled = False
        self.value = self.error = None

    @property
    def code(self):
        """The code it was refused with."""
        assert self.settled
        return None if self.error is None else getattr(self.error, "code", repr(self.error))


class Persistence:
    """A persistence that answers at once; without turns of other runtimes."""

    def __init__(self):
        self.kept = []
        self._waiting = []

    def __call__(self, operation, args):
        self.kept.append((operation, args))
        return getattr(self, f"_{operation}", well)(args)

    def wait(self, turn_id):
        """Have a turn wait in the outbox that this runtime has not sent."""
        self._waiting.append(
            AcceptTurnSendArgs(
                actor=ACTOR,
                thread_id="t-c",
                turn_id=turn_id,
                idempotency_key=turn_id,
                dispatch_id=f"{turn_id}-dispatch",
                input_text="hi",
            )
        )

    def _ensure_thread(self, args):
        return OpenedBinding(
            thread_id=f"t-{args.conversation_id}",
            conversation_id=args.conversation_id,
            runtime_conversation_id=args.runtime_conversation_id,
            created=True,
            rebind_applied=False,
            sync_state="synced",
        )

    def _accept_turn(self, args):
        self._waiting.append(args)
        return AcceptedTurnSend(dispatch_id=args.dispatch_id, turn_id=args.turn_id, accepted=True)

    def _claim_turn(self, _args):
        if not self._waiting:
            return None
        accepted = self._waiting.pop(0)
        return Claimed(
            dispatch_id=accepted.dispatch_id,
            turn_id=accepted.turn_id,
            idempotency_key=accepted.idempotency_key,
            input_text=accepted.input_text,
            claim_token="token",
            lease_expires_at=60_000,
            attempt_count=1,
            status="claimed",
        )

    def _fail_turn(self, args):
        self._waiting = [one for one in self._waiting if one.turn_id != args.turn_id]

    def _list_server_requests(self, _args):
        return []

    def _open_turns(self, _args):
        return []


class Desk:
    """A core that is connected, unless it is told otherwise.

    Attributes:
        core: The core.
        persistence: What it keeps things in.
        slow: The operations of persistence, and the steps, that wait until the test answers them.
        broken: What persistence raises, by its operations.
        states: The states that were shown.
        reports: What was reported.
        told: The messages that listeners were handed, with their kinds.
        abandoned: The calls of tools that were broken off.
    """

    def __init__(self, *, connect=True, tools=()):
        self.outside = Outside()
        self.core = HostCore(self.outside, durable=False, outbox=True, tool_names=tools)
        self.persistence = Persistence()
        self.slow, self.broken = set(), {}
        self.states, self.reports, self.told, self.abandoned = [], [], [], []
        self._waiting = []
        if connect:
            self.connect()
            self.answer(Open)

    @property
    def state(self):
        return self.core.state

    @property
    def kept(self):
        """What was kept: the operations, in order."""
        return [operation for operation, _ in self.persistence.kept]

    def args_of(self, operation):
        """What an operation of persistence was called with, each time."""
        return [args for name, args in self.persistence.kept if name == operation]

    # What a host does.

    def begin(self, flow):
        """Ask the core for something."""
        ticket = Ticket()
        self.core.common.begin(flow, ticket)
        self._pump()
        return ticket

    def connect(self, session_id="s"):
        return self.begin(
            self.core.connect(Settings(ACTOR, session_id, None, None, 250, claim_owner="me"))
        )

    def stop(self):
        self.core.common.begin(self.core.stop(), ticket := Ticket(), lasting=True)
        self._pump()
        return ticket

    def open(self, strategy="start", thread_id=None, pin=None, tools=()):
        return self.begin(self.core.threads.open(strategy, thread_id, pin, ThreadSettings(), tools))

    def opened(self, thread=THREAD, *, turns=(), pin="c"):
        """Open a thread to its end."""
        ticket = self.open(pin=pin)
        self.answer("thread/start", thread_of(thread, turns))
        assert ticket.error is None, ticket.error
        return ticket

    def send(self, text="hi", **options):
        turns = self.core.turns
        return self.begin(turns.send(text, TurnOptions(**options), self.core.threads.bind))

    def sent(self, turn=TURN, text="hi"):
        """Send a turn, and let Codex begin it; give its persisted id."""
        ticket = self.send(text)
        self.answer("turn/start", turn_of(turn))
        assert ticket.error is None, ticket.error
        self.started(turn)
        return ticket.value.turn_id

    def respond(self, request_id, method, answer):
        return self.begin(self.core.requests.respond(request_id, method, answer))

    # What Codex does.

    def hear(self, method, request_id=None, /, **params):
        """Have Codex say something."""
        message = {"method": method, "params": params}
        if request_id is not None:
            message["id"] = request_id
        self.hear_raw(json.dumps(message).encode())

    def hear_raw(self, line):
        self.arrive(decode_message(line))

    def arrive(self, event):
        self.core.arrived(event)
        self._pump()

    def started(self, turn=TURN, thread=THREAD):
        self.hear("turn/started", threadId=thread, turn={"id": turn, "status": "inProgress"})

    def said_by_user(self, client_id, turn=TURN, thread=THREAD):
        item = {"type": "userMessage", "id": "m", "clientId": client_id, "content": []}
        self.hear("item/started", threadId=thread, turnId=turn, item=item)

    def completed(self, turn=TURN, thread=THREAD, status="completed", **told):
        ended = {"id": turn, "status": status, **told}
        self.hear("turn/completed", threadId=thread, turn=ended)

    def exit(self, exit_code=1, *, requested=False):
        self.arrive(ConnectionEnded(TransportEnd("it ended", exit_code), requested))

    # What waits for an answer.

    @property
    def asks(self):
        """The methods that Codex is asked, and has not answered."""
        return [one.step.call.method for one in self._waiting if isinstance(one.step, Ask)]

    def params(self, method):
        """The params of what Codex is asked."""
        return json.loads(msgspec.json.encode(self._find(method).step.call.params))

    @property
    def replies(self):
        """The answers that are on their way to Codex: the request's id, and the answer."""
        return [
            (one.step.request.id, json.loads(msgspec.json.encode(one.step.answer)))
            for one in self._waiting
            if isinstance(one.step, Reply)
        ]

    def waiting(self, kind):
        """The steps of a kind that wait."""
        return [one.step for one in self._waiting if isinstance(one.step, kind)]

    def answer(self, what, value=None):
        """Answer what waits: a method of Codex's, an operation of persistence, a kind of step."""
        perform = self._find(what)
        self._waiting.remove(perform)
        flows = self.core.common.flows
        if isinstance(value, Exception):
            effects = flows.resume(perform.number, error=value)
        else:
            if isinstance(perform.step, Ask):
                value = msgspec.convert({} if value is None else value, perform.step.call.result)
            elif isinstance(perform.step, Keep):
                value = self._keep(perform.step)
            effects = flows.resume(perform.number, value)
        self.core.common.do(effects)
        self._pump()

    def pass_time(self, seconds):
        """Let everybody wake who sleeps for so long, or for less."""
        due = [one for one in self._waiting if isinstance(one.step, Sleep)]
        for perform in due:
            if perform.step.seconds <= seconds and perform in self._waiting:
                self._waiting.remove(perform)
                self.core.common.do(self.core.common.flows.resume(perform.number))
                self._pump()

    def _find(self, what):
        for perform in self._waiting:
            step = perform.step
            if (
                (isinstance(step, Ask) and step.call.method == what)
                or (isinstance(step, Keep) and step.operation == what)
                or (isinstance(what, type) and isinstance(step, what))
            ):
                return perform
        raise AssertionError(f"{what} is not waited for, but {[one.step for one in self._waiting]}")

    def _keep(self, step):
        if step.operation in self.broken:
            raise self.broken[step.operation]
        return self.persistence(step.operation, step.args)

    def _pump(self):
        while effects := self.core.take_out():
            for effect in effects:
                self._take(effect)

    def _take(self, effect):
        match effect:
            case Perform(number, Keep(operation, _) as step) if operation not in self.slow:
                flows = self.core.common.flows
                try:
                    value = self._keep(step)
                except CodexRuntimeError as error:
                    self.core.common.do(flows.resume(number, error=error))
                else:
                    self.core.common.do(flows.resume(number, value))
            case Perform(number, Close()) if "close" not in self.slow:
                self.core.common.do(self.core.common.flows.resume(number))
            case Perform():
                self._waiting.append(effect)
            case Settle(ticket, value, error):
                assert not ticket.settled
                ticket.settled, ticket.value, ticket.error = True, value, error
            case Emit(state):
                self.states.append(state)
            case Report(message, line):
                self.reports.append((message, line))
            case Tell(kind, message):
                self.told.append((kind, message))
            case AbandonTool(call):
                self.abandoned.append(call)


def thread_of(thread=THREAD, turns=()):
    """What Codex answers to opening a thread."""
    return {
        "thread": {"id": thread, "status": {"type": "idle"}, "turns": list(turns)},
        "model": "m",
        "modelProvider": "p",
        "cwd": "/",
        "approvalPolicy": "never",
        "approvalsReviewer": "user",
        "sandbox": {"type": "readOnly"},
    }


def turn_of(turn=TURN, status="inProgress"):
    """What Codex answers to beginning a turn."""
    return {"turn": {"id": turn, "status": status, "items": [], "itemsView": "notLoaded"}}
