"""Approvals: what is asked, and what became of it, as the two messages say it.

May import the messages and the typed server requests. The invariant: an approval is known by its
turn and its item together, never by a joined text (spec 02 §8.4, with its ``Better``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from codex_runtime.protocol.messages import Notification, Request, decode_params

if TYPE_CHECKING:
    from collections.abc import Mapping

ApprovalKind: TypeAlias = Literal["commandExecution", "fileChange"]

APPROVAL_REQUESTS: Final[Mapping[str, ApprovalKind]] = {
    "item/commandExecution/requestApproval": "commandExecution",
    "item/fileChange/requestApproval": "fileChange",
}
"""The server requests that ask for an approval, with the kind of what is to be approved."""

_OUTCOMES: Final[Mapping[str, Literal["accepted", "declined"]]] = {
    "declined": "declined",
    "completed": "accepted",
    "failed": "accepted",
}


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """Somebody has to decide.

    Attributes:
        turn_id: The turn's id.
        item_id: The id of the item that waits.
        kind: What kind of item it is.
        reason: Why the model wants it, where it says so.
    """

    turn_id: str
    item_id: str
    kind: ApprovalKind
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ApprovalResolved:
    """It was decided; what was accepted may have failed since.

    Attributes:
        turn_id: The turn's id.
        item_id: The id of the item.
        status: What was decided.
    """

    turn_id: str
    item_id: str
    status: Literal["accepted", "declined"]


class _Asked(msgspec.Struct, rename="camel"):
    turn_id: str
    item_id: str
    reason: str | None = None


class _Item(msgspec.Struct):
    type: str
    id: str
    status: str | None = None


class _Completed(msgspec.Struct, rename="camel"):
    turn_id: str
    item: _Item


def approval_request_of(message: Notification | Request) -> ApprovalRequested | None:
    """Read the approval that a server request asks for.

    Args:
        message: Any message.

    Returns:
        What is asked; ``None`` for a message that asks for no approval.

    Raises:
        RemoteProtocolError: ``E_PROTOCOL_PAYLOAD_INVALID``.
    """
    kind = APPROVAL_REQUESTS.get(message.method)
    if kind is None or not isinstance(message, Request):
        return None
    asked = decode_params(message, _Asked)
    return ApprovalRequested(asked.turn_id, asked.item_id, kind, asked.reason)


def approval_resolution_of(message: Notification | Request) -> ApprovalResolved | None:
    """Read what a completed item says about its approval.

    An item that was completed without anybody being asked says the same; whoever keeps approvals
    applies this only where one is pending.

    Args:
        message: Any message.

    Returns:
        What was decided; ``None`` for a message that decides nothing.

    Raises:
        RemoteProtocolError: ``E_PROTOCOL_PAYLOAD_INVALID``.
    """
    if message.method != "item/completed":
        return None
    completed = decode_params(message, _Completed)
    item = completed.item
    if item.type not in APPROVAL_REQUESTS.values():
        return None
    outcome = _OUTCOMES.get(item.status or "")
    return None if outcome is None else ApprovalResolved(completed.turn_id, item.id, outcome)
