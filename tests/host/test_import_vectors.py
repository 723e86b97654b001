"""Every vector about importing a thread is shown by tests there are."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from support.import_vectors import IDS, IMPORT_VECTORS

ROOT = Path(__file__).parents[2]


def test_every_vector_has_one_entry_and_every_entry_is_a_vector():
    ids = [vector for section in IDS.values() for vector in section.split()]
    assert sorted(ids) == sorted(IMPORT_VECTORS)


@pytest.mark.parametrize("vector", IMPORT_VECTORS)
def test_a_vector_is_shown_by_tests_there_are(vector):
    assert IMPORT_VECTORS[vector]
    for test in IMPORT_VECTORS[vector]:
        file, _, name = test.partition("::")
        module = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        assert name in {node.name for node in module.body if isinstance(node, functions)}, test
