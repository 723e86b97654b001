"""The tools a client brings along with thread/start: their checks and their names.

May import the checks of values and the dialect. There are two formats (FACTS §9): the canonical one
says ``type`` everywhere, the old one nowhere. The invariant: what passes is a set of tools that can
be told apart by namespace and name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from codex_fakes.app_server.dialect.fields import (
    NO_MEMBERS,
    Check,
    Struct,
    anything,
    boolean,
    invalid,
    mapping,
    sequence,
    string,
    wrong_type,
)
from codex_fakes.app_server.dialect.messages import Refusal

ToolName: TypeAlias = tuple[str | None, str]
"""A namespace, and a tool in it."""

NAME_LIMIT: Final = 128
"""Characters that a tool's name may have."""
NAMESPACE_LIMIT: Final = 64
"""Characters that a namespace may have."""
DESCRIPTION_LIMIT: Final = 1024
"""Characters that a namespace's description may have."""

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]+")
_RESERVED_NAMESPACES: Final = frozenset(
    {
        "api_tool",
        "browser",
        "computer",
        "container",
        "file_search",
        "functions",
        "image_gen",
        "multi_tool_use",
        "python",
        "python_user_visible",
        "submodel_delegator",
        "terminal",
        "tool_search",
        "web",
    }
)
_FUNCTION: Final = {"name": string, "description": string, "inputSchema": anything}
_NAMESPACE: Final = {"name": string, "description": string, "tools": anything}
_DEFERS: Final = {"deferLoading": boolean}
_LEGACY: Final = Struct("LegacyDynamicToolSpec", _FUNCTION, {**_DEFERS, "namespace": anything})


@dataclass(frozen=True, slots=True)
class _Tool:
    namespace: str | None
    name: str
    schema: Any
    deferred: bool


def check_shape(value: Any) -> None:
    """Check the ``dynamicTools`` of thread/start as far as the request's shape goes.

    Raises:
        Refusal: In the words of the real server.
    """
    sequence(anything)(value)
    _flattened(value)


def check_tools(specs: list[Any]) -> None:
    """Check what a client wants to bring along.

    Args:
        specs: The ``dynamicTools`` of thread/start, whose shape was checked.

    Raises:
        Refusal: In the words of the real server.
    """
    tools = _flattened(specs)
    _check_namespaces(specs)
    seen: set[ToolName] = set()
    for tool in tools:
        _check_name(tool.name, "name", NAME_LIMIT)
        if tool.name == "mcp" or tool.name.startswith("mcp__"):
            raise Refusal(f"dynamic tool name is reserved: {tool.name}")
        if tool.namespace is not None:
            _check_namespace(tool.namespace)
        if (tool.namespace, tool.name) in seen:
            where = "" if tool.namespace is None else f" in namespace {tool.namespace}"
            raise Refusal(f"duplicate dynamic tool name{where}: {tool.name}")
        seen.add((tool.namespace, tool.name))
        if tool.deferred and tool.namespace is None:
            raise Refusal(f"deferred dynamic tool must include a namespace: {tool.name}")
        try:
            _check_schema(tool.schema, top=True)
        except _SchemaRefused as refused:
            raise Refusal(
                f"dynamic tool input schema is not supported for {tool.name}: {refused}"
            ) from None


def tool_names(specs: list[Any]) -> frozenset[ToolName]:
    """The tools in specs that were checked before."""
    return frozenset((tool.namespace, tool.name) for tool in _flattened(specs))


# --- the two formats -----------------------------------------------------------------------------


def _flattened(specs: list[Any]) -> list[_Tool]:
    """Read both formats; the first tool says which one it has to be."""
    canonical = [_is_canonical(spec) for spec in specs]
    if any(canonical) and not all(canonical):
        raise _mixed()
    return [tool for spec in specs for tool in _tools_of(spec)]


def _is_canonical(spec: Any) -> bool:
    return isinstance(spec, dict) and "type" in spec


def _mixed() -> Refusal:
    return invalid("dynamic tools must use either canonical or legacy format consistently")


def _tools_of(spec: Any) -> list[_Tool]:
    if not _is_canonical(spec):
        if isinstance(spec, bool | int | float):
            raise invalid("invalid type: number, expected struct LegacyDynamicToolSpec")
        _LEGACY(spec)
        return [_tool(spec, spec.get("namespace"))]
    kind = spec["type"]
    if kind == "function":
        return [_function(spec, None)]
    if kind != "namespace":
        raise invalid(f"unknown variant `{kind}`, expected `function` or `namespace`")
    Struct("DynamicToolNamespaceSpec", _NAMESPACE, NO_MEMBERS)(spec)
    if not isinstance(spec["tools"], list):
        raise wrong_type(spec["tools"], "a sequence")
    return [_member(tool, spec["name"]) for tool in spec["tools"]]


