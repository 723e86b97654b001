"""The types that ts-rs generates, read as JSON Schemas."""

from __future__ import annotations

import pytest

from codex_runtime.errors import ConfigurationError
from codex_runtime.tooling.schema.typescript import declared_methods, declared_type

STRING = {"type": "string"}


def read(declaration):
    return declared_type(f'// a comment\nimport type {{ B }} from "./B";\n\n{declaration}\n')


CASES = {
    "string": STRING,
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "unknown": True,
    '"a"': {"type": "string", "enum": ["a"]},
    '"a" | "b"': {"type": "string", "enum": ["a", "b"]},
    "string | null": {"anyOf": [STRING, {"type": "null"}]},
    "B": {"$ref": "#/definitions/B"},
    "Array<B>": {"type": "array", "items": {"$ref": "#/definitions/B"}},
    "string[]": {"type": "array", "items": STRING},
    "Array<string | null>[]": {
        "type": "array",
        "items": {"type": "array", "items": {"anyOf": [STRING, {"type": "null"}]}},
    },
    "Record<string, B>": {
        "type": "object",
        "additionalProperties": {"$ref": "#/definitions/B"},
    },
    "{ [key in string]?: B }": {
        "type": "object",
        "additionalProperties": {"$ref": "#/definitions/B"},
    },
    "{ a: string, }": {"type": "object", "properties": {"a": STRING}, "required": ["a"]},
    '{ "a-b"?: string, }': {"type": "object", "properties": {"a-b": STRING}},
    "{ a: string } & ({ b: B })": {
        "allOf": [
            {"type": "object", "properties": {"a": STRING}, "required": ["a"]},
            {
                "type": "object",
                "properties": {"b": {"$ref": "#/definitions/B"}},
                "required": ["b"],
            },
        ]
    },
}


@pytest.mark.parametrize("text", CASES)
def test_a_type_is_read(text):
    assert read(f"export type A = {text};") == CASES[text]


def test_a_member_that_may_be_null_may_be_absent():
    schema = read("export type A = { a: string | null, b: string, };")
    assert schema["required"] == ["b"]


def test_prose_between_members_is_no_part_of_a_type():
    schema = read("export type A = {\n/**\n * It's { not } a: type;\n */\na: string, };")
    assert schema["properties"] == {"a": STRING}


@pytest.mark.parametrize(
    "declaration",
    [
        "",
        "export const A = 1;",
        "export type A = ;",
        "export type A = { a string };",
        "export type A = { a: string;",
        "export type A = Array<string;",
        "export type A = string string;",
        "export type A = string | ;",
        "export type A = `a`;",
    ],
)
def test_what_is_not_understood_is_refused(declaration):
    with pytest.raises(ConfigurationError) as caught:
        read(declaration)
    assert caught.value.code == "E_SCHEMA_SOURCE_INVALID"


def test_the_methods_of_a_union_come_in_its_order():
    text = (
        'export type Request = { "method": "b/c", id: Id, params: P, } | '
        '{ "method": "a", id: Id, params: undefined, };'
    )
    methods = declared_methods(text)
    assert list(methods) == ["b/c", "a"]
    assert "params" in methods["b/c"]["required"]
    assert "params" not in methods["a"]["required"]


@pytest.mark.parametrize(
    "text",
    [
        'export type R = { "method": "a", id: Id } | { "method": "a", id: Id };',
        'export type R = { "method": "a", id: Id } | { id: Id };',
        "export type R = string;",
    ],
)
def test_a_union_of_something_else_than_methods_is_refused(text):
    with pytest.raises(ConfigurationError):
        declared_methods(text)
