"""A subscription: one reader's hold on a query.

May import the core's records, the readers and values. The invariant: while it is open its query is
subscribed; when it is closed, its readers end.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Self
from weakref import WeakSet

from codex_runtime.persistence.live_reads.clock import within
from codex_runtime.persistence.live_reads.core.view import Query, QueryResult, value_of
from codex_runtime.persistence.live_reads.failures import LiveReadsError
from codex_runtime.persistence.live_reads.reading import Keep, Reader

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from codex_runtime.persistence.live_reads.options import LiveReadsOptions
    from codex_runtime.values import Value


class Subscription:
    """A subscribed query; ``LiveReads.subscribe`` makes it.

    Iterating over it gives its latest value each time it changes, the present one first. A query
    that fails raises ``E_LIVE_QUERY_FAILED``; it stays subscribed, and iterating again goes on.

    Args:
        query: The query.
        options: The client's options.
        current: The query's result, if there is one.
        failure: Why there can be none now, if so.
        close: Called once when it is closed.
    """

    def __init__(
        self,
        query: Query,
        options: LiveReadsOptions,
        current: Callable[[], QueryResult | None],
        failure: Callable[[], LiveReadsError | None],
        close: Callable[[Subscription], None],
    ) -> None:
        self._query = query
        self._options = options
        self._current = current
        self._failure = failure
        self._close = close
        self._is_open = True
        self._ended: LiveReadsError | None = None
        self._readers: WeakSet[Reader[Value]] = WeakSet()
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def query(self) -> Query:
        """The query; a key of every view."""
        return self._query

    @property
    def latest(self) -> QueryResult | None:
        """The latest result, or ``None`` before the first and when it is closed."""
        return self._current() if self._is_open else None

    async def value(self, timeout: float | None = None) -> Value:
        """Take the present value; wait for it when there is none yet.

        Args:
            timeout: Seconds to wait; the client's ``value_timeout`` when left out.

        Returns:
            The value.

        Raises:
            QueryFailedError: ``E_LIVE_QUERY_FAILED``.
            LiveReadsError: ``E_LIVE_TIMEOUT``, ``E_LIVE_CLOSED``, ``E_LIVE_TOKEN_REJECTED``, or why
                the client has ended.
        """
        self._check_open()
        result = self._current()
        if result is None:
            error = self._failure()
            if error is not None:
                raise error
            await self._first(self._options.value_timeout if timeout is None else timeout)
            result = self._current()
        if result is None:
            raise _closed(self._query)
        return value_of(self._query, result)

    async def _first(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        text = f"no value of {self._query.path} within {seconds:g} s"
        try:
            await within(
                self._options.clock,
                seconds,
                future,
                partial(LiveReadsError, "E_LIVE_TIMEOUT", text),
            )
        finally:
            self._waiting.discard(future)

    def values(self, keep: Keep = Keep.LATEST) -> Reader[Value]:
        """Iterate over the values, beginning with the present one.

        Args:
            keep: What to get when changes come faster than they are taken.

        Returns:
            An asynchronous iterator.

        Raises:
            LiveReadsError: ``E_LIVE_CLOSED``.
        """
        self._check_open()
        reader: Reader[Value] = Reader(keep, self._options.max_pending)
        self._readers.add(reader)
        result, error = self._current(), self._failure()
        if result is not None:
            reader.put(partial(value_of, self._query, result))
        elif error is not None:
            reader.put(partial(_raise, error))
        return reader

    def __aiter__(self) -> Reader[Value]:
        return self.values()

    def unsubscribe(self) -> None:
        """Give the query up; what iterates over it ends. Doing it again does nothing."""
        if self._is_open:
            self._close(self)
            self.end(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.unsubscribe()

    def changed(self, result: QueryResult) -> None:
        """Take another result; for the client.

        Args:
            result: The result.
        """
        for reader in self._readers:
            reader.put(partial(value_of, self._query, result))
        self._release(None)

    def fail(self, error: LiveReadsError) -> None:
        """Tell every reader of a failure that need not last; for the client.

        Args:
            error: The failure.
        """
        for reader in self._readers:
            reader.put(partial(_raise, error))
        self._release(error)

    def end(self, error: LiveReadsError | None) -> None:
        """End all reading; for the client.

        Args:
            error: Why, when it was not asked for.
        """
        self._is_open = False
        self._ended = error
        for reader in self._readers:
            reader.end(error)
        self._release(error or _closed(self._query))

    def _release(self, error: LiveReadsError | None) -> None:
        for future in self._waiting:
            if not future.done():
                if error is None:
                    future.set_result(None)
                else:
                    future.set_exception(error)

    def _check_open(self) -> None:
        if not self._is_open:
            raise self._ended or _closed(self._query)


def _raise(error: LiveReadsError) -> Value:
    raise error


def _closed(query: Query) -> LiveReadsError:
    return LiveReadsError("E_LIVE_CLOSED", f"the subscription to {query.path} is closed")
