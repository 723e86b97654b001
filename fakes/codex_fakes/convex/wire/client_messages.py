"""What clients say on a socket, decoded.

May import msgspec, the timestamps and the calls. The invariant: a message is decoded
whole or refused with ``WSMessageInvalidJson``; the arguments of functions stay raw until the
function is run, because a value that cannot be read is that function's failure, not the socket's.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Final, Literal

import msgspec

from codex_fakes.convex.wire.calls import checked_path
from codex_fakes.convex.wire.credentials import (
    AdminKey,
    Credentials,
    NoCredentials,
    UserToken,
    without_prefix,
)
from codex_fakes.convex.wire.refusals import Refusal, bad_request
from codex_fakes.convex.wire.timestamps import decode_ts

U32 = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
I64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]

_EMPTY_ARGS: Final = msgspec.Raw(b"[]")


class Connect(msgspec.Struct, tag="Connect", tag_field="type", rename="camel", frozen=True):
    """The first message of a socket."""

    session_id: str
    connection_count: U32
    last_close_reason: str | None = None
    max_observed_timestamp: str | None = None
    client_ts: I64 | None = None


class Add(msgspec.Struct, tag="Add", tag_field="type", rename="camel", frozen=True):
    """A query that the client wants to follow."""

    query_id: U32
    udf_path: str
    args: msgspec.Raw = _EMPTY_ARGS
    journal: str | None = None
    component_path: str | None = None


class Remove(msgspec.Struct, tag="Remove", tag_field="type", rename="camel", frozen=True):
    """A query that the client no longer follows."""

    query_id: U32


class ModifyQuerySet(
    msgspec.Struct, tag="ModifyQuerySet", tag_field="type", rename="camel", frozen=True
):
    """A change of the set of queries."""

    base_version: U32
    new_version: U32
    modifications: list[Add | Remove]


class Mutation(msgspec.Struct, tag="Mutation", tag_field="type", rename="camel", frozen=True):
    """A mutation to be run, after those before it."""

    request_id: U32
    udf_path: str
    args: msgspec.Raw
    component_path: str | None = None


class Action(msgspec.Struct, tag="Action", tag_field="type", rename="camel", frozen=True):
    """An action to be run."""

    request_id: U32
    udf_path: str
    args: msgspec.Raw
    component_path: str | None = None


class Authenticate(
    msgspec.Struct, tag="Authenticate", tag_field="type", rename="camel", frozen=True
):
    """Somebody else is speaking from here on."""

    base_version: U32
    kind: Literal["User", "Admin", "None"] = msgspec.field(name="tokenType")
    value: str | None = None
    acting_as: dict[str, Any] | None = None
    impersonating: dict[str, Any] | None = None


class Event(msgspec.Struct, tag="Event", tag_field="type", rename="camel", frozen=True):
    """What a client measured; nobody here reads it."""

    event_type: str
    event: Any


ClientMessage = Connect | ModifyQuerySet | Mutation | Action | Authenticate | Event

_decoder: Final[msgspec.json.Decoder[ClientMessage]] = msgspec.json.Decoder(ClientMessage)


def decode(text: str) -> ClientMessage:
    """Decode a frame.

    Args:
        text: The text of the frame.

    Returns:
        The message.

    Raises:
        Refusal: ``WSMessageInvalidJson``.
    """
    try:
        message = _decoder.decode(text)
        _check(message)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _invalid(str(error)) from None
    except Refusal as refusal:
        raise _invalid(refusal.message) from None
    return message


def credentials_of(message: Authenticate) -> Credentials:
    """Read who is speaking.

    Args:
        message: A message that :func:`decode` returned.

    Returns:
        The credentials, unchecked.
    """
    if message.kind == "Admin":
        acting_as = message.acting_as if message.impersonating is None else message.impersonating
        return AdminKey(without_prefix(message.value or ""), acting_as)
    return UserToken(message.value or "") if message.kind == "User" else NoCredentials()


def observed_ts(message: Connect) -> int | None:
    """Read the latest timestamp that a client has seen.

    Args:
        message: A message that :func:`decode` returned.

    Returns:
        Nanoseconds since the epoch, or ``None`` when it has seen none.
    """
    text = message.max_observed_timestamp
    return None if text is None else decode_ts(text)


def _check(message: ClientMessage) -> None:
    """Raise what the types alone do not."""
    match message:
        case Connect():
            uuid.UUID(message.session_id)
            observed_ts(message)
        case ModifyQuerySet():
            for change in message.modifications:
                if isinstance(change, Add):
                    checked_path(change.udf_path)
        case Mutation() | Action():
            checked_path(message.udf_path)
        case Authenticate():
            if message.kind != "None" and message.value is None:
                raise ValueError("missing field `value`")
        case Event():
            pass


def _invalid(reason: str) -> Refusal:
    return bad_request("WSMessageInvalidJson", f"Received Invalid JSON on websocket: {reason}")
