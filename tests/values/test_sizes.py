from __future__ import annotations

import pytest
from hypothesis import given

from codex_runtime.values import Int64, nesting_of, size_of
from support.convex_values import VALUES

# What getConvexSize of npm convex 1.48.0 says of the same values.
OFFICIAL = [
    (None, 1),
    (True, 1),
    (Int64(1), 9),
    (0.5, 9),
    ("", 2),
    ("é€😀", 11),
    (b"\0\0\0", 5),
    ([], 2),
    ([None, "a"], 6),
    ({}, 2),
    ({"a": 1.0, "bb": "x"}, 19),
    ({"a": {"b": [Int64(1), {"c": "ü"}]}}, 27),
]


@pytest.mark.parametrize(("value", "size"), OFFICIAL)
def test_sizes_are_what_the_official_client_counts(value, size):
    assert size_of(value) == size


def counted(value):
    match value:
        case None | bool():
            return 1
        case float() | Int64():
            return 1 + 8
        case str():
            return 1 + len(value.encode()) + 1
        case bytes():
            return 1 + len(value) + 1
        case list():
            return 1 + sum(counted(item) for item in value) + 1
        case dict():
            return 1 + sum(len(name) + 1 + counted(item) for name, item in value.items()) + 1


@given(VALUES)
def test_sizes_are_what_the_definition_says(value):
    assert size_of(value) == counted(value)


@given(VALUES)
def test_one_level_more_is_one_level_more(value):
    assert nesting_of([value]) == nesting_of({"a": value}) == nesting_of(value) + 1


def test_the_deepest_part_counts():
    assert nesting_of("leaf") == 0
    assert nesting_of([[], [[]], {}]) == 3
    assert nesting_of({"a": [1.0], "b": 2.0}) == 2


def test_values_that_are_not_canonical_are_made_so():
    assert size_of((1, "x")) == 2 + 9 + 3
