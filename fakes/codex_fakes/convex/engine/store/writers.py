"""The ``ctx.db`` of a mutation: insert, patch, replace, delete.

May import the readers, records, schema and limits. The invariant: a document is stored only after
it was brought into canonical form, checked against its table's schema and the limits, and given its
system fields; a write that is refused changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_fakes.convex.engine.errors import FunctionError
from codex_fakes.convex.engine.limits import (
    UNLIMITED,
    document_too_nested,
    object_too_wide,
    value_too_large,
)
from codex_fakes.convex.engine.schema import CREATION_TIME, ID
from codex_fakes.convex.engine.store.readers import DatabaseReader
from codex_fakes.convex.engine.store.records import Stored
from codex_runtime.values import (
    UNDEFINED,
    InvalidValue,
    ValidationFailed,
    canonical,
    nesting_of,
    render,
    size_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_fakes.convex.engine.store.tables import Table
    from codex_runtime.values import Value


class DatabaseWriter(DatabaseReader):
    """Writes the tables of one space for one function; :meth:`Transaction.writer` makes them."""

    __slots__ = ()

    def insert(self, table: str, document: Mapping[str, object]) -> str:
        """Store a new document.

        Args:
            table: The name of the table; one that is not declared comes about.
            document: Its fields, without the system fields.

        Returns:
            Its id.

        Raises:
            FunctionError: The table cannot be written, or the document is not one it takes.
            LimitExceeded: The document is too large or nested, or the transaction wrote too much.
        """
        target = self._table_to_write(table)
        fields = self._canonical(document, "insert")
        database = self.transaction.database
        identity = database.ids.new_id(target.number, self.transaction.now_ms)
        created = self.transaction.next_creation_time()
        _take_system_fields(fields, identity, created)
        self._store(target, identity, created, fields)
        return identity

    def patch(self, identity: str, fields: Mapping[str, object]) -> None:
        """Change some fields of a document.

        Args:
            identity: Its id.
            fields: The new values; a field that is ``UNDEFINED`` is removed. Fields of objects
                inside are not merged.

        Raises:
            FunctionError: There is no such document, or what comes out is not one its table takes.
            LimitExceeded: As with :meth:`insert`.
        """
        table, stored = self._existing(identity, "patch", "Update")
        changes = self._canonical(fields, "patch")
        _take_system_fields(changes, identity, stored.created)
        merged = stored.fields.copy()
        del merged[ID], merged[CREATION_TIME]
        if len(changes) != len(fields):
            for name, value in fields.items():
                if value is UNDEFINED:
                    merged.pop(name, None)
        count = len(merged)
        merged.update(changes)
        if len(merged) != count:
            merged = dict(sorted(merged.items()))
        self._store(table, identity, stored.created, merged)

    def replace(self, identity: str, document: Mapping[str, object]) -> None:
        """Put other fields in the place of all fields of a document.

        Args:
            identity: Its id.
            document: The new fields.

        Raises:
            FunctionError: There is no such document, or the new one is not one its table takes.
            LimitExceeded: As with :meth:`insert`.
        """
        table, stored = self._existing(identity, "replace", "Replace")
        fields = self._canonical(document, "replace")
        _take_system_fields(fields, identity, stored.created)
        self._store(table, identity, stored.created, fields)

    def delete(self, identity: str) -> None:
        """Delete a document.

        Args:
            identity: Its id.

        Raises:
            FunctionError: There is no such document.
            LimitExceeded: The transaction wrote too much.
        """
        table, _ = self._existing(identity, "delete", "Delete")
        if not self._system:
            self.transaction.usage.write(0)
        self.transaction.write(table, identity, None)

    def _table_to_write(self, name: str) -> Table:
        if self._system:
            table = self.space.find(name)
            if table is None or not name.startswith("_"):
                raise FunctionError(f"{name} is not a table of the system")
            return table
        table = self.space.find(name)
        if table is None:
            return self.space.add(name)
        if name.startswith("_"):
            raise FunctionError(f"{name} is a read-only table")
        return table

    def _existing(self, identity: str, method: str, verb: str) -> tuple[Table, Stored]:
        table = self.table_by_id(identity, method)
        stored = None if table is None else self.read(table, identity)
        if table is None or stored is None:
            raise FunctionError(f"{verb} on nonexistent document ID {identity}")
        return table, stored

    def _canonical(self, document: Mapping[str, object], method: str) -> dict[str, Value]:
        limits = UNLIMITED if self._system else self.transaction.database.value_limits
        try:
            fields = canonical(document, limits=limits)
        except InvalidValue as error:
            raise FunctionError(error.message) from error
        if type(fields) is not dict:
            raise FunctionError(
                f"Invalid argument `value` for `db.{method}`: expected an object, got "
                f"{render(fields)}"
            )
        return fields

    def _store(self, table: Table, identity: str, created: float, fields: dict[str, Value]) -> None:
        """Check a document as a whole, its fields in order, and put it into the transaction."""
        limits = self.transaction.database.limits
        if table.validator is not None:
            try:
                table.validator.check(fields, self.space.table_of)
            except ValidationFailed as error:
                raise FunctionError(
                    f'Failed to insert or update a document in table "{table.name}" because it '
                    f"does not match the schema: {error.message}"
                ) from error
        document: dict[str, Value] = {CREATION_TIME: created, ID: identity, **fields}
        if fields and next(iter(fields)) < CREATION_TIME:
            # Convex keeps fields in the order of their names, and capitals come before "_".
            document = dict(sorted(document.items()))
        size = size_of(document)
        stored = Stored(document, size, table.keys_of(document))
        if not self._system:
            if len(document) > limits.object_fields:
                raise object_too_wide(limits.object_fields)
            if size > limits.document_bytes:
                raise value_too_large(size, limits.document_bytes)
            if stored.is_deep and (nesting := nesting_of(document)) > limits.document_nesting:
                raise document_too_nested(nesting, limits.document_nesting)
            self.transaction.usage.write(size)
        self.transaction.write(table, identity, stored)


def _take_system_fields(fields: dict[str, Value], identity: str, created: float) -> None:
    """Take the system fields out of what a function passed; they must be those of the document."""
    for name in [name for name in fields if name[:1] == "_"]:
        value = fields.pop(name)
        if name == ID:
            if value != identity:
                raise FunctionError(
                    f"Provided document ID \"{identity}\" doesn't match '_id' field {render(value)}"
                )
        elif name == CREATION_TIME:
            if value != created:
                raise FunctionError(
                    f"Provided creation time {render(created)} doesn't match '_creationTime' "
                    f"field {render(value)}"
                )
        else:
            raise FunctionError(
                f"Field '{name}' starts with an underscore, which is only allowed for system "
                "fields like '_id'"
            )
