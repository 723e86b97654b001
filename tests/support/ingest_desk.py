"""The ingest of a runtime by itself: a test is its persistence and its clock.

Nothing runs beside the test: what the ingest wants of persistence waits in ``asked`` until the test
answers it, and time passes when the test lets it.
"""

import json

from codex_runtime.contract.actors import Actor
from codex_runtime.contract.functions.ingest import (
    AckedStream,
    EnsuredSession,
    IngestError,
    IngestSafeResult,
)
from codex_runtime.contract.functions.threads import MarkedProgress
from codex_runtime.host.common import Bound, Common, Report, Settings
from codex_runtime.host.flows import Perform, Settle
from codex_runtime.host.ingest_queue import TEXT_DELTA, IngestQueue
from codex_runtime.host.ingesting import Ingest
from codex_runtime.host.steps import Keep, Sleep
from codex_runtime.protocol.messages import decode_message

FLUSH_MS = 250


def kept(args, *, status="ok"):
    """The answer of a deployment that has taken a batch in."""
    acked = [AckedStream(stream_id=d.stream_id, ack_cursor_end=d.cursor_end) for d in args.deltas]
    ingested = "partial" if status == "partial" else "ok"
    return IngestSafeResult(status=status, ingest_status=ingested, acked_streams=acked, errors=[])


def rejected(code="UNKNOWN", *, cause="E_SYNC_PAYLOAD_SCHEMA_MISMATCH", recoverable=False):
    """The answer of a deployment that has refused a batch."""
    error = IngestError(code=code, message=f"[{cause}] no", recoverable=recoverable, cause=cause)
    return IngestSafeResult(
        status="rejected", ingest_status="partial", acked_streams=[], errors=[error]
    )


def well(args):
    """The answer of a deployment at which all is well."""
    if hasattr(args, "deltas"):
        return kept(args)
    if hasattr(args, "sync_state"):
        return MarkedProgress(
            thread_id="t",
            conversation_id=args.conversation_id,
            sync_state=args.sync_state,
            last_synced_cursor=args.cursor,
            stale_ignored=False,
        )
    if hasattr(args, "last_event_cursor"):
        return EnsuredSession(
            session_id=args.session_id, thread_id=args.thread_id, status="created"
        )
    return None


class Outside:
    """Time that is the desk's own, and ids that count."""

    def __init__(self):
        self.seconds = 0.0
        self._ids = 0

    def now_ms(self):
        return self.seconds * 1_000

    def new_id(self):
        self._ids += 1
        return f"id{self._ids}"


class Desk:
    """An ingest with an open thread, whose persistence and clock are the test."""

    def __init__(self, **queue):
        self.outside = Outside()
        self.common = Common(self.outside, durable=True, outbox=True)
        self.shown, self.reports, self.settled = [], [], []
        self.ingest = Ingest(self.common, self._changed)
        self.ingest.queue = IngestQueue(**queue)
        self._asked, self._sleeping = [], []
        self._said = 0
        self.connect("s")
        self.open("t")

    def connect(self, session_id):
        settings = Settings(Actor(user_id="u"), session_id, None, None, FLUSH_MS)
        self.settings = self.common.settings = settings
        self.ingest.begin(settings)
        self._pump()

    def open(self, thread):
        self.common.bound = Bound("rt", f"conversation of {thread}", thread)

    def stop(self):
        """End what is under way, as the runtime does at its end."""
        self.common.do(self.common.flows.cancel_all(RuntimeError("stopped"), lasting=True))
        self._asked.clear()
        self._sleeping.clear()
        self._pump()

    def say(self, text, *, item="m", in_flight=True):
        """Have Codex stream a piece of text."""
        self.tell(TEXT_DELTA, in_flight=in_flight, itemId=item, delta=text)

    def tell(self, kind, *, in_flight=True, **params):
        """Have Codex tell something of the turn."""
        named = {"turn": {"id": "rt-turn"}} if kind.startswith("turn/") else {"turnId": "rt-turn"}
        message = {"method": kind, "params": {"threadId": "rt", **named, **params}}
        self._said += 1
        decoded = decode_message(json.dumps(message).encode())
        self.ingest.take(decoded, "turn", in_flight=in_flight)
        self._pump()

    def note(self, operation, args):
        self.ingest.note(operation, args)
        self._pump()

    def begin(self, flow):
        """Begin a flow of the ingest; what becomes of it is in ``settled``."""
        self.common.begin(flow, "ticket")
        self._pump()

    @property
    def asked(self):
        """What persistence is asked at this moment; there is never more than one thing."""
        assert len(self._asked) <= 1
        return self._asked[0].step if self._asked else None

    def answer(self, value=None):
        """Answer what persistence is asked: a value, an error, or something made of the args."""
        perform = self._asked.pop()
        outcome = value(perform.step.args) if callable(value) else value
        failed = isinstance(outcome, Exception)
        resume = self.common.flows.resume
        self.common.do(
            resume(perform.number, error=outcome) if failed else resume(perform.number, outcome)
        )
        self._pump()

    def keep_everything(self):
        """Be a deployment at which all is well until nothing more is asked; give what was."""
        seen = []
        while (step := self.asked) is not None:
            seen.append(step)
            self.answer(well)
        return seen

    def let_pass(self, seconds):
        """Let time pass."""
        end = self.outside.seconds + seconds
        while due := sorted((at, n, p) for n, (at, p) in enumerate(self._sleeping) if at <= end):
            at, n, perform = due[0]
            del self._sleeping[n]
            self.outside.seconds = at
            self.common.do(self.common.flows.resume(perform.number))
            self._pump()
        self.outside.seconds = end

    @property
    def waits_until(self):
        """When the next thing happens by itself."""
        return min(at for at, _ in self._sleeping)

    def _changed(self):
        self.shown.append(self.common.last_error_code)

    def _pump(self):
        out, self.common.out = self.common.out, []
        for effect in out:
            match effect:
                case Perform(_, Keep()):
                    self._asked.append(effect)
                case Perform(_, Sleep(seconds)):
                    self._sleeping.append((self.outside.seconds + seconds, effect))
                case Report():
                    self.reports.append(effect.message)
                case Settle(_, value, error):
                    self.settled.append(value if error is None else error)
                case _:
                    raise AssertionError(f"{effect!r} is nothing that an ingest wants")
