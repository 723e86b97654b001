"""The subscribed queries and their results.

May import the other records of the core and values. The invariants: equal queries are one query on
the wire; a number stands for one query for ever; a result is replaced only by one that differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from codex_runtime.persistence.live_reads.core import client_messages
from codex_runtime.persistence.live_reads.core.server_messages import (
    Modification,
    QueryFailed,
    QueryRemoved,
    QueryUpdated,
)
from codex_runtime.persistence.live_reads.core.view import (
    Query,
    QueryFailure,
    QueryResult,
    QueryValue,
)
from codex_runtime.persistence.live_reads.failures import LiveReadsError
from codex_runtime.values import UNDEFINED, InvalidValue, Undefined, Value, from_json, sort_key

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class _Entry:
    query: Query
    number: int
    readers: int = 1
    awaited: bool = False
    """Whether a new connection was told of it and has not given its result."""
    journal: str | None = None
    result: QueryResult | None = None
    written: bytes = b""
    """The result as it was sent, to know it again without decoding it."""
    key: bytes = b""
    """The result as a sort key, to know it again however it was written."""


@dataclass(frozen=True, slots=True)
class _Update:
    entry: _Entry
    result: QueryResult
    written: bytes
    key: bytes
    journal: str | None


class QuerySet:
    """The queries that someone reads."""

    def __init__(self) -> None:
        self._entries: dict[Query, _Entry] = {}
        self._numbers: dict[int, _Entry] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, query: Query) -> dict[str, Any] | None:
        """Count a reader of a query.

        Args:
            query: The query.

        Returns:
            What to tell the deployment, when the query is new to it.
        """
        entry = self._entries.get(query)
        if entry is not None:
            entry.readers += 1
            return None
        entry = _Entry(query, self._next)
        self._next += 1
        self._entries[query] = self._numbers[entry.number] = entry
        return _addition(entry)

    def remove(self, query: Query) -> dict[str, Any] | None:
        """Discount a reader of a query.

        Args:
            query: The query; it has a reader.

        Returns:
            What to tell the deployment, when nobody reads it any more.
        """
        entry = self._entries[query]
        entry.readers -= 1
        if entry.readers:
            return None
        del self._entries[query], self._numbers[entry.number]
        return client_messages.remove(entry.number)

    def additions(self) -> list[dict[str, Any]]:
        """Say everything to a deployment that knows nothing.

        Returns:
            All queries, with their journals.
        """
        for entry in self._entries.values():
            entry.awaited = True
        return [_addition(entry) for entry in self._entries.values()]

    def awaited(self) -> list[Query]:
        """Take the queries a new connection was told of without giving their results."""
        return [query for query, entry in self._entries.items() if entry.awaited]

    def results(self) -> dict[Query, QueryResult]:
        """Take all results there are."""
        return {query: e.result for query, e in self._entries.items() if e.result is not None}

    def result(self, query: Query) -> QueryResult | None:
        """Take the result of one query, if there is one.

        Args:
            query: The query.
        """
        entry = self._entries.get(query)
        return None if entry is None else entry.result

    def forget_results(self) -> None:
        """Forget all results: they are of an identity that no longer counts."""
        for entry in self._entries.values():
            entry.result, entry.written, entry.key, entry.journal = None, b"", b"", None

    def apply(
        self, modifications: Sequence[Modification]
    ) -> list[tuple[Query, bool, tuple[str, ...]]]:
        """Take in what a transition changes: all of it, or nothing when part of it is wrong.

        Args:
            modifications: The changes.

        Returns:
            Each query that ran, whether its result is another now, and what it logged.

        Raises:
            LiveReadsError: ``E_LIVE_PROTOCOL`` for a query that was never asked for, one removed
                though it is read, or a value that is none.
        """
        updates = [update for m in modifications if (update := self._read(m)) is not None]
        ran = []
        for update in updates:
            entry = update.entry
            entry.awaited = False
            entry.journal = update.journal
            entry.written = update.written
            is_new = update.key != entry.key
            if is_new:
                entry.key, entry.result = update.key, update.result
            ran.append((entry.query, is_new, update.result.log_lines))
        return ran

    def _read(self, modification: Modification) -> _Update | None:
        if modification.query_id >= self._next:
            raise _violation(f"query {modification.query_id} was never asked for")
        entry = self._numbers.get(modification.query_id)
        if entry is None:
            # Removed here, and the deployment had not heard of it yet.
            return None
        if isinstance(modification, QueryRemoved):
            raise _violation(f"{entry.query.path} was removed without being asked to")
        try:
            return _updated(entry, modification)
        except (InvalidValue, msgspec.MsgspecError, RecursionError) as error:
            raise _violation(f"the result of {entry.query.path} is no value: {error}") from None


def _addition(entry: _Entry) -> dict[str, Any]:
    arguments = msgspec.json.decode(entry.query.arguments)
    return client_messages.add(entry.number, entry.query.path, arguments, entry.journal)


def _updated(entry: _Entry, modification: QueryUpdated | QueryFailed) -> _Update:
    lines = tuple(modification.log_lines)
    if isinstance(modification, QueryFailed):
        failure = QueryFailure(modification.error_message, _data(modification), lines)
        # No key of a value begins with 0xff.
        key = b"\xff" + sort_key(failure.message) + sort_key(failure.data)
        return _Update(entry, failure, b"", key, modification.journal)
    written = bytes(modification.value)
    if written == entry.written and isinstance(entry.result, QueryValue):
        same = QueryValue(entry.result.value, lines)
        return _Update(entry, same, written, entry.key, modification.journal)
    value = from_json(msgspec.json.decode(written))
    return _Update(entry, QueryValue(value, lines), written, sort_key(value), modification.journal)


def _data(modification: QueryFailed) -> Value | Undefined:
    if modification.error_data is msgspec.UNSET:
        return UNDEFINED
    return from_json(modification.error_data)


def _violation(what: str) -> LiveReadsError:
    return LiveReadsError("E_LIVE_PROTOCOL", what)
