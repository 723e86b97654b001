"""Stored messages and the overlay, merged into what a person reads.

May import the overlay and the error catalogue. The invariant: only stored messages are shown, each
once; what is still being written never gets shorter and its status never goes back (spec 07 §6 "UI
message mapping").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from codex_runtime.errors import LocalProtocolError
from codex_runtime.live.overlay import OverlayMessage, StreamDelta, message_overlay
from codex_runtime.protocol.items import MessageStatus, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STATUS_RANK: Final[Mapping[MessageStatus, int]] = {
    "streaming": 0,
    "completed": 1,
    "interrupted": 2,
    "failed": 3,
}
"""Which of two statuses of one message counts: the higher one."""


class DurableMessage(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A message as it is stored; times in milliseconds since the epoch.

    Attributes:
        message_id: Its id; a row without one is not shown.
        turn_id: Its turn.
        role: In whose voice it is.
        status: How far it is.
        text: What a person reads.
        order_in_turn: Its place in the turn.
        created_at: When it was first stored.
        updated_at: When it was last changed.
        completed_at: When it stopped streaming.
        source_item_type: The type of the item it was made of.
        error: Why it failed.
    """

    message_id: str | None = None
    turn_id: str
    role: Role
    status: MessageStatus
    text: str
    order_in_turn: int
    created_at: int
    updated_at: int
    completed_at: int | None = None
    source_item_type: str = ""
    error: str | None = None


class UIMessage(DurableMessage, frozen=True, kw_only=True):
    """A message as it is shown; it always has an id."""


def to_ui_message(message: DurableMessage) -> UIMessage:
    """Make a stored message one that can be shown.

    Args:
        message: The stored message.

    Returns:
        The same, with an id.

    Raises:
        LocalProtocolError: ``E_LIVE_MESSAGE_ID_MISSING``.
    """
    if not message.message_id:
        raise LocalProtocolError(
            "E_LIVE_MESSAGE_ID_MISSING", "toCodexUIMessage requires durable messageId."
        )
    return UIMessage(**msgspec.structs.asdict(message))


def merge_messages(
    durable: Iterable[DurableMessage], deltas: Iterable[StreamDelta]
) -> list[UIMessage]:
    """Merge stored messages with the deltas of their streams.

    Args:
        durable: The stored messages, in any order; rows without an id are dropped.
        deltas: The deltas, in any order. They change stored messages that are still streaming and
            add none.

    Returns:
        One message per turn and id, oldest first.
    """
    overlay = message_overlay(deltas)
    merged: dict[tuple[str, str], UIMessage] = {}
    for row in durable:
        if not row.message_id:
            continue
        key = (row.turn_id, row.message_id)
        message = _with_overlay(to_ui_message(row), overlay.get(key))
        other = merged.get(key)
        merged[key] = message if other is None else max(other, message, key=_precedence)
    return sorted(merged.values(), key=_place)


def _with_overlay(message: UIMessage, overlay: OverlayMessage | None) -> UIMessage:
    if overlay is None or message.status != "streaming":
        return message
    status = max(message.status, overlay.status, key=STATUS_RANK.__getitem__)
    finished = message.updated_at if status != "streaming" else message.completed_at
    return msgspec.structs.replace(
        message,
        status=status,
        text=preferred_text(message.text, overlay.text),
        completed_at=finished,
        error=message.error if overlay.error is None else overlay.error,
    )


def preferred_text(durable: str, overlay: str) -> str:
    """Choose between what is stored of a text and what has been streamed of it.

    The stream may have been joined in the middle: then it continues the stored text, which shows in
    the space it begins with, or it repeats a part of it.

    Args:
        durable: The stored text.
        overlay: The streamed text.

    Returns:
        The text to show.
    """
    if not overlay or durable.startswith(overlay):
        return durable
    if not durable or overlay.startswith(durable):
        return overlay
    if len(overlay) < len(durable):
        return durable
    return durable + overlay if overlay.startswith(" ") else overlay


def _precedence(message: UIMessage) -> tuple[int, int, int]:
    return STATUS_RANK[message.status], message.updated_at, len(message.text)


def _place(message: UIMessage) -> tuple[int, str, int, str]:
    return message.created_at, message.turn_id, message.order_in_turn, message.message_id or ""
