"""Random histories: the store and a naive model of it must not be told apart.

The model is plain dictionaries that are copied for every commit, transaction and savepoint; it
reads by looking at every document, and it compares values with an order of its own, written from
FACTS §5.3. Besides results, three promises are held: a commit that should conflict does; a
transaction sees its snapshot whatever happens meanwhile; and a result changes only when its read
set was touched.
"""

from __future__ import annotations

import copy
import math
import struct
from dataclasses import dataclass, field
from functools import cmp_to_key

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from codex_fakes.convex.engine.errors import Conflict, FunctionError
from codex_fakes.convex.engine.limits import Limits
from codex_fakes.convex.engine.schema import define_schema, define_table
from codex_fakes.convex.engine.store import Database
from codex_fakes.convex.engine.store.tables import BY_ID_POSITION
from codex_runtime.values import UNDEFINED, Int64, v
from support.campaign import examples

TABLES = ("t", "u")
INDEXES = {
    "by_creation_time": ("_creationTime",),
    "by_a": ("a", "_creationTime"),
    "by_a_b": ("a", "b.c", "_creationTime"),
}
POOL = [
    UNDEFINED, None, Int64(-1), Int64(1), math.nan, -math.inf, -0.0, 0.0, 1.0, 1.5, False, True,
    "", "a", "a\x00b", "é", b"", b"a", [], [None], [0.0, "x"], {}, {"c": 1.0},
    {"c": "x", "d": None},
]  # fmt: skip
# A few values are drawn often, so that documents agree in them and ranges find some.
VALUES = st.sampled_from([UNDEFINED, None, Int64(1), 1.0, 1.5, "a"]) | st.sampled_from(POOL)
DOCUMENTS = st.fixed_dictionaries({}, optional={"a": VALUES, "b": VALUES, "n": VALUES})


# --- the model's own order ---------------------------------------------------------------------


def rank(value):
    if value is UNDEFINED:
        return 0
    kinds = [type(None), Int64, float, bool, str, bytes, list, dict]
    return 1 + kinds.index(type(value))


def total_order(number):
    (bits,) = struct.unpack(">q", struct.pack(">d", number))
    return bits if bits >= 0 else -(bits & (2**63 - 1)) - 1


def order(left, right):
    if rank(left) != rank(right):
        return -1 if rank(left) < rank(right) else 1
    if isinstance(left, list):
        for one, other in zip(left, right, strict=False):
            if found := order(one, other):
                return found
        return len(left) - len(right)
    if isinstance(left, dict):
        return order(
            [part for pair in sorted(left.items()) for part in pair],
            [part for pair in sorted(right.items()) for part in pair],
        )
    if left is UNDEFINED or left is None:
        return 0
    if isinstance(left, Int64):
        left, right = left.value, right.value
    elif type(left) is float:
        left, right = total_order(left), total_order(right)
    elif isinstance(left, str):
        left, right = left.encode(), right.encode()
    return (left > right) - (left < right)


def at(document, path):
    for part in path.split("."):
        if not isinstance(document, dict) or part not in document:
            return UNDEFINED
        document = document[part]
    return document


def without_undefined(fields):
    return {name: value for name, value in fields.items() if value is not UNDEFINED}


def shown(documents):
    return [repr(sorted(document.items())) for document in documents]


# --- reads, said once and done twice -----------------------------------------------------------


