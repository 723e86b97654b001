"""What a schema allows, as a set of alternatives that can be told apart.

May import the lock's record and the error catalogue. The invariant: two schemas that allow the same
values in other words (a union inline or by name, a list of types or ``anyOf``, members said once or
in each variant) have the same alternatives.

The key of an alternative says what makes it different from its siblings: ``=x`` is the one value
``"x"``, ``string`` any string, ``object`` an object, ``object type="idle"`` the object whose
``type`` says so, ``any`` anything at all.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.errors import ConfigurationError
from codex_runtime.protocol.lock.record import REF_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ANY: Final = "any"

_UNIONS: Final = ("oneOf", "anyOf")


def alternatives(schema: Any, types: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Take a schema apart.

    Args:
        schema: The schema.
        types: The types its ``$ref`` name.

    Returns:
        For each alternative, by key, the schema of that alternative alone.
    """
    found: dict[str, dict[str, Any]] = {}
    for alternative in _expanded(schema, types):
        key = base = _key(alternative, types)
        number = 2
        # Variants that nothing tells apart are told apart by their order.
        while key in found and found[key] != alternative:
            key, number = f"{base} #{number}", number + 1
        found[key] = alternative
    return found


def covers(keys: Mapping[str, Any], key: str) -> bool:
    """Say whether alternatives allow all that one more would.

    Args:
        keys: The alternatives.
        key: The key of the one more.

    Returns:
        Whether it is among them, or one of them is wider.
    """
    return key in keys or ANY in keys or any(wider in keys for wider in _wider(key))


def _wider(key: str) -> Iterator[str]:
    if key.startswith("="):
        yield _kind_of(json.loads(key[1:]))
    if key == "integer":
        yield "number"


def _kind_of(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "integer"
        case float():
            return "number"
    return "null" if value is None else "object"


def _expanded(schema: Any, types: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if schema is False:
        return
    if schema is True or not schema.keys() - {"default"}:
        yield {}
        return
    if "$ref" in schema:
        yield from _expanded(types[schema["$ref"].removeprefix(REF_PREFIX)], types)
        return
    joined = next((keyword for keyword in ("allOf", *_UNIONS) if keyword in schema), None)
    if joined is not None:
        rest = {
            keyword: value
            for keyword, value in schema.items()
            if keyword not in (joined, "default")
        }
        yield from _joined(joined, schema[joined], rest, types)
    elif "const" in schema:
        yield {"const": schema["const"]}
    elif "enum" in schema:
        yield from ({"const": value} for value in schema["enum"])
    else:
        kinds = schema.get("type", "object" if "properties" in schema else None)
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            yield schema if kind is None else {**schema, "type": kind}


def _joined(
    keyword: str, members: list[Any], rest: dict[str, Any], types: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Expand what is said in parts: all of them hold at once, or each is an alternative."""
    if keyword == "allOf":
        held = [rest]
        for member in members:
            held = [_both(one, other) for one in held for other in _expanded(member, types)]
        for one in held:
            yield from _expanded(one, types)
        return
    for member in members:
        for alternative in _expanded(member, types):
            yield _both(rest, alternative)


def _both(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Join two schemas that hold at once."""
    joined = dict(first)
    for keyword, value in second.items():
        if keyword == "properties":
            joined[keyword] = {**joined.get(keyword, {}), **value}
        elif keyword == "required":
            joined[keyword] = sorted({*joined.get(keyword, ()), *value})
        elif joined.setdefault(keyword, value) != value:
            raise ConfigurationError(
                "E_SCHEMA_SOURCE_INVALID",
                f"{keyword} is said twice of one value: {joined[keyword]!r} and {value!r}",
            )
    return joined


def _key(alternative: dict[str, Any], types: Mapping[str, Any]) -> str:
    if "const" in alternative:
        return "=" + json.dumps(alternative["const"], ensure_ascii=False)
    kind = alternative.get("type")
    if kind is None:
        return ANY
    if kind != "object":
        return str(kind)
    return f"object {_tag(alternative, types)}".rstrip()


def _tag(schema: dict[str, Any], types: Mapping[str, Any]) -> str:
    """Find the member that says which variant an object is."""
    required = schema.get("required", ())
    for name in sorted(required):
        member = schema.get("properties", {}).get(name)
        only = list(_expanded(member, types)) if _is_plain(member) else []
        if len(only) == 1 and "const" in only[0]:
            return f"{name}={json.dumps(only[0]['const'], ensure_ascii=False)}"
    if len(required) == 1 and schema.get("additionalProperties") is False:
        return str(required[0])
    return ""


def _is_plain(schema: Any) -> bool:
    """Say whether a schema lists its values itself: the others would be followed for ever."""
    return isinstance(schema, dict) and ("enum" in schema or "const" in schema)
