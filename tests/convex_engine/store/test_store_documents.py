"""Documents: writing them, their system fields, what is refused (FACTS §5.2, §5.8)."""

from __future__ import annotations

import math

import pytest

from codex_fakes.convex.engine.errors import FunctionError
from codex_fakes.convex.engine.ids import encode_id
from codex_runtime.values import UNDEFINED, Int64

NOW = 1_700_000_000_000.0
UNKNOWN_TABLE = encode_id(19_999, bytes(16))


def get(store, identity, **options):
    return store.read(lambda db: db.get(identity), **options)


def refused(store, change, match):
    with pytest.raises(FunctionError, match=match):
        store.write(change)


def test_an_inserted_document_has_its_id_and_its_time(store):
    (identity,) = store.insert("anything", {"a": 1})
    assert get(store, identity) == {"_id": identity, "_creationTime": NOW, "a": 1.0}


def test_a_document_is_seen_by_the_transaction_that_writes_it(store):
    def change(db):
        identity = db.insert("anything", {"a": 1})
        assert db.get(identity)["a"] == 1.0
        db.patch(identity, {"a": 2})
        assert [row["a"] for row in db.query("anything").collect()] == [2.0]
        db.delete(identity)
        return db.get(identity), db.query("anything").collect()

    assert store.write(change) == (None, [])


def test_every_kind_of_value_is_stored(store):
    fields = {
        "null": None,
        "yes": True,
        "big": Int64(-5),
        "nan": math.nan,
        "text": "ü",
        "raw": b"\x00",
        "list": [1.0, ["x"]],
        "object": {"deep": {"x": None}},
    }
    (identity,) = store.insert("anything", fields)
    stored = get(store, identity)
    assert math.isnan(stored.pop("nan"))
    del fields["nan"], stored["_id"], stored["_creationTime"]
    assert stored == fields


def test_what_is_handed_out_can_be_changed_without_changing_what_is_stored(store):
    given = {"a": [{"x": [1.0]}], "o": {"x": {}}}
    (identity,) = store.insert("anything", given)
    given["a"][0]["x"].append(2.0)
    for _ in range(2):
        document = get(store, identity)
        assert document["a"] == [{"x": [1.0]}]
        assert document["o"] == {"x": {}}
        document["a"][0]["x"].append(3.0)
        document["o"]["x"]["y"] = 1.0
        document["new"] = 1.0
    (found,) = store.read(lambda db: db.query("anything").collect())
    assert found["a"] == [{"x": [1.0]}]


def test_the_fields_of_a_document_stand_in_the_order_of_their_names(store):
    (identity,) = store.insert("anything", {"b": 1, "Z": 2, "a": 3})
    assert list(get(store, identity)) == ["Z", "_creationTime", "_id", "a", "b"]
    store.write(lambda db: db.patch(identity, {"A": 1}))
    assert list(get(store, identity)) == ["A", "Z", "_creationTime", "_id", "a", "b"]


def test_documents_of_one_transaction_are_created_one_after_the_other(store):
    ids = store.insert("anything", *({"a": n} for n in range(50)))
    times = [get(store, identity)["_creationTime"] for identity in ids]
    assert times[:2] == [NOW, math.nextafter(NOW, math.inf)]
    assert times == sorted(set(times))
    assert store.values("anything") == [float(n) for n in range(50)]


def test_documents_of_later_transactions_are_newer_even_when_the_clock_stands_still(store):
    for number in range(20):
        store.insert("anything", {"a": number})
    assert store.values("anything") == [float(n) for n in range(20)]


def test_a_patch_changes_the_fields_it_names_and_no_others(store):
    (identity,) = store.insert("anything", {"a": 1, "o": {"x": 1, "y": 2}})
    store.write(lambda db: db.patch(identity, {"b": "new", "o": {"x": 9}}))
    document = get(store, identity)
    assert (document["a"], document["b"], document["o"]) == (1.0, "new", {"x": 9.0})


def test_a_patch_removes_fields_that_are_undefined(store):
    (identity,) = store.insert("anything", {"a": 1, "b": 2})
    store.write(lambda db: db.patch(identity, {"a": UNDEFINED, "never": UNDEFINED, "b": 3}))
    assert get(store, identity) == {"_id": identity, "_creationTime": NOW, "b": 3.0}


def test_a_replacement_leaves_only_what_it_has(store):
    (identity,) = store.insert("anything", {"a": 1, "b": 2})
    store.write(lambda db: db.replace(identity, {"c": 3}))
    assert get(store, identity) == {"_id": identity, "_creationTime": NOW, "c": 3.0}


@pytest.mark.parametrize("method", ["patch", "replace"])
def test_system_fields_may_be_passed_when_they_are_the_same(store, method):
    (identity,) = store.insert("anything", {"a": 1})
    whole = get(store, identity) | {"a": 2.0}
    store.write(lambda db: getattr(db, method)(identity, whole))
    assert get(store, identity) == whole


@pytest.mark.parametrize("method", ["patch", "replace"])
@pytest.mark.parametrize("fields", [{"_id": "other"}, {"_creationTime": 1.0}, {"_id": None}])
def test_other_system_fields_are_refused(store, method, fields):
    (identity,) = store.insert("anything", {"a": 1})
    refused(store, lambda db: getattr(db, method)(identity, fields), "doesn't match")
    assert get(store, identity)["a"] == 1.0


def test_system_fields_cannot_be_chosen_when_inserting(store):
    refused(store, lambda db: db.insert("anything", {"_id": "mine"}), "doesn't match '_id' field")
    refused(store, lambda db: db.insert("anything", {"_creationTime": 1.0}), "doesn't match")


