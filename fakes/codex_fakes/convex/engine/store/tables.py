"""Tables in their latest state, and the spaces (the app, each component) that hold them.

May import the schema, ids, limits and records. The invariant: every index of a table holds each of
its documents exactly once, under the key that the document carries for it.

A key is the order-preserving encoding of the indexed fields, one behind the other, then of the
creation time, then the id as text; so keys of one index are distinct, and documents that agree in
some first fields lie side by side.
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from sortedcontainers import SortedDict

from codex_fakes.convex.engine.errors import FunctionError
from codex_fakes.convex.engine.ids import (
    FIRST_SYSTEM_TABLE,
    FIRST_USER_TABLE,
    InvalidId,
    decode_id,
    id_prefixes,
)
from codex_fakes.convex.engine.limits import Limits, too_many_tables
from codex_fakes.convex.engine.schema import (
    BY_CREATION_TIME,
    BY_ID,
    CREATION_TIME,
    ID,
    Schema,
    identifier_problem,
)
from codex_runtime.values import UNDEFINED, sort_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from codex_fakes.convex.engine.schema import IndexDefinition
    from codex_fakes.convex.engine.store.records import Stored, Write
    from codex_runtime.values import Undefined, Validator, Value

    _Readers: TypeAlias = tuple[Callable[[dict[str, Value]], Value | Undefined], ...]

SYSTEM_TABLES: Final = ("_scheduled_functions", "_storage")

BY_ID_POSITION: Final = -1
"""Where the index by id stands: its keys follow from the ids, so documents do not carry them."""

NO_NUMBER: Final = 0
"""The number of a table that nothing was inserted into: no id has it."""

_LARGEST_TWO_BYTE_NUMBER: Final = (1 << 14) - 1


class Index:
    """The fields of an index and where documents carry their key for it.

    Args:
        name: Its name.
        fields: Its fields, with ``_creationTime`` behind those that are declared.
        position: Its place in the keys of a document.
    """

    __slots__ = ("fields", "name", "position")

    def __init__(self, name: str, fields: tuple[str, ...], position: int) -> None:
        self.name = name
        self.fields = fields
        self.position = position


class Table:
    """A table in its latest state.

    Args:
        space: The space it belongs to.
        schema: What declares it, if anything does.
        name: Its name.
        number: The number in the ids of its documents.
        uid: A number that no other table of the database has.

    Attributes:
        documents: Each document by its id.
        indexes: The indexes by name.
    """

    __slots__ = (
        "_by_id",
        "_entries",
        "_extractors",
        "documents",
        "indexes",
        "name",
        "number",
        "space",
        "uid",
        "validator",
    )

    def __init__(self, space: Space, schema: Schema, name: str, number: int, uid: int) -> None:
        self.space = space
        self.name = name
        self.number = number
        self.uid = uid
        self.documents: dict[str, Stored] = {}
        self.validator: Validator | None = None
        definition = schema.tables.get(name)
        if definition is not None and schema.schema_validation:
            self.validator = definition.document
        self.indexes, self._extractors = _indexes(() if definition is None else definition.indexes)
        self._entries: list[SortedDict[bytes, Stored] | None] = [None] * (len(self._extractors) + 1)
        self._by_id: SortedDict[bytes, Stored] | None = None

    def keys_of(self, fields: dict[str, Value]) -> tuple[bytes, ...]:
        """Compute the keys that a document carries.

        Args:
            fields: All its fields.

        Returns:
            Its key in each index but the one by id.
        """
        end = sort_key(fields[CREATION_TIME]) + fields[ID].encode()  # type: ignore[union-attr]
        if not self._extractors:
            return (end,)
        keys = [end]
        for extractors in self._extractors:
            if len(extractors) == 1:
                keys.append(sort_key(extractors[0](fields)) + end)
            else:
                keys.append(b"".join([sort_key(read(fields)) for read in extractors]) + end)
        return tuple(keys)

    def sorted_entries(self, position: int) -> SortedDict[bytes, Stored]:
        """Give the documents in the order of an index.

        Args:
            position: The position of the index.

        Returns:
            The documents by key; the index by id is put up when it is first asked for, another one
            no later than the first document.
        """
        if position != BY_ID_POSITION:
            entries = self._entries[position]
            if entries is None:
                entries = self._entries[position] = SortedDict()
            return entries
        if self._by_id is None:
            self._by_id = SortedDict(
                {sort_key(stored.id): stored for stored in self.documents.values()}
            )
        return self._by_id

    def refill(self, documents: Iterable[Stored]) -> None:
        """Take documents that another declaration of this table held.

        Args:
            documents: The documents, with the keys that this table computes for them.
        """
        self.documents = {stored.id: stored for stored in documents}
        self._entries = [
            SortedDict({stored.keys[position]: stored for stored in self.documents.values()})
            for position in range(len(self._entries))
        ]

    def apply(self, write: Write) -> None:
        """Make a committed change part of the latest state.

        Args:
            write: The change.
        """
        old, new = write.old, write.new
        if new is None:
            del self.documents[write.id]
        else:
            self.documents[write.id] = new
        for position in range(len(self._entries)):
            entries = self._entries[position] or self.sorted_entries(position)
            if old is not None and (new is None or old.keys[position] != new.keys[position]):
                del entries[old.keys[position]]
            if new is not None:
                entries[new.keys[position]] = new
        if self._by_id is not None:
            if new is None:
                del self._by_id[sort_key(write.id)]
            else:
                self._by_id[sort_key(write.id)] = new


class Space:
    """The tables of the app or of one component: their names and numbers are its own.

    Args:
        path: The component's path, empty for the app.
        schema: Its schema.
        limits: The limits on tables.
        uids: Where tables get their number in the database from.
    """

    def __init__(self, path: str, schema: Schema, limits: Limits, uids: Iterator[int]) -> None:
        self.path = path
        self.schema = schema
        self._limits = limits
        self._uids = uids
        self._tables: dict[str, Table] = {}
        self._expected: dict[str, Table] = {}
        self._numbers: dict[int, Table] = {}
        self._prefixes: dict[str, Table] = {}
        self._next_number = FIRST_USER_TABLE
        for offset, name in enumerate(SYSTEM_TABLES):
            self._add(name, FIRST_SYSTEM_TABLE + offset)
        for name in schema.tables:
            self.add(name)

    def find(self, name: str) -> Table | None:
        """Give a table by its name, ``None`` when nothing was declared or inserted under it."""
        return self._tables.get(name)

    def for_reading(self, name: str) -> Table:
        """Give a table to read, whether it is there or not.

        Args:
            name: Its name.

        Returns:
            The table. One that nothing was inserted into has no number yet; that it is empty can be
            recorded as read, because it stays the same object when it comes about.

        Raises:
            FunctionError: Nothing can have that name.
        """
        table = self._tables.get(name) or self._expected.get(name)
        if table is None:
            problem = identifier_problem(name, self._limits)
            if problem is not None:
                raise FunctionError(problem)
            table = Table(self, self.schema, name, NO_NUMBER, next(self._uids))
            self._expected[name] = table
        return table

    def add(self, name: str) -> Table:
        """Bring a table about, if it is not there yet.

        Args:
            name: Its name.

        Returns:
            The table.

        Raises:
            FunctionError: The name is not allowed, or there are too many tables.
        """
        table = self._tables.get(name)
        if table is not None:
            return table
        problem = identifier_problem(name, self._limits)
        if problem is not None:
            raise FunctionError(problem)
        if name.startswith("_"):
            raise FunctionError(f"Invalid table name {name} starts with metadata prefix '_'")
        if len(self._tables) - len(SYSTEM_TABLES) >= self._limits.tables:
            raise too_many_tables(self._limits.tables)
        return self._add(name, self._next_number)

    def _add(self, name: str, number: int) -> Table:
        table = self._expected.pop(name, None)
        if table is None:
            table = Table(self, self.schema, name, number, next(self._uids))
        table.number = number
        self._enter(table)
        return table

    def _enter(self, table: Table) -> None:
        number = table.number
        self._tables[table.name] = table
        self._numbers[number] = table
        if number <= _LARGEST_TWO_BYTE_NUMBER:
            self._prefixes.update(dict.fromkeys(id_prefixes(number), table))
        if number >= self._next_number:
            self._next_number = number + 1

    def declare_again(self, schema: Schema, tables: Iterable[Table]) -> None:
        """Put another schema in the place of this one.

        Args:
            schema: The schema.
            tables: The tables there are now, as it declares them, under the numbers they have.
        """
        self.schema = schema
        self._expected, self._tables, self._numbers, self._prefixes = {}, {}, {}, {}
        for table in tables:
            self._enter(table)
        for name in schema.tables:
            self.add(name)

    def renumber(self, numbers: Mapping[str, int]) -> None:
        """Give tables the numbers they had in a saved state; only while no document has an id.

        Args:
            numbers: The number of each table by its name; tables that are not there yet come about,
                and those that had none get new ones.
        """
        new = [name for name in self._tables if name not in numbers]
        self._expected.update(self._tables)
        self._tables, self._numbers, self._prefixes = {}, {}, {}
        self._next_number = FIRST_USER_TABLE
        for name, number in numbers.items():
            self._add(name, number)
        for name in new:
            self._add(name, self._next_number)

    def tables(self) -> Iterator[Table]:
        """All tables, those of the system first."""
        return iter(self._tables.values())

    def locate(self, identity: str) -> Table | None:
        """Tell which table a well-formed id belongs to.

        Args:
            identity: An id.

        Returns:
            The table; ``None`` when this space has no table of that number.

        Raises:
            InvalidId: It is not an id.
        """
        # Reading the table off the first characters is ten times as fast as decoding, and a
        # document that is there has proven that the rest is an id.
        table = self._prefixes.get(identity[:4])
        if table is not None and identity in table.documents:
            return table
        return self._numbers.get(decode_id(identity)[0])

    def table_of(self, identity: str) -> str | None:
        """Name the table of an id: what ``v.id`` checks with.

        Args:
            identity: Any text.

        Returns:
            The table's name; ``None`` when the text is not an id of this space.
        """
        try:
            table = self.locate(identity)
        except InvalidId:
            return None
        return None if table is None else table.name


@cache
def _indexes(
    declared: tuple[IndexDefinition, ...],
) -> tuple[Mapping[str, Index], tuple[_Readers, ...]]:
    """The indexes of a table by name, and what reads the fields of those that are declared."""
    indexes = {
        BY_CREATION_TIME: Index(BY_CREATION_TIME, (CREATION_TIME,), 0),
        BY_ID: Index(BY_ID, (ID,), BY_ID_POSITION),
    }
    for position, index in enumerate(declared, 1):
        indexes[index.name] = Index(index.name, (*index.fields, CREATION_TIME), position)
    readers = tuple(tuple(field_reader(path) for path in index.fields) for index in declared)
    return MappingProxyType(indexes), readers


def field_reader(path: str) -> Callable[[dict[str, Value]], Value | Undefined]:
    """Make the function that reads a field.

    Args:
        path: The field, dotted when it lies in nested objects.

    Returns:
        A function from a document to the field's value, ``UNDEFINED`` where there is none.
    """
    if "." not in path:
        return lambda fields: fields.get(path, UNDEFINED)
    parts = path.split(".")

    def read(fields: dict[str, Value]) -> Value | Undefined:
        value: Value | Undefined = fields
        for part in parts:
            if type(value) is not dict:
                return UNDEFINED
            value = value.get(part, UNDEFINED)
        return value

    return read
