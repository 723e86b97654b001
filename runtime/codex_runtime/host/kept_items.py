"""Under which ids the items of a turn are kept, whatever Codex calls them by now.

May import the events of turns, the protocol and the contract; no IO. The invariant: an item and
what is kept of it find each other once, in the order of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_runtime.contract.states import MESSAGE
from codex_runtime.host.import_events import ItemNames, TurnItem, items_of
from codex_runtime.protocol.items import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codex_runtime.contract.functions.reading import Message


def names_of(
    turn: Mapping[str, Any], turn_id: str, kept: Sequence[Message]
) -> tuple[ItemNames, bool]:
    """Find out under which ids the items of a turn are kept.

    A history of the older kind numbers its items anew, so that they are known by their order and
    their text alone; and what was streamed only in part is the beginning of what Codex has.

    Args:
        turn: The turn as ``thread/read`` gives it.
        turn_id: The id it is persisted with.
        kept: Its messages, in order.

    Returns:
        The ids by the ids that Codex gives now; and whether every item is kept as Codex has it.
    """
    items = list(items_of(turn, turn_id, {}))
    own = {item.item_id for item in items}
    by_id = {message.message_id: message for message in kept}
    # Of these Codex may know under another id.
    left = [message for message in kept if message.message_id not in own]
    names: ItemNames = {}
    whole = True
    for item in items:
        message = by_id.get(item.item_id)
        if message is None:
            message = _same(item, left)
            if message is not None:
                names[item.item_id] = message.message_id
                # The order is the same on both sides.
                left = left[left.index(message) + 1 :]
        whole = whole and message is not None and _is_whole(message, item)
    return names, whole


def _same(item: TurnItem, left: Sequence[Message]) -> Message | None:
    """Find the message that an item is kept as: of its type, with its text or its beginning."""
    text = text_of(item.item)
    alike = [message for message in left if message.source_item_type == item.item["type"]]
    for message in alike:
        if message.text == text:
            return message
    for message in alike:
        if message.status != "completed" and text.startswith(message.text):
            return message
    return None


def _is_whole(message: Message, item: TurnItem) -> bool:
    return message.status in MESSAGE.terminal and message.text == text_of(item.item)
