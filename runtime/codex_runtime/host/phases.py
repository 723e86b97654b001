"""The life of a runtime: its phases, the table of moves between them, what is shown of it.

May import the contract's machine. The invariant: the phase is moved by its table alone (spec 06 §3,
"Better").
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from codex_runtime.contract.states.machine import STAY, Machine, Refuse, table_of

Phase: TypeAlias = Literal["idle", "starting", "running", "stopping", "stopped", "error"]
Source: TypeAlias = Literal["runtime", "bridge_event", "protocol_error", "process_exit"]

_EVENTS: Final = (
    "connect",
    "opened",
    "openFailed",
    "stop",
    "stopped",
    "protocolError",
    "event",
    "exit",
)
_STOPPING: Final = Refuse("E_RUNTIME_STOPPING")

LIFECYCLE: Final = Machine(
    "runtime lifecycle",
    states=("idle", "starting", "running", "troubled", "failed", "stopping", "stopped"),
    events=_EVENTS,
    table=table_of(
        _EVENTS,
        {
            # connect, opened, openFailed, stop, stopped, protocolError, event, exit
            "idle": ("starting", STAY, STAY, "stopping", STAY, STAY, STAY, STAY),
            "starting": (STAY, "running", "failed", "stopping", STAY, STAY, STAY, "failed"),
            "running": (STAY, STAY, STAY, "stopping", STAY, "troubled", STAY, "failed"),
            "troubled": (STAY, STAY, STAY, "stopping", STAY, STAY, "running", "failed"),
            "failed": ("starting", STAY, STAY, "stopping", STAY, STAY, STAY, STAY),
            "stopping": (_STOPPING, STAY, STAY, STAY, "stopped", STAY, STAY, STAY),
            "stopped": ("starting", STAY, STAY, STAY, STAY, STAY, STAY, STAY),
        },
    ),
)
"""A runtime. ``troubled`` and ``failed`` are both shown as ``error``: with the app-server still
there, and without it. An app-server that ends after the runtime was stopped changes nothing."""

SOURCES: Final[dict[str, Source]] = {
    "connect": "runtime",
    "opened": "runtime",
    "openFailed": "process_exit",
    "stop": "runtime",
    "stopped": "runtime",
    "protocolError": "protocol_error",
    "event": "bridge_event",
    "exit": "process_exit",
}
"""What a change of phase comes from, by the event that made it."""


def phase_of(state: str) -> Phase:
    """Say what is shown of a state of the lifecycle."""
    shown: dict[str, Phase] = {"troubled": "error", "failed": "error"}
    return shown.get(state, state)  # type: ignore[arg-type]  # the other states are phases


class KindCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many events of a kind there were."""

    kind: str
    count: int


class IngestMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """What became of Codex's events.

    Attributes:
        enqueued_event_count: How many were put into the queue.
        skipped_event_count: How many are not kept, by their kind or because of their thread.
        enqueued_by_kind: The first, by kind.
        skipped_by_kind: The second, by kind.
        waiting_event_count: How many wait to be kept, merged ones as one; what is to be written
            down of turns and requests counts as well.
        waiting_bytes: How much memory these take, about.
    """

    enqueued_event_count: int = 0
    skipped_event_count: int = 0
    enqueued_by_kind: tuple[KindCount, ...] = ()
    skipped_by_kind: tuple[KindCount, ...] = ()
    waiting_event_count: int = 0
    waiting_bytes: int = 0


class HostState(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of a runtime (spec 06 §2).

    Attributes:
        running: Whether there is an app-server.
        phase: How far it is.
        source: What the last change of phase came from.
        updated_at_ms: When the state changed last, in milliseconds since the epoch.
        runtime_conversation_id: The thread of the local Codex.
        conversation_id: The conversation it is kept in.
        turn_id: The persisted id of the turn in flight.
        turn_in_flight: Whether a turn is in flight.
        pending_server_request_count: How many requests of the app-server wait for an answer.
        ingest_metrics: What became of Codex's events.
        outbox: Whether accepted turns outlive the runtime.
        last_error_code: The code of the last error, if it had one.
        last_error: The last error.
    """

    running: bool
    phase: Phase
    source: Source
    updated_at_ms: float
    runtime_conversation_id: str | None = None
    conversation_id: str | None = None
    turn_id: str | None = None
    turn_in_flight: bool = False
    pending_server_request_count: int = 0
    ingest_metrics: IngestMetrics = IngestMetrics()
    outbox: bool = False
    last_error_code: str | None = None
    last_error: str | None = None
