"""The envelope: one line to one message, one message to one line.

May import the error catalogue, the framing and the identifiers. The invariant: the dialect of FACTS
§4 and nothing else passes (no ``jsonrpc`` member is needed or written; ids keep their type), and
the params of a message stay as they came until somebody asks for them in a type. Only their *head*
is read at once: the ids by which a message finds its thread and turn, and the delta that most
messages are about.

Notifications are most of the traffic, so a line is first read as one, in a single pass; what does
not read as one (an answer, a request, a message with something odd in it) takes the careful way.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType
from msgspec.structs import force_setattr

from codex_runtime.errors import RemoteProtocolError
from codex_runtime.protocol.framing import EXCERPT_BYTES
from codex_runtime.protocol.identifiers import INT64_MAX, INT64_MIN, RequestId

T = TypeVar("T")


class RpcError(msgspec.Struct, frozen=True):
    """The error member of an error response.

    Attributes:
        code: The JSON-RPC code; the app-server uses -32600 for almost everything (FACTS §2).
        message: The text.
        data: Whatever else the peer says, undecoded; absent more often than not.
    """

    code: int
    message: str
    data: Raw | UnsetType = UNSET


class Named(msgspec.Struct, frozen=True, gc=False):
    """An object of which only the id is read."""

    id: str | None = None


class Head(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The members of a message's params that are read at once; ``None`` where there are none.

    Attributes:
        thread_id: ``threadId``.
        turn_id: ``turnId``.
        item_id: ``itemId``.
        delta: ``delta``.
        thread: ``thread``.
        turn: ``turn``.
        conversation_id: ``conversationId``, the thread's id in the first protocol.
    """

    thread_id: str | None = None
    turn_id: str | None = None
    item_id: str | None = None
    delta: str | None = None
    thread: Named | None = None
    turn: Named | None = None
    conversation_id: str | None = None


NO_HEAD: Final = Head()
"""The head of params that are absent, or that are no object."""

_Never: TypeAlias = Annotated[int, Meta(gt=0, lt=0)]
"""A type without values: a member of this type makes the message something else."""


class Notification(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={"head": "params", "emitted_at_ms": "emittedAtMs", "no_id": "id", "raw": ""},
):
    """A notification.

    Attributes:
        method: What happened.
        head: The members of the particulars that are read at once.
        emitted_at_ms: When the server sent it, in milliseconds since the epoch, where it says so.
        raw: The line it came in.
        no_id: Always absent: with an id it would be a request.
    """

    method: str
    head: Head = NO_HEAD
    emitted_at_ms: int | None = None
    raw: bytes = b""
    no_id: _Never | UnsetType = UNSET

    @property
    def params(self) -> Raw | None:
        """The particulars, undecoded; ``None`` when absent."""
        return _params_in(self.raw)


class Request(msgspec.Struct, frozen=True, gc=False):
    """A request of the server, which waits for an answer.

    Attributes:
        id: Its id; the answer carries the same one, of the same type.
        method: What is asked.
        head: The members of the particulars that are read at once.
        raw: The line it came in.
    """

    id: RequestId
    method: str
    head: Head = NO_HEAD
    raw: bytes = b""

    @property
    def params(self) -> Raw | None:
        """The particulars, undecoded; ``None`` when absent."""
        return _params_in(self.raw)


class Response(msgspec.Struct, frozen=True, gc=False):
    """The answer to a request.

    Attributes:
        id: The request's id.
        result: The result, undecoded.
        raw: The line it came in.
    """

    id: RequestId | None
    result: Raw
    raw: bytes = b""


class ErrorResponse(msgspec.Struct, frozen=True, gc=False):
    """The refusal of a request.

    Attributes:
        id: The request's id; ``None`` when the peer could not tell which request it was.
        error: Why.
        raw: The line it came in.
    """

    id: RequestId | None
    error: RpcError
    raw: bytes = b""


Message: TypeAlias = Notification | Request | Response | ErrorResponse


