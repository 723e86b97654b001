"""Transactions: snapshots, savepoints, conflicts, read sets, the past (FACTS §5.7, §5.10)."""

from __future__ import annotations

import pytest

from codex_fakes.convex.engine.errors import Conflict, SnapshotUnavailable
from codex_fakes.convex.engine.limits import Limits
from codex_fakes.convex.engine.store import Database
from codex_runtime.errors import CodexRuntimeError


def rows(db, field="a"):
    return [row.get(field) for row in db.query("anything").collect()]


class Pending:
    """A transaction that stays open."""

    def __init__(self, store, at=None):
        self.transaction = store.begin(at)
        self.db = self.transaction.writer(store.database.space())
        self._database = store.database

    def commit(self):
        return self._database.commit(self.transaction)


@pytest.fixture
def pending(store):
    return lambda at=None: Pending(store, at)


def misused(call):
    with pytest.raises(CodexRuntimeError) as caught:
        call()
    assert caught.value.code == "E_FAKE_CONVEX_TRANSACTION_MISUSED"


# --- what is committed -------------------------------------------------------------------------


def test_nothing_is_seen_before_the_commit_and_all_of_it_after(store, pending):
    open_one = pending()
    open_one.db.insert("anything", {"a": 1})
    open_one.db.insert("messages", {"author": "a"})
    assert store.values("anything") == store.values("messages") == []
    commit = open_one.commit()
    assert store.values("anything") == [1.0]
    assert {write.table.name for write in commit.writes} == {"anything", "messages"}


def test_a_transaction_that_is_never_committed_leaves_nothing(store, pending):
    pending().db.insert("anything", {"a": 1})
    assert store.values("anything") == []
    assert store.database.ts == 0


def test_timestamps_grow_with_every_commit_and_follow_the_clock(store):
    _, first = store.change(lambda db: db.insert("anything", {}))
    assert first.ts == int(store.now_ms) * 1_000_000
    _, second = store.change(lambda db: db.insert("anything", {}))
    assert second.ts == first.ts + 1
    store.now_ms += 1_000
    _, third = store.change(lambda db: db.insert("anything", {}))
    assert third.ts == first.ts + 10**9 == store.database.ts
    store.now_ms -= 5_000
    _, fourth = store.change(lambda db: db.insert("anything", {}))
    assert fourth.ts == third.ts + 1


@pytest.mark.parametrize("write", [False, True])
def test_a_transaction_without_changes_does_not_move_the_timestamp(store, write):
    store.insert("anything", {})
    before = store.database.ts

    def change(db):
        if write:
            db.delete(db.insert("anything", {}))
        return rows(db)

    _, commit = store.change(change)
    assert (commit.ts, commit.writes, store.database.ts) == (before, (), before)


def test_a_commit_names_each_document_once_with_what_it_was_and_is(store):
    (identity, gone) = store.insert("anything", {"a": 1}, {"a": 2})

    def change(db):
        db.patch(identity, {"a": 5})
        db.patch(identity, {"a": 6})
        db.delete(gone)

    _, commit = store.change(change)
    summary = {
        write.id: (write.old.fields["a"], write.new and write.new.fields["a"])
        for write in commit.writes
    }
    assert summary == {identity: (1.0, 6.0), gone: (2.0, None)}


def test_a_transaction_is_committed_once_and_by_its_own_database(store, pending):
    open_one = pending()
    open_one.db.insert("anything", {})
    misused(lambda: Database().commit(open_one.transaction))
    open_one.commit()
    misused(open_one.commit)


def test_the_database_of_a_finished_function_cannot_be_used(store, pending):
    open_one = pending()
    (identity,) = store.insert("anything", {})
    open_one.db.insert("anything", {})
    query = open_one.db.query("anything")
    open_one.commit()
    misused(lambda: open_one.db.get(identity))
    misused(query.collect)
    misused(lambda: open_one.db.insert("anything", {}))


# --- snapshots ---------------------------------------------------------------------------------


def test_a_transaction_keeps_seeing_its_snapshot(store, pending):
    ids = store.insert("anything", *({"a": n} for n in range(4)))
    early, late = pending(), pending()
    assert rows(early.db) == [0.0, 1.0, 2.0, 3.0]
    store.write(lambda db: db.patch(ids[0], {"a": 9}))
    store.write(lambda db: db.delete(ids[1]))
    store.write(lambda db: db.insert("anything", {"a": 4}))
    store.write(lambda db: db.patch(ids[0], {"a": 10}))
    for open_one in (early, late):
        assert rows(open_one.db) == [0.0, 1.0, 2.0, 3.0]
        assert open_one.db.get(ids[1])["a"] == 1.0
        by_a = open_one.db.query("anything").with_index("by_a")
        assert [row["a"] for row in by_a.order("desc").collect()] == [3.0, 2.0, 1.0, 0.0]
        by_id = open_one.db.query("anything").with_index("by_id").collect()
        assert {row["_id"] for row in by_id} == set(ids)
    assert store.values("anything") == [10.0, 2.0, 3.0, 4.0]


