"""Reading a range of an index, piece by piece, on behalf of a query.

May import the transactions, views, read sets and tables by type. The invariant: when a document is
given, it is counted and the range up to it is recorded as read; when the end is found, the whole
range is recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from codex_fakes.convex.engine.store.read_sets import Interval, TableReads
    from codex_fakes.convex.engine.store.records import Stored
    from codex_fakes.convex.engine.store.tables import Table
    from codex_fakes.convex.engine.store.transactions import Transaction

CHUNK: Final = 100
"""Documents that an open-ended reading looks up in one go."""

_NEXT: Final = b"\x00"
"""Put behind a key it makes the first one that comes after the key."""
_LAST: Final = b"\xff"
"""A key behind all keys."""


class Scan:
    """One reading of a range.

    Args:
        transaction: Who reads.
        table: The table.
        position: The position of the index.
        low: The first key of the range.
        high: The first key behind it, ``None`` when it has no end.
        reverse: Whether to read from the end.
    """

    __slots__ = (
        "_begin",
        "_high",
        "_interval",
        "_low",
        "_position",
        "_reads",
        "_rest",
        "_reverse",
        "_table",
        "_transaction",
    )

    def __init__(
        self,
        transaction: Transaction,
        table: Table,
        position: int,
        low: bytes,
        high: bytes | None,
        *,
        reverse: bool,
    ) -> None:
        self._transaction = transaction
        self._table = table
        self._position = position
        self._low = low
        self._high = high
        self._reverse = reverse
        self._reads: TableReads = transaction.read_set.of(table)
        self._begin: bytes | None = None
        self._interval: Interval | None = None
        self._rest: list[tuple[bytes, Stored]] = []

    def start_behind(self, key: bytes) -> None:
        """Begin behind a key, in the direction of the reading.

        Args:
            key: The key.
        """
        if self._reverse:
            if self._high is None or key < self._high:
                self._high = key
        else:
            self._low = max(self._low, key + _NEXT)

    def end_with(self, key: bytes) -> None:
        """End with a key, in the direction of the reading.

        Args:
            key: The key; a document under it is read.
        """
        if self._reverse:
            self._low = max(self._low, key)
        elif self._high is None or key + _NEXT < self._high:
            self._high = key + _NEXT

    def take(self, count: int | None) -> list[tuple[bytes, Stored]]:
        """Read the first documents in one go; for a reading that goes no further.

        Args:
            count: How many, ``None`` for all.

        Returns:
            The documents with their keys.

        Raises:
            LimitExceeded: The transaction has read too much.
        """
        most = self._transaction.database.limits.documents_read + 1
        limit = most if count is None else min(count, most)
        rows = self._fetch(limit)
        self._record(rows[-1][0] if len(rows) == limit else None)
        if rows:
            self._transaction.usage.read(len(rows), sum([stored.size for _, stored in rows]))
        return rows

    def next(self) -> tuple[bytes, Stored] | None:
        """Read the next document.

        Returns:
            The document with its key, ``None`` at the end.

        Raises:
            LimitExceeded: The transaction has read too much; the document is not passed over.
        """
        if not self._rest:
            self._rest = self._fetch(CHUNK)
            self._rest.reverse()
            if not self._rest:
                self._record(None)
                return None
        key, stored = self._rest[-1]
        self._transaction.usage.read(1, stored.size)
        self._rest.pop()
        self._record(key)
        return key, stored

    def _fetch(self, limit: int) -> list[tuple[bytes, Stored]]:
        if self._interval is None:
            self._transaction.usage.read_range()
            self._begin = self._high if self._reverse else self._low
            # Nothing is read yet: an interval without keys.
            self._interval = self._reads.add(self._position, _LAST, _LAST)
        view = self._transaction.view(self._table)
        return view.scan(self._position, self._low, self._high, reverse=self._reverse, limit=limit)

    def _record(self, last: bytes | None) -> None:
        """Note that everything up to a key was read, everything to the end when there is none."""
        interval = self._interval
        assert interval is not None  # noqa: S101 - made by the fetch before
        if self._reverse:
            self._high = self._low if last is None else last
            low, high = self._high, self._begin
        else:
            reached = self._high if last is None else last + _NEXT
            self._low = _LAST if reached is None else reached
            low, high = self._begin or b"", reached
        self._reads.stretch(self._position, interval, low=low, high=high)
