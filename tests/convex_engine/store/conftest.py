"""What the tests of the store have: a database, and a short way to run one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

from codex_fakes.convex.engine.limits import DEFAULT_LIMITS
from codex_fakes.convex.engine.schema import define_schema, define_table
from codex_fakes.convex.engine.store import Database
from codex_runtime.values import v

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_fakes.convex.engine.store import Commit, DatabaseReader, DatabaseWriter, Transaction

T = TypeVar("T")
NOW = 1_700_000_000_000.0

SCHEMA = define_schema(
    {
        "messages": define_table(
            {
                "author": v.string(),
                "likes": v.optional(v.number()),
                "body": v.optional(v.any()),
                "reply_to": v.optional(v.id("messages")),
            }
        )
        .index("by_author", ["author"])
        .index("by_author_likes", ["author", "likes"])
        .index("by_nested", ["body.deep.x"]),
        "anything": define_table(v.any()).index("by_a", ["a"]).index("by_a_b", ["a", "b"]),
    }
)


class Store:
    """A database, and whole transactions in one call."""

    def __init__(self, *, limits=DEFAULT_LIMITS, schema=SCHEMA, components=()):
        schemas = {"": schema} | dict(components)
        self.database = Database(schemas, limits=limits)
        self.now_ms = NOW

    def begin(self, at: int | None = None) -> Transaction:
        return self.database.begin(at, now_ms=self.now_ms)

    def write(self, change: Callable[[DatabaseWriter], T], *, space: str = "") -> T:
        return self.change(change, space=space)[0]

    def change(self, change: Callable[[DatabaseWriter], T], *, space: str = "") -> tuple[T, Commit]:
        transaction = self.begin()
        result = change(transaction.writer(self.database.space(space)))
        return result, self.database.commit(transaction)

    def read(
        self, look: Callable[[DatabaseReader], T], *, at: int | None = None, space: str = ""
    ) -> T:
        return look(self.begin(at).reader(self.database.space(space)))

    def insert(self, table: str, *documents: dict, space: str = "") -> list[str]:
        return self.write(lambda db: [db.insert(table, each) for each in documents], space=space)

    def values(self, table: str, field: str = "a") -> list:
        return [row.get(field) for row in self.read(lambda db: db.query(table).collect())]


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def make_store():
    return Store
