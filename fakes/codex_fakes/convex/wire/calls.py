"""A call of a function as it comes over the wire: its path, its arguments, who makes it.

May import the engine, the values and the refusals. The invariant: a path that cannot be one is the
server's refusal, arguments that cannot be read are the function's failure, and only an
administrator reaches into a component or at an internal function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from codex_fakes.convex.engine.functions.references import PathError, parse_path
from codex_fakes.convex.wire.refusals import bad_request
from codex_runtime.values import InvalidValue, loads, render

if TYPE_CHECKING:
    from codex_fakes.convex.engine.identity import Identity
    from codex_runtime.values import Value


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, checked.

    Attributes:
        identity: What ``ctx.auth`` tells; ``None`` for nobody in particular.
        is_admin: Whether internal functions and components are open to them.
        expires_at_ms: When they are no longer believed, in milliseconds since the epoch; ``None``
            for never.
    """

    identity: Identity | None = None
    is_admin: bool = False
    expires_at_ms: float | None = None

    def expired(self, now_ms: float) -> bool:
        """Say whether they are no longer believed.

        Args:
            now_ms: The time, in milliseconds since the epoch.

        Returns:
            Whether their token ended.
        """
        return self.expires_at_ms is not None and self.expires_at_ms <= now_ms


ANONYMOUS: Final = Caller()
"""Nobody in particular."""


class UnreadableArguments(Exception):  # noqa: N818 - it is the function's failure, told to its caller
    """Arguments that no function can be given.

    Args:
        message: What the caller is told.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def checked_path(text: str) -> str:
    """Give the one spelling of a function's path.

    Args:
        text: ``messages:list``, ``messages.js:list``, or ``file`` for its default export.

    Returns:
        ``messages.js:list``.

    Raises:
        Refusal: ``BadConvexFunctionIdentifier``.
    """
    try:
        return parse_path(text).canonical
    except PathError as error:
        raise bad_request("BadConvexFunctionIdentifier", error.message) from None


def read_arguments(path: str, raw: bytes) -> dict[str, Value]:
    """Read the arguments of a call.

    Args:
        path: The function, for the text of a failure.
        raw: JSON: an object, or an array with at most one object in it.

    Returns:
        The arguments.

    Raises:
        UnreadableArguments: They are no values, or no object.
    """
    try:
        value = loads(raw)
    except InvalidValue as error:
        raise UnreadableArguments(f"Invalid arguments for {path}: {error.message}") from None
    if isinstance(value, list):
        if len(value) > 1:
            raise UnreadableArguments(
                "ArgumentValidationError: Expected to receive a single object as the function's "
                f"argument. Instead received {len(value)} arguments: {render(value)}"
            )
        value = value[0] if value else {}
    if not isinstance(value, dict):
        raise UnreadableArguments(
            "ArgumentValidationError: Expected to receive an object as the function's argument. "
            f"Instead received: {render(value)}"
        )
    return value
