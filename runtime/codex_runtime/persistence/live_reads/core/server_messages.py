"""What a deployment says on the sync protocol (FACTS §3.2).

May import the exceptions of live reads and msgspec. The invariant: a frame is a message with every
field of the kind it must be, or ``E_LIVE_PROTOCOL``; what a query returned stays undecoded until it
is known to be new.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from codex_runtime.persistence.live_reads.failures import LiveReadsError

U32: TypeAlias = Annotated[int, Meta(ge=0, lt=2**32)]


class WireVersion(Struct, frozen=True, rename="camel"):
    """A version as it is written."""

    query_set: U32
    identity: U32
    ts: str


class QueryUpdated(Struct, frozen=True, tag="QueryUpdated", rename="camel"):
    """A query has another value."""

    query_id: U32
    value: msgspec.Raw
    log_lines: list[str] = []
    journal: str | None = None


class QueryFailed(Struct, frozen=True, tag="QueryFailed", rename="camel"):
    """A query fails now."""

    query_id: U32
    error_message: str
    log_lines: list[str] = []
    journal: str | None = None
    error_data: Any | UnsetType = UNSET


class QueryRemoved(Struct, frozen=True, tag="QueryRemoved", rename="camel"):
    """A query is no longer in the set."""

    query_id: U32


Modification: TypeAlias = QueryUpdated | QueryFailed | QueryRemoved


class Transition(Struct, frozen=True, tag="Transition", rename="camel"):
    """The whole set of queries goes from one version to another."""

    start_version: WireVersion
    end_version: WireVersion
    modifications: list[Modification]


class TransitionChunk(Struct, frozen=True, tag="TransitionChunk", rename="camel"):
    """A part of a transition too large for one frame."""

    chunk: str
    part_number: U32
    total_parts: Annotated[int, Meta(ge=1, lt=2**32)]
    transition_id: str


class AuthError(Struct, frozen=True, tag="AuthError", rename="camel"):
    """The identity is refused, or no longer good."""

    error: str
    base_version: U32 | None = None
    auth_update_attempted: bool | None = None


class FatalError(Struct, frozen=True, tag="FatalError"):
    """The deployment cannot go on with this client."""

    error: str


class Ping(Struct, frozen=True, tag="Ping"):
    """A sign of life."""


class MutationResponse(Struct, frozen=True, tag="MutationResponse"):
    """The answer to a mutation; this client makes none."""


class ActionResponse(Struct, frozen=True, tag="ActionResponse"):
    """The answer to an action; this client makes none."""


ServerMessage: TypeAlias = (
    Transition | TransitionChunk | AuthError | FatalError | Ping | MutationResponse | ActionResponse
)

_DECODER: Final = msgspec.json.Decoder(ServerMessage)


def read_message(text: str | bytes) -> ServerMessage:
    """Read one frame.

    Args:
        text: The frame.

    Returns:
        The message.

    Raises:
        LiveReadsError: ``E_LIVE_PROTOCOL`` for what is no message of the protocol.
    """
    try:
        message: ServerMessage = _DECODER.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise LiveReadsError("E_LIVE_PROTOCOL", f"{error} in the frame {text[:200]!r}") from None
    return message
