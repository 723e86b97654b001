r"""The app-server's dialect of JSON-RPC: what a line from the client is, and how answers look.

May import msgspec. The rules (FACTS §4):

* There is no ``jsonrpc`` member in what the server says; in what the client says it is ignored.
* Ids are strings or 64-bit integers and come back unchanged. A line with any other id is no
  message.
* What is no message gets no answer at all, and the connection lives on.
* Requests without an id and unknown notifications are ignored.

The invariant: reading a line never raises, except that bytes which are not UTF-8 end the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec

RpcId: TypeAlias = str | int

INVALID_REQUEST: Final = -32600
NOT_SUPPORTED: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL: Final = -32603

_INT64: Final = range(-(2**63), 2**63)
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder()


class _Absent:
    """The params of a request that has none, which is not the same as null params."""


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True)
class Request:
    """A request of the client."""

    id: RpcId
    method: str
    params: Any


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification of the client."""

    method: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The client's answer to a request of the server.

    Attributes:
        id: The id of the server's request.
        result: The result; meaningless when ``failed``.
        failed: Whether the answer is a JSON-RPC error.
        code: The error's code, as the client gave it.
    """

    id: RpcId
    result: Any
    failed: bool
    code: Any = None


Message: TypeAlias = Request | Notification | Answer


class Refusal(Exception):  # noqa: N818 - not a failure of the program: an answer on its way out
    """A request is answered with an error.

    Args:
        message: The text the client sees.
        code: The JSON-RPC code; nearly always the same one.
        data: The ``data`` member, when there is one.
    """

    def __init__(
        self, message: str, *, code: int = INVALID_REQUEST, data: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.data = data


def read_line(line: bytes) -> Message | None:
    """Understand one line of the client.

    Args:
        line: The line without its newline.

    Returns:
        The message, or ``None`` for what is answered with silence.

    Raises:
        UnicodeDecodeError: The line is not UTF-8; the real server ends then.
    """
    try:
        value = _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError):
        line.decode("utf-8")
        return None
    if not isinstance(value, dict):
        return None
    method = value.get("method")
    if "id" not in value:
        return Notification(method) if isinstance(method, str) else None
    request_id = value["id"]
    if not _is_id(request_id):
        return None
    if isinstance(method, str):
        return Request(request_id, method, value.get("params", ABSENT))
    if "error" in value and _is_error(value["error"]):
        return Answer(request_id, None, failed=True, code=value["error"]["code"])
    if "result" in value:
        return Answer(request_id, value["result"], failed=False)
    return None


def _is_id(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, str) or (isinstance(value, int) and value in _INT64)


def _is_error(value: object) -> bool:
    return isinstance(value, dict) and "code" in value and "message" in value


def encode(value: object) -> bytes:
    """Write a value as compact JSON."""
    return _ENCODER.encode(value)


def decode(data: bytes) -> Any:
    """Read JSON.

    Raises:
        ValueError: The data is not JSON.
    """
    return _DECODER.decode(data)


def response_line(request_id: RpcId, result: object) -> bytes:
    """Write the response to a request."""
    return _ENCODER.encode({"id": request_id, "result": result}) + b"\n"


def refusal_line(request_id: RpcId, refusal: Refusal) -> bytes:
    """Write the error response to a request."""
    error: dict[str, Any] = {"code": refusal.code}
    if refusal.data is not None:
        error["data"] = refusal.data
    error["message"] = refusal.message
    return _ENCODER.encode({"error": error, "id": request_id}) + b"\n"


def request_line(request_id: int, method: str, params: dict[str, Any]) -> bytes:
    """Write a request of the server."""
    return _ENCODER.encode({"method": method, "id": request_id, "params": params}) + b"\n"


def notification_line(method: str, params: dict[str, Any], emitted_at_ms: int) -> bytes:
    """Write a notification."""
    return (
        _ENCODER.encode({"method": method, "params": params, "emittedAtMs": emitted_at_ms}) + b"\n"
    )


class LineReader:
    r"""Cuts the bytes of one connection into lines; ``\r\n`` and blanks around are trimmed."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes in.

        Args:
            data: Bytes in any split.

        Returns:
            The lines that are complete now.
        """
        if b"\n" not in data:
            self._rest.append(data)
            return []
        *lines, last = (b"".join(self._rest) + data).split(b"\n")
        self._rest = [last] if last else []
        return [line.strip() for line in lines]
