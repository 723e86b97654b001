"""The same operations come to the same on the Python engine and on npm's convex-test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from support.campaign import CAMPAIGN, examples
from support.convex_differential import comparable, first_difference, on_engine, smallest
from support.convex_programs import operations, programs
from support.convex_test_errors import KNOWN_ERRORS

KEPT = Path(__file__).parent / "programs"
STEPS = 8
PROGRAMS = examples(default=64, campaign=3_000)
LEAST_OPERATIONS = 100_000 if CAMPAIGN else 2_000


def differing(program, oracle, runner):
    """Where the two differ, as text; empty when they do not."""
    ours, theirs = on_engine(program, runner), oracle(program)
    place = first_difference(ours, theirs)
    if place is None:
        return ""
    return (
        f"step {place}: {json.dumps(program['steps'][place])}\n"
        f"  engine:      {comparable(ours[place])}\n"
        f"  convex-test: {comparable(theirs[place])}"
    )


class DifferentError(Exception):
    """A program came to something else on the other side; it is the argument."""


def fail_with(program, oracle, runner):
    """Fail with the smallest program that still differs."""
    least = smallest(program, lambda tried: bool(differing(tried, oracle, runner)))
    pytest.fail(
        f"{differing(least, oracle, runner)}\n"
        f"To replay it, save this as a file in {KEPT}:\n{json.dumps(least)}",
        pytrace=False,
    )


def test_random_programs_come_to_the_same(oracle, runner):
    carried_out = 0

    # Taking operations away reduces a program faster than hypothesis, which draws it anew.
    @settings(
        max_examples=PROGRAMS,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(programs(STEPS))
    def compare(program):
        nonlocal carried_out
        carried_out += operations(program)
        if differing(program, oracle, runner):
            raise DifferentError(program)

    try:
        compare()
    except DifferentError as difference:
        fail_with(*difference.args, oracle, runner)
    assert carried_out >= LEAST_OPERATIONS


@pytest.mark.parametrize("path", sorted(KEPT.glob("*.json")), ids=lambda path: path.stem)
def test_a_kept_program_comes_to_the_same(path, oracle, runner):
    assert differing(json.loads(path.read_text(encoding="utf-8")), oracle, runner) == ""


@pytest.mark.parametrize("known", KNOWN_ERRORS, ids=lambda known: known.name)
def test_where_convex_test_is_wrong_the_engine_is_right(known, oracle, runner):
    assert comparable(on_engine(known.program, runner)[-1]) == comparable(known.right)


@pytest.mark.parametrize("known", KNOWN_ERRORS, ids=lambda known: known.name)
def test_convex_test_is_still_wrong_where_it_is_said_to_be(known, oracle):
    assert comparable(oracle(known.program)[-1]) == comparable(known.wrong)


def test_results_that_only_look_alike_are_told_apart():
    assert comparable([1]) == comparable([1.0])
    assert comparable([1]) != comparable([True])
    assert comparable([0.0]) != comparable([{"$float": "AAAAAAAAAIA="}])


def test_a_program_is_reduced_to_what_makes_it_differ():
    guilty = {"op": "delete", "id": "@3"}
    ops = [{"op": "nothing"}, {"op": "call", "ops": [{"op": "nothing"}, guilty]}]
    program = {"tables": {}, "steps": [{"advance": 1}, {"mutation": ops}]}

    least = smallest(program, lambda tried: guilty["op"] in json.dumps(tried))

    assert least["steps"] == [{"mutation": [{"op": "call", "ops": [guilty]}]}]
