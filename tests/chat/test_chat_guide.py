"""The guide and ``--help`` say what the chat really has, and ``--help`` is there at once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from codex_runtime.chat.command import chat
from codex_runtime.chat.commands import COMMANDS, help_lines
from codex_runtime.command_line import ExitCode

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "chat.md").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*_[A-Z_]+\b")


def section(title):
    """A section of the guide."""
    return GUIDE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_guide_names_every_command_and_no_other():
    named = re.findall(r"^\| `/(\w+)( \w+)?` \|", section("What can be typed"), re.MULTILINE)
    assert [(name, argument.strip()) for name, argument in named] == [
        (row.name, row.argument) for row in COMMANDS
    ]
    assert "//TEXT" in section("What can be typed")
    assert any("//TEXT" in line for line in help_lines())


def test_the_guide_and_the_help_name_the_same_variables():
    assert set(VARIABLE.findall(section("The environment"))) == set(VARIABLE.findall(chat.epilog))


@pytest.mark.parametrize("code", [code for code in ExitCode if code != ExitCode.INTERNAL])
def test_the_guide_explains_every_exit_code(code):
    assert f"| {code.value} | " in section("In a pipe")


def test_the_help_needs_nothing_but_the_command_line():
    program = (
        "import sys\n"
        "from codex_runtime.tooling.cli import cli\n"
        "cli.get_command(None, 'chat').get_help(cli.make_context('codex-runtime', ['chat']))\n"
        "print(*sorted({'asyncio', 'httpx', 'msgspec', 'rich', 'termios'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == ""
