"""Convex values: their canonical form, codec, order, size, validators and errors. No IO.

May import :mod:`codex_runtime.errors` and the standard library. The invariant: everything here is a
function of its arguments, so the contract, the adapter and the in-memory Convex agree on what a
value is. A value in *canonical form* is ``None``, ``bool``, ``float`` (Convex's float64),
:class:`Int64`, ``str``, ``bytes``, ``list`` or ``dict``; :func:`canonical` makes it of what a
program has.
"""

from __future__ import annotations

from codex_runtime.values.canonical import CONVEX_LIMITS, ValueLimits, canonical
from codex_runtime.values.convex_error import ConvexError, convex_error_data
from codex_runtime.values.encoding import Json, dumps, from_json, loads, to_clean_json, to_json
from codex_runtime.values.failures import InvalidValue, ValidationFailed
from codex_runtime.values.kinds import UNDEFINED, Int64, Undefined, Value
from codex_runtime.values.names import field_name, identifier
from codex_runtime.values.order import compare, sort_key
from codex_runtime.values.rendering import render
from codex_runtime.values.size import nesting_of, size_of
from codex_runtime.values.validators import IdTable, Validator, v

__all__ = [
    "CONVEX_LIMITS",
    "UNDEFINED",
    "ConvexError",
    "IdTable",
    "Int64",
    "InvalidValue",
    "Json",
    "Undefined",
    "ValidationFailed",
    "Validator",
    "Value",
    "ValueLimits",
    "canonical",
    "compare",
    "convex_error_data",
    "dumps",
    "field_name",
    "from_json",
    "identifier",
    "loads",
    "nesting_of",
    "render",
    "size_of",
    "sort_key",
    "to_clean_json",
    "to_json",
    "v",
]
