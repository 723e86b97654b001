"""Strategies for Convex values in canonical form, and FACTS §5.3 said a second time."""

from __future__ import annotations

import math
import struct

from hypothesis import strategies as st

from codex_runtime.values import UNDEFINED, Int64

FIELD_NAMES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=6
).filter(lambda name: name[0] != "$")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
FLOATS = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from(
    [0.0, -0.0, math.nan, -math.nan, math.inf, -math.inf, 1.0, -1.0, 5e-324, 1e16, 1e-5]
)
SCALARS = (
    st.none()
    | st.booleans()
    | FLOATS
    | st.builds(Int64, st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 2))
    | TEXTS
    | st.binary(max_size=6)
    | st.sampled_from(["", "\0", "a", "a\0", "a\0b", "ab", "ÿ", "\uffff", "😀"])
    | st.sampled_from([b"", b"\0", b"\0\xff", b"\0\0", b"a\0", b"\xff"])
)


def _containers(inner):
    def fields(chosen):
        return dict(sorted(chosen.items()))

    return st.lists(inner, max_size=4) | st.dictionaries(FIELD_NAMES, inner, max_size=4).map(fields)


VALUES = st.recursive(SCALARS, _containers, max_leaves=8)
KEYS = VALUES | st.just(UNDEFINED)


def in_order(a, b):
    """Compare two values by the words of FACTS §5.3, without any encoding: -1, 0 or 1."""
    ranks = _rank(a), _rank(b)
    if ranks[0] != ranks[1]:
        return _three_way(*ranks)
    match a:
        case Int64():
            return _three_way(a.value, b.value)
        case float():
            return _three_way(_total(a), _total(b))
        case str():
            return _three_way([ord(c) for c in a], [ord(c) for c in b])
        case bytes():
            return _three_way(list(a), list(b))
        case list():
            return _sequences(a, b)
        case dict():
            flat = [[part for pair in sorted(side.items()) for part in pair] for side in (a, b)]
            return _sequences(*flat)
    return 0


def _three_way(a, b):
    return (a > b) - (a < b)


def _sequences(a, b):
    for left, right in zip(a, b, strict=False):
        if found := in_order(left, right):
            return found
    return _three_way(len(a), len(b))


def _rank(value):
    if value is False or value is True:
        return 4 + value
    kinds = [type(UNDEFINED), type(None), Int64, float, None, None, str, bytes, list, dict]
    return kinds.index(type(value))


def _total(value):
    [bits] = struct.unpack("<Q", struct.pack("<d", value))
    negative, magnitude = bits >> 63, bits & (2**63 - 1)
    return -1 - magnitude if negative else magnitude


def same(a, b):
    """Whether two values are the same, kind for kind and bit for bit."""
    return in_order(a, b) == 0
