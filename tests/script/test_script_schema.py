"""The published JSON Schema: it is the one of the types, and agrees with the loader."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given

from codex_fakes.script.files import dump_script, parse_script
from codex_fakes.script.json_schema import make_schema, published_schema, schema_text
from codex_fakes.script.reading import STEP_TYPES
from codex_runtime.errors import ConfigurationError

from .strategies import UNHURRIED, scripts

VALIDATOR = jsonschema.Draft202012Validator(json.loads(published_schema()))


def loads(value):
    try:
        parse_script(json.dumps(value), "json")
    except ConfigurationError:
        return False
    return True


def test_the_committed_schema_is_the_one_of_the_types():
    assert published_schema() == schema_text()


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(make_schema())


def test_every_step_and_field_is_described():
    for name, kind in STEP_TYPES.items():
        definition = make_schema()["$defs"][kind.__name__]
        assert definition["description"].endswith("."), name
        for field in kind.__struct_fields__:
            assert definition["properties"][field]["description"].endswith("."), (name, field)


@UNHURRIED
@given(scripts())
def test_every_script_is_valid_under_the_schema(script):
    VALIDATOR.validate(json.loads(dump_script(script)))


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"responses": [{"steps": []}], "otherwise": "echo", "version": 1},
        {"responses": [{"steps": [{"do": "say", "text": ["a", "b"]}], "repeat": True}]},
        {"responses": [{"steps": [{"do": "call", "tool": "t", "arguments": "raw"}]}]},
    ],
)
def test_schema_and_loader_accept_the_same(value):
    assert VALIDATOR.is_valid(value)
    assert loads(value)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"responses": {}},
        {"version": 2},
        {"otherwise": "what"},
        {"surplus": 1},
        {"responses": [{}]},
        {"responses": [{"steps": [{"text": "x"}]}]},
        {"responses": [{"steps": [{"do": "sing"}]}]},
        {"responses": [{"steps": [{"do": "say"}]}]},
        {"responses": [{"steps": [{"do": "say", "text": 5}]}]},
        {"responses": [{"steps": [{"do": "say", "text": "a", "pause_ms": -1}]}]},
        {"responses": [{"steps": [{"do": "run", "command": ""}]}]},
        {"responses": [{"steps": [{"do": "run", "command": "x", "exit_code": True}]}]},
        {"responses": [{"steps": [{"do": "ask", "questions": []}]}]},
        {"responses": [{"steps": [{"do": "fail_http", "status": 600}]}]},
        {"responses": [{"steps": [{"do": "usage", "input": 1.5}]}]},
        {"responses": [{"steps": [{"do": "wait"}]}]},
    ],
)
def test_schema_and_loader_refuse_the_same(value):
    assert not VALIDATOR.is_valid(value)
    assert not loads(value)