@dataclass(frozen=True)
class Read:
    """A read that both the store and the model can do."""

    table: str
    index: str = "by_creation_time"
    equal: tuple = ()
    lower: tuple | None = None
    upper: tuple | None = None
    descending: bool = False
    smaller: object = None
    count: int | None = None

    def on_store(self, db):
        query = db.query(self.table)
        if self.index != "by_creation_time":
            query = query.with_index(self.index, self._range)
        if self.descending:
            query = query.order("desc")
        if self.smaller is not None:
            query = query.filter(lambda q: q.lt(q.field("n"), self.smaller))
        return query.collect() if self.count is None else query.take(self.count)

    def _range(self, query):
        fields = INDEXES[self.index]
        for name, value in zip(fields, self.equal, strict=False):
            query = query.eq(name, value)
        name = fields[len(self.equal)]
        if self.lower is not None:
            inclusive, value = self.lower
            query = query.gte(name, value) if inclusive else query.gt(name, value)
        if self.upper is not None:
            inclusive, value = self.upper
            query = query.lte(name, value) if inclusive else query.lt(name, value)
        return query

    def on_model(self, state):
        fields = INDEXES[self.index]
        found = [each for each in state[self.table].values() if self._within(each, fields)]

        def compare(one, other):
            for name in (*fields, "_id"):
                if result := order(at(one, name), at(other, name)):
                    return result
            return 0

        found.sort(key=cmp_to_key(compare), reverse=self.descending)
        if self.smaller is not None:
            found = [each for each in found if order(at(each, "n"), self.smaller) < 0]
        return found[: self.count]

    def _within(self, document, fields):
        for name, value in zip(fields, self.equal, strict=False):
            if order(at(document, name), value):
                return False
        value = at(document, fields[len(self.equal)])
        if self.lower is not None:
            result = order(value, self.lower[1])
            if result < 0 or (result == 0 and not self.lower[0]):
                return False
        if self.upper is not None:
            result = order(value, self.upper[1])
            if result > 0 or (result == 0 and not self.upper[0]):
                return False
        return True


@dataclass(frozen=True)
class Get:
    """A read of one document by its id."""

    table: str
    id: str

    def on_store(self, db):
        document = db.get(self.id)
        return [] if document is None else [document]

    def on_model(self, state):
        document = state[self.table].get(self.id)
        return [] if document is None else [document]


@st.composite
def reads(draw):
    table = draw(st.sampled_from(TABLES))
    index = draw(st.sampled_from(list(INDEXES) if table == "t" else ["by_creation_time"]))
    bound = st.none() | st.tuples(st.booleans(), VALUES)
    equal, lower, upper = (), None, None
    if index != "by_creation_time":
        equal = tuple(draw(st.lists(VALUES, max_size=len(INDEXES[index]) - 1)))
        lower, upper = draw(bound), draw(bound)
    return Read(
        table,
        index,
        equal,
        lower,
        upper,
        draw(st.booleans()),
        draw(st.none() | st.none() | st.sampled_from(POOL[2:])),
        draw(st.none() | st.integers(0, 4)),
    )


# --- histories -----------------------------------------------------------------------------------


@dataclass
class Open:
    """An open transaction, with what the model knows of it."""

    transaction: object
    db: object
    base: dict
    state: dict
    ts: int
    read: list = field(default_factory=list)
    savepoints: list = field(default_factory=list)

    def written(self):
        """The documents that differ from the snapshot."""
        changed = {}
        for table in TABLES:
            before, after = self.base[table], self.state[table]
            for identity in before.keys() | after.keys():
                if shown_one(before, identity) != shown_one(after, identity):
                    changed[table, identity] = after.get(identity)
        return changed


def shown_one(documents, identity):
    return shown([documents[identity]]) if identity in documents else None


def overlaid(state, changed):
    state = copy.deepcopy(state)
    for (table, identity), document in changed.items():
        if document is None:
            state[table].pop(identity, None)
        else:
            state[table][identity] = copy.deepcopy(document)
    return state


@dataclass(frozen=True)
class Change:
    """One write; a document is chosen by its place among those that are known."""

    kind: str
    table: str
    place: int
    fields: dict


CHANGES = st.lists(
    st.builds(
        Change,
        st.sampled_from(["insert", "insert", "patch", "patch", "replace", "delete"]),
        st.sampled_from(["t", "t", "u"]),
        st.integers(0, 1_000),
        DOCUMENTS,
    ),
    min_size=1,
    max_size=3,
)
WHICH = st.integers(0, 2)
PLACES = st.integers(0, 1_000)


