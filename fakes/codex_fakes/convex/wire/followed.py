"""The queries that a socket follows: which are stale, and whether a new result is news.

May import the engine's outcome, the values and the messages. The invariant: a query runs again
only when a commit touched what it read or the caller changed, and a result that is the same as the
last one is not told again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from codex_fakes.convex.wire.refusals import internal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codex_fakes.convex.engine.store.read_sets import ReadSet
    from codex_fakes.convex.wire.server_messages import Answer


@dataclass(slots=True)
class Followed:
    """A query that a client follows.

    Attributes:
        query_id: The client's number of it.
        path: The function.
        args: Its arguments, raw.
        component: The component it is in; empty for the app.
        journal: What it is run with: what it produced the last time.
        read_set: What it read the last time; ``None`` when it has to run.
        digest: The result that was told last.
    """

    query_id: int
    path: str
    args: bytes
    component: str | None
    journal: str | None
    read_set: ReadSet | None = None
    digest: bytes = b""
    stale: bool = field(default=True)

    def news(self, answer: Answer, message: str) -> bool:
        """Note a result.

        Args:
            answer: The result.
            message: The text of its failure without the id of the request, which is new each time.

        Returns:
            Whether it differs from the last one.
        """
        digest = blake2b(digest_size=16)
        for part in (answer.value, message, answer.data or "", *answer.log_lines):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part.encode("utf-8", "surrogatepass"))
        digest.update(b"\1" if answer.ok else b"\0")
        before, self.digest = self.digest, digest.digest()
        return before != self.digest


class FollowedQueries:
    """The set of queries of one socket."""

    def __init__(self) -> None:
        self._queries: dict[int, Followed] = {}
        self._removed: set[int] = set()

    def __len__(self) -> int:
        return len(self._queries)

    def add(self, query: Followed) -> None:
        """Follow a query.

        Args:
            query: The query.

        Raises:
            Refusal: There is one of that number.
        """
        if query.query_id in self._queries:
            raise internal()
        self._removed.discard(query.query_id)
        self._queries[query.query_id] = query

    def remove(self, query_id: int) -> None:
        """Follow a query no longer.

        Args:
            query_id: Its number.

        Raises:
            Refusal: There is none of that number.
        """
        if self._queries.pop(query_id, None) is None:
            raise internal()
        self._removed.add(query_id)

    def touched_by(self, commit: Any) -> bool:
        """Note a commit.

        Args:
            commit: What was committed.

        Returns:
            Whether a query has to run again because of it.
        """
        touched = False
        for query in self._queries.values():
            if query.stale:
                touched = True
            elif query.read_set is not None and query.read_set.touched_by(commit):
                query.stale = touched = True
        return touched

    def forget_results(self) -> None:
        """Make every query run again: somebody else is asking."""
        for query in self._queries.values():
            query.stale = True

    def take_removed(self) -> list[int]:
        """Give the queries whose end has not been told.

        Returns:
            Their numbers, ascending; each is given once.
        """
        removed, self._removed = sorted(self._removed), set()
        return removed

    def stale(self) -> Iterator[Followed]:
        """Give the queries that have to run.

        Yields:
            Each of them, in the order of the numbers.
        """
        for query_id in sorted(self._queries):
            if self._queries[query_id].stale:
                yield self._queries[query_id]
