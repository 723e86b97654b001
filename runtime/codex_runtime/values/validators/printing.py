"""Validators as text: as Convex's messages print them, and as TypeScript.

May import the kinds of values only. The invariant: :func:`describe` is what the backend prints,
which sorts fields and hides int64 literals; :func:`source` is what a person writes, in the order
they wrote it, and means the same validator.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from codex_runtime.values.kinds import Int64, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from codex_runtime.values.validators.validator import Validator

_TYPES = {
    "null": "null",
    "boolean": "boolean",
    "int64": "bigint",
    "float64": "number",
    "string": "string",
    "bytes": "ArrayBuffer",
    "any": "any",
}


def describe(validator: Validator) -> str:
    """Print a validator as the backend's messages do.

    Args:
        validator: The validator.

    Returns:
        ``v.object({a: v.float64(), b: v.optional(v.string())})``.
    """
    return _printed(validator, describe, describe_literal, sorted(validator.fields))


def source(validator: Validator) -> str:
    """Print a validator as TypeScript source.

    Args:
        validator: The validator.

    Returns:
        ``v.object({b: v.optional(v.string()), a: v.number()})``.
    """
    if validator.kind == "float64" and not validator.is_optional:
        return "v.number()"
    return _printed(validator, source, _literal_source, validator.fields)


def describe_literal(value: Value) -> str:
    """Print the value of a literal validator as the backend's messages do.

    Args:
        value: The value.

    Returns:
        It as JSON; ``<bigint>`` and ``<number>`` for what JSON cannot say.
    """
    if isinstance(value, Int64):
        return "<bigint>"
    if isinstance(value, float) and not math.isfinite(value):
        return "<number>"
    return json.dumps(value, ensure_ascii=False)


def _printed(
    validator: Validator,
    inner: Callable[[Validator], str],
    literal: Callable[[Value], str],
    names: Iterable[str],
) -> str:
    if validator.is_optional:
        return f"v.optional({inner(validator.required())})"
    match validator.kind:
        case "id":
            return f'v.id("{validator.table}")'
        case "literal":
            return f"v.literal({literal(validator.literal)})"
        case "object":
            fields = (f"{name}: {inner(validator.fields[name])}" for name in names)
            return f"v.object({{{', '.join(fields)}}})"
        case _:
            # The parts of an array, a record or a union; a simple kind has none.
            return f"v.{validator.kind}({', '.join(map(inner, validator.members))})"


def _literal_source(value: Value) -> str:
    if isinstance(value, Int64):
        return f"{value.value}n"
    if isinstance(value, float):
        return _number_source(value)
    return json.dumps(value, ensure_ascii=False)


def _number_source(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value.is_integer() and (value != 0.0 or math.copysign(1.0, value) > 0.0):
        return str(int(value))
    return "-0" if value == 0.0 else repr(value)


def type_source(validator: Validator) -> str:
    """Print the TypeScript type of the values a validator matches.

    Args:
        validator: The validator.

    Returns:
        ``{ a: number; b?: string }``.
    """
    match validator.kind:
        case "id":
            return f'Id<"{validator.table}">'
        case "literal":
            return _literal_type(validator.literal)
        case "array":
            return f"Array<{type_source(validator.members[0])}>"
        case "record":
            key, value = map(type_source, validator.members)
            return f"Record<{key}, {value}>"
        case "union":
            return " | ".join(map(type_source, validator.members)) or "never"
        case "object":
            fields = [
                f"{name}{'?' if field.is_optional else ''}: {type_source(field)}"
                for name, field in validator.fields.items()
            ]
            return f"{{ {'; '.join(fields)} }}" if fields else "{}"
        case kind:
            return _TYPES[kind]


def _literal_type(value: Value) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "number"
    return _literal_source(value)
