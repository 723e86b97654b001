"""Arguments and results that do not match their validators, in Convex's words (FACTS §5.8)."""

from __future__ import annotations

import pytest

from codex_fakes.convex import (
    App,
    Backend,
    FailureKind,
    Int64,
    define_schema,
    define_table,
    mutation,
    query,
    v,
)

ARGS = {
    "a": v.array(v.object({"b": v.string()})),
    "mode": v.optional(v.literal("fast")),
    "room": v.optional(v.id("rooms")),
    "big": v.optional(v.int64()),
}


class Functions:
    @query(args=ARGS)
    def check(ctx, args):
        return "passed"

    @query
    def unchecked(ctx, args):
        return "passed"

    @query(args=v.union(v.object({"x": v.string()}), v.object({"y": v.number()})))
    def either(ctx, args):
        return args

    @query(returns=v.object({"n": v.number()}))
    def returns_a_number(ctx, args):
        return args.get("value")

    @query(returns=v.null())
    def returns_nothing(ctx, args):
        return args.get("value")

    @mutation(returns=v.string())
    def writes_and_returns_a_number(ctx, args):
        ctx.db.insert("rooms", {"name": "x"})
        return 3

    @mutation
    def make(ctx, args):
        return ctx.db.insert(args["table"], {"name": "x"})

    @mutation
    def make_badly(ctx, args):
        return ctx.db.insert("rooms", {"name": 3})

    @query
    def rooms(ctx, args):
        return len(ctx.db.query("rooms").collect())


SCHEMA = define_schema({name: define_table({"name": v.string()}) for name in ("rooms", "halls")})


@pytest.fixture
def backend():
    return Backend(App(schema=SCHEMA, modules={"m": Functions}))


def refusal(backend, args):
    error = backend.query("m:check", args).error
    assert error.kind is FailureKind.FUNCTION
    assert error.message.startswith("ArgumentValidationError: ")
    return error.message.removeprefix("ArgumentValidationError: ").removesuffix("\n")


def test_a_value_of_another_type_is_told_with_its_path(backend):
    assert refusal(backend, {"a": [{"b": 3}]}) == (
        "Value does not match validator.\nPath: .a[0].b\nValue: 3.0\nValidator: v.string()"
    )


def test_a_missing_field_is_told_with_the_object(backend):
    text = refusal(backend, {"mode": "fast"})
    assert text.startswith(
        "Object is missing the required field `a`. Consider wrapping the field validator in "
        "`v.optional(...)` if this is expected.\n"
    )
    assert 'Object: {mode: "fast"}\n' in text


def test_an_extra_field_is_told_with_the_object(backend):
    text = refusal(backend, {"a": [], "z": None})
    assert text.startswith("Object contains extra field `z` that is not in the validator.\n")
    assert "Object: {a: [], z: null}\n" in text


def test_another_literal_is_told(backend):
    assert refusal(backend, {"a": [], "mode": "slow"}).startswith(
        '`"slow"` does not match literal validator `v.literal("fast")`.'
    )


def test_the_id_of_another_table_is_told(backend):
    hall = backend.mutation("m:make", {"table": "halls"}).unwrap()
    assert refusal(backend, {"a": [], "room": hall}) == (
        f'Found ID "{hall}" from table `halls`, which does not match the table name in validator '
        '`v.id("rooms")`.Path: .room'
    )


def test_a_number_is_no_int64(backend):
    assert "v.int64()" in refusal(backend, {"a": [], "big": 3})
    assert backend.query("m:check", {"a": [], "big": Int64(3)}).ok


@pytest.mark.parametrize("args", [[], [1], "text", 3, True, Int64(1), b""])
@pytest.mark.parametrize("name", ["check", "unchecked"])
def test_arguments_that_are_no_object_are_refused_whatever_is_declared(backend, args, name):
    message = backend.query(f"m:{name}", args).error.message
    assert "Expected to receive an object as the function's argument. Instead received: " in message


def test_arguments_may_be_one_of_several_objects(backend):
    assert backend.query("m:either", {"x": "a"}).ok
    assert backend.query("m:either", {"y": 1}).ok
    assert not backend.query("m:either", {"x": 1}).ok


def test_without_a_validator_any_object_is_accepted(backend):
    assert backend.query("m:unchecked", {"whatever": [1, {"x": None}]}).ok


def test_a_result_is_checked(backend):
    assert backend.query("m:returns_a_number", {"value": {"n": 1}}).ok
    error = backend.query("m:returns_a_number", {"value": {"n": "one"}}).error
    assert error.message.rstrip("\n") == (
        'ReturnsValidationError: Value does not match validator.\nPath: .n\nValue: "one"\n'
        "Validator: v.float64()"
    )


def test_returning_nothing_matches_null_and_nothing_else(backend):
    assert backend.query("m:returns_nothing").ok
    assert "ReturnsValidationError" in backend.query("m:returns_a_number").error.message


def test_a_mutation_whose_result_is_refused_writes_nothing(backend):
    outcome = backend.mutation("m:writes_and_returns_a_number")
    assert outcome.error.message.startswith("ReturnsValidationError: ")
    assert backend.query("m:rooms").value == 0.0


def test_a_document_that_does_not_match_the_schema_fails_the_mutation(backend):
    assert backend.mutation("m:make_badly").error.headline.startswith(
        'Uncaught Error: Failed to insert or update a document in table "rooms" because it does '
        "not match the schema: Value does not match validator.\nPath: .name\nValue: 3.0\n"
    )
