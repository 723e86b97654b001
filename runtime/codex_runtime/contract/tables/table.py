"""What a table is here: the shape of its rows, and the indexes they are found by.

May import the shapes. The invariant: every index begins with the scope of an actor, but for those
of the sweeps, which belong to nobody's request; so that what a read costs never depends on other
people's rows (spec 13 §1).
"""

from __future__ import annotations

from dataclasses import dataclass

from codex_runtime.contract.shapes import Record

SCOPE = "userScope"
"""The first field of every index that answers an actor."""


class Row(Record, frozen=True, kw_only=True):
    """What all rows have in common.

    Attributes:
        user_scope: Whose row it is, see :func:`codex_runtime.contract.actors.scope_of`.
    """

    user_scope: str


@dataclass(frozen=True, slots=True)
class Index:
    """An index of a table.

    Attributes:
        fields: Its fields on the wire, in order; a dot leads into an object.
        why: What it is there for.
    """

    fields: tuple[str, ...]
    why: str

    @property
    def name(self) -> str:
        """Its name in the schema, made of its fields."""
        return "by_" + "_".join(field.replace(".", "_") for field in self.fields)


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        name: Its name in the schema.
        row: The shape of its rows.
        indexes: The indexes beside the built-in ones.
        about: What its rows are.
    """

    name: str
    row: type[Record]
    indexes: tuple[Index, ...]
    about: str

    def index(self, *fields: str) -> str:
        """Find an index by its fields.

        Args:
            fields: All fields of the index, in order.

        Returns:
            The name of the index.

        Raises:
            KeyError: There is no such index.
        """
        for index in self.indexes:
            if index.fields == fields:
                return index.name
        raise KeyError(f"{self.name} has no index on {fields}")


def scoped(why: str, *fields: str) -> Index:
    """Make an index that begins with the scope of an actor."""
    return Index((SCOPE, *fields), why)
