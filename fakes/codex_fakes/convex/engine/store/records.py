"""Documents as they are stored, and what a commit changed.

May import ``codex_runtime.values`` and the tables by type only. The invariant: a stored document is
never changed after it was made and never handed out, only copies of it are; so any number of
transactions, layers and commits may point to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from codex_fakes.convex.engine.store.tables import Table
    from codex_runtime.values import Value

_CONTAINERS: Final = frozenset({dict, list})


class Stored:
    """One version of a document.

    Args:
        fields: All its fields, the system fields included, canonical and owned by this object.
        size: Its size in bytes, as Convex counts.
        keys: Its key in each index of its table, in the order of the indexes.

    Attributes:
        id: Its id.
        fields: Its fields; never to be changed nor handed out.
        size: Its size in bytes.
        keys: Its keys.
        is_deep: Whether it holds arrays or objects.
    """

    __slots__ = ("fields", "id", "is_deep", "keys", "size")

    def __init__(self, fields: dict[str, Value], size: int, keys: tuple[bytes, ...]) -> None:
        identity = fields["_id"]
        assert isinstance(identity, str)  # noqa: S101 - an id is a string by construction
        self.id = identity
        self.fields = fields
        self.size = size
        self.keys = keys
        self.is_deep = not _CONTAINERS.isdisjoint(map(type, fields.values()))

    def copy(self) -> dict[str, Value]:
        """Make a copy that its receiver may do with as they like."""
        return _copy_object(self.fields) if self.is_deep else self.fields.copy()

    @property
    def created(self) -> float:
        """When it was created, in milliseconds since the epoch."""
        moment = self.fields["_creationTime"]
        assert isinstance(moment, float)  # noqa: S101 - a float by construction
        return moment


def _copy_object(value: dict[str, Value]) -> dict[str, Value]:
    return {
        name: (
            _copy_object(item)
            if type(item) is dict
            else _copy_array(item)
            if type(item) is list
            else item
        )
        for name, item in value.items()
    }


def _copy_array(value: list[Value]) -> list[Value]:
    return [
        (
            _copy_object(item)
            if type(item) is dict
            else _copy_array(item)
            if type(item) is list
            else item
        )
        for item in value
    ]


@dataclass(frozen=True, slots=True)
class Write:
    """What a commit did to one document.

    Attributes:
        table: The table.
        id: The document.
        old: What was there before, ``None`` for an insert.
        new: What is there now, ``None`` for a delete.
    """

    table: Table
    id: str
    old: Stored | None
    new: Stored | None


@dataclass(frozen=True, slots=True)
class Commit:
    """What one transaction changed.

    Attributes:
        ts: The timestamp from which on it is visible, in nanoseconds since the epoch.
        writes: The changed documents, each once; empty when the transaction only read.
        deploys: Whether it put another app in the place of the one before: whatever was read may
            be something else now.
    """

    ts: int
    writes: tuple[Write, ...] = ()
    deploys: bool = False
