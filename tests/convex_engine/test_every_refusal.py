"""Every refusal of FACTS §5, one row each: where it is said, what meets it, what it says.

The limits of §5.6 have a table of their own, ``test_every_limit.py``; what a wire adds to a refusal
is in ``tests/convex_wire``.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import pytest

from codex_fakes.convex import (
    App,
    Backend,
    Component,
    ConvexError,
    FailureKind,
    action,
    component_function,
    define_schema,
    define_table,
    mutation,
    query,
    v,
)
from codex_fakes.convex.engine.schema import SchemaInvalid

FIVE_YEARS = 5 * 365 * 86_400_000
SCHEMA = define_schema(
    {
        "rows": define_table({"n": v.number(), "room": v.optional(v.id("rooms"))}),
        "rooms": define_table({}),
        "free": define_table(v.any()).index("by_a_b", ["a", "b"]),
    }
)
STEPS = {}


class Steps:
    @query
    def read(ctx, args):
        return STEPS[args["step"]](ctx)

    @mutation
    def write(ctx, args):
        return STEPS[args["step"]](ctx)

    @action
    async def act(ctx, args):
        return await STEPS[args["step"]](ctx)


class Targets:
    @query(args={"a": v.array(v.object({"b": v.string()}))})
    def strict(ctx, args):
        return None

    @query(args={"a": v.literal("x")})
    def literal(ctx, args):
        return None

    @query(args={"a": v.id("rooms")})
    def identity(ctx, args):
        return None

    @query(returns=v.string())
    def number(ctx, args):
        return 3

    @mutation
    def put(ctx, args):
        ctx.db.insert("free", {})

    @action
    async def act(ctx, args):
        return None


APP = App(
    schema=SCHEMA,
    modules={"s": Steps, "t": Targets},
    components={"kv": Component(modules={"s": Steps, "t": Targets})},
)


class Refusal(NamedTuple):
    """A sentence of the facts."""

    section: str
    kind: str
    step: object
    text: str
    component: str = ""


def a_row(ctx):
    return ctx.db.insert("rows", {"n": 1})


def a_range(build):
    return lambda ctx: ctx.db.query("free").with_index("by_a_b", build).collect()


def filtered(build):
    def step(ctx):
        ctx.db.insert("free", {"a": 1})
        return ctx.db.query("free").filter(build).collect()

    return step


def page(ctx, *, table="free", cursor=None, items=1):
    return ctx.db.query(table).paginate({"numItems": items, "cursor": cursor})


def calls(path, **args):
    return lambda ctx: ctx.run_query(path, args)


def schedules(path, delay=0):
    return lambda ctx: ctx.scheduler.run_after(delay, path)


REFUSALS = {
    "a malformed id": Refusal(
        "5.1",
        "read",
        lambda ctx: ctx.db.get("nothing"),
        "Invalid argument `id` for `db.get`: Unable to decode ID: Invalid ID length 7",
    ),
    "an id whose checksum is wrong": Refusal(
        "5.1",
        "write",
        lambda ctx: ctx.db.get(a_row(ctx)[:-1] + "zy"[a_row(ctx)[-1] == "z"]),
        "Invalid argument `id` for `db.get`: Unable to decode ID: Invalid ID",
    ),
    "an id of another table": Refusal(
        "5.1",
        "write",
        lambda ctx: ctx.db.insert("rows", {"n": 1, "room": a_row(ctx)}),
        'from table `rows`, which does not match the table name in validator `v.id("rooms")`.',
    ),
    "another id as system field": Refusal(
        "5.2",
        "write",
        lambda ctx: ctx.db.replace(a_row(ctx), {"n": 1, "_id": "other"}),
        "doesn't match '_id' field \"other\"",
    ),
    "another creation time as system field": Refusal(
        "5.2",
        "write",
        lambda ctx: ctx.db.patch(a_row(ctx), {"_creationTime": 1.0}),
        "doesn't match '_creationTime' field 1.0",
    ),
    "a field that starts with an underscore": Refusal(
        "5.2",
        "write",
        lambda ctx: ctx.db.insert("free", {"_x": 1}),
        "Field '_x' starts with an underscore, which is only allowed for system fields like '_id'",
    ),
    "a write to a table of the system": Refusal(
        "5.2",
        "write",
        lambda ctx: ctx.db.insert("_storage", {}),
        "_storage is a read-only table",
    ),
    "a table of the system read as one of the user": Refusal(
        "5.2",
        "read",
        lambda ctx: ctx.db.query("_scheduled_functions"),
        "System tables can only be accessed with db.system.",
    ),
    "fields of an index out of order": Refusal(
        "5.4",
        "read",
        a_range(lambda q: q.eq("b", 1)),
        "Tried to query index free.by_a_b but the query didn't use the index fields in order.",
    ),
    "two upper bounds": Refusal(
        "5.4",
        "read",
        a_range(lambda q: q.lt("a", 1).lte("a", 2)),
        "Already defined upper bound in index range. Can't add",
    ),
    "two lower bounds": Refusal(
        "5.4",
        "read",
        a_range(lambda q: q.gt("a", 1).gte("a", 2)),
        "Already defined lower bound in index range. Can't add",
    ),
    "bounds on two fields": Refusal(
        "5.4",
        "read",
        a_range(lambda q: q.gt("a", 1).lt("b", 2)),
        "Upper and lower bounds in `range` can only be applied to a single index field.",
    ),
    "a field that is not indexed": Refusal(
        "5.4", "read", a_range(lambda q: q.eq("c", 1)), "doesn't index this field."
    ),
    "unique with two": Refusal(
        "5.4",
        "write",
        lambda ctx: [a_row(ctx), a_row(ctx), ctx.db.query("rows").unique()],
        "unique() query returned more than one result from table rows:\n [",
    ),
    "arithmetic of two kinds": Refusal(
        "5.4",
        "write",
        filtered(lambda q: q.add(q.field("a"), "x")),
        'Cannot add 1.0 (type Float64) and "x" (type String)',
    ),
    "and of what is no boolean": Refusal(
        "5.4", "write", filtered(lambda q: q.and_(q.field("a"))), "Expected a boolean"
    ),
    "or of what is no boolean": Refusal(
        "5.4", "write", filtered(lambda q: q.or_(q.field("a"))), "Expected a boolean"
    ),
    "not of what is no boolean": Refusal(
        "5.4", "write", filtered(lambda q: q.not_(q.field("a"))), "Expected a boolean"
    ),
    "a cursor of another query": Refusal(
        "5.5",
        "write",
        lambda ctx: page(ctx, table="rows", cursor=ctx.run_query("s:read", {"step": "a page"})),
        "InvalidCursor: Tried to run a query starting from a cursor, but it looks like this cursor "
        "is from a different query.",
    ),
    "two paginated queries": Refusal(
        "5.5",
        "read",
        lambda ctx: [page(ctx), page(ctx)],
        "This query or mutation function ran multiple paginated queries.",
    ),
    "a page of nothing": Refusal(
        "5.5",
        "read",
        lambda ctx: page(ctx, items=0),
        "Must request at least 1 document while paginating",
    ),
    "a page in a component": Refusal("5.5", "read", page, "paginate()", component="kv"),
    "a field name that starts with a dollar": Refusal(
        "5.6",
        "write",
        lambda ctx: ctx.db.insert("free", {"$x": 1}),
        "Field name $x starts with '$', which is reserved.",
    ),
    "a field name that is not printable": Refusal(
        "5.6",
        "write",
        lambda ctx: ctx.db.insert("free", {"é": 1}),
        "Field names can only contain non-control ASCII characters",
    ),
    "a table name that is no identifier": Refusal(
        "5.6",
        "write",
        lambda ctx: ctx.db.insert("a-b", {}),
        "Identifier a-b has invalid character '-'",
    ),
    "a table name of underscores": Refusal(
        "5.6",
        "write",
        lambda ctx: ctx.db.insert("__", {}),
        "Identifier __ cannot have exclusively underscores",
    ),
    "a value of another type": Refusal(
        "5.8",
        "read",
        calls("t:strict", a=[{"b": 3}]),
        "ArgumentValidationError: Value does not match validator.\nPath: .a[0].b\nValue: 3.0\n"
        "Validator: v.string()",
    ),
    "a missing field": Refusal(
        "5.8",
        "read",
        calls("t:strict"),
        "ArgumentValidationError: Object is missing the required field `a`. Consider wrapping the "
        "field validator in `v.optional(...)` if this is expected.",
    ),
    "an extra field": Refusal(
        "5.8",
        "read",
        calls("t:strict", a=[], z=1),
        "ArgumentValidationError: Object contains extra field `z` that is not in the validator.",
    ),
    "another literal": Refusal(
        "5.8",
        "read",
        calls("t:literal", a=3),
        'ArgumentValidationError: `3.0` does not match literal validator `v.literal("x")`.',
    ),
    "an id of another table as an argument": Refusal(
        "5.8",
        "write",
        lambda ctx: ctx.run_query("t:identity", {"a": a_row(ctx)}),
        "ArgumentValidationError: Found ID",
    ),
    "a result of another type": Refusal(
        "5.8",
        "read",
        calls("t:number"),
        "ReturnsValidationError: Value does not match validator.\n",
    ),
    "a document that does not match the schema": Refusal(
        "5.8",
        "write",
        lambda ctx: ctx.db.insert("rows", {"n": "x"}),
        'Failed to insert or update a document in table "rows" because it does not match the '
        "schema: Value does not match validator.\nPath: .n\n",
    ),
    "arguments that are no object": Refusal(
        "5.8",
        "read",
        lambda ctx: ctx.run_query("t:number", [1]),
        "Expected to receive an object as the function's argument. Instead received: [1.0]",
    ),
    "a schedule of a module that is not there": Refusal(
        "5.9",
        "write",
        schedules("nowhere:put"),
        "Attempted to schedule function at nonexistent path: nowhere.js",
    ),
    "a schedule of a function that is not exported": Refusal(
        "5.9",
        "write",
        schedules("t:nothing"),
        "no exported function nothing found in the file: t.js. Did you forget to export it?",
    ),
    "a schedule too far ahead": Refusal(
        "5.9", "write", schedules("t:put", FIVE_YEARS + 1), "is more than 5 years in the future"
    ),
    "a schedule too long ago": Refusal(
        "5.9",
        "write",
        lambda ctx: ctx.scheduler.run_at(ctx.now() - FIVE_YEARS - 1, "t:put"),
        "is more than 5 years in the past",
    ),
    "a delay that is negative": Refusal(
        "5.9", "write", schedules("t:put", -1), "`delayMs` must be non-negative"
    ),
    "a cancellation of what is no job": Refusal(
        "5.9",
        "write",
        lambda ctx: ctx.scheduler.cancel(a_row(ctx)),
        "Invalid scheduled function ID.",
    ),
    "a query that calls a mutation": Refusal(
        "5.10",
        "read",
        lambda ctx: ctx.run_query("t:put"),
        "Trying to execute t.js:put as Query, but it is defined as Mutation.",
    ),
    "a mutation that calls an action": Refusal(
        "5.10",
        "write",
        lambda ctx: ctx.run_mutation("t:act"),
        "Trying to execute t.js:act as Mutation, but it is defined as Action.",
    ),
    "a component that is not mounted": Refusal(
        "5.10",
        "read",
        lambda ctx: ctx.run_query(component_function("none", "t:number")),
        'Component "none" is not mounted',
    ),
    "a function of the app called from a component": Refusal(
        "5.10",
        "read",
        lambda ctx: ctx.run_query("main:anything"),
        "Could not find public function for 'main:anything'.",
        component="kv",
    ),
    "a wait in a query": Refusal(
        "5.11",
        "read",
        lambda ctx: asyncio.sleep(0),
        "[E_FAKE_CONVEX_FOREIGN_AWAIT]",
    ),
    "a nested call of what is not there": Refusal(
        "2.2", "act", lambda ctx: ctx.run_query("t:nothing"), "Could not find public function for"
    ),
}
STEPS.update({name: refusal.step for name, refusal in REFUSALS.items()})
STEPS["a page"] = lambda ctx: page(ctx)["continueCursor"]


def asked(refusal, name):
    backend, args = Backend(APP), {"step": name}
    if refusal.kind == "act":
        return asyncio.run(backend.action("s:act", args))
    call = backend.query if refusal.kind == "read" else backend.mutation
    return call(f"s:{refusal.kind}", args, component=refusal.component)


@pytest.mark.parametrize("name", REFUSALS)
def test_what_convex_refuses_is_refused_in_its_words(name):
    refusal = REFUSALS[name]
    outcome = asked(refusal, name)
    assert not outcome.ok
    assert refusal.text in outcome.error.message


def test_a_cursor_of_another_query_is_told_to_clients_by_its_data():
    name = "a cursor of another query"
    data = asked(REFUSALS[name], name).error.data
    assert data == {"isConvexSystemError": True, "paginationError": "InvalidCursor"}


def test_what_conflicts_at_every_retry_is_refused_by_the_name_of_the_table():
    backend = Backend(APP)
    backend.inject_conflicts(5)
    error = backend.mutation("t:put").error
    assert error.kind is FailureKind.CONFLICT
    assert error.headline == (
        'Documents read from or written to the "free" table changed while this mutation was being '
        "run and on every subsequent retry. See https://docs.convex.dev/error#1"
    )


def test_the_error_of_a_nested_call_keeps_its_data_and_loses_its_class():
    STEPS["throw"] = lambda ctx: _throw(ConvexError({"code": 1}))
    STEPS["pass on"] = lambda ctx: ctx.run_query("s:read", {"step": "throw"})
    outcome = Backend(APP).query("s:read", {"step": "pass on"})
    assert outcome.error.data == {"code": 1.0}


def _throw(error):
    raise error


@pytest.mark.parametrize(
    ("declare", "text"),
    [
        (lambda: define_table({}).index("by_id", ["a"]), "reserved"),
        (lambda: define_table({}).index("by_creation_time", ["a"]), "reserved"),
        (lambda: define_table({}).index("_mine", ["a"]), "reserved"),
        (lambda: define_table({}).index("i", ["_id"]), "_id"),
        (lambda: define_table({}).index("i", ["_creationTime"]), "_creationTime"),
        (lambda: define_schema({"_mine": define_table({})}), "metadata prefix '_'"),
        (lambda: define_table({"_x": v.any()}), "starts with an underscore"),
    ],
)
def test_a_schema_that_convex_refuses_is_refused_when_it_is_written_down(declare, text):
    with pytest.raises(SchemaInvalid, match=text):
        declare()
