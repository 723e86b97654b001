"""Deleting rows, no more in one transaction than it can bear.

May import the long texts, rows, limits and values. The invariant: a budget ends after so many rows,
bytes or look-ups, whichever comes first; what is left is found again by the next transaction, for a
row goes only after its parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_fakes.component.long_texts import PARTS, parts_of
from codex_fakes.component.rows import select
from codex_runtime.contract.limits import DELETE_LOOKUPS_MOST, READ_BYTES_MOST
from codex_runtime.values import size_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_fakes.component.rows import Row, Rows


class Budget:
    """What one transaction may still delete, and what it has deleted.

    Args:
        ctx: The function's context.
        rows: The most rows, parts of long texts included.

    Attributes:
        counts: How many rows of each table were deleted, in the order they were first met.
    """

    def __init__(self, ctx: Any, rows: int) -> None:
        self._ctx = ctx
        self._rows = rows
        self._bytes = READ_BYTES_MOST
        self._lookups = DELETE_LOOKUPS_MOST
        self.counts: dict[str, int] = {}

    def is_spent(self) -> bool:
        """Tell whether nothing more may be deleted in this transaction."""
        return self._rows <= 0 or self._bytes <= 0 or self._lookups <= 0

    def found(self, table: str, where: Mapping[str, Any], *order: str) -> Rows:
        """Look for rows to delete; arguments as for :func:`~codex_fakes.component.rows.select`."""
        self._lookups -= 1
        return select(self._ctx.db, table, where, *order)

    def drop(self, table: str, row: Row) -> None:
        """Delete a row and its parts, as far as the budget goes.

        Args:
            table: The row's table.
            row: The row as it is stored.
        """
        for field in row.get("longFields", ()):
            self._lookups -= 1
            for part in parts_of(self._ctx, row, field):
                self._delete(PARTS, part)
                if self.is_spent():
                    return
        self._delete(table, row)

    def drop_found(self, table: str, where: Mapping[str, Any]) -> None:
        """Delete the rows with certain values, as far as the budget goes."""
        if self.is_spent():
            return
        for row in self.found(table, where):
            self.drop(table, row)
            if self.is_spent():
                return

    def _delete(self, table: str, row: Row) -> None:
        self._ctx.db.delete(row["_id"])
        self.counts[table] = self.counts.get(table, 0) + 1
        self._rows -= 1
        # To delete a row is to look it up, and so to read it, once more.
        self._lookups -= 1
        self._bytes -= 2 * size_of(row)
