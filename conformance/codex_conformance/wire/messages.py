"""One line of the wire, read strictly: what it is, and what it says.

May import the standard library only. The invariant: reading never fails; a line that is no message
becomes a :class:`Line` without one, with the reason in words, because what a broken app-server
writes is evidence and not an error of ours.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NoReturn, TypeAlias

Message: TypeAlias = dict[str, Any]
"""A JSON object as the standard library reads it."""

SHOWN_LIMIT: Final = 400
"""Characters of a line that evidence shows."""


class Kind(Enum):
    """What a JSON object of the wire is, judged by its members."""

    REQUEST = "request"
    NOTIFICATION = "notification"
    RESPONSE = "response"
    ERROR = "error"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it was received.

    Attributes:
        raw: Its bytes, without the newline.
        message: The JSON object it holds, if it holds one.
        problem: Why it holds none.
    """

    raw: bytes
    message: Message | None = None
    problem: str | None = None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def read_line(raw: bytes) -> Line:
    """Read a line.

    Args:
        raw: Its bytes, without the newline.

    Returns:
        The line, with its message or with what is wrong with it.
    """
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        return Line(raw, problem=f"not UTF-8 ({error.reason} at byte {error.start})")
    except (ValueError, RecursionError) as error:
        return Line(raw, problem=f"not JSON ({error})")
    if not isinstance(value, dict):
        return Line(raw, problem=f"JSON, but {_named(value)} and no object")
    return Line(raw, message=value)


def encode(message: Message) -> bytes:
    """Write a message as a compact line, without the newline."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()


def kind_of(message: Message) -> Kind:
    """Say what a message is: ``method`` decides first, then ``id``."""
    if "method" in message:
        return Kind.REQUEST if "id" in message else Kind.NOTIFICATION
    if "id" in message and "result" in message:
        return Kind.RESPONSE
    if "id" in message and "error" in message:
        return Kind.ERROR
    return Kind.OTHER


def is_answer(message: Message) -> bool:
    """Whether a message is a response or an error."""
    return kind_of(message) in (Kind.RESPONSE, Kind.ERROR)


def method_of(message: Message | None) -> str | None:
    """The method of a request or notification; ``None`` for anything else."""
    method = message.get("method") if message is not None else None
    return method if isinstance(method, str) else None


def at(value: Any, *path: str | int) -> Any:
    """Follow a path into a JSON value.

    Args:
        value: Where to start.
        path: Member names and array indexes.

    Returns:
        What is there, or ``None`` where the path leads nowhere.
    """
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def array_at(value: Any, *path: str | int) -> list[Any]:
    """Follow a path to an array; where there is none, the array is empty."""
    found = at(value, *path)
    return found if isinstance(found, list) else []


def same_id(one: object, other: object) -> bool:
    """Whether two JSON-RPC ids are the same, their JSON types included (0, ``"0"``, ``false``)."""
    return type(one) is type(other) and one == other


def keyed(value: object) -> str:
    """Write a JSON value so that it can be a key: what should be a text may be anything."""
    return json.dumps(value, sort_keys=True)


def alike_ids(one: object, other: object) -> bool:
    """Whether two ids would be the same if JSON had one type of id.

    The probe matches answers this way, so that an app-server which changes the type of an id breaks
    the rule about ids and nothing else.
    """
    return str(one) == str(other)


def printable(text: str) -> str:
    """Write control characters as escapes, so that evidence cannot command a terminal."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _named(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, list):
        return "an array"
    return "a number"