def _member(spec: Any, namespace: str) -> _Tool:
    mapping(spec)
    if "type" not in spec:
        raise _mixed()
    if spec["type"] != "function":
        raise invalid(f"unknown variant `{spec['type']}`, expected `function`")
    return _function(spec, namespace)


def _function(spec: dict[str, Any], namespace: str | None) -> _Tool:
    if "namespace" in spec or "exposeToContext" in spec:
        raise _mixed()
    Struct("DynamicToolFunctionSpec", _FUNCTION, _DEFERS)(spec)
    return _tool(spec, namespace)


def _tool(spec: dict[str, Any], namespace: str | None) -> _Tool:
    deferred = bool(spec.get("deferLoading"))
    return _Tool(namespace, spec["name"], spec["inputSchema"], deferred)


# --- names ---------------------------------------------------------------------------------------


def _check_namespaces(specs: list[Any]) -> None:
    seen: set[str] = set()
    for spec in specs:
        if spec.get("type") != "namespace":
            continue
        name = spec["name"]
        _check_namespace(name)
        if name in seen:
            raise Refusal(f"duplicate dynamic tool namespace: {name}")
        seen.add(name)
        if len(spec["description"]) > DESCRIPTION_LIMIT:
            raise Refusal(
                f"dynamic tool namespace description must be at most {DESCRIPTION_LIMIT} characters"
            )
        if not spec["tools"]:
            raise Refusal(f"dynamic tool namespace must contain at least one tool: {name}")


def _check_namespace(name: str) -> None:
    _check_name(name, "namespace", NAMESPACE_LIMIT)
    if name == "mcp" or name.startswith("mcp__"):
        raise Refusal(f"dynamic tool namespace is reserved: {name}")
    if name in _RESERVED_NAMESPACES:
        raise Refusal(
            f"dynamic tool namespace collides with a reserved Responses API namespace: {name}"
        )


def _check_name(name: str, kind: str, limit: int) -> None:
    if not name.strip():
        raise Refusal(f"dynamic tool {kind} must not be empty")
    if name != name.strip():
        raise Refusal(f"dynamic tool {kind} has leading/trailing whitespace: {name}")
    if not _NAME.fullmatch(name):
        shown = "".join(c if c.isascii() else f"\\u{{{ord(c):x}}}" for c in name)
        raise Refusal(
            f"dynamic tool {kind} must match ^[a-zA-Z0-9_-]+$ to match Responses API: {shown}"
        )
    if len(name) > limit:
        raise Refusal(
            f"dynamic tool {kind} must be at most {limit} characters to match Responses API: {name}"
        )


# --- input schemas -------------------------------------------------------------------------------


class _SchemaRefused(Exception):  # noqa: N818 - becomes a part of the refusal
    """An input schema cannot be given to the model."""


_SCHEMA_MEMBERS: Final = 15
"""How many members the real server's schema type has; it says so about a list."""


def _check_schema(schema: Any, *, top: bool = False) -> None:
    if isinstance(schema, bool):
        return
    if isinstance(schema, list):
        raise _SchemaRefused(
            f"invalid length {len(schema)}, expected struct JsonSchema with "
            f"{_SCHEMA_MEMBERS} elements"
        )
    if not isinstance(schema, dict):
        raise _SchemaRefused(_expected(schema, "struct JsonSchema"))
    if top and schema.get("type") == "null":
        raise _SchemaRefused("tool input schema must not be a singleton null type")
    for name, check in _SCHEMA_PARTS.items():
        if schema.get(name) is not None:
            check(schema[name])


def _check_properties(value: Any) -> None:
    if not isinstance(value, dict):
        raise _SchemaRefused(_expected(value, "a map"))
    for schema in value.values():
        _check_schema(schema)


def _check_alternatives(value: Any) -> None:
    if not isinstance(value, list):
        raise _SchemaRefused(_expected(value, "a sequence"))
    for schema in value:
        _check_schema(schema)


def _check_names(value: Any) -> None:
    if not isinstance(value, list):
        raise _SchemaRefused(_expected(value, "a sequence"))
    for name in value:
        if not isinstance(name, str):
            raise _SchemaRefused(_expected(name, "a string"))


_SCHEMA_PARTS: Final[dict[str, Check]] = {
    "properties": _check_properties,
    "required": _check_names,
    "items": _check_schema,
    "anyOf": _check_alternatives,
    "oneOf": _check_alternatives,
    "allOf": _check_alternatives,
}


def _expected(value: Any, wanted: str) -> str:
    """Say what was found instead, as the real server does about schemas: numbers are not shown."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"invalid type: number, expected {wanted}"
    return wrong_type(value, wanted).message.removeprefix("Invalid request: ")
