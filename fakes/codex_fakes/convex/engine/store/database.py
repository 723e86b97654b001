"""The database: its spaces, the commits that can still be looked back to, and their validation.

May import the rest of the store. The invariants: timestamps only grow; a commit is applied as a
whole or not at all, and only when nothing it read was changed since its snapshot, so transactions
are as good as run one after the other; only commits within the window are kept.

The past is not stored but recovered: the latest state is complete, and each commit that is kept
says what its documents were before. So the present costs nothing for the past, and dropping the
oldest commit raises the floor.
"""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.engine.errors import Conflict, SnapshotUnavailable
from codex_fakes.convex.engine.ids import IdFactory
from codex_fakes.convex.engine.limits import DEFAULT_LIMITS, Limits
from codex_fakes.convex.engine.schema import Schema
from codex_fakes.convex.engine.store.records import Commit
from codex_fakes.convex.engine.store.redeclaring import declared_again
from codex_fakes.convex.engine.store.saved_states import (
    VERSION,
    load_space,
    save_space,
    unreadable,
)
from codex_fakes.convex.engine.store.tables import Space
from codex_fakes.convex.engine.store.transactions import Transaction
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.values import Int64

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codex_runtime.values import Value

NANOSECONDS: Final = 1_000_000
"""Of a millisecond."""

_NO_TABLES: Final = Schema()