def test_own_writes_lie_over_the_snapshot(store, pending):
    ids = store.insert("anything", *({"a": n} for n in range(3)))
    open_one = pending()
    open_one.db.patch(ids[0], {"a": 5})
    store.write(lambda db: [db.delete(identity) for identity in ids])
    assert rows(open_one.db) == [5.0, 1.0, 2.0]
    assert [row["a"] for row in open_one.db.query("anything").with_index("by_a")] == [1.0, 2.0, 5.0]


def test_the_past_can_be_read(store):
    moments = [store.database.ts]
    (identity,) = store.insert("anything", {"a": 0})
    for number in range(1, 5):
        moments.append(store.database.ts)
        store.write(lambda db, number=number: db.patch(identity, {"a": number}))
    moments.append(store.database.ts)
    store.write(lambda db: db.delete(identity))
    look = [store.read(rows, at=moment) for moment in moments]
    assert look == [[], [0.0], [1.0], [2.0], [3.0], [4.0]]
    assert store.read(rows) == []


def test_a_timestamp_between_commits_shows_the_commit_before(store):
    store.insert("anything", {"a": 1})
    between = store.database.ts + 500
    store.now_ms += 1
    store.insert("anything", {"a": 2})
    assert store.read(rows, at=between) == [1.0]


def test_the_future_cannot_be_read(store):
    with pytest.raises(SnapshotUnavailable, match="in the future"):
        store.begin(store.database.ts + 1)


def test_the_past_is_gone_after_the_window_and_not_before(store):
    store.insert("anything", {"a": 1})
    moment = store.database.ts
    store.now_ms += 100_000
    # It was superseded only now.
    store.insert("anything", {"a": 2})
    store.now_ms += 30_000
    assert store.read(rows, at=moment) == [1.0]
    store.now_ms += 1
    with pytest.raises(SnapshotUnavailable, match="out of retention window"):
        store.begin(moment)
    assert store.read(rows, at=store.database.ts) == [1.0, 2.0]


def test_memory_is_bounded_while_the_clock_stands_still(make_store):
    store = make_store(limits=Limits(snapshot_commits=3))
    moments = []
    for number in range(10):
        moments.append(store.database.ts)
        store.insert("anything", {"a": number})
    assert store.read(rows, at=moments[-3]) == [float(n) for n in range(7)]
    with pytest.raises(SnapshotUnavailable):
        store.begin(moments[-4])


def test_large_documents_of_the_past_are_kept_up_to_a_size(make_store):
    store = make_store(limits=Limits(snapshot_bytes=2_500))
    (identity,) = store.insert("anything", {"a": "x" * 1_000})
    moments = []
    for number in range(6):
        moments.append(store.database.ts)
        store.write(lambda db, n=number: db.patch(identity, {"a": str(n) * 1_000}))
    assert store.read(rows, at=moments[-2]) == ["3" * 1_000]
    with pytest.raises(SnapshotUnavailable):
        store.begin(moments[-3])


def test_a_transaction_that_was_left_behind_can_only_run_again(make_store):
    store = make_store(limits=Limits(snapshot_commits=2))
    left = Pending(store)
    left.db.insert("anything", {"a": 1})
    for number in range(3):
        store.insert("messages", {"author": str(number)})
    with pytest.raises(SnapshotUnavailable):
        rows(left.db)
    with pytest.raises(Conflict):
        left.commit()
    assert store.values("anything") == []


def test_a_transaction_that_was_left_behind_and_changes_nothing_is_fine(make_store):
    store = make_store(limits=Limits(snapshot_commits=2))
    left = Pending(store)
    left.db.delete(left.db.insert("anything", {"a": 1}))
    for number in range(3):
        store.insert("messages", {"author": str(number)})
    assert left.commit().writes == ()


# --- savepoints --------------------------------------------------------------------------------


