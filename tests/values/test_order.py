from __future__ import annotations

import functools
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_runtime.values import UNDEFINED, Int64, InvalidValue, compare, sort_key
from support.convex_values import KEYS, in_order

ASCENDING = [
    UNDEFINED,
    None,
    Int64(-(2**63)),
    Int64(-1),
    Int64(0),
    Int64(2**63 - 1),
    -math.nan,
    -math.inf,
    -1.0,
    -5e-324,
    -0.0,
    0.0,
    5e-324,
    1.0,
    1.5,
    math.inf,
    math.nan,
    False,
    True,
    "",
    "\0",
    "\0\0",
    "\0a",
    "A",
    "a",
    "a\0",
    "a\0\x01",
    "aa",
    "é",
    "\uffff",
    "😀",
    b"",
    b"\0",
    b"\0\0",
    b"\0\x01",
    b"\0\xff",
    b"a",
    b"\xff",
    [],
    [None],
    [None, None],
    [Int64(0)],
    [0.0],
    ["a"],
    ["a", None],
    ["a\0"],
    [[]],
    [[], None],
    [{}],
    {},
    {"a": None},
    {"a": None, "b": None},
    {"a": 1.0},
    {"a": []},
    {"aa": None},
    {"b": None},
]


def test_every_kind_stands_where_convex_puts_it():
    for (i, a), (j, b) in itertools.product(enumerate(ASCENDING), repeat=2):
        expected = (i > j) - (i < j)
        assert in_order(a, b) == expected, (a, b)
        assert compare(a, b) == expected, (a, b)


@given(KEYS, KEYS)
def test_keys_order_as_the_values_do(a, b):
    left, right = sort_key(a), sort_key(b)
    assert (left > right) - (left < right) == in_order(a, b) == compare(a, b)


@given(st.lists(KEYS, min_size=1, max_size=3), st.lists(KEYS, min_size=1, max_size=3))
def test_keys_put_behind_each_other_order_as_tuples(left, right):
    def one_by_one():
        for a, b in zip(left, right, strict=False):
            if found := in_order(a, b):
                return found
        return (len(left) > len(right)) - (len(left) < len(right))

    a, b = (b"".join(map(sort_key, side)) for side in (left, right))
    assert (a > b) - (a < b) == one_by_one()


@given(KEYS, st.binary(max_size=3))
def test_a_key_says_where_it_ends(value, more):
    key = sort_key(value)
    assert not any(
        sort_key(other).startswith(key) for other in ASCENDING if compare(other, value) != 0
    )
    assert 0x01 <= key[0] <= 0x0A
    assert key + more < key + b"\xff" * 4


@given(st.lists(KEYS, max_size=8))
def test_sorting_by_key_is_sorting_by_comparison(values):
    by_key = sorted(values, key=sort_key)
    by_words = sorted(values, key=functools.cmp_to_key(in_order))
    assert [sort_key(value) for value in by_key] == [sort_key(value) for value in by_words]


def test_what_python_holds_for_equal_is_told_apart():
    assert compare(True, 1.0) != 0
    assert compare(Int64(1), 1.0) != 0
    assert compare(0.0, -0.0) == 1
    assert compare(math.nan, math.nan) == 0
    assert compare({"b": 1.0, "a": 2.0}, {"a": 2.0, "b": 1.0}) == 0


def test_values_that_are_not_canonical_are_made_so():
    assert sort_key((1, 2)) == sort_key([1.0, 2.0])
    assert compare(1, 1.0) == 0
    with pytest.raises(InvalidValue):
        sort_key(object())
