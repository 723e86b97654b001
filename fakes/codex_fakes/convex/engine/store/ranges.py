"""Index ranges: from ``q.eq("a", 1).gt("b", 2)`` to two keys, by Convex's rules (FACTS §5.4).

May import the tables by type, errors and ``codex_runtime.values``. The invariant: a range that is
accepted names a stretch of the index without gaps: equalities on its first fields, then bounds on
at most the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from codex_fakes.convex.engine.errors import FunctionError
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.values import UNDEFINED, InvalidValue, Undefined, canonical, render, sort_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_fakes.convex.engine.store.tables import Index
    from codex_runtime.values import Value

BEHIND: Final = b"\xff"
"""Put behind a key it makes one that comes after everything that starts with the key."""

_DOCS: Final = "https://docs.convex.dev/using/indexes"


@dataclass(frozen=True, slots=True)
class Bound:
    """One comparison of an index range.

    Attributes:
        operator: ``eq``, ``gt``, ``gte``, ``lt`` or ``lte``.
        field: The field, dotted when it is nested.
        value: What it is compared with; ``UNDEFINED`` finds documents without the field.
    """

    operator: str
    field: str
    value: Value | Undefined


class IndexRangeBuilder:
    """What the callback of ``with_index`` gets; every method returns the longer range."""

    __slots__ = ("bounds",)

    def __init__(self, bounds: tuple[Bound, ...] = ()) -> None:
        self.bounds = bounds

    def eq(self, field: str, value: object) -> IndexRangeBuilder:
        """Take documents whose field has this value, or none when it is ``UNDEFINED``."""
        return self._with("eq", field, value)

    def gt(self, field: str, value: object) -> IndexRangeBuilder:
        """Take documents whose field is behind this value."""
        return self._with("gt", field, value)

    def gte(self, field: str, value: object) -> IndexRangeBuilder:
        """Take documents whose field is this value or behind it."""
        return self._with("gte", field, value)

    def lt(self, field: str, value: object) -> IndexRangeBuilder:
        """Take documents whose field is before this value; those without the field are."""
        return self._with("lt", field, value)

    def lte(self, field: str, value: object) -> IndexRangeBuilder:
        """Take documents whose field is this value or before it."""
        return self._with("lte", field, value)

    def _with(self, operator: str, field: str, value: object) -> IndexRangeBuilder:
        return IndexRangeBuilder((*self.bounds, Bound(operator, field, operand(value))))


def operand(value: object) -> Value | Undefined:
    """Bring a value that documents are compared with into canonical form.

    Args:
        value: The value, or ``UNDEFINED``.

    Raises:
        FunctionError: It is no Convex value.
    """
    if isinstance(value, Undefined):
        return value
    try:
        return canonical(value)
    except InvalidValue as error:
        raise FunctionError(error.message) from error


def build_range(
    callback: Callable[[IndexRangeBuilder], IndexRangeBuilder] | None,
) -> tuple[Bound, ...]:
    """Run the callback of ``with_index``.

    Args:
        callback: The callback, ``None`` for the whole index.

    Returns:
        The comparisons in the order in which they were made.

    Raises:
        CodexRuntimeError: ``E_FAKE_CONVEX_QUERY_MISUSED``: it did not return the range.
    """
    if callback is None:
        return ()
    built = callback(IndexRangeBuilder())
    if not isinstance(built, IndexRangeBuilder):
        raise CodexRuntimeError(
            "E_FAKE_CONVEX_QUERY_MISUSED",
            "the callback of with_index must return the range it built, "
            f"not {type(built).__name__}",
        )
    return built.bounds


def compile_range(
    table: str, index: Index, bounds: tuple[Bound, ...]
) -> tuple[bytes, bytes | None]:
    """Turn comparisons into the first key of a range and the first one behind it.

    Args:
        table: The name of the table.
        index: The index.
        bounds: The comparisons.

    Returns:
        The two keys; the second is ``None`` when the range has no end.

    Raises:
        FunctionError: The comparisons are no range of this index.
    """
    name = f"{table}.{index.name}"
    equal, lower, upper = _split(name, bounds)
    ranged = lower or upper
    _check_fields(name, index, [*equal] if ranged is None else [*equal, ranged.field])
    # Equalities may be written in any order; bounds come behind them.
    used = sorted(equal, key=index.fields.index)
    if ranged is not None:
        used.append(ranged.field)
    _check_order(name, index, used)
    prefix = b"".join([sort_key(equal[field]) for field in index.fields[: len(equal)]])
    low, high = prefix, prefix + BEHIND if prefix else None
    if lower is not None:
        low = prefix + sort_key(lower.value)
        if lower.operator == "gt":
            low += BEHIND
    if upper is not None:
        high = prefix + sort_key(upper.value)
        if upper.operator == "lte":
            high += BEHIND
    return low, high


def _split(
    name: str, bounds: tuple[Bound, ...]
) -> tuple[dict[str, Value | Undefined], Bound | None, Bound | None]:
    equal: dict[str, Value | Undefined] = {}
    lower: Bound | None = None
    upper: Bound | None = None
    for bound in bounds:
        if bound.operator == "eq":
            if bound.field in equal:
                raise _already_defined("equality", bound)
            equal[bound.field] = bound.value
            continue
        is_lower = bound.operator[0] == "g"
        if is_lower and lower is not None:
            raise _already_defined("lower", bound)
        if not is_lower and upper is not None:
            raise _already_defined("upper", bound)
        other = upper if is_lower else lower
        if other is not None and other.field != bound.field:
            raise FunctionError(
                "Upper and lower bounds in `range` can only be applied to a single index field. "
                f"This query against index {name} attempted to set a range bound on both "
                f'"{other.field}" and "{bound.field}". Consider using `filter` instead. '
                f"See {_DOCS} for more info."
            )
        if is_lower:
            lower = bound
        else:
            upper = bound
    return equal, lower, upper


def _check_fields(name: str, index: Index, used: list[str]) -> None:
    for field in used:
        if field not in index.fields:
            raise FunctionError(
                f'The index range included a comparison with "{field}", but {name} with fields '
                f"{_listed(index.fields)} doesn't index this field. For more information see "
                f"{_DOCS}."
            )


def _check_order(name: str, index: Index, used: list[str]) -> None:
    for place, field in enumerate(used):
        if place >= len(index.fields) or index.fields[place] != field:
            raise FunctionError(
                f"Tried to query index {name} but the query didn't use the index fields in "
                f"order.\nIndex fields: {_listed(index.fields)}\nQuery fields: {_listed(used)}\n"
                f'First incorrect field: "{field}"\nFor more information see {_DOCS}.'
            )


def _already_defined(kind: str, bound: Bound) -> FunctionError:
    sign = {"eq": "==", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}[bound.operator]
    value = "undefined" if bound.value is UNDEFINED else render(bound.value)
    return FunctionError(
        f'Already defined {kind} bound in index range. Can\'t add "{bound.field}" {sign} {value}.'
    )


def _listed(fields: tuple[str, ...] | list[str]) -> str:
    return "[" + ", ".join(f'"{field}"' for field in fields) + "]"
