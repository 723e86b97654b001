"""Where convex-test 0.0.60 is known to be wrong, each time with the reason; nowhere else.

For each there is a program on which both sides are held to their word: convex-test must still be
wrong as told here, so that an entry goes when it is mended, and the engine must do what a real
deployment does. The random programs keep away from these. Not compared at all are the texts of
errors, ids, times and cursors, which are each side's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from support.convex_documents import encoded_int

ERROR = {"error": "Error"}


@dataclass(frozen=True)
class KnownError:
    """An error of convex-test.

    Attributes:
        name: In a word or two.
        reason: What a real deployment does, and how that is known.
        steps: What shows it; the last step is what is compared.
        wrong: What convex-test says to the last step.
        right: What a deployment, and so the engine, says.
        document: What the documents of the table "t" are.
    """

    name: str
    reason: str
    steps: list[dict[str, Any]]
    wrong: Any
    right: Any
    document: Any = None

    @property
    def program(self) -> dict[str, Any]:
        """The steps, with the tables they need."""
        document = self.document or {"type": "any"}
        return {
            "tables": {"t": {"document": document, "indexes": [["by_a_b", ["a", "b"]]]}},
            "steps": self.steps,
        }


def _object(name: str, field: Any) -> dict[str, Any]:
    return {"type": "object", "value": {name: {"fieldType": field, "optional": False}}}


def _insert(doc: dict[str, Any]) -> dict[str, Any]:
    return {"op": "insert", "table": "t", "doc": doc}


def _filtered(*expression: Any) -> dict[str, Any]:
    return {
        "query": [{"op": "query", "table": "t", "filter": list(expression), "end": ["collect"]}]
    }


def _page(size: int, cursor: str | None = None) -> dict[str, Any]:
    return {"op": "page", "table": "t", "size": size, "cursor": cursor}


def _row(**fields: Any) -> dict[str, Any]:
    return {"_creationTime": "@t0", "_id": "@0"} | fields


def _refused(name: str, reason: str, doc: dict[str, Any], document: Any = None) -> KnownError:
    """An insert that only convex-test accepts."""
    steps = [{"mutation": [_insert(doc)]}]
    return KnownError(name, reason, steps, {"results": ["@0"]}, {"results": [ERROR]}, document)


def _searched(
    name: str, reason: str, doc: dict[str, Any], expression: list[Any], *, found: bool
) -> KnownError:
    """A filter that says of one document what only a deployment, or only convex-test, says."""
    rows = [_row(**doc)]
    wrong, right = ([], rows) if found else (rows, [])
    steps = [{"mutation": [_insert(doc)]}, _filtered(*expression)]
    return KnownError(name, reason, steps, {"results": [wrong]}, {"results": [right]})


def _failed_filter(name: str, reason: str, expression: list[Any], wrong: Any) -> KnownError:
    steps = [{"mutation": [_insert({"s": "a"})]}, _filtered(*expression)]
    return KnownError(name, reason, steps, {"results": [wrong]}, {"results": [ERROR]})


_NESTED: Any = 1.0
for _ in range(17):
    _NESTED = [_NESTED]

_RECORD = {
    "type": "record",
    "keys": {"type": "string"},
    "values": {"fieldType": {"type": "number"}, "optional": False},
}
_THROWN = {"big": encoded_int(7)}

KNOWN_ERRORS = (
    _refused(
        "the contents of a record are not checked",
        "The backend checks keys and values (FACTS 6.2).",
        {"r": {"x": "no number"}},
        _object("r", _RECORD),
    ),
    KnownError(
        "an int64 literal is never matched",
        "convex-test compares a bigint with its JSON form (FACTS 6.2).",
        [{"mutation": [_insert({"one": encoded_int(1)})]}],
        {"results": [ERROR]},
        {"results": ["@0"]},
        _object("one", {"type": "literal", "value": encoded_int(1)}),
    ),
    _refused(
        "a field may begin with an underscore",
        "Only system fields may (FACTS 5.2).",
        {"_x": 1.0},
    ),
    _refused(
        "an array may have any length",
        "8,192 elements at most (FACTS 5.6).",
        {"a": [1.0] * 8193},
    ),
    _refused(
        "an object may have any number of fields",
        "1,024 at most (FACTS 5.6).",
        {"o": {f"f{number}": 1.0 for number in range(1025)}},
    ),
    _refused(
        "a document may be nested at will",
        "16 levels at most (FACTS 5.6).",
        {"a": _NESTED},
    ),
    _refused(
        "a document may be of any size",
        "1 MiB at most, system fields included (FACTS 5.6).",
        {"s": "x" * 1_048_576},
    ),
    _searched(
        "a filter finds nothing less than a number but numbers",
        "Filters order values as indexes do, and a missing field comes first (FACTS 5.3).",
        {"a": 1.0},
        ["lt", ["field", "missing"], ["value", 6]],
        found=True,
    ),
    _searched(
        "a filter takes a string for a number",
        "A string comes after every number (FACTS 5.3).",
        {"a": "5"},
        ["lt", ["field", "a"], ["value", 6]],
        found=False,
    ),
    _searched(
        "a filter orders strings by UTF-16",
        "Strings are ordered by their UTF-8 (FACTS 5.3).",
        {"a": "\uffff"},
        ["lt", ["field", "a"], ["value", "\U0001f600"]],
        found=True,
    ),
    _searched(
        "a filter knows no order of zeros",
        "-0.0 comes before 0.0 (FACTS 5.3).",
        {"a": {"$float": "AAAAAAAAAIA="}},
        ["lt", ["field", "a"], ["value", 0]],
        found=True,
    ),
    _failed_filter(
        "a filter adds a string to a number",
        "Only int64 with int64 and float64 with float64 (FACTS 5.4).",
        ["eq", ["add", ["field", "s"], ["value", 1]], ["value", "a1"]],
        [_row(s="a")],
    ),
    _failed_filter(
        "a filter takes anything for a boolean",
        "`and`, `or` and `not` need booleans (FACTS 5.4).",
        ["and", ["value", 1]],
        [_row(s="a")],
    ),
    KnownError(
        "a filter cannot negate",
        "`neg` is in the API; convex-test's evaluation of filters has no case for it.",
        [
            {"mutation": [_insert({"a": 1.0})]},
            _filtered("eq", ["neg", ["field", "a"]], ["value", -1]),
        ],
        {"results": [ERROR]},
        {"results": [[_row(a=1.0)]]},
    ),
    KnownError(
        "removing a field that the schema does not know",
        "A field that is not there cannot be one too many; convex-test validates it as undefined.",
        [
            {
                "mutation": [
                    _insert({"n": 1.0}),
                    {"op": "patch", "id": "@0", "fields": {"z": {"$undefined": None}}},
                ]
            }
        ],
        {"results": ["@0", ERROR]},
        {"results": ["@0", None]},
        _object("n", {"type": "number"}),
    ),
    KnownError(
        "equalities of an index range have to be in its order",
        "Any order of a prefix will do (crates/common/src/query.rs of the backend sorts them).",
        [
            {"mutation": [_insert({"a": 1.0, "b": 2.0})]},
            {
                "query": [
                    {
                        "op": "query",
                        "table": "t",
                        "index": {
                            "name": "by_a_b",
                            "range": [["gt", "b", 1], ["eq", "a", 1]],
                        },
                        "end": ["collect"],
                    }
                ]
            },
        ],
        {"results": [ERROR]},
        {"results": [[_row(a=1.0, b=2.0)]]},
    ),
    KnownError(
        "a page that is exactly full is the last one",
        "Only reading on shows that nothing follows (FACTS 1.6).",
        [{"mutation": [_insert({})]}, {"query": [_page(1)]}],
        {"results": [{"page": [_row()], "isDone": True}]},
        {"results": [{"page": [_row()], "isDone": False}]},
    ),
    KnownError(
        "a page may be asked to hold nothing",
        "At least one document has to be asked for (FACTS 5.5).",
        [{"query": [_page(0)]}],
        {"results": [{"page": [], "isDone": True}]},
        {"results": [ERROR]},
    ),
    KnownError(
        "a cursor of anything is taken",
        "A cursor belongs to one query; another one is an error with data (FACTS 5.5).",
        [{"mutation": [_insert({})]}, {"query": [_page(5, '["1"]')]}],
        {"results": [{"page": [_row()], "isDone": True}]},
        {
            "results": [
                {
                    "error": "ConvexError",
                    "data": {"isConvexSystemError": True, "paginationError": "InvalidCursor"},
                }
            ]
        },
    ),
    KnownError(
        "components may paginate",
        "paginate() does not exist there (FACTS 1.5).",
        [
            {
                "query": [
                    {
                        "op": "call",
                        "kind": "query",
                        "child": True,
                        "caught": True,
                        "ops": [_page(1)],
                    }
                ]
            }
        ],
        {"results": [[{"page": [], "isDone": True}]]},
        {"results": [[ERROR]]},
    ),
    KnownError(
        "the data of an error breaks on its way through a call",
        "int64 and bytes in it survive; convex-test decodes it twice (FACTS 6.2).",
        [
            {
                "mutation": [
                    {
                        "op": "call",
                        "kind": "mutation",
                        "child": False,
                        "caught": True,
                        "ops": [{"op": "throw", "data": _THROWN}],
                    }
                ]
            }
        ],
        {"results": [ERROR]},
        {"results": [{"error": "ConvexError", "data": _THROWN}]},
    ),
    KnownError(
        "a job that ended can still be cancelled",
        "What has finished stays as it is (FACTS 5.9).",
        [
            {"mutation": [{"op": "schedule", "delay": 0, "ops": []}]},
            {"advance": 10},
            {"mutation": [{"op": "cancel", "job": "#0"}, {"op": "jobs"}]},
        ],
        {"results": [None, [["canceled", []]]]},
        {"results": [None, [["success", []]]]},
    ),
    KnownError(
        "what does not exist can be scheduled",
        "The target is looked up when it is scheduled (FACTS 5.9).",
        [{"mutation": [{"op": "schedule", "delay": 0, "ops": [], "target": "no:where"}]}],
        {"results": [0]},
        {"results": [ERROR]},
    ),
)