def test_a_rollback_undoes_what_was_written_since_and_nothing_else(store, pending):
    kept, changed, gone = store.insert("anything", {"a": 1}, {"a": 2}, {"a": 3})
    open_one = pending()
    open_one.db.patch(kept, {"a": 10})
    savepoint = open_one.transaction.savepoint()
    open_one.db.patch(kept, {"a": 11})
    open_one.db.patch(changed, {"a": 20})
    open_one.db.delete(gone)
    new = open_one.db.insert("anything", {"a": 4})
    open_one.db.patch(new, {"a": 5})
    assert rows(open_one.db) == [11.0, 20.0, 5.0]
    open_one.transaction.rollback_to(savepoint)
    assert rows(open_one.db) == [10.0, 2.0, 3.0]
    by_a = open_one.db.query("anything").with_index("by_a").collect()
    assert [row["a"] for row in by_a] == [2.0, 3.0, 10.0]
    assert open_one.db.get(new) is None
    assert [write.id for write in open_one.commit().writes] == [kept]


def test_savepoints_nest(store, pending):
    open_one = pending()
    points = []
    for number in range(4):
        points.append(open_one.transaction.savepoint())
        open_one.db.insert("anything", {"a": number})
    open_one.transaction.rollback_to(points[2])
    assert rows(open_one.db) == [0.0, 1.0]
    misused(lambda: open_one.transaction.rollback_to(points[3]))
    open_one.db.insert("anything", {"a": 7})
    open_one.transaction.rollback_to(points[1])
    assert rows(open_one.db) == [0.0]
    open_one.transaction.rollback_to(points[0])
    assert open_one.transaction.is_read_only
    assert open_one.commit().writes == ()


def test_a_savepoint_of_another_transaction_is_refused(store, pending):
    misused(lambda: pending().transaction.rollback_to(pending().transaction.savepoint()))


def test_reads_that_were_rolled_back_still_conflict(store, pending):
    open_one = pending()
    savepoint = open_one.transaction.savepoint()
    rows(open_one.db)
    open_one.transaction.rollback_to(savepoint)
    open_one.db.insert("messages", {"author": "a"})
    store.insert("anything", {"a": 1})
    with pytest.raises(Conflict):
        open_one.commit()


# --- conflicts ---------------------------------------------------------------------------------


def test_a_lost_update_is_refused(store, pending):
    (identity,) = store.insert("anything", {"a": 0})
    one, other = pending(), pending()
    for open_one in (one, other):
        open_one.db.patch(identity, {"a": open_one.db.get(identity)["a"] + 1})
    one.commit()
    with pytest.raises(Conflict) as caught:
        other.commit()
    assert caught.value.table == "anything"
    assert caught.value.message.startswith(
        'Documents read from or written to the "anything" table changed while this mutation was '
        "being run and on every subsequent retry."
    )
    assert store.values("anything") == [1.0]
    misused(other.commit)


@pytest.mark.parametrize("method", ["patch", "replace", "delete"])
def test_writing_blindly_conflicts_too(store, pending, method):
    (identity,) = store.insert("anything", {"a": 0})
    open_one = pending()
    arguments = () if method == "delete" else ({"a": 1},)
    getattr(open_one.db, method)(identity, *arguments)
    store.write(lambda db: db.patch(identity, {"b": 1}))
    with pytest.raises(Conflict):
        open_one.commit()


def test_what_another_has_deleted_cannot_be_deleted_once_more(store, pending):
    identity, _ = store.change(lambda db: db.insert("anything", {"a": 1}))
    open_one = pending()
    open_one.db.delete(identity)
    store.change(lambda db: db.delete(identity))
    with pytest.raises(Conflict):
        open_one.commit()


def test_inserts_do_not_conflict(store, pending):
    one, other = pending(), pending()
    one.db.insert("anything", {"a": 1})
    other.db.insert("anything", {"a": 2})
    one.commit()
    other.commit()
    assert sorted(store.values("anything")) == [1.0, 2.0]


def test_write_skew_is_refused(store, pending):
    ids = store.insert("anything", {"a": 1}, {"a": 1})
    one, other = pending(), pending()
    for open_one, identity in ((one, ids[0]), (other, ids[1])):
        assert sum(rows(open_one.db)) == 2
        open_one.db.patch(identity, {"a": 0})
    one.commit()
    with pytest.raises(Conflict):
        other.commit()


def test_a_transaction_that_only_read_never_conflicts(store, pending):
    open_one = pending()
    rows(open_one.db)
    store.insert("anything", {"a": 1})
    assert open_one.commit().writes == ()


