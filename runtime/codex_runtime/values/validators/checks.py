"""A validator as a function: made once, called for every value.

May import the other modules of values. The invariant: a check only looks at values in canonical
form, so it decides by exact types; it never changes anything; fields are checked in the order of
their names, so of several mismatches it finds the one that Convex finds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from codex_runtime.values.kinds import Int64, Value
from codex_runtime.values.order import sort_key
from codex_runtime.values.validators.mismatch import IdTable, Mismatch, Reason

if TYPE_CHECKING:
    from codex_runtime.values.validators.validator import Validator

Check: TypeAlias = Callable[[Any, "IdTable | None"], "Mismatch | None"]
"""Says why a value does not match, or ``None`` when it does."""

_TYPES: Final[dict[str, type]] = {
    "null": type(None),
    "boolean": bool,
    "int64": Int64,
    "float64": float,
    "string": str,
    "bytes": bytes,
}


class _NoType:
    """No value has this type."""


_ABSENT: Final = _NoType()


def make_check(validator: Validator) -> Check:
    """Make the function of a validator.

    Args:
        validator: The validator; its parts have theirs already.

    Returns:
        The function.
    """
    expected = _TYPES.get(validator.kind)
    if expected is not None:
        return _type_check(validator, expected)
    return _MAKERS[validator.kind](validator)


def _type_check(validator: Validator, expected: type) -> Check:
    def check(value: Value, _ids: IdTable | None) -> Mismatch | None:
        if type(value) is expected:
            return None
        return Mismatch(Reason.NO_MATCH, value, validator)

    return check


def _any(_validator: Validator) -> Check:
    return lambda _value, _ids: None


def _id(validator: Validator) -> Check:
    wanted = validator.table

    def check(value: Value, ids: IdTable | None) -> Mismatch | None:
        if type(value) is not str:
            return Mismatch(Reason.NO_MATCH, value, validator)
        if ids is None:
            return None
        found = ids(value)
        if found == wanted:
            return None
        if found is None:
            return Mismatch(Reason.NO_MATCH, value, validator)
        reason = Reason.SYSTEM_TABLE if found[0] == "_" else Reason.OTHER_TABLE
        return Mismatch(reason, value, validator, found)

    return check


def _literal(validator: Validator) -> Check:
    wanted = validator.literal
    expected = type(wanted)
    # Among floats only the order tells NaN from NaN and 0.0 from -0.0.
    key = sort_key(wanted) if expected is float else b""

    def check(value: Value, _ids: IdTable | None) -> Mismatch | None:
        if type(value) is expected and (sort_key(value) == key if key else value == wanted):
            return None
        return Mismatch(Reason.LITERAL, value, validator)

    return check


def _array(validator: Validator) -> Check:
    [element] = validator.members
    inner = element.mismatch
    simple = _TYPES.get(element.kind, _NoType)

    def check(value: Any, ids: IdTable | None) -> Mismatch | None:
        if type(value) is not list:
            return Mismatch(Reason.NO_MATCH, value, validator)
        for index, item in enumerate(value):
            if type(item) is not simple:
                failure = inner(item, ids)
                if failure is not None:
                    return failure.under(f"[{index}]")
        return None

    return check


def _record(validator: Validator) -> Check:
    keys, values = (member.mismatch for member in validator.members)

    def check(value: Any, ids: IdTable | None) -> Mismatch | None:
        if type(value) is not dict:
            return Mismatch(Reason.NO_MATCH, value, validator)
        for name in sorted(value):
            failure = keys(name, ids)
            if failure is not None:
                return failure.under(".keys()")
            failure = values(value[name], ids)
            if failure is not None:
                return failure.under(".values()")
        return None

    return check


def _object(validator: Validator) -> Check:
    rows = [
        (name, _TYPES.get(field.kind, _NoType), field.mismatch, not field.is_optional)
        for name, field in sorted(validator.fields.items())
    ]

    def check(value: Any, ids: IdTable | None) -> Mismatch | None:
        if type(value) is not dict:
            return Mismatch(Reason.NO_MATCH, value, validator)
        seen = 0
        for name, simple, inner, required in rows:
            item = value.get(name, _ABSENT)
            if item is _ABSENT:
                if required:
                    return Mismatch(Reason.MISSING_FIELD, value, validator, name)
                continue
            seen += 1
            if type(item) is not simple:
                failure = inner(item, ids)
                if failure is not None:
                    return failure.under(f".{name}")
        if seen == len(value):
            return None
        extra = min(name for name in value if name not in validator.fields)
        return Mismatch(Reason.EXTRA_FIELD, value, validator, extra)

    return check


def _union(validator: Validator) -> Check:
    members = validator.members
    if len(members) == 1:
        return members[0].mismatch
    checks = tuple(member.mismatch for member in members)
    simple = frozenset(_TYPES[member.kind] for member in members if member.kind in _TYPES)
    texts = frozenset(
        member.literal
        for member in members
        if member.kind == "literal" and isinstance(member.literal, str)
    )

    def check(value: Any, ids: IdTable | None) -> Mismatch | None:
        kind = type(value)
        if kind in simple or (kind is str and value in texts):
            return None
        for inner in checks:
            if inner(value, ids) is None:
                return None
        return Mismatch(Reason.NO_MATCH, value, validator)

    return check


_MAKERS: Final[dict[str, Callable[[Validator], Check]]] = {
    "any": _any,
    "array": _array,
    "id": _id,
    "literal": _literal,
    "object": _object,
    "record": _record,
    "union": _union,
}
