"""Every limit that Convex puts on values, documents, schemas and functions, and what it says.

May import the errors and :mod:`codex_runtime.values`. The invariant: a limit is a field of
:class:`Limits`, and a test lowers it by passing another one (FACTS §5.6 is the table).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from codex_fakes.convex.engine.errors import LimitExceeded
from codex_runtime.values import ValueLimits

MIB: Final = 1 << 20

OVER_LIMIT_HELP: Final = (
    "Consider using smaller limits in your queries, paginating your queries, or using indexed "
    "queries with a selective index range expressions."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one backend; the defaults are those of a deployment nobody has tuned.

    Attributes:
        documents_read: Documents that a transaction may read, those that a filter drops included.
        bytes_read: Bytes of documents that a transaction may read.
        ranges_read: Index ranges that a transaction may read; a ``get`` is one.
        documents_written: Writes that a transaction may make.
        bytes_written: Bytes of documents that a transaction may write.
        functions_scheduled: Functions that a mutation may schedule.
        scheduled_bytes: Bytes of arguments of all functions that a mutation schedules.
        arguments_bytes: Bytes of one function's arguments.
        return_bytes: Bytes of one function's return value.
        document_bytes: Bytes of one document, system fields included.
        document_nesting: Levels of arrays and objects in a document, itself included.
        value_nesting: Levels of arrays and objects in any value.
        array_length: Elements of an array.
        object_fields: Fields of an object; a document's system fields count.
        field_name_length: Characters of a field name.
        identifier_length: Characters of the name of a table, an index or an indexed field.
        tables: Tables of one component.
        indexes: Indexes of one table.
        index_fields: Fields of one index.
        query_seconds: Seconds that the code of a query or mutation may take, where somebody
            measures them.
        action_seconds: Seconds of the backend's clock that an action may take.
        call_depth: Functions that may be running inside one another.
        log_lines: Log lines of one function.
        log_line_length: Characters of a log line.
        query_operators: Filters and limits of one query.
        scheduler_parallelism: Scheduled functions that run at the same time.
        schedule_distance_ms: How far from now a function may be scheduled, in milliseconds.
        conflict_retries: How often a mutation runs again after a conflict.
        snapshot_window_ms: How long a superseded state can still be read, in milliseconds.
        snapshot_commits: How many commits back a superseded state can still be read: with a clock
            that stands still nothing ever grows old, and memory has to stay bounded.
        snapshot_bytes: How many bytes of superseded documents are kept for that.
    """

    documents_read: int = 32_000
    bytes_read: int = 16 * MIB
    ranges_read: int = 4_096
    documents_written: int = 16_000
    bytes_written: int = 16 * MIB
    functions_scheduled: int = 1_000
    scheduled_bytes: int = 16 * MIB
    arguments_bytes: int = 16 * MIB
    return_bytes: int = 16 * MIB
    document_bytes: int = MIB
    document_nesting: int = 16
    value_nesting: int = 64
    array_length: int = 8_192
    object_fields: int = 1_024
    field_name_length: int = 1_024
    identifier_length: int = 64
    tables: int = 10_000
    indexes: int = 64
    index_fields: int = 16
    query_seconds: float = 1.0
    action_seconds: float = 1_800.0
    call_depth: int = 8
    log_lines: int = 256
    log_line_length: int = 32_768
    query_operators: int = 256
    scheduler_parallelism: int = 8
    schedule_distance_ms: float = 5 * 365 * 24 * 3_600 * 1_000.0
    conflict_retries: int = 4
    snapshot_window_ms: float = 30_000.0
    snapshot_commits: int = 10_000
    snapshot_bytes: int = 64 * MIB

    def of_values(self) -> ValueLimits:
        """Give those of them that hold for any value."""
        return ValueLimits(
            nesting=self.value_nesting,
            array_length=self.array_length,
            object_fields=self.object_fields,
            field_name_length=self.field_name_length,
        )


DEFAULT_LIMITS: Final = Limits()

_ANY: Final = 1 << 62
UNLIMITED: Final = ValueLimits(nesting=_ANY, array_length=_ANY, object_fields=_ANY)
"""For what the backend itself puts together of values that were held to the limits on their own."""


def too_many_documents_read(limit: int) -> LimitExceeded:
    """The error of one document too many."""
    return LimitExceeded(
        f"Too many documents read in a single function execution (limit: {limit}). "
        f"{OVER_LIMIT_HELP}"
    )


def too_many_bytes_read(limit: int) -> LimitExceeded:
    """The error of one byte too many."""
    return LimitExceeded(
        f"Too many bytes read in a single function execution (limit: {limit} bytes). "
        f"{OVER_LIMIT_HELP}"
    )


def too_many_reads(limit: int) -> LimitExceeded:
    """The error of one index range too many."""
    return LimitExceeded(
        f"Too many reads in a single function execution (limit: {limit}). {OVER_LIMIT_HELP}"
    )


def too_many_writes(limit: int) -> LimitExceeded:
    """The error of one write too many."""
    return LimitExceeded(f"Too many writes in a single function execution (limit: {limit})")


def too_many_bytes_written(limit: int) -> LimitExceeded:
    """The error of one written byte too many."""
    return LimitExceeded(
        f"Too many bytes written in a single function execution (limit: {limit} bytes)"
    )


def too_many_scheduled(limit: int) -> LimitExceeded:
    """The error of one scheduled function too many."""
    return LimitExceeded(f"Too many functions scheduled by this mutation (limit: {limit})")


def too_many_scheduled_bytes(limit: int) -> LimitExceeded:
    """The error of one byte of scheduled arguments too many."""
    return LimitExceeded(
        "Too large total size of the arguments of functions scheduled from this mutation "
        f"(limit: {limit} bytes)"
    )


def value_too_large(size: int, limit: int) -> LimitExceeded:
    """The error of a document that is too large."""
    return LimitExceeded(
        f"Value is too large ({format_size(size)} > maximum size {format_size(limit)})"
    )


def object_too_wide(limit: int) -> LimitExceeded:
    """The error of a document whose system fields are one field too many."""
    return LimitExceeded(f"Object has too many fields ({limit + 1} > maximum number {limit})")


def document_too_nested(nesting: int, limit: int) -> LimitExceeded:
    """The error of a document with a level too many."""
    return LimitExceeded(
        f"Document is too nested (nested {nesting} levels deep > maximum nesting {limit})"
    )


def too_many_tables(limit: int) -> LimitExceeded:
    """The error of a table too many."""
    return LimitExceeded(f"Number of tables cannot exceed {limit}.")


def took_too_long(seconds: float) -> LimitExceeded:
    """The error of a function that has used up its time."""
    return LimitExceeded(
        f"Function execution timed out (maximum duration: {format_seconds(seconds)})"
    )


def format_seconds(seconds: float) -> str:
    """A time as Convex writes it: ``1s``, ``1800s``, ``2.5s``, ``50ms``.

    Args:
        seconds: The time, in seconds.

    Returns:
        The text, with the largest unit of which there is at least one.
    """
    amount, unit = seconds, "s"
    for smaller in ("ms", "µs", "ns"):
        if amount >= 1 or not amount:
            break
        amount, unit = amount * 1000, smaller
    return f"{round(amount, 9):g}{unit}" if amount < 1e5 else f"{amount:.0f}{unit}"


def format_size(size: int) -> str:
    """A number of bytes as Convex writes it: ``1 MiB``, ``1.05 MiB``.

    Args:
        size: Bytes.

    Returns:
        The text, with the largest unit of which there is at least one, and up to two decimals.
    """
    amount, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.2f}".rstrip("0").rstrip(".") + f" {unit}"
