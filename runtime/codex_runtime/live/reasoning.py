"""Reasoning put together from its stored segments.

May import msgspec only. The invariant: segments of one place make one text, in the order in which
they came; which place comes first depends on the places alone (spec 07 §6 "UI message mapping").
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable


class ReasoningSegment(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """A piece of reasoning as it is stored, or several of one place put together.

    Attributes:
        turn_id: The turn.
        item_id: The reasoning item.
        channel: The summary for people, or the raw chain of thought.
        segment_type: A text, or the beginning of a new part.
        text: The text; empty for a section break.
        created_at: When it came, in milliseconds since the epoch; the earliest of several.
        cursor_end: Where in its stream it ends; the greatest of several.
        summary_index: Which part of the summary.
        content_index: Which part of the raw content.
    """

    turn_id: str
    item_id: str
    channel: Literal["summary", "raw"]
    segment_type: Literal["textDelta", "sectionBreak"]
    text: str
    created_at: int
    cursor_end: int
    summary_index: int | None = None
    content_index: int | None = None


def aggregate_segments(segments: Iterable[ReasoningSegment]) -> list[ReasoningSegment]:
    """Put the segments of each place together.

    Args:
        segments: The segments, in any order.

    Returns:
        One per turn, item, channel, type and index, ordered by turn, item, channel, summary index
        (absent last), content index (absent last), time and cursor.
    """
    places: dict[tuple[object, ...], ReasoningSegment] = {}
    for segment in sorted(segments, key=lambda one: (one.created_at, one.cursor_end)):
        place = (
            segment.turn_id,
            segment.item_id,
            segment.channel,
            segment.segment_type,
            segment.summary_index,
            segment.content_index,
        )
        before = places.get(place)
        places[place] = (
            segment
            if before is None
            else msgspec.structs.replace(
                before,
                text=before.text + segment.text,
                cursor_end=max(before.cursor_end, segment.cursor_end),
            )
        )
    return sorted(places.values(), key=_order)


def _order(segment: ReasoningSegment) -> tuple[str, str, str, float, float, int, int]:
    return (
        segment.turn_id,
        segment.item_id,
        segment.channel,
        math.inf if segment.summary_index is None else segment.summary_index,
        math.inf if segment.content_index is None else segment.content_index,
        segment.created_at,
        segment.cursor_end,
    )
