"""Every table of the component, each once.

May import the shapes. The invariant: the schema of the fake, the schema of the deployment and the
reference page are made of these tables; no field or index is described in a second place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.contract.tables.conversations import CONVERSATION_TABLES
from codex_runtime.contract.tables.requests import REQUEST_TABLES
from codex_runtime.contract.tables.streams import STREAM_TABLES
from codex_runtime.contract.tables.table import SCOPE, Index, Row, Table
from codex_runtime.contract.tables.work import WORK_TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLES: Final[Mapping[str, Table]] = {
    table.name: table
    for table in (*CONVERSATION_TABLES, *STREAM_TABLES, *REQUEST_TABLES, *WORK_TABLES)
}
"""Every table by its name."""

__all__ = ["SCOPE", "TABLES", "Index", "Row", "Table"]
