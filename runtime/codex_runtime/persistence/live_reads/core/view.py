"""What a reader gets to see: queries, their results, and all of them at one moment.

May import values and the exceptions. The invariant: a view never changes, and everything in it is
of its one timestamp.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from codex_runtime.persistence.live_reads.failures import QueryFailedError
from codex_runtime.values import Undefined, Value


@dataclass(frozen=True, slots=True)
class Query:
    """A query with its arguments; equal ones are the same query.

    Attributes:
        path: The function, as the caller wrote it.
        arguments: Its arguments as ``convex_encoded_json`` text.
    """

    path: str
    arguments: str


@dataclass(frozen=True, slots=True)
class QueryValue:
    """What a query returned.

    Attributes:
        value: The value. It is shared by all who read it: do not change it.
        log_lines: What the function logged.
    """

    value: Value
    log_lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryFailure:
    """That a query failed.

    Attributes:
        message: The deployment's text.
        data: The data of the thrown ConvexError, or ``UNDEFINED`` when it was another error.
        log_lines: What the function logged.
    """

    message: str
    data: Value | Undefined
    log_lines: tuple[str, ...] = ()


QueryResult: TypeAlias = QueryValue | QueryFailure


def value_of(query: Query, result: QueryResult) -> Value:
    """Take the value of a result.

    Args:
        query: The query whose result it is.
        result: The result.

    Returns:
        The value.

    Raises:
        QueryFailedError: ``E_LIVE_QUERY_FAILED``.
    """
    if isinstance(result, QueryValue):
        return result.value
    raise QueryFailedError(query.path, result.message, result.data, result.log_lines)


class HasQuery(Protocol):
    """Something that stands for a query: a subscription."""

    @property
    def query(self) -> Query:
        """The query."""
        ...


@dataclass(frozen=True, slots=True)
class View(Mapping["Query | HasQuery", Value]):
    """The values of all subscribed queries at one moment.

    ``view[subscription]`` is a value, or raises ``E_LIVE_QUERY_FAILED``; a subscription that has no
    result yet is not in the view.

    Attributes:
        ts: The moment, in nanoseconds of the deployment's clock.
        results: The result of each query.
    """

    ts: int
    results: Mapping[Query, QueryResult]

    def __getitem__(self, key: Query | HasQuery) -> Value:
        query = key if isinstance(key, Query) else key.query
        return value_of(query, self.results[query])

    def __contains__(self, key: object) -> bool:
        return getattr(key, "query", key) in self.results

    def __iter__(self) -> Iterator[Query]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)
