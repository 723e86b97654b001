"""Failures that a Convex function sees: thrown into it, and told to its caller in Convex's words.

May import :mod:`codex_runtime.values` only. The invariant: what is raised here happens on a real
deployment too, with this text; misuse of the fake itself is a coded error of
:mod:`codex_runtime.errors` and never one of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_runtime.values import UNDEFINED

if TYPE_CHECKING:
    from codex_runtime.values import Undefined, Value


class FunctionError(Exception):
    """What a query, mutation or action fails with on a real deployment.

    Args:
        message: Convex's text, without the class of the error and without a stack.
        data: What a ``ConvexError`` carries; ``UNDEFINED`` for others.

    Attributes:
        message: The text.
        data: The data.
    """

    def __init__(self, message: str, data: Value | Undefined = UNDEFINED) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class LimitExceeded(FunctionError):  # noqa: N818 - Convex's own word for it; it is no fault of ours
    """A function read, wrote or passed on more than a limit allows (FACTS §5.6)."""


class InvalidCursor(FunctionError):  # noqa: N818 - the name the client libraries look for
    """A page was asked for with a cursor that is not one, or is another query's (FACTS §5.5)."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"InvalidCursor: {reason}",
            {"isConvexSystemError": True, "paginationError": "InvalidCursor"},
        )


class SnapshotUnavailable(FunctionError):  # noqa: N818 - names the state, like the others
    """A timestamp was asked for that is in the future, or whose history is gone."""


class Conflict(FunctionError):  # noqa: N818 - the field's word for it
    """What a mutation read was changed before it committed: it has to run again (FACTS §5.7).

    Args:
        table: The table in which the change happened.

    Attributes:
        table: That table.
    """

    def __init__(self, table: str) -> None:
        super().__init__(
            f'Documents read from or written to the "{table}" table changed while this mutation '
            "was being run and on every subsequent retry. See https://docs.convex.dev/error#1"
        )
        self.table = table
