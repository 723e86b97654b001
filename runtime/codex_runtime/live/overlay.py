"""The overlay: what a stream's deltas say about messages that are still being written.

May import the protocol's reading of messages. The invariant: the overlay depends on the deltas and
nothing else, in the order of their cursors; a delta that cannot be read changes nothing (spec 07 §6
"UI message mapping").
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from codex_runtime.errors import RemoteProtocolError
from codex_runtime.protocol.classification import turn_id_of
from codex_runtime.protocol.items import MessageStatus, message_of, text_delta_of
from codex_runtime.protocol.messages import Notification, decode_message
from codex_runtime.protocol.reasoning import reasoning_delta_of
from codex_runtime.protocol.terminal import terminal_status

if TYPE_CHECKING:
    from collections.abc import Iterable

MessageKey: TypeAlias = tuple[str, str]
"""A turn's id and a message's id: message ids come from the model and repeat across turns."""

SegmentKey: TypeAlias = tuple[str, str, str, str, int | None, int | None]
"""Turn, item, channel, segment type, summary index, content index."""


class StreamDelta(msgspec.Struct, frozen=True, kw_only=True):
    """One delta of a stream, as it is stored.

    Attributes:
        cursor_end: Where in its stream it ends; deltas are applied in this order.
        payload_json: The app-server's message, as JSON text.
        turn_id: The turn, where the message itself does not name it.
    """

    cursor_end: int
    payload_json: str
    turn_id: str | None = None


@dataclass(frozen=True, slots=True)
class OverlayMessage:
    """What the deltas say about one message.

    Attributes:
        text: The text so far.
        status: How far it is.
        error: Why it failed.
    """

    text: str = ""
    status: MessageStatus = "streaming"
    error: str | None = None


_EMPTY: Final = OverlayMessage()


def message_overlay(deltas: Iterable[StreamDelta]) -> dict[MessageKey, OverlayMessage]:
    """Put together what deltas say about the model's messages.

    Args:
        deltas: The deltas, in any order.

    Returns:
        One entry per turn and message that they speak of. An ``error`` after which the server does
        not try again fails every message of its turn; ``turn/completed`` changes nothing, because
        the stored messages learn of it.
    """
    overlay: dict[MessageKey, OverlayMessage] = {}
    for turn_id, message in _read(deltas):
        if message.method == "item/agentMessage/delta":
            piece = text_delta_of(message)
            if piece is not None:
                key = (turn_id, piece.message_id)
                before = overlay.get(key, _EMPTY)
                overlay[key] = replace(before, text=before.text + piece.delta, status="streaming")
        elif message.method == "error":
            ended = terminal_status(message)
            if ended is not None:
                for key in [key for key in overlay if key[0] == turn_id]:
                    overlay[key] = replace(overlay[key], status="failed", error=ended.error)
        else:
            _apply_item(overlay, turn_id, message)
    return overlay


def reasoning_overlay(
    deltas: Iterable[StreamDelta], *, include_raw: bool = False
) -> dict[SegmentKey, str]:
    """Put together what deltas say about the model's reasoning.

    Args:
        deltas: The deltas, in any order.
        include_raw: Whether the raw chain of thought is wanted, too.

    Returns:
        The text of each segment; a section break has none.
    """
    segments: dict[SegmentKey, str] = {}
    for turn_id, message in _read(deltas):
        piece = reasoning_delta_of(message)
        if piece is None or (piece.channel == "raw" and not include_raw):
            continue
        key = (
            turn_id,
            piece.item_id,
            piece.channel,
            piece.segment_type,
            piece.summary_index,
            piece.content_index,
        )
        segments[key] = segments.get(key, "") + (piece.delta or "")
    return segments


def _apply_item(
    overlay: dict[MessageKey, OverlayMessage], turn_id: str, message: Notification
) -> None:
    made = message_of(message)
    if made is None or made.source_item_type != "agentMessage":
        return
    key = (turn_id, made.message_id)
    before = overlay.get(key, _EMPTY)
    if message.method == "item/started":
        overlay[key] = replace(before, text=made.text)
    else:
        overlay[key] = replace(before, text=made.text, status="completed")


def _read(deltas: Iterable[StreamDelta]) -> Iterable[tuple[str, Notification]]:
    for delta in sorted(deltas, key=lambda delta: delta.cursor_end):
        try:
            message = decode_message(delta.payload_json.encode())
            if isinstance(message, Notification):
                message_of(message)
                text_delta_of(message)
                reasoning_delta_of(message)
        except (RemoteProtocolError, UnicodeEncodeError):
            continue
        turn_id = turn_id_of(message) or delta.turn_id
        if isinstance(message, Notification) and turn_id is not None:
            yield turn_id, message
