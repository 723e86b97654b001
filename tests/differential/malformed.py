"""Params that are not what a method takes, worked out from the protocol's own schemas.

For every request that the simulation plays, each member of its params is replaced by values of
every other kind, left out, and doubled by one that nobody knows. Ids are well formed and unknown,
so that params which are right do nothing.
"""

from __future__ import annotations

from codex_fakes.app_server.dialect.census import SIMULATED
from codex_fakes.app_server.dialect.params import NOT_SIMULATED_FIELDS
from codex_fakes.script import script
from codex_runtime.protocol.lock import MethodKind, packaged_lock
from support.programs import NEVER, NULL, Call, Program

ODD = (None, True, 5, -1, 1.5, 2**40, "odd", "", [], ["odd"], [5], {}, {"odd": 1}, {"type": "odd"})
"""What is put where something else belongs."""
DEPTH = 4
"""How deep members within members are followed."""
NEVER_PLAYED = {
    **NOT_SIMULATED_FIELDS,
    "thread/start": (*NOT_SIMULATED_FIELDS["thread/start"], "config", "dynamicTools"),
}
"""Members that are not swept: what they do is not simulated, or has a sweep of its own."""

LOCK = packaged_lock()


def _resolved(schema):
    """A schema without references, and without the alternative of being null."""
    while True:
        if "$ref" in schema:
            schema = LOCK.types[schema["$ref"].rpartition("/")[2]]
            continue
        several = [
            each
            for each in schema.get("anyOf", schema.get("oneOf", schema.get("allOf", ())))
            if each != {"type": "null"}
        ]
        if len(several) != 1:
            return schema
        schema = several[0]


def _kind(schema):
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next(each for each in kind if each != "null")
    return kind


def _alternatives(schema):
    return [_resolved(each) for each in schema.get("oneOf") or schema.get("anyOf") or [schema]]


def example(schema, name=""):
    """A value that a schema accepts, with nothing in it that may be left out."""
    schema = _resolved(schema)
    if "enum" in schema:
        return schema["enum"][0]
    alternatives = schema.get("oneOf") or schema.get("anyOf")
    if alternatives:
        return example(alternatives[0], name)
    kind = _kind(schema)
    if kind == "object":
        members = schema.get("properties", {})
        return {each: example(members[each], each) for each in schema.get("required", ())}
    if kind == "string":
        return NEVER if name.lower().endswith("threadid") or name == "conversationId" else "some"
    return {"array": [], "integer": 1, "number": 1, "boolean": False}.get(kind)


def odd_values(schema, depth=DEPTH):
    """Values that stand where a schema's value belongs, each with one thing odd about it."""
    schema = _resolved(schema)
    # See "lists for objects" in PASSED_OVER: a list is taken for the members in their order.
    lists = all(_kind(each) != "object" for each in _alternatives(schema))
    yield from (odd for odd in ODD if lists or not isinstance(odd, list))
    if depth == 0:
        return
    for alternative in _alternatives(schema):
        kind = _kind(alternative)
        if kind == "object" and "properties" in alternative:
            yield from _odd_members(alternative, depth - 1)
        elif kind == "array" and isinstance(alternative.get("items"), dict):
            for odd in odd_values(alternative["items"], depth - 1):
                yield [odd]


def _odd_members(schema, depth, skipped=()):
    whole = example(schema)
    yield {**whole, "unknownMember": 1}
    for name, member in schema.get("properties", {}).items():
        if name in whole:
            yield {key: value for key, value in whole.items() if key != name}
        if name in skipped:
            continue
        for odd in odd_values(member, depth):
            yield {**whole, name: odd}


def odd_params(method):
    """Params of a method, each with one thing odd about them."""
    yield from (None, NULL, True, 5, "odd", {}, {"unknownMember": 1})
    schema = LOCK.named(MethodKind.CLIENT_REQUEST, method).params
    if schema is None:
        return
    for alternative in _alternatives(_resolved(schema)):
        if example(alternative).get("type", "apiKey") == "apiKey":
            yield from _odd_members(alternative, DEPTH, NEVER_PLAYED.get(method, ()))


def _sweep(method) -> Program:
    seen, calls = set(), []
    for params in odd_params(method):
        if repr(params) not in seen:
            seen.add(repr(params))
            calls.append(Call(method, params, until="answer"))
    return Program(script(), tuple(calls))


PROGRAMS = {f"odd params of {method}": _sweep(method) for method in sorted(SIMULATED)}
