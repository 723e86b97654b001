"""The schema of the component, made of the contract's tables.

May import the engine's schema and the contract. The invariant: nothing is declared here; a table or
an index is changed in the contract.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_fakes.convex.engine.schema import define_schema, define_table
from codex_runtime.contract.shapes import validator_of
from codex_runtime.contract.tables import TABLES

if TYPE_CHECKING:
    from codex_fakes.convex.engine.schema import Schema, TableDefinition
    from codex_runtime.contract.tables import Table


def _defined(table: Table) -> TableDefinition:
    defined = define_table(validator_of(table.row))
    for index in table.indexes:
        defined = defined.index(index.name, index.fields)
    return defined


schema: Final[Schema] = define_schema({name: _defined(table) for name, table in TABLES.items()})
"""The tables of the component with their indexes."""
