"""Reads the types that ts-rs generates, as JSON Schemas.

May import the error catalogue. The invariant: a declaration is understood as a whole or refused;
nothing in it is skipped but comments and imports.

The JSON Schemas of the app-server leave some methods out that its TypeScript and the running server
have; this is how they come into the lock. Two rules follow serde and schemars rather than the
letter of TypeScript, so that these types mean what their neighbours mean: a member that may be
``null`` may be absent, and ``number`` is a number without a range.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from codex_runtime.errors import ConfigurationError

_COMMENT: Final = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_DECLARATION: Final = re.compile(r"export type (\w+) = (.*);\s*$", re.DOTALL)
_TOKEN: Final = re.compile(r'\s*("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|\w+|[|&{}()\[\]<>:;,?])')
_VARIANT: Final = re.compile(r'"?method"?: "([^"]+)"')

_NAMED: Final[dict[str, Any]] = {
    "string": {"type": "string"},
    "number": {"type": "number"},
    "bigint": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "null": {"type": "null"},
    "undefined": {"type": "null"},
    "true": {"enum": [True], "type": "boolean"},
    "false": {"enum": [False], "type": "boolean"},
    "unknown": True,
    "any": True,
}


def declared_type(text: str) -> Any:
    """Read the one type that a generated file declares.

    Args:
        text: The file.

    Returns:
        Its JSON Schema; other types are ``{"$ref": "#/definitions/NAME"}``.

    Raises:
        ConfigurationError: ``E_SCHEMA_SOURCE_INVALID``.
    """
    found = _DECLARATION.search(_COMMENT.sub("", text))
    if found is None:
        raise _invalid("no type is declared", text)
    parser = _Parser(_tokens(found.group(2)))
    schema = parser.union()
    if parser.peek() is not None:
        raise _invalid(f"{parser.peek()!r} follows a whole type", text)
    return schema


def declared_methods(text: str) -> dict[str, Any]:
    """Read the methods that a generated union of messages declares, in its order.

    Args:
        text: The file that declares ``ClientRequest``, or a type like it.

    Returns:
        The schema of each message, by method.

    Raises:
        ConfigurationError: ``E_SCHEMA_SOURCE_INVALID``.
    """
    union = declared_type(text)
    variants = union["anyOf"] if isinstance(union, dict) and "anyOf" in union else [union]
    methods: dict[str, Any] = {}
    for variant in variants:
        method = (
            variant.get("properties", {}).get("method", {}) if isinstance(variant, dict) else {}
        )
        if len(method.get("enum", ())) != 1:
            raise _invalid("a message names no method", text)
        methods[method["enum"][0]] = variant
    if len(methods) != len(_VARIANT.findall(text)):
        raise _invalid("a method is declared twice", text)
    return methods


def _tokens(text: str) -> list[str]:
    tokens, place, end = [], 0, len(text.rstrip())
    while place < end:
        found = _TOKEN.match(text, place)
        if found is None:
            raise _invalid("a character is not understood", text[place:])
        tokens.append(found.group(1))
        place = found.end()
    return tokens


@dataclass
class _Parser:
    """A recursive descent over the tokens of one type; ``place`` is the token that comes next."""

    tokens: list[str]
    place: int = field(default=0)

    def peek(self) -> str | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def take(self, *expected: str) -> str:
        token = self.peek()
        if token is None or (expected and token not in expected):
            wanted = " or ".join(expected) or "more"
            raise _invalid(f"{wanted} is expected, {token!r} found", " ".join(self.tokens))
        self.place += 1
        return token

    def took(self, token: str) -> bool:
        if self.peek() != token:
            return False
        self.place += 1
        return True

    def union(self) -> Any:
        self.took("|")
        members = [self.intersection()]
        while self.took("|"):
            members.append(self.intersection())
        if len(members) == 1:
            return members[0]
        if all(isinstance(m, dict) and m.get("type") == "string" and "enum" in m for m in members):
            return {"type": "string", "enum": [value for m in members for value in m["enum"]]}
        return {"anyOf": members}

    def intersection(self) -> Any:
        members = [self.array()]
        while self.took("&"):
            members.append(self.array())
        return members[0] if len(members) == 1 else {"allOf": members}

    def array(self) -> Any:
        schema = self.primary()
        while self.took("["):
            self.take("]")
            schema = {"type": "array", "items": schema}
        return schema

    def primary(self) -> Any:
        word = self.take()
        if word == "(":
            schema = self.union()
            self.take(")")
            return schema
        if word == "{":
            return self.members()
        if word.startswith('"'):
            return {"type": "string", "enum": [word[1:-1]]}
        if word == "Array":
            self.take("<")
            items = self.union()
            self.take(">")
            return {"type": "array", "items": items}
        if word == "Record":
            self.take("<")
            self.union()
            self.take(",")
            values = self.union()
            self.take(">")
            return {"type": "object", "additionalProperties": values}
        if word in _NAMED:
            return _NAMED[word]
        if word[0].isalpha():
            return {"$ref": f"#/definitions/{word}"}
        raise _invalid(f"{word!r} begins no type", " ".join(self.tokens))

    def members(self) -> Any:
        properties: dict[str, Any] = {}
        required = []
        while not self.took("}"):
            if self.took("["):
                return self.map_members()
            name = self.take().strip('"')
            optional = self.took("?")
            self.take(":")
            properties[name] = self.union()
            if not optional and not _may_be_null(properties[name]):
                required.append(name)
            if self.peek() != "}":
                self.take(",", ";")
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        return schema | ({"required": required} if required else {})

    def map_members(self) -> Any:
        while not self.took("]"):
            self.take()
        self.took("?")
        self.take(":")
        values = self.union()
        self.took(",")
        self.take("}")
        return {"type": "object", "additionalProperties": values}


def _may_be_null(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return True
    return schema.get("type") == "null" or any(map(_may_be_null, schema.get("anyOf", ())))


def _invalid(problem: str, text: str) -> ConfigurationError:
    beginning = " ".join(text.split())[:80]
    return ConfigurationError("E_SCHEMA_SOURCE_INVALID", f"TypeScript: {problem}: {beginning}")
