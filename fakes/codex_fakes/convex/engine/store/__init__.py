"""The data of the in-memory Convex: versioned tables, transactions, queries.

May import ``codex_runtime.values``, ``codex_runtime.errors``, sortedcontainers and the modules
beside this package (``limits``, ``ids``, ``errors``, ``schema``). The invariant: no IO, no clock
and no chance of its own; the time comes with each transaction and ids from a seeded factory.
"""

from __future__ import annotations

from codex_fakes.convex.engine.store.database import Database
from codex_fakes.convex.engine.store.pages import PaginationOptions, PaginationResult
from codex_fakes.convex.engine.store.queries import Query
from codex_fakes.convex.engine.store.read_sets import ReadSet
from codex_fakes.convex.engine.store.readers import DatabaseReader
from codex_fakes.convex.engine.store.records import Commit, Write
from codex_fakes.convex.engine.store.tables import Space
from codex_fakes.convex.engine.store.transactions import Savepoint, Transaction
from codex_fakes.convex.engine.store.usage import Usage
from codex_fakes.convex.engine.store.writers import DatabaseWriter

__all__ = [
    "Commit",
    "Database",
    "DatabaseReader",
    "DatabaseWriter",
    "PaginationOptions",
    "PaginationResult",
    "Query",
    "ReadSet",
    "Savepoint",
    "Space",
    "Transaction",
    "Usage",
    "Write",
]
