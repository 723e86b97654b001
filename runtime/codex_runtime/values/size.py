"""How large and how deep a value is, as Convex counts (FACTS §5.6).

May import the other modules of values only. The invariant: both are of the value alone; they do not
depend on how it is encoded.
"""

from __future__ import annotations

from codex_runtime.values.canonical import canonical
from codex_runtime.values.kinds import Int64, Value


def size_of(value: Value) -> int:
    """Count a value's size.

    Args:
        value: The value; one that is not canonical is made so first.

    Returns:
        Bytes: null and booleans 1; int64 and float64 9; strings and bytes 2 and their length in
        UTF-8; arrays and objects 2 and what they hold, a field its name's length and 1 more.

    Raises:
        InvalidValue: ``E_VALUE_INVALID``.
    """
    kind = type(value)
    if kind is str:
        return 2 + (len(value) if value.isascii() else len(value.encode()))  # type: ignore[union-attr,arg-type]
    if kind is float or kind is Int64:
        return 9
    if kind is bool or value is None:
        return 1
    if kind is dict:
        total = 2
        for name, item in value.items():  # type: ignore[union-attr]
            total += len(name) + 1 + size_of(item)
        return total
    if kind is list:
        return 2 + sum(map(size_of, value))  # type: ignore[arg-type]
    if kind is bytes:
        return 2 + len(value)  # type: ignore[arg-type]
    return size_of(canonical(value))


def nesting_of(value: Value) -> int:
    """Count how deep arrays and objects stand inside each other.

    Args:
        value: The value in canonical form.

    Returns:
        0 for a value without contents; 1 for an array or an object of such; and so on.
    """
    if isinstance(value, dict):
        return 1 + max(map(nesting_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(nesting_of, value), default=0)
    return 0
