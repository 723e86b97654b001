"""Validators in the JSON shape that Convex's own tools exchange.

May import the other modules of values. The invariant: reading what was written gives an equal
validator; what Convex would refuse to read is refused here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.values.encoding import from_json, to_json
from codex_runtime.values.failures import InvalidValue

if TYPE_CHECKING:
    from codex_runtime.values.validators.validator import Validator

_NAMES: Final = {"float64": "number", "int64": "bigint"}
_KINDS: Final = {"number": "float64", "bigint": "int64"}
_SIMPLE: Final = frozenset({"null", "boolean", "int64", "float64", "string", "bytes", "any"})


def write(validator: Validator) -> dict[str, Any]:
    """Write a validator.

    Args:
        validator: The validator. Whether it is optional is said where it is a field.

    Returns:
        A tree for :func:`json.dumps`.
    """
    tree: dict[str, Any] = {"type": _NAMES.get(validator.kind, validator.kind)}
    match validator.kind:
        case "id":
            tree["tableName"] = validator.table
        case "literal":
            tree["value"] = to_json(validator.literal)
        case "array":
            tree["value"] = write(validator.members[0])
        case "union":
            tree["value"] = [write(member) for member in validator.members]
        case "record":
            keys, values = validator.members
            tree["keys"] = write(keys)
            tree["values"] = {"fieldType": write(values), "optional": False}
        case "object":
            tree["value"] = {
                name: {"fieldType": write(field), "optional": field.is_optional}
                for name, field in validator.fields.items()
            }
    return tree


def read(tree: object, make: Callable[..., Validator]) -> Validator:
    """Read a validator.

    Args:
        tree: What :func:`json.loads` gave.
        make: Makes the validator of its parts.

    Returns:
        The validator.

    Raises:
        InvalidValue: ``E_VALUE_VALIDATOR_INVALID``.
    """
    if not isinstance(tree, Mapping) or not isinstance(tree.get("type"), str):
        raise _invalid(f"no validator: {tree!r:.200}")
    name: str = tree["type"]
    kind = _KINDS.get(name, name)
    if kind in _SIMPLE:
        return make(kind)
    reader = _READERS.get(kind)
    if reader is None:
        raise _invalid(f"no kind of validator: {name!r:.200}")
    return reader(tree, make)


def _read_id(tree: Mapping[str, Any], make: Callable[..., Validator]) -> Validator:
    table = tree.get("tableName")
    if not isinstance(table, str):
        raise _invalid("an id validator without its tableName")
    return make("id", table=table)


def _read_literal(tree: Mapping[str, Any], make: Callable[..., Validator]) -> Validator:
    return make("literal", literal=from_json(tree.get("value")))


def _read_array(tree: Mapping[str, Any], make: Callable[..., Validator]) -> Validator:
    return make("array", members=(read(tree.get("value"), make),))


def _read_union(tree: Mapping[str, Any], make: Callable[..., Validator]) -> Validator:
    members = tree.get("value")
    if not isinstance(members, list):
        raise _invalid("a union validator without the list of its members")
    return make("union", members=tuple(read(member, make) for member in members))


def _read_record(tree: Mapping[str, Any], make: Callable[..., Validator]) -> Validator:
    return make(
        "record", members=(read(tree.get("keys"), make), _read_field(tree.get("values"), make))
    )


def _read_object(tree: Mapping[str, Any], make: Callable[..., Validator]) -> Validator:
    fields = tree.get("value")
    if not isinstance(fields, Mapping):
        raise _invalid("an object validator without its fields")
    return make(
        "object", rows=tuple((name, _read_field(field, make)) for name, field in fields.items())
    )


def _read_field(tree: object, make: Callable[..., Validator]) -> Validator:
    if not isinstance(tree, Mapping):
        raise _invalid(f"no field of a validator: {tree!r:.200}")
    field = read(tree.get("fieldType"), make)
    return field.optional() if tree.get("optional") is True else field


_READERS: Final = {
    "id": _read_id,
    "literal": _read_literal,
    "array": _read_array,
    "union": _read_union,
    "record": _read_record,
    "object": _read_object,
}


def _invalid(message: str) -> InvalidValue:
    return InvalidValue("E_VALUE_VALIDATOR_INVALID", message)
