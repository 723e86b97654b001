"""Every limit there is: what is just within it passes, and what is just past it does not.

The table below has a row for each field of ``Limits``; a field without one fails the first test.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import pytest

from codex_fakes.convex import (
    App,
    Backend,
    FunctionError,
    Limits,
    VirtualClock,
    action,
    define_schema,
    define_table,
    mutation,
    query,
    v,
)
from codex_fakes.convex.engine.schema import SchemaInvalid
from codex_runtime.values import size_of

if TYPE_CHECKING:
    from collections.abc import Callable

TIMED_OUT = "Function execution timed out (maximum duration: "


class Functions:
    @mutation
    def put(ctx, args):
        for _ in range(int(args.get("times", 1))):
            ctx.db.insert(args.get("table", "rows"), args["document"])

    @query
    def take(ctx, args):
        ctx.db.query("rows").take(args["count"])

    @query
    def look(ctx, args):
        for _ in range(int(args["times"])):
            ctx.db.query("rows").first()

    @query
    def tables(ctx, args):
        for number in range(int(args["count"])):
            ctx.db.query(f"t{number}").collect()

    @query
    def filtered(ctx, args):
        rows = ctx.db.query("rows")
        for _ in range(int(args["times"])):
            rows = rows.filter(lambda q: q.eq(1, 1))
        rows.first()

    @query
    def give(ctx, args):
        return "x" * int(args["length"])

    @query
    def nothing(ctx, args):
        return None

    @query
    def deeper(ctx, args):
        if args["levels"]:
            ctx.run_query("m:deeper", {"levels": args["levels"] - 1})

    @mutation
    def schedule(ctx, args):
        for _ in range(int(args["times"])):
            ctx.scheduler.run_after(args["delay"], "m:put", args["args"])

    @query
    def log(ctx, args):
        for _ in range(int(args["lines"])):
            ctx.log("x" * int(args["length"]))

    @mutation
    def overwrite(ctx, args):
        for row in ctx.db.query("rows"):
            ctx.db.replace(row["_id"], args)


MODULES = {"m": Functions}
APP = App(modules=MODULES)
NOT_DECLARED = {"document": {}}


def told(outcome):
    """Why a call failed; empty when it did not."""
    return "" if outcome.ok else outcome.error.message


def nested(levels):
    value = None
    for _ in range(levels):
        value = [value]
    return value


def document(size):
    """A document that has this size when it has its system fields."""
    system = {"_id": "i" * 32, "_creationTime": 0.0, "text": ""}
    return {"text": "x" * (int(size) - size_of(system))}


def arguments(size):
    """Arguments of this size."""
    return {"text": "x" * (int(size) - size_of({"text": ""}))}


def put(limits, contents, **more):
    return told(Backend(APP, limits=limits).mutation("m:put", {"document": contents, **more}))


def holding(limits, *documents):
    backend = Backend(APP, limits=limits)
    for one in documents:
        backend.mutation("m:put", {"document": one}).unwrap()
    return backend


def asked(limits, path, **args):
    return told(Backend(APP, limits=limits).query(path, args))


def scheduled(limits, *, times=1.0, delay=0.0, args=None):
    asked_for = {"times": times, "delay": delay, "args": args or {}}
    return told(Backend(APP, limits=limits).mutation("m:schedule", asked_for))


def declared(limits, tables):
    try:
        define_schema(tables, limits=limits)
    except SchemaInvalid as error:
        return str(error)
    return ""


def with_indexes(count):
    table = define_table(v.any())
    for number in range(int(count)):
        table = table.index(f"by_{number}", ["a"])
    return {"t": table}


def took(limits, seconds):
    """A query that takes so long, by a stopwatch that it turns itself."""
    shown = [0.0]

    @query
    def work(ctx, args):
        shown[0] += seconds

    app = App(modules={"m": {"work": work}})
    return told(Backend(app, limits=limits, stopwatch=lambda: shown[0]).query("m:work"))


def acted(limits, seconds):
    """An action during which so much time passes."""
    clock = VirtualClock()

    @action
    async def work(ctx, args):
        clock.advance_to(clock.now_ms() + seconds * 1000)

    backend = Backend(App(modules={"m": {"work": work}}), limits=limits, clock=clock)
    return told(asyncio.run(backend.action("m:work")))


def side_by_side(limits, count):
    """Scheduled actions that each wait for all of them; says so when they cannot all run."""
    most = min(count, limits.scheduler_parallelism)
    running, events = [], {}

    @action
    async def meet(ctx, args):
        running.append(1)
        if len(running) == count:
            events["all"].set()
        if len(running) == most:
            events["most"].set()
        await events["all"].wait()

    @mutation
    def begin(ctx, args):
        for _ in range(int(count)):
            ctx.scheduler.run_after(0, "m:meet")

    backend = Backend(App(modules={"m": {"meet": meet, "begin": begin}}), limits=limits)
    backend.mutation("m:begin").unwrap()

    async def run():
        events.update(all=asyncio.Event(), most=asyncio.Event())
        due = asyncio.create_task(backend.run_due())
        async with asyncio.timeout(10):
            await events["most"].wait()
            met = events["all"].is_set()
            events["all"].set()
            await due
        return "" if met else f"{count:g} do not run at a time"

    return asyncio.run(run())


def conflicting(limits, times):
    backend = Backend(APP, limits=limits)
    backend.inject_conflicts(int(times))
    return told(backend.mutation("m:put", NOT_DECLARED))


def looked_back(limits, *, commits=1.0, milliseconds=0.0, superseded=None):
    """A query at a timestamp that has been superseded since."""
    clock = VirtualClock()
    backend = Backend(APP, limits=limits, clock=clock)
    backend.mutation("m:put", {"document": superseded or {}}).unwrap()
    before = backend.ts
    for _ in range(int(commits)):
        backend.mutation("m:overwrite", {"to": 1}).unwrap()
    clock.advance_to(clock.now_ms() + milliseconds)
    return told(backend.query("m:nothing", {}, at=before))


def logged(limits, *, lines=1.0, length=1.0):
    outcome = Backend(APP, limits=limits).query("m:log", {"lines": lines, "length": length})
    return (
        ""
        if outcome.log_lines == ("[LOG] " + repr("x" * int(length)),) * int(lines)
        else (outcome.log_lines[-1])
    )


@dataclass(frozen=True)
class Case:
    """A limit, lowered, and a way to use up a given amount of what it limits."""

    limit: float
    use: Callable[[Limits, float], str]
    text: str
    one_more: float = 1


CASES = {
    "documents_read": Case(
        3,
        lambda limits, count: told(holding(limits, *[{}] * 9).query("m:take", {"count": count})),
        "Too many documents read in a single function execution (limit: 3). Consider using",
    ),
    "bytes_read": Case(
        200,
        lambda limits, size: told(holding(limits, document(size)).query("m:take", {"count": 1})),
        "Too many bytes read in a single function execution (limit: 200 bytes). Consider using",
    ),
    "ranges_read": Case(
        4,
        lambda limits, times: asked(limits, "m:look", times=times),
        "Too many reads in a single function execution (limit: 4). Consider using",
    ),
    "documents_written": Case(
        3,
        lambda limits, times: put(limits, {}, times=times),
        "Too many writes in a single function execution (limit: 3)",
    ),
    "bytes_written": Case(
        200,
        lambda limits, size: put(limits, document(size)),
        "Too many bytes written in a single function execution (limit: 200 bytes)",
    ),
    "functions_scheduled": Case(
        2,
        lambda limits, times: scheduled(limits, times=times),
        "Too many functions scheduled by this mutation (limit: 2)",
    ),
    "scheduled_bytes": Case(
        100,
        lambda limits, size: scheduled(limits, args=arguments(size)),
        "Too large total size of the arguments of functions scheduled from this mutation "
        "(limit: 100 bytes)",
    ),
    "arguments_bytes": Case(
        100,
        lambda limits, size: asked(limits, "m:nothing", **arguments(size)),
        "Arguments for m.js:nothing are too large (actual: 101 B, limit: 100 B)",
    ),
    "return_bytes": Case(
        100,
        lambda limits, size: asked(limits, "m:give", length=size - 2),
        "Function m.js:give return value is too large (actual: 101 B, limit: 100 B)",
    ),
    "document_bytes": Case(
        200,
        lambda limits, size: put(limits, document(size)),
        "Value is too large (201 B > maximum size 200 B)",
    ),
    "document_nesting": Case(
        5,
        lambda limits, levels: put(limits, {"a": nested(levels - 1)}),
        "Document is too nested (nested 6 levels deep > maximum nesting 5)",
    ),
    "value_nesting": Case(
        5,
        lambda limits, levels: asked(limits, "m:nothing", a=nested(levels - 1)),
        "Value is too nested (nested 6 levels deep > maximum nesting 5)",
    ),
    "array_length": Case(
        7,
        lambda limits, length: asked(limits, "m:nothing", a=[0] * int(length)),
        "Array length is too long (8 > maximum length 7)",
    ),
    "object_fields": Case(
        7,
        lambda limits, count: put(limits, {f"f{number}": 0 for number in range(int(count) - 2)}),
        "Object has too many fields (8 > maximum number 7)",
    ),
    "field_name_length": Case(
        9,
        lambda limits, length: asked(limits, "m:nothing", **{"n" * int(length): 0}),
        "Field name is too long (10 > maximum 9)",
    ),
    "identifier_length": Case(
        9,
        lambda limits, length: put(limits, {}, table="n" * int(length)),
        "Identifier is too long (10 > maximum 9)",
    ),
    "tables": Case(
        3,
        lambda limits, count: declared(
            limits, {f"t{number}": define_table({}) for number in range(int(count))}
        ),
        "Number of tables cannot exceed 3.",
    ),
    "indexes": Case(
        3,
        lambda limits, count: declared(limits, with_indexes(count)),
        'Number of total indexes cannot exceed 3 in table "t".',
    ),
    "index_fields": Case(
        3,
        lambda limits, count: declared(
            limits,
            {"t": define_table(v.any()).index("i", [f"f{number}" for number in range(int(count))])},
        ),
        "an index can have at most 3 fields, not 4.",
    ),
    "query_seconds": Case(1.0, took, TIMED_OUT + "1s)", one_more=0.001),
    "action_seconds": Case(1_800.0, acted, TIMED_OUT + "1800s)", one_more=0.001),
    "call_depth": Case(
        3,
        lambda limits, levels: asked(limits, "m:deeper", levels=levels),
        "Cross component call depth limit exceeded. Do you have an infinite loop in your app?",
    ),
    "log_lines": Case(
        4,
        # The line that says that there were more has the place of the last one.
        lambda limits, lines: logged(limits, lines=lines - 1),
        "[ERROR] Log overflow (maximum 4). Remaining log lines omitted.",
    ),
    "log_line_length": Case(
        50,
        lambda limits, length: logged(limits, length=length - 2),
        "(truncated due to length)",
    ),
    "query_operators": Case(
        3,
        lambda limits, times: asked(limits, "m:filtered", times=times),
        "Can't construct query with more than 3 operators",
    ),
    "scheduler_parallelism": Case(3, side_by_side, "4 do not run at a time"),
    "schedule_distance_ms": Case(
        60_000.0,
        lambda limits, delay: scheduled(limits, delay=delay),
        "is more than 5 years in the future",
    ),
    "conflict_retries": Case(
        2, conflicting, 'Documents read from or written to the "rows" table changed while this'
    ),
    "snapshot_window_ms": Case(
        5_000.0,
        lambda limits, milliseconds: looked_back(limits, milliseconds=milliseconds),
        "Snapshot timestamp out of retention window",
    ),
    "snapshot_commits": Case(
        3,
        lambda limits, commits: looked_back(limits, commits=commits),
        "Snapshot timestamp out of retention window",
    ),
    "snapshot_bytes": Case(
        300,
        lambda limits, size: looked_back(limits, superseded=document(size)),
        "Snapshot timestamp out of retention window",
    ),
}


def test_every_limit_has_a_case():
    assert list(CASES) == [field.name for field in fields(Limits)]


@pytest.mark.parametrize("name", CASES)
def test_what_is_within_a_limit_passes(name):
    case = CASES[name]
    assert case.use(Limits(**{name: case.limit}), case.limit) == ""


@pytest.mark.parametrize("name", CASES)
def test_what_is_past_a_limit_is_refused_in_convex_words(name):
    case = CASES[name]
    assert case.text in case.use(Limits(**{name: case.limit}), case.limit + case.one_more)


def test_the_limits_are_those_that_convex_documents():
    mib, limits = 1 << 20, Limits()
    assert (limits.documents_read, limits.bytes_read, limits.ranges_read) == (
        32_000,
        16 * mib,
        4_096,
    )
    assert (limits.documents_written, limits.bytes_written) == (16_000, 16 * mib)
    assert (limits.functions_scheduled, limits.scheduled_bytes) == (1_000, 16 * mib)
    assert (limits.arguments_bytes, limits.return_bytes) == (16 * mib, 16 * mib)
    assert (limits.document_bytes, limits.document_nesting, limits.value_nesting) == (mib, 16, 64)
    assert (limits.array_length, limits.object_fields) == (8_192, 1_024)
    assert (limits.field_name_length, limits.identifier_length) == (1_024, 64)
    assert (limits.tables, limits.indexes, limits.index_fields) == (10_000, 64, 16)
    assert (limits.query_seconds, limits.action_seconds, limits.call_depth) == (1.0, 1_800.0, 8)
    assert (limits.log_lines, limits.log_line_length, limits.query_operators) == (256, 32_768, 256)
    assert (limits.scheduler_parallelism, limits.conflict_retries) == (8, 4)
    assert limits.schedule_distance_ms == 5 * 365 * 86_400_000.0


def test_a_patch_may_add_up_to_as_many_fields_as_a_document_has():
    @mutation
    def grow(ctx, args):
        row = ctx.db.query("rows").first()
        ctx.db.patch(row["_id"], {f"more{number}": 0 for number in range(int(args["count"]))})

    app = App(modules=MODULES | {"n": {"grow": grow}})
    backend = Backend(app, limits=Limits(object_fields=7))
    backend.mutation("m:put", {"document": {"a": 1, "b": 2, "c": 3}}).unwrap()
    assert "Object has too many fields (8 > maximum number 7)" in told(
        backend.mutation("n:grow", {"count": 3})
    )
    assert backend.mutation("n:grow", {"count": 2}).ok


def test_a_document_has_1022_fields_of_its_own():
    assert put(Limits(), {f"f{number}": 0 for number in range(1_022)}) == ""
    assert "Object has too many fields (1025 > maximum number 1024)" in put(
        Limits(), {f"f{number}": 0 for number in range(1_023)}
    )


def test_scheduled_arguments_are_as_deep_as_arguments_may_be_also_after_a_restart():
    backend = Backend(APP)
    args = {"times": 1, "delay": 10, "args": {"document": {}, "deep": nested(61)}}
    backend.mutation("m:schedule", args).unwrap()
    restored = Backend.restore(APP, backend.snapshot())
    assert asyncio.run(restored.advance(10)) == 1


def test_a_call_that_took_too_long_writes_nothing_and_nobody_can_catch_it():
    shown = [0.0]

    @mutation
    def work(ctx, args):
        ctx.db.insert("rows", {})
        try:
            ctx.run_mutation("m:put", NOT_DECLARED)
            shown[0] += 1.5
        except FunctionError:
            return "caught"

    app = App(modules=MODULES | {"n": {"work": work}})
    backend = Backend(app, stopwatch=lambda: shown[0])
    before = backend.ts
    outcome = backend.mutation("n:work")
    assert outcome.error.message == f"{TIMED_OUT}1s)\n"
    assert backend.ts == before


def test_an_action_past_its_time_has_no_effect_any_more():
    clock, caught = VirtualClock(), []

    @action
    async def work(ctx, args):
        await ctx.run_mutation("m:put", NOT_DECLARED)
        clock.advance_to(clock.now_ms() + 2_000_000)
        for call in (
            lambda: ctx.run_mutation("m:put", NOT_DECLARED),
            lambda: ctx.run_action("n:work"),
            lambda: ctx.scheduler.run_after(0, "m:put", NOT_DECLARED),
            lambda: ctx.scheduler.cancel("none"),
        ):
            try:
                await call()
            except FunctionError as error:
                caught.append(error.message)

    backend = Backend(App(modules=MODULES | {"n": {"work": work}}), clock=clock)
    outcome = asyncio.run(backend.action("n:work"))
    assert outcome.error.message == f"{TIMED_OUT}1800s)\n"
    assert caught == [f"{TIMED_OUT}1800s)"] * 4
    assert len(holding_rows(backend)) == 1


def holding_rows(backend):
    @query
    def rows(ctx, args):
        return ctx.db.query("rows").collect()

    backend.deploy(App(modules={"m": {"rows": rows}}))
    return backend.query("m:rows").unwrap()


@pytest.mark.parametrize("path", ["m:nothing", "m.js:nothing", None])
def test_a_timeout_can_be_asked_for_by_the_name_of_the_function(path):
    backend = Backend(APP)
    backend.inject_timeouts(2, path)
    if path is not None:
        assert backend.query("m:give", {"length": 1}).ok
    assert told(backend.query("m:nothing")) == f"{TIMED_OUT}1s)\n"
    assert told(backend.query("m:nothing")) == f"{TIMED_OUT}1s)\n"
    assert backend.query("m:nothing").ok


def test_a_timeout_of_what_cannot_be_a_path_is_refused():
    with pytest.raises(FunctionError, match="not a valid path"):
        Backend(APP).inject_timeouts(1, "a b:c")


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.0, "1s"), (2.5, "2.5s"), (0.05, "50ms"), (1_800.0, "1800s"), (0, "0s")]
)
def test_a_time_is_written_as_convex_writes_it(seconds, text):
    assert took(Limits(query_seconds=seconds), seconds + 1) == f"{TIMED_OUT}{text})\n"
