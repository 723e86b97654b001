"""How much a transaction has used of what it may use.

May import the limits only. The invariant: what is counted here is checked in the same call, so no
transaction gets past a limit by one operation or another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from codex_fakes.convex.engine.limits import (
    too_many_bytes_read,
    too_many_bytes_written,
    too_many_documents_read,
    too_many_reads,
    too_many_scheduled,
    too_many_scheduled_bytes,
    too_many_writes,
)

if TYPE_CHECKING:
    from codex_fakes.convex.engine.limits import Limits


class WriteUsage(NamedTuple):
    """What a savepoint remembers of the counts: reads stay counted, the rest goes back to this."""

    documents_written: int
    bytes_written: int
    functions_scheduled: int
    scheduled_bytes: int


class Usage:
    """The counts of one transaction.

    Args:
        limits: What it may use.

    Attributes:
        documents_read: Documents read, those that a filter dropped included.
        bytes_read: Their sizes.
        ranges_read: Index ranges read; a ``get`` is one.
        documents_written: Inserts, patches, replacements and deletions.
        bytes_written: The sizes of what they wrote.
        functions_scheduled: Functions scheduled.
        scheduled_bytes: The sizes of their arguments.
    """

    __slots__ = (
        "_limits",
        "bytes_read",
        "bytes_written",
        "documents_read",
        "documents_written",
        "functions_scheduled",
        "ranges_read",
        "scheduled_bytes",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.documents_read = 0
        self.bytes_read = 0
        self.ranges_read = 0
        self.documents_written = 0
        self.bytes_written = 0
        self.functions_scheduled = 0
        self.scheduled_bytes = 0

    def read_range(self) -> None:
        """Count an index range.

        Raises:
            LimitExceeded: It is one too many.
        """
        self.ranges_read += 1
        if self.ranges_read > self._limits.ranges_read:
            raise too_many_reads(self._limits.ranges_read)

    def read(self, documents: int, size: int) -> None:
        """Count documents that were read.

        Args:
            documents: How many.
            size: The sum of their sizes, in bytes.

        Raises:
            LimitExceeded: They are too many or too large.
        """
        self.documents_read += documents
        self.bytes_read += size
        if self.documents_read > self._limits.documents_read:
            raise too_many_documents_read(self._limits.documents_read)
        if self.bytes_read > self._limits.bytes_read:
            raise too_many_bytes_read(self._limits.bytes_read)

    def write(self, size: int) -> None:
        """Count a write.

        Args:
            size: The size of what is written, 0 for a deletion, in bytes.

        Raises:
            LimitExceeded: It is one too many, or too large with what was written before.
        """
        self.documents_written += 1
        self.bytes_written += size
        if self.documents_written > self._limits.documents_written:
            raise too_many_writes(self._limits.documents_written)
        if self.bytes_written > self._limits.bytes_written:
            raise too_many_bytes_written(self._limits.bytes_written)

    def schedule(self, size: int) -> None:
        """Count a function that is scheduled.

        Args:
            size: The size of its arguments, in bytes.

        Raises:
            LimitExceeded: It is one too many, or its arguments are too large with those before.
        """
        self.functions_scheduled += 1
        self.scheduled_bytes += size
        if self.functions_scheduled > self._limits.functions_scheduled:
            raise too_many_scheduled(self._limits.functions_scheduled)
        if self.scheduled_bytes > self._limits.scheduled_bytes:
            raise too_many_scheduled_bytes(self._limits.scheduled_bytes)

    def mark(self) -> WriteUsage:
        """Remember what a savepoint goes back to."""
        return WriteUsage(
            self.documents_written,
            self.bytes_written,
            self.functions_scheduled,
            self.scheduled_bytes,
        )

    def go_back(self, mark: WriteUsage) -> None:
        """Forget what was written and scheduled since a savepoint; reads stay counted.

        Args:
            mark: What :meth:`mark` gave.
        """
        self.documents_written = mark.documents_written
        self.bytes_written = mark.bytes_written
        self.functions_scheduled = mark.functions_scheduled
        self.scheduled_bytes = mark.scheduled_bytes
