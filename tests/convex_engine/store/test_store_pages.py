"""Pages: cursors, journals, what is refused, and when a page is to be split (FACTS §5.5)."""

from __future__ import annotations

import base64

import pytest

from codex_fakes.convex.engine.errors import FunctionError, InvalidCursor, LimitExceeded
from codex_fakes.convex.engine.limits import Limits
from codex_runtime.values import UNDEFINED

FOREIGN = (
    "InvalidCursor: Tried to run a query starting from a cursor, but it looks like this cursor is "
    "from a different query."
)


def whole(query):
    return query


def fill(store, count=10):
    store.insert("anything", *({"a": n} for n in range(count)))


def page(store, options, build=whole, *, journal=None, space=""):
    transaction = store.begin()
    reader = transaction.reader(store.database.space(space), journal=journal)
    result = build(reader.query("anything")).paginate({"numItems": 3, "cursor": None} | options)
    assert reader.journal == result["continueCursor"]
    return result


def values(result):
    return [row["a"] for row in result["page"]]


def all_pages(store, build=whole, size=3):
    cursor, found = None, []
    while True:
        result = page(store, {"numItems": size, "cursor": cursor}, build)
        found.append(values(result))
        if result["isDone"]:
            return found
        cursor = result["continueCursor"]


def refused(store, options, match, build=whole, error=FunctionError):
    with pytest.raises(error, match=match):
        page(store, options, build)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 9, 11])
def test_pages_put_together_are_the_result(store, order, size):
    fill(store)

    def build(query):
        return query.with_index("by_a", lambda q: q.gt("a", 0).lt("a", 9)).order(order)

    found = [value for one in all_pages(store, build, size) for value in one]
    expected = [float(n) for n in range(1, 9)]
    assert found == (expected if order == "asc" else expected[::-1])


def test_a_page_that_is_exactly_full_does_not_know_that_it_is_the_last(store):
    fill(store, 6)
    assert all_pages(store) == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], []]
    assert page(store, {"numItems": 6})["isDone"] is False
    assert page(store, {"numItems": 7})["isDone"] is True


def test_an_empty_table_has_one_empty_page(store):
    assert all_pages(store) == [[]]


def test_behind_the_end_there_is_an_empty_page_that_is_done(store):
    fill(store, 1)
    end = page(store, {})["continueCursor"]
    fill(store, 1)
    result = page(store, {"cursor": end})
    assert (values(result), result["isDone"], result["continueCursor"]) == ([], True, end)


def test_a_page_has_the_fields_that_clients_expect(store):
    fill(store, 3)
    result = page(store, {})
    assert set(result) == {"page", "isDone", "continueCursor", "splitCursor", "pageStatus"}
    assert result["pageStatus"] is None


def test_filters_count_towards_the_page_by_what_passes(store):
    fill(store)
    odd = lambda query: query.filter(lambda q: q.eq(q.mod(q.field("a"), 2), 1))  # noqa: E731
    assert all_pages(store, odd) == [[1.0, 3.0, 5.0], [7.0, 9.0]]


def test_a_page_up_to_an_end_cursor_has_everything_between_and_no_more(store):
    fill(store)
    first = page(store, {})
    second = page(store, {"cursor": first["continueCursor"]})
    both = page(store, {"numItems": 1, "endCursor": second["continueCursor"]})
    assert values(both) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert both["continueCursor"] == second["continueCursor"]
    assert both["isDone"] is False


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_page_read_again_with_its_journal_keeps_its_range(store, order):
    fill(store, 6)
    build = lambda query: query.with_index("by_a").order(order)  # noqa: E731
    first = page(store, {}, build)
    inside, outside = (1.5, 2.5) if order == "asc" else (3.5, 2.5)
    store.insert("anything", {"a": inside}, {"a": outside})
    again = page(store, {}, build, journal=first["continueCursor"])
    assert sorted(values(again)) == sorted([*values(first), inside])
    assert again["continueCursor"] == first["continueCursor"]
    rest = page(store, {"cursor": first["continueCursor"], "numItems": 9}, build)
    assert outside in values(rest)
    assert len(values(again)) + len(values(rest)) == 8


def test_a_last_page_read_again_with_its_journal_grows(store):
    fill(store, 2)
    journal = page(store, {})["continueCursor"]
    fill(store, 5)
    again = page(store, {}, journal=journal)
    assert len(again["page"]) == 7
    assert again["isDone"] is True


def test_an_end_cursor_goes_before_the_journal(store):
    fill(store)
    journal = page(store, {})["continueCursor"]
    end = page(store, {"numItems": 5})["continueCursor"]
    assert len(page(store, {"endCursor": end}, journal=journal)["page"]) == 5
    assert len(page(store, {"endCursor": None}, journal=journal)["page"]) == 3
    assert len(page(store, {"endCursor": UNDEFINED}, journal=journal)["page"]) == 3


def test_a_page_touches_what_it_read_and_not_the_pages_behind_it(store):
    fill(store)
    transaction = store.begin()
    transaction.reader(store.database.space()).query("anything").with_index("by_a").paginate(
        {"numItems": 3, "cursor": None}
    )
    _, behind = store.change(lambda db: db.insert("anything", {"a": 2.5}))
    _, inside = store.change(lambda db: db.insert("anything", {"a": 1.5}))
    assert not transaction.read_set.touched_by(behind)
    assert transaction.read_set.touched_by(inside)


