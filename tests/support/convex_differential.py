"""The same program on the Python engine and on convex-test, and what differs."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from typing import Any

from codex_fakes.convex import App, Backend, Component, VirtualClock, define_schema, define_table
from codex_runtime.values import UNDEFINED, Validator, to_json
from support.convex_operations import READ, RUN, oracle_module

START = 1_700_000_000_000.0
"""Where the clocks of both sides begin, in milliseconds."""

Program = dict[str, Any]


def schema_of(tables: dict[str, Any]) -> Any:
    """The schema that a program describes."""
    made = {}
    for name, table in tables.items():
        defined = define_table(Validator.from_json(table["document"]))
        for index, fields in table["indexes"]:
            defined = defined.index(index, fields)
        made[name] = defined
    return define_schema(made)


class EngineRun:
    """A backend of the Python engine, with a program's tables in the app and in a component."""

    def __init__(self, tables: dict[str, Any], runner: asyncio.Runner) -> None:
        schema = schema_of(tables)
        app = App(
            schema=schema,
            modules={"oracle": oracle_module()},
            components={"child": Component(schema=schema, modules={"oracle": oracle_module()})},
        )
        self._backend = Backend(app, clock=VirtualClock(START))
        self._runner = runner

    def step(self, step: dict[str, Any]) -> Any:
        """Carry out one step; what it came to."""
        if "advance" in step:
            self._advance(step["advance"])
            return None
        if "pages" in step:
            said = self._pages(step["pages"])
        elif "query" in step:
            said = self._outcome(self._backend.query, READ, step["query"])
        else:
            said = self._outcome(self._backend.mutation, RUN, step["mutation"])
        self._advance(1)
        return said

    def _advance(self, ms: float) -> None:
        self._runner.run(self._backend.advance(ms))

    def _outcome(self, call: Callable[..., Any], path: str, ops: list[Any]) -> Any:
        outcome = call(path, {"ops": json.dumps(ops)})
        if outcome.ok:
            return {"results": json.loads(outcome.value)}
        if outcome.error.data is UNDEFINED:
            return {"error": "Error"}
        return {"error": "ConvexError", "data": to_json(outcome.error.data)}

    def _pages(self, asked: dict[str, Any]) -> Any:
        found, cursor = [], None
        while True:
            ops = [asked | {"op": "page", "cursor": cursor}]
            [result] = self._outcome(self._backend.query, READ, ops)["results"]
            if "error" in result:
                return result
            if result["page"]:
                found.append(result["page"])
            if result["isDone"]:
                return found
            cursor = result["cursor"]


def on_engine(program: Program, runner: asyncio.Runner) -> list[Any]:
    """What each step of a program comes to on the Python engine."""
    run = EngineRun(program["tables"], runner)
    return [run.step(step) for step in program["steps"]]


def comparable(said: Any) -> str:
    """Results as text that is equal where they mean the same: 3 is 3.0, but neither is true."""

    def floats(value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, list):
            return [floats(part) for part in value]
        if isinstance(value, dict):
            # The cursor of a page is opaque, and each side's own.
            return {name: floats(part) for name, part in value.items() if name != "cursor"}
        return value

    return json.dumps(floats(said), sort_keys=True)


def first_difference(ours: list[Any], theirs: list[Any]) -> int | None:
    """The place of the first step that came to something else, if there is one."""
    for place, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        if comparable(mine) != comparable(other):
            return place
    return None


def smallest(program: Program, differs: Callable[[Program], bool]) -> Program:
    """Take away steps and operations as long as the program still differs."""
    found = copy.deepcopy(program)
    places = True
    while places:
        places = False
        lists = [found["steps"], *_operation_lists(found["steps"])]
        for ops in lists:
            for place in reversed(range(len(ops))):
                removed = ops.pop(place)
                if differs(found):
                    places = True
                else:
                    ops.insert(place, removed)
    return found


def _operation_lists(parts: list[dict[str, Any]]) -> list[list[Any]]:
    found = []
    for part in parts:
        for name in ("mutation", "query", "ops"):
            if name in part:
                found += [part[name], *_operation_lists(part[name])]
    return found
