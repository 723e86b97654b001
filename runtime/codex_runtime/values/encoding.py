"""Values as JSON: Convex's two formats, as trees and as text.

May import the other modules of values only. The invariant: ``from_json(to_json(value))`` is the
value again, float for float and bit for bit; a float is always written with a point or an exponent,
because the official HTTP client refuses ``3`` where it wants ``3.0``.
"""

from __future__ import annotations

import binascii
import json
import math
import struct
from typing import Any, Final, NoReturn, TypeAlias

from codex_runtime.values.canonical import (
    CONVEX_LIMITS,
    ValueLimits,
    canonical,
    check_fields,
    too_long,
    too_nested,
)
from codex_runtime.values.failures import InvalidValue
from codex_runtime.values.kinds import Int64, Value
from codex_runtime.values.names import field_name, known_fields

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""What :mod:`json` reads and writes."""

_INT64: Final = struct.Struct("<q")
_FLOAT64: Final = struct.Struct("<d")
_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
)


def to_json(value: Value) -> Json:
    """Encode a value as ``convex_encoded_json``, from which every value comes back.

    Args:
        value: The value; one that is not canonical is made so first.

    Returns:
        A tree for :func:`json.dumps`.

    Raises:
        InvalidValue: ``E_VALUE_INVALID``.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value  # type: ignore[return-value]  # decided by its exact type
    if kind is dict:
        return {name: to_json(item) for name, item in value.items()}  # type: ignore[union-attr]
    if kind is list:
        return [to_json(item) for item in value]  # type: ignore[union-attr]
    return _scalar(value)


def _scalar(value: Any) -> Json:
    kind = type(value)
    if kind is float:
        # The difference is zero for every float JSON can write, and NaN for the others.
        if value - value == 0.0 and (value != 0.0 or math.copysign(1.0, value) > 0.0):
            return value  # type: ignore[no-any-return]  # a float by the line above
        return {"$float": _base64(_FLOAT64.pack(value))}
    if kind is Int64:
        return {"$integer": _base64(_INT64.pack(value.value))}
    if kind is bytes:
        return {"$bytes": _base64(value)}
    return to_json(canonical(value))


def to_clean_json(value: Value) -> Json:
    """Encode a value as the ``json`` format, which loses the difference between some kinds.

    Args:
        value: The value; one that is not canonical is made so first.

    Returns:
        A tree for :func:`json.dumps`: an int64 as its digits, bytes as base64, NaN and the
        infinities by name.

    Raises:
        InvalidValue: ``E_VALUE_INVALID``.
    """
    if isinstance(value, dict):
        return {name: to_clean_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [to_clean_json(item) for item in value]
    plain = canonical(value)
    if isinstance(plain, float):
        return _named_float(plain)
    if isinstance(plain, Int64):
        return str(plain.value)
    if isinstance(plain, bytes):
        return _base64(plain)
    if isinstance(plain, list | dict):
        return to_clean_json(plain)
    return plain


def _named_float(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def from_json(tree: object, *, limits: ValueLimits = CONVEX_LIMITS) -> Value:
    """Decode ``convex_encoded_json``.

    Args:
        tree: What :func:`json.loads` gave; a JSON integer becomes a float64.
        limits: The limits to hold the value to.

    Returns:
        The value in canonical form; it shares nothing with the tree.

    Raises:
        InvalidValue: ``E_VALUE_ENCODING_INVALID``, or ``E_VALUE_INVALID`` past a limit.
    """
    return _decoded(tree, 1, limits)


def _decoded(tree: Any, level: int, limits: ValueLimits) -> Value:
    kind = type(tree)
    if kind is str:
        return tree if tree.isascii() else canonical(tree)
    if kind is bool or tree is None:
        return tree  # type: ignore[no-any-return]  # decided by its exact type
    if kind is float or kind is int:
        return _decoded_number(tree)
    if kind is dict:
        return _decoded_object(tree, level, limits)
    if kind is list:
        return _decoded_array(tree, level, limits)
    raise _unreadable(f"{kind.__name__} is no kind of JSON")


def _decoded_number(tree: float) -> float:
    try:
        value = float(tree)
    except OverflowError:
        raise _unreadable("a number is out of the range of a float64") from None
    if value - value != 0.0:
        raise _unreadable(f"Float64 {value} should be encoded as $float")
    return value


def _decoded_array(tree: list[Any], level: int, limits: ValueLimits) -> list[Value]:
    if level > limits.nesting:
        raise too_nested(limits)
    if len(tree) > limits.array_length:
        raise too_long(len(tree), limits)
    return [_decoded(item, level + 1, limits) for item in tree]


def _decoded_object(tree: dict[Any, Any], level: int, limits: ValueLimits) -> Value:
    if len(tree) == 1:
        [(key, item)] = tree.items()
        if key == "$integer":
            return Int64(_INT64.unpack(_eight(_raw(item, key), key))[0])
        if key == "$float":
            return _special(_FLOAT64.unpack(_eight(_raw(item, key), key))[0])
        if key == "$bytes":
            return _raw(item, key)
    if level > limits.nesting:
        raise too_nested(limits)
    fields: dict[str, Value] = {}
    ordered = True
    last = ""
    for key, item in tree.items():
        name = known_fields.get(key) or field_name(key)
        if name < last:
            ordered = False
        last = name
        fields[name] = _decoded(item, level + 1, limits)
    check_fields(fields, limits)
    return fields if ordered else dict(sorted(fields.items()))


def _special(value: float) -> float:
    if value - value == 0.0 and (value != 0.0 or math.copysign(1.0, value) > 0.0):
        raise _unreadable(f"Float64 {value} should be encoded as a number")
    return value


def _raw(text: object, key: str) -> bytes:
    if not isinstance(text, str):
        raise _unreadable(f"{key} must be a string of base64")
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise _unreadable(f"{key} is not base64: {error}") from None


def _eight(raw: bytes, key: str) -> bytes:
    if len(raw) != _INT64.size:
        raise _unreadable(f"Received {len(raw)} bytes, expected 8 for {key}")
    return raw


def dumps(value: object) -> str:
    """Write a value as ``convex_encoded_json`` text, fields in the order of their names.

    Args:
        value: The value; one that is not canonical is made so first.

    Returns:
        The text, without blanks.

    Raises:
        InvalidValue: ``E_VALUE_INVALID``.
    """
    return _ENCODER.encode(to_json(canonical(value)))


def loads(text: str | bytes, *, limits: ValueLimits = CONVEX_LIMITS) -> Value:
    """Read a value from ``convex_encoded_json`` text.

    Args:
        text: The text, or its UTF-8 bytes.
        limits: The limits to hold the value to.

    Returns:
        The value in canonical form.

    Raises:
        InvalidValue: ``E_VALUE_ENCODING_INVALID``, or ``E_VALUE_INVALID`` past a limit.
    """
    try:
        tree = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise too_nested(limits) from None
    except ValueError as error:
        raise _unreadable(f"not JSON: {error}") from None
    return from_json(tree, limits=limits)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _base64(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode()


def _unreadable(what: str) -> InvalidValue:
    return InvalidValue("E_VALUE_ENCODING_INVALID", what)
