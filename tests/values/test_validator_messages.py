"""Every text of FACTS §5.8, word for word."""

from __future__ import annotations

import math

import pytest

from codex_runtime.values import Int64, ValidationFailed, v


def failure(validator, value, ids=None):
    with pytest.raises(ValidationFailed) as caught:
        validator.check(value, ids)
    assert caught.value.code == "E_VALUE_MISMATCH"
    assert str(caught.value) == f"[E_VALUE_MISMATCH] {caught.value.message}"
    return caught.value


def test_another_kind():
    found = failure(v.object({"a": v.array(v.object({"b": v.string()}))}), {"a": [{"b": 3.0}]})
    assert found.path == ".a[0].b"
    assert found.message == (
        "Value does not match validator.\nPath: .a[0].b\nValue: 3.0\nValidator: v.string()"
    )


def test_another_kind_at_the_top_has_no_path():
    found = failure(v.string(), 3.0)
    assert found.path == ""
    assert found.message == "Value does not match validator.\n\nValue: 3.0\nValidator: v.string()"


def test_a_missing_field():
    found = failure(v.object({"x": v.string(), "a": v.optional(v.number())}), {"a": 1.0})
    assert found.message == (
        "Object is missing the required field `x`. Consider wrapping the field validator in "
        "`v.optional(...)` if this is expected.\n\nObject: {a: 1.0}\n"
        "Validator: v.object({a: v.optional(v.float64()), x: v.string()})"
    )


def test_a_missing_field_below():
    found = failure(v.object({"o": v.object({"x": v.string()})}), {"o": {}})
    assert found.path == ".o"
    assert "\nPath: .o\nObject: {}\nValidator: v.object({x: v.string()})" in found.message


def test_an_extra_field():
    found = failure(v.array(v.object({})), [{"z": "q", "y": 1.0}])
    assert found.path == "[0]"
    assert found.message == (
        "Object contains extra field `y` that is not in the validator.\nPath: [0]\n"
        'Object: {y: 1.0, z: "q"}\nValidator: v.object({})'
    )


@pytest.mark.parametrize(
    ("literal", "value", "text"),
    [
        ("a", 3.0, '`3.0` does not match literal validator `v.literal("a")`.Path: .k'),
        (3, "a", '`"a"` does not match literal validator `v.literal(3.0)`.Path: .k'),
        (True, False, "`false` does not match literal validator `v.literal(true)`.Path: .k"),
        (Int64(1), Int64(2), "`2` does not match literal validator `v.literal(<bigint>)`.Path: .k"),
        (math.nan, 1.0, "`1.0` does not match literal validator `v.literal(<number>)`.Path: .k"),
    ],
)
def test_another_literal(literal, value, text):
    assert failure(v.object({"k": v.literal(literal)}), {"k": value}).message == text


def test_another_literal_at_the_top_has_no_path():
    text = '`"b"` does not match literal validator `v.literal("a")`.'
    assert failure(v.literal("a"), "b").message == text


TABLES = {"id1": "a", "id2": "_storage"}


def test_an_id_of_another_table():
    found = failure(v.object({"r": v.id("b")}), {"r": "id1"}, TABLES.get)
    assert found.message == (
        'Found ID "id1" from table `a`, which does not match the table name in validator '
        '`v.id("b")`.Path: .r'
    )


def test_an_id_of_a_system_table():
    found = failure(v.id("b"), "id2", TABLES.get)
    assert found.message == (
        'Found ID "id2" from a system table, which does not match the table name in validator '
        '`v.id("b")`.'
    )


def test_what_is_no_id():
    found = failure(v.id("b"), "nothing", TABLES.get)
    assert found.message == (
        'Value does not match validator.\n\nValue: "nothing"\nValidator: v.id("b")'
    )


def test_no_member_of_a_union():
    found = failure(v.object({"u": v.union(v.null(), v.literal("x"))}), {"u": {"b": 1.0, "a": b""}})
    assert found.message == (
        'Value does not match validator.\nPath: .u\nValue: {a: b"", b: 1.0}\n'
        'Validator: v.union(v.null(), v.literal("x"))'
    )


def test_a_union_of_one_speaks_as_its_member():
    found = failure(v.union(v.object({"a": v.string()})), {"a": 1.0})
    assert found.message == (
        "Value does not match validator.\nPath: .a\nValue: 1.0\nValidator: v.string()"
    )


def test_names_and_values_of_a_record():
    validator = v.object({"m": v.record(v.id("a"), v.number())})
    assert failure(validator, {"m": {"id1": "x"}}, TABLES.get).path == ".m.values()"
    assert failure(validator, {"m": {"id2": 1.0}}, TABLES.get).path == ".m.keys()"


def test_of_several_mismatches_the_first_in_the_order_of_names_is_told():
    validator = v.object({"z": v.string(), "b": v.string(), "a": v.optional(v.string())})
    assert failure(validator, {"z": 1.0, "b": 2.0, "extra": None}).path == ".b"


def test_that_a_field_is_optional_is_no_part_of_its_validator():
    found = failure(v.object({"a": v.optional(v.string())}), {"a": 1.0})
    assert found.message.endswith("Path: .a\nValue: 1.0\nValidator: v.string()")
    found = failure(v.object({"a": v.optional(v.id("b"))}), {"a": "id1"}, TABLES.get)
    assert '`v.id("b")`' in found.message
    found = failure(v.object({"o": v.optional(v.object({"x": v.null()}))}), {"o": {}})
    assert found.message.endswith("Object: {}\nValidator: v.object({x: v.null()})")


def test_printing_is_as_the_backend_prints():
    validator = v.object(
        {
            "z": v.optional(v.union(v.int64(), v.bytes())),
            "a": v.record(v.string(), v.any()),
            "m": v.array(v.boolean()),
        }
    )
    assert str(validator) == (
        "v.object({a: v.record(v.string(), v.any()), m: v.array(v.boolean()), "
        "z: v.optional(v.union(v.int64(), v.bytes()))})"
    )
