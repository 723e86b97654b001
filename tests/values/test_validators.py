from __future__ import annotations

import copy
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_runtime.values import (
    UNDEFINED,
    Int64,
    InvalidValue,
    ValidationFailed,
    Validator,
    canonical,
    v,
)
from support.convex_values import FLOATS, TEXTS, VALUES, same


def allows(validator, value, ids=None):
    try:
        validator.check(value, ids)
    except ValidationFailed:
        return False
    return True


ONE_OF_EACH = {
    "null": None,
    "boolean": True,
    "int64": Int64(1),
    "float64": 1.0,
    "string": "a",
    "bytes": b"a",
}


@pytest.mark.parametrize("kind", ONE_OF_EACH)
@pytest.mark.parametrize("other", [*ONE_OF_EACH, "array", "object"])
def test_a_simple_validator_allows_its_kind_and_no_other(kind, other):
    value = {**ONE_OF_EACH, "array": [], "object": {}}[other]
    assert allows(getattr(v, kind)(), value) is (kind == other)


def test_number_is_float64():
    assert v.number() == v.float64()
    assert allows(v.number(), 1.0)


@given(VALUES)
def test_any_allows_everything(value):
    assert allows(v.any(), value)


def test_undefined_is_allowed_by_an_optional_validator_only():
    assert allows(v.optional(v.string()), UNDEFINED)
    assert allows(v.optional(v.string()), "a")
    assert not allows(v.optional(v.string()), 1.0)
    assert not allows(v.string(), UNDEFINED)


LITERALS = TEXTS | FLOATS | st.booleans() | st.builds(Int64, st.integers(-2, 2))


@given(LITERALS, LITERALS | VALUES)
def test_a_literal_allows_one_value(literal, value):
    assert allows(v.literal(literal), literal)
    assert allows(v.literal(literal), value) is same(literal, value)


def test_a_literal_tells_apart_what_python_does_not():
    assert not allows(v.literal(1), True)
    assert not allows(v.literal(True), 1.0)
    assert not allows(v.literal(0.0), -0.0)
    assert allows(v.literal(math.nan), math.nan)


def test_an_array_checks_each_element():
    validator = v.array(v.union(v.string(), v.array(v.null())))
    assert allows(validator, [])
    assert allows(validator, ["a", [None]])
    assert not allows(validator, ["a", 1.0])
    assert not allows(validator, [["a"]])
    assert not allows(validator, "a")


def test_a_record_checks_names_and_values():
    tables = {"u1": "users", "g1": "groups"}
    validator = v.record(v.id("users"), v.number())
    assert allows(validator, {"u1": 1.0}, tables.get)
    assert not allows(validator, {"g1": 1.0}, tables.get)
    assert not allows(validator, {"u1": "a"}, tables.get)
    assert not allows(validator, [], tables.get)


def test_an_object_has_its_fields_and_no_others():
    validator = v.object({"a": v.string(), "b": v.optional(v.object({"c": v.number()}))})
    assert allows(validator, {"a": "x"})
    assert allows(validator, {"a": "x", "b": {"c": 1.0}})
    assert not allows(validator, {})
    assert not allows(validator, {"a": 1.0})
    assert not allows(validator, {"a": "x", "b": {}})
    assert not allows(validator, {"a": "x", "b": None})
    assert not allows(validator, {"a": "x", "z": 1.0})
    assert not allows(validator, ["a"])


def test_a_union_allows_what_a_member_allows():
    validator = v.union(
        v.null(),
        v.literal("on"),
        v.literal(1),
        v.object({"kind": v.literal("a"), "n": v.number()}),
        v.object({"kind": v.literal("b")}),
    )
    for value in (None, "on", 1.0, {"kind": "a", "n": 1.0}, {"kind": "b"}):
        assert allows(validator, value)
    for value in ("off", 2.0, True, {"kind": "b", "n": 1.0}, {"kind": "a"}, []):
        assert not allows(validator, value)


def test_a_union_of_nothing_allows_nothing():
    assert not allows(v.union(), None)


def test_an_id_belongs_to_its_table():
    tables = {"u1": "users", "g1": "groups", "s1": "_storage"}
    assert allows(v.id("users"), "u1", tables.get)
    assert allows(v.id("_storage"), "s1", tables.get)
    for value in ("g1", "s1", "nothing", 1.0, None):
        assert not allows(v.id("users"), value, tables.get)


def test_without_knowledge_of_tables_any_text_passes_for_an_id():
    assert allows(v.id("users"), "anything")
    assert not allows(v.id("users"), 1.0)


VALIDATORS = st.recursive(
    st.sampled_from(
        [v.null(), v.boolean(), v.int64(), v.number(), v.string(), v.bytes(), v.any(), v.id("t")]
    )
    | st.builds(v.literal, LITERALS),
    lambda inner: (
        st.builds(v.array, inner)
        | st.builds(lambda members: v.union(*members), st.lists(inner, max_size=3))
        | st.builds(v.record, st.sampled_from([v.string(), v.id("t")]), inner)
        | st.builds(
            v.object,
            st.dictionaries(
                st.sampled_from(["a", "b", "_id"]), inner | inner.map(v.optional), max_size=3
            ),
        )
    ),
    max_leaves=6,
)


