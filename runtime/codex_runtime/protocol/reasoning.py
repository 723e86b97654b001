"""Reasoning on the wire: three notifications, one kind of delta.

May import the messages. The invariant: a delta names exactly one segment, a part of the summary or
a part of the raw chain of thought, by its index (spec 07 §6 "Other mappings").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from codex_runtime.protocol.messages import Notification, decode_params


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of reasoning.

    Attributes:
        item_id: The reasoning item's id.
        channel: The summary that is meant for people, or the raw chain of thought.
        segment_type: A piece of text, or the beginning of a new part of the summary.
        summary_index: Which part of the summary; ``None`` for the raw channel.
        content_index: Which part of the raw content; ``None`` for the summary channel.
        delta: The text; ``None`` for a section break.
    """

    item_id: str
    channel: Literal["summary", "raw"]
    segment_type: Literal["textDelta", "sectionBreak"]
    summary_index: int | None = None
    content_index: int | None = None
    delta: str | None = None


class _SummaryText(msgspec.Struct, rename="camel"):
    item_id: str
    summary_index: int
    delta: str


class _SummaryPart(msgspec.Struct, rename="camel"):
    item_id: str
    summary_index: int


class _RawText(msgspec.Struct, rename="camel"):
    item_id: str
    content_index: int
    delta: str


def reasoning_delta_of(message: Notification) -> ReasoningDelta | None:
    """Read the piece of reasoning that an event carries.

    Args:
        message: Any notification.

    Returns:
        The piece; ``None`` for a method that carries none.

    Raises:
        RemoteProtocolError: ``E_PROTOCOL_PAYLOAD_INVALID``.
    """
    match message.method:
        case "item/reasoning/summaryTextDelta":
            text = decode_params(message, _SummaryText)
            return ReasoningDelta(
                text.item_id,
                "summary",
                "textDelta",
                summary_index=text.summary_index,
                delta=text.delta,
            )
        case "item/reasoning/summaryPartAdded":
            part = decode_params(message, _SummaryPart)
            return ReasoningDelta(
                part.item_id, "summary", "sectionBreak", summary_index=part.summary_index
            )
        case "item/reasoning/textDelta":
            raw = decode_params(message, _RawText)
            return ReasoningDelta(
                raw.item_id, "raw", "textDelta", content_index=raw.content_index, delta=raw.delta
            )
        case _:
            return None