class StoreMachine(RuleBasedStateMachine):
    """Random transactions, up to three side by side, on the store and on the model."""

    def __init__(self):
        super().__init__()
        table = define_table(v.any())
        for name, fields in INDEXES.items():
            if name != "by_creation_time":
                table = table.index(name, fields[:-1])
        # Nothing is forgotten, so that every moment of a history can be read again.
        limits = Limits(snapshot_window_ms=1e9)
        self.database = Database({"": define_schema({"t": table})}, limits=limits)
        self.space = self.database.space()
        self.now_ms = 1_000.0
        self.history = [(0, {name: {} for name in TABLES})]
        self.opened = {}
        self.watched = []

    @initialize(documents=st.lists(DOCUMENTS, min_size=4, max_size=12))
    def fill(self, documents):
        tx = self.open(*self.history[-1])
        for place, fields in enumerate(documents):
            self.apply(tx, Change("insert", "u" if place % 4 == 3 else "t", 0, fields))
        self.finish(tx)

    @property
    def latest(self):
        return self.history[-1][1]

    def open(self, ts, state):
        latest = ts == self.history[-1][0]
        transaction = self.database.begin(None if latest else ts, now_ms=self.now_ms)
        db = transaction.writer(self.space)
        return Open(transaction, db, state, copy.deepcopy(state), ts)

    def pick(self, which):
        if which not in self.opened:
            self.opened[which] = self.open(*self.history[-1])
        return self.opened[which]

    @rule(which=WHICH, place=PLACES)
    def begin_in_the_past(self, which, place):
        self.opened[which] = self.open(*self.history[place % len(self.history)])

    @rule(milliseconds=st.sampled_from([0.25, 1.0, 1_000.0]))
    def wait(self, milliseconds):
        self.now_ms += milliseconds

    @rule(which=WHICH, changes=CHANGES)
    def write(self, which, changes):
        for change in changes:
            self.apply(self.pick(which), change)

    @rule(changes=CHANGES)
    def write_and_commit(self, changes):
        tx = self.open(*self.history[-1])
        for change in changes:
            self.apply(tx, change)
        self.finish(tx)

    def apply(self, tx, change):
        if change.kind == "insert":
            self.insert(tx, change.table, change.fields)
            return
        identity = self.some_id(tx, change.table, change.place)
        if identity is None:
            return
        tx.read.append((Get(change.table, identity), tx.written()))
        arguments = () if change.kind == "delete" else (change.fields,)
        do = getattr(tx.db, change.kind)
        documents = tx.state[change.table]
        if identity not in documents:
            with pytest.raises(FunctionError, match="on nonexistent document ID"):
                do(identity, *arguments)
            return
        do(identity, *arguments)
        old = documents.pop(identity)
        if change.kind == "patch":
            documents[identity] = without_undefined(old | change.fields)
        elif change.kind == "replace":
            system = {name: old[name] for name in ("_id", "_creationTime")}
            documents[identity] = without_undefined(change.fields) | system

    def insert(self, tx, table, fields):
        identity = tx.db.insert(table, fields)
        created = tx.db.get(identity)["_creationTime"]
        assert all(created > other["_creationTime"] for other in tx.state[table].values())
        assert not any(identity in state[table] for _, state in self.history)
        tx.state[table][identity] = without_undefined(fields) | {
            "_id": identity,
            "_creationTime": created,
        }

    def some_id(self, tx, table, place):
        # Also one that this transaction does not see.
        ids = sorted(tx.state[table].keys() | self.latest[table].keys())
        return ids[place % len(ids)] if ids else None

    def look(self, tx, reading):
        tx.read.append((reading, tx.written()))
        assert shown(reading.on_store(tx.db)) == shown(reading.on_model(tx.state))

    @rule(which=WHICH, reading=reads())
    def query(self, which, reading):
        self.look(self.pick(which), reading)

    @rule(which=WHICH, table=st.sampled_from(TABLES), place=PLACES)
    def get(self, which, table, place):
        tx = self.pick(which)
        if identity := self.some_id(tx, table, place):
            self.look(tx, Get(table, identity))

    @rule(which=WHICH, changes=CHANGES)
    def savepoint(self, which, changes):
        tx = self.pick(which)
        tx.savepoints.append((tx.transaction.savepoint(), copy.deepcopy(tx.state)))
        for change in changes:
            self.apply(tx, change)

    @rule(which=WHICH, place=PLACES)
    def rollback(self, which, place):
        tx = self.pick(which)
        if tx.savepoints:
            place %= len(tx.savepoints)
            savepoint, tx.state = tx.savepoints[place]
            tx.transaction.rollback_to(savepoint)
            del tx.savepoints[place:]
            for table in TABLES:
                assert shown(Read(table).on_store(tx.db)) == shown(Read(table).on_model(tx.state))
                tx.read.append((Read(table), tx.written()))

    @rule(which=WHICH)
    def commit(self, which):
        self.finish(self.pick(which))
        del self.opened[which]

    def finish(self, tx):
        changed = tx.written()
        must_conflict = bool(changed) and any(
            shown(reading.on_model(overlaid(tx.base, before)))
            != shown(reading.on_model(overlaid(self.latest, before)))
            for reading, before in tx.read
        )
        try:
            commit = self.database.commit(tx.transaction)
        except Conflict:
            assert tx.ts != self.history[-1][0]
            return
        assert not must_conflict
        assert {(write.table.name, write.id) for write in commit.writes} >= set(changed)
        if commit.writes:
            assert commit.ts > self.history[-1][0]
            self.history.append((commit.ts, overlaid(self.latest, changed)))
            self.check_watched(commit)

    @rule(readings=st.lists(reads(), min_size=1, max_size=4), changes=CHANGES)
    def watch(self, readings, changes):
        for reading in (*readings, Read("t"), Read("t", "by_a", upper=(True, 1.5))):
            transaction = self.database.begin(now_ms=self.now_ms)
            result = shown(reading.on_store(transaction.reader(self.space)))
            assert result == shown(reading.on_model(self.latest))
            self.watched.append((reading, transaction.read_set, result))
        self.write_and_commit(changes)

    def check_watched(self, commit):
        kept = []
        for reading, read_set, result in self.watched:
            if not read_set.touched_by(commit):
                assert shown(reading.on_model(self.latest)) == result
                kept.append((reading, read_set, result))
        self.watched = kept

    @rule(place=PLACES, reading=reads())
    def read_the_past(self, place, reading):
        ts, state = self.history[place % len(self.history)]
        transaction = self.database.begin(ts, now_ms=self.now_ms)
        found = reading.on_store(transaction.reader(self.space))
        assert shown(found) == shown(reading.on_model(state))

    @rule(size=st.integers(1, 3), descending=st.booleans())
    def page_through(self, size, descending):
        found, cursor = [], None
        while True:
            reader = self.database.begin(now_ms=self.now_ms).reader(self.space)
            query = reader.query("t").with_index("by_a").order("desc" if descending else "asc")
            page = query.paginate({"numItems": size, "cursor": cursor})
            found += page["page"]
            if page["isDone"]:
                break
            cursor = page["continueCursor"]
        reading = Read("t", "by_a", descending=descending)
        assert shown(found) == shown(reading.on_model(self.latest))

    @rule()
    def save_and_load(self):
        other = Database({"": self.space.schema})
        other.load(self.database.dump())
        reader = other.begin(now_ms=self.now_ms).reader(other.space())
        for table in TABLES:
            reading = Read(table)
            assert shown(reading.on_store(reader)) == shown(reading.on_model(self.latest))

    @invariant()
    def indexes_agree_with_the_documents(self):
        for table in self.space.tables():
            places = {index.position for index in table.indexes.values()} - {BY_ID_POSITION}
            for position in places:
                entries = table.sorted_entries(position)
                assert {key: stored.id for key, stored in entries.items()} == {
                    stored.keys[position]: stored.id for stored in table.documents.values()
                }


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(
    max_examples=examples(70, 2_000), stateful_step_count=examples(35, 80)
)