@given(VALIDATORS)
def test_a_validator_comes_back_from_its_json(validator):
    again = Validator.from_json(validator.to_json())
    assert again == validator
    assert hash(again) == hash(validator)
    assert again.to_json() == validator.to_json()
    assert again.typescript() == validator.typescript()


def matches(validator, value):
    """What a validator allows, said a second time: without ids, without words."""
    simple = {
        "null": type(None),
        "boolean": bool,
        "int64": Int64,
        "float64": float,
        "string": str,
        "bytes": bytes,
        "id": str,
    }
    match validator.kind:
        case "any":
            return True
        case "literal":
            return same(validator.literal, value)
        case "union":
            return any(matches(member, value) for member in validator.members)
        case "array":
            [element] = validator.members
            return isinstance(value, list) and all(matches(element, item) for item in value)
        case "record":
            keys, values = validator.members
            return isinstance(value, dict) and all(
                matches(keys, name) and matches(values, item) for name, item in value.items()
            )
        case "object":
            return (
                isinstance(value, dict)
                and value.keys() <= validator.fields.keys()
                and all(
                    matches(field, value[name]) if name in value else field.is_optional
                    for name, field in validator.fields.items()
                )
            )
        case kind:
            return type(value) is simple[kind]


def likely(validator):
    """Values that have a chance to match."""
    match validator.kind:
        case "literal":
            return st.just(validator.literal)
        case "union" if validator.members:
            return st.one_of(*map(likely, validator.members))
        case "array":
            return st.lists(likely(validator.members[0]), max_size=2)
        case "record":
            return st.dictionaries(
                st.sampled_from(["x", "y"]), likely(validator.members[1]), max_size=2
            )
        case "object":
            parts = {name: likely(field) for name, field in validator.fields.items()}
            optional = {n: parts.pop(n) for n, f in validator.fields.items() if f.is_optional}
            return st.fixed_dictionaries(parts, optional=optional)
    return VALUES


@given(st.data())
def test_checks_agree_with_the_meaning_of_the_words(data):
    validator = data.draw(VALIDATORS)
    value = canonical(data.draw(likely(validator) | VALUES))
    assert allows(validator, value) is matches(validator, value)


def test_equality_tells_validators_apart():
    assert v.literal(1) != v.literal(True)
    assert v.literal(Int64(1)) != v.literal(Int64(2))
    assert v.string() != v.optional(v.string())
    assert v.object({"a": v.null(), "b": v.any()}) == v.object({"b": v.any(), "a": v.null()})
    assert v.id("a") != v.id("b")
    assert v.object({"a": v.optional(v.null())}) != v.object({"a": v.null()})
    assert v.string() != "v.string()"


def test_a_validator_cannot_be_changed():
    validator = v.object({"a": v.string()})
    with pytest.raises(AttributeError):
        validator.kind = "any"
    with pytest.raises(TypeError):
        validator.fields["b"] = v.any()


def test_a_validator_can_be_copied_and_pickled():
    validator = v.object({"a": v.optional(v.array(v.literal("x")))})
    for other in (copy.deepcopy(validator), pickle.loads(pickle.dumps(validator))):
        assert other == validator
        assert allows(other, {"a": ["x"]})
        assert not allows(other, {"a": ["y"]})


def test_objects_are_extended_cut_and_made_partial():
    base = v.object({"a": v.string(), "b": v.number()})
    assert base.extend({"b": v.null(), "c": v.any()}) == v.object(
        {"a": v.string(), "b": v.null(), "c": v.any()}
    )
    assert base.omit("a", "zz") == v.object({"b": v.number()})
    assert base.pick("a", "zz") == v.object({"a": v.string()})
    assert base.partial() == v.object({"a": v.optional(v.string()), "b": v.optional(v.number())})
    assert v.optional(base).omit("a") == v.optional(v.object({"b": v.number()}))
    assert base.optional().optional().required() == base


@pytest.mark.parametrize("what", ["extend", "omit", "pick", "partial"])
def test_only_objects_have_fields_to_change(what):
    arguments = {"extend": ({},)}.get(what, ())
    with pytest.raises(InvalidValue, match="E_VALUE_VALIDATOR_INVALID"):
        getattr(v.string(), what)(*arguments)


