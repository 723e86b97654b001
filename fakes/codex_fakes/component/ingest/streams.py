"""The streams of a batch: what is new in it, what is stored for replay, how far it has come.

May import the rows, long texts, the limits and the contract's states. The invariant: an event is
let in once. What was let in before is known by its id, whether it was stored or only receipted;
what is new and yet behind the stream's end is refused, never dropped (spec 02 §10, "Better").
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.component import long_texts
from codex_fakes.component.rows import one, select
from codex_runtime.contract.limits import DELTA_TTL, RECEIPT_IDS
from codex_runtime.errors import ContractError

if TYPE_CHECKING:
    from codex_fakes.component.callers import Caller
    from codex_fakes.component.ingest.options import Options
    from codex_fakes.component.rows import Row

DRAINED: Final = "stream/drain_complete"
"""The kind of the event that says a stream was drained and removed."""


def drained_id(stream_id: str) -> str:
    """The id of the event that says a stream was drained."""
    return f"{DRAINED}:{stream_id}"


def _end_in(event: Row) -> float:
    """Read from the event that says a stream was drained how far it had come."""
    return float(json.loads(event["payloadJson"])["cursor"])


@dataclass(slots=True)
class _Flow:
    """A stream while the batch works on it.

    Attributes:
        row: The stream; ``None`` while there is none.
        stats: Its stats; ``None`` while there are none.
        received: Where the next event is expected to begin.
        drained: How far it had come when it was removed; 0 for one that never was, ``None`` where
            nobody has looked yet.
        owner: The ids of the thread and the turn it belongs to; ``None`` for one that is new.
    """

    row: Row | None
    stats: Row | None
    received: float
    latest: float = 0
    drained: float | None = None
    owner: tuple[str, str] | None = None
    stored: list[Row] = field(default_factory=list)
    receipted: list[Row] = field(default_factory=list)


class Streams:
    """The streams of a batch.

    Args:
        ctx: The function's context.
        caller: Whose they are.
        thread: Their thread.
        options: What is stored.

    Attributes:
        partial: Whether a stream has a gap before what was let in.
        last_cursor: The end of the last event that was stored, ``None`` when none was.
    """

    def __init__(self, ctx: Any, caller: Caller, thread: Row, options: Options) -> None:
        self._ctx = ctx
        self._caller = caller
        self._thread = thread
        self._options = options
        self._flows: dict[str, _Flow] = {}
        self._seen: dict[str, Row] = {}
        self.partial = False
        self.last_cursor: float | None = None

    @property
    def acked(self) -> list[Row]:
        """How far each stream of the batch has been taken in."""
        return [
            {"streamId": name, "ackCursorEnd": self._flows[name].received}
            for name in sorted(self._flows)
        ]

    def is_new(self, event: Row, turn_id: str) -> bool:
        """Tell whether an event was never let in before.

        Args:
            event: The event as it came.
            turn_id: The turn it belongs to.

        Raises:
            ContractError: ``E_SYNC_STREAM_ID_COLLISION``, ``E_SYNC_INVALID_CURSOR_RANGE``,
                ``E_SYNC_OUT_OF_ORDER`` or ``E_SYNC_DUP_EVENT_IN_BATCH``.
        """
        flow = self._flow(event["streamId"], turn_id)
        start, end, event_id = event["cursorStart"], event["cursorEnd"], event["eventId"]
        if not start < end:
            raise ContractError(
                "E_SYNC_INVALID_CURSOR_RANGE",
                f"Invalid cursor range start={start:g} end={end:g} for eventId={event_id}",
            )
        twin = self._seen.setdefault(event_id, event)
        if twin is not event:
            if twin == event:
                return False
            raise ContractError(
                "E_SYNC_DUP_EVENT_IN_BATCH", f"Duplicate eventId in request batch: {event_id}"
            )
        if self._is_known(flow, event):
            return False
        if start < flow.received:
            raise ContractError(
                "E_SYNC_OUT_OF_ORDER",
                f"Expected cursorStart>={flow.received:g} for streamId={event['streamId']} "
                f"but got {start:g} for eventId={event_id}",
            )
        return True

    def let_in(self, event: Row, turn: Row) -> None:
        """Let in an event that is new."""
        flow = self._flow(event["streamId"], turn["turnId"])
        if flow.row is None:
            self._open(flow, event["streamId"], turn)
        self.partial = self.partial or event["cursorStart"] > flow.received
        flow.received = event["cursorEnd"]
        if self._options.stores(event["kind"]):
            flow.stored.append(event)
            flow.latest = max(flow.latest, event["cursorEnd"])
            self.last_cursor = event["cursorEnd"]
        else:
            flow.receipted.append(event)

    def flush(self) -> None:
        """Write what was let in."""
        for flow in self._flows.values():
            if flow.row is not None and flow.stats is not None and (flow.stored or flow.receipted):
                self._store(flow, flow.row)
                self._receipt(flow, flow.row)
                self._ctx.db.patch(
                    flow.stats["_id"],
                    {
                        "deltaCount": flow.stats["deltaCount"] + len(flow.stored),
                        "latestCursor": flow.latest,
                        "receivedCursor": flow.received,
                        "updatedAt": self._ctx.now(),
                    },
                )

    def _flow(self, stream_id: str, turn_id: str) -> _Flow:
        flow = self._flows.get(stream_id)
        if flow is None:
            flow = self._flows[stream_id] = self._found(stream_id)
        self._check_owner(flow, stream_id, turn_id)
        return flow

    def _found(self, stream_id: str) -> _Flow:
        where = {"userScope": self._caller.scope, "streamId": stream_id}
        row = one(self._ctx.db, "codex_streams", where)
        stats = one(self._ctx.db, "codex_stream_stats", where)
        if row is not None and stats is not None:
            owner = (row["threadId"], row["turnId"])
            received, latest = stats["receivedCursor"], stats["latestCursor"]
            return _Flow(row, stats, received, latest, owner=owner)
        event = self._drained(stream_id)
        if event is None:
            return _Flow(None, None, 0, drained=0)
        end = _end_in(event)
        return _Flow(None, None, end, drained=end, owner=(event["threadId"], event["turnId"]))

    def _was_drained(self, flow: _Flow, event: Row) -> bool:
        """Tell whether an event lies in what was removed, of a stream that has gone on since."""
        if flow.drained is None:
            drained = self._drained(event["streamId"])
            flow.drained = 0 if drained is None else _end_in(drained)
        return bool(event["cursorEnd"] <= flow.drained)

    def _drained(self, stream_id: str) -> Row | None:
        where = {
            "userScope": self._caller.scope,
            "threadId": self._thread["threadId"],
            "eventId": drained_id(stream_id),
        }
        return one(self._ctx.db, "codex_lifecycle_events", where)

    def _check_owner(self, flow: _Flow, stream_id: str, turn_id: str) -> None:
        owner, wanted = flow.owner, (self._thread["threadId"], turn_id)
        if owner is not None and owner != wanted:
            raise ContractError(
                "E_SYNC_STREAM_ID_COLLISION",
                f"streamId={stream_id} is already bound to threadId={owner[0]} turnId={owner[1]} "
                f"and cannot be reused by threadId={wanted[0]} turnId={wanted[1]}",
            )

    def _open(self, flow: _Flow, stream_id: str, turn: Row) -> None:
        now = self._ctx.now()
        place = {
            "userScope": self._caller.scope,
            "threadId": self._thread["threadId"],
            "turnId": turn["turnId"],
            "streamId": stream_id,
        }
        row = {
            **place,
            "threadRef": self._thread["_id"],
            "turnRef": turn["_id"],
            "state": {"kind": "streaming", "lastHeartbeatAt": now},
            "startedAt": now,
        }
        flow.row = {**row, "_id": self._ctx.db.insert("codex_streams", row)}
        flow.owner = (place["threadId"], place["turnId"])
        stats = {
            **place,
            "streamRef": flow.row["_id"],
            "state": "streaming",
            "deltaCount": 0,
            "latestCursor": 0,
            "receivedCursor": flow.received,
            "updatedAt": now,
        }
        flow.stats = {**stats, "_id": self._ctx.db.insert("codex_stream_stats", stats)}

    def _is_known(self, flow: _Flow, event: Row) -> bool:
        behind = event["cursorStart"] < flow.received
        if flow.row is None:
            return behind and self._was_drained(flow, event)
        if behind or self._options.stores(event["kind"]):
            where = {
                "userScope": self._caller.scope,
                "streamId": event["streamId"],
                "eventId": event["eventId"],
            }
            if one(self._ctx.db, "codex_stream_deltas_ttl", where) is not None:
                return True
        return behind and (self._is_receipted(event) or self._was_drained(flow, event))

    def _is_receipted(self, event: Row) -> bool:
        where = {"userScope": self._caller.scope, "streamId": event["streamId"]}
        start = event["cursorStart"]
        receipt = (
            select(
                self._ctx.db,
                "codex_stream_receipts",
                where,
                "cursorStart",
                then=lambda q: q.lte("cursorStart", start),
            )
            .order("desc")
            .first()
        )
        return receipt is not None and event["eventId"] in receipt["eventIds"]

    def _store(self, flow: _Flow, row: Row) -> None:
        expires = self._ctx.now() + DELTA_TTL
        for event in flow.stored:
            delta = {
                "userScope": self._caller.scope,
                "streamId": event["streamId"],
                "streamRef": row["_id"],
                "turnId": row["turnId"],
                "turnRef": row["turnRef"],
                "eventId": event["eventId"],
                "cursorStart": event["cursorStart"],
                "cursorEnd": event["cursorEnd"],
                "kind": event["kind"],
                "payloadJson": event["payloadJson"],
                "createdAt": event["createdAt"],
                "expiresAt": expires,
            }
            long_texts.insert(self._ctx, "codex_stream_deltas_ttl", delta, "payloadJson")

    def _receipt(self, flow: _Flow, row: Row) -> None:
        events = flow.receipted
        if not events:
            return
        where = {"userScope": self._caller.scope, "streamId": row["streamId"]}
        last = select(self._ctx.db, "codex_stream_receipts", where, "cursorStart").order("desc")
        open_receipt = last.first()
        expires = self._ctx.now() + DELTA_TTL
        if open_receipt is not None:
            room = RECEIPT_IDS - len(open_receipt["eventIds"])
            fitting, events = events[:room], events[room:]
            if fitting:
                ids = open_receipt["eventIds"] + [event["eventId"] for event in fitting]
                changes = {"eventIds": ids, "cursorEnd": fitting[-1]["cursorEnd"]}
                self._ctx.db.patch(open_receipt["_id"], {**changes, "expiresAt": expires})
        for begin in range(0, len(events), RECEIPT_IDS):
            part = events[begin : begin + RECEIPT_IDS]
            self._ctx.db.insert(
                "codex_stream_receipts",
                {
                    **where,
                    "streamRef": row["_id"],
                    "cursorStart": part[0]["cursorStart"],
                    "cursorEnd": part[-1]["cursorEnd"],
                    "eventIds": [event["eventId"] for event in part],
                    "expiresAt": expires,
                },
            )
