"""Reading events that somebody wants ingested, before anything is sent anywhere (spec 05 §5).

May import the shapes of ingest and the errors. The invariant: what comes out can be sent as it is;
nothing of it is unknown to a deployment, which refuses unknown fields.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from codex_runtime.contract.functions.ingest import LifecycleEvent, StreamDelta
from codex_runtime.contract.shapes import UNSET
from codex_runtime.errors import ContractError

InboundEvent: TypeAlias = StreamDelta | LifecycleEvent

_NAMES: Final = ("eventId", "turnId", "streamId", "kind")
_NUMBERS: Final = ("cursorStart", "cursorEnd", "createdAt")


def normalize_inbound_deltas(events: Iterable[Any]) -> list[InboundEvent]:
    """Read events of streams and of threads; fields that no event has are left out.

    Args:
        events: The events, as objects in wire names.

    Returns:
        The events in their order; :func:`codex_runtime.contract.shapes.to_value` makes of each what
        is sent.

    Raises:
        ContractError: ``E_INGEST_EVENT_INVALID``: one is none. The text says which, and what is
            wrong with it.
    """
    return [_normalized(event, index) for index, event in enumerate(events)]


def split_inbound_deltas(
    events: Iterable[InboundEvent],
) -> tuple[list[StreamDelta], list[LifecycleEvent]]:
    """Part events of streams from events of threads, each in their order.

    Args:
        events: What :func:`normalize_inbound_deltas` gave.

    Returns:
        The arguments ``streamDeltas`` and ``lifecycleEvents`` of ``sync.ingest``.
    """
    deltas: list[StreamDelta] = []
    lifecycle: list[LifecycleEvent] = []
    for event in events:
        if isinstance(event, StreamDelta):
            deltas.append(event)
        else:
            lifecycle.append(event)
    return deltas, lifecycle


def _normalized(event: Any, index: int) -> InboundEvent:
    kind = event.get("type") if isinstance(event, Mapping) else None
    if kind == "stream_delta":
        _check(event, f"invalid stream_delta at index {index}", _NAMES, _NUMBERS)
        return StreamDelta(
            event_id=event["eventId"],
            turn_id=event["turnId"],
            stream_id=event["streamId"],
            kind=event["kind"],
            payload_json=event["payloadJson"],
            cursor_start=event["cursorStart"],
            cursor_end=event["cursorEnd"],
            created_at=event["createdAt"],
        )
    if kind == "lifecycle_event":
        _check(
            event, f"invalid lifecycle_event at index {index}", ("eventId", "kind"), ("createdAt",)
        )
        turn = event.get("turnId")
        return LifecycleEvent(
            event_id=event["eventId"],
            turn_id=turn if isinstance(turn, str) else UNSET,
            kind=event["kind"],
            payload_json=event["payloadJson"],
            created_at=event["createdAt"],
        )
    raise _invalid(f"unknown event type at index {index}", f"its type is {kind!r}")


def _check(
    event: Mapping[str, Any], what: str, names: tuple[str, ...], numbers: tuple[str, ...]
) -> None:
    for name in names:
        value = event.get(name)
        if not isinstance(value, str) or not value:
            raise _invalid(what, f"{name} is no text, or an empty one")
    if not isinstance(event.get("payloadJson"), str):
        raise _invalid(what, "payloadJson is no text")
    for name in numbers:
        value = event.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _invalid(what, f"{name} is no number")
        # A Convex number is a double: a whole number beyond those is none either.
        if not -sys.float_info.max <= value <= sys.float_info.max:
            raise _invalid(what, f"{name} is not finite")


def _invalid(what: str, why: str) -> ContractError:
    return ContractError("E_INGEST_EVENT_INVALID", f"normalize_inbound_deltas: {what}: {why}.")


__all__ = ["InboundEvent", "normalize_inbound_deltas", "split_inbound_deltas"]