class _Wire(msgspec.Struct, gc=False, rename={"emitted_at_ms": "emittedAtMs"}):
    """Every member that any message may have; members it does not name are ignored."""

    id: int | str | UnsetType | None = UNSET
    method: str | UnsetType = UNSET
    params: Raw | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: RpcError | UnsetType | None = UNSET
    emitted_at_ms: int | None = None


_NOTIFICATION: Final = msgspec.json.Decoder(Notification)
_WIRE: Final = msgspec.json.Decoder(_Wire)
_HEAD: Final = msgspec.json.Decoder(Head)
_ANY: Final = msgspec.json.Decoder()
_ENCODER: Final = msgspec.json.Encoder()

_DECODERS: Final[dict[Any, msgspec.json.Decoder[Any]]] = {}
"""One decoder per type that was ever asked for: as many as there are such types in the program."""

_INVALID_JSON: Final = "Invalid JSON from codex app-server"
_INVALID_ENVELOPE: Final = "JSON-RPC schema validation failed for codex message"
_UNSUPPORTED: Final = (
    "Message is valid JSON-RPC but not a supported codex server "
    "notification/request/response shape."
)


def decode_message(line: bytes) -> Message:
    """Read one line.

    Unknown methods pass, with any params that are an object or an array; unknown members are
    ignored. Params and results are not looked into (spec 07 §2).

    Args:
        line: The line, without its line end.

    Returns:
        The message.

    Raises:
        RemoteProtocolError: ``E_PROTOCOL_UTF8_INVALID``, ``E_PROTOCOL_JSON_INVALID``, or
            ``E_PROTOCOL_ENVELOPE_INVALID``; it carries the line's beginning as ``raw``.
    """
    if not line.isascii():
        _check_utf8(line)
    try:
        notification = _NOTIFICATION.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return _decode_carefully(line)
    force_setattr(notification, "raw", line)
    return notification


def _decode_carefully(line: bytes) -> Message:
    try:
        wire = _WIRE.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _explain(line, error) from None
    method, request_id = wire.method, wire.id
    if type(request_id) is int and not INT64_MIN <= request_id <= INT64_MAX:
        raise _envelope_error(line, "/id: is no 64-bit integer")
    if method is UNSET:
        return _decode_answer(wire, line)
    if request_id is None:
        raise _unsupported(line, "a request's id is null")
    head = NO_HEAD
    if wire.params is not UNSET:
        if memoryview(wire.params)[0] not in b"{[":
            raise _unsupported(line, "params are neither an object nor an array")
        head = _head_of(wire.params)
    if request_id is UNSET:
        return Notification(method, head, wire.emitted_at_ms, line)
    return Request(request_id, method, head, line)


def _head_of(params: Raw) -> Head:
    try:
        return _HEAD.decode(params)
    except msgspec.DecodeError:
        pass
    try:
        return _head_of_any(_ANY.decode(params))
    except RecursionError:
        return NO_HEAD


def _head_of_any(params: Any) -> Head:
    """Read the head member by member: one of the wrong type must not hide the others."""
    if not isinstance(params, dict):
        return NO_HEAD

    def text(holder: object, key: str) -> str | None:
        value = holder.get(key) if isinstance(holder, dict) else None
        return value if isinstance(value, str) else None

    return Head(
        thread_id=text(params, "threadId"),
        turn_id=text(params, "turnId"),
        item_id=text(params, "itemId"),
        delta=text(params, "delta"),
        thread=Named(text(params.get("thread"), "id")),
        turn=Named(text(params.get("turn"), "id")),
        conversation_id=text(params, "conversationId"),
    )


class _OnlyParams(msgspec.Struct, gc=False):
    params: Raw | UnsetType = UNSET


_ONLY_PARAMS: Final = msgspec.json.Decoder(_OnlyParams)


def _params_in(line: bytes) -> Raw | None:
    params = _ONLY_PARAMS.decode(line).params if line else UNSET
    return None if params is UNSET else params


def _decode_answer(wire: _Wire, line: bytes) -> Response | ErrorResponse:
    if wire.id is UNSET:
        raise _unsupported(line, "there is neither a method nor an id")
    error = wire.error
    if error is None or error is UNSET:
        if wire.result is UNSET:
            raise _unsupported(line, "there is neither a result nor an error")
        return Response(wire.id, wire.result, line)
    if wire.result is not UNSET:
        raise _unsupported(line, "there are a result and an error")
    return ErrorResponse(wire.id, error, line)


