"""The names of :mod:`codex_runtime.values` that an app is written with.

May import :mod:`codex_runtime.values` alone. The invariant: nothing is defined here.
"""

from __future__ import annotations

from codex_runtime.values import UNDEFINED, ConvexError, Int64, v

__all__ = ["UNDEFINED", "ConvexError", "Int64", "v"]
