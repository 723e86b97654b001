"""Spaces: a component's own tables and ids; the tables of the system (FACTS §5.1, §5.2, §5.10)."""

from __future__ import annotations

import pytest

from codex_fakes.convex.engine.errors import FunctionError
from codex_fakes.convex.engine.ids import decode_id
from codex_fakes.convex.engine.limits import Limits
from codex_fakes.convex.engine.schema import define_schema, define_table
from codex_fakes.convex.engine.store import Database
from codex_runtime.values import v

COMPONENT = define_schema({"threads": define_table(v.any()).index("by_a", ["a"])})


@pytest.fixture
def both(make_store):
    return make_store(components={"codexLocal": COMPONENT})


def test_tables_are_numbered_in_the_order_of_the_schema_then_of_their_first_insert(store):
    numbers = [
        decode_id(store.insert(table, {"author": "a"})[0])[0]
        for table in ("anything", "messages", "later", "anything", "last")
    ]
    assert numbers == [10_002, 10_001, 10_003, 10_002, 10_004]


def test_reading_a_table_gives_it_no_number(store):
    store.read(lambda db: db.query("first").collect())
    (identity,) = store.insert("second", {})
    assert decode_id(identity)[0] == 10_003


def test_each_space_numbers_its_own_tables(both):
    (message,) = both.insert("messages", {"author": "a"})
    (thread,) = both.insert("threads", {}, space="codexLocal")
    assert decode_id(message)[0] == decode_id(thread)[0] == 10_001


def test_a_table_of_one_space_is_not_seen_from_another(both):
    both.insert("same", {"a": 1})
    both.insert("same", {"a": 2}, space="codexLocal")
    look = lambda db: [row["a"] for row in db.query("same").collect()]  # noqa: E731
    assert both.read(look) == [1.0]
    assert both.read(look, space="codexLocal") == [2.0]


def test_an_id_means_another_table_in_another_space(both):
    (message,) = both.insert("messages", {"author": "a"})
    app, component = both.database.space(), both.database.space("codexLocal")
    assert app.table_of(message) == "messages"
    assert component.table_of(message) == "threads"
    assert both.read(lambda db: db.get(message), space="codexLocal") is None
    assert app.table_of("x") is component.table_of("x") is None


def test_a_transaction_spans_spaces(both):
    database = both.database
    transaction = both.begin()
    transaction.writer(database.space()).insert("anything", {"a": 1})
    savepoint = transaction.savepoint()
    transaction.writer(database.space("codexLocal")).insert("threads", {"a": 1})
    transaction.rollback_to(savepoint)
    transaction.writer(database.space("codexLocal")).insert("threads", {"a": 2})
    assert len(database.commit(transaction).writes) == 2
    look = lambda db: [row["a"] for row in db.query("threads").collect()]  # noqa: E731
    assert both.read(look, space="codexLocal") == [2.0]


def test_a_commit_in_one_space_does_not_touch_reads_of_another(both):
    transaction = both.begin()
    transaction.reader(both.database.space()).query("same").collect()
    _, elsewhere = both.change(lambda db: db.insert("same", {}), space="codexLocal")
    _, here = both.change(lambda db: db.insert("same", {}))
    assert not transaction.read_set.touched_by(elsewhere)
    assert transaction.read_set.touched_by(here)


# --- the tables of the system --------------------------------------------------------------------


def schedule(store, fields, space=""):
    transaction = store.begin()
    writer = transaction.system_writer(store.database.space(space))
    identity = writer.insert("_scheduled_functions", fields)
    store.database.commit(transaction)
    return identity


def test_a_row_of_the_system_is_read_through_db_system(store):
    identity = schedule(store, {"name": "messages.js:send"})
    assert decode_id(identity)[0] == 513
    row = store.read(lambda db: db.system.get(identity))
    assert (row["_id"], row["name"]) == (identity, "messages.js:send")
    assert store.read(lambda db: db.system.query("_scheduled_functions").collect()) == [row]
    assert store.read(lambda db: db.system.system.query("_storage").collect()) == []


@pytest.mark.parametrize(
    ("look", "message"),
    [
        (lambda db, job, user: db.get(job), "System tables can only be accessed with db.system."),
        (lambda db, job, user: db.query("_storage"), "System tables can only be accessed"),
        (lambda db, job, user: db.system.get(user), "User tables cannot be accessed with db.sys"),
        (lambda db, job, user: db.system.query("anything"), "User tables cannot be accessed"),
        (lambda db, job, user: db.delete(job), "System tables can only be accessed"),
        (lambda db, job, user: db.patch(job, {}), "System tables can only be accessed"),
        (lambda db, job, user: db.insert("_scheduled_functions", {}), "is a read-only table"),
    ],
)
def test_the_system_and_the_user_do_not_mix(store, look, message):
    job = schedule(store, {})
    (user,) = store.insert("anything", {})
    with pytest.raises(FunctionError, match=message):
        store.write(lambda db: look(db, job, user))


def test_the_system_writer_writes_no_table_of_the_user(store):
    writer = store.begin().system_writer(store.database.space())
    for table in ("anything", "_users"):
        with pytest.raises(FunctionError, match="is not a table of the system"):
            writer.insert(table, {})


