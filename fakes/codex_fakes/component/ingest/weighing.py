"""What a batch asks of one transaction, told before anything is looked up.

May import the contract's limits and what events are. The invariant: a batch that passes here runs
into none of Convex's own limits on account of how much it tells; one that does not is refused with
a code, as a whole, by whoever counts as this does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_runtime.contract.limits import (
    INGEST_BYTES_MOST,
    INGEST_ENDINGS_MOST,
    INGEST_LOOKUPS_MOST,
)
from codex_runtime.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codex_fakes.component.ingest.events import Event

# Index ranges at most: the session, the thread and what is noted of both; then for each thing that
# a batch names, whether it is there, where it is in its order, its long texts, its receipts.
_OF_A_BATCH = 16
_OF_A_STREAM = 6
_OF_A_TURN = 4
_OF_A_MESSAGE = 6
_OF_AN_APPROVAL = 2
_OF_AN_EVENT = 2


def check_weight(events: Sequence[Event]) -> int:
    """Refuse a batch that is more than one transaction can take in.

    Args:
        events: The events.

    Returns:
        The bytes that taking it in writes at most, its messages not counted.

    Raises:
        ContractError: ``E_SYNC_BATCH_TOO_LARGE``.
    """
    sizes = [len(event.raw["payloadJson"].encode(errors="surrogatepass")) for event in events]
    _check("bytes of payload", sum(sizes), INGEST_BYTES_MOST)
    _check("lookups", lookups_of(events), INGEST_LOOKUPS_MOST)
    ended = {event.turn_id for event in events if event.terminal is not None}
    _check("ends of turns", len(ended), INGEST_ENDINGS_MOST)
    reasoning = (
        size for event, size in zip(events, sizes, strict=True) if event.reasoning is not None
    )
    return sum(sizes) + sum(reasoning)


def lookups_of(events: Sequence[Event]) -> int:
    """Say how many index ranges taking a batch in reads at most.

    Args:
        events: The events.

    Returns:
        Their number.
    """
    streams = {event.raw["streamId"] for event in events if event.in_stream}
    turns = {event.turn_id for event in events if event.turn_id}
    messages = {
        (event.turn_id, told.message_id)
        for event in events
        for told in (event.message, event.delta)
        if told is not None
    }
    approvals = sum(event.request is not None for event in events)
    approvals += sum(event.resolution is not None for event in events)
    return (
        _OF_A_BATCH
        + _OF_A_STREAM * len(streams)
        + _OF_A_TURN * len(turns)
        + _OF_A_MESSAGE * len(messages)
        + _OF_AN_APPROVAL * approvals
        + _OF_AN_EVENT * len(events)
    )


def _check(what: str, found: int, most: int) -> None:
    if found > most:
        raise ContractError(
            "E_SYNC_BATCH_TOO_LARGE",
            f"The batch needs {found:,} {what}; one transaction takes at most {most:,}.",
        )
