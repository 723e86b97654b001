"""Queries: order, ranges with Convex's rules, filters in Convex's order (FACTS §5.3, §5.4)."""

from __future__ import annotations

import math
import re

import pytest

from codex_fakes.convex.engine.errors import FunctionError
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.values import UNDEFINED, Int64

# One value of each kind, in Convex's order; the first stands for a field that is not there.
IN_ORDER = [
    UNDEFINED,
    None,
    Int64(-3),
    Int64(7),
    -math.inf,
    -1.0,
    -0.0,
    0.0,
    5.0,
    math.inf,
    False,
    True,
    "",
    "a",
    "a\x00",
    "aa",
    "ß",
    "\U0001f600",
    b"",
    b"\x00",
    b"b",
    [],
    [1.0],
    [1.0, 0.0],
    [2.0],
    {},
    {"a": 1.0},
    {"a": 1.0, "b": 1.0},
    {"b": 0.0},
]


@pytest.fixture
def ordered(store):
    mixed = sorted(enumerate(IN_ORDER), key=lambda each: (each[0] * 7) % len(IN_ORDER))
    store.insert("anything", *({"a": value, "b": place} for place, value in mixed))
    return store


def places(store, build, **options):
    return [int(row["b"]) for row in store.read(lambda db: build(db.query("anything")), **options)]


def by_a(build=None, order="asc"):
    return lambda query: query.with_index("by_a", build).order(order).collect()


def refused(store, build, match, error=FunctionError):
    with pytest.raises(error, match=match):
        store.read(lambda db: build(db.query("anything")))


def test_a_query_gives_the_oldest_document_first(store):
    store.insert("anything", *({"b": n} for n in (3, 1, 2)))
    assert places(store, lambda query: query.collect()) == [3, 1, 2]
    assert places(store, lambda query: query.full_table_scan().collect()) == [3, 1, 2]
    assert places(store, lambda query: query.order("desc").collect()) == [2, 1, 3]
    assert places(store, lambda query: query.with_index("by_creation_time").collect()) == [3, 1, 2]


def test_the_index_by_id_is_ordered_by_id(store):
    ids = store.insert("anything", *({} for _ in range(5)))
    later = store.insert("anything", {})
    store.write(lambda db: db.delete(ids[0]))
    look = lambda build: [row["_id"] for row in store.read(lambda db: build(db.query("anything")))]  # noqa: E731
    expected = sorted(ids[1:] + later)
    assert look(lambda query: query.with_index("by_id").collect()) == expected
    more = store.insert("anything", {})
    expected = sorted(expected + more)
    assert look(lambda query: query.with_index("by_id").order("desc").collect()) == expected[::-1]
    assert (
        look(lambda q: q.with_index("by_id", lambda r: r.gt("_id", expected[2])).collect())
        == (expected[3:])
    )


def test_an_index_orders_every_kind_of_value(ordered):
    assert places(ordered, by_a()) == list(range(len(IN_ORDER)))
    assert places(ordered, by_a(order="desc")) == list(reversed(range(len(IN_ORDER))))


@pytest.mark.parametrize("place", range(len(IN_ORDER)))
def test_a_range_begins_and_ends_where_convex_order_says(ordered, place):
    value, all_places = IN_ORDER[place], list(range(len(IN_ORDER)))
    assert places(ordered, by_a(lambda q: q.eq("a", value))) == [place]
    assert places(ordered, by_a(lambda q: q.gt("a", value))) == all_places[place + 1 :]
    assert places(ordered, by_a(lambda q: q.gte("a", value))) == all_places[place:]
    assert places(ordered, by_a(lambda q: q.lt("a", value))) == all_places[:place]
    assert places(ordered, by_a(lambda q: q.lte("a", value))) == all_places[: place + 1]
    between = by_a(lambda q: q.gte("a", IN_ORDER[2]).lt("a", value))
    assert places(ordered, between) == all_places[2:place]
    assert places(ordered, by_a(lambda q: q.gt("a", value).lt("a", value), "desc")) == []


