from __future__ import annotations

import json
import math

import convex
import pytest
from convex.values import convex_to_json, json_to_convex
from hypothesis import given

from codex_runtime.values import (
    UNDEFINED,
    Int64,
    InvalidValue,
    ValueLimits,
    canonical,
    dumps,
    from_json,
    loads,
    to_clean_json,
    to_json,
)
from support.convex_values import VALUES, same


def refusal(call, *args, **more):
    with pytest.raises(InvalidValue) as caught:
        call(*args, **more)
    return caught.value


@given(VALUES)
def test_a_value_comes_back_from_its_encoding(value):
    assert same(from_json(to_json(value)), value)


@given(VALUES)
def test_a_value_comes_back_from_its_text(value):
    text = dumps(value)
    assert same(loads(text), value)
    assert same(loads(text.encode()), value)


def official(value):
    """Our value with the official client's int64 in the place of ours."""
    match value:
        case Int64():
            return convex.ConvexInt64(value.value)
        case list():
            return [official(item) for item in value]
        case dict():
            return {name: official(item) for name, item in value.items()}
    return value


@given(VALUES)
def test_the_official_client_encodes_the_same(value):
    assert to_json(value) == convex_to_json(official(value))


@given(VALUES)
def test_the_official_client_reads_what_we_write_and_we_what_it_reads(value):
    assert same(canonical(json_to_convex(json.loads(dumps(value)))), value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3.0"),
        (None, "null"),
        (True, "true"),
        (1e16, "1e+16"),
        (0.1, "0.1"),
        ("é\n", '"é\\n"'),
        ({"b": 1, "a": [2]}, '{"a":[2.0],"b":1.0}'),
        (Int64(5), '{"$integer":"BQAAAAAAAAA="}'),
        (Int64(-1), '{"$integer":"//////////8="}'),
        (b"hi", '{"$bytes":"aGk="}'),
        (-0.0, '{"$float":"AAAAAAAAAIA="}'),
        (math.inf, '{"$float":"AAAAAAAA8H8="}'),
        (-math.inf, '{"$float":"AAAAAAAA8P8="}'),
        (math.nan, '{"$float":"AAAAAAAA+H8="}'),
    ],
)
def test_text_is_what_a_backend_writes(value, text):
    assert dumps(value) == text


def test_values_that_are_not_canonical_are_made_so():
    assert to_json((1, b"", bytearray(b"x"))) == [1.0, {"$bytes": ""}, {"$bytes": "eA=="}]
    assert dumps({"b": UNDEFINED, "a": (1,)}) == '{"a":[1.0]}'


@pytest.mark.parametrize("text", ["3", "-7", "12345678901234567890"])
def test_json_integers_are_floats(text):
    value = loads(text)
    assert type(value) is float
    assert value == float(text)


def test_fields_come_in_the_order_of_their_names():
    assert list(loads('{"b":1,"a":2,"B":3}')) == ["B", "a", "b"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "1" + "0" * 400,
        '{"$float":"AAAAAAAA8D8="}',
        '{"$float":"AAAAAAAAAAA="}',
        '{"$float":1.0}',
        '{"$float":"AAAA"}',
        '{"$integer":5}',
        '{"$integer":"AAAA"}',
        '{"$integer":"AAAAAAAAAAA=="}',
        '{"$bytes":"a"}',
        '{"$bytes":"é"}',
        '{"$bytes":null}',
        b"\xff",
        '"\xff"'.encode("latin-1"),
    ],
)
def test_what_is_no_encoding_is_refused(text):
    assert refusal(loads, text).code == "E_VALUE_ENCODING_INVALID"


@pytest.mark.parametrize(
    "text",
    [
        '{"$undefined":null}',
        '{"$commitTs":null}',
        '{"$set":[]}',
        '{"$integer":"BQAAAAAAAAA=","a":1}',
        '{"":1}',
        '{"é":1}',
        '"\\ud800"',
    ],
)
def test_an_encoding_of_what_is_no_value_is_refused(text):
    assert refusal(loads, text).code == "E_VALUE_INVALID"


@pytest.mark.parametrize("tree", [object(), (1, 2), b"x", UNDEFINED])
def test_a_tree_that_is_no_json_is_refused(tree):
    assert refusal(from_json, tree).code == "E_VALUE_ENCODING_INVALID"


def test_the_limits_hold_for_what_is_read():
    assert loads("[" * 64 + "]" * 64)
    assert "nested 65 levels" in refusal(loads, "[" * 65 + "]" * 65).message
    assert "nested 65 levels" in refusal(loads, "[" * 100_000 + "]" * 100_000).message
    assert "nested 65 levels" in refusal(loads, '{"a":' * 65 + "1" + "}" * 65).message
    assert len(from_json([1] * 8192)) == 8192
    assert "(8193 > maximum length 8192)" in refusal(from_json, [1] * 8193).message
    fields = {f"f{number}": 1 for number in range(1025)}
    assert "(1025 > maximum number 1024)" in refusal(from_json, fields).message
    fields.popitem()
    assert len(from_json(fields)) == 1024
    assert "maximum length 1" in refusal(loads, "[1,2]", limits=ValueLimits(array_length=1)).message


def test_an_encoded_scalar_is_no_level_of_its_own():
    innermost = '{"$integer":"BQAAAAAAAAA="}'
    assert loads("[" * 64 + innermost + "]" * 64)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Int64(2**62), "4611686018427387904"),
        (b"hi", "aGk="),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (1.5, 1.5),
        (3, 3.0),
        (None, None),
        (True, True),
        ({"a": [Int64(1), "x"], "b": {}}, {"a": ["1", "x"], "b": {}}),
        ((Int64(1),), ["1"]),
    ],
)
def test_clean_json_loses_the_kind(value, expected):
    assert to_clean_json(value) == expected
    assert json.loads(json.dumps(to_clean_json(value), allow_nan=False)) == expected
