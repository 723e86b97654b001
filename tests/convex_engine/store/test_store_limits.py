"""Each limit of documents and transactions: at it, and one past it (FACTS §5.6)."""

from __future__ import annotations

import re

import pytest

from codex_fakes.convex.engine.errors import FunctionError, LimitExceeded
from codex_fakes.convex.engine.limits import Limits, format_size
from codex_fakes.convex.engine.store import Usage
from codex_runtime.values import size_of


def refused(call, message, error=FunctionError):
    with pytest.raises(error, match=re.escape(message)):
        call()


def count(total):
    """A change that inserts so many documents."""
    return lambda db: [db.insert("t", {}) for _ in range(total)] and None


def nested(levels):
    value = 1.0
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("method", ["collect", "iterate", "take", "get", "filter"])
def test_documents_read(make_store, method):
    store = make_store(limits=Limits(documents_read=5))
    reading = {
        "collect": lambda db: db.query("t").collect(),
        "iterate": lambda db: list(db.query("t")),
        "take": lambda db: db.query("t").take(10),
        "get": lambda db: [db.get(identity) for identity in ids],
        "filter": lambda db: db.query("t").filter(lambda q: False).collect(),
    }[method]
    ids = store.insert("t", *({} for _ in range(5)))
    store.read(reading)
    ids += store.insert("t", {})
    refused(
        lambda: store.read(reading),
        "Too many documents read in a single function execution (limit: 5). Consider using",
        LimitExceeded,
    )


def test_documents_that_are_not_taken_are_not_counted(make_store):
    store = make_store(limits=Limits(documents_read=3))
    store.insert("t", *({} for _ in range(9)))
    assert len(store.read(lambda db: db.query("t").take(3))) == 3


def test_bytes_read(make_store):
    store = make_store()
    (identity,) = store.insert("t", {"a": "x"})
    size = size_of(store.read(lambda db: db.get(identity)))
    store = make_store(limits=Limits(bytes_read=3 * size))
    store.insert("t", *({"a": "x"} for _ in range(3)))
    store.read(lambda db: db.query("t").collect())
    store.insert("t", {"a": "x"})
    refused(
        lambda: store.read(lambda db: db.query("t").collect()),
        f"Too many bytes read in a single function execution (limit: {3 * size} bytes). Consider",
        LimitExceeded,
    )


def test_index_ranges_read(make_store):
    store = make_store(limits=Limits(ranges_read=4))
    (identity,) = store.insert("t", {})

    def look(extra):
        def read(db):
            db.get(identity)
            db.query("t").first()
            list(db.query("t"))
            db.query("t").collect()
            for _ in range(extra):
                db.query("none").collect()

        return read

    store.read(look(0))
    refused(
        lambda: store.read(look(1)),
        "Too many reads in a single function execution (limit: 4). Consider using",
        LimitExceeded,
    )


def test_documents_written(make_store):
    store = make_store(limits=Limits(documents_written=3))
    (identity,) = store.insert("t", {})

    def change(db):
        db.patch(identity, {"a": 1})
        db.replace(identity, {})
        db.delete(identity)

    def more(db):
        change(db)
        db.insert("t", {})

    refused(
        lambda: store.write(more),
        "Too many writes in a single function execution (limit: 3)",
        LimitExceeded,
    )
    store.write(change)


def test_bytes_written(make_store):
    store = make_store()
    (identity,) = store.insert("t", {"a": "x"})
    size = size_of(store.read(lambda db: db.get(identity)))
    store = make_store(limits=Limits(bytes_written=2 * size))
    store.insert("t", {"a": "x"}, {"a": "x"})
    refused(
        lambda: store.insert("t", {"a": "x"}, {"a": "xy"}),
        f"Too many bytes written in a single function execution (limit: {2 * size} bytes)",
        LimitExceeded,
    )


