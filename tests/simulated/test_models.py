"""model/list: every model with every field, page by page, as with the real binary."""

from __future__ import annotations

import pytest

from codex_fakes.app_server.configuration.models import has_metadata
from codex_fakes.script import Script
from support.programs import Call, Program

PAGES = (
    {},
    {"includeHidden": True},
    {"limit": 2},
    {"limit": 2, "cursor": "2"},
    {"limit": 0},
    {"limit": 1, "cursor": "+1"},
    {"cursor": "7"},
    {"cursor": "8"},
    {"cursor": "9"},
    {"cursor": "9", "includeHidden": True},
    {"cursor": "x"},
    {"cursor": "-1"},
    {"cursor": ""},
    {"limit": -1},
    {"includeHidden": 1},
    None,
)


@pytest.mark.anyio
@pytest.mark.real
async def test_models_are_listed_as_the_binary_lists_them(the_same):
    await the_same(Program(Script(), tuple(Call("model/list", params) for params in PAGES)))


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("gpt-5.5", True),
        ("gpt-5.5-codex", True),
        ("codex-auto-review", True),
        ("openai/gpt-5.5", True),
        ("gpt-4", False),
        ("gpt-oss:20b", False),
        ("a/b/gpt-5.5", False),
    ],
)
def test_a_model_is_known_by_how_its_name_begins(name, known):
    assert has_metadata(name) is known
