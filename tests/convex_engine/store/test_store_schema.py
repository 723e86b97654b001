"""Schemas: what may be declared, at each limit and one past it (FACTS §5.4, §5.6)."""

from __future__ import annotations

import pytest

from codex_fakes.convex.engine.limits import Limits
from codex_fakes.convex.engine.schema import SchemaInvalid, define_schema, define_table
from codex_runtime.values import v


def one_table(name="t", table=None, **options):
    return define_schema({name: table or define_table({})}, **options)


def with_indexes(count):
    table = define_table(v.any())
    for number in range(count):
        table = table.index(f"by_{number}", ["a"])
    return table


def refused(make, match):
    with pytest.raises(SchemaInvalid, match=match) as caught:
        make()
    assert caught.value.code == "E_FAKE_CONVEX_SCHEMA_INVALID"


def test_a_table_is_declared_with_fields_or_with_a_validator():
    fields = define_table({"a": v.string()})
    assert fields.document == define_table(v.object({"a": v.string()})).document


def test_declaring_an_index_leaves_the_table_it_was_called_on_as_it_is():
    table = define_table({"a": v.string()})
    assert table.index("by_a", ["a"]).indexes != table.indexes == ()


def test_documents_may_be_a_union_of_objects():
    table = define_table(v.union(v.object({"a": v.null()}), v.object({"b": v.null()})))
    assert one_table(table=table).tables["t"] is table


@pytest.mark.parametrize("document", [v.string(), v.union(v.object({}), v.null()), v.id("t")])
def test_documents_that_are_no_objects_are_refused(document):
    refused(lambda: define_table(document), "must be objects")


def test_a_field_that_starts_with_an_underscore_is_refused():
    refused(lambda: define_table({"_secret": v.null()}), "starts with an underscore")


@pytest.mark.parametrize("name", ["by_id", "by_creation_time", "_mine"])
def test_a_reserved_name_of_an_index_is_refused(name):
    refused(lambda: define_table({}).index(name, ["a"]), "is reserved")


@pytest.mark.parametrize("field", ["_id", "_creationTime", "_other"])
def test_a_system_field_cannot_be_listed_in_an_index(field):
    refused(lambda: define_table({}).index("by_a", ["a", field]), field)


def test_an_index_has_at_least_one_field_and_none_twice():
    refused(lambda: define_table({}).index("by_a", []), "at least one field")
    refused(lambda: define_table({}).index("by_a", ["a", "b", "a"]), "a field twice")


def test_an_index_cannot_be_declared_twice():
    table = define_table({}).index("by_a", ["a"])
    refused(lambda: table.index("by_a", ["b"]), "declared twice")


def test_a_table_has_64_indexes_and_not_one_more():
    assert len(one_table(table=with_indexes(64)).tables["t"].indexes) == 64
    refused(lambda: one_table(table=with_indexes(65)), "cannot exceed 64")


def test_an_index_has_16_fields_and_not_one_more():
    def make(count):
        return one_table(table=define_table({}).index("i", [f"f{n}" for n in range(count)]))

    assert make(16)
    refused(lambda: make(17), "at most 16 fields")


@pytest.mark.parametrize("where", ["table", "index", "field", "nested field"])
def test_a_name_has_64_characters_and_not_one_more(where):
    def make(name):
        if where == "table":
            return one_table(name)
        if where == "index":
            return one_table(table=define_table({}).index(name, ["a"]))
        path = name if where == "field" else f"a.{name}.b"
        return one_table(table=define_table({}).index("by_a", [path]))

    assert make("n" * 64)
    refused(lambda: make("n" * 65), r"Identifier is too long \(65 > maximum 64\)")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "Identifier cannot be empty"),
        ("1a", "Invalid first character '1' in 1a"),
        ("é", "Invalid first character 'é' in é"),
        ("a-b", "Identifier a-b has invalid character '-'"),
        ("a b", "Identifier a b has invalid character ' '"),
        ("_", "Identifier _ cannot have exclusively underscores"),
        ("__", "Identifier __ cannot have exclusively underscores"),
    ],
)
def test_a_name_that_is_no_identifier_is_refused(name, why):
    refused(lambda: one_table(name), why)


def test_a_table_cannot_be_named_like_one_of_the_system():
    refused(lambda: one_table("_users"), "metadata prefix")


def test_there_are_as_many_tables_as_the_limit_and_not_one_more():
    def make(count):
        tables = {f"t{n}": define_table({}) for n in range(count)}
        return define_schema(tables, limits=Limits(tables=3))

    assert len(make(3).tables) == 3
    refused(lambda: make(4), "Number of tables cannot exceed 3.")
    assert Limits().tables == 10_000
