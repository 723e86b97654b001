"""The ``ctx.db`` of a query: documents by id, queries, and the tables of the system.

May import the transactions by type, ids, errors and queries. The invariant: every read is recorded
in the transaction's read set and counted before its result is given, and results are copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_fakes.convex.engine.errors import FunctionError
from codex_fakes.convex.engine.ids import InvalidId, decode_id
from codex_fakes.convex.engine.store.queries import Query

if TYPE_CHECKING:
    from codex_fakes.convex.engine.store.records import Stored
    from codex_fakes.convex.engine.store.tables import Space, Table
    from codex_fakes.convex.engine.store.transactions import Transaction
    from codex_runtime.values import Value


class DatabaseReader:
    """Reads the tables of one space for one function; :meth:`Transaction.reader` makes them.

    Args:
        transaction: The transaction.
        space: The space.
        system: Whether it reads the tables of the system, and only those.
        previous_journal: The journal of the function's last run, when there was one.

    Attributes:
        transaction: The transaction.
        space: The space.
        previous_journal: Where the function's page ended when it last ran, to end there again.
        journal: Where its page ended now, ``None`` when it did not paginate.
    """

    __slots__ = ("_paginated", "_system", "journal", "previous_journal", "space", "transaction")

    def __init__(
        self,
        transaction: Transaction,
        space: Space,
        *,
        system: bool = False,
        previous_journal: str | None = None,
    ) -> None:
        self.transaction = transaction
        self.space = space
        self.previous_journal = previous_journal
        self.journal: str | None = None
        self._system = system
        self._paginated = False

    def get(self, identity: str) -> dict[str, Value] | None:
        """Give a document.

        Args:
            identity: Its id.

        Returns:
            A copy of it; ``None`` when there is none of that id.

        Raises:
            FunctionError: It is not an id, or the id of a table that is read elsewhere.
            LimitExceeded: The transaction has read too much.
        """
        table = self.table_by_id(identity, "get")
        if table is None:
            return None
        stored = self.read(table, identity)
        return None if stored is None else stored.copy()

    def query(self, table: str) -> Query:
        """Begin a query.

        Args:
            table: The name of the table; one that was never written to is empty.

        Returns:
            A query of all its documents, oldest first.

        Raises:
            FunctionError: The table is of the other kind: of the system, or of the user.
        """
        self._check_kind(table)
        return Query(self, self.space.for_reading(table))

    def normalize_id(self, table: str, identity: str) -> str | None:
        """Check that a text is the id of a table's document, which need not exist.

        Args:
            table: The name of the table.
            identity: Any text.

        Returns:
            The id; ``None`` when it is not one of that table.
        """
        known = self.space.find(table)
        if known is None:
            return None
        try:
            number, _ = decode_id(identity)
        except InvalidId:
            return None
        return identity if number == known.number else None

    @property
    def system(self) -> DatabaseReader:
        """The reader of ``_scheduled_functions`` and ``_storage``."""
        return self if self._system else DatabaseReader(self.transaction, self.space, system=True)

    def read(self, table: Table, identity: str) -> Stored | None:
        """Read a document by its id, recorded and counted.

        Args:
            table: Its table.
            identity: Its id.

        Returns:
            The document as it is stored, never to be handed out; ``None`` when there is none.
        """
        transaction = self.transaction
        usage = transaction.usage
        usage.read_range()
        stored = transaction.view(table).get(identity)
        transaction.read_set.of(table).ids.add(identity)
        if stored is not None:
            usage.read(1, stored.size)
        return stored

    def table_by_id(self, identity: str, method: str) -> Table | None:
        """Find the table of an id.

        Args:
            identity: The id.
            method: The method whose argument it is, for the error.

        Returns:
            The table; ``None`` when no table has that number.

        Raises:
            FunctionError: It is not an id, or the id of a table of the other kind.
        """
        if type(identity) is not str:
            raise FunctionError(
                f"Invalid argument `id` for `db.{method}`: Expected a string, "
                f"got {type(identity).__name__}"
            )
        try:
            table = self.space.locate(identity)
        except InvalidId as error:
            raise FunctionError(
                f"Invalid argument `id` for `db.{method}`: Unable to decode ID: {error}"
            ) from None
        if table is not None:
            self._check_kind(table.name)
        return table

    def begin_page(self) -> None:
        """Note that the function paginates.

        Raises:
            FunctionError: It did before, or it belongs to a component.
        """
        if self.space.path and not self._system:
            raise FunctionError("paginate() is only supported in the app.")
        if self._paginated:
            raise FunctionError(
                "This query or mutation function ran multiple paginated queries. Convex only "
                "supports a single paginated query in each function."
            )
        self._paginated = True

    def _check_kind(self, table: str) -> None:
        if table.startswith("_") == self._system:
            return
        if self._system:
            raise FunctionError("User tables cannot be accessed with db.system.")
        raise FunctionError("System tables can only be accessed with db.system.")
