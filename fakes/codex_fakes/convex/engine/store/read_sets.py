"""What a transaction has read, precisely enough to tell whether a commit changes it.

May import the tables and records by type, and ``codex_runtime.values``. The invariant: if a commit
touches none of what is here, running the same reads again after it gives the same results. Nothing
larger is recorded: the range of a query ends at the last document that was consumed.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from codex_fakes.convex.engine.store.tables import BY_ID_POSITION
from codex_runtime.values import sort_key

if TYPE_CHECKING:
    from codex_fakes.convex.engine.store.records import Commit, Write
    from codex_fakes.convex.engine.store.tables import Table

_FEW: Final = 8
"""Up to so many intervals are looked through one by one."""


class Interval:
    """Keys from ``low`` up to, but without, ``high``; without an end when that is ``None``."""

    __slots__ = ("high", "low")

    def __init__(self, low: bytes, high: bytes | None) -> None:
        self.low = low
        self.high = high

    def __contains__(self, key: bytes) -> bool:
        return key >= self.low and (self.high is None or key < self.high)


class TableReads:
    """What was read of one table.

    Args:
        table: The table.

    Attributes:
        table: The table.
        ids: Documents that were read by their ids, whether they were there or not.
    """

    __slots__ = ("_intervals", "_merged", "ids", "table")

    def __init__(self, table: Table) -> None:
        self.table = table
        self.ids: set[str] = set()
        self._intervals: dict[int, list[Interval]] = {}
        self._merged: dict[int, tuple[list[bytes], list[bytes | None]]] = {}

    def add(self, position: int, low: bytes, high: bytes | None) -> Interval:
        """Record a range of an index.

        Args:
            position: The position of the index.
            low: The first key of the range.
            high: The first key behind it, ``None`` when it has no end.

        Returns:
            The interval; it may only be changed with :meth:`stretch`.
        """
        interval = Interval(low, high)
        self._intervals.setdefault(position, []).append(interval)
        self._merged.pop(position, None)
        return interval

    def stretch(self, position: int, interval: Interval, *, low: bytes, high: bytes | None) -> None:
        """Change the ends of a range that is being read.

        Args:
            position: The position of the index.
            interval: What :meth:`add` gave.
            low: The new first key.
            high: The new first key behind it.
        """
        interval.low, interval.high = low, high
        self._merged.pop(position, None)

    def touched_by(self, write: Write) -> bool:
        """Tell whether a change is among what was read.

        Args:
            write: A change of this table.
        """
        if write.id in self.ids:
            return True
        for position in self._intervals:
            if position == BY_ID_POSITION:
                if self._covers(position, sort_key(write.id)):
                    return True
                continue
            old, new = write.old, write.new
            if old is not None and self._covers(position, old.keys[position]):
                return True
            if new is not None and self._covers(position, new.keys[position]):
                return True
        return False

    def _covers(self, position: int, key: bytes) -> bool:
        intervals = self._intervals[position]
        if len(intervals) <= _FEW:
            return any(key in interval for interval in intervals)
        merged = self._merged.get(position)
        if merged is None:
            merged = self._merged[position] = _merge(intervals)
        lows, highs = merged
        at = bisect_right(lows, key) - 1
        if at < 0:
            return False
        high = highs[at]
        return high is None or key < high


class ReadSet:
    """What a transaction has read."""

    __slots__ = ("_tables",)

    def __init__(self) -> None:
        self._tables: dict[int, TableReads] = {}

    def of(self, table: Table) -> TableReads:
        """Give what was read of a table, to record more.

        Args:
            table: The table.
        """
        reads = self._tables.get(table.uid)
        if reads is None:
            reads = self._tables[table.uid] = TableReads(table)
        return reads

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read at all."""
        return not self._tables

    def touched_by(self, commit: Commit) -> bool:
        """Tell whether a commit may change what these reads give.

        Args:
            commit: A commit of the same database.

        Returns:
            ``False`` only when the same reads give the same results before and after it.
        """
        return commit.deploys or self.conflict(commit) is not None

    def conflict(self, commit: Commit) -> Table | None:
        """Find a table in which a commit changed what was read.

        Args:
            commit: A commit of the same database.

        Returns:
            The table of the first such change, or ``None``.
        """
        tables = self._tables
        for write in commit.writes:
            reads = tables.get(write.table.uid)
            if reads is not None and reads.touched_by(write):
                return write.table
        return None


def _merge(intervals: list[Interval]) -> tuple[list[bytes], list[bytes | None]]:
    """Bring intervals in order and make one of those that meet."""
    lows: list[bytes] = []
    highs: list[bytes | None] = []
    for interval in sorted(intervals, key=lambda each: each.low):
        if interval.high is not None and interval.high <= interval.low:
            continue
        if highs:
            last = highs[-1]
            if last is None:
                break
            if interval.low <= last:
                if interval.high is None or interval.high > last:
                    highs[-1] = interval.high
                continue
        lows.append(interval.low)
        highs.append(interval.high)
    return lows, highs