@pytest.mark.parametrize("place", range(len(IN_ORDER)))
def test_filters_compare_in_the_same_order(ordered, place):
    value, all_places = IN_ORDER[place], list(range(len(IN_ORDER)))

    def filtered(condition):
        return places(ordered, lambda query: query.filter(condition).collect())

    def expect(wanted):
        return sorted(wanted, key=lambda each: (each * 7) % len(IN_ORDER))

    assert filtered(lambda q: q.eq(q.field("a"), value)) == [place]
    assert filtered(lambda q: q.neq(q.field("a"), value)) == expect(
        [each for each in all_places if each != place]
    )
    assert filtered(lambda q: q.lt(q.field("a"), value)) == expect(all_places[:place])
    assert filtered(lambda q: q.lte(q.field("a"), value)) == expect(all_places[: place + 1])
    assert filtered(lambda q: q.gt(q.field("a"), value)) == expect(all_places[place + 1 :])
    assert filtered(lambda q: q.gte(value, q.field("a"))) == expect(all_places[: place + 1])


def test_documents_that_agree_in_an_index_are_ordered_by_creation(store):
    store.insert("anything", *({"a": n % 2, "b": n} for n in range(6)))
    assert places(store, by_a()) == [0, 2, 4, 1, 3, 5]
    assert places(store, by_a(order="desc")) == [5, 3, 1, 4, 2, 0]


