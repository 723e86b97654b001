"""Pages that keep their place: the journal of a query, given back when it is run again."""

from __future__ import annotations

import pytest

from codex_fakes.convex import App, Backend, mutation, query


class Functions:
    @mutation
    def add(ctx, args):
        return ctx.db.insert("rows", {"name": args["name"]})

    @mutation
    def remove(ctx, args):
        ctx.db.delete(args["id"])

    @query
    def page(ctx, args):
        found = ctx.db.query("rows").order("desc").paginate(args["options"])
        return [[row["name"] for row in found["page"]], found["continueCursor"], found["isDone"]]

    @query
    def page_inside(ctx, args):
        return ctx.run_query("m:page", args)

    @query
    def page_and_page_inside(ctx, args):
        ctx.run_query("m:page", args)
        return ctx.db.query("rows").paginate(args["options"])["page"][0]["name"]

    @query
    def two_pages(ctx, args):
        ctx.db.query("rows").paginate(args["options"])
        return ctx.db.query("rows").paginate(args["options"])


FIRST_TWO = {"options": {"numItems": 2, "cursor": None}}


@pytest.fixture
def backend():
    backend = Backend(App(modules={"m": Functions}))
    for name in ("a", "b", "c"):
        backend.mutation("m:add", {"name": name}).unwrap()
    return backend


def test_a_query_that_paginates_has_a_journal_and_others_have_none(backend):
    assert backend.query("m:page", FIRST_TWO).journal is not None
    assert Backend(App(modules={"m": Functions})).query("m:page_inside", FIRST_TWO).journal is None


def test_with_its_journal_a_page_grows_and_shrinks_but_keeps_its_end(backend):
    first = backend.query("m:page", FIRST_TWO)
    assert first.unwrap()[0] == ["c", "b"]
    added = backend.mutation("m:add", {"name": "d"}).unwrap()
    again = backend.query("m:page", FIRST_TWO, journal=first.journal)
    assert again.unwrap()[:2] == [["d", "c", "b"], first.value[1]]
    assert backend.query("m:page", FIRST_TWO).unwrap()[0] == ["d", "c"]
    backend.mutation("m:remove", {"id": added}).unwrap()
    assert backend.query("m:page", FIRST_TWO, journal=again.journal).value[0] == ["c", "b"]


def test_the_page_of_a_nested_query_does_not_take_the_place_of_the_outer_one(backend):
    outcome = backend.query("m:page_and_page_inside", FIRST_TWO)
    assert outcome.unwrap() == "a"
    again = backend.query("m:page_and_page_inside", FIRST_TWO, journal=outcome.journal)
    assert again.unwrap() == "a"


def test_one_function_paginates_once(backend):
    error = backend.query("m:two_pages", FIRST_TWO).error
    assert "ran multiple paginated queries" in error.message
