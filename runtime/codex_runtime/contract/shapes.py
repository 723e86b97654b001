"""How a declared shape becomes a Convex validator.

May import msgspec and :mod:`codex_runtime.values`. The invariant: a shape is written once, as a
struct; the validator that guards it on either side of the wire, and the TypeScript made of it, are
derived from the struct and never written by hand.

Python names are snake case, wire names camel case. A field that may be absent is ``UNSET`` in
Python and missing on the wire; absent is not null. Convex knows one kind of number: ``int`` and
``float`` both become ``v.number()``, and an ``int`` field takes whole numbers only when a struct is
read.
"""

from __future__ import annotations

import typing
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import UNSET, UnsetType

from codex_runtime.values import v

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_runtime.values import Validator

T = TypeVar("T", bound="Record")


class Record(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the shapes of the contract have in common: camel case on the wire."""


def row_of(table: str) -> msgspec.Meta:
    """Mark a string as the id of a row; ``Annotated`` carries the mark.

    Args:
        table: The table of the row.

    Returns:
        What :func:`validator_of` reads as ``v.id(table)``.
    """
    return msgspec.Meta(extra={"table": table})


@cache
def validator_of(shape: Any) -> Validator:
    """Derive the validator of a type.

    Args:
        shape: A struct, or a type that a struct's field may have: ``str``, ``bool``, ``int``,
            ``float``, ``None``, ``Any``, literals, lists, dicts with string keys, structs, and
            unions of them.

    Returns:
        The validator.

    Raises:
        TypeError: A type has no counterpart in Convex.
    """
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        return v.object(_fields(shape))
    plain = _PLAIN.get(shape)
    if plain is not None:
        return plain
    origin, arguments = get_origin(shape), get_args(shape)
    if origin is Annotated:
        return _annotated(arguments)
    if origin is Literal:
        return _either([v.literal(value) for value in arguments])
    if origin is list:
        return v.array(validator_of(arguments[0]))
    if origin is dict and arguments[0] is str:
        return v.record(v.string(), validator_of(arguments[1]))
    if origin in (typing.Union, UnionType):
        return _union(arguments)
    raise TypeError(f"{shape!r} has no counterpart among Convex's validators")


@cache
def fields_of(shape: type[Record]) -> Mapping[str, Validator]:
    """Derive the validators of a struct's fields, by their names on the wire.

    Args:
        shape: The struct.

    Returns:
        What ``args`` of a Convex function are declared with.
    """
    return MappingProxyType(_fields(shape))


def to_value(record: Record) -> dict[str, Any]:
    """Make the Convex value of a struct; absent fields are left out.

    Args:
        record: The struct.

    Returns:
        An object in wire names. Whole numbers stay ``int``; the codec makes Convex numbers of them.
    """
    built: dict[str, Any] = msgspec.to_builtins(record)
    return built


def from_value(value: Any, shape: type[T]) -> T:
    """Read a struct from a Convex value.

    Args:
        value: The value, in wire names.
        shape: The struct it is to be.

    Returns:
        The struct.

    Raises:
        msgspec.ValidationError: The value does not have that shape.
    """
    read: T = read_value(value, shape)
    return read


def read_value(value: Any, shape: Any) -> Any:
    """Read a value of any declared type: a struct, a list of them, one or nothing.

    Args:
        value: The value, in wire names.
        shape: The type it is to be.

    Returns:
        What that type says.

    Raises:
        msgspec.ValidationError: The value is not of that type.
    """
    return msgspec.convert(_whole(value), shape)


def _whole(value: Any) -> Any:
    # Convex says 3.0 where a whole number is meant; a field of floats takes 3 as well.
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_whole(one) for one in value]
        case dict():
            return {name: _whole(one) for name, one in value.items()}
        case _:
            return value


_PLAIN: Final[dict[Any, Validator]] = {
    str: v.string(),
    bool: v.boolean(),
    int: v.number(),
    float: v.number(),
    None: v.null(),
    NoneType: v.null(),
    Any: v.any(),
}


def _fields(shape: type[msgspec.Struct]) -> dict[str, Validator]:
    hints = typing.get_type_hints(shape, include_extras=True)
    fields = {}
    config = shape.__struct_config__
    if config.tag is not None:
        fields[str(config.tag_field)] = v.literal(config.tag)
    for name, wire in zip(shape.__struct_fields__, shape.__struct_encode_fields__, strict=True):
        fields[wire] = validator_of(hints[name])
    return fields


def _annotated(arguments: tuple[Any, ...]) -> Validator:
    for note in arguments[1:]:
        if isinstance(note, msgspec.Meta) and note.extra and "table" in note.extra:
            return v.id(note.extra["table"])
    return validator_of(arguments[0])


def _union(arguments: tuple[Any, ...]) -> Validator:
    members = [one for one in arguments if one is not UnsetType]
    inner = _either([validator_of(one) for one in members])
    return v.optional(inner) if len(members) < len(arguments) else inner


def _either(members: list[Validator]) -> Validator:
    return members[0] if len(members) == 1 else v.union(*members)


__all__ = [
    "UNSET",
    "Record",
    "UnsetType",
    "fields_of",
    "from_value",
    "read_value",
    "row_of",
    "to_value",
    "validator_of",
]
