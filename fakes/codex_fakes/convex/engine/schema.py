"""What tables an app or a component declares: their documents and their indexes.

May import ``codex_runtime.values``, ``codex_runtime.errors`` and the limits. The invariant: a
schema that exists is one that Convex would accept; what it would refuse at deployment is refused
when it is written down, with ``E_FAKE_CONVEX_SCHEMA_INVALID``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_fakes.convex.engine.limits import (
    DEFAULT_LIMITS,
    Limits,
    too_many_tables,
)
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.values import InvalidValue, Validator, identifier, v

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CREATION_TIME: Final = "_creationTime"
ID: Final = "_id"
BY_CREATION_TIME: Final = "by_creation_time"
BY_ID: Final = "by_id"

_RESERVED: Final = frozenset({BY_ID, BY_CREATION_TIME})


class SchemaInvalid(CodexRuntimeError):  # noqa: N818 - as Convex names its errors
    """A schema that no deployment would accept (``E_FAKE_CONVEX_SCHEMA_INVALID``).

    Args:
        text: What is wrong with it.
    """

    def __init__(self, text: str) -> None:
        super().__init__("E_FAKE_CONVEX_SCHEMA_INVALID", text)


@dataclass(frozen=True, slots=True)
class IndexDefinition:
    """An index of a table.

    Attributes:
        name: Its name, unique in its table.
        fields: The fields it is ordered by, dotted for nested ones; ``_creationTime`` and ``_id``
            follow them without being listed.
    """

    name: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table: which documents it takes, and its indexes.

    Attributes:
        document: What a document must be, without its system fields.
        indexes: The indexes that are declared, in the order of their declaration.
    """

    document: Validator
    indexes: tuple[IndexDefinition, ...] = ()

    def index(self, name: str, fields: Sequence[str]) -> TableDefinition:
        """Declare an index.

        Args:
            name: Its name.
            fields: The fields it is ordered by.

        Returns:
            The table with the index.

        Raises:
            SchemaInvalid: ``E_FAKE_CONVEX_SCHEMA_INVALID``: the name or the fields are not allowed,
                or the table has an index of that name.
        """
        definition = IndexDefinition(name, tuple(fields))
        _check_index(definition)
        if any(known.name == name for known in self.indexes):
            raise SchemaInvalid(f'The index "{name}" is declared twice in one table.')
        return replace(self, indexes=(*self.indexes, definition))


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of an app or a component.

    Attributes:
        tables: Each table by its name, in the order of their declaration.
        schema_validation: Whether documents are checked when they are written.
    """

    tables: Mapping[str, TableDefinition] = field(default_factory=lambda: MappingProxyType({}))
    schema_validation: bool = True


def define_table(document: Validator | Mapping[str, Validator]) -> TableDefinition:
    """Declare a table.

    Args:
        document: The fields of its documents, or a validator: of an object, a union of objects, or
            ``v.any()``.

    Returns:
        The table, without indexes.

    Raises:
        SchemaInvalid: ``E_FAKE_CONVEX_SCHEMA_INVALID``: its documents would not be objects, or a
            field starts with an underscore.
    """
    validator = document if isinstance(document, Validator) else v.object(dict(document))
    _check_documents(validator)
    return TableDefinition(validator)


def define_schema(
    tables: Mapping[str, TableDefinition],
    *,
    schema_validation: bool = True,
    limits: Limits = DEFAULT_LIMITS,
) -> Schema:
    """Declare the tables of an app or a component.

    Args:
        tables: Each table by its name.
        schema_validation: Whether documents are checked when they are written. Inserting into a
            table that is not declared is allowed either way.
        limits: The limits on tables, indexes and names.

    Returns:
        The schema.

    Raises:
        SchemaInvalid: ``E_FAKE_CONVEX_SCHEMA_INVALID``: a name is not allowed, or there are too
            many tables, indexes or fields of an index.
    """
    if len(tables) > limits.tables:
        raise SchemaInvalid(str(too_many_tables(limits.tables)))
    for name, table in tables.items():
        _check_table(name, table, limits)
    return Schema(MappingProxyType(dict(tables)), schema_validation)


def identifier_problem(name: str, limits: Limits) -> str | None:
    """Say why a text cannot name a table, an index or an indexed field.

    Args:
        name: The text.
        limits: How long it may be.

    Returns:
        The reason in Convex's words, or ``None`` when it can.
    """
    try:
        identifier(name, limits.identifier_length)
    except InvalidValue as error:
        return error.message
    return None


def _check_table(name: str, table: TableDefinition, limits: Limits) -> None:
    problem = identifier_problem(name, limits)
    if problem is not None:
        raise SchemaInvalid(f"Table {name!r}: {problem}")
    if name.startswith("_"):
        raise SchemaInvalid(f"Invalid table name {name} starts with metadata prefix '_'")
    if len(table.indexes) > limits.indexes:
        raise SchemaInvalid(
            f'Number of total indexes cannot exceed {limits.indexes} in table "{name}".'
        )
    for index in table.indexes:
        _check_index_limits(name, index, limits)


def _check_index(index: IndexDefinition) -> None:
    if index.name in _RESERVED or index.name.startswith("_"):
        raise SchemaInvalid(f'The index name "{index.name}" is reserved.')
    if not index.fields:
        raise SchemaInvalid(f'The index "{index.name}" must have at least one field.')
    if len(set(index.fields)) != len(index.fields):
        raise SchemaInvalid(f'The index "{index.name}" has a field twice.')
    for path in index.fields:
        if path == CREATION_TIME:
            raise SchemaInvalid(
                f'The index "{index.name}" lists "{CREATION_TIME}", which every index ends with.'
            )
        if path == ID or path.startswith("_"):
            raise SchemaInvalid(f'The index "{index.name}" lists the reserved field "{path}".')


def _check_index_limits(table: str, index: IndexDefinition, limits: Limits) -> None:
    where = f'Table "{table}", index "{index.name}"'
    problem = identifier_problem(index.name, limits)
    if problem is not None:
        raise SchemaInvalid(f"{where}: {problem}")
    if len(index.fields) > limits.index_fields:
        raise SchemaInvalid(
            f"{where}: an index can have at most {limits.index_fields} fields, "
            f"not {len(index.fields)}."
        )
    for path in index.fields:
        for part in path.split("."):
            problem = identifier_problem(part, limits)
            if problem is not None:
                raise SchemaInvalid(f'{where}, field "{path}": {problem}')


def _check_documents(validator: Validator) -> None:
    shape = validator.to_json()
    kinds = shape["value"] if shape["type"] == "union" else [shape]
    for kind in kinds:
        if kind["type"] not in {"object", "any"}:
            raise SchemaInvalid(
                "The documents of a table must be objects: give fields, an object validator, a "
                f"union of object validators or v.any(), not {validator.typescript()}."
            )
        names = kind["value"] if kind["type"] == "object" else ()
        for name in names:
            if name.startswith("_"):
                raise SchemaInvalid(
                    f"Field '{name}' starts with an underscore, which is only allowed for system "
                    "fields like '_id'"
                )
