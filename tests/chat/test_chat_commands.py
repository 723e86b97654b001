"""What a line of input means: something to say, a command, or a mistake that has a code."""

from __future__ import annotations

import pytest

from codex_runtime.chat.commands import (
    COMMANDS,
    ChatError,
    Command,
    Nothing,
    Text,
    help_lines,
    read_line,
)

ROWS = {row.name: row for row in COMMANDS}


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("", Nothing()),
        ("  \t ", Nothing()),
        ("hello", Text("hello")),
        ("  hello\t", Text("hello")),
        ("a /state of mind", Text("a /state of mind")),
        ("//etc is a folder", Text("/etc is a folder")),
        ("//", Text("/")),
        ("/exit", Command(ROWS["exit"])),
        ("  /exit  ", Command(ROWS["exit"])),
        ("/steer  the other way ", Command(ROWS["steer"], "the other way")),
        ("/import abc", Command(ROWS["import"], "abc")),
    ],
)
def test_a_line_is_a_text_or_a_command(line, meaning):
    assert read_line(line) == meaning


@pytest.mark.parametrize("line", ["/", "/quit", "/EXIT", "/state2", "/ state"])
def test_a_command_that_there_is_not_is_never_said_to_the_model(line):
    with pytest.raises(ChatError) as raised:
        read_line(line)
    assert raised.value.code == "E_CHAT_COMMAND_UNKNOWN"
    assert "/help" in raised.value.advice


@pytest.mark.parametrize("line", ["/steer", "/import  ", "/exit now", "/state x"])
def test_a_command_takes_exactly_what_it_takes(line):
    with pytest.raises(ChatError) as raised:
        read_line(line)
    assert raised.value.code == "E_CHAT_COMMAND_ARGUMENT"


def test_the_help_names_every_command_with_what_it_takes():
    shown = "\n".join(help_lines())
    for row in COMMANDS:
        assert f"/{row.name} {row.argument}".rstrip() in shown
        assert row.help in shown
