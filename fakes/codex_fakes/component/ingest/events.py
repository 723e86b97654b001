"""Understanding a batch: its order, and what each event says.

May import the contract and the app-server's protocol. The invariant: an event that comes out of
here can be applied; what is wrong with one is found before anything is looked up (spec 02 §4-5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

from codex_runtime.errors import ContractError, RemoteProtocolError
from codex_runtime.protocol.approvals import approval_request_of, approval_resolution_of
from codex_runtime.protocol.classification import turn_id_of
from codex_runtime.protocol.items import message_of, snapshot_of, text_delta_of
from codex_runtime.protocol.messages import Notification, Request, decode_message
from codex_runtime.protocol.payloads import KNOWN_KINDS, payload_problem
from codex_runtime.protocol.reasoning import reasoning_delta_of
from codex_runtime.protocol.terminal import terminal_status

if TYPE_CHECKING:
    from codex_fakes.component.rows import Row
    from codex_runtime.protocol.approvals import ApprovalRequested, ApprovalResolved
    from codex_runtime.protocol.items import ItemMessage, TextDelta
    from codex_runtime.protocol.reasoning import ReasoningDelta
    from codex_runtime.protocol.terminal import TerminalStatus

PLACEHOLDER_TURN = "0"
"""The turn id of an envelope whose sender did not know the turn yet."""

_TURN_KINDS = frozenset({"turn/started", "turn/completed"})


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a batch, understood.

    Attributes:
        raw: The event as it came.
        in_stream: Whether it belongs to a stream.
        turn_id: The turn it belongs to, if to any.
        terminal: How it ends its turn, if it does.
        message: The message it starts or completes.
        delta: The piece of text it adds.
        reasoning: The piece of reasoning it adds.
        request: The approval it asks for.
        resolution: What it says was decided.
    """

    raw: Row
    in_stream: bool
    turn_id: str | None = None
    terminal: TerminalStatus | None = None
    message: ItemMessage | None = None
    delta: TextDelta | None = None
    reasoning: ReasoningDelta | None = None
    request: ApprovalRequested | None = None
    resolution: ApprovalResolved | None = None

    @property
    def kind(self) -> str:
        """Its kind: the method of the message it carries."""
        kind: str = self.raw["kind"]
        return kind

    @property
    def turn_event(self) -> str:
        """What it says of its turn, as an event of the turn's states."""
        if self.terminal is not None:
            return self.terminal.status
        if self.kind == "turn/started" or self.kind.startswith("item/"):
            return "started"
        return "queued"


def understand(stream_deltas: list[Row], lifecycle_events: list[Row]) -> list[Event]:
    """Put a batch in order and read what each event says.

    Args:
        stream_deltas: Events of streams.
        lifecycle_events: Events of the thread.

    Returns:
        The events: each stream by its cursors, streams and the rest by time.

    Raises:
        ContractError: ``E_INGEST_EVENT_INVALID``, ``E_SYNC_PAYLOAD_SCHEMA_MISMATCH``,
            ``E_SYNC_TURN_ID_MISMATCH`` or ``E_SYNC_TURN_ID_REQUIRED_FOR_TURN_EVENT``.
    """
    for raw in (*stream_deltas, *lifecycle_events):
        _check_fields(raw)
    return [_understood(raw) for raw in _ordered(stream_deltas, lifecycle_events)]


def _check_fields(raw: Row) -> None:
    """Refuse what no later event could be compared with."""
    for name in ("eventId", "streamId", "kind"):
        if raw.get(name) == "":
            raise ContractError("E_INGEST_EVENT_INVALID", f"The {name} of an event is empty.")
    for name in ("cursorStart", "cursorEnd", "createdAt"):
        if not math.isfinite(raw.get(name, 0)):
            raise ContractError(
                "E_INGEST_EVENT_INVALID", f"The {name} of event {raw['eventId']} is not finite."
            )


