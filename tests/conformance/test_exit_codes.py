"""What a run exits with, as a table."""

from __future__ import annotations

import pytest

from codex_conformance.runner.events import CheckFinished, Outcome
from codex_conformance.runner.exit_codes import ExitCode, exit_code_of

PASS, FAIL, UNKNOWN = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN
NOT_APPLICABLE, ERROR = Outcome.NOT_APPLICABLE, Outcome.ERROR


def results(*rows):
    return [
        CheckFinished(id=f"fake.{place}", level=level, outcome=outcome)
        for place, (level, outcome) in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("rows", "complete", "strict", "expected"),
    [
        ([("must", PASS), ("should", PASS)], True, False, ExitCode.OK),
        ([("must", PASS), ("must", NOT_APPLICABLE)], True, False, ExitCode.OK),
        ([("must", PASS), ("must", FAIL)], True, False, ExitCode.FAILED),
        ([("must", PASS), ("should", FAIL)], True, False, ExitCode.OK),
        ([("must", PASS), ("should", FAIL)], True, True, ExitCode.FAILED),
        ([("must", PASS), ("must", UNKNOWN)], True, False, ExitCode.INCOMPLETE),
        ([("must", PASS), ("should", UNKNOWN)], True, False, ExitCode.OK),
        ([("must", PASS), ("should", UNKNOWN)], True, True, ExitCode.INCOMPLETE),
        ([("must", PASS)], False, False, ExitCode.INCOMPLETE),
        ([("must", FAIL)], False, False, ExitCode.FAILED),
        ([("must", FAIL), ("must", UNKNOWN)], True, False, ExitCode.FAILED),
        ([("must", FAIL), ("should", ERROR)], True, False, ExitCode.INTERNAL),
        ([("must", PASS), ("must", ERROR)], False, False, ExitCode.INTERNAL),
        ([("must", NOT_APPLICABLE)], True, False, ExitCode.NOTHING_EXECUTED),
        (
            [("must", NOT_APPLICABLE), ("should", NOT_APPLICABLE)],
            True,
            True,
            ExitCode.NOTHING_EXECUTED,
        ),
        ([("should", PASS)], True, False, ExitCode.OK),
        ([], True, False, ExitCode.NOTHING_EXECUTED),
        ([], False, False, ExitCode.INCOMPLETE),
    ],
)
def test_the_exit_code_follows_from_the_outcomes(rows, complete, strict, expected):
    assert exit_code_of(results(*rows), complete=complete, strict=strict) is expected


def test_the_numbers_are_the_documented_ones():
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "FAILED": 1,
        "INCOMPLETE": 2,
        "USAGE": 3,
        "UNREACHABLE": 4,
        "NOTHING_EXECUTED": 5,
        "INTERNAL": 70,
    }
