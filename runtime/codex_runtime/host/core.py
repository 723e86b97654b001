"""The runtime's decisions: what happens goes in, what is to be done comes out.

May import the other parts. No IO and no event loop: one mailbox calls it, event by event, and does
what it says. The invariant: two events never interleave; what is shown is what is (spec 06).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_runtime.app_server.events import ConnectionEnded
from codex_runtime.contract.functions.reading import UpsertUsageArgs
from codex_runtime.errors import AppServerError, CodexRuntimeError
from codex_runtime.host.common import Common, Emit, HostError, Settings, Tell
from codex_runtime.host.flows import Pledge
from codex_runtime.host.holding import Holding
from codex_runtime.host.importing import Imports
from codex_runtime.host.ingesting import Ingest
from codex_runtime.host.phases import HostState
from codex_runtime.host.request_desk import RequestDesk
from codex_runtime.host.steps import Close, Open, Sleep
from codex_runtime.host.thread_control import ThreadControl
from codex_runtime.host.turn_control import TurnControl
from codex_runtime.protocol.classification import thread_and_turn_of
from codex_runtime.protocol.correlation import LateAnswer
from codex_runtime.protocol.messages import Notification, Request, decode_json

if TYPE_CHECKING:
    from collections.abc import Container

    from codex_runtime.host.common import Outside
    from codex_runtime.host.flows import Flow

STOP_SECONDS: Final = 10.0
"""How long what is under way may take to end, before the runtime stops."""
DRAIN_ATTEMPTS: Final = 3
"""How often to try to keep what waits before the runtime stops."""
_HARMLESS: Final = frozenset({"E_PROTOCOL_RESPONSE_UNKNOWN", "E_PROTOCOL_RESPONSE_DUPLICATE"})
"""What is reported and changes nothing: nobody waits for such an answer."""
_STOPPED: Final = "Bridge stopped before request completed."


class HostCore:
    """The runtime without its shell.

    Args:
        outside: Time and chance.
        durable: Whether anything outlives the runtime.
        outbox: Whether accepted turns outlive the runtime.
        tools: The definitions of the registered tools.
        tool_names: Their names.

    Attributes:
        common: What the parts share.
        ingest: What waits to be kept.
        turns: The turns that wait, and the one in flight.
        requests: The requests that wait for an answer.
        threads: The open thread.
        imports: The imports under way.
    """

    def __init__(
        self,
        outside: Outside,
        *,
        durable: bool,
        outbox: bool,
        tools: tuple[Any, ...] = (),
        tool_names: Container[str] = (),
    ) -> None:
        self.common = Common(outside, durable, outbox)
        self.ingest = Ingest(self.common, self._changed)
        self.requests = RequestDesk(self.common, self._changed, self.ingest, tool_names)
        self._holding = Holding(self._arrived)
        self.turns = TurnControl(
            self.common, self._changed, self.requests.turn_ended, self.ingest, self._holding
        )
        self.threads = ThreadControl(self.common, self.turns, self._changed, self._holding, tools)
        self.imports = Imports(self.common, self.ingest)
        self._running = False
        self._opening: Pledge | None = None
        self._changed_at = outside.now_ms()

    def take_out(self) -> list[Any]:
        """Give what is to be done outside since the last time, in order."""
        out, self.common.out = self.common.out, []
        return out

    def connect(self, settings: Settings) -> Flow:
        """Connect to the app-server, or wait with whoever does.

        Args:
            settings: With what.
        """
        if self.common.move("connect"):
            self._opening = Pledge(self.common.flows)
            self.common.begin(self._opening.keep(self._open(settings)))
        else:
            self._changed()
        if self._opening is not None:
            yield from self._opening.outcome()

    def _open(self, settings: Settings) -> Flow:
        common = self.common
        common.settings = settings
        common.clear_error()
        common.enqueued.clear()
        common.skipped.clear()
        self.ingest.begin(settings)
        self._changed()
        try:
            yield Open(settings.experimental)
        except CodexRuntimeError as error:
            common.move("openFailed")
            common.settings = None
            common.note(error)
            self._changed()
            raise
        finally:
            self._opening = None
        self._running = True
        common.move("opened")
        self._changed()

    def stop(self) -> Flow:
        """Stop: what waits is kept, what is open is closed, nothing is left running.

        Raises:
            CodexRuntimeError: The first thing that could not be done; it is stopped nevertheless.
        """
        common = self.common
        if common.lifecycle == "stopped":
            return
        common.move("stop")
        self._changed()
        # Whoever waits for Codex is told now; what is still to be kept goes on being kept.
        common.do(common.flows.cancel_all(_stopped()))
        failures: list[CodexRuntimeError] = []
        for step in (
            self._within(STOP_SECONDS, self._take_leave()),
            self._close(),
            # All that Codex has said until its end, also where that came before.
            self.ingest.drain(DRAIN_ATTEMPTS),
        ):
            try:
                yield from step
            except CodexRuntimeError as error:
                failures.append(error)
                common.report(f"Runtime stop failed: {error}", "[runtime:stop]")
        self.end()
        if failures:
            raise failures[0]

    def end(self) -> None:
        """Be stopped, however far stopping has come; harmless when it has come to its end."""
        common = self.common
        if common.lifecycle == "stopped":
            return
        if common.lifecycle != "stopping":
            common.move("stop")
        self._running = False
        self._opening = None
        self.requests.expire_all("runtimeStopped")
        self._forget()
        common.do(common.flows.cancel_all(_stopped(), lasting=True))
        common.move("stopped")
        common.clear_error()
        self._changed()

    def _take_leave(self) -> Flow:
        """End what is under way, while Codex is still there."""
        self.requests.expire_all("runtimeStopped")
        yield from self.turns.give_up("the runtime was stopped")
        yield from self.imports.give_up()

    def _close(self) -> Flow:
        yield Close()

    def _within(self, seconds: float, flow: Flow) -> Flow:
        """Run a flow; go on without it when it takes too long."""
        common = self.common
        pledge = Pledge(common.flows)

        def give_up() -> Flow:
            yield Sleep(seconds)
            why = f"What was under way had not ended after {seconds:g} s."
            pledge.settle(HostError("E_RUNTIME_STOP_TIMEOUT", why))

        common.begin(give_up(), lasting=True)
        common.begin(pledge.keep(flow), lasting=True)
        yield from pledge.outcome()

    def arrived(self, event: Any) -> None:
        """Take an event of the connection.

        Args:
            event: A notification, a request, an error that is a value, or the end.
        """
        if isinstance(event, ConnectionEnded):
            self._holding.release()
            self._exited(event)
        else:
            self._holding.put(event)

    @property
    def full(self) -> bool:
        """Whether nothing more should be read from Codex until more is kept."""
        return self.ingest.queue.full

    def _arrived(self, event: Any) -> None:
        """Take an event whose time has come."""
        common = self.common
        if isinstance(event, LateAnswer):
            return
        if not isinstance(event, Notification | Request):
            common.report(str(event), getattr(event, "raw", b"").decode(errors="replace"))
            if event.code not in _HARMLESS:
                common.move("protocolError")
                common.note(event)
                self._changed()
            return
        try:
            self._take(event)
        except Exception as error:  # noqa: BLE001 - whatever Codex says, the mailbox goes on
            failure = HostError(
                "E_RUNTIME_PROTOCOL_EVENT_INVALID",
                f'Failed to process event "{event.method}": {error}',
            )
            common.note(failure)
            common.report(str(failure), event.raw.decode(errors="replace"))
            self._changed()

    def _take(self, message: Notification | Request) -> None:
        common = self.common
        if common.lifecycle == "troubled" and common.move("event"):
            common.clear_error()
            self._changed()
        thread, runtime_turn = thread_and_turn_of(message)
        if thread is None:
            self._take_global(message)
            return
        if thread != common.bound.runtime_id:
            self._take_elsewhere(message, runtime_turn)
            return
        if isinstance(message, Notification) and runtime_turn is not None:
            self._note_turn(message, runtime_turn)
        turn_id = self.turns.current.named(runtime_turn)
        if isinstance(message, Request):
            self.requests.arrived(message, turn_id, kept=True)
        elif message.method == "serverRequest/resolved":
            self._take_resolved(message)
        elif message.method == "thread/tokenUsage/updated":
            self._count_tokens(message, turn_id)
        common.out.append(Tell("event", message))
        if common.ready:
            self.ingest.take(message, turn_id, in_flight=self.turns.in_flight)
        else:
            # It is kept when what came before it is: the thread is brought into step first.
            common.skipped[message.method] += 1
        if isinstance(message, Notification) and message.method == "turn/completed":
            # Its end is put into the queue before the next turn can begin.
            self.turns.current.completed(message, runtime_turn)
            if turn_id is not None:
                self.requests.turn_ended(turn_id)

    def _take_elsewhere(self, message: Notification | Request, runtime_turn: str | None) -> None:
        """Take a message of a thread that is not the open one: it is never kept in that."""
        self.common.skipped[message.method] += 1
        if isinstance(message, Request):
            # Whoever works in that thread waits for an answer nevertheless.
            self.requests.arrived(message, runtime_turn, kept=False)
        elif message.method == "serverRequest/resolved":
            self._take_resolved(message)
        elif message.method == "turn/completed" and runtime_turn is not None:
            self.requests.turn_ended(runtime_turn)
        self.common.out.append(Tell("event", message))

    def _take_resolved(self, message: Notification) -> None:
        self.requests.resolved(decode_json(message.params or b"{}").get("requestId"))

    def _take_global(self, message: Notification | Request) -> None:
        if isinstance(message, Request):
            self.requests.arrived(message, None, kept=False)
        elif message.method == "serverRequest/resolved":
            self._take_resolved(message)
        self.common.out.append(Tell("global", message))

    def _note_turn(self, message: Notification, runtime_turn: str) -> None:
        if message.method == "turn/started":
            self.turns.current.started(runtime_turn)
        elif message.method == "item/started" and self.turns.current.unrecognised:
            item = decode_json(message.params or b"{}").get("item")
            if isinstance(item, dict) and item.get("type") == "userMessage":
                self.turns.current.said(runtime_turn, item.get("clientId"))
        elif message.method == "error":
            self.turns.current.erred(message, runtime_turn)

    def _count_tokens(self, message: Notification, turn_id: str | None) -> None:
        common = self.common
        settings = common.settings
        thread_id = common.bound.thread_id
        if settings is None or thread_id is None or turn_id is None:
            return
        usage: Any = decode_json(message.params or b"{}").get("tokenUsage", {})
        window = usage.get("modelContextWindow")
        counts = {**_counts(usage, "total", ""), **_counts(usage, "last", "last_")}
        if window is not None:
            counts["model_context_window"] = window
        args = UpsertUsageArgs(actor=settings.actor, thread_id=thread_id, turn_id=turn_id, **counts)
        # The turn they are of may still wait to be kept itself.
        self.ingest.note("upsert_token_usage", args)

    def _exited(self, event: ConnectionEnded) -> None:
        common = self.common
        if event.requested or not self._running:
            return
        self._running = False
        code = event.end.exit_code
        common.move("exit")
        common.last_error_code = None
        common.last_error = f"codex exited with code {'unknown' if code is None else code}"
        # A turn that has ended expires its requests itself, and then nothing says why.
        self.requests.expire_all("codexExited")
        self.turns.current.lost(common.last_error)
        self._forget()
        gone = AppServerError(
            "E_APP_SERVER_GONE", common.last_error, exit_code=code, stderr=event.end.stderr
        )
        common.do(common.flows.cancel_all(gone))
        self._changed()

    def _forget(self) -> None:
        """Forget everything that was the app-server's."""
        common = self.common
        self._holding.release()
        self.turns.reset()
        common.settings = None
        common.bound = type(common.bound)()

    def _changed(self) -> None:
        self._changed_at = self.common.outside.now_ms()
        self.common.out.append(Emit(self.state))

    @property
    def state(self) -> HostState:
        """What is shown of the runtime, as it is now."""
        common = self.common
        slot = self.turns.current.slot
        return HostState(
            running=self._running,
            phase=common.phase,
            source=common.source,
            updated_at_ms=self._changed_at,
            runtime_conversation_id=common.bound.runtime_id,
            conversation_id=common.bound.conversation_id,
            turn_id=None if slot is None else slot.turn_id,
            turn_in_flight=slot is not None,
            pending_server_request_count=len(self.requests),
            ingest_metrics=common.metrics(len(self.ingest.queue), self.ingest.queue.weight),
            outbox=common.outbox,
            last_error_code=common.last_error_code,
            last_error=common.last_error,
        )


def _stopped() -> HostError:
    return HostError("E_RUNTIME_STOPPED", _STOPPED)


def _counts(usage: dict[str, Any], part: str, prefix: str) -> dict[str, Any]:
    names = {
        "total_tokens": "totalTokens",
        "input_tokens": "inputTokens",
        "cached_input_tokens": "cachedInputTokens",
        "output_tokens": "outputTokens",
        "reasoning_output_tokens": "reasoningOutputTokens",
    }
    told = usage.get(part) or {}
    return {f"{prefix}{name}": told.get(wire, 0) for name, wire in names.items()}
