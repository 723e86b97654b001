from __future__ import annotations

import collections
import enum
import math

import pytest
from convex import ConvexInt64
from hypothesis import given

from codex_runtime.values import UNDEFINED, Int64, InvalidValue, ValueLimits, canonical
from support.convex_values import VALUES, same


def refusal(value, **limits):
    with pytest.raises(InvalidValue) as caught:
        canonical(value, **limits)
    assert caught.value.code == "E_VALUE_INVALID"
    return caught.value.message


@given(VALUES)
def test_a_canonical_value_stays_what_it_is(value):
    assert same(canonical(value), value)


@given(VALUES)
def test_what_comes_out_shares_nothing_that_could_change(value):
    copy = canonical({"a": value})["a"]
    if isinstance(value, list):
        assert copy is not value
        value.append(None)
        assert len(copy) + 1 == len(value)
    if isinstance(value, dict):
        assert copy is not value
        value["new"] = None
        assert "new" not in copy or len(copy) == len(value)


class Colour(enum.StrEnum):
    RED = "red"


class Text(str):
    __slots__ = ()


class Real(float):
    __slots__ = ()


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        (3, 3.0),
        (2**53, 2.0**53),
        (-(2**53), -(2.0**53)),
        ((1, "a"), [1.0, "a"]),
        (bytearray(b"x"), b"x"),
        (memoryview(b"x"), b"x"),
        (ConvexInt64(-5), Int64(-5)),
        (collections.OrderedDict(a=1), {"a": 1.0}),
        (collections.deque([1]), [1.0]),
        (range(2), [0.0, 1.0]),
        (Colour.RED, "red"),
        (Text("t"), "t"),
        (Real(1.5), 1.5),
        ({Colour.RED: [Text("t")]}, {"red": ["t"]}),
    ],
)
def test_what_a_program_has_becomes_the_kind_it_stands_for(given_value, expected):
    found = canonical(given_value)
    assert same(found, expected)
    assert type(found) is type(expected)


def test_the_names_of_fields_are_plain_text():
    first = canonical({"red": 1})
    [name] = canonical({Colour.RED: 1})
    assert type(name) is str
    assert first == {name: 1.0}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 5e-324])
def test_special_floats_are_values(value):
    assert same(canonical(value), value)


def test_fields_come_in_the_order_of_their_names():
    assert list(canonical({"b": 1, "a": 2, "_c": 3, "Z": 4})) == ["Z", "_c", "a", "b"]


def test_an_undefined_field_is_left_out():
    assert canonical({"a": UNDEFINED, "b": {"c": UNDEFINED}}) == {"b": {}}


@pytest.mark.parametrize("value", [UNDEFINED, [UNDEFINED], {"a": [UNDEFINED]}])
def test_undefined_anywhere_else_is_refused(value):
    assert refusal(value).startswith("undefined is not a valid Convex value")


@pytest.mark.parametrize("value", [object(), {1, 2}, 1j, print, {"a": object()}, [iter([])]])
def test_what_is_no_value_is_refused(value):
    assert "is not a supported Convex type" in refusal(value)


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, pytest.param(10**5000, id="huge")])
def test_an_integer_a_float64_cannot_hold_is_refused(value):
    assert "outside the range of a Convex `Float64`" in refusal(value)


@pytest.mark.parametrize("value", ["\ud800", ["a\udfff"], {"a": "\ud83d"}])
def test_text_without_a_utf8_form_is_refused(value):
    assert "lone surrogate" in refusal(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("$a", "Field name $a starts with '$', which is reserved."),
        ("", "Field name cannot be empty"),
        ("é", "Field name é has invalid character 'é'"),
        ("a\x7f", "has invalid character '\x7f'"),
        ("a\n", "has invalid character '\n'"),
        ("a" * 1025, "Field name is too long (1025 > maximum 1024)"),
        (1, "Convex object keys must be strings, found 1."),
        (None, "Convex object keys must be strings, found None."),
    ],
)
def test_a_name_that_is_none_is_refused(name, text):
    assert text in refusal({name: 1})


@pytest.mark.parametrize("name", ["a" * 1024, " ", "a b", "~", "_x", "a$", "0", '"'])
def test_a_name_at_the_limit_passes(name):
    assert canonical({name: 1}) == {name: 1.0}


def nested(levels, kind):
    value = "leaf"
    for _ in range(levels):
        value = [value] if kind is list else {"a": value}
    return value


@pytest.mark.parametrize("kind", [list, dict])
def test_values_nest_sixty_four_levels_and_no_more(kind):
    assert canonical(nested(64, kind)) == nested(64, kind)
    text = "Value is too nested (nested 65 levels deep > maximum nesting 64)"
    assert refusal(nested(65, kind)) == text
    assert refusal(nested(5000, kind)) == text


def test_a_value_that_contains_itself_is_refused():
    value = []
    value.append(value)
    assert "too nested" in refusal(value)


def test_an_array_has_8192_elements_and_no_more():
    assert len(canonical([None] * 8192)) == 8192
    assert refusal([None] * 8193) == "Array length is too long (8193 > maximum length 8192)"


def test_an_object_has_1024_fields_and_no_more():
    full = {f"f{number}": None for number in range(1024)}
    assert len(canonical({**full, "gone": UNDEFINED})) == 1024
    text = "Object has too many fields (1025 > maximum number 1024)"
    assert refusal({**full, "more": None}) == text


def test_limits_can_be_lowered():
    limits = ValueLimits(nesting=2, array_length=3, object_fields=1)
    assert canonical([[1, 2, 3]], limits=limits) == [[1.0, 2.0, 3.0]]
    assert "maximum nesting 2" in refusal([[[]]], limits=limits)
    assert "maximum length 3" in refusal([1, 2, 3, 4], limits=limits)
    assert "maximum number 1" in refusal({"a": 1, "b": 2}, limits=limits)


def test_a_refusal_carries_its_code_in_front_of_convexs_text():
    with pytest.raises(InvalidValue, match=r"^\[E_VALUE_INVALID\] Field name \$ starts"):
        canonical({"$": 1})
