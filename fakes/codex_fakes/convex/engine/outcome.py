"""What a call came to: a value, or a failure in the words that its caller gets to see.

May import :mod:`codex_runtime.values` and the errors of the engine. The invariant: an outcome has a
failure exactly when it is not ``ok``, and what a client may know of it is in the outcome, so that
whoever serves it over a wire adds only the wire's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from codex_fakes.convex.engine.errors import FunctionError
from codex_runtime.values import UNDEFINED, ConvexError, Undefined

if TYPE_CHECKING:
    from codex_fakes.convex.engine.store import ReadSet
    from codex_runtime.values import Value


class FailureKind(Enum):
    """What kind of failure it is: what a wire answers depends on it."""

    FUNCTION = "function"
    """The function failed: it threw, or its arguments, result or writes were refused."""
    MISSING = "missing"
    """There is no such function for this caller."""
    BAD_PATH = "bad path"
    """What was called cannot be the path of a function."""
    WRONG_KIND = "wrong kind"
    """It is there, but is a query, a mutation or an action where another was called."""
    TOO_LARGE = "too large"
    """Its arguments or its result are larger than Convex carries."""
    CONFLICT = "conflict"
    """It conflicted with others at every retry."""
    TIMESTAMP = "timestamp"
    """It was to read a state that is not there yet, or is no longer kept."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call failed.

    Attributes:
        message: The whole text as a client gets it without redaction: what was thrown, a line for
            each frame of the handler, and a line feed at the end.
        kind: What kind of failure.
        data: The data of a ``ConvexError``; ``UNDEFINED`` for every other failure.
        cause: The exception behind it, for debugging; no part of what a client sees.
    """

    message: str
    kind: FailureKind = FailureKind.FUNCTION
    data: Value | Undefined = UNDEFINED
    cause: BaseException | None = field(default=None, compare=False, repr=False)

    @property
    def headline(self) -> str:
        """The message without its frames: ``Uncaught Error: No such channel``."""
        return self.message.partition("\n    at ")[0].rstrip("\n")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to.

    Attributes:
        ok: Whether it succeeded.
        value: Its result; ``None`` when it failed.
        error: Why it failed; ``None`` when it did not.
        log_lines: What it logged, and what the calls it made logged.
        ts: The timestamp of its commit, or of the state that it read, in nanoseconds.
        read_set: What a query read, failed ones included; ``None`` for others.
        journal: What a query has to be run with to cover the same pages again.
        documents_read: How many documents a query or mutation read, those that a filter dropped and
            those of the calls it made included.
    """

    ok: bool
    value: Value = None
    error: Failure | None = None
    log_lines: tuple[str, ...] = ()
    ts: int = 0
    read_set: ReadSet | None = None
    journal: str | None = None
    documents_read: int = 0

    def unwrap(self) -> Value:
        """The result, where failing is not expected.

        Returns:
            The value.

        Raises:
            ConvexError: The function threw one.
            FunctionError: It failed in another way.
        """
        if self.error is None:
            return self.value
        if not isinstance(self.error.data, Undefined):
            raise ConvexError(self.error.data) from self.error.cause
        raise FunctionError(self.error.message.rstrip("\n")) from self.error.cause