def test_a_document_that_was_missing_and_comes_back_is_no_conflict_for_others(store, pending):
    (identity,) = store.insert("anything", {"a": 1})
    open_one = pending()
    open_one.db.get(identity)
    open_one.db.insert("anything", {"a": 2})
    store.insert("anything", {"a": 3})
    assert open_one.commit().writes


# --- read sets ---------------------------------------------------------------------------------


def touches(store, read, change, *, fill=6):
    """Whether a change touches what a read has read."""
    ids = store.insert("anything", *({"a": n, "b": n % 2} for n in range(fill)))
    transaction = store.begin()
    read(transaction.reader(store.database.space()), ids)
    _, commit = store.change(lambda db: change(db, ids))
    return transaction.read_set.touched_by(commit)


def in_range(low, high):
    return lambda db, ids: (
        db.query("anything").with_index("by_a", lambda q: q.gte("a", low).lt("a", high)).collect()
    )


READS = {
    "get": lambda db, ids: db.get(ids[2]),
    "a range": in_range(2, 4),
    "an empty range": in_range(2.5, 2.5),
    "the first": lambda db, ids: db.query("anything").with_index("by_a").first(),
    "the last": lambda db, ids: db.query("anything").with_index("by_a").order("desc").first(),
    "two": lambda db, ids: db.query("anything").with_index("by_a").take(2),
    "all": lambda db, ids: db.query("anything").collect(),
    "half an iteration": lambda db, ids: next(iter(db.query("anything").with_index("by_a"))),
    "a filter": lambda db, ids: (
        db.query("anything").with_index("by_a").filter(lambda q: q.eq(q.field("a"), 1)).first()
    ),
    "another table": lambda db, ids: db.query("messages").collect(),
    "nothing": lambda db, ids: None,
    "take none": lambda db, ids: db.query("anything").take(0),
    "by id": lambda db, ids: (
        db.query("anything").with_index("by_id", lambda q: q.eq("_id", ids[2])).collect()
    ),
}
CHANGES = {
    "patch 2": (lambda db, ids: db.patch(ids[2], {"c": 1}), {"get", "a range", "all", "by id"}),
    "move 5 into the range": (
        lambda db, ids: db.patch(ids[5], {"a": 2.5}),
        {"a range", "the last", "all"},
    ),
    "move 3 out of the range": (lambda db, ids: db.patch(ids[3], {"a": 9}), {
        "a range", "the last", "all"
    }),
    "a new first": (
        lambda db, ids: db.insert("anything", {"a": -1}),
        {"the first", "two", "all", "half an iteration", "a filter"},
    ),
    "between the first two": (
        lambda db, ids: db.insert("anything", {"a": 0.5}),
        {"two", "all", "a filter"},
    ),
    "delete 4": (lambda db, ids: db.delete(ids[4]), {"all"}),
    "another table": (lambda db, ids: db.insert("messages", {"author": "a"}), {"another table"}),
}  # fmt: skip


@pytest.mark.parametrize("reading", READS)
@pytest.mark.parametrize("changing", CHANGES)
def test_a_commit_touches_what_was_read_and_nothing_else(store, reading, changing):
    change, touched = CHANGES[changing]
    assert touches(store, READS[reading], change) is (reading in touched)


@pytest.mark.parametrize("many", [1, 8, 9, 200])
def test_many_ranges_are_told_apart(store, many):
    store.insert("anything", *({"a": n} for n in range(many)))
    transaction = store.begin()
    db = transaction.reader(store.database.space())
    for number in reversed(range(many)):
        in_range(number, number + 0.5)(db, ())
    for number in range(many):
        for offset, expected in ((0.0, True), (0.25, True), (0.5, False), (0.75, False)):
            _, commit = store.change(lambda db, a=number + offset: db.insert("anything", {"a": a}))
            assert transaction.read_set.touched_by(commit) is expected


def test_reading_more_after_a_check_is_noticed(store):
    transaction = store.begin()
    db = transaction.reader(store.database.space())
    for number in range(20):
        in_range(number, number + 0.5)(db, ())
    _, commit = store.change(lambda db: db.insert("anything", {"a": 0.75}))
    assert not transaction.read_set.touched_by(commit)
    in_range(0.6, 0.9)(db, ())
    assert transaction.read_set.touched_by(commit)


def test_a_table_that_is_not_there_yet_is_read_as_empty(store):
    transaction = store.begin()
    transaction.reader(store.database.space()).query("later").collect()
    _, commit = store.change(lambda db: db.insert("later", {}))
    assert transaction.read_set.touched_by(commit)


def test_nothing_read_is_an_empty_read_set(store):
    assert store.begin().read_set.is_empty
