"""Makes a source plain: no prose, one namespace, every method with its params and its result.

May import the source, the TypeScript reader and the lock's record. The invariant: what is left is
what decides whether a message is valid, sorted, so that two sources that allow the same messages
in the same words give the same lock; a keyword that is not understood is refused, never dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_runtime.errors import ConfigurationError
from codex_runtime.protocol.lock.record import REF_PREFIX, Lock, Method, MethodKind, closure
from codex_runtime.tooling.schema.result_types import result_type
from codex_runtime.tooling.schema.typescript import declared_methods, declared_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_runtime.tooling.schema.source import SchemaSource

UNIONS: Final = {
    MethodKind.CLIENT_REQUEST: "ClientRequest",
    MethodKind.CLIENT_NOTIFICATION: "ClientNotification",
    MethodKind.SERVER_REQUEST: "ServerRequest",
    MethodKind.SERVER_NOTIFICATION: "ServerNotification",
}
"""The type that lists the methods of each kind."""

PROSE: Final = frozenset({"$schema", "title", "description", "examples"})
"""Keywords that no message is judged by."""

VALUES: Final = frozenset(
    {"type", "format", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
     "pattern", "const", "default", "uniqueItems"}
)  # fmt: skip
"""Keywords whose values are no schemas."""

_NAMESPACE: Final = "v2"


def make_lock(source: SchemaSource) -> Lock:
    """Make a lock from a source.

    Args:
        source: The source.

    Returns:
        The lock.

    Raises:
        ConfigurationError: ``E_SCHEMA_SOURCE_INCOMPLETE`` when a type is mentioned that is nowhere
            declared; ``E_SCHEMA_SOURCE_INVALID``.
    """
    types = plain_types(source.bundle)
    stable = None if source.stable is None else _method_names(source.stable)
    methods = {kind: _methods(kind, union, types, stable, source) for kind, union in UNIONS.items()}
    needed: dict[str, Any] = {}
    for group in methods.values():
        for method in group:
            mentioned = [method.params]
            if method.result is not None:
                mentioned.append({"$ref": REF_PREFIX + method.result})
            needed |= _with_declared(mentioned, types, source)
    return Lock(methods, dict(sorted(needed.items())))


def plain_types(bundle: Mapping[str, Any]) -> dict[str, Any]:
    """Strip a bundle of its prose and its namespaces.

    Args:
        bundle: The bundle: ``definitions``, with those of the second protocol below ``v2``.

    Returns:
        The schemas, by name.

    Raises:
        ConfigurationError: ``E_SCHEMA_SOURCE_INVALID``; also when two types of one name differ.
    """
    definitions = bundle["definitions"]
    types: dict[str, Any] = {}
    for holder in (definitions.get(_NAMESPACE, {}), definitions):
        for name, schema in holder.items():
            if holder is definitions and name == _NAMESPACE:
                continue
            made = plain(schema, name)
            if types.setdefault(name, made) != made:
                raise _invalid(f"two types are called {name}, and they differ")
    return types


def plain(schema: Any, where: str) -> Any:
    """Strip a schema of its prose, and sort it.

    Args:
        schema: The schema.
        where: What to call it in an error.

    Returns:
        The same for all messages.

    Raises:
        ConfigurationError: ``E_SCHEMA_SOURCE_INVALID``: a keyword is not understood.
    """
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, dict):
        raise _invalid(f"{where}: {schema!r} is no schema")
    made: dict[str, Any] = {}
    for keyword in sorted(schema.keys() - PROSE):
        value, place = schema[keyword], f"{where}.{keyword}"
        if keyword in VALUES:
            made[keyword] = value
        elif keyword == "$ref":
            made[keyword] = REF_PREFIX + str(value).rsplit("/", 1)[-1]
        elif keyword in ("required", "enum"):
            made[keyword] = sorted(value, key=repr)
        elif keyword == "properties":
            made[keyword] = {name: plain(value[name], f"{where}.{name}") for name in sorted(value)}
        elif keyword in ("oneOf", "anyOf", "allOf"):
            made[keyword] = [plain(member, f"{place}[{n}]") for n, member in enumerate(value)]
        elif keyword in ("items", "additionalProperties"):
            made[keyword] = plain(value, place)
        else:
            raise _invalid(f"{where}: the keyword {keyword!r} is not understood")
    return _without_wrapper(made)


def _without_wrapper(schema: dict[str, Any]) -> dict[str, Any]:
    """Take the only member of an ``allOf`` out of it: schemars wraps a type to describe it."""
    members = schema.get("allOf", ())
    if len(members) != 1 or not isinstance(members[0], dict):
        return schema
    rest = {keyword: value for keyword, value in schema.items() if keyword != "allOf"}
    # A $ref hides its neighbours in draft 7, so only an annotation may stand beside it.
    return {**members[0], **rest} if rest.keys() <= {"default"} else schema


def _method_names(bundle: Mapping[str, Any]) -> frozenset[str]:
    definitions = bundle["definitions"]
    return frozenset(
        name
        for union in UNIONS.values()
        if union in definitions
        for name in _variants(plain(definitions[union], union), union)
    )


def _variants(union: Any, where: str) -> dict[str, dict[str, Any]]:
    found = {}
    for variant in union.get("oneOf", [union]):
        names = variant.get("properties", {}).get("method", {}).get("enum", ())
        if len(names) != 1:
            raise _invalid(f"{where}: a message names no method")
        found[names[0]] = variant
    return found


def _methods(
    kind: MethodKind,
    union: str,
    types: Mapping[str, Any],
    stable: frozenset[str] | None,
    source: SchemaSource,
) -> tuple[Method, ...]:
    if union not in types:
        raise ConfigurationError(
            "E_SCHEMA_SOURCE_INCOMPLETE", f"the source does not declare {union}"
        )
    schemas = _variants(types[union], union)
    declared: dict[str, Any] = {}
    if union in source.exported:
        declared = declared_methods(source.declaration(union))
    lost = schemas.keys() - declared.keys()
    if declared and lost:
        raise _invalid(f"{union}: the TypeScript does not have {', '.join(sorted(lost))}")
    made = []
    # The TypeScript has more methods, and the order in which the server lists them.
    for name in declared or schemas:
        message = schemas.get(name) or plain(declared[name], name)
        params = message.get("properties", {}).get("params")
        if params == {"type": "null"}:
            params = None
        made.append(
            Method(
                name,
                params=params,
                params_required=params is not None and "params" in message.get("required", ()),
                result=result_type(name, params, source.exported) if kind.answered else None,
                # A method that only the TypeScript has is in no bundle, the stable one included.
                experimental=None if stable is None else name in schemas and name not in stable,
            )
        )
    return tuple(made)


def _with_declared(schema: Any, types: dict[str, Any], source: SchemaSource) -> dict[str, Any]:
    """Find all types a schema needs; those the bundle lacks are read from the TypeScript."""
    while True:
        try:
            return closure(schema, types)
        except KeyError as error:
            name = error.args[0]
            if name not in source.exported:
                raise ConfigurationError(
                    "E_SCHEMA_SOURCE_INCOMPLETE", f"the type {name} is nowhere declared"
                ) from None
            types[name] = plain(declared_type(source.declaration(name)), name)


def _invalid(text: str) -> ConfigurationError:
    return ConfigurationError("E_SCHEMA_SOURCE_INVALID", text)
