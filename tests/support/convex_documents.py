"""Values, validators and schemas in the JSON of Convex's tools, as hypothesis draws them.

An id is a name of ``support.convex_operations``. There are no records and no int64 literals:
convex-test does not check the one and rejects the other (``support.convex_test_errors``).
"""

from __future__ import annotations

import base64
import struct
from typing import Any

from hypothesis import strategies as st

INDEXED = ("a", "b", "c", "n", "s", "o.x", "o.y")
NAMES = st.integers(0, 11).map(lambda number: f"@{number}")
TIMES = st.integers(0, 11).map(lambda number: f"@t{number}")
MISSING = {"$undefined": None}


def _tagged(tag: str, data: bytes) -> dict[str, str]:
    return {tag: base64.b64encode(data).decode()}


def encoded_float(value: float) -> Any:
    """A float as the wire has it."""
    special = value != value or value in (float("inf"), float("-inf")) or str(value) == "-0.0"
    return _tagged("$float", struct.pack("<d", value)) if special else value


def encoded_int(value: int) -> Any:
    """An int64 as the wire has it."""
    return _tagged("$integer", value.to_bytes(8, "little", signed=True))


PLAIN_NUMBERS = st.one_of(
    st.integers(-3, 3).map(float), st.sampled_from([0.5, -2.5, 1e300, 9007199254740993.0, 5e-324])
)
PLAIN_STRINGS = st.text("abz", max_size=2)
NUMBERS = st.one_of(
    PLAIN_NUMBERS,
    st.sampled_from([float("inf"), float("-inf"), float("nan"), -0.0]),
    st.floats(),
).map(encoded_float)
INTEGERS = st.one_of(st.integers(-3, 3), st.sampled_from([2**53 + 1, -(2**63), 2**63 - 1])).map(
    encoded_int
)
STRINGS = st.one_of(
    PLAIN_STRINGS,
    st.sampled_from(["", "ä", "\uffff", "\U0001f600", "a\x00", "constructor"]),
)
BYTES = st.sampled_from([b"", b"\x00", b"\xff\x00", b"ab"]).map(
    lambda data: _tagged("$bytes", data)
)
LEAVES = st.one_of(st.none(), st.booleans(), PLAIN_NUMBERS, STRINGS, INTEGERS, NUMBERS, BYTES)


def _containers(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(parts, max_size=3),
        st.dictionaries(st.sampled_from(["x", "y", "z"]), parts, max_size=3),
    )


VALUES = st.recursive(LEAVES, _containers, max_leaves=4)
DEEP = st.dictionaries(st.sampled_from(["x", "y"]), st.one_of(LEAVES, VALUES), max_size=2)


# What a document of the table "strict" may be ------------------------------------------------


def _leaf(kind: str) -> dict[str, Any]:
    return {"type": kind}


def _literal(value: Any) -> dict[str, Any]:
    return {"type": "literal", "value": value}


VALIDATOR_LEAVES = st.one_of(
    st.sampled_from(["null", "number", "bigint", "boolean", "string", "bytes", "any"]).map(_leaf),
    st.sampled_from(["a", "b", 1.0, True]).map(_literal),
    st.sampled_from(["free", "strict"]).map(lambda name: {"type": "id", "tableName": name}),
)


def _field(validator: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"fieldType": validator, "optional": st.booleans()})


def _composite(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.dictionaries(st.sampled_from(["x", "y"]), _field(parts), max_size=2)
    return st.one_of(
        parts.map(lambda part: {"type": "array", "value": part}),
        st.lists(parts, max_size=3).map(lambda members: {"type": "union", "value": members}),
        fields.map(lambda value: {"type": "object", "value": value}),
    )


VALIDATORS = st.recursive(VALIDATOR_LEAVES, _composite, max_leaves=4)


@st.composite
def _document_validator(draw: st.DrawFn) -> dict[str, Any]:
    fields = {"n": {"fieldType": _leaf("number"), "optional": False}}
    fields["s"] = {"fieldType": _leaf("string"), "optional": False}
    for name in draw(st.sets(st.sampled_from(["a", "b", "c", "o"]))):
        fields[name] = draw(_field(VALIDATORS))
    return {"type": "object", "value": fields}


INDEXES = st.lists(
    st.lists(st.sampled_from(INDEXED), min_size=1, max_size=3, unique=True), min_size=1, max_size=3
).map(lambda fields: [[f"by_{place}", list(of)] for place, of in enumerate(fields)])


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, Any]:
    """Two tables: "free" takes anything, "strict" validates."""
    return {
        "free": {"document": _leaf("any"), "indexes": draw(INDEXES)},
        "strict": {"document": draw(_document_validator()), "indexes": draw(INDEXES)},
    }


def fitting(validator: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a validator accepts."""
    match validator["type"]:
        case "null":
            return st.none()
        case "number":
            return NUMBERS
        case "bigint":
            return INTEGERS
        case "boolean":
            return st.booleans()
        case "string":
            return STRINGS
        case "bytes":
            return BYTES
        case "any":
            return VALUES
        case "literal":
            return st.just(validator["value"])
        case "id":
            return NAMES
        case "array":
            return st.lists(fitting(validator["value"]), max_size=2)
        case "union":
            return st.one_of([fitting(member) for member in validator["value"]] or [st.none()])
        case kind:
            assert kind == "object"
            return fitting_fields(validator["value"])


def fitting_fields(fields: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Objects that have these fields as their validators accept them."""
    required = {n: fitting(f["fieldType"]) for n, f in fields.items() if not f["optional"]}
    optional = {n: fitting(f["fieldType"]) for n, f in fields.items() if f["optional"]}
    return st.fixed_dictionaries(required, optional=optional)
