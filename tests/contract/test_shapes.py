"""Shapes: what a struct becomes as a validator, and how values become structs."""

from typing import Annotated, Any, Literal

import msgspec
import pytest

from codex_runtime.contract.shapes import (
    UNSET,
    Record,
    UnsetType,
    fields_of,
    from_value,
    row_of,
    to_value,
    validator_of,
)


class Circle(Record, frozen=True, kw_only=True, tag_field="kind", tag="circle"):
    radius: float


class Square(Record, frozen=True, kw_only=True, tag_field="kind", tag="square"):
    side_length: float


class Drawing(Record, frozen=True, kw_only=True):
    drawing_id: Annotated[str, row_of("drawings")]
    title: str | None
    colour: Literal["red", "blue"] | UnsetType = UNSET
    shapes: list[Circle | Square]
    counts: dict[str, int]
    extra: Any
    done: bool


def test_a_struct_becomes_the_validator_that_a_person_would_write():
    assert validator_of(Drawing).typescript() == (
        'v.object({drawingId: v.id("drawings"), title: v.union(v.string(), v.null()), '
        'colour: v.optional(v.union(v.literal("red"), v.literal("blue"))), '
        'shapes: v.array(v.union(v.object({kind: v.literal("circle"), radius: v.number()}), '
        'v.object({kind: v.literal("square"), sideLength: v.number()}))), '
        "counts: v.record(v.string(), v.number()), extra: v.any(), done: v.boolean()})"
    )


def test_arguments_are_the_fields_by_their_names_on_the_wire():
    assert list(fields_of(Square)) == ["kind", "sideLength"]


def test_a_type_that_convex_does_not_have_is_refused():
    class Odd(Record, frozen=True, kw_only=True):
        when: set[str]

    with pytest.raises(TypeError, match="no counterpart"):
        validator_of(Odd)


def _drawing(**changes):
    plain = {
        "drawingId": "d",
        "title": None,
        "shapes": [{"kind": "circle", "radius": 1.0}],
        "counts": {"a": 2.0},
        "extra": [1.0],
        "done": True,
    }
    return {**plain, **changes}


def test_a_value_becomes_a_struct_and_a_value_again():
    drawing = from_value(_drawing(), Drawing)
    assert drawing.counts == {"a": 2}
    assert drawing.colour is UNSET
    assert to_value(drawing) == _drawing()


def test_what_the_wire_says_in_whole_floats_are_whole_numbers_here_and_halves_are_none():
    assert isinstance(from_value(_drawing(), Drawing).counts["a"], int)
    with pytest.raises(msgspec.ValidationError):
        from_value(_drawing(counts={"a": 2.5}), Drawing)


@pytest.mark.parametrize("wrong", [{"done": "yes"}, {"colour": "green"}, {"counts": {"a": "2"}}])
def test_a_value_of_another_shape_is_refused(wrong):
    with pytest.raises(msgspec.ValidationError):
        from_value(_drawing(**wrong), Drawing)
