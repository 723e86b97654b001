"""The in-memory Convex against npm's convex-test on Node: the same functions, in the same run.

convex-test walks all rows for every query, so it is only asked as far as that is bearable; the
engine goes on to 100,000 rows, where it must cost what it costs at 100.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measure import Row, best_seconds
from codex_fakes.convex import App, Backend, define_schema, define_table, mutation, query, v

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from support.node import FOLDER, ready_node
from support.node_lines import NodeLines

SIZES = (100, 1_000, 10_000)
"""With how many rows both are asked."""
MOST = 100_000
# Inserts come last, so that what reads does it from as many rows as it says.
TURNS = {"empty": 2_000, "lookup": 1_000, "bump": 1_000, "insert": 1_000}
NODE_TURNS = {100: 1_000, 1_000: 200, 10_000: 20}
"""How often convex-test is asked for what it reads through an index, by its rows."""
ROUNDS = 5
READY_LIMIT, IMPORT_LIMIT = 0.005, 0.150
# A thousand times the rows are a longer bisection, and no longer all in the processor's caches.
FLAT_LIMIT = 2.0
TITLES = {
    "empty": "an empty mutation",
    "insert": "a mutation with one insert",
    "lookup": "an indexed lookup",
    "bump": "a mutation with an indexed read and a patch",
}
LEAST = {
    ("empty", 100): 1.0,
    ("insert", 100): 1.0,
    ("lookup", 100): 2.0,
    ("lookup", 10_000): 100.0,
    ("bump", 100): 1.0,
    ("bump", 10_000): 50.0,
}
"""How many times as fast as convex-test the engine has to be, by what it does and its rows."""

SCHEMA = define_schema(
    {
        "rows": define_table({"key": v.string(), "count": v.number()}).index("by_key", ["key"]),
    }
)


@mutation(args={})
def empty(ctx, args):
    pass


@mutation(args={"key": v.string()})
def insert(ctx, args):
    return ctx.db.insert("rows", {"key": args["key"], "count": 0})


@mutation(args={"from": v.number(), "to": v.number()})
def fill(ctx, args):
    for place in range(int(args["from"]), int(args["to"])):
        ctx.db.insert("rows", {"key": f"row{place}", "count": 0})


@query(args={"key": v.string()})
def lookup(ctx, args):
    return _found(ctx, args["key"])


@mutation(args={"key": v.string()})
def bump(ctx, args):
    row = _found(ctx, args["key"])
    ctx.db.patch(row["_id"], {"count": row["count"] + 1})


def _found(ctx, key):
    return ctx.db.query("rows").with_index("by_key", lambda q: q.eq("key", key)).unique()


MODULE = {"empty": empty, "insert": insert, "fill": fill, "lookup": lookup, "bump": bump}
APP = App(schema=SCHEMA, modules={"bench": MODULE})


def filled(rows: int) -> Backend:
    """A backend with that many rows."""
    backend = Backend(APP)
    for begin in range(0, rows, 1_000):
        backend.mutation("bench:fill", {"from": begin, "to": min(rows, begin + 1_000)}).unwrap()
    return backend


class Ours:
    """The engine, asked for the same as convex-test."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._backend = filled(rows)
        self._fresh = 0

    def seconds(self, run: str, times: int) -> float:
        """How long it takes to do something that often."""
        call = self._backend.query if run == "lookup" else self._backend.mutation
        path = f"bench:{run}"
        arguments = [self._arguments(run, turn) for turn in range(times)]
        begin = time.perf_counter()
        for args in arguments:
            if not call(path, args).ok:
                raise RuntimeError(f"{path} failed")
        return time.perf_counter() - begin

    def _arguments(self, run: str, turn: int) -> dict[str, str]:
        if run == "empty":
            return {}
        if run == "insert":
            self._fresh += 1
            return {"key": f"new{self._fresh}"}
        return {"key": f"row{turn * 7919 % self._rows}"}


class Theirs:
    """convex-test, asked for the same."""

    def __init__(self, node: NodeLines, rows: int) -> None:
        self._node = node
        self._rows = rows
        node.ask({"rows": rows})

    def seconds(self, run: str, times: int) -> float:
        """How long it takes to do something that often; it is done less often, when it is slow."""
        asked = NODE_TURNS[self._rows] if run in {"lookup", "bump"} else times
        return self._node.ask({"run": run, "times": asked}) * times / asked


def micros(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f} µs"


def in_turns(ours: Ours, other: Ours | Theirs) -> Iterator[tuple[str, float, float]]:
    """What is done, and the least seconds that one takes on either side."""
    for run, times in TURNS.items():
        best, best_other = float("inf"), float("inf")
        for _ in range(ROUNDS):
            best = min(best, ours.seconds(run, times) / times)
            best_other = min(best_other, other.seconds(run, times) / times)
        yield run, best, best_other


def rows() -> Iterator[Row]:
    """The lines of the table."""
    yield from _beginning()
    with NodeLines(ready_node().program, FOLDER / "bench.mjs") as node:
        for size in SIZES:
            for run, ours, theirs in in_turns(Ours(size), Theirs(node, size)):
                ratio, least = theirs / ours, LEAST.get((run, size))
                yield Row(
                    f"{TITLES[run]}, {size:,} rows",
                    micros(ours),
                    f"convex-test {micros(theirs)}: {ratio:,.1f} x as fast",
                    "" if least is None else f">= {least:g} x",
                    None if least is None else ratio >= least,
                )
    for run, many, few in in_turns(Ours(MOST), Ours(SIZES[0])):
        yield Row(
            f"{TITLES[run]}, {MOST:,} rows",
            micros(many),
            f"{many / few:.2f} x that of {SIZES[0]} rows",
            f"<= {FLAT_LIMIT} x",
            many / few <= FLAT_LIMIT,
        )


def _beginning() -> Iterator[Row]:
    def imported(line: str) -> Callable[[], None]:
        def run() -> None:
            subprocess.run([sys.executable, "-c", line], check=True, timeout=60)

        return run

    engine = "import codex_fakes.convex.engine.backend"
    nothing, everything = best_seconds(imported("pass"), imported(engine))
    over = everything - nothing
    yield Row(
        engine,
        f"{everything * 1000:.0f} ms",
        f"+{over * 1000:.0f} ms over python",
        f"<= {IMPORT_LIMIT * 1000:.0f} ms over python",
        over <= IMPORT_LIMIT,
    )
    [ready] = best_seconds(lambda: Backend(APP).query("bench:lookup", {"key": "x"}).unwrap())
    yield Row(
        "an instance, to its first answer",
        f"{ready * 1000:.2f} ms",
        "",
        f"<= {READY_LIMIT * 1000:.0f} ms",
        ready <= READY_LIMIT,
    )
