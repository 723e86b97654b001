"""Finding rows: always by an index, always by a range that begins with the scope.

May import the contract's tables and values. The invariant: a query of the component names the
fields it looks by, and there is an index of exactly these; it never filters (spec 13 §1).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from codex_runtime.contract.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from codex_fakes.convex.engine.store.ranges import IndexRangeBuilder

Row = dict[str, Any]


class Rows(Protocol):
    """A query of the engine, its documents taken for rows of the contract."""

    def order(self, order: str) -> Rows:
        """Say in which direction to read."""

    def first(self) -> Row | None:
        """Give the first row."""

    def take(self, count: int) -> list[Row]:
        """Give the first rows."""

    def collect(self) -> list[Row]:
        """Give all rows."""

    def __iter__(self) -> Iterator[Row]:
        """Give one row after the other."""


def select(
    db: Any,
    table: str,
    where: Mapping[str, Any],
    *order: str,
    then: Callable[[IndexRangeBuilder], IndexRangeBuilder] | None = None,
) -> Rows:
    """Begin a query over the rows with certain values.

    Args:
        db: The reader or writer.
        table: The table.
        where: The values of the first fields of an index, in its order; ``UNDEFINED`` for a field
            that must be absent.
        order: The fields of the index that follow, as far as they matter.
        then: Bounds on the first of them.

    Returns:
        The query.

    Raises:
        KeyError: The table has no index that begins like this.
    """
    index = _index(table, (*where, *order))

    def build(q: IndexRangeBuilder) -> IndexRangeBuilder:
        for field, value in where.items():
            q = q.eq(field, value)
        return q if then is None else then(q)

    return cast("Rows", db.query(table).with_index(index, build))


def one(db: Any, table: str, where: Mapping[str, Any]) -> Row | None:
    """Find the one row with certain values.

    Args:
        db: The reader or writer.
        table: The table.
        where: As for :func:`select`.

    Returns:
        The row; ``None`` when there is none.
    """
    return select(db, table, where).first()


@cache
def _index(table: str, fields: tuple[str, ...]) -> str:
    found = [index for index in TABLES[table].indexes if index.fields[: len(fields)] == fields]
    if not found:
        raise KeyError(f"{table} has no index that begins with {fields}")
    return min(found, key=lambda index: len(index.fields)).name
