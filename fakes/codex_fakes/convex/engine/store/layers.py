"""A table as one transaction sees it: the latest state, the past over it, its own writes on top.

May import the tables and records. The invariant: a layer says for some documents what they are, a
missing document included, and an upper layer hides a lower one; what a view shows is one consistent
state of the table.
"""

from __future__ import annotations

from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING

from sortedcontainers import SortedDict

from codex_fakes.convex.engine.store.tables import BY_ID_POSITION
from codex_runtime.values import sort_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from codex_fakes.convex.engine.store.records import Stored
    from codex_fakes.convex.engine.store.tables import Table

_KEY = itemgetter(0)


class Layer:
    """Documents that differ from those below.

    Attributes:
        documents: Each by its id; ``None`` for one that is not there.
    """

    __slots__ = ("_entries", "documents")

    def __init__(self) -> None:
        self.documents: dict[str, Stored | None] = {}
        self._entries: dict[int, SortedDict[bytes, Stored]] = {}

    def put(self, identity: str, document: Stored | None) -> None:
        """Say what a document is.

        Args:
            identity: Its id.
            document: What it is, ``None`` when it is not there.
        """
        self.take_out(identity)
        self.documents[identity] = document
        if document is not None:
            for position, entries in self._entries.items():
                entries[key_at(document, position)] = document

    def take_out(self, identity: str) -> None:
        """Say nothing of a document any more.

        Args:
            identity: Its id.
        """
        known = self.documents.pop(identity, None)
        if known is not None:
            for position, entries in self._entries.items():
                del entries[key_at(known, position)]

    def entries(self, position: int) -> SortedDict[bytes, Stored]:
        """Give the documents that are there, in the order of an index.

        Args:
            position: The position of the index.

        Returns:
            The documents by key; kept up to date from then on.
        """
        entries = self._entries.get(position)
        if entries is None:
            entries = self._entries[position] = SortedDict(
                {
                    key_at(document, position): document
                    for document in self.documents.values()
                    if document is not None
                }
            )
        return entries


class View:
    """A table as one transaction sees it.

    Args:
        table: The table in its latest state.

    Attributes:
        table: The table.
        past: What the snapshot has and the latest state has not, ``None`` when they are the same.
        pending: What the transaction itself has written, ``None`` while it has not.
        began: How the documents that it has written to were when it began.
    """

    __slots__ = ("began", "past", "pending", "table")

    def __init__(self, table: Table) -> None:
        self.table = table
        self.past: Layer | None = None
        self.pending: Layer | None = None
        self.began: dict[str, Stored | None] = {}

    def get(self, identity: str) -> Stored | None:
        """Give a document by its id, ``None`` when it is not there."""
        if self.pending is not None and identity in self.pending.documents:
            return self.pending.documents[identity]
        return self.snapshot(identity)

    def snapshot(self, identity: str) -> Stored | None:
        """Give a document as it was when the transaction began."""
        if self.past is not None and identity in self.past.documents:
            return self.past.documents[identity]
        return self.table.documents.get(identity)

    def scan(
        self, position: int, low: bytes, high: bytes | None, *, reverse: bool, limit: int | None
    ) -> list[tuple[bytes, Stored]]:
        """Read a range of an index.

        Args:
            position: The position of the index.
            low: The first key of the range.
            high: The first key behind it, ``None`` when it has no end.
            reverse: Whether to read from the end.
            limit: How many documents to give at most.

        Returns:
            The documents with their keys, in order.
        """
        base = self.table.sorted_entries(position)
        keys = _range(base, low, high, reverse=reverse)
        layers = [layer for layer in (self.past, self.pending) if layer is not None]
        if not layers:
            return [(key, base[key]) for key in islice(keys, limit)]
        hidden = [layer.documents for layer in layers]
        found = list(islice(_visible(base, keys, hidden), limit))
        for depth, layer in enumerate(layers, 1):
            entries = layer.entries(position)
            keys = _range(entries, low, high, reverse=reverse)
            found += islice(_visible(entries, keys, hidden[depth:]), limit)
        found.sort(key=_KEY, reverse=reverse)
        return found if limit is None else found[:limit]


def _visible(
    entries: SortedDict[bytes, Stored],
    keys: Iterable[bytes],
    hidden: list[dict[str, Stored | None]],
) -> Iterator[tuple[bytes, Stored]]:
    for key in keys:
        document = entries[key]
        if not any(document.id in above for above in hidden):
            yield key, document


def _range(
    entries: SortedDict[bytes, Stored], low: bytes, high: bytes | None, *, reverse: bool
) -> Iterable[bytes]:
    if high is not None and high <= low:
        return ()
    keys: Iterable[bytes] = entries.irange(low, high, (True, False), reverse)
    return keys


def key_at(document: Stored, position: int) -> bytes:
    """Give the key of a document in an index.

    Args:
        document: The document.
        position: The position of the index.
    """
    return sort_key(document.id) if position == BY_ID_POSITION else document.keys[position]
