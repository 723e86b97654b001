"""Every function of the component, each once.

May import the shapes and tables. The invariant: a function that is not declared here does not
exist, and one that is exists in every implementation, with these shapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_runtime.contract.functions.deletion import DELETION_FUNCTIONS
from codex_runtime.contract.functions.function import Function
from codex_runtime.contract.functions.imports import IMPORT_FUNCTIONS
from codex_runtime.contract.functions.ingest import INGEST_FUNCTIONS
from codex_runtime.contract.functions.reading import READING_FUNCTIONS
from codex_runtime.contract.functions.threads import THREAD_FUNCTIONS
from codex_runtime.contract.functions.turns import TURN_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

FUNCTIONS: Final[Mapping[str, Function]] = {
    function.name: function
    for function in (
        *THREAD_FUNCTIONS,
        *IMPORT_FUNCTIONS,
        *DELETION_FUNCTIONS,
        *TURN_FUNCTIONS,
        *INGEST_FUNCTIONS,
        *READING_FUNCTIONS,
    )
}
"""Every function by its name, ``module.function``."""

__all__ = ["FUNCTIONS", "Function"]
