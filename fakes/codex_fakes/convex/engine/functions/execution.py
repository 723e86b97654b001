"""Running functions in one transaction: the top-level call and every call nested in it.

May import the store, the limits and the other modules of functions. The invariant: what a nested
mutation wrote is gone when it throws and nothing else is; what it read stays counted; arguments and
results are copies, so no two functions share a list or an object.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.engine.errors import FunctionError
from codex_fakes.convex.engine.functions.contexts import MutationContext, QueryContext
from codex_fakes.convex.engine.functions.declarations import Kind
from codex_fakes.convex.engine.functions.driving import drive
from codex_fakes.convex.engine.functions.failures import Refusal, data_of, message_of
from codex_fakes.convex.engine.functions.logs import LogLines
from codex_fakes.convex.engine.limits import format_size
from codex_fakes.convex.engine.outcome import FailureKind
from codex_runtime.values import (
    UNDEFINED,
    ConvexError,
    InvalidValue,
    Undefined,
    ValidationFailed,
    canonical,
    render,
    size_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_fakes.convex.engine.functions.jobs import Ended, Job
    from codex_fakes.convex.engine.functions.references import Reference
    from codex_fakes.convex.engine.functions.registry import Export, Registry
    from codex_fakes.convex.engine.identity import Identity
    from codex_fakes.convex.engine.limits import Limits
    from codex_fakes.convex.engine.store import DatabaseReader, DatabaseWriter, Space, Transaction
    from codex_runtime.values import Value, ValueLimits

TOO_DEEP: Final = (
    "Cross component call depth limit exceeded. Do you have an infinite loop in your app?"
)


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What all calls of a backend have in common.

    Attributes:
        registry: The functions.
        spaces: The tables of the app and its components, by their path.
        limits: What a call may use.
        values: What any value may be.
    """

    registry: Registry
    spaces: Mapping[str, Space]
    limits: Limits
    values: ValueLimits


class Execution:
    """One transaction's worth of calls: what they share.

    Args:
        around: What all calls of the backend share.
        transaction: The transaction they run in.
        now_ms: The time that they see, which stands still.
        seed: Where their chance starts.
        identity: Who called; ``None`` for nobody.
        job: The job that this runs for, if it runs for one.

    Attributes:
        around: What all calls of the backend share.
        transaction: The transaction.
        now_ms: The time.
        identity: Who called.
        job: The job.
        logs: What they logged.
        scheduled: The jobs that they scheduled, those of failed calls included.
        ended: The jobs that they ended, those of failed calls included.
    """

    __slots__ = (
        "_random",
        "_seed",
        "around",
        "ended",
        "identity",
        "job",
        "logs",
        "now_ms",
        "scheduled",
        "transaction",
    )

    def __init__(
        self,
        around: Surroundings,
        transaction: Transaction,
        now_ms: float,
        seed: str,
        identity: Identity | None = None,
        job: Job | None = None,
    ) -> None:
        self.around = around
        self.transaction = transaction
        self.now_ms = now_ms
        self.identity = identity
        self.job = job
        self.logs = LogLines(around.limits)
        self.scheduled: list[Job] = []
        self.ended: list[Ended] = []
        self._seed = seed
        self._random: random.Random | None = None

    def random(self) -> float:
        """A number from 0 up to 1, the same at the same place whenever the test is run again."""
        if self._random is None:
            self._random = random.Random(self._seed)  # noqa: S311 - repeatable on purpose
        return self._random.random()


