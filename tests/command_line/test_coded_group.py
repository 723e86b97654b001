"""A group of commands ends every failure in an exit code and one line, and never in a traceback."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from codex_runtime.command_line import CodedGroup, ExitCode
from codex_runtime.errors import ConfigurationError


@pytest.fixture
def outcome_of():
    """Run a command that does something; give the result."""

    def run(act, *arguments, **attributes):
        group = CodedGroup(name="codex-example", **attributes)
        group.add_command(click.Command("act", callback=act))
        return CliRunner().invoke(group, ["act", *arguments])

    return run


def refused():
    raise ConfigurationError("E_SCRIPT_GATE_UNKNOWN", "no gate\nof that name")


def test_a_command_that_returns_exits_with_0(outcome_of):
    assert outcome_of(lambda: None).exit_code == ExitCode.OK


def test_a_command_says_another_exit_code_through_its_context(outcome_of):
    done = outcome_of(lambda: click.get_current_context().exit(ExitCode.FAILED))
    assert done.exit_code == ExitCode.FAILED


def test_a_coded_error_is_one_line_and_its_advice(outcome_of):
    done = outcome_of(refused)
    assert done.exit_code == ExitCode.USAGE
    line, advice = done.stderr.splitlines()
    assert line == "[E_SCRIPT_GATE_UNKNOWN] no gate of that name"
    assert advice.startswith("  ")
    assert done.stdout == ""


def test_a_coded_error_may_have_an_exit_code_of_its_own(outcome_of):
    done = outcome_of(refused, exit_codes={"E_SCRIPT_GATE_UNKNOWN": 4})
    assert done.exit_code == 4


def test_details_come_below_the_advice(outcome_of):
    done = outcome_of(refused, details=lambda error: ["more of", error.code])
    assert done.stderr.splitlines()[-2:] == ["  more of", "  E_SCRIPT_GATE_UNKNOWN"]


def test_a_mistake_on_the_command_line_exits_with_3(outcome_of):
    done = outcome_of(lambda: None, "--no-such-option")
    assert done.exit_code == ExitCode.USAGE
    assert "no-such-option" in done.stderr


@pytest.mark.parametrize("reason", [KeyboardInterrupt, click.Abort])
def test_an_interrupted_command_exits_with_2(outcome_of, reason):
    def interrupted():
        raise reason

    done = outcome_of(interrupted)
    assert done.exit_code == ExitCode.INCOMPLETE
    assert done.stderr.strip() == "interrupted"


def test_a_bug_shows_its_traceback_and_exits_with_70(outcome_of):
    done = outcome_of(lambda: 1 / 0)
    assert done.exit_code == ExitCode.INTERNAL
    assert "ZeroDivisionError" in done.stderr
    assert done.stderr.splitlines()[-1] == "This is a bug in codex-example."


def test_whoever_stops_reading_ends_the_command(outcome_of):
    def unread():
        raise SystemExit(1)

    assert outcome_of(unread).exit_code == ExitCode.INCOMPLETE


def test_importing_the_group_imports_no_error_catalogue():
    program = (
        "import sys; import codex_runtime.command_line; "
        "print({'asyncio', 'msgspec', 'codex_runtime.errors.catalogue'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "set()"
