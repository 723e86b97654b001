r"""The total order of values, as bytes that compare like the values themselves (FACTS §5.3).

May import the other modules of values only. The invariants: ``sort_key(a) < sort_key(b)`` exactly
when Convex orders ``a`` before ``b``; a key ends where it says it ends, so keys put behind each
other order like tuples of values; the first byte of a key is one of 0x01 to 0x0a, so
``key + b"\xff"`` is past everything that begins with ``key``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.values.canonical import canonical
from codex_runtime.values.kinds import UNDEFINED, Int64, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Callable

_UNSIGNED: Final = struct.Struct(">BQ")
_BITS: Final = struct.Struct(">q")
_FLOAT: Final = struct.Struct(">d")
_MIDDLE: Final = 1 << 63
_ALL_BUT_SIGN: Final = _MIDDLE - 1

_TAG_INT64: Final = 0x03
_TAG_FLOAT64: Final = 0x04
_END: Final = b"\x00"
"""The end of an array or an object: below every tag and every character of a field name."""


def sort_key(value: Value | Undefined) -> bytes:
    """Encode a value so that the bytes order as the values do.

    Args:
        value: The value, or ``UNDEFINED``; one that is not canonical is made so first.

    Returns:
        Its key.

    Raises:
        InvalidValue: ``E_VALUE_INVALID``.
    """
    encode = _ENCODERS.get(type(value))
    return sort_key(canonical(value)) if encode is None else encode(value)


def compare(a: Value | Undefined, b: Value | Undefined) -> int:
    """Compare two values in Convex's order.

    Python's ``==`` will not do: it holds ``True`` and ``1.0`` for equal, and NaN for unequal to
    itself.

    Args:
        a: A value, or ``UNDEFINED``.
        b: Another.

    Returns:
        -1, 0 or 1: ``a`` comes before, is, or comes after ``b``.
    """
    if type(a) is str is type(b):
        # UTF-8 orders as code points do, and so does Python.
        return (a > b) - (a < b)
    left, right = sort_key(a), sort_key(b)
    return (left > right) - (left < right)


def _int64(value: Int64) -> bytes:
    return _UNSIGNED.pack(_TAG_INT64, value.value + _MIDDLE)


def _float64(value: float) -> bytes:
    # IEEE's total order: a negative float is larger the smaller its other bits are.
    bits: int = _BITS.unpack(_FLOAT.pack(value))[0]
    if bits < 0:
        bits ^= _ALL_BUT_SIGN
    return _UNSIGNED.pack(_TAG_FLOAT64, bits + _MIDDLE)


def _delimited(raw: bytes) -> bytes:
    # A zero byte inside is followed by 0xff and the end is two zero bytes, so a prefix comes first.
    return (raw.replace(b"\x00", b"\x00\xff") if b"\x00" in raw else raw) + b"\x00\x00"


def _string(value: str) -> bytes:
    return b"\x07" + _delimited(value.encode())


def _bytes(value: bytes) -> bytes:
    return b"\x08" + _delimited(value)


def _array(value: list[Value]) -> bytes:
    return b"\x09" + b"".join(map(sort_key, value)) + _END


def _object(value: dict[str, Value]) -> bytes:
    parts = [b"\x0a"]
    for name in sorted(value):
        # A field's name has no zero byte, so one is enough to end it.
        parts += (name.encode(), b"\x00", sort_key(value[name]))
    parts.append(_END)
    return b"".join(parts)


_ENCODERS: Final[dict[type, Callable[[Any], bytes]]] = {
    type(UNDEFINED): lambda _: b"\x01",
    type(None): lambda _: b"\x02",
    Int64: _int64,
    float: _float64,
    bool: lambda value: b"\x06" if value else b"\x05",
    str: _string,
    bytes: _bytes,
    list: _array,
    dict: _object,
}