class Database:
    """An in-memory database of several spaces.

    Args:
        schemas: The schema of each space by its path; the app's path is the empty text. Spaces that
            are not here have no schema and come about when they are asked for.
        limits: The limits.
        seed: Where ids start.

    Attributes:
        limits: The limits.
        value_limits: Those of them that concern single values.
        ids: Where ids come from.
        ts: The timestamp of the latest commit, in nanoseconds since the epoch.
        floor: The oldest timestamp that can still be read.
        last_creation_time: The creation time of the newest document.
    """

    def __init__(
        self,
        schemas: Mapping[str, Schema] | None = None,
        *,
        limits: Limits = DEFAULT_LIMITS,
        seed: int | str = 0,
    ) -> None:
        self.limits = limits
        self.value_limits = limits.of_values()
        self.ids = IdFactory(seed)
        self.ts = 0
        self.floor = 0
        self.last_creation_time = 0.0
        self._schemas = dict(schemas or {})
        self._uids = count()
        self._spaces: dict[str, Space] = {}
        self._history: deque[Commit] = deque()
        self._superseded = 0
        for path in self._schemas:
            self.space(path)

    def space(self, path: str = "") -> Space:
        """Give the tables of the app or of a component.

        Args:
            path: The component's path, empty for the app.

        Returns:
            The space; the same one for the same path.
        """
        space = self._spaces.get(path)
        if space is None:
            schema = self._schemas.get(path, _NO_TABLES)
            space = self._spaces[path] = Space(path, schema, self.limits, self._uids)
        return space

    def spaces(self) -> Iterator[Space]:
        """All spaces there are."""
        return iter(self._spaces.values())

    def begin(self, at: int | None = None, *, now_ms: float) -> Transaction:
        """Begin a transaction.

        Args:
            at: The timestamp to read at, in nanoseconds; the latest when left out.
            now_ms: The time, in milliseconds since the epoch.

        Returns:
            The transaction.

        Raises:
            SnapshotUnavailable: The timestamp is in the future, or was superseded so long ago that
                its state is gone.
        """
        if at is None or at == self.ts:
            return Transaction(self, self.ts, now_ms)
        self._forget(int(now_ms * NANOSECONDS))
        if at > self.ts:
            raise SnapshotUnavailable(
                f"The timestamp {at} is in the future: the latest is {self.ts}."
            )
        if at < self.floor:
            raise SnapshotUnavailable(
                f"Snapshot timestamp out of retention window: {at} is before {self.floor}."
            )
        return Transaction(self, at, now_ms)

    def commit(self, transaction: Transaction) -> Commit:
        """Make what a transaction wrote the latest state.

        Args:
            transaction: A transaction of this database; it is finished afterwards, also when it
                conflicts.

        Returns:
            What changed; when nothing did, a commit without writes at the timestamp that was read.

        Raises:
            Conflict: What it read was changed since its snapshot: its function has to run again.
            CodexRuntimeError: ``E_FAKE_CONVEX_TRANSACTION_MISUSED``: it is finished already, or
                another database's.
        """
        if transaction.finished or transaction.database is not self:
            raise CodexRuntimeError(
                "E_FAKE_CONVEX_TRANSACTION_MISUSED",
                "a transaction can be committed once, and to its own database",
            )
        transaction.finished = True
        writes = tuple(transaction.writes())
        if not writes:
            return Commit(transaction.snapshot)
        self._validate(transaction, writes[0].table.name)
        now_ts = int(transaction.now_ms * NANOSECONDS)
        commit = Commit(max(self.ts + 1, now_ts), writes)
        for write in writes:
            write.table.apply(write)
        created = transaction.last_created
        if created is not None and created > self.last_creation_time:
            self.last_creation_time = created
        self.ts = commit.ts
        self._history.append(commit)
        self._superseded += _superseded(commit)
        self._forget(commit.ts)
        return commit

    def deploy(self, schemas: Mapping[str, Schema], *, now_ms: float) -> Commit:
        """Put other schemas in the place of these; documents, ids and numbers of tables stay.

        What was read before cannot be looked back to: a transaction that is under way conflicts.

        Args:
            schemas: The schema of each space that has one by its path; spaces that are not here
                keep the one they have.
            now_ms: The time, in milliseconds since the epoch.

        Returns:
            A commit that touches whatever was read.

        Raises:
            CodexRuntimeError: ``E_FAKE_CONVEX_DEPLOY_REFUSED``: a schema does not take a document
                that is there; nothing is changed.
        """
        planned = [
            (space, schema, declared_again(space, schema, self.limits, self._uids))
            for path, schema in schemas.items()
            if (space := self._spaces.get(path)) is not None
        ]
        for space, schema, tables in planned:
            space.declare_again(schema, tables)
        self._schemas.update(schemas)
        for path in schemas:
            self.space(path)
        self.ts = self.floor = max(self.ts + 1, int(now_ms * NANOSECONDS))
        self._history.clear()
        self._superseded = 0
        return Commit(self.ts, deploys=True)

    def commits_since(self, ts: int) -> list[Commit]:
        """Give the commits after a timestamp.

        Args:
            ts: The timestamp.

        Returns:
            The commits, oldest first.

        Raises:
            SnapshotUnavailable: Some of them are gone.
        """
        if ts < self.floor:
            raise SnapshotUnavailable(
                f"Snapshot timestamp out of retention window: {ts} is before {self.floor}."
            )
        newer: list[Commit] = []
        for commit in reversed(self._history):
            if commit.ts <= ts:
                break
            newer.append(commit)
        newer.reverse()
        return newer

    def dump(self) -> dict[str, Value]:
        """Write the latest state down.

        Returns:
            A value for :meth:`load`, of plain Convex values.
        """
        return {
            "version": VERSION,
            "ts": Int64(self.ts),
            "lastCreationTime": self.last_creation_time,
            "spaces": [save_space(space) for space in self._spaces.values()],
        }

    def load(self, state: Any) -> None:
        """Bring a state back; ids go on differently than they did when it was written down.

        Args:
            state: What :meth:`dump` gave, also of a database with another schema.

        Raises:
            CodexRuntimeError: ``E_FAKE_CONVEX_SNAPSHOT_INVALID``: it is not such a state, the
                schema does not take a document in it, or this database has documents.
        """
        if self.ts:
            raise unreadable("the database it is loaded into has documents")
        try:
            if state["version"] != VERSION:
                raise unreadable(f"it is of version {state['version']!r}, not {VERSION!r}")
            ts, created = state["ts"].value, float(state["lastCreationTime"])
            writes = [
                write
                for saved in state["spaces"]
                for write in load_space(self.space(saved["path"]), saved["tables"])
            ]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise unreadable(f"{type(error).__name__}: {error}") from error
        for write in writes:
            write.table.apply(write)
        self.ts = self.floor = ts
        self.last_creation_time = created
        self.ids.restart(ts)

    def _validate(self, transaction: Transaction, written: str) -> None:
        if transaction.snapshot == self.ts:
            return
        if transaction.snapshot < self.floor:
            # Whether its reads still hold cannot be known any more; running again is always right.
            raise Conflict(written)
        for commit in self.commits_since(transaction.snapshot):
            table = transaction.read_set.conflict(commit)
            if table is not None:
                raise Conflict(table.name)

    def _forget(self, now: int) -> None:
        oldest = now - int(self.limits.snapshot_window_ms * NANOSECONDS)
        history, limits = self._history, self.limits
        while history and (
            history[0].ts < oldest
            or len(history) > limits.snapshot_commits
            or self._superseded > limits.snapshot_bytes
        ):
            forgotten = history.popleft()
            self._superseded -= _superseded(forgotten)
            self.floor = forgotten.ts


def _superseded(commit: Commit) -> int:
    """The bytes of documents that only the history still holds."""
    return sum([write.old.size for write in commit.writes if write.old is not None])