def test_equalities_come_before_a_range_on_the_next_field(store):
    store.insert("anything", *({"a": n // 4, "b": n} for n in range(12)))
    found = lambda build: places(store, lambda q: q.with_index("by_a_b", build).collect())  # noqa: E731
    assert found(lambda q: q.eq("a", 1)) == [4, 5, 6, 7]
    assert found(lambda q: q.eq("a", 1).gt("b", 4).lte("b", 6)) == [5, 6]
    assert found(lambda q: q.eq("a", 1).eq("b", 6)) == [6]
    assert found(lambda q: q.eq("b", 6).eq("a", 1)) == [6]
    assert found(lambda q: q.lt("b", 6).eq("a", 1)) == [4, 5]
    assert found(lambda q: q.lt("a", 1)) == [0, 1, 2, 3]


def test_a_range_may_go_on_to_the_creation_time(store):
    store.insert("anything", *({"a": 1, "b": n} for n in range(4)))
    first = store.read(lambda db: db.query("anything").first())["_creationTime"]
    found = places(store, by_a(lambda q: q.eq("a", 1).gt("_creationTime", first)))
    assert found == [1, 2, 3]


def test_a_nested_field_can_be_indexed_and_documents_without_it_come_first(store):
    bodies = [{"deep": {"x": 2}}, {"deep": {"x": 1}}, {"deep": 3}, "text", {}]
    store.insert("messages", *({"author": str(n), "body": b} for n, b in enumerate(bodies)))

    def authors(build=None):
        rows = store.read(lambda db: db.query("messages").with_index("by_nested", build).collect())
        return [row["author"] for row in rows]

    assert authors() == ["2", "3", "4", "1", "0"]
    assert authors(lambda q: q.gte("body.deep.x", 2)) == ["0"]
    assert authors(lambda q: q.eq("body.deep.x", UNDEFINED)) == ["2", "3", "4"]


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (
            lambda q: q.eq("b", 1),
            (
                "Tried to query index anything.by_a_b but the query didn't use the index fields in "
                'order.\nIndex fields: ["a", "b", "_creationTime"]\nQuery fields: ["b"]\n'
                'First incorrect field: "b"\n'
            ),
        ),
        (lambda q: q.eq("a", 1).gt("_creationTime", 1), 'First incorrect field: "_creationTime"'),
        (lambda q: q.eq("a", 1).gt("a", 0), 'First incorrect field: "a"'),
        (lambda q: q.gt("b", 1), 'First incorrect field: "b"'),
        (lambda q: q.gt("a", 1).eq("b", 1), 'First incorrect field: "b"'),
        (
            lambda q: q.eq("c", 1),
            (
                'The index range included a comparison with "c", but anything.by_a_b with fields '
                '["a", "b", "_creationTime"] doesn\'t index this field.'
            ),
        ),
        (
            lambda q: q.lt("a", 1).lte("a", "x"),
            'Already defined upper bound in index range. Can\'t add "a" <= "x".',
        ),
        (
            lambda q: q.gt("a", 1).gte("a", 2),
            'Already defined lower bound in index range. Can\'t add "a" >= 2.0.',
        ),
        (
            lambda q: q.eq("a", 1).eq("a", UNDEFINED),
            'Already defined equality bound in index range. Can\'t add "a" == undefined.',
        ),
        (
            lambda q: q.gt("a", 1).lt("b", 1),
            (
                "Upper and lower bounds in `range` can only be applied to a single index field. "
                "This query against index anything.by_a_b attempted to set a range bound on both "
                '"a" and "b".'
            ),
        ),
        (lambda q: q.eq("a", object()), "is not a supported Convex type"),
    ],
)
def test_what_is_no_range_of_the_index_is_refused_in_convex_words(store, build, match):
    refused(store, lambda query: query.with_index("by_a_b", build).collect(), re.escape(match))


def test_an_index_that_is_not_there_is_refused(store):
    refused(store, lambda query: query.with_index("by_z"), "Index anything.by_z not found.")


def test_first_take_and_unique_give_what_is_there(store):
    assert store.read(lambda db: db.query("anything").first()) is None
    assert store.read(lambda db: db.query("anything").unique()) is None
    store.insert("anything", {"b": 1})
    assert store.read(lambda db: db.query("anything").unique())["b"] == 1.0
    store.insert("anything", {"b": 2}, {"b": 3})
    assert store.read(lambda db: db.query("anything").first())["b"] == 1.0
    assert places(store, lambda query: query.take(2)) == [1, 2]
    assert places(store, lambda query: query.take(9.0)) == [1, 2, 3]
    assert places(store, lambda query: query.take(0)) == []
    assert places(store, list) == [1, 2, 3]


def test_unique_refuses_two_and_names_them(store):
    ids = store.insert("anything", {}, {}, {})
    message = (
        "unique() query returned more than one result from table anything:\n "
        f"[{ids[0]}, {ids[1]}, ...]"
    )
    refused(store, lambda query: query.unique(), re.escape(message))


@pytest.mark.parametrize("count", [-1, 1.5, math.nan, math.inf, True])
def test_take_takes_whole_numbers(store, count):
    refused(store, lambda query: query.take(count), "Invalid argument `n`")


def test_several_filters_must_all_hold(store):
    store.insert("anything", *({"b": n} for n in range(6)))
    found = places(
        store,
        lambda query: (
            query.filter(lambda q: q.gt(q.field("b"), 1))
            .filter(lambda q: q.lt(q.field("b"), 5))
            .order("desc")
            .take(2)
        ),
    )
    assert found == [4, 3]


def filtered(store, condition, document):
    store.insert("anything", document)
    return store.read(lambda db: len(db.query("anything").filter(condition).collect())) == 1


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (lambda q: q.and_(), True),
        (lambda q: q.or_(), False),
        (lambda q: q.and_(True, q.field("yes")), True),
        (lambda q: q.and_(False, q.field("text")), False),
        (lambda q: q.or_(True, q.field("text")), True),
        (lambda q: q.or_(False, q.not_(q.field("yes"))), False),
        (lambda q: q.eq(q.add(q.field("n"), 2), 9), True),
        (lambda q: q.eq(q.sub(q.field("n"), 2), 5), True),
        (lambda q: q.eq(q.mul(q.field("n"), 2), 14), True),
        (lambda q: q.eq(q.div(q.field("n"), 2), 3.5), True),
        (lambda q: q.eq(q.mod(q.field("n"), -4), 3), True),
        (lambda q: q.eq(q.mod(q.neg(q.field("n")), 4), -3), True),
        (lambda q: q.eq(q.neg(q.field("n")), -7), True),
        (lambda q: q.eq(q.div(1, 0), math.inf), True),
        (lambda q: q.eq(q.div(-1, 0.0), -math.inf), True),
        (lambda q: q.eq(q.div(0, 0), math.nan), True),
        (lambda q: q.eq(q.mod(1, 0), math.nan), True),
        (lambda q: q.eq(q.add(q.field("i"), Int64(2)), Int64(-5)), True),
        (lambda q: q.eq(q.sub(q.field("i"), Int64(2)), Int64(-9)), True),
        (lambda q: q.eq(q.mul(q.field("i"), Int64(2)), Int64(-14)), True),
        (lambda q: q.eq(q.div(q.field("i"), Int64(2)), Int64(-3)), True),
        (lambda q: q.eq(q.mod(q.field("i"), Int64(2)), Int64(-1)), True),
        (lambda q: q.eq(q.neg(q.field("i")), Int64(7)), True),
        (lambda q: q.eq(q.add(Int64(2**63 - 1), Int64(1)), Int64(-(2**63))), True),
        (lambda q: q.eq(q.field("i"), q.field("n")), False),
        (lambda q: q.eq(q.field("yes"), 1), False),
        (lambda q: q.eq(q.field("none"), UNDEFINED), True),
        (lambda q: q.eq(q.field("o.x"), "deep"), True),
        (lambda q: q.eq(q.field("text.x"), UNDEFINED), True),
        (lambda q: q.field("yes"), True),
        (lambda q: True, True),
    ],
)
def test_a_filter_means_what_it_says(store, condition, holds):
    document = {"n": 7, "i": Int64(-7), "yes": True, "text": "x", "o": {"x": "deep"}}
    assert filtered(store, condition, document) is holds


