"""What the server does to answer one model request, as values.

May import nothing. The invariant: the whole behaviour of a response is decided before its first
byte is sent; the server carries the actions out in order and decides nothing. A plan that runs out
ends its stream regularly, as far as HTTP goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with an HTTP error; nothing follows.

    Attributes:
        status: The HTTP status.
        body: The body, a JSON document.
        headers: Additional headers.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Send status 200 and the headers of an event stream.

    Attributes:
        headers: Additional headers.
    """

    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Send:
    """Send bytes of the stream.

    Attributes:
        data: One event, or what a script sends in its place.
    """

    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Say nothing for a while.

    Attributes:
        milliseconds: For how long.
    """

    milliseconds: int


@dataclass(frozen=True, slots=True)
class AwaitGate:
    """Say nothing until a gate is open.

    Attributes:
        gate: The gate's name.
    """

    gate: str


@dataclass(frozen=True, slots=True)
class StaySilent:
    """Keep the connection open and say nothing until the client leaves; nothing follows."""


Action: TypeAlias = Refuse | OpenStream | Send | Pause | AwaitGate | StaySilent
