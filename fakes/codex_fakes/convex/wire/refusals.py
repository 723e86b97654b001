"""What the server itself refuses, as opposed to what a function of the app throws.

May import the standard library only. The invariant: one table says for every kind of refusal its
HTTP status, the last message on a websocket and the code that closes it, so that the two doors
cannot disagree.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple


class Farewell(Enum):
    """The message a websocket gets before a refusal closes it."""

    FATAL = "FatalError"
    AUTH = "AuthError"
    NONE = ""


class Shape(NamedTuple):
    """How a kind of refusal is told."""

    status: int
    farewell: Farewell
    close_code: int


class Kind(Enum):
    """Why the server refuses."""

    BAD_REQUEST = Shape(400, Farewell.FATAL, 1000)
    UNAUTHENTICATED = Shape(401, Farewell.AUTH, 1000)
    FORBIDDEN = Shape(403, Farewell.FATAL, 1000)
    NOT_FOUND = Shape(404, Farewell.NONE, 1000)
    RATE_LIMITED = Shape(429, Farewell.NONE, 1013)
    OVERLOADED = Shape(503, Farewell.NONE, 1013)
    INTERNAL = Shape(500, Farewell.NONE, 1011)


INTERNAL_CODE: Final = "InternalServerError"
INTERNAL_MESSAGE: Final = "Your request couldn't be completed. Try again later."


class Refusal(Exception):  # noqa: N818 - it is no error of ours: it is the server's answer
    """The server's own answer to a request it does not carry out.

    Args:
        kind: How it is told.
        code: Convex's short name of it, ``BadJsonBody``.
        message: What it says to a developer.
    """

    def __init__(self, kind: Kind, code: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code
        self.message = message


def bad_request(code: str, message: str) -> Refusal:
    """Make the refusal of a request that can never be carried out.

    Args:
        code: Convex's short name.
        message: What is wrong with it.

    Returns:
        The refusal, to be raised.
    """
    return Refusal(Kind.BAD_REQUEST, code, message)


def unauthenticated(code: str, message: str) -> Refusal:
    """Make the refusal of somebody who is not who they say.

    Args:
        code: Convex's short name.
        message: What is wrong with the token or the key.

    Returns:
        The refusal, to be raised.
    """
    return Refusal(Kind.UNAUTHENTICATED, code, message)


def internal() -> Refusal:
    """Make the refusal that tells nothing, for what the real server did not foresee either.

    Returns:
        The refusal, to be raised.
    """
    return Refusal(Kind.INTERNAL, INTERNAL_CODE, INTERNAL_MESSAGE)