@pytest.mark.parametrize(
    ("condition", "match"),
    [
        (lambda q: q.add(1, "x"), 'Cannot add 1.0 (type Float64) and "x" (type String)'),
        (lambda q: q.add(1, Int64(1)), "Cannot add 1.0 (type Float64) and 1 (type Int64)"),
        (lambda q: q.sub(None, 1), "Cannot subtract null (type Null)"),
        (lambda q: q.mul(q.field("none"), 1), "Cannot multiply undefined (type undefined)"),
        (lambda q: q.div(True, 1), "Cannot divide true (type Boolean)"),
        (lambda q: q.mod([], 1), "(type Array)"),
        (lambda q: q.neg("x"), 'Cannot negate "x" (type String)'),
        (lambda q: q.div(Int64(1), Int64(0)), "Cannot divide by zero"),
        (lambda q: q.mod(Int64(1), Int64(0)), "Cannot divide by zero"),
        (lambda q: q.and_(1), "Expected a boolean in a filter, got 1.0 (type Float64)"),
        (lambda q: q.or_(q.field("none")), "Expected a boolean"),
        (lambda q: q.not_("x"), "Expected a boolean"),
        (lambda q: q.field("text"), "Expected a boolean"),
        (lambda q: object(), "is not a supported Convex type"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(store, condition, match):
    store.insert("anything", {"text": "x"})
    refused(store, lambda query: query.filter(condition).collect(), re.escape(match))


def test_a_query_takes_as_many_filters_as_the_limit_and_not_one_more(store):
    def build(count):
        def chain(query):
            for _ in range(count):
                query = query.filter(lambda q: True)
            return query.collect()

        return chain

    assert store.read(lambda db: build(256)(db.query("anything"))) == []
    refused(store, build(257), "more than 256 operators")


@pytest.mark.parametrize(
    "build",
    [
        lambda query: query.order("up"),
        lambda query: query.order("asc").order("asc"),
        lambda query: query.order("asc").with_index("by_a"),
        lambda query: query.with_index("by_a").with_index("by_a"),
        lambda query: query.with_index("by_a").full_table_scan(),
        lambda query: query.filter(lambda q: True).with_index("by_a"),
        lambda query: query.filter(lambda q: None),
        lambda query: query.with_index("by_a", lambda q: None),
    ],
)
def test_steps_of_a_query_in_the_wrong_order_are_the_callers_mistake(store, build):
    refused(store, build, "E_FAKE_CONVEX_QUERY_MISUSED", CodexRuntimeError)


def test_a_query_can_be_built_on_in_two_ways(store):
    store.insert("anything", *({"b": n} for n in range(4)))

    def look(db):
        base = db.query("anything").filter(lambda q: q.gt(q.field("b"), 0))
        return len(base.filter(lambda q: q.gt(q.field("b"), 2)).collect()), len(base.collect())

    assert store.read(look) == (1, 3)


def test_an_open_iteration_may_write_what_it_reads(store):
    store.insert("anything", *({"a": n} for n in range(250)))

    def change(db):
        for row in db.query("anything").with_index("by_a"):
            db.delete(row["_id"])
        return db.query("anything").collect()

    assert store.write(change) == []


def test_pending_writes_are_merged_into_every_order(store):
    ids = store.insert("anything", *({"a": n} for n in range(6)))

    def change(db):
        db.delete(ids[1])
        db.patch(ids[4], {"a": -1})
        db.insert("anything", {"a": 2.5})
        query = db.query("anything").with_index("by_a")
        forwards = [row["a"] for row in query.collect()]
        backwards = [row["a"] for row in query.order("desc").take(3)]
        ranged = db.query("anything").with_index("by_a", lambda q: q.gt("a", 2).lt("a", 5))
        return forwards, backwards, [row["a"] for row in ranged]

    assert store.write(change) == ([-1.0, 0.0, 2.0, 2.5, 3.0, 5.0], [5.0, 3.0, 2.5], [2.5, 3.0])