class Frame:
    """One function that is running.

    Args:
        execution: The transaction it runs in.
        export: The function.
        depth: How many functions are running around it.
        journal: The journal of its last run; only the outermost function has one.

    Attributes:
        execution: The transaction.
        export: The function.
    """

    __slots__ = ("_depth", "_journal", "_reader", "execution", "export")

    def __init__(
        self, execution: Execution, export: Export, depth: int = 0, journal: str | None = None
    ) -> None:
        self.execution = execution
        self.export = export
        self._depth = depth
        self._journal = journal
        self._reader: DatabaseReader | None = None

    def open_reader(self) -> DatabaseReader:
        """Open the tables of the function's component, for this function alone.

        Returns:
            The reader.
        """
        space = self.execution.around.spaces[self.export.mount]
        self._reader = self.execution.transaction.reader(space, journal=self._journal)
        return self._reader

    def open_writer(self) -> DatabaseWriter:
        """Open the tables of the function's component to be written, for this function alone.

        Returns:
            The writer.
        """
        return self.execution.transaction.writer(self.execution.around.spaces[self.export.mount])

    @property
    def journal(self) -> str | None:
        """What the function has to be run with to cover the same page again."""
        return None if self._reader is None else self._reader.journal

    def call(self, kind: Kind, reference: Reference, args: Mapping[str, Any] | None) -> Value:
        """Call another function in the same transaction.

        Args:
            kind: What it has to be.
            reference: Which.
            args: Its arguments.

        Returns:
            Its result.

        Raises:
            ConvexError: It threw one; the data is its data.
            FunctionError: It failed in another way, or cannot be called.
        """
        around = self.execution.around
        export = around.registry.refer(self.export.mount, reference, kind)
        try:
            value = self._run_inside(export, accepted_arguments(around, export, args))
            # A result is looked at when the call's writes are taken over already, as in Convex.
            return checked_result(around, export, value)
        except Exception as error:
            raise told_to_caller(error) from error

    def _run_inside(self, export: Export, args: dict[str, Value]) -> Value:
        if self._depth >= self.execution.around.limits.call_depth:
            raise FunctionError(TOO_DEEP)
        frame = Frame(self.execution, export, self._depth + 1)
        if export.function.kind is Kind.QUERY:
            return frame.run(args)
        transaction = self.execution.transaction
        savepoint = transaction.savepoint()
        try:
            return frame.run(args)
        except BaseException:
            transaction.rollback_to(savepoint)
            raise

    def run(self, args: dict[str, Value]) -> Value:
        """Run the handler.

        Args:
            args: Its arguments, accepted and its own.

        Returns:
            What it returned, as a value.

        Raises:
            Exception: Whatever it threw.
        """
        function = self.export.function
        context = QueryContext(self) if function.kind is Kind.QUERY else MutationContext(self)
        result = function.handler(context, args)
        if type(result) is CoroutineType:
            result = drive(result, self.export.path.canonical)
        return as_value(result, self.execution.around.values)


def as_value(result: Any, limits: ValueLimits) -> Value:
    """What a handler returned, as a value: nothing and ``UNDEFINED`` are null."""
    if result is None or result is UNDEFINED:
        return None
    return canonical(result, limits=limits)


def told_to_caller(error: Exception) -> Exception:
    """What a function gets that called one which failed.

    Args:
        error: What that one threw.

    Returns:
        A ``ConvexError`` of the same data, or an error with its text.
    """
    data = data_of(error)
    if isinstance(data, Undefined):
        return FunctionError(message_of(error))
    return ConvexError(data)


def accepted_arguments(
    around: Surroundings, export: Export, args: Mapping[str, Any] | None
) -> dict[str, Value]:
    """Check what a function is called with.

    Args:
        around: Where its limits and ids are from.
        export: The function.
        args: The arguments.

    Returns:
        A copy that is the function's own.

    Raises:
        Refusal: They are no object, too large, or not what the function declares.
    """
    try:
        given = {} if args is None else canonical(args, limits=around.values)
    except InvalidValue as error:
        raise Refusal(error.message) from error
    if type(given) is not dict:
        raise Refusal(
            "ArgumentValidationError: Expected to receive an object as the function's argument. "
            f"Instead received: {render(given)}"
        )
    if given and (size := size_of(given)) > around.limits.arguments_bytes:
        raise Refusal(
            f"Arguments for {export.path.canonical} are too large (actual: {format_size(size)}, "
            f"limit: {format_size(around.limits.arguments_bytes)})",
            FailureKind.TOO_LARGE,
        )
    validator = export.function.args
    if validator is not None:
        try:
            validator.check(given, around.spaces[export.mount].table_of)
        except ValidationFailed as error:
            raise Refusal(f"ArgumentValidationError: {error.message}") from error
    return given


def checked_result(around: Surroundings, export: Export, value: Value) -> Value:
    """Check what a function returned.

    Args:
        around: Where its limits and ids are from.
        export: The function.
        value: Its result.

    Returns:
        The result.

    Raises:
        Refusal: It is too large, or not what the function declares.
    """
    if value is not None and (size := size_of(value)) > around.limits.return_bytes:
        raise Refusal(
            f"Function {export.path.canonical} return value is too large (actual: "
            f"{format_size(size)}, limit: {format_size(around.limits.return_bytes)})",
            FailureKind.TOO_LARGE,
        )
    validator = export.function.returns
    if validator is not None:
        try:
            validator.check(value, around.spaces[export.mount].table_of)
        except ValidationFailed as error:
            raise Refusal(f"ReturnsValidationError: {error.message}") from error
    return value
