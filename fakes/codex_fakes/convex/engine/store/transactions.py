"""Transactions: one snapshot, the writes on top of it, what was read, and what was used.

May import the layers, read sets, records, tables and usage; the readers and writers when one is
asked for. The invariants: a transaction sees the state of its timestamp and its own writes,
whatever others commit meanwhile; rolling back to a savepoint leaves exactly the writes before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nextafter
from typing import TYPE_CHECKING

from codex_fakes.convex.engine.store.layers import Layer, View
from codex_fakes.convex.engine.store.read_sets import ReadSet
from codex_fakes.convex.engine.store.readers import DatabaseReader
from codex_fakes.convex.engine.store.records import Write
from codex_fakes.convex.engine.store.usage import Usage
from codex_fakes.convex.engine.store.writers import DatabaseWriter
from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codex_fakes.convex.engine.store.database import Database
    from codex_fakes.convex.engine.store.records import Stored
    from codex_fakes.convex.engine.store.tables import Space, Table
    from codex_fakes.convex.engine.store.usage import WriteUsage


@dataclass(frozen=True, slots=True)
class Savepoint:
    """A moment of a transaction to go back to.

    Attributes:
        transaction: Whose moment it is.
        length: How many writes had been made.
        usage: What had been used for writes.
    """

    transaction: Transaction
    length: int
    usage: WriteUsage


class Transaction:
    """One transaction; :meth:`Database.begin` makes them.

    Args:
        database: The database.
        snapshot: The timestamp whose state it sees, in nanoseconds since the epoch.
        now_ms: The time at its start, in milliseconds since the epoch: it stands still inside.

    Attributes:
        database: The database.
        snapshot: The timestamp.
        now_ms: The time.
        read_set: What was read so far.
        usage: What was used so far.
        finished: Whether it was committed, or refused for a conflict.
    """

    __slots__ = (
        "_last_created",
        "_seen",
        "_undo",
        "_views",
        "database",
        "finished",
        "now_ms",
        "read_set",
        "snapshot",
        "usage",
    )

    def __init__(self, database: Database, snapshot: int, now_ms: float) -> None:
        self.database = database
        self.snapshot = snapshot
        self.now_ms = now_ms
        self.read_set = ReadSet()
        self.usage = Usage(database.limits)
        self.finished = False
        self._views: dict[int, View] = {}
        self._seen = snapshot
        self._undo: list[tuple[Layer, str, tuple[Stored | None] | None]] = []
        self._last_created: float | None = None

    def reader(self, space: Space, *, journal: str | None = None) -> DatabaseReader:
        """Make the ``ctx.db`` of a query.

        Args:
            space: The space that the function belongs to.
            journal: The journal of the function's last run, when there was one.

        Returns:
            A reader for one function: it allows one paginated query.
        """
        return DatabaseReader(self, space, previous_journal=journal)

    def writer(self, space: Space) -> DatabaseWriter:
        """Make the ``ctx.db`` of a mutation.

        Args:
            space: The space that the function belongs to.

        Returns:
            A writer for one function: it allows one paginated query.
        """
        return DatabaseWriter(self, space)

    def system_writer(self, space: Space) -> DatabaseWriter:
        """Make a writer of the tables that functions can only read.

        Args:
            space: The space whose system tables are written.

        Returns:
            A writer that uses up none of what the transaction may write.
        """
        return DatabaseWriter(self, space, system=True)

    def savepoint(self) -> Savepoint:
        """Mark this moment."""
        return Savepoint(self, len(self._undo), self.usage.mark())

    def rollback_to(self, savepoint: Savepoint) -> None:
        """Undo what was written since a moment; what was read stays read.

        Args:
            savepoint: The moment, of this transaction.

        Raises:
            CodexRuntimeError: ``E_FAKE_CONVEX_TRANSACTION_MISUSED``: it is another transaction's,
                or this one went back further already.
        """
        if savepoint.transaction is not self or savepoint.length > len(self._undo):
            raise CodexRuntimeError(
                "E_FAKE_CONVEX_TRANSACTION_MISUSED",
                "a savepoint is of another transaction, or of writes that are undone already",
            )
        while len(self._undo) > savepoint.length:
            layer, identity, before = self._undo.pop()
            if before is None:
                layer.take_out(identity)
            else:
                layer.put(identity, before[0])
        self.usage.go_back(savepoint.usage)

    @property
    def is_read_only(self) -> bool:
        """Whether nothing is written, or everything that was is undone."""
        return not self._undo

    def view(self, table: Table) -> View:
        """Give a table as this transaction sees it.

        Args:
            table: The table.

        Returns:
            The view, in step with what was committed meanwhile.

        Raises:
            SnapshotUnavailable: The history back to this transaction's timestamp is gone.
            CodexRuntimeError: ``E_FAKE_CONVEX_TRANSACTION_MISUSED``: it was committed.
        """
        if self.finished:
            raise CodexRuntimeError(
                "E_FAKE_CONVEX_TRANSACTION_MISUSED",
                "a database object of a function was used after the function had finished",
            )
        if self._seen != self.database.ts:
            self._take_back_newer_commits()
        view = self._views.get(table.uid)
        if view is None:
            view = self._views[table.uid] = View(table)
        return view

    def write(self, table: Table, identity: str, document: Stored | None) -> None:
        """Put a write on top.

        Args:
            table: The table.
            identity: The document.
            document: What it is from now on, ``None`` when it is deleted.
        """
        view = self.view(table)
        layer = view.pending
        if layer is None:
            layer = view.pending = Layer()
        known = layer.documents
        before = (known[identity],) if identity in known else None
        if before is None:
            # As long as the view is in step with what others have committed.
            view.began[identity] = view.snapshot(identity)
        layer.put(identity, document)
        self._undo.append((layer, identity, before))

    def next_creation_time(self) -> float:
        """Give the creation time of the next document, later than all before.

        Returns:
            Milliseconds since the epoch, with a fraction: the time of the transaction, or the next
            number behind the creation time of the newest document when the clock stood still.
        """
        last = self.database.last_creation_time
        if self._last_created is not None and self._last_created > last:
            last = self._last_created
        self._last_created = self.now_ms if self.now_ms > last else nextafter(last, inf)
        return self._last_created

    @property
    def last_created(self) -> float | None:
        """The creation time of its newest document, ``None`` when it created none."""
        return self._last_created

    def writes(self) -> Iterator[Write]:
        """What it changes: each document once, without those that end as they began."""
        for view in self._views.values():
            if view.pending is not None:
                for identity, new in view.pending.documents.items():
                    old = view.began[identity]
                    if old is not None or new is not None:
                        yield Write(view.table, identity, old, new)

    def _take_back_newer_commits(self) -> None:
        for commit in self.database.commits_since(self._seen):
            for write in commit.writes:
                table = write.table
                view = self._views.get(table.uid)
                if view is None:
                    view = self._views[table.uid] = View(table)
                if view.past is None:
                    view.past = Layer()
                # The first change since the snapshot has the document as the snapshot had it.
                if write.id not in view.past.documents:
                    view.past.put(write.id, write.old)
        self._seen = self.database.ts