def test_rows_of_the_system_use_up_nothing_and_may_be_as_large_as_arguments(make_store):
    store = make_store(limits=Limits(documents_written=1, bytes_written=100, document_bytes=100))
    value = 1.0
    for _ in range(40):
        value = [value]
    transaction = store.begin()
    writer = transaction.system_writer(store.database.space())
    identity = writer.insert("_scheduled_functions", {"args": value, "more": "x" * 1_000})
    writer.patch(identity, {"more": "y" * 1_000})
    writer.delete(writer.insert("_scheduled_functions", {}))
    assert transaction.usage.documents_written == 0
    store.database.commit(transaction)
    assert store.read(lambda db: db.system.get(identity))["more"] == "y" * 1_000


def test_rows_of_the_system_are_part_of_what_is_read(store):
    transaction = store.begin()
    transaction.reader(store.database.space()).system.query("_scheduled_functions").collect()
    before = store.database.ts
    schedule(store, {})
    (commit,) = store.database.commits_since(before)
    assert transaction.read_set.touched_by(commit)


# --- saved states --------------------------------------------------------------------------------


def fresh(make_store, schema=None):
    options = {} if schema is None else {"schema": schema}
    return make_store(components={"codexLocal": COMPONENT}, **options)


def test_a_saved_state_is_the_whole_database(both, make_store):
    both.insert("anything", *({"a": n, "b": [{"x": b"\x00"}]} for n in range(3)))
    both.insert("later", {"a": 1})
    both.insert("threads", {"a": 5}, space="codexLocal")
    job = schedule(both, {"name": "x"}, space="codexLocal")
    other = fresh(make_store)
    other.database.load(both.database.dump())
    assert other.database.dump() == both.database.dump()
    for table in ("anything", "later"):
        look = lambda db, table=table: db.query(table).with_index("by_creation_time").collect()  # noqa: E731
        assert other.read(look) == both.read(look)
    assert other.read(lambda db: db.system.get(job), space="codexLocal")["name"] == "x"
    by_a = lambda db: db.query("threads").with_index("by_a", lambda q: q.eq("a", 5)).unique()  # noqa: E731
    assert other.read(by_a, space="codexLocal") is not None


def test_after_loading_time_and_ids_go_on(both, make_store):
    old = both.insert("anything", *({"a": n} for n in range(5)))
    other = fresh(make_store)
    other.database.load(both.database.dump())
    new = other.insert("anything", *({"a": n} for n in range(5, 10)))
    assert other.database.ts > both.database.ts
    assert not set(old) & set(new)
    assert other.values("anything") == [float(n) for n in range(10)]


def test_tables_keep_their_numbers_when_the_schema_has_grown(both, make_store):
    (message,) = both.insert("messages", {"author": "a"})
    schema = define_schema(
        {name: define_table(v.any()) for name in ("added", "anything", "messages")}
    )
    other = fresh(make_store, schema)
    other.database.load(both.database.dump())
    assert other.read(lambda db: db.get(message))["author"] == "a"
    (added,) = other.insert("added", {})
    assert decode_id(added)[0] == 10_003


def test_the_past_before_loading_cannot_be_read(both, make_store):
    from codex_fakes.convex.engine.errors import SnapshotUnavailable

    both.insert("anything", {})
    moment = both.database.ts
    both.insert("anything", {})
    other = fresh(make_store)
    other.database.load(both.database.dump())
    assert len(other.values("anything")) == 2
    with pytest.raises(SnapshotUnavailable):
        other.begin(moment)


def broken(change):
    def make(state):
        change(state)
        return state

    return make


def documents(state, table):
    (found,) = [each for each in state["spaces"][0]["tables"] if each["name"] == table]
    return found["documents"]


@pytest.mark.parametrize(
    "change",
    [
        lambda state: None,
        lambda state: [],
        lambda state: {},
        broken(lambda state: state.update(version=2.0)),
        broken(lambda state: state.update(ts=1.0)),
        broken(lambda state: state["spaces"][0].pop("tables")),
        broken(lambda state: state["spaces"][0]["tables"][0].update(number="x")),
        broken(lambda state: documents(state, "anything")[0].pop("_id")),
        broken(lambda state: documents(state, "anything")[0].update(_id="x")),
        broken(lambda state: documents(state, "anything")[0].update(_creationTime="x")),
        broken(lambda state: documents(state, "anything")[0].update(a=object())),
        broken(lambda state: documents(state, "messages")[0].update(author=1.0)),
        broken(lambda state: documents(state, "messages").append(documents(state, "anything")[0])),
    ],
)
def test_what_is_no_saved_state_is_refused(both, make_store, change):
    from codex_runtime.errors import CodexRuntimeError

    both.insert("anything", {"a": 1})
    both.insert("messages", {"author": "a"})
    with pytest.raises(CodexRuntimeError) as caught:
        fresh(make_store).database.load(change(both.database.dump()))
    assert caught.value.code == "E_FAKE_CONVEX_SNAPSHOT_INVALID"


def test_a_state_is_loaded_only_into_a_database_without_documents(both):
    from codex_runtime.errors import CodexRuntimeError

    both.insert("anything", {})
    with pytest.raises(CodexRuntimeError) as caught:
        both.database.load(Database().dump())
    assert caught.value.code == "E_FAKE_CONVEX_SNAPSHOT_INVALID"
