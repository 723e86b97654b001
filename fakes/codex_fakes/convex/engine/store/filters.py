"""Filters: from ``q.eq(q.field("a"), 1)`` to a function of a document (FACTS §5.4).

May import the tables' field reader, errors and ``codex_runtime.values``. The invariant: comparisons
use Convex's order of all values, so they never fail; arithmetic takes two numbers of one kind, and
logic takes booleans, and anything else is an error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from codex_fakes.convex.engine.errors import FunctionError
from codex_fakes.convex.engine.store.ranges import operand
from codex_fakes.convex.engine.store.tables import field_reader
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.values import UNDEFINED, Int64, compare, render

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_runtime.values import Undefined, Value

    MaybeValue: TypeAlias = "Value | Undefined"
    Evaluate: TypeAlias = Callable[[dict[str, Value]], MaybeValue]

_KINDS: Final[dict[type, str]] = {
    type(UNDEFINED): "undefined",
    type(None): "Null",
    Int64: "Int64",
    float: "Float64",
    bool: "Boolean",
    str: "String",
    bytes: "Bytes",
    list: "Array",
    dict: "Object",
}
_WRAP: Final = 1 << 64
_SIGN: Final = 1 << 63


@dataclass(frozen=True, slots=True)
class Expression:
    """A part of a filter.

    Attributes:
        evaluate: Its value for a document.
        text: What it says: the same for expressions that mean the same, for cursors to be bound to.
    """

    evaluate: Evaluate
    text: str


class FilterBuilder:
    """What the callback of ``filter`` gets. Every argument is an expression or a value."""

    __slots__ = ()

    def field(self, path: str) -> Expression:
        """The value of a field, dotted when it is nested; ``UNDEFINED`` when it is not there."""
        return Expression(field_reader(path), f"field({path!r})")

    def eq(self, left: Any, right: Any) -> Expression:
        """Whether two values are the same."""
        return _comparison("eq", left, right, lambda order: order == 0)

    def neq(self, left: Any, right: Any) -> Expression:
        """Whether two values differ."""
        return _comparison("neq", left, right, lambda order: order != 0)

    def lt(self, left: Any, right: Any) -> Expression:
        """Whether the first comes before the second."""
        return _comparison("lt", left, right, lambda order: order < 0)

    def lte(self, left: Any, right: Any) -> Expression:
        """Whether the first does not come behind the second."""
        return _comparison("lte", left, right, lambda order: order <= 0)

    def gt(self, left: Any, right: Any) -> Expression:
        """Whether the first comes behind the second."""
        return _comparison("gt", left, right, lambda order: order > 0)

    def gte(self, left: Any, right: Any) -> Expression:
        """Whether the first does not come before the second."""
        return _comparison("gte", left, right, lambda order: order >= 0)

    def and_(self, *conditions: Any) -> Expression:
        """Whether all conditions hold; those behind the first that does not are not looked at."""
        return _connective("and", conditions, until=False)

    def or_(self, *conditions: Any) -> Expression:
        """Whether a condition holds; those behind the first that does are not looked at."""
        return _connective("or", conditions, until=True)

    def not_(self, condition: Any) -> Expression:
        """Whether a condition does not hold."""
        inner = _expression(condition)
        return Expression(
            lambda document: not _boolean(inner.evaluate(document)), f"not({inner.text})"
        )

    def add(self, left: Any, right: Any) -> Expression:
        """The sum of two numbers of one kind."""
        return _arithmetic("add", "and", left, right, lambda a, b: a + b)

    def sub(self, left: Any, right: Any) -> Expression:
        """The difference of two numbers of one kind."""
        return _arithmetic("subtract", "and", left, right, lambda a, b: a - b)

    def mul(self, left: Any, right: Any) -> Expression:
        """The product of two numbers of one kind."""
        return _arithmetic("multiply", "and", left, right, lambda a, b: a * b)

    def div(self, left: Any, right: Any) -> Expression:
        """The quotient of two numbers of one kind; integers are rounded towards zero."""
        return _arithmetic("divide", "by", left, right, _quotient)

    def mod(self, left: Any, right: Any) -> Expression:
        """What remains of a division; it has the sign of the first."""
        return _arithmetic("take the remainder of", "and", left, right, _remainder)

    def neg(self, number: Any) -> Expression:
        """A number with the other sign."""
        inner = _expression(number)

        def evaluate(document: dict[str, Value]) -> Value:
            value = inner.evaluate(document)
            if type(value) is float:
                return -value
            if type(value) is Int64:
                return _int64(-value.value)
            raise FunctionError(f"Cannot negate {_described(value)}")

        return Expression(evaluate, f"neg({inner.text})")


def build_filter(callback: Callable[[FilterBuilder], Any]) -> Expression:
    """Run the callback of ``filter``.

    Args:
        callback: The callback.

    Returns:
        The condition that a document must meet.

    Raises:
        CodexRuntimeError: ``E_FAKE_CONVEX_QUERY_MISUSED``: it returned nothing.
        FunctionError: It returned what is no Convex value.
    """
    built = callback(FilterBuilder())
    if built is None:
        raise CodexRuntimeError(
            "E_FAKE_CONVEX_QUERY_MISUSED", "the callback of filter must return a condition"
        )
    return _expression(built)


def holds(condition: Expression, document: dict[str, Value]) -> bool:
    """Tell whether a document meets a condition.

    Args:
        condition: The condition.
        document: The fields of the document.

    Raises:
        FunctionError: The condition is not a boolean for this document, or calculates with what is
            no number.
    """
    value = condition.evaluate(document)
    return value if type(value) is bool else _boolean(value)


def _expression(value: Any) -> Expression:
    if isinstance(value, Expression):
        return value
    literal = operand(value)
    text = "undefined" if literal is UNDEFINED else render(cast("Value", literal))
    return Expression(lambda _: literal, text)


def _comparison(name: str, left: Any, right: Any, accept: Callable[[int], bool]) -> Expression:
    first, second = _expression(left), _expression(right)
    before, behind = first.evaluate, second.evaluate
    return Expression(
        lambda document: accept(compare(before(document), behind(document))),
        f"{name}({first.text}, {second.text})",
    )


def _connective(name: str, conditions: tuple[Any, ...], *, until: bool) -> Expression:
    parts = [_expression(condition) for condition in conditions]

    def evaluate(document: dict[str, Value]) -> bool:
        for part in parts:
            if _boolean(part.evaluate(document)) is until:
                return until
        return not until

    return Expression(evaluate, f"{name}({', '.join(part.text for part in parts)})")


def _arithmetic(
    verb: str, joint: str, left: Any, right: Any, calculate: Callable[[Any, Any], Any]
) -> Expression:
    first, second = _expression(left), _expression(right)

    def evaluate(document: dict[str, Value]) -> Value:
        a, b = first.evaluate(document), second.evaluate(document)
        if type(a) is float and type(b) is float:
            return cast("float", calculate(a, b))
        if type(a) is Int64 and type(b) is Int64:
            return _int64(calculate(a.value, b.value))
        raise FunctionError(f"Cannot {verb} {_described(a)} {joint} {_described(b)}")

    return Expression(evaluate, f"{verb}({first.text}, {second.text})")


def _quotient(a: Any, b: Any) -> Any:
    if type(a) is int:
        if b == 0:
            raise FunctionError("Cannot divide by zero")
        whole = abs(a) // abs(b)
        return whole if (a < 0) == (b < 0) else -whole
    if b != 0:
        return a / b
    if a == 0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _remainder(a: Any, b: Any) -> Any:
    if type(a) is int:
        if b == 0:
            raise FunctionError("Cannot divide by zero")
        left = abs(a) % abs(b)
        return -left if a < 0 else left
    if b == 0 or math.isinf(a):
        return math.nan
    return math.fmod(a, b)


def _int64(number: int) -> Int64:
    return Int64((number + _SIGN) % _WRAP - _SIGN)


def _boolean(value: MaybeValue) -> bool:
    if type(value) is bool:
        return value
    raise FunctionError(f"Expected a boolean in a filter, got {_described(value)}")


def _described(value: MaybeValue) -> str:
    shown = "undefined" if value is UNDEFINED else render(cast("Value", value))
    return f"{shown} (type {_KINDS[type(value)]})"
