"""The JSON Schema of the script language, made from the types and their docstrings.

May import the steps. The invariant: the schema says what the types say, in the words of their
docstrings; the committed ``script.schema.json`` is what :func:`schema_text` makes, and a test holds
the two together. The rules between fields, which a schema cannot say, are ``check_script``'s.
"""

from __future__ import annotations

import inspect
import json
import re
from importlib.resources import files
from typing import Any, Final

import msgspec

from codex_fakes.script.reading import STEP_TYPES
from codex_fakes.script.steps import Option, Question, Response, Script

SCHEMA_FILE: Final = "script.schema.json"
_ROLE: Final = re.compile(r":\w+:`~?\.?([^`]+)`")


def published_schema() -> str:
    """Read the schema as it is shipped.

    Returns:
        The text of ``script.schema.json``.
    """
    return files("codex_fakes.script").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")


def schema_text() -> str:
    """Make the text of ``script.schema.json`` anew."""
    return json.dumps(make_schema(), indent=2, ensure_ascii=False) + "\n"


def make_schema() -> dict[str, Any]:
    """Make the schema from the types.

    Returns:
        A JSON Schema (2020-12). It needs docstrings, so not under ``python -OO``.
    """
    made = msgspec.json.schema(Script)
    definitions = made["$defs"]
    kinds: tuple[type[msgspec.Struct], ...] = (
        *STEP_TYPES.values(),
        *(Option, Question, Response, Script),
    )
    for kind in kinds:
        definition = definitions[kind.__name__]
        summary, fields = _describe(kind)
        definition["description"] = summary
        for name, text in fields.items():
            definition["properties"][name]["description"] = text
    whole: dict[str, Any] = json.loads(json.dumps(definitions.pop("Script")))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Script of a model, for codex-fakes",
        **{key: value for key, value in whole.items() if key != "title"},
        "$defs": json.loads(json.dumps(definitions)),
    }


def _describe(kind: type[msgspec.Struct]) -> tuple[str, dict[str, str]]:
    text = inspect.getdoc(kind) or ""
    summary, _, attributes = text.partition("Attributes:\n")
    fields: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in inspect.cleandoc(attributes).splitlines():
        if found := re.match(r"(\w+): (.*)", line):
            lines = fields.setdefault(found[1], [])
            lines.append(found[2])
        else:
            lines.append(line.strip())
    return _sentence(summary.split()), {
        name: _sentence(" ".join(said).split()) for name, said in fields.items()
    }


def _sentence(words: list[str]) -> str:
    return _ROLE.sub(r"\1", " ".join(words)).replace("``", "`")
