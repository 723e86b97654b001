"""What comes over HTTP, read, and what goes back, written; without IO.

May import msgspec, the calls, the formats and the messages. The invariant: a body is read whole or
refused with ``BadJsonBody``; what goes back has the shape of the real backend's answers, a number
in the form that the official clients take.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from codex_fakes.convex.wire.refusals import Refusal, bad_request
from codex_fakes.convex.wire.timestamps import encode_ts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_fakes.convex.wire.client_versions import ClientVersion
    from codex_fakes.convex.wire.credentials import Credentials
    from codex_fakes.convex.wire.server_messages import Answer

BODY_BYTES: Final = (16 << 20) + 2000
"""The longest body, in bytes."""

_JSON_TYPE: Final = re.compile(r"application/(?:json|[^\s;/]+\+json)\s*(?:;.*)?\Z", re.IGNORECASE)
_encode: Final = msgspec.json.Encoder().encode
_Body = TypeVar("_Body", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came.

    Attributes:
        client: Who is on the other side.
        credentials: Who asks, unchecked.
        content_type: The header, or ``None``.
        body: The body; ``None`` when it was longer than :data:`BODY_BYTES`.
        query: The parameters behind the ``?``.
        url_path: What the route left open.
    """

    client: ClientVersion
    credentials: Credentials
    content_type: str | None
    body: bytes | None
    query: Mapping[str, str]
    url_path: str

    def read(self, kind: type[_Body]) -> _Body:
        """Read the body.

        Args:
            kind: What it should be.

        Returns:
            What it is.

        Raises:
            Refusal: ``BadJsonBody``.
        """
        return read_body(self.content_type, self.body, kind)


class FunctionRequest(msgspec.Struct, frozen=True):
    """The call of a function."""

    path: str
    args: msgspec.Raw
    format: str | None = None


class FunctionAtRequest(msgspec.Struct, frozen=True):
    """The call of a query at a time."""

    path: str
    args: msgspec.Raw
    ts: str
    format: str | None = None


class AnyFunctionRequest(msgspec.Struct, frozen=True, rename="camel"):
    """The call of any function by an administrator."""

    path: str
    args: msgspec.Raw
    format: str | None = None
    component_path: str | None = None


class ArgumentsRequest(msgspec.Struct, frozen=True):
    """The call of a function that the URL names."""

    args: msgspec.Raw
    format: str | None = None


class BatchRequest(msgspec.Struct, frozen=True):
    """The calls of several queries at one time."""

    queries: list[FunctionRequest]


def read_body(content_type: str | None, body: bytes | None, kind: type[_Body]) -> _Body:
    """Read the body of a request.

    Args:
        content_type: The header, or ``None``.
        body: The body; ``None`` when it was longer than :data:`BODY_BYTES`.
        kind: What it should be.

    Returns:
        What it is.

    Raises:
        Refusal: ``BadJsonBody``.
    """
    if content_type is None or not _JSON_TYPE.match(content_type):
        raise _bad_body("Expected request with `Content-Type: application/json`")
    if body is None:
        raise _bad_body("Failed to buffer the request body: length limit exceeded")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _bad_body(
            f"Failed to deserialize the JSON body into the target type: {error}"
        ) from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _bad_body(f"Failed to parse the request body as JSON: {error}") from None


def read_run_path(path: str) -> str:
    """Read which function a URL ``/api/run/…`` names.

    Args:
        path: What follows ``/api/run/``: ``messages/list``.

    Returns:
        ``messages:list``.

    Raises:
        Refusal: ``MissingIdentifier``.
    """
    module, slash, function = path.rpartition("/")
    if not slash:
        raise bad_request(
            "MissingIdentifier",
            "Path or function name not provided in path, e.g. /api/run/messages/list",
        )
    return f"{module}:{function}"


def function_response(answer: Answer) -> bytes:
    """Write what became of a function.

    Args:
        answer: What became of it.

    Returns:
        JSON text.
    """
    told: dict[str, Any]
    if answer.ok:
        told = {"status": "success", "value": msgspec.Raw(answer.value.encode())}
    else:
        told = {"status": "error", "errorMessage": answer.message}
        if answer.data is not None:
            told["errorData"] = msgspec.Raw(answer.data.encode())
    if answer.log_lines:
        told["logLines"] = answer.log_lines
    return _encode(told)


def batch_response(answers: list[Answer]) -> bytes:
    """Write what became of several queries.

    Args:
        answers: What became of each.

    Returns:
        JSON text.
    """
    return _encode({"results": [msgspec.Raw(function_response(answer)) for answer in answers]})


def ts_response(ts: int) -> bytes:
    """Write a time.

    Args:
        ts: Nanoseconds since the epoch.

    Returns:
        JSON text.
    """
    return _encode({"ts": encode_ts(ts)})


def refusal_response(refusal: Refusal) -> bytes:
    """Write what the server refuses.

    Args:
        refusal: What it refuses.

    Returns:
        JSON text.
    """
    return _encode({"code": refusal.code, "message": refusal.message})


def _bad_body(message: str) -> Refusal:
    return bad_request("BadJsonBody", message)
