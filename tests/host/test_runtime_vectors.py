"""Every vector and defect of the runtime is shown by tests there are, or it is said why not."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from support.runtime_vectors import IDS, RUNTIME_DEFECTS, RUNTIME_VECTORS
from support.vectors import Because

ROOT = Path(__file__).parents[2]
SHOWN = {**RUNTIME_VECTORS, **RUNTIME_DEFECTS}


@cache
def functions_of(file):
    """The test functions of a file, read without running it."""
    module = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in module.body if isinstance(node, functions)}


def test_every_vector_has_one_entry_and_every_entry_is_a_vector():
    ids = [vector for section in IDS.values() for vector in section.split()]
    assert sorted(ids) == sorted(RUNTIME_VECTORS)


@pytest.mark.parametrize("name", SHOWN)
def test_a_vector_or_a_defect_is_shown_by_tests_there_are_or_says_why_by_none(name):
    shown = SHOWN[name]
    if isinstance(shown, Because):
        assert shown.reason.endswith(".")
        return
    assert len(set(shown)) == len(shown) > 0
    for test in shown:
        file, _, function = test.partition("::")
        assert function in functions_of(file), test
