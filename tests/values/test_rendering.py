from __future__ import annotations

import math

import pytest

from codex_runtime.values import UNDEFINED, Int64, render


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (UNDEFINED, "undefined"),
        (True, "true"),
        (False, "false"),
        (3.0, "3.0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (1e15, "1000000000000000.0"),
        (1e16, "1e16"),
        (1.5e300, "1.5e300"),
        (0.0001, "0.0001"),
        (0.00001, "1e-5"),
        (2.5e-7, "2.5e-7"),
        (math.nan, "NaN"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (Int64(-5), "-5"),
        ("x", '"x"'),
        ("'", '"\'"'),
        ('"\\\n\r\t\0', r'"\"\\\n\r\t\0"'),
        ("é😀", '"é😀"'),
        ("\x1b\u200b", r'"\u{1b}\u{200b}"'),
        ("e\u0301", r'"e\u{301}"'),
        (b"ab", 'b"YWI="'),
        ([], "[]"),
        ([1.0, None], "[1.0, null]"),
        ({}, "{}"),
        ({"b": "x", "a": 1.0}, '{a: 1.0, b: "x"}'),
        ({"a": [{"b": Int64(1)}]}, "{a: [{b: 1}]}"),
    ],
)
def test_values_print_as_the_backend_prints_them(value, text):
    assert render(value) == text
