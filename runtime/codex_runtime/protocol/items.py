"""Items become messages: what of a turn's items a person reads, and in whose voice.

May import the messages. The invariant: every item has a role and a text, also one of a type that is
not known yet; nothing an item lacks is an error (spec 07 §6 "Items → messages").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Raw

from codex_runtime.protocol.messages import (
    Notification,
    Request,
    decode_json,
    decode_params,
    decode_part,
    encode_message,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Role: TypeAlias = Literal["user", "assistant", "tool", "system"]
MessageStatus: TypeAlias = Literal["streaming", "completed", "failed", "interrupted"]

TOOL_INPUT_TEXT: Final = "Tool requested user input"
"""The text of the message that stands for a question to the user."""


@dataclass(frozen=True, slots=True)
class ItemMessage:
    """A message made of an item.

    Attributes:
        message_id: The item's id; ids come from the model and repeat across turns.
        role: In whose voice it is.
        status: How far it is.
        source_item_type: The type of the item it is made of.
        text: What a person reads.
        payload_json: The item as JSON text.
    """

    message_id: str
    role: Role
    status: MessageStatus
    source_item_type: str
    text: str
    payload_json: str


@dataclass(frozen=True, slots=True)
class ItemSnapshot:
    """The state of an item at one moment.

    Attributes:
        item_id: The item's id.
        item_type: The item's type.
        status: The item's own status where it has one, else ``inProgress`` or ``completed``.
        payload_json: The item as JSON text.
    """

    item_id: str
    item_type: str
    status: str
    payload_json: str


class TextDelta(msgspec.Struct, frozen=True, gc=False):
    """A piece of a message's text.

    Attributes:
        message_id: The message's id.
        delta: The piece.
    """

    message_id: str
    delta: str


class _ItemHead(msgspec.Struct):
    type: str
    id: str


class _ItemParams(msgspec.Struct):
    item: Raw


class _DeltaParams(msgspec.Struct, rename={"item_id": "itemId"}):
    item_id: str
    delta: str


class _ToolCallParams(msgspec.Struct, rename={"call_id": "callId"}):
    call_id: str
    tool: str


class _UserInputParams(msgspec.Struct, rename={"item_id": "itemId"}):
    item_id: str


def message_of(message: Notification | Request) -> ItemMessage | None:
    """Make the message that an event stands for.

    Args:
        message: Any notification or request.

    Returns:
        The message, for ``item/started``, ``item/completed``, ``item/tool/call`` and
        ``item/tool/requestUserInput``; ``None`` for any other method.

    Raises:
        RemoteProtocolError: ``E_PROTOCOL_PAYLOAD_INVALID`` when the event has no item, or the item
            no type or id.
    """
    match message.method:
        case "item/started" | "item/completed":
            raw, head, item = _item_of(message)
            started = message.method == "item/started"
            return ItemMessage(
                message_id=head.id,
                role=role_of(head.type),
                status="streaming" if started else _completed_status(item),
                source_item_type=head.type,
                text=text_of(item),
                payload_json=bytes(raw).decode(),
            )
        case "item/tool/call":
            call = decode_params(message, _ToolCallParams)
            payload = {"type": "dynamicToolCall", "id": call.call_id, "tool": call.tool}
            return _stand_in(call.call_id, "dynamicToolCall", call.tool, payload)
        case "item/tool/requestUserInput":
            asked = decode_params(message, _UserInputParams)
            payload = {"type": "toolUserInputRequest", "id": asked.item_id}
            return _stand_in(asked.item_id, "toolUserInputRequest", TOOL_INPUT_TEXT, payload)
        case _:
            return None


def snapshot_of(message: Notification | Request) -> ItemSnapshot | None:
    """Make the snapshot of the item that an event carries.

    Args:
        message: Any notification or request.

    Returns:
        The snapshot, for ``item/started`` and ``item/completed``; ``None`` for any other method.

    Raises:
        RemoteProtocolError: ``E_PROTOCOL_PAYLOAD_INVALID``, as for :func:`message_of`.
    """
    if message.method not in ("item/started", "item/completed"):
        return None
    raw, head, item = _item_of(message)
    status = item.get("status")
    if not isinstance(status, str):
        status = "inProgress" if message.method == "item/started" else "completed"
    return ItemSnapshot(head.id, head.type, status, bytes(raw).decode())


def text_delta_of(message: Notification) -> TextDelta | None:
    """Read the piece of text that an event carries.

    Args:
        message: Any notification.

    Returns:
        The piece, for ``item/agentMessage/delta``; ``None`` for any other method.

    Raises:
        RemoteProtocolError: ``E_PROTOCOL_PAYLOAD_INVALID``.
    """
    if message.method != "item/agentMessage/delta":
        return None
    head = message.head
    if head.item_id is None or head.delta is None:
        decode_params(message, _DeltaParams)  # says what is missing
        return None
    return TextDelta(head.item_id, head.delta)


def role_of(item_type: str) -> Role:
    """Tell in whose voice an item speaks; an unknown type speaks for the system."""
    return _MAPPINGS.get(item_type, _UNKNOWN)[0]


def text_of(item: dict[str, Any]) -> str:
    """Tell what a person reads of an item; an unknown type has no text."""
    return _MAPPINGS.get(_text(item, "type"), _UNKNOWN)[1](item)


def _item_of(message: Notification | Request) -> tuple[Raw, _ItemHead, dict[str, Any]]:
    raw = decode_params(message, _ItemParams).item
    head = decode_part(raw, _ItemHead, f"the item of {message.method}", message.raw)
    return raw, head, decode_json(raw)


def _stand_in(message_id: str, item_type: str, text: str, payload: dict[str, str]) -> ItemMessage:
    json_text = encode_message(payload).decode().rstrip("\n")
    return ItemMessage(message_id, "tool", "completed", item_type, text, json_text)


def _completed_status(item: dict[str, Any]) -> MessageStatus:
    if item["type"] in _TYPES_THAT_CAN_FAIL:
        match item.get("status"):
            case "failed":
                return "failed"
            case "declined":
                return "interrupted"
    return "completed"


def _text(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _list(item: dict[str, Any], key: str) -> list[Any]:
    value = item.get(key)
    return value if isinstance(value, list) else []


def _user_message(item: dict[str, Any]) -> str:
    parts = (_input_part(part) for part in _list(item, "content") if isinstance(part, dict))
    return "\n".join(part for part in parts if part is not None).strip()


def _input_part(part: dict[str, Any]) -> str | None:
    match part.get("type"):
        case "text":
            return _text(part, "text")
        case "image":
            return f"[image] {_text(part, 'url')}"
        case "localImage":
            return f"[localImage] {_text(part, 'path')}"
        case "skill" | "mention" as kind:
            return f"[{kind}] {_text(part, 'name')} ({_text(part, 'path')})"
        case _:
            return None


def _reasoning(item: dict[str, Any]) -> str:
    entries = (*_list(item, "summary"), *_list(item, "content"))
    return "\n".join(entry for entry in entries if isinstance(entry, str)).strip()


def _mcp_tool_call(item: dict[str, Any]) -> str:
    error = item.get("error")
    said = _text(error, "message") if isinstance(error, dict) else ""
    return said or f"{_text(item, 'server')}/{_text(item, 'tool')}"


def _field(key: str) -> Callable[[dict[str, Any]], str]:
    return lambda item: _text(item, key)


_UNKNOWN: Final[tuple[Role, Callable[[dict[str, Any]], str]]] = ("system", lambda _item: "")

_MAPPINGS: Final[dict[str, tuple[Role, Callable[[dict[str, Any]], str]]]] = {
    "userMessage": ("user", _user_message),
    "agentMessage": ("assistant", _field("text")),
    "plan": ("assistant", _field("text")),
    "reasoning": ("assistant", _reasoning),
    "commandExecution": ("tool", _field("command")),
    "fileChange": ("tool", lambda item: f"File changes: {len(_list(item, 'changes'))}"),
    "mcpToolCall": ("tool", _mcp_tool_call),
    "dynamicToolCall": ("tool", _field("tool")),
    "collabAgentToolCall": (
        "tool",
        lambda item: f"{_text(item, 'tool')} ({_text(item, 'status')})",
    ),
    "webSearch": ("tool", _field("query")),
    "imageView": ("system", _field("path")),
    "enteredReviewMode": ("system", _field("review")),
    "exitedReviewMode": ("system", _field("review")),
    "contextCompaction": ("system", lambda _item: "Context compaction"),
}

_TYPES_THAT_CAN_FAIL: Final = frozenset({"commandExecution", "fileChange", "dynamicToolCall"})
"""Types whose own status decides the message's; dynamicToolCall is newer than the specification,
and fails like the other two (FACTS §9)."""
