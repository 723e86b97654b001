"""Documents that are there and a schema that they were not written under.

May import records, tables, limits, the schema and the coded errors. The invariant: nothing is
changed here; either every document is taken by the new schema, or the deployment is refused as a
whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_fakes.convex.engine.limits import Limits, too_many_tables
from codex_fakes.convex.engine.schema import CREATION_TIME, ID
from codex_fakes.convex.engine.store.records import Stored
from codex_fakes.convex.engine.store.tables import SYSTEM_TABLES, Table
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.values import ValidationFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codex_fakes.convex.engine.schema import Schema
    from codex_fakes.convex.engine.store.tables import Space


def declared_again(
    space: Space, schema: Schema, limits: Limits, uids: Iterator[int]
) -> list[Table]:
    """Give the tables of a space as another schema declares them.

    Args:
        space: The space.
        schema: The schema.
        limits: How many tables there may be.
        uids: Where tables get their number in the database from.

    Returns:
        The tables, with their documents; those that are declared as before are the same objects.

    Raises:
        CodexRuntimeError: ``E_FAKE_CONVEX_DEPLOY_REFUSED``: the schema does not take a document
            that is there, or there would be too many tables.
    """
    before = list(space.tables())
    names = {table.name for table in before}.union(schema.tables)
    if len(names) - len(SYSTEM_TABLES) > limits.tables:
        raise _refused(too_many_tables(limits.tables).message)
    return [
        table
        if _declaration(space.schema, table.name) == _declaration(schema, table.name)
        else _rebuilt(table, Table(space, schema, table.name, table.number, next(uids)))
        for table in before
    ]


def objection(table: Table, stored: Stored) -> str | None:
    """Say why the schema of a table does not take a document.

    Args:
        table: The table.
        stored: The document.

    Returns:
        The reason in Convex's words; ``None`` when it does.
    """
    if table.validator is None:
        return None
    own = {name: value for name, value in stored.fields.items() if name not in {ID, CREATION_TIME}}
    try:
        table.validator.check(own, table.space.table_of)
    except ValidationFailed as error:
        return error.message
    return None


def _declaration(schema: Schema, name: str) -> object:
    definition = schema.tables.get(name)
    return None if definition is None else (definition, schema.schema_validation)


def _rebuilt(before: Table, table: Table) -> Table:
    documents = []
    for stored in before.documents.values():
        problem = objection(table, stored)
        if problem is not None:
            raise _refused(
                f'Document with ID "{stored.id}" in table "{table.name}" does not match the '
                f"schema: {problem}"
            )
        documents.append(Stored(stored.fields, stored.size, table.keys_of(stored.fields)))
    table.refill(documents)
    return table


def _refused(text: str) -> CodexRuntimeError:
    return CodexRuntimeError("E_FAKE_CONVEX_DEPLOY_REFUSED", f"Schema validation failed. {text}")
