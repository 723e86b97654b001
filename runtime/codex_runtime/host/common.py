"""What the parts of the runtime share: who acts, where things are kept, how to report.

May import the flows, the phases and the contract. The invariant: everything here is touched by the
mailbox alone; the parts change it only through what it offers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.flows import Flows, Settle
from codex_runtime.host.phases import (
    LIFECYCLE,
    SOURCES,
    HostState,
    IngestMetrics,
    KindCount,
    phase_of,
)

if TYPE_CHECKING:
    from codex_runtime.contract.actors import Actor
    from codex_runtime.host.flows import Flow, Perform
    from codex_runtime.host.phases import Source


FLUSH_MS: Final = 250.0
"""How long an event may wait for company while a turn is in flight, unless told otherwise."""


class HostError(CodexRuntimeError):
    """The runtime refused something, or something of it failed; the code says what."""


class Outside(Protocol):
    """What the runtime needs of the world to decide: time and chance."""

    def now_ms(self) -> float:
        """The time, in milliseconds since the epoch."""
        ...

    def new_id(self) -> str:
        """A new UUID."""
        ...


@dataclass(slots=True)
class Bound:
    """Which thread is open, and where it is kept.

    Attributes:
        runtime_id: The thread of the local Codex.
        conversation_id: The conversation.
        thread_id: The persisted thread; ``None`` until it is bound.
        begun: Whether the thread was there before it was opened, so that Codex knows turns of it.
        in_step: Whether what Codex knows of it is kept.
    """

    runtime_id: str | None = None
    conversation_id: str | None = None
    thread_id: str | None = None
    begun: bool = False
    in_step: bool = False


@dataclass(frozen=True, slots=True)
class Emit:
    """Show listeners a state.

    Attributes:
        state: The state.
    """

    state: HostState


@dataclass(frozen=True, slots=True)
class Report:
    """Tell listeners of something that went wrong and was survived.

    Attributes:
        message: What.
        line: Where it was seen: a line of the wire, or a part of the runtime in brackets.
    """

    message: str
    line: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Hand listeners a message of the app-server.

    Attributes:
        kind: ``event`` for a conversation's, ``global`` for everybody's, ``request`` for a request
            that waits for an answer.
        message: The message.
    """

    kind: str
    message: Any


@dataclass(slots=True)
class Settings:
    """What a connection is made with.

    Attributes:
        actor: Whose conversations they are.
        session_id: The session that feeds the threads.
        model: The model that conversations are bound with, when one was named.
        cwd: The folder that conversations are bound with, when one was named.
        flush_ms: How long an event may wait for company while a turn is in flight.
        experimental: Whether the connection is to use experimental methods.
        claim_owner: Who claims turns: the first session of the connection, and its process.
    """

    actor: Actor
    session_id: str
    model: str | None
    cwd: str | None
    flush_ms: float
    experimental: bool = False
    claim_owner: str = ""


@dataclass(slots=True)
class Common:
    """What the parts share.

    Attributes:
        outside: Time and chance.
        durable: Whether anything outlives the runtime.
        outbox: Whether accepted turns outlive the runtime.
        flows: The flows that are under way.
        lifecycle: The state of the lifecycle.
        settings: What the present connection was made with; ``None`` without one.
        bound: Which thread is open.
        out: What is to be done outside, in order.
    """

    outside: Outside
    durable: bool
    outbox: bool
    flows: Flows = field(default_factory=Flows)
    lifecycle: str = "idle"
    source: Source = "runtime"
    settings: Settings | None = None
    bound: Bound = field(default_factory=Bound)
    last_error_code: str | None = None
    last_error: str | None = None
    enqueued: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    out: list[Any] = field(default_factory=list)

    def connected(self) -> Settings:
        """Give the settings of the present connection.

        Raises:
            HostError: ``E_RUNTIME_NOT_CONNECTED`` or ``E_RUNTIME_STOPPING``.
        """
        if self.lifecycle == "stopping":
            raise HostError("E_RUNTIME_STOPPING", "The runtime is being stopped.")
        if self.settings is None or not self.serving:
            raise HostError("E_RUNTIME_NOT_CONNECTED", "Bridge not started. Connect runtime first.")
        return self.settings

    def acting(self) -> Settings:
        """Give the settings of the present connection to a flow that is under way.

        Raises:
            HostError: ``E_RUNTIME_STOPPED``: there is none any more.
        """
        if self.settings is None:
            raise HostError("E_RUNTIME_STOPPED", "Bridge stopped before request completed.")
        return self.settings

    def move(self, event: str) -> bool:
        """Move the lifecycle; say whether the phase has changed."""
        before = self.lifecycle
        self.lifecycle = LIFECYCLE.move(before, event, "The runtime")
        if self.lifecycle == before:
            return False
        self.source = SOURCES[event]
        return True

    def begin(self, flow: Flow, ticket: Any = None, *, lasting: bool = False) -> None:
        """Begin a flow; see :meth:`Flows.begin`."""
        self.do(self.flows.begin(flow, ticket, lasting=lasting))

    def do(self, effects: list[Perform | Settle]) -> None:
        """Have effects of flows done; one that failed with nobody waiting is reported."""
        for effect in effects:
            if isinstance(effect, Settle) and effect.ticket is None:
                self.fail(effect.error, "[runtime]")
            else:
                self.out.append(effect)

    def report(self, message: str, line: str) -> None:
        """Tell listeners of something that went wrong."""
        self.out.append(Report(message, line))

    def fail(self, error: Any, line: str) -> None:
        """Note an error that nobody waits for, and report it."""
        self.note(error)
        self.report(str(error), line)

    def note(self, error: Any) -> None:
        """Let the state show an error."""
        self.last_error_code = error.code if isinstance(error, CodexRuntimeError) else None
        self.last_error = str(error)

    def clear_error(self) -> None:
        """Let the state show no error."""
        self.last_error_code = self.last_error = None

    def metrics(self, waiting: int, weight: int) -> IngestMetrics:
        """Say what became of Codex's events."""
        return IngestMetrics(
            enqueued_event_count=self.enqueued.total(),
            skipped_event_count=self.skipped.total(),
            enqueued_by_kind=_counts(self.enqueued),
            skipped_by_kind=_counts(self.skipped),
            waiting_event_count=waiting,
            waiting_bytes=weight,
        )

    @property
    def serving(self) -> bool:
        """Whether there is a connection that is to go on."""
        return self.lifecycle in ("running", "troubled")

    @property
    def ready(self) -> bool:
        """Whether what Codex says of the open thread can be kept: behind all that came before."""
        return self.bound.thread_id is not None and (self.bound.in_step or not self.durable)

    @property
    def phase(self) -> Any:
        """What is shown of the lifecycle."""
        return phase_of(self.lifecycle)


def _counts(counter: Counter[str]) -> tuple[KindCount, ...]:
    return tuple(KindCount(kind=kind, count=counter[kind]) for kind in sorted(counter))