@pytest.mark.parametrize(
    "make",
    [
        lambda: v.array(v.optional(v.string())),
        lambda: v.union(v.string(), v.optional(v.null())),
        lambda: v.record(v.string(), v.optional(v.null())),
        lambda: v.record(v.optional(v.string()), v.null()),
        lambda: v.record(v.number(), v.null()),
        lambda: v.record(v.any(), v.null()),
        lambda: v.record(v.literal("a"), v.null()),
        lambda: v.record(v.union(v.string(), v.literal("a")), v.null()),
        lambda: v.record(v.union(), v.null()),
        lambda: v.array("string"),
        lambda: v.object({"a": str}),
        lambda: v.literal(None),
        lambda: v.literal([]),
        lambda: v.literal(b"x"),
        lambda: v.literal(2**60),
        lambda: v.id(""),
        lambda: v.id("1a"),
        lambda: v.object({"a b": v.any()}),
        lambda: v.object({"$a": v.any()}),
        lambda: v.object({"___": v.any()}),
        lambda: v.object({"a" * 65: v.any()}),
    ],
)
def test_what_convex_refuses_is_refused_where_it_is_written(make):
    with pytest.raises(InvalidValue):
        make()


def test_a_field_at_the_limit_of_identifiers_passes():
    assert allows(v.object({"a" * 64: v.any(), "_a": v.any()}), {"a" * 64: None, "_a": 1.0})


@pytest.mark.parametrize(
    "tree",
    [
        None,
        "string",
        {},
        {"type": 5},
        {"type": "float32"},
        {"type": "set"},
        {"type": "id"},
        {"type": "id", "tableName": 5},
        {"type": "literal"},
        {"type": "array"},
        {"type": "union", "value": {}},
        {"type": "union", "value": [None]},
        {"type": "record", "keys": {"type": "string"}},
        {"type": "record", "keys": {"type": "any"}, "values": {"fieldType": {"type": "any"}}},
        {
            "type": "record",
            "keys": {"type": "string"},
            "values": {"fieldType": {"type": "any"}, "optional": True},
        },
        {"type": "object"},
        {"type": "object", "value": {"a": 5}},
        {"type": "object", "value": {"a": {"optional": True}}},
        {"type": "object", "value": {"a b": {"fieldType": {"type": "any"}, "optional": True}}},
    ],
)
def test_json_that_is_no_validator_is_refused(tree):
    with pytest.raises(InvalidValue):
        Validator.from_json(tree)


def test_json_has_the_shape_that_convexs_tools_exchange():
    validator = v.object(
        {
            "n": v.number(),
            "i": v.optional(v.int64()),
            "id": v.id("users"),
            "kind": v.union(v.literal("a"), v.literal(Int64(5))),
            "list": v.array(v.bytes()),
            "map": v.record(v.string(), v.any()),
        }
    )
    assert validator.to_json() == {
        "type": "object",
        "value": {
            "n": {"fieldType": {"type": "number"}, "optional": False},
            "i": {"fieldType": {"type": "bigint"}, "optional": True},
            "id": {"fieldType": {"type": "id", "tableName": "users"}, "optional": False},
            "kind": {
                "fieldType": {
                    "type": "union",
                    "value": [
                        {"type": "literal", "value": "a"},
                        {"type": "literal", "value": {"$integer": "BQAAAAAAAAA="}},
                    ],
                },
                "optional": False,
            },
            "list": {"fieldType": {"type": "array", "value": {"type": "bytes"}}, "optional": False},
            "map": {
                "fieldType": {
                    "type": "record",
                    "keys": {"type": "string"},
                    "values": {"fieldType": {"type": "any"}, "optional": False},
                },
                "optional": False,
            },
        },
    }


@pytest.mark.parametrize(
    ("validator", "source", "type_source"),
    [
        (v.null(), "v.null()", "null"),
        (v.boolean(), "v.boolean()", "boolean"),
        (v.int64(), "v.int64()", "bigint"),
        (v.float64(), "v.number()", "number"),
        (v.string(), "v.string()", "string"),
        (v.bytes(), "v.bytes()", "ArrayBuffer"),
        (v.any(), "v.any()", "any"),
        (v.id("users"), 'v.id("users")', 'Id<"users">'),
        (v.literal('a"b'), 'v.literal("a\\"b")', '"a\\"b"'),
        (v.literal(3), "v.literal(3)", "3"),
        (v.literal(1.5), "v.literal(1.5)", "1.5"),
        (v.literal(-0.0), "v.literal(-0)", "-0"),
        (v.literal(math.nan), "v.literal(NaN)", "number"),
        (v.literal(-math.inf), "v.literal(-Infinity)", "number"),
        (v.literal(True), "v.literal(true)", "true"),
        (v.literal(Int64(5)), "v.literal(5n)", "5n"),
        (v.array(v.string()), "v.array(v.string())", "Array<string>"),
        (v.record(v.string(), v.null()), "v.record(v.string(), v.null())", "Record<string, null>"),
        (v.union(v.null(), v.string()), "v.union(v.null(), v.string())", "null | string"),
        (v.union(), "v.union()", "never"),
        (v.object({}), "v.object({})", "{}"),
        (
            v.object({"b": v.optional(v.number()), "a": v.array(v.union(v.null(), v.any()))}),
            "v.object({b: v.optional(v.number()), a: v.array(v.union(v.null(), v.any()))})",
            "{ b?: number; a: Array<null | any> }",
        ),
    ],
)
def test_validators_print_as_typescript(validator, source, type_source):
    assert validator.typescript() == source
    assert validator.typescript_type() == type_source
