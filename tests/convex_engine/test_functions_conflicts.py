"""Mutations that conflict are run again, four times; then their caller is told (FACTS §5.7)."""

from __future__ import annotations

import pytest

from codex_fakes.convex import (
    App,
    Backend,
    FailureKind,
    FunctionError,
    Limits,
    define_schema,
    define_table,
    mutation,
    query,
    v,
)
from codex_runtime.errors import CodexRuntimeError


class Counters:
    @mutation
    def add(ctx, args):
        by = args.setdefault("by", 1)
        args["by"] = "spoiled"
        name = args["name"]
        found = ctx.db.query("counters").with_index("by_name", lambda q: q.eq("name", name)).first()
        ctx.log("adding to", found["value"] if found else None)
        if found is None:
            return ctx.db.insert("counters", {"name": name, "value": by})
        ctx.db.patch(found["_id"], {"value": found["value"] + by})
        return found["value"] + by

    @query
    def values(ctx, args):
        return {row["name"]: row["value"] for row in ctx.db.query("counters").collect()}

    @mutation
    def fail_if_there(ctx, args):
        if ctx.db.query("counters").first() is not None:
            raise RuntimeError("there already")
        ctx.db.insert("counters", {"name": "first", "value": 1})


SCHEMA = define_schema(
    {"counters": define_table({"name": v.string(), "value": v.number()}).index("by_name", ["name"])}
)
APP = App(schema=SCHEMA, modules={"counters": Counters})


@pytest.fixture
def backend():
    return Backend(APP)


def values(backend):
    return backend.query("counters:values").unwrap()


def test_a_mutation_is_not_committed_before_it_is_told_to(backend):
    pending = backend.begin_mutation("counters:add", {"name": "a"})
    assert values(backend) == {}
    assert pending.commit().ok
    assert values(backend) == {"a": 1.0}


def test_a_mutation_that_read_what_another_changed_is_run_again(backend):
    backend.mutation("counters:add", {"name": "a"})
    pending = backend.begin_mutation("counters:add", {"name": "a", "by": 10})
    backend.mutation("counters:add", {"name": "a"})
    outcome = pending.commit()
    assert outcome.value == 12.0
    assert outcome.log_lines == ("[LOG] 'adding to' 2",)
    assert values(backend) == {"a": 12.0}


def test_a_document_that_appears_in_a_range_that_was_read_is_a_conflict_too(backend):
    pending = backend.begin_mutation("counters:add", {"name": "a"})
    backend.mutation("counters:add", {"name": "a"})
    assert pending.commit().value == 2.0


def test_mutations_that_read_other_ranges_do_not_conflict(backend):
    pending = backend.begin_mutation("counters:add", {"name": "a"})
    backend.mutation("counters:add", {"name": "b"})
    outcome = pending.commit()
    assert outcome.log_lines == ("[LOG] 'adding to' null",)
    assert values(backend) == {"a": 1.0, "b": 1.0}


def test_a_handler_that_fails_when_it_is_run_again_fails_the_mutation(backend):
    pending = backend.begin_mutation("counters:fail_if_there")
    backend.mutation("counters:add", {"name": "a"})
    assert pending.commit().error.headline == "Uncaught RuntimeError: there already"
    assert values(backend) == {"a": 1.0}


def test_four_conflicts_are_survived(backend):
    backend.inject_conflicts(4)
    assert backend.mutation("counters:add", {"name": "a"}).ok
    assert values(backend) == {"a": 1.0}


def test_the_fifth_conflict_is_told_to_the_caller(backend):
    backend.inject_conflicts(5)
    outcome = backend.mutation("counters:add", {"name": "a"})
    assert outcome.error.kind is FailureKind.CONFLICT
    assert outcome.error.message.startswith(
        'Documents read from or written to the "counters" table changed while this mutation was '
        "being run and on every subsequent retry."
    )
    assert "https://docs.convex.dev/error#1" in outcome.error.message
    assert "    at " not in outcome.error.message
    assert values(backend) == {}
    assert backend.mutation("counters:add", {"name": "a"}).ok


def test_the_number_of_retries_can_be_lowered():
    backend = Backend(APP, limits=Limits(conflict_retries=0))
    backend.inject_conflicts(1)
    assert backend.mutation("counters:add", {"name": "a"}).error.kind is FailureKind.CONFLICT


def test_a_conflict_can_wait_for_a_table(backend):
    backend.inject_conflicts(9, "rooms")
    assert backend.mutation("counters:add", {"name": "a"}).ok
    backend.inject_conflicts(5, "counters")
    assert backend.mutation("counters:add", {"name": "a"}).error.kind is FailureKind.CONFLICT


def test_queries_never_conflict(backend):
    backend.inject_conflicts(5)
    assert backend.query("counters:values").ok


def test_a_mutation_is_committed_once(backend):
    pending = backend.begin_mutation("counters:add", {"name": "a"})
    pending.commit()
    with pytest.raises(CodexRuntimeError) as raised:
        pending.commit()
    assert raised.value.code == "E_FAKE_CONVEX_TRANSACTION_MISUSED"


def test_beginning_what_is_not_there_is_an_error(backend):
    with pytest.raises(FunctionError, match="Could not find public function"):
        backend.begin_mutation("counters:nope")


def test_listeners_hear_of_the_commit_and_not_of_the_attempts(backend):
    commits = []
    backend.subscribe_commits(commits.append)
    backend.inject_conflicts(3)
    outcome = backend.mutation("counters:add", {"name": "a"})
    assert [commit.ts for commit in commits] == [outcome.ts]