def _ordered(stream_deltas: list[Row], lifecycle_events: list[Row]) -> list[Row]:
    """Merge streams and events by time, without turning any stream's own order."""
    queues: dict[str | None, list[tuple[int, Row]]] = {}
    for place, delta in enumerate(stream_deltas):
        queues.setdefault(delta["streamId"], []).append((place, delta))
    for queue in queues.values():
        queue.sort(key=lambda entry: entry[1]["cursorStart"])
    first = len(stream_deltas)
    if lifecycle_events:
        queues[None] = list(enumerate(lifecycle_events, first))
        queues[None].sort(key=lambda entry: entry[1]["createdAt"])
    heads = [(queue[0][1]["createdAt"], queue[0][0], key, 0) for key, queue in queues.items()]
    # Places are unique, so the heap never compares keys.
    heapify(heads)
    ordered = []
    while heads:
        _, _, key, index = heappop(heads)
        queue = queues[key]
        ordered.append(queue[index][1])
        if index + 1 < len(queue):
            place, event = queue[index + 1]
            heappush(heads, (event["createdAt"], place, key, index + 1))
    return ordered


def _understood(raw: Row) -> Event:
    kind, payload = raw["kind"], raw["payloadJson"]
    problem = payload_problem(kind, payload)
    if problem is not None:
        raise ContractError("E_SYNC_PAYLOAD_SCHEMA_MISMATCH", problem)
    in_stream = raw["type"] == "stream_delta"
    message = _decoded(kind, payload)
    said = None if message is None else turn_id_of(message)
    told = raw.get("turnId")
    if said and told and told not in (PLACEHOLDER_TURN, said):
        raise ContractError(
            "E_SYNC_TURN_ID_MISMATCH",
            f"Mismatched turn id for kind={kind}: payloadTurnId={said} incomingTurnId={told}",
        )
    if in_stream and kind in _TURN_KINDS and not said:
        raise ContractError(
            "E_SYNC_TURN_ID_REQUIRED_FOR_TURN_EVENT",
            f"Missing canonical payload turn id for turn lifecycle event kind={kind}",
        )
    turn_id = said or (told if in_stream else None)
    if message is None or kind not in KNOWN_KINDS:
        return Event(raw, in_stream, turn_id)
    try:
        return Event(raw, in_stream, turn_id, **_facts(message))
    except RemoteProtocolError as error:
        raise ContractError(
            "E_SYNC_PAYLOAD_SCHEMA_MISMATCH", f"kind={kind} payload is malformed: {error.text}"
        ) from error


def _facts(message: Notification | Request) -> dict[str, Any]:
    request = approval_request_of(message)
    facts: dict[str, Any] = {"message": message_of(message), "request": request}
    if isinstance(message, Notification):
        facts |= {
            "terminal": terminal_status(message),
            "delta": text_delta_of(message),
            "reasoning": reasoning_delta_of(message),
            "resolution": approval_resolution_of(message),
        }
    return facts


def _decoded(kind: str, payload: str) -> Notification | Request | None:
    """Read the message of an event; ``None`` where it is none, or is of another kind."""
    try:
        message = decode_message(payload.encode())
    except (RemoteProtocolError, UnicodeEncodeError):
        return None
    if isinstance(message, Notification | Request) and message.method == kind:
        return message
    return None


def snapshot_in(kind: str, payload: str) -> Row | None:
    """Read the state of an item from a stored payload.

    Args:
        kind: The event's kind.
        payload: The payload.

    Returns:
        ``itemId``, ``itemType``, ``status`` and ``payloadJson``; ``None`` where there is none.
    """
    message = _decoded(kind, payload)
    if message is None or payload_problem(kind, payload) is not None:
        return None
    snapshot = snapshot_of(message)
    if snapshot is None:
        return None
    known = ("inProgress", "completed", "failed", "declined")
    ended = "inProgress" if kind == "item/started" else "completed"
    return {
        "itemId": snapshot.item_id,
        "itemType": snapshot.item_type,
        "status": snapshot.status if snapshot.status in known else ended,
        "payloadJson": snapshot.payload_json,
    }
