"""The whole state of a database as one value, and back: what outlives the process of a fake.

May import records, tables, errors and ``codex_runtime.values``. The invariants: documents keep
their ids, creation times and the numbers of their tables; a state is loaded as a whole or refused,
and one with a document that the schema would not take now is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.engine.ids import InvalidId, decode_id
from codex_fakes.convex.engine.limits import UNLIMITED
from codex_fakes.convex.engine.schema import CREATION_TIME, ID
from codex_fakes.convex.engine.store.records import Stored, Write
from codex_fakes.convex.engine.store.redeclaring import objection
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.values import InvalidValue, canonical, size_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_fakes.convex.engine.store.tables import Space, Table
    from codex_runtime.values import Value

VERSION: Final = 1.0


def save_space(space: Space) -> dict[str, Value]:
    """Write down the tables of a space that have a number.

    Args:
        space: The space.

    Returns:
        Its path, and of each table the name, the number and the documents.
    """
    tables: list[Value] = [
        {
            "name": table.name,
            "number": float(table.number),
            "documents": [stored.copy() for stored in table.sorted_entries(0).values()],
        }
        for table in space.tables()
    ]
    return {"path": space.path, "tables": tables}


def load_space(space: Space, saved: Iterable[Any]) -> list[Write]:
    """Bring the tables of a space back.

    Args:
        space: A space without documents.
        saved: Its tables as :func:`save_space` wrote them.

    Returns:
        The documents, to be applied when all spaces could be read.

    Raises:
        CodexRuntimeError: ``E_FAKE_CONVEX_SNAPSHOT_INVALID``: this is not what was saved, or the
            schema does not take a document.
    """
    tables = list(saved)
    try:
        space.renumber({table["name"]: int(table["number"]) for table in tables})
        return [
            Write(known, stored.id, None, stored)
            for table in tables
            for known in [_table(space, table["name"])]
            for stored in (_stored(known, document) for document in table["documents"])
        ]
    except (KeyError, TypeError, ValueError, InvalidValue) as error:
        raise unreadable(f"{type(error).__name__}: {error}") from error


def unreadable(reason: str) -> CodexRuntimeError:
    """The error of a state that cannot be brought back.

    Args:
        reason: Why.
    """
    return CodexRuntimeError(
        "E_FAKE_CONVEX_SNAPSHOT_INVALID", f"this is no saved state of a database: {reason}"
    )


def _table(space: Space, name: str) -> Table:
    table = space.find(name)
    if table is None:
        raise KeyError(name)
    return table


def _stored(table: Table, document: Any) -> Stored:
    fields = canonical(document, limits=UNLIMITED)
    if not isinstance(fields, dict) or type(fields[CREATION_TIME]) is not float:
        raise TypeError("a document has no creation time")
    identity = fields[ID]
    try:
        number = decode_id(identity)[0] if isinstance(identity, str) else None
    except InvalidId as error:
        raise unreadable(f"{identity!r} is not an id: {error}") from error
    if number != table.number:
        raise unreadable(f"{identity!r} is not an id of the table {table.name!r}")
    stored = Stored(fields, size_of(fields), table.keys_of(fields))
    problem = objection(table, stored)
    if problem is not None:
        raise unreadable(
            f"the schema does not take the document {identity!r} of the table {table.name!r}: "
            f"{problem}"
        )
    return stored
