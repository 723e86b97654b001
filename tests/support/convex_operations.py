"""Operations on a database as plain data, carried out inside a function of the Python engine.

``tests/convex_node/interpreter.mjs`` does the same on convex-test, operation by operation. In what
is given and returned, documents have names: "@3" is the fourth one made in this component, and
"@t3" the time it was made at.
"""

from __future__ import annotations

import json
import re
from typing import Any

from codex_fakes.convex import FunctionError, component_function, mutation, query
from codex_runtime.values import (
    UNDEFINED,
    ConvexError,
    ValueLimits,
    convex_error_data,
    from_json,
    to_json,
    v,
)

RUN, READ = "oracle:run", "oracle:read"
CHILD = {"mutation": ("child", RUN), "query": ("child", READ)}
# What is too large is the database's to refuse.
UNLIMITED = ValueLimits(nesting=1_000, array_length=1_000_000, object_fields=1_000_000)
NEEDS_DOCUMENT = frozenset({"get", "patch", "replace", "delete", "normalize"})


class Names:
    """What is known of the documents of one component."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.jobs: list[str] = []
        self._places: dict[str, int] = {}
        self._times: dict[int, float] = {}

    def made(self, document_id: str) -> str:
        self._places[document_id] = len(self.ids)
        self.ids.append(document_id)
        return f"@{len(self.ids) - 1}"

    def id(self, name: str) -> str:
        return self.ids[int(name[1:]) % len(self.ids)]

    def job(self, name: str) -> str:
        return self.jobs[int(name[1:]) % len(self.jobs)]

    def time_of(self, document: dict[str, Any]) -> str:
        place = self._places[document["_id"]]
        first = self._times.setdefault(place, document["_creationTime"])
        return f"@t{place}" if first == document["_creationTime"] else "another time"

    def given(self, encoded: Any) -> Any:
        return self._resolved(from_json(encoded, limits=UNLIMITED))

    def given_or_missing(self, encoded: Any) -> Any:
        missing = isinstance(encoded, dict) and "$undefined" in encoded
        return UNDEFINED if missing else self.given(encoded)

    def given_fields(self, encoded: dict[str, Any]) -> dict[str, Any]:
        return {name: self.given_or_missing(value) for name, value in encoded.items()}

    def returned(self, value: Any) -> Any:
        return to_json(self._named(value))

    def _resolved(self, value: Any) -> Any:
        name = re.fullmatch(r"@(t?)([0-9]+)", value) if isinstance(value, str) else None
        if name and self.ids:
            place = int(name[2]) % len(self.ids)
            return self._times[place] if name[1] else self.ids[place]
        return _walked(value, self._resolved)

    def _named(self, value: Any) -> Any:
        if isinstance(value, str) and value in self._places:
            return f"@{self._places[value]}"
        named = _walked(value, self._named)
        if isinstance(value, dict) and "_creationTime" in value:
            named["_creationTime"] = self.time_of(value)
        return named


def _walked(value: Any, step: Any) -> Any:
    if isinstance(value, list):
        return [step(part) for part in value]
    if isinstance(value, dict):
        return {name: step(part) for name, part in value.items()}
    return value


def failure(error: BaseException) -> dict[str, Any]:
    """What a function or an operation that failed came to: its class, never its text."""
    data = error.data if isinstance(error, FunctionError) else convex_error_data(error)
    if data is UNDEFINED:
        return {"error": "Error"}
    return {"error": "ConvexError", "data": to_json(data)}


def _expression(q: Any, names: Names, encoded: list[Any]) -> Any:
    operator, *operands = encoded
    if operator == "field":
        return q.field(operands[0])
    if operator == "value":
        return names.given_or_missing(operands[0])
    name = f"{operator}_" if operator in {"and", "or", "not"} else operator
    return getattr(q, name)(*(_expression(q, names, operand) for operand in operands))


def _asked(db: Any, names: Names, op: dict[str, Any]) -> Any:
    found = db.query(op["table"])
    if op.get("index"):

        def bounds(q: Any) -> Any:
            for bound, field, value in op["index"]["range"]:
                q = getattr(q, bound)(field, names.given_or_missing(value))
            return q

        found = found.with_index(op["index"]["name"], bounds)
    if op.get("order"):
        found = found.order(op["order"])
    if op.get("filter"):
        found = found.filter(lambda q: _expression(q, names, op["filter"]))
    return found


def _nothing(ctx: Any, names: Names, op: dict[str, Any]) -> None:
    del ctx, names, op


def _insert(ctx: Any, names: Names, op: dict[str, Any]) -> str:
    name = names.made(ctx.db.insert(op["table"], names.given(op["doc"])))
    names.time_of(ctx.db.get(names.id(name)))
    return name


def _get(ctx: Any, names: Names, op: dict[str, Any]) -> Any:
    return names.returned(ctx.db.get(names.id(op["id"])))


def _patch(ctx: Any, names: Names, op: dict[str, Any]) -> None:
    ctx.db.patch(names.id(op["id"]), names.given_fields(op["fields"]))


def _replace(ctx: Any, names: Names, op: dict[str, Any]) -> None:
    ctx.db.replace(names.id(op["id"]), names.given(op["doc"]))


def _delete(ctx: Any, names: Names, op: dict[str, Any]) -> None:
    ctx.db.delete(names.id(op["id"]))


def _normalize(ctx: Any, names: Names, op: dict[str, Any]) -> Any:
    return names.returned(ctx.db.normalize_id(op["table"], names.id(op["id"])))


def _query(ctx: Any, names: Names, op: dict[str, Any]) -> Any:
    found = _asked(ctx.db, names, op)
    end, *count = op["end"]
    return names.returned(getattr(found, end)(*count))


def _page(ctx: Any, names: Names, op: dict[str, Any]) -> Any:
    options = {"numItems": op["size"], "cursor": op["cursor"]}
    result = _asked(ctx.db, names, op).paginate(options)
    return {
        "page": names.returned(result["page"]),
        "cursor": result["continueCursor"],
        "isDone": result["isDone"],
    }


def _schedule(ctx: Any, names: Names, op: dict[str, Any]) -> int:
    args = {"ops": json.dumps(op["ops"])}
    names.jobs.append(ctx.scheduler.run_after(op["delay"], op.get("target", RUN), args))
    return len(names.jobs) - 1


def _cancel_pending(ctx: Any, names: Names, op: dict[str, Any]) -> str | None:
    job = ctx.db.system.get(names.job(op["job"]))
    if job is None:
        return None
    if job["state"]["kind"] == "pending":
        ctx.scheduler.cancel(job["_id"])
    return job["state"]["kind"]


def _cancel(ctx: Any, names: Names, op: dict[str, Any]) -> None:
    ctx.scheduler.cancel(names.job(op["job"]))


def _jobs(ctx: Any, names: Names, op: dict[str, Any]) -> list[Any]:
    del op
    found = {
        job["_id"]: [job["state"]["kind"], json.loads(job["args"][0]["ops"])]
        for job in ctx.db.system.query("_scheduled_functions").collect()
    }
    return [found.get(job) for job in names.jobs]


OPERATIONS = {
    "nothing": _nothing,
    "insert": _insert,
    "get": _get,
    "patch": _patch,
    "replace": _replace,
    "delete": _delete,
    "normalize": _normalize,
    "query": _query,
    "page": _page,
    "schedule": _schedule,
    "cancelPending": _cancel_pending,
    "cancel": _cancel,
    "jobs": _jobs,
}


def _carried_out(ctx: Any, names: Names, op: dict[str, Any]) -> Any:
    if op["op"] in NEEDS_DOCUMENT and not names.ids:
        return "no document"
    if op["op"] == "cancelPending" and not names.jobs:
        return "no job"
    if op["op"] == "call":
        kind = op["kind"]
        own = READ if kind == "query" else RUN
        ref = component_function(*CHILD[kind]) if op["child"] else own
        call = ctx.run_query if kind == "query" else ctx.run_mutation
        return json.loads(call(ref, {"ops": json.dumps(op["ops"])}))
    return OPERATIONS[op["op"]](ctx, names, op)


def interpret(ctx: Any, names: Names, ops: list[dict[str, Any]]) -> list[Any]:
    """Carry out operations one after another.

    One that fails is told in its result; only "throw", and a call that is not to be caught, end
    the function.
    """
    results = []
    for op in ops:
        if op["op"] == "throw":
            raise ConvexError(from_json(op["data"])) if "data" in op else RuntimeError("thrown")
        try:
            results.append(_carried_out(ctx, names, op))
        except (FunctionError, ConvexError) as error:
            if op["op"] == "call" and not op["caught"]:
                raise
            results.append(failure(error))
    return results


def oracle_module() -> dict[str, Any]:
    """The functions of one component, with names of its own for its documents."""
    names = Names()

    @mutation(args={"ops": v.string()}, returns=v.string())
    def run(ctx: Any, args: dict[str, Any]) -> str:
        return json.dumps(interpret(ctx, names, json.loads(args["ops"])))

    @query(args={"ops": v.string()}, returns=v.string())
    def read(ctx: Any, args: dict[str, Any]) -> str:
        return json.dumps(interpret(ctx, names, json.loads(args["ops"])))

    return {"run": run, "read": read}