def test_functions_scheduled_and_their_arguments():
    usage = Usage(Limits(functions_scheduled=2, scheduled_bytes=100))
    usage.schedule(50)
    usage.schedule(50)
    refused(lambda: usage.schedule(0), "Too many functions scheduled by this mutation (limit: 2)")
    usage = Usage(Limits(functions_scheduled=2, scheduled_bytes=100))
    usage.schedule(99)
    refused(lambda: usage.schedule(2), "(limit: 100 bytes)")


def test_a_rollback_gives_back_what_was_written_and_keeps_what_was_read(make_store):
    store = make_store(limits=Limits(documents_written=1, ranges_read=2))
    transaction = store.begin()
    db = transaction.writer(store.database.space())
    for _ in range(3):
        savepoint = transaction.savepoint()
        db.insert("t", {})
        transaction.rollback_to(savepoint)
    assert transaction.usage.documents_written == 0
    savepoint = transaction.savepoint()
    db.query("t").collect()
    db.query("t").collect()
    transaction.rollback_to(savepoint)
    refused(lambda: db.query("t").collect(), "Too many reads")


def test_the_size_of_a_document(store):
    def body(length):
        return {"b": "x" * length}

    (identity,) = store.insert("t", body(0))
    rest = size_of(store.read(lambda db: db.get(identity)))
    largest = 2**20 - rest
    store.insert("t", body(largest))
    refused(
        lambda: store.insert("t", body(largest + 1)),
        "Value is too large (1 MiB > maximum size 1 MiB)",
        LimitExceeded,
    )
    refused(
        lambda: store.write(lambda db: db.patch(identity, body(2**20 + 52_429))),
        "Value is too large (1.05 MiB > maximum size 1 MiB)",
    )
    store.write(lambda db: db.replace(identity, body(largest)))


def test_the_nesting_of_a_document(store):
    # The document itself is a level.
    store.insert("t", {"a": nested(15)})
    refused(
        lambda: store.insert("t", {"a": nested(16)}),
        "Document is too nested (nested 17 levels deep > maximum nesting 16)",
        LimitExceeded,
    )


def test_the_nesting_of_a_value(store):
    refused(lambda: store.insert("t", {"a": nested(64)}), "Value is too nested")
    found = store.read(
        lambda db: db.query("t").filter(lambda q: q.eq(q.field("a"), nested(64))).collect()
    )
    assert found == []


def test_the_length_of_an_array(store):
    store.insert("t", {"a": [1] * 8_192})
    refused(
        lambda: store.insert("t", {"a": [1] * 8_193}),
        "Array length is too long (8193 > maximum length 8192)",
    )


def test_the_fields_of_an_object(store):
    store.insert("t", {"o": {f"f{n}": 1 for n in range(1_024)}})
    refused(
        lambda: store.insert("t", {"o": {f"f{n}": 1 for n in range(1_025)}}),
        "Object has too many fields (1025 > maximum number 1024)",
    )


def test_the_length_of_a_field_name(store):
    store.insert("t", {"f" * 1_024: 1})
    refused(lambda: store.insert("t", {"f" * 1_025: 1}), "1024")


def test_the_number_of_tables(make_store):
    store = make_store(limits=Limits(tables=4))
    # Two are declared.
    store.insert("third", {})
    store.insert("fourth", {})
    store.insert("fourth", {})
    refused(lambda: store.insert("fifth", {}), "Number of tables cannot exceed 4.", LimitExceeded)
    assert store.read(lambda db: db.query("sixth").collect()) == []


def test_a_large_transaction_at_the_default_limits(store):
    store.write(count(16_000))
    refused(lambda: store.write(count(16_001)), "(limit: 16000)", LimitExceeded)
    store.write(count(16_000))
    assert len(store.read(lambda db: db.query("t").collect())) == 32_000
    store.write(count(1))
    refused(lambda: store.read(lambda db: db.query("t").collect()), "(limit: 32000)")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1_023, "1023 B"),
        (1_024, "1 KiB"),
        (1_536, "1.5 KiB"),
        (2**20, "1 MiB"),
        (16 * 2**20, "16 MiB"),
        (3 * 2**40, "3072 GiB"),
    ],
)
def test_sizes_are_written_with_the_largest_unit(size, text):
    assert format_size(size) == text
