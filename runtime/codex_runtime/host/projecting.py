"""Turning what Codex says into events that are kept.

May import the protocol and the ingest queue. The invariant: the events of a stream are numbered
without gaps from 0, and carry the persisted turn wherever they name their turn (spec 06 §8).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_runtime.host.ingest_queue import TEXT_DELTA, Place, Waiting
from codex_runtime.protocol.messages import Request, decode_json

if TYPE_CHECKING:
    from codex_runtime.protocol.messages import Notification

_PREFIXES: Final = ("turn/", "item/")
_NESTED: Final = frozenset({"turn/started", "turn/completed"})

STREAMS_MOST: Final = 1_024
"""Streams whose places are remembered; events of a turn come late, but not by a thousand turns."""


def is_kept(kind: str) -> bool:
    """Tell whether events of a kind are kept."""
    return kind == "error" or kind.startswith(_PREFIXES)


class Projection:
    """Numbers the events of a session, and the places that they have in their streams.

    Args:
        session_id: The session, whose id no other one has; its events and streams are told from
            those of any other by it.
    """

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self._events = 0
        self._cursors: OrderedDict[str, int] = OrderedDict()

    def event(
        self,
        message: Notification | Request,
        *,
        place: Place,
        turn_id: str,
        now_ms: float,
    ) -> Waiting:
        """Make the event of a message.

        Args:
            message: The message.
            place: Where it is kept.
            turn_id: The persisted turn.
            now_ms: The time.

        Returns:
            The event.
        """
        stream_id = f"{place.thread_id}:{turn_id}:{self._session_id}"
        self._events += 1
        cursor = self._cursors.pop(stream_id, 0)
        self._cursors[stream_id] = cursor + 1
        if len(self._cursors) > STREAMS_MOST:
            self._cursors.popitem(last=False)
        is_text = message.method == TEXT_DELTA
        head = message.head
        return Waiting(
            event_id=f"{self._session_id}:{self._events}",
            place=place,
            turn_id=turn_id,
            stream_id=stream_id,
            kind=message.method,
            payload_json=payload_of(message, turn_id),
            cursor_start=cursor,
            cursor_end=cursor + 1,
            created_at=now_ms,
            item_id=head.item_id if is_text else None,
            text=head.delta if is_text else None,
        )


def payload_of(message: Notification | Request, turn_id: str) -> str:
    """Write a message down as it is kept: with the persisted turn in the place of Codex's.

    Args:
        message: The message.
        turn_id: The persisted turn.
    """
    params: Any = {} if message.params is None else decode_json(message.params)
    if message.method in _NESTED and isinstance(params.get("turn"), dict):
        params["turn"]["id"] = turn_id
    elif "turnId" in params:
        params["turnId"] = turn_id
    whole: dict[str, Any] = {"method": message.method, "params": params}
    if isinstance(message, Request):
        whole["id"] = message.id
    return msgspec.json.encode(whole).decode()
