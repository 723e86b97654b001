from __future__ import annotations

import pickle
import subprocess
import sys

import convex
import pytest
from convex import ConvexInt64

from codex_runtime.values import (
    UNDEFINED,
    ConvexError,
    Int64,
    InvalidValue,
    convex_error_data,
    to_json,
)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("no such channel", "no such channel"),
        ({"code": "E_X", "count": 1}, '{"code":"E_X","count":1}'),
        ({"b": 1.5, "a": [None, True, Int64(5)]}, '{"a":[null,true,"5n"],"b":1.5}'),
        (float("nan"), "null"),
        (b"x", "{}"),
        (None, "null"),
    ],
)
def test_the_text_is_the_data(data, text):
    assert str(ConvexError(data)) == text


def test_the_data_is_canonical():
    assert ConvexError((1, ConvexInt64(2))).data == [1.0, Int64(2)]


def test_data_that_is_no_value_is_refused():
    with pytest.raises(InvalidValue):
        ConvexError(object())


def test_the_data_of_ours_is_found():
    assert convex_error_data(ConvexError({"code": "E_X"})) == {"code": "E_X"}
    assert convex_error_data(ConvexError(None)) is None


def test_the_data_of_the_official_error_is_found():
    error = convex.ConvexError("Convex error", {"n": ConvexInt64(7), "b": b"x"})
    assert convex_error_data(error) == {"n": Int64(7), "b": b"x"}


def test_the_data_of_the_official_http_client_is_decoded():
    data = {"n": Int64(7), "b": b"x", "list": [float("inf")]}
    assert convex_error_data(convex.ConvexError("Convex error", to_json(data))) == data


def test_official_data_that_is_no_value_is_refused():
    with pytest.raises(InvalidValue):
        convex_error_data(convex.ConvexError("Convex error", {"$nothing": 1}))


@pytest.mark.parametrize(
    "error", [ValueError("x"), KeyError("data"), convex.ConvexExecutionError()]
)
def test_other_errors_have_no_data(error):
    assert convex_error_data(error) is UNDEFINED


def test_the_official_client_is_not_imported_to_find_out():
    code = (
        "import sys; from codex_runtime.values import UNDEFINED, canonical, convex_error_data;"
        "assert convex_error_data(ValueError()) is UNDEFINED; canonical(5);"
        "sys.exit('convex' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_an_error_survives_a_pickle():
    error = pickle.loads(pickle.dumps(ConvexError({"n": Int64(7)})))
    assert error.data == {"n": Int64(7)}
    assert str(error) == '{"n":"7n"}'