def decode_params(message: Notification | Request, kind: type[T]) -> T:
    """Read a message's params as a type.

    Args:
        message: The message.
        kind: A msgspec struct, or any other type msgspec decodes. Absent params read as ``{}``.

    Returns:
        The params.

    Raises:
        RemoteProtocolError: ``E_PROTOCOL_PAYLOAD_INVALID``; the text names the place.
    """
    params = message.params
    raw = b"{}" if params is None else params
    return decode_part(raw, kind, f"the params of {message.method}", message.raw)


def decode_result(response: Response, kind: type[T], method: str) -> T:
    """Read a response's result as a type.

    Args:
        response: The response.
        kind: A msgspec struct, or any other type msgspec decodes.
        method: The request's method, for the error's text.

    Returns:
        The result.

    Raises:
        RemoteProtocolError: ``E_PROTOCOL_PAYLOAD_INVALID``; the text names the place.
    """
    return decode_part(response.result, kind, f"the result of {method}", response.raw)


def decode_part(raw: Raw | bytes, kind: type[T], what: str, line: bytes) -> T:
    """Read a part of a message as a type.

    Args:
        raw: The part.
        kind: A msgspec struct, or any other type msgspec decodes.
        what: What the part is, for the error's text.
        line: The line it stands in, for the error.

    Returns:
        The part.

    Raises:
        RemoteProtocolError: ``E_PROTOCOL_PAYLOAD_INVALID``; the text names the place.
    """
    try:
        value: T = _decoder(kind).decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise RemoteProtocolError(
            "E_PROTOCOL_PAYLOAD_INVALID",
            f"malformed payload: {what}: {error}",
            raw=line[:EXCERPT_BYTES],
        ) from None
    return value


def decode_json(raw: Raw | bytes) -> Any:
    """Decode a part of a message that passed :func:`decode_message` into plain Python values."""
    return _ANY.decode(raw)


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    decoder = _DECODERS.get(kind)
    if decoder is None:
        decoder = _DECODERS[kind] = msgspec.json.Decoder(kind)
    return decoder


def encode_message(message: object) -> bytes:
    """Write a message as one line: compact JSON and a newline.

    Args:
        message: Anything msgspec encodes; validate it first
            (:func:`codex_runtime.protocol.outbound.check_outbound`).

    Returns:
        The line. JSON escapes every control character, so there is no other newline in it.
    """
    return _ENCODER.encode(message) + b"\n"


def _check_utf8(line: bytes) -> None:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        raise RemoteProtocolError(
            "E_PROTOCOL_UTF8_INVALID",
            f"{_INVALID_JSON}: byte {error.start} is not UTF-8 ({error.reason})",
            raw=line[:EXCERPT_BYTES],
        ) from None


def _explain(line: bytes, error: Exception) -> RemoteProtocolError:
    if isinstance(error, msgspec.ValidationError):
        reason, _, place = str(error).partition(" - at `$")
        path = place.rstrip("`").replace(".", "/") or "/"
        return _envelope_error(line, f"{path}: {reason}")
    reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    if not line.strip():
        reason = "the line is empty"
    return RemoteProtocolError(
        "E_PROTOCOL_JSON_INVALID", f"{_INVALID_JSON}: {reason}", raw=line[:EXCERPT_BYTES]
    )


def _envelope_error(line: bytes, details: str) -> RemoteProtocolError:
    return RemoteProtocolError(
        "E_PROTOCOL_ENVELOPE_INVALID", f"{_INVALID_ENVELOPE}: {details}", raw=line[:EXCERPT_BYTES]
    )


def _unsupported(line: bytes, why: str) -> RemoteProtocolError:
    return RemoteProtocolError(
        "E_PROTOCOL_ENVELOPE_INVALID", f"{_UNSUPPORTED} ({why})", raw=line[:EXCERPT_BYTES]
    )
