"""Queries: a source, an order, filters, and what is taken of the result.

May import ranges, filters, pages, errors; the readers and transactions by type. The invariant: a
query reads no further than what is consumed of it, and what it has read is recorded before the
document is given out.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Literal, TypeAlias

from codex_fakes.convex.engine.errors import FunctionError
from codex_fakes.convex.engine.schema import BY_CREATION_TIME
from codex_fakes.convex.engine.store.filters import FilterBuilder, build_filter, holds
from codex_fakes.convex.engine.store.pages import PaginationOptions, PaginationResult, read_page
from codex_fakes.convex.engine.store.ranges import IndexRangeBuilder, build_range, compile_range
from codex_fakes.convex.engine.store.scans import Scan
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from codex_fakes.convex.engine.store.filters import Expression
    from codex_fakes.convex.engine.store.readers import DatabaseReader
    from codex_fakes.convex.engine.store.tables import Index, Table
    from codex_runtime.values import Value

Order: TypeAlias = Literal["asc", "desc"]
Keys: TypeAlias = "tuple[bytes, bytes | None]"


class Query:
    """A query of one table; :meth:`DatabaseReader.query` makes them.

    Every step returns a new query. One that is read twice reads twice.

    Args:
        reader: Whose query it is.
        table: The table.
        index: The index, ``None`` for the whole table by creation time.
        keys: The first key and the first one behind the range, ``None`` for no end.
        order: The direction, when one was given.
        filters: The conditions that documents must meet.
    """

    __slots__ = ("_filters", "_index", "_keys", "_order", "_reader", "_table")

    def __init__(
        self,
        reader: DatabaseReader,
        table: Table,
        index: Index | None = None,
        keys: Keys = (b"", None),
        order: Order | None = None,
        filters: tuple[Expression, ...] = (),
    ) -> None:
        self._reader = reader
        self._table = table
        self._index = index
        self._keys = keys
        self._order = order
        self._filters = filters

    def with_index(
        self,
        name: str,
        range: Callable[[IndexRangeBuilder], IndexRangeBuilder] | None = None,  # noqa: A002
    ) -> Query:
        """Read an index, or a range of it, instead of the whole table.

        Args:
            name: The name of the index: ``by_creation_time``, ``by_id`` or a declared one.
            range: A function that builds the range; the whole index when left out.

        Returns:
            The query.

        Raises:
            FunctionError: The table has no such index, or the range is none of it.
            CodexRuntimeError: ``E_FAKE_CONVEX_QUERY_MISUSED``: the query has a source, an order or
                a filter already.
        """
        if self._index is not None or self._order is not None or self._filters:
            raise _misused("with_index", "must be the first step of a query, and the only source")
        index = self._table.indexes.get(name)
        if index is None:
            raise FunctionError(f"Index {self._table.name}.{name} not found.")
        keys: Keys = (b"", None)
        if range is not None:
            keys = compile_range(self._table.name, index, build_range(range))
        return Query(self._reader, self._table, index, keys)

    def full_table_scan(self) -> Query:
        """Read the whole table, oldest document first: what a query does anyway.

        Raises:
            CodexRuntimeError: ``E_FAKE_CONVEX_QUERY_MISUSED``: the query has a source.
        """
        if self._index is not None:
            raise _misused("full_table_scan", "cannot follow with_index")
        return Query(self._reader, self._table, None, self._keys, self._order, self._filters)

    def order(self, order: Order) -> Query:
        """Say in which direction to read.

        Args:
            order: ``asc``, which is the default, or ``desc``.

        Returns:
            The query.

        Raises:
            CodexRuntimeError: ``E_FAKE_CONVEX_QUERY_MISUSED``: it is neither, or the query has an
                order.
        """
        if order not in {"asc", "desc"}:
            raise _misused("order", f"takes 'asc' or 'desc', not {order!r}")
        if self._order is not None:
            raise _misused("order", "can be given once")
        return Query(self._reader, self._table, self._index, self._keys, order, self._filters)

    def filter(self, condition: Callable[[FilterBuilder], Any]) -> Query:
        """Leave documents out; they count as read nevertheless.

        Args:
            condition: A function that builds the condition that documents must meet.

        Returns:
            The query.

        Raises:
            FunctionError: The query has too many filters, or a value of the condition is none.
        """
        filters = (*self._filters, build_filter(condition))
        limit = self._reader.transaction.database.limits.query_operators
        if len(filters) > limit:
            raise FunctionError(f"Can't construct query with more than {limit} operators")
        return Query(self._reader, self._table, self._index, self._keys, self._order, filters)

    def first(self) -> dict[str, Value] | None:
        """Give the first document, ``None`` when there is none."""
        found = self._take(1)
        return found[0] if found else None

    def take(self, count: float) -> list[dict[str, Value]]:
        """Give the first documents.

        Args:
            count: How many at most.

        Raises:
            FunctionError: It is not a whole number, or negative.
        """
        if isinstance(count, bool) or not float(count).is_integer():
            raise FunctionError(f"Invalid argument `n` for `take`: {count!r} is not an integer")
        if count < 0:
            raise FunctionError(f"Invalid argument `n` for `take`: {count!r} is negative")
        return self._take(int(count))

    def unique(self) -> dict[str, Value] | None:
        """Give the only document, ``None`` when there is none.

        Raises:
            FunctionError: There is more than one.
        """
        found = self._take(2)
        if len(found) > 1:
            listed = ", ".join(str(document["_id"]) for document in found)
            raise FunctionError(
                "unique() query returned more than one result "
                f"from table {self._table.name}:\n [{listed}, ...]"
            )
        return found[0] if found else None

    def collect(self) -> list[dict[str, Value]]:
        """Give all documents."""
        rows = self._scan().take(None)
        if self._filters:
            return [stored.copy() for _, stored in rows if self._accepts(stored.fields)]
        return [stored.copy() for _, stored in rows]

    def paginate(self, options: PaginationOptions | Mapping[str, Value]) -> PaginationResult:
        """Give a page, and a cursor to go on from.

        Args:
            options: What a client sends (FACTS §5.5): ``numItems``, ``cursor`` and others.

        Returns:
            The page, as a function returns it.

        Raises:
            FunctionError: The options are not valid, the function paginated before, or it belongs
                to a component.
            InvalidCursor: A cursor is not one of this query.
        """
        reader = self._reader
        reader.begin_page()
        limits = reader.transaction.database.limits
        page = read_page(
            limits,
            reader.previous_journal,
            self._scan(),
            self._accepts,
            self._fingerprint(),
            options,
        )
        reader.journal = page["continueCursor"]
        return page

    def __iter__(self) -> Iterator[dict[str, Value]]:
        """Give the documents one by one; no more are read than are asked for."""
        scan = self._scan()
        while (row := scan.next()) is not None:
            if self._accepts(row[1].fields):
                yield row[1].copy()

    def _take(self, count: int) -> list[dict[str, Value]]:
        if count == 0:
            return []
        if not self._filters:
            return [stored.copy() for _, stored in self._scan().take(count)]
        return list(islice(self, count))

    def _accepts(self, fields: dict[str, Value]) -> bool:
        return all(holds(condition, fields) for condition in self._filters)

    def _scan(self) -> Scan:
        low, high = self._keys
        return Scan(
            self._reader.transaction,
            self._table,
            0 if self._index is None else self._index.position,
            low,
            high,
            reverse=self._order == "desc",
        )

    def _fingerprint(self) -> str:
        """What the query is, for cursors to be bound to."""
        name = BY_CREATION_TIME if self._index is None else self._index.name
        conditions = [condition.text for condition in self._filters]
        source = (self._table.space.path, self._table.name, name, self._keys)
        return repr((source, self._order == "desc", conditions))


def _misused(step: str, problem: str) -> CodexRuntimeError:
    return CodexRuntimeError("E_FAKE_CONVEX_QUERY_MISUSED", f"{step} {problem}")
