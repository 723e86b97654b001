"""What a comparison of two locks notices, and what it stays quiet about."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_runtime.protocol.lock import Lock, MethodKind, packaged_lock
from codex_runtime.tooling.schema.changes import ChangeKind, Speaker
from codex_runtime.tooling.schema.comparing import compare_locks
from codex_runtime.tooling.schema.normalising import make_lock
from codex_runtime.tooling.schema.source import read_source
from support.schema_source import STRING, message, protocol, record, ref, types, write_source

CLIENT, SERVER = Speaker.CLIENT, Speaker.SERVER


@pytest.fixture
def changed(tmp_path):
    """Compare the small protocol with a changed copy of it."""

    def compare(change, *, stable=None):
        def lock(name, bundle, stable):
            source = write_source(tmp_path / name, bundle, stable=stable)
            return make_lock(read_source(source))

        bundle = protocol()
        change(bundle)
        before = lock("before", protocol(), stable and protocol())
        return compare_locks(before, lock("after", bundle, stable))

    return compare


def at(name, *path):
    """Name a schema of the small protocol."""

    def find(bundle):
        found = types(bundle)[name]
        for part in path:
            found = found["properties"][part] if isinstance(part, str) else found["oneOf"][part]
        return found

    return find


def method_removed(bundle):
    bundle["definitions"]["ClientRequest"]["oneOf"].pop(0)


def notification_removed(bundle):
    bundle["definitions"]["ServerNotification"]["oneOf"].clear()


def field_removed(name, member):
    def change(bundle):
        found = types(bundle)[name]
        del found["properties"][member]
        found["required"] = [one for one in found["required"] if one != member]

    return change


def field_required(name, member):
    return lambda bundle: types(bundle)[name]["required"].append(member)


def field_optional(name, member):
    return lambda bundle: types(bundle)[name]["required"].remove(member)


def typed(name, member, schema):
    return lambda bundle: types(bundle)[name]["properties"].update({member: schema})


def value_removed(bundle):
    types(bundle)["Mode"]["enum"].remove("fast")


def variant_removed(bundle):
    types(bundle)["Input"]["oneOf"].pop()


BREAKING = {
    "a request removed": (method_removed, ChangeKind.METHOD_REMOVED, CLIENT),
    "a notification removed": (notification_removed, ChangeKind.METHOD_REMOVED, SERVER),
    "a param removed": (field_removed("AlphaParams", "count"), ChangeKind.FIELD_REMOVED, CLIENT),
    "a required param removed": (
        field_removed("AlphaParams", "name"),
        ChangeKind.FIELD_REMOVED,
        CLIENT,
    ),
    "a told field removed": (
        field_removed("ToldNotification", "text"),
        ChangeKind.FIELD_REMOVED,
        SERVER,
    ),
    "a result field removed": (
        field_removed("AlphaResponse", "note"),
        ChangeKind.FIELD_REMOVED,
        SERVER,
    ),
    "an answer field removed": (
        field_removed("AskResponse", "note"),
        ChangeKind.FIELD_REMOVED,
        CLIENT,
    ),
    "a param made required": (
        field_required("AlphaParams", "count"),
        ChangeKind.FIELD_REQUIRED,
        CLIENT,
    ),
    "a told field made required": (
        field_required("ToldNotification", "items"),
        ChangeKind.FIELD_REQUIRED,
        SERVER,
    ),
    "an answer field made required": (
        field_required("AskResponse", "note"),
        ChangeKind.FIELD_REQUIRED,
        CLIENT,
    ),
    "a told field made optional": (
        field_optional("ToldNotification", "text"),
        ChangeKind.FIELD_OPTIONAL,
        SERVER,
    ),
    "a param that may be null no more": (
        typed("AlphaParams", "note", STRING),
        ChangeKind.TYPE_NARROWED,
        CLIENT,
    ),
    "a told integer of another size": (
        typed("ToldNotification", "count", {"type": "integer", "format": "int32"}),
        ChangeKind.TYPE_NARROWED,
        SERVER,
    ),
    "a string that becomes a list of values": (
        typed("AlphaParams", "name", {"type": "string", "enum": ["a"]}),
        ChangeKind.TYPE_NARROWED,
        CLIENT,
    ),
    "a string with a least length": (
        typed("AskResponse", "answer", {"type": "string", "minLength": 1}),
        ChangeKind.TYPE_NARROWED,
        CLIENT,
    ),
    "a told field that may be null": (
        typed("ToldNotification", "text", {"type": ["string", "null"]}),
        ChangeKind.TYPE_WIDENED,
        SERVER,
    ),
    "an enum value removed": (value_removed, ChangeKind.VALUE_REMOVED, CLIENT),
    "an enum value removed from what is told": (value_removed, ChangeKind.VALUE_REMOVED, SERVER),
    "a variant removed": (variant_removed, ChangeKind.VARIANT_REMOVED, CLIENT),
    "a new required param": (
        lambda bundle: (
            typed("AlphaParams", "extra", STRING)(bundle),
            field_required("AlphaParams", "extra")(bundle),
        ),
        ChangeKind.REQUIRED_FIELD_ADDED,
        CLIENT,
    ),
    "another default": (
        typed("AlphaParams", "count", {"type": "integer", "format": "int64", "default": 7}),
        ChangeKind.DEFAULT_CHANGED,
        CLIENT,
    ),
}


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_a_side_is_noticed(name, changed):
    change, kind, speaker = BREAKING[name]
    found = [(one.kind, one.speaker) for one in changed(change) if one.breaks]
    assert (kind, speaker) in found


def test_a_method_that_becomes_experimental_is_noticed(changed):
    stable = protocol()
    stable["definitions"]["ClientRequest"]["oneOf"].pop(0)
    (found,) = changed(lambda bundle: None, stable=stable)
    assert (found.kind, found.breaks) == (ChangeKind.METHOD_GATED, True)


LOOSER = {
    "a param made optional": (field_optional("AlphaParams", "name"), ChangeKind.FIELD_OPTIONAL),
    "a param of more types": (
        typed("AlphaParams", "name", {"type": ["string", "null"]}),
        ChangeKind.TYPE_WIDENED,
    ),
    "an integer param without a range": (
        typed("AlphaParams", "count", {"type": "number"}),
        ChangeKind.TYPE_WIDENED,
    ),
    "a new optional param": (typed("AlphaParams", "extra", STRING), ChangeKind.FIELD_ADDED),
    "a new told field": (typed("ToldNotification", "extra", STRING), ChangeKind.FIELD_ADDED),
    "a new told field that is always there": (
        lambda bundle: (
            typed("ToldNotification", "extra", STRING)(bundle),
            field_required("ToldNotification", "extra")(bundle),
        ),
        ChangeKind.REQUIRED_FIELD_ADDED,
    ),
    "a new enum value": (
        lambda bundle: types(bundle)["Mode"]["enum"].append("medium"),
        ChangeKind.VALUE_ADDED,
    ),
    "a new variant": (
        lambda bundle: types(bundle)["Input"]["oneOf"].append(
            record(type={"enum": ["sound"], "type": "string"}, url=STRING)
        ),
        ChangeKind.VARIANT_ADDED,
    ),
    "a new method": (
        lambda bundle: bundle["definitions"]["ClientRequest"]["oneOf"].append(
            message("beta", "AlphaParams")
        ),
        ChangeKind.METHOD_ADDED,
    ),
}


@pytest.mark.parametrize("name", LOOSER)
def test_an_addition_is_reported_and_breaks_nothing(name, changed):
    change, kind = LOOSER[name]
    found = changed(change)
    assert kind in {one.kind for one in found}
    assert [str(one) for one in found if one.breaks] == []


def typed_list(name):
    return {"type": "array", "items": ref(name)}


SAME = {
    "prose": lambda bundle: types(bundle)["Mode"].update(description="other words"),
    "a type under another name": lambda bundle: (
        types(bundle).update(Pace=types(bundle)["Mode"]),
        typed("AlphaParams", "mode", ref("Pace"))(bundle),
    ),
    "a type written out": lambda bundle: typed("AlphaParams", "mode", types(bundle)["Mode"])(
        bundle
    ),
    "the order of values": lambda bundle: types(bundle)["Mode"]["enum"].reverse(),
    "null as a union": typed("AlphaParams", "note", {"anyOf": [STRING, {"type": "null"}]}),
    "a wrapped reference": typed("AlphaParams", "mode", {"allOf": [ref("Mode")]}),
    "members said in two parts": lambda bundle: types(bundle).update(
        AskParams={
            "allOf": [record(question=STRING, hint_=STRING), record(mode=ref("Mode"))],
        }
    ),
    "a member said beside the variants": lambda bundle: types(bundle).update(
        ToldNotification={
            **record(text=STRING, mode=ref("Mode"), items_=typed_list("Input")),
            "anyOf": [record(count={"type": "integer", "format": "int64"})],
        }
    ),
    "values one by one": lambda bundle: types(bundle).update(
        Mode={"oneOf": [{"const": "fast"}, {"enum": ["slow"], "type": "string"}]}
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_messages_in_other_words_are_no_change(name, changed):
    assert changed(SAME[name]) == []


# --- the real lock, changed at random -------------------------------------------------------------


def lock_with(types_):
    return Lock(packaged_lock().methods, types_)


def types_to_change(path):
    """All types of the lock, and a copy of the one that a path leads into."""
    types_ = packaged_lock().types
    return {**types_, path[0]: copy.deepcopy(types_[path[0]])}


def places(wanted):
    """Find the ways to all schemas of the lock that fit."""

    def walk(schema, path):
        if isinstance(schema, dict):
            if wanted(schema):
                yield path
            for keyword, value in schema.items():
                if keyword == "properties":
                    for name, member in value.items():
                        yield from walk(member, (*path, keyword, name))
                elif keyword not in ("default", "enum", "required"):
                    yield from walk(value, (*path, keyword))
        elif isinstance(schema, list):
            for number, value in enumerate(schema):
                yield from walk(value, (*path, number))

    types_ = packaged_lock().types.items()
    return [path for name, schema in types_ for path in walk(schema, (name,))]


def find(holder, path):
    for part in path:
        holder = holder[part]
    return holder


OBJECTS = places(lambda schema: isinstance(schema.get("properties"), dict) and "type" in schema)
ENUMS = places(lambda schema: isinstance(schema.get("enum"), list))


@settings(deadline=None, max_examples=15)
@given(st.sampled_from(OBJECTS), st.booleans())
def test_a_member_added_or_removed_anywhere_in_the_lock_is_noticed(path, added):
    types_ = types_to_change(path)
    schema = find(types_, path)
    schema["properties"]["brandNew"] = {"type": "string"}
    old, new = packaged_lock(), lock_with(types_)
    found = compare_locks(*((old, new) if added else (new, old)))
    assert found
    assert {one.kind for one in found} == {
        ChangeKind.FIELD_ADDED if added else ChangeKind.FIELD_REMOVED
    }
    assert {one.breaks for one in found} == {not added}


@settings(deadline=None, max_examples=15)
@given(st.sampled_from(ENUMS), st.booleans())
def test_an_enum_value_added_or_removed_anywhere_in_the_lock_is_noticed(path, added):
    types_ = types_to_change(path)
    find(types_, path)["enum"].append("brandNew")
    old, new = packaged_lock(), lock_with(types_)
    found = compare_locks(*((old, new) if added else (new, old)))
    assert found
    assert all(one.breaks is not added for one in found), [str(one) for one in found]


@settings(deadline=None, max_examples=15)
@given(st.sampled_from(OBJECTS), st.data())
def test_a_member_made_required_anywhere_in_the_lock_is_noticed(path, data):
    types_ = types_to_change(path)
    schema = find(types_, path)
    optional = sorted(schema["properties"].keys() - set(schema.get("required", ())))
    if not optional:
        return
    name = data.draw(st.sampled_from(optional))
    schema.setdefault("required", []).append(name)
    found = compare_locks(packaged_lock(), lock_with(types_))
    assert any(one.breaks for one in found), json.dumps(schema)


def test_the_lock_compared_with_itself_has_no_changes():
    assert compare_locks(packaged_lock(), packaged_lock()) == []


@pytest.mark.parametrize("kind", MethodKind)
def test_a_method_removed_or_added_is_noticed_in_each_direction(kind):
    lock = packaged_lock()
    fewer = Lock({**lock.methods, kind: lock.methods[kind][1:]}, lock.types)
    name = lock.methods[kind][0].name
    (lost,), (gained,) = compare_locks(lock, fewer), compare_locks(fewer, lock)
    assert (lost.kind, lost.where, lost.breaks) == (ChangeKind.METHOD_REMOVED, name, True)
    assert (gained.kind, gained.where, gained.breaks) == (ChangeKind.METHOD_ADDED, name, False)