@pytest.mark.parametrize("method", ["insert", "patch", "replace"])
def test_fields_that_start_with_an_underscore_are_refused_at_the_top_and_nowhere_else(
    store, method
):
    (identity,) = store.insert("anything", {})
    target = "anything" if method == "insert" else identity
    refused(
        store,
        lambda db: getattr(db, method)(target, {"a": 1, "_x": 1}),
        "Field '_x' starts with an underscore, which is only allowed for system fields like '_id'",
    )
    store.write(lambda db: getattr(db, method)(target, {"a": {"_x": 1}}))


@pytest.mark.parametrize(
    ("method", "verb"), [("patch", "Update"), ("replace", "Replace"), ("delete", "Delete")]
)
def test_writing_a_document_that_is_not_there_is_refused(store, method, verb):
    (identity,) = store.insert("anything", {})
    store.write(lambda db: db.delete(identity))
    arguments = () if method == "delete" else ({},)
    for missing in (identity, UNKNOWN_TABLE):
        refused(
            store,
            lambda db, missing=missing: getattr(db, method)(missing, *arguments),
            f"{verb} on nonexistent document ID {missing}",
        )


@pytest.mark.parametrize("method", ["get", "patch", "replace", "delete"])
def test_what_is_no_id_is_refused_with_the_reason(store, method):
    arguments = ({},) if method in {"patch", "replace"} else ()
    refused(
        store,
        lambda db: getattr(db, method)("current", *arguments),
        f"Invalid argument `id` for `db.{method}`: Unable to decode ID: Invalid ID length 7",
    )
    refused(store, lambda db: getattr(db, method)(None, *arguments), f"`db.{method}`")


def test_the_id_of_a_table_that_is_not_there_finds_nothing(store):
    assert get(store, UNKNOWN_TABLE) is None


@pytest.mark.parametrize("document", [None, [1.0], "text", 3.0])
def test_a_document_that_is_no_object_is_refused(store, document):
    refused(store, lambda db: db.insert("anything", document), "expected an object")


@pytest.mark.parametrize(
    ("document", "match"),
    [
        ({"a": object()}, "is not a supported Convex type"),
        ({"a": [UNDEFINED]}, "undefined is not a valid Convex value"),
        ({"$a": 1}, "starts with '\\$'"),
        ({"a": 2**60}, "outside the range"),
    ],
)
def test_a_value_that_convex_does_not_know_is_refused(store, document, match):
    refused(store, lambda db: db.insert("anything", document), match)


def test_a_document_that_does_not_match_the_schema_is_refused_in_convex_words(store):
    (identity,) = store.insert("messages", {"author": "a"})
    prefix = (
        'Failed to insert or update a document in table "messages" because it does not match the '
        "schema: "
    )
    for change in (
        lambda db: db.insert("messages", {"author": 3}),
        lambda db: db.patch(identity, {"author": 3}),
        lambda db: db.replace(identity, {"author": 3}),
    ):
        refused(store, change, prefix + "Value does not match validator.\nPath: .author\n")
    refused(store, lambda db: db.patch(identity, {"author": UNDEFINED}), "missing the required")
    refused(store, lambda db: db.patch(identity, {"more": 1}), "extra field `more`")


def test_an_id_in_a_document_must_be_of_the_right_table(store):
    (message,) = store.insert("messages", {"author": "a"})
    (other,) = store.insert("anything", {})
    store.insert("messages", {"author": "b", "reply_to": message})
    refused(
        store,
        lambda db: db.insert("messages", {"author": "c", "reply_to": other}),
        f'Found ID "{other}" from table `anything`',
    )
    refused(
        store, lambda db: db.insert("messages", {"author": "c", "reply_to": "x"}), "does not match"
    )


def test_an_id_may_name_a_document_of_the_same_transaction(store):
    def change(db):
        first = db.insert("messages", {"author": "a"})
        return (
            db.get(db.insert("messages", {"author": "b", "reply_to": first}))["reply_to"] == first
        )

    assert store.write(change)


def test_without_schema_validation_any_document_is_taken(make_store):
    from codex_fakes.convex.engine.schema import define_schema, define_table
    from codex_runtime.values import v

    schema = define_schema({"t": define_table({"a": v.string()})}, schema_validation=False)
    store = make_store(schema=schema)
    store.insert("t", {"other": 1})
    assert store.values("t", "other") == [1.0]


def test_a_table_that_is_not_declared_comes_about_when_it_is_inserted_into(store):
    assert store.read(lambda db: db.query("later").collect()) == []
    store.insert("later", {"a": 1})
    assert store.values("later") == [1.0]


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("_mine", "starts with metadata prefix"),
        ("_storage", "_storage is a read-only table"),
        ("1st", "Identifiers must start with an alphabetic character or underscore"),
        ("t" * 65, r"Identifier is too long \(65 > maximum 64\)"),
    ],
)
def test_a_table_with_another_name_cannot_be_inserted_into(store, name, match):
    refused(store, lambda db: db.insert(name, {}), match)


def test_normalizing_an_id_tells_whether_it_is_one_of_the_table(store):
    (identity,) = store.insert("anything", {})
    store.write(lambda db: db.delete(identity))
    normalize = store.read(lambda db: db.normalize_id)
    assert normalize("anything", identity) == identity
    assert normalize("messages", identity) is None
    assert normalize("nowhere", identity) is None
    assert normalize("anything", "x") is None
    assert normalize("anything", identity.upper()) is None
