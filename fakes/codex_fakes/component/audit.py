"""``audit``: counting what there is of an actor, and what has lost its parent.

May import the callers, rows and the contract's tables. The invariant: every table is counted, also
one that is added tomorrow; and no count reads more than a bounded part of a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_fakes.component.callers import Caller, caller_of
from codex_fakes.component.declared import implements
from codex_fakes.component.rows import select
from codex_runtime.contract.limits import (
    AUDIT_ORPHANS_NAMED,
    AUDIT_PARENTS_SOUGHT,
    AUDIT_ROWS_MOST,
    READ_BYTES_MOST,
)
from codex_runtime.contract.states import DELETION
from codex_runtime.contract.tables import SCOPE, TABLES, Table
from codex_runtime.values import size_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codex_fakes.component.rows import Row

_BYTES: Final = READ_BYTES_MOST // 8
"""Bytes of one table after which it is not read any further: a transaction reads all tables."""

_OF_STREAMS: Final = frozenset({"codex_stream_deltas_ttl", "codex_stream_receipts"})
"""Tables whose rows belong to a thread through their streams."""


@implements("audit.countRows")
def count_rows(ctx: Any, args: Row) -> Row:
    """Count the rows of an actor, or of one thread, in every table; and name the orphans."""
    caller = caller_of(args)
    thread_id = args.get("threadId")
    tables: list[Row] = []
    orphans: list[str] = []
    parents = _Parents(ctx)
    for table in TABLES.values():
        if thread_id is None:
            found = _of_actor(ctx, table, caller)
        else:
            found = _of_thread(ctx, table, caller, thread_id)
        rows, more = _bounded(found)
        tables.append({"tableName": table.name, "rows": len(rows), "atLeast": more})
        for row in rows[:AUDIT_PARENTS_SOUGHT]:
            orphans += parents.missing(table, row)
    return {
        "userScope": caller.scope,
        "tables": tables,
        "orphans": orphans[:AUDIT_ORPHANS_NAMED],
    }


def _bounded(found: Iterator[Row]) -> tuple[list[Row], bool]:
    """Read rows up to a limit; say whether there are more."""
    rows: list[Row] = []
    read = 0
    for row in found:
        if len(rows) == AUDIT_ROWS_MOST or read > _BYTES:
            return rows, True
        rows.append(row)
        read += size_of(row)
    return rows, False


def _of_actor(ctx: Any, table: Table, caller: Caller) -> Iterator[Row]:
    return iter(select(ctx.db, table.name, {SCOPE: caller.scope}))


def _of_thread(ctx: Any, table: Table, caller: Caller, thread_id: str) -> Iterator[Row]:
    """Read what belongs to a thread, in each table by the way that leads there."""
    where = {SCOPE: caller.scope, "threadId": thread_id}
    if table.name in _OF_STREAMS:
        for stream in select(ctx.db, "codex_streams", where).take(AUDIT_ROWS_MOST):
            of_stream = {SCOPE: caller.scope, "streamId": stream["streamId"]}
            yield from select(ctx.db, table.name, of_stream)
    elif table.name == "codex_thread_bindings":
        yield from select(ctx.db, table.name, {**caller.owner, "threadId": thread_id})
    elif table.name == "codex_deletion_jobs":
        for target in ("thread", "turn"):
            for status in DELETION.states:
                kind = {SCOPE: caller.scope, "targetKind": target, "status": status}
                yield from select(ctx.db, table.name, {**kind, "threadId": thread_id})
    else:
        yield from select(ctx.db, table.name, where)


class _Parents:
    """The parents that rows name, each looked for once.

    Args:
        ctx: The function's context.
    """

    def __init__(self, ctx: Any) -> None:
        self._ctx = ctx
        self._there: dict[str, bool] = {}

    def missing(self, table: Table, row: Row) -> list[str]:
        """Name the references of a row that lead to nothing.

        A deletion's own record outlives what it deleted; its references are history.
        """
        if table.name == "codex_deletion_jobs":
            return []
        references = [name for name in row if name.endswith("Ref")]
        return [
            f"{table.name}:{name}:{row['_id']}" for name in references if not self._is(row[name])
        ]

    def _is(self, reference: str) -> bool:
        if reference not in self._there:
            self._there[reference] = self._ctx.db.get(reference) is not None
        return self._there[reference]
