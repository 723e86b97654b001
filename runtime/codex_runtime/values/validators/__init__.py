"""``v``: what a Convex function takes and returns, and what a table holds.

May import the other modules of values only. Data flows one way: :mod:`.validator` is the record,
:mod:`.checks` makes a function of it that says whether a value matches, :mod:`.mismatch` turns a no
into Convex's words, :mod:`.printing` and :mod:`.exported` write a validator down.
"""

from __future__ import annotations

from codex_runtime.values.validators.builders import v
from codex_runtime.values.validators.mismatch import IdTable
from codex_runtime.values.validators.validator import Validator

__all__ = ["IdTable", "Validator", "v"]
