"""Every one of the specification's vectors is shown by tests there are, or it is said why not."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from support.vectors import IDS, VECTORS, Because

ROOT = Path(__file__).parents[2]


@cache
def functions_of(file):
    """The test functions of a file, read without running it."""
    module = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {
        node.name
        for node in module.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


def test_every_vector_has_one_entry_and_every_entry_is_a_vector():
    ids = [vector for section in IDS.values() for vector in section.split()]
    assert len(set(ids)) == len(ids)
    assert set(VECTORS) == set(ids)


@pytest.mark.parametrize("vector", VECTORS)
def test_a_vector_is_shown_by_tests_there_are_or_says_why_by_none(vector):
    shown = VECTORS[vector]
    if isinstance(shown, Because):
        assert shown.reason.endswith(".")
        return
    assert shown
    assert len(set(shown)) == len(shown)
    for test in shown:
        file, _, name = test.partition("::")
        assert name in functions_of(file), test
