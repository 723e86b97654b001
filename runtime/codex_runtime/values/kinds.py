"""What a Convex value is in Python: the alias, and the two kinds Python has no type for.

May import the error catalogue through :mod:`.failures` only. The invariant: a value in *canonical
form* is made of exactly the types of :data:`Value`, never of subclasses of them, so that code which
meets one can decide by ``type(value)``.
"""

from __future__ import annotations

from typing import Final, Protocol, SupportsIndex, TypeAlias, TypeGuard, final

from codex_runtime.values.failures import InvalidValue

Value: TypeAlias = "bool | float | Int64 | str | bytes | list[Value] | dict[str, Value] | None"
"""A Convex value in canonical form; ``float`` is Convex's float64."""


class OfficialInt64(Protocol):
    """The part of the official client's ``ConvexInt64`` that is used here."""

    @property
    def value(self) -> int:
        """The number."""
        ...


MIN_INT64: Final = -(2**63)
MAX_INT64: Final = 2**63 - 1


@final
class Int64:
    """A Convex int64, which is a ``bigint`` in JavaScript.

    Python has one kind of integer and Convex's clients turn it into a float64; what must stay an
    int64 is wrapped. It equals another ``Int64``, the official client's ``ConvexInt64`` and an
    ``int`` of the same number, and never a ``float``, because Convex tells the two apart.

    Args:
        value: The number, within 64 bits with a sign.

    Raises:
        InvalidValue: ``E_VALUE_INVALID`` when the number does not fit.
    """

    __slots__ = ("_value",)

    def __init__(self, value: SupportsIndex) -> None:
        number = value.__index__()
        if isinstance(value, bool):
            raise InvalidValue("E_VALUE_INVALID", f"{value} is a boolean, not an int64.")
        if not MIN_INT64 <= number <= MAX_INT64:
            raise InvalidValue(
                "E_VALUE_INVALID", f"BigInt {number} does not fit into a 64-bit signed integer."
            )
        self._value = number

    @property
    def value(self) -> int:
        """The number."""
        return self._value

    def __int__(self) -> int:
        return self._value

    __index__ = __int__

    def __bool__(self) -> bool:
        return self._value != 0

    def __repr__(self) -> str:
        return f"Int64({self._value})"

    def __reduce__(self) -> tuple[type[Int64], tuple[int]]:
        return Int64, (self._value,)

    def __hash__(self) -> int:
        return hash(self._value)

    def __eq__(self, other: object) -> bool:
        if type(other) is Int64:
            return self._value == other._value
        # The official class compares itself by asking whether we equal its plain number.
        if type(other) is int:
            return self._value == other
        if is_official_int64(other):
            return self._value == other.value
        return NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._value < other._value if type(other) is Int64 else NotImplemented

    def __le__(self, other: object) -> bool:
        return self._value <= other._value if type(other) is Int64 else NotImplemented

    def __gt__(self, other: object) -> bool:
        return self._value > other._value if type(other) is Int64 else NotImplemented

    def __ge__(self, other: object) -> bool:
        return self._value >= other._value if type(other) is Int64 else NotImplemented


@final
class Undefined:
    """The type of :data:`UNDEFINED`, of which there is one."""

    __slots__ = ()

    def __new__(cls) -> Undefined:
        """Give the one there is."""
        return UNDEFINED

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __reduce__(self) -> str:
        return "UNDEFINED"


UNDEFINED: Final[Undefined] = object.__new__(Undefined)
"""The absent value, JavaScript's ``undefined``; false. It is no :data:`Value`.

As the value of a field it means that the field is not there; in a filter or an index range it finds
documents without the field; in a patch it removes the field.
"""


def is_official_int64(value: object) -> TypeGuard[OfficialInt64]:
    """Whether this is the official client's ``ConvexInt64``, told without importing that client.

    Args:
        value: Anything.
    """
    kind = type(value)
    return kind.__name__ == "ConvexInt64" and kind.__module__.partition(".")[0] == "_convex"