@pytest.mark.parametrize(
    "other",
    [
        lambda query: query.order("desc"),
        lambda query: query.with_index("by_a"),
        lambda query: query.filter(lambda q: q.eq(q.field("a"), 1)),
    ],
)
def test_a_cursor_of_another_query_is_refused(store, other):
    fill(store)
    cursor = page(store, {})["continueCursor"]
    with pytest.raises(InvalidCursor) as caught:
        page(store, {"cursor": cursor}, other)
    assert caught.value.message == FOREIGN
    assert caught.value.data == {"isConvexSystemError": True, "paginationError": "InvalidCursor"}
    refused(store, {"endCursor": cursor}, "different query", other, InvalidCursor)


def test_a_cursor_that_is_none_or_was_changed_is_refused(store):
    fill(store)
    refused(store, {"cursor": "\u00e9"}, "InvalidCursor: Failed to parse", error=InvalidCursor)
    refused(store, {"cursor": "abc"}, "InvalidCursor: Failed to parse", error=InvalidCursor)
    refused(store, {"cursor": ""}, "InvalidCursor", error=InvalidCursor)
    data = bytearray(base64.urlsafe_b64decode(page(store, {})["continueCursor"]))
    data[-1] ^= 1
    changed = base64.urlsafe_b64encode(data).decode()
    refused(store, {"cursor": changed}, "different query", error=InvalidCursor)
    refused(store, {"cursor": 3.0}, "expected a string")


def test_two_paginated_queries_in_one_function_are_refused(store):
    options = {"numItems": 1, "cursor": None}

    def look(db):
        db.query("anything").paginate(options)
        db.query("messages").paginate(options)

    with pytest.raises(FunctionError, match="ran multiple paginated queries"):
        store.read(look)


def test_each_function_of_a_transaction_may_paginate(store):
    transaction = store.begin()
    for _ in range(2):
        reader = transaction.reader(store.database.space())
        reader.query("anything").paginate({"numItems": 1, "cursor": None})


def test_a_component_cannot_paginate(store):
    with pytest.raises(FunctionError, match=r"paginate\(\) is only supported in the app\."):
        page(store, {}, space="codexLocal")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"numItems": 0}, "Must request at least 1 document while paginating"),
        ({"numItems": 0.5}, "Must request at least 1 document while paginating"),
        ({"numItems": -1}, "`options.numItems` must be a positive number"),
        ({"numItems": float("nan")}, "`options.numItems` must be a positive number"),
        ({"numItems": "3"}, "`options.numItems` must be a positive number"),
        ({"numItems": True}, "`options.numItems` must be a positive number"),
        ({"numItems": None}, "`options.numItems` must be a positive number"),
        ({"numItems": 32_001}, "Requested too many items: 32001"),
        ({"maximumRowsRead": 0}, "must be greater than 0"),
        ({"maximumBytesRead": 0}, "must be greater than 0"),
        ({"maximumBytesRead": "many"}, "must be greater than 0"),
    ],
)
def test_options_that_mean_nothing_are_refused(store, options, match):
    refused(store, options, match)


def test_as_many_items_as_the_limit_may_be_asked_for(store):
    assert page(store, {"numItems": 32_000})["isDone"] is True


def test_a_page_that_has_read_its_maximum_of_rows_must_be_split(store):
    fill(store)
    result = page(store, {"numItems": 9, "maximumRowsRead": 4})
    assert values(result) == [0.0, 1.0, 2.0, 3.0]
    assert (result["pageStatus"], result["isDone"]) == ("SplitRequired", False)
    rest = page(store, {"numItems": 9, "cursor": result["continueCursor"]})
    assert values(rest) == [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]


def test_a_page_that_has_read_its_maximum_of_bytes_must_be_split(store):
    fill(store)
    result = page(store, {"numItems": 9, "maximumBytesRead": 1})
    assert (values(result), result["pageStatus"]) == ([0.0], "SplitRequired")


def test_a_page_near_its_maximum_should_be_split_at_its_middle(store):
    fill(store)
    result = page(store, {"numItems": 4, "maximumRowsRead": 5})
    assert result["pageStatus"] == "SplitRecommended"
    assert page(store, {"numItems": 3, "maximumRowsRead": 5})["pageStatus"] is None
    left = page(store, {"endCursor": result["splitCursor"]})
    right = page(store, {"cursor": result["splitCursor"], "endCursor": result["continueCursor"]})
    assert values(left) + values(right) == values(result)


def test_up_to_two_documents_cannot_be_split(store):
    fill(store)
    assert page(store, {"numItems": 2})["splitCursor"] is None
    assert page(store, {"numItems": 3})["splitCursor"] is not None


def test_a_page_with_an_end_is_read_to_it_whatever_the_maximum(store):
    fill(store)
    end = page(store, {"numItems": 8})["continueCursor"]
    result = page(store, {"endCursor": end, "maximumRowsRead": 2})
    assert (len(result["page"]), result["pageStatus"]) == (8, "SplitRecommended")


def test_a_page_that_meets_the_limit_of_the_transaction_ends_there(make_store):
    store = make_store(limits=Limits(documents_read=4))
    fill(store)
    result = page(store, {"numItems": 4, "endCursor": None})
    assert values(result) == [0.0, 1.0, 2.0, 3.0]
    end = page(make_full(make_store), {"numItems": 8})["continueCursor"]
    cut = page(store, {"endCursor": end})
    assert (values(cut), cut["pageStatus"]) == ([0.0, 1.0, 2.0, 3.0], "SplitRequired")


def make_full(make_store):
    # The same seed gives the same documents under the same keys.
    store = make_store()
    fill(store)
    return store


def test_a_page_that_cannot_hold_one_document_fails(make_store):
    store = make_store(limits=Limits(bytes_read=10))
    fill(store)
    refused(store, {}, "Too many bytes read", error=LimitExceeded)
