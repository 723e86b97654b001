from __future__ import annotations

import copy
import operator
import pickle

import pytest
from convex import ConvexInt64
from hypothesis import given
from hypothesis import strategies as st

from codex_runtime.values import UNDEFINED, Int64, InvalidValue, Undefined

NUMBERS = st.integers(-(2**63), 2**63 - 1)


@given(NUMBERS, NUMBERS)
def test_int64s_compare_as_their_numbers(a, b):
    for compared in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
        assert compared(Int64(a), Int64(b)) is compared(a, b)


@given(NUMBERS)
def test_an_int64_is_its_number(number):
    value = Int64(number)
    assert (value.value, int(value), operator.index(value), bool(value)) == (
        number,
        number,
        number,
        bool(number),
    )
    assert hash(value) == hash(Int64(number))
    assert repr(value) == f"Int64({number})"
    assert {value: 1}[Int64(number)] == 1


@given(NUMBERS)
def test_an_int64_equals_the_official_one_both_ways_round(number):
    assert Int64(number) == ConvexInt64(number)
    assert ConvexInt64(number) == Int64(number)
    other = number - 1 if number > 0 else number + 1
    assert Int64(number) != ConvexInt64(other)
    assert ConvexInt64(other) != Int64(number)


@given(NUMBERS)
def test_an_int64_equals_its_plain_number(number):
    assert Int64(number) == number
    assert number == Int64(number)
    assert Int64(number) != number + 1


@pytest.mark.parametrize("other", [5.0, "5", None, [5]])
def test_an_int64_equals_nothing_of_another_kind(other):
    assert Int64(5) != other
    assert Int64(1) != True  # noqa: E712 - not the same as being true
    with pytest.raises(TypeError):
        operator.lt(Int64(5), other)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_a_number_that_does_not_fit_is_refused(number):
    with pytest.raises(InvalidValue) as caught:
        Int64(number)
    assert caught.value.message == f"BigInt {number} does not fit into a 64-bit signed integer."


def test_a_boolean_is_no_int64():
    with pytest.raises(InvalidValue):
        Int64(True)


@pytest.mark.parametrize("other", [1.0, "1", None])
def test_what_is_no_integer_is_refused(other):
    with pytest.raises((TypeError, AttributeError)):
        Int64(other)


def test_an_int64_cannot_be_changed():
    with pytest.raises(AttributeError):
        Int64(5).value = 6
    with pytest.raises(AttributeError):
        Int64(5).other = 6


@pytest.mark.parametrize("value", [Int64(5), UNDEFINED])
def test_copies_and_pickles_are_the_same(value):
    for other in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert other == value
        assert type(other) is type(value)


def test_there_is_one_undefined_and_it_is_false():
    assert Undefined() is UNDEFINED
    assert copy.deepcopy(UNDEFINED) is UNDEFINED
    assert pickle.loads(pickle.dumps(UNDEFINED)) is UNDEFINED
    assert not UNDEFINED
    assert repr(UNDEFINED) == "UNDEFINED"
