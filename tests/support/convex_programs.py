"""Random programs of database operations, as hypothesis draws them.

A program is a schema and steps. A step is one mutation, one query, one pagination to its end, or
time that passes. What is drawn keeps away from the ground where convex-test is known to be wrong
(``support.convex_test_errors``): ordering in filters is by fields that always hold a plain number
or an ASCII string, no index holds ids, only a job that is pending is
cancelled, and only fields that the schema knows are removed.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from support.convex_documents import (
    DEEP,
    LEAVES,
    MISSING,
    NAMES,
    PLAIN_NUMBERS,
    PLAIN_STRINGS,
    TIMES,
    VALUES,
    fitting_fields,
    schemas,
)

TABLES = ("free", "strict", "undeclared")


class Drawing:
    """The operations that make sense on a schema."""

    def __init__(self, tables: dict[str, Any]) -> None:
        self._tables = tables
        self._documents = {name: self._document(name) for name in TABLES}
        self._any_fields = st.dictionaries(
            st.sampled_from(["a", "b", "c", "o", "z"]), st.one_of(VALUES, DEEP), max_size=2
        )
        declared = sorted({"a", "b", "c", "o"} & set(tables["strict"]["document"]["value"]))
        changes = st.dictionaries(st.sampled_from(["a", "b", "c", "o"]), VALUES, max_size=2)
        removals = st.sets(st.sampled_from(declared), max_size=2) if declared else st.just(set())
        # A system field may be passed, when it says what is so.
        system = st.one_of(
            *[st.just({})] * 6,
            NAMES.map(lambda name: {"_id": name}),
            TIMES.map(lambda time: {"_creationTime": time}),
        )
        self._patches = st.tuples(changes, removals, system).map(
            lambda drawn: drawn[0] | dict.fromkeys(sorted(drawn[1]), MISSING) | drawn[2]
        )
        self.reading = st.one_of(self._reads(), self._queries())
        self.writing = st.one_of(self._writes(), self._reads(), self._queries())

    def _document(self, table: str) -> st.SearchStrategy[Any]:
        plain = {"n": PLAIN_NUMBERS, "s": PLAIN_STRINGS}
        if table != "strict":
            optional = {"a": VALUES, "b": LEAVES, "c": LEAVES, "o": DEEP, "ref": NAMES}
            return st.fixed_dictionaries(plain, optional=optional)
        fields = self._tables["strict"]["document"]["value"]
        rest = {name: field for name, field in fields.items() if name not in plain}
        return st.tuples(st.fixed_dictionaries(plain), fitting_fields(rest)).map(
            lambda parts: parts[0] | parts[1]
        )

    def _writes(self) -> st.SearchStrategy[Any]:
        tables = st.sampled_from(TABLES)
        inserts = tables.flatmap(
            lambda table: st.tuples(self._documents[table], st.booleans(), self._any_fields).map(
                lambda drawn: {
                    "op": "insert",
                    "table": table,
                    "doc": drawn[0] | drawn[2] if drawn[1] and table == "strict" else drawn[0],
                }
            )
        )
        replaces = st.fixed_dictionaries(
            {"op": st.just("replace"), "id": NAMES, "doc": tables.flatmap(self._documents.get)}
        )
        patches = st.fixed_dictionaries(
            {"op": st.just("patch"), "id": NAMES, "fields": self._patches}
        )
        deletes = st.fixed_dictionaries({"op": st.just("delete"), "id": NAMES})
        return st.one_of(inserts, inserts, inserts, patches, replaces, deletes)

    def _reads(self) -> st.SearchStrategy[Any]:
        return st.one_of(
            st.fixed_dictionaries({"op": st.just("get"), "id": NAMES}),
            st.fixed_dictionaries(
                {"op": st.just("normalize"), "table": st.sampled_from(TABLES), "id": NAMES}
            ),
        )

    def _queries(self) -> st.SearchStrategy[Any]:
        ends = st.one_of(
            st.sampled_from([["collect"], ["first"], ["unique"]]),
            st.integers(0, 4).map(lambda count: ["take", count]),
        )
        return st.tuples(self.asked(), ends).map(
            lambda drawn: {"op": "query", **drawn[0], "end": drawn[1]}
        )

    @st.composite
    @staticmethod
    def _range(draw: st.DrawFn, fields: list[str]) -> list[list[Any]]:
        bound = st.one_of(VALUES, st.just(MISSING))
        equal = draw(st.integers(0, len(fields)))
        found = [["eq", field, draw(bound)] for field in fields[:equal]]
        if equal < len(fields):
            bounds = draw(st.sampled_from([[], ["gt"], ["lte"], ["gte", "lt"], ["lt", "gt"]]))
            found += [[name, fields[equal], draw(bound)] for name in bounds]
        # Now and then a range that no index allows.
        if len(found) > 1 and draw(st.integers(0, 15)) == 0:
            del found[0]
        return found

    @st.composite
    @staticmethod
    def _index(draw: st.DrawFn, indexes: list[list[Any]]) -> dict[str, Any]:
        name, fields = draw(st.sampled_from(indexes))
        return {"name": name, "range": draw(Drawing._range(fields))}

    @st.composite
    @staticmethod
    def _by_time(draw: st.DrawFn) -> dict[str, Any]:
        bounds = draw(st.sampled_from([[], ["eq"], ["gt"], ["lte"], ["gte", "lt"]]))
        times = st.one_of(TIMES, TIMES, TIMES, VALUES, st.just(MISSING))
        found = [[name, "_creationTime", draw(times)] for name in bounds]
        return {"name": "by_creation_time", "range": found}

    def asked(self) -> st.SearchStrategy[Any]:
        """A query up to what ends it."""
        order = st.sampled_from([None, "asc", "desc"])
        found = []
        for table in TABLES:
            indexes = self._tables.get(table, {}).get("indexes")
            declared = [Drawing._index(indexes), Drawing._index(indexes)] if indexes else []
            index = st.one_of(st.none(), *declared, Drawing._by_time())
            found.append(
                st.fixed_dictionaries(
                    {
                        "table": st.just(table),
                        "index": index,
                        "order": order,
                        "filter": st.one_of(st.none(), FILTERS),
                    }
                )
            )
        return st.one_of(found)


def _literal_value(value: Any) -> list[Any]:
    return ["value", value]


COUNTS = st.one_of(
    st.just(["field", "n"]),
    PLAIN_NUMBERS.map(_literal_value),
    st.tuples(
        st.sampled_from(["add", "sub", "mul", "div", "mod"]), PLAIN_NUMBERS.map(_literal_value)
    ).map(lambda drawn: [drawn[0], ["field", "n"], drawn[1]]),
)
EQUALITIES = st.tuples(
    st.sampled_from(["eq", "neq"]),
    st.sampled_from(["a", "b", "c", "o.x", "n", "s", "nowhere"]).map(lambda name: ["field", name]),
    st.one_of(VALUES, st.just(MISSING)).map(_literal_value),
).map(list)
ORDERINGS = st.one_of(
    st.tuples(
        st.sampled_from(["lt", "lte", "gt", "gte"]),
        st.just(["field", "n"]),
        st.integers(-3, 3).map(lambda number: _literal_value(number + 0.5)),
    ),
    st.tuples(
        st.sampled_from(["lt", "lte", "gt", "gte"]),
        st.just(["field", "s"]),
        PLAIN_STRINGS.map(_literal_value),
    ),
).map(list)
SUMS = st.tuples(st.sampled_from(["eq", "neq"]), COUNTS, PLAIN_NUMBERS.map(_literal_value)).map(
    list
)


def _connected(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        parts.map(lambda part: ["not", part]),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(parts, min_size=1, max_size=2)).map(
            lambda drawn: [drawn[0], *drawn[1]]
        ),
    )


FILTERS = st.recursive(st.one_of(EQUALITIES, ORDERINGS, SUMS), _connected, max_leaves=3)

# The data of an error that passes a call: int64 and bytes in it are what convex-test breaks.
ERROR_DATA = st.one_of(
    PLAIN_STRINGS, PLAIN_NUMBERS, st.dictionaries(st.sampled_from("xy"), PLAIN_STRINGS, max_size=2)
)
THROWS = st.one_of(
    st.just({"op": "throw"}), ERROR_DATA.map(lambda data: {"op": "throw", "data": data})
)


@st.composite
def _call(draw: st.DrawFn, drawing: Drawing, depth: int) -> dict[str, Any]:
    kind = draw(st.sampled_from(["mutation", "mutation", "query"]))
    inner = drawing.reading if kind == "query" else _inside(drawing, depth - 1)
    ops = draw(st.lists(inner, min_size=1, max_size=4))
    if draw(st.booleans()):
        ops.append(draw(THROWS))
    child, caught = draw(st.booleans()), draw(st.integers(0, 3)) > 0
    return {"op": "call", "kind": kind, "child": child, "caught": caught, "ops": ops}


@st.composite
def _scheduled(draw: st.DrawFn, drawing: Drawing) -> dict[str, Any]:
    ops = draw(st.lists(drawing.writing, min_size=1, max_size=3))
    if draw(st.integers(0, 3)) == 0:
        ops.append(draw(THROWS))
    return {"op": "schedule", "delay": draw(st.integers(0, 30)), "ops": ops}


CANCELS = st.integers(0, 5).map(lambda number: {"op": "cancelPending", "job": f"#{number}"})


def _inside(drawing: Drawing, depth: int) -> st.SearchStrategy[Any]:
    """The operations of a mutation."""
    often = [drawing.writing] * 4
    rare = [_scheduled(drawing), st.one_of(CANCELS, st.just({"op": "jobs"}))]
    calls = [_call(drawing, depth)] if depth else []
    return st.one_of(*often, *calls, *rare)


@st.composite
def programs(draw: st.DrawFn, steps: int) -> dict[str, Any]:
    """A program.

    Args:
        draw: Hypothesis' own.
        steps: How many it has.
    """
    tables = draw(schemas())
    drawing = Drawing(tables)
    inside = _inside(drawing, 2)
    mutations = st.lists(inside, min_size=4, max_size=7).map(lambda ops: {"mutation": ops})
    queries = st.lists(drawing.reading, min_size=3, max_size=6).map(lambda ops: {"query": ops})
    pages = st.tuples(drawing.asked(), st.integers(1, 4)).map(
        lambda drawn: {"pages": drawn[0] | {"size": drawn[1]}}
    )
    passing = st.integers(1, 20).map(lambda ms: {"advance": ms})
    step = st.one_of(mutations, mutations, queries, pages, passing)
    return {
        "tables": tables,
        "steps": [
            {"mutation": draw(st.lists(drawing.writing, min_size=4, max_size=8))},
            *draw(st.lists(step, min_size=steps, max_size=steps)),
            {"advance": 100},
            _EVERYTHING,
        ],
    }


_EVERYTHING = {
    "query": [
        *({"op": "query", "table": table, "end": ["collect"]} for table in TABLES),
        {"op": "jobs"},
        {
            "op": "call",
            "kind": "query",
            "child": True,
            "caught": True,
            "ops": [
                *({"op": "query", "table": table, "end": ["collect"]} for table in TABLES),
                {"op": "jobs"},
            ],
        },
    ]
}


def operations(program: dict[str, Any]) -> int:
    """How many operations a program has."""

    def counted(ops: list[dict[str, Any]]) -> int:
        return sum(1 + counted(op.get("ops", [])) for op in ops)

    return sum(
        counted(step.get("mutation") or step.get("query") or [{}]) for step in program["steps"]
    )
