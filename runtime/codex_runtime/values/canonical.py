"""From what a Python program has to the canonical form of a Convex value.

May import the other modules of values only. The invariant: what :func:`canonical` returns is made
of exactly the types of :data:`~codex_runtime.values.kinds.Value`, shares no list and no object with
what it was given, keeps within the limits, and its objects' fields are in the order of their names,
as a Convex function sees them.

This is on the path of every call and every write: the common kinds are decided by one look-up each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from codex_runtime.values.failures import InvalidValue
from codex_runtime.values.kinds import UNDEFINED, Int64, Value, is_official_int64
from codex_runtime.values.names import (
    MAX_FIELD_NAME,
    field_name,
    known_fields,
    name_too_long,
)

SAFE_INTEGER: Final = 2**53
"""The largest integer, either side of zero, that a float64 holds with all before it."""

_TYPES: Final = "To learn about Convex's supported types, see https://docs.convex.dev/using/types."


@dataclass(frozen=True, slots=True)
class ValueLimits:
    """What Convex allows any value to be.

    Attributes:
        nesting: How deep arrays and objects may stand inside each other.
        array_length: How many elements an array may have.
        object_fields: How many fields an object may have.
        field_name_length: How long the name of a field may be, in characters; no more than Convex
            allows.
    """

    nesting: int = 64
    array_length: int = 8192
    object_fields: int = 1024
    field_name_length: int = MAX_FIELD_NAME


CONVEX_LIMITS: Final = ValueLimits()
"""The limits of a Convex deployment."""

PLAIN_KINDS: Final = frozenset({float, bool, type(None), Int64, bytes})
"""The kinds that are canonical as they are: no contents to check."""


def canonical(value: object, *, limits: ValueLimits = CONVEX_LIMITS) -> Value:
    """Bring a value into canonical form, checked and copied.

    An ``int`` becomes a float64, as with the official client; a tuple or another sequence becomes a
    list, a mapping an object, a ``bytearray`` or ``memoryview`` becomes ``bytes``, the official
    ``ConvexInt64`` an ``Int64``, and subclasses lose what they add. Fields whose value is
    ``UNDEFINED`` are left out.

    Args:
        value: The value.
        limits: The limits to hold it to.

    Returns:
        The value in canonical form.

    Raises:
        InvalidValue: ``E_VALUE_INVALID``; its ``message`` is Convex's text.
    """
    kind = type(value)
    if kind in PLAIN_KINDS:
        return cast("Value", value)
    if kind is str:
        return _text(cast("str", value))
    return _copy(value, 1, limits)


def _copy(value: Any, level: int, limits: ValueLimits) -> Value:
    kind = type(value)
    if kind is dict:
        return _object(value, level, limits)
    if kind is list or kind is tuple:
        return _array(value, level, limits)
    return _converted(value, level, limits)


def _object(value: Mapping[Any, Any], level: int, limits: ValueLimits) -> dict[str, Value]:
    if level > limits.nesting:
        raise too_nested(limits)
    fields: dict[str, Value] = {}
    ordered = True
    last = ""
    for key, item in value.items():
        name = known_fields.get(key) or field_name(key)
        kind = type(item)
        if kind is str:
            if not item.isascii():
                _text(item)
        elif kind not in PLAIN_KINDS:
            if item is UNDEFINED:
                continue
            item = _copy(item, level + 1, limits)
        if name < last:
            ordered = False
        last = name
        fields[name] = item
    check_fields(fields, limits)
    return fields if ordered else dict(sorted(fields.items()))


def _array(value: Sequence[Any], level: int, limits: ValueLimits) -> list[Value]:
    if level > limits.nesting:
        raise too_nested(limits)
    if len(value) > limits.array_length:
        raise too_long(len(value), limits)
    items: list[Value] = []
    for item in value:
        kind = type(item)
        if kind in PLAIN_KINDS:
            items.append(item)
        elif kind is str:
            items.append(_text(item))
        else:
            items.append(_copy(item, level + 1, limits))
    return items


def _converted(value: Any, level: int, limits: ValueLimits) -> Value:
    if value is UNDEFINED:
        raise _invalid(f"undefined is not a valid Convex value. {_TYPES}")
    if is_official_int64(value):
        return Int64(value.value)
    if isinstance(value, int):
        return _number(value)
    if isinstance(value, str):
        return _text(str.__str__(value))
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, Mapping):
        return _object(value, level, limits)
    if isinstance(value, Sequence):
        return _array(value, level, limits)
    raise _invalid(
        f"{type(value).__name__} {_excerpt(value)} is not a supported Convex type. {_TYPES}"
    )


def _number(value: int) -> float:
    if not -SAFE_INTEGER <= value <= SAFE_INTEGER:
        raise _invalid(
            f"Integer {_excerpt(value)} is outside the range of a Convex `Float64` "
            "(-2^53 to 2^53). Consider using an `Int64`, which is a `bigint` in JavaScript."
        )
    return float(value)


def _text(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _invalid(
                "A string with a lone surrogate is not a valid Convex value: it has no UTF-8 form."
            ) from None
    return value


def _excerpt(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:
        # An integer of more digits than Python is willing to print.
        return "of many digits"
    return text if len(text) <= 200 else text[:200] + "…"


def too_nested(limits: ValueLimits) -> InvalidValue:
    """A value is nested too deep.

    Args:
        limits: The limits it is past.

    Returns:
        The exception. Convex builds values from their leaves up, so that the depth it names is
        always the first one past the limit.
    """
    return _invalid(
        f"Value is too nested (nested {limits.nesting + 1} levels deep > "
        f"maximum nesting {limits.nesting})"
    )


def too_long(length: int, limits: ValueLimits) -> InvalidValue:
    """An array is too long.

    Args:
        length: Its length.
        limits: The limits it is past.

    Returns:
        The exception.
    """
    return _invalid(f"Array length is too long ({length} > maximum length {limits.array_length})")


def too_many_fields(count: int, limits: ValueLimits) -> InvalidValue:
    """An object has too many fields.

    Args:
        count: How many it has.
        limits: The limits it is past.

    Returns:
        The exception.
    """
    return _invalid(f"Object has too many fields ({count} > maximum number {limits.object_fields})")


def check_fields(fields: Mapping[str, object], limits: ValueLimits) -> None:
    """Hold the fields of an object, their number and their names, to limits.

    Args:
        fields: The fields, whose names are names of fields.
        limits: The limits.

    Raises:
        InvalidValue: ``E_VALUE_INVALID``.
    """
    if len(fields) > limits.object_fields:
        raise too_many_fields(len(fields), limits)
    longest = limits.field_name_length
    # Every name was held to Convex's own limit when it was first seen.
    if longest < MAX_FIELD_NAME:
        for name in fields:
            if len(name) > longest:
                raise name_too_long(name, longest)


def _invalid(message: str) -> InvalidValue:
    return InvalidValue("E_VALUE_INVALID", message)
