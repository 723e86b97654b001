"""What the server says on a socket, encoded.

May import msgspec and the timestamps. The invariant: values and error data come in as JSON text
that :mod:`codex_runtime.values` wrote and go out byte for byte, so that no number changes its form
on the way; a Transition is chunked only where the client says it can put it together again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_fakes.convex.wire.timestamps import encode_ts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CHUNK_BYTES: Final = 5_000_000
"""A Transition that is longer goes out in parts of at most this many bytes."""

_encode: Final = msgspec.json.Encoder().encode

PING: Final = '{"type":"Ping"}'
"""The heartbeat that clients see."""


@dataclass(frozen=True, slots=True)
class StateVersion:
    """What a client's view is of.

    Attributes:
        query_set: How often the client changed its set of queries.
        identity: How often it changed who it is.
        ts: The time of the data, in nanoseconds.
    """

    query_set: int = 0
    identity: int = 0
    ts: int = 0

    def to_json(self) -> dict[str, Any]:
        """Give the version as the wire has it.

        Returns:
            An object for JSON.
        """
        return {"querySet": self.query_set, "identity": self.identity, "ts": encode_ts(self.ts)}


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a function, ready for the wire.

    Attributes:
        ok: Whether it returned.
        value: The JSON text of what it returned, when it did.
        message: The text of its failure, when it did not.
        data: The JSON text of a ``ConvexError``'s data, or ``None``.
        log_lines: What it logged.
    """

    ok: bool
    value: str = "null"
    message: str = ""
    data: str | None = None
    log_lines: tuple[str, ...] = ()


def query_changed(query_id: int, answer: Answer, journal: str | None) -> bytes:
    """Encode the modification that tells a query's result.

    Args:
        query_id: The client's number of the query.
        answer: The result.
        journal: What the query is to be run with next time.

    Returns:
        JSON text.
    """
    told: dict[str, Any] = {"type": "QueryUpdated" if answer.ok else "QueryFailed"}
    told["queryId"] = query_id
    if answer.ok:
        told["value"] = _raw(answer.value)
    else:
        told["errorMessage"] = answer.message
    told["logLines"] = answer.log_lines
    told["journal"] = journal
    if answer.data is not None:
        told["errorData"] = _raw(answer.data)
    return _encode(told)


def query_removed(query_id: int) -> bytes:
    """Encode the modification that tells the end of a query.

    Args:
        query_id: The client's number of the query.

    Returns:
        JSON text.
    """
    return _encode({"type": "QueryRemoved", "queryId": query_id})


def transition(
    start: StateVersion,
    end: StateVersion,
    modifications: Iterable[bytes],
    *,
    clock_skew: int | None,
    server_ts: int,
) -> str:
    """Encode a Transition.

    Args:
        start: The end of the Transition before.
        end: What the client's view is of from here on.
        modifications: What changed, encoded.
        clock_skew: By how many milliseconds the client's clock is ahead, when it told its time.
        server_ts: The time of the server, in nanoseconds.

    Returns:
        JSON text.
    """
    told: dict[str, Any] = {
        "type": "Transition",
        "startVersion": start.to_json(),
        "endVersion": end.to_json(),
        "modifications": [msgspec.Raw(change) for change in modifications],
    }
    if clock_skew is not None:
        told["clientClockSkew"] = clock_skew
    told["serverTs"] = server_ts
    return _encode(told).decode()


def chunks(message: str, transition_id: str) -> Sequence[str]:
    """Divide a Transition that is too long for one frame.

    Args:
        message: The Transition, encoded.
        transition_id: What tells its parts from those of another.

    Returns:
        The frames; the Transition itself when it is not too long.
    """
    raw = message.encode()
    if len(raw) <= CHUNK_BYTES:
        return (message,)
    parts = list(_divided(raw))
    return [
        _encode(
            {
                "type": "TransitionChunk",
                "chunk": part,
                "partNumber": number,
                "totalParts": len(parts),
                "transitionId": transition_id,
            }
        ).decode()
        for number, part in enumerate(parts)
    ]


def mutation_response(request_id: int, answer: Answer, ts: int | None) -> str:
    """Encode what became of a mutation.

    Args:
        request_id: The client's number of the request.
        answer: The result.
        ts: When it was committed; ``None`` when it was not.

    Returns:
        JSON text.
    """
    told = _response("MutationResponse", request_id, answer)
    told["ts"] = None if ts is None else encode_ts(ts)
    return _encode(told).decode()


def action_response(request_id: int, answer: Answer) -> str:
    """Encode what became of an action.

    Args:
        request_id: The client's number of the request.
        answer: The result.

    Returns:
        JSON text.
    """
    return _encode(_response("ActionResponse", request_id, answer)).decode()


def auth_error(message: str, base_version: int, *, attempted: bool) -> str:
    """Encode that a client is not who it says.

    Args:
        message: Why.
        base_version: The identity version before.
        attempted: Whether it was just saying so; otherwise its token ended.

    Returns:
        JSON text.
    """
    return _encode(
        {
            "type": "AuthError",
            "error": message,
            "baseVersion": base_version,
            "authUpdateAttempted": attempted,
        }
    ).decode()


def fatal_error(message: str) -> str:
    """Encode that a client speaks wrongly.

    Args:
        message: What was wrong.

    Returns:
        JSON text.
    """
    return _encode({"type": "FatalError", "error": message}).decode()


def _response(kind: str, request_id: int, answer: Answer) -> dict[str, Any]:
    told: dict[str, Any] = {"type": kind, "requestId": request_id, "success": answer.ok}
    told["result"] = _raw(answer.value) if answer.ok else answer.message
    told["logLines"] = answer.log_lines
    if answer.data is not None:
        told["errorData"] = _raw(answer.data)
    return told


def _raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def _divided(raw: bytes) -> Iterable[str]:
    start = 0
    while start < len(raw):
        end = min(start + CHUNK_BYTES, len(raw))
        # A character is never divided: its later bytes are all of the form 10xxxxxx.
        while end < len(raw) and raw[end] & 0xC0 == 0x80:
            end -= 1
        yield raw[start:end].decode()
        start = end
