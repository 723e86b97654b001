"""What a line of input means: something to say, or one of the commands.

May import the rules by type, and the exceptions. The invariant: a line that begins with a slash is
a command of the table or a mistake; it is never sent to the model by accident.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from codex_runtime.errors import CodexRuntimeError

if TYPE_CHECKING:
    from codex_runtime.chat.rules import Kind

Name: TypeAlias = Literal["interrupt", "steer", "state", "threads", "import", "help", "exit"]


class ChatError(CodexRuntimeError):
    """The chat cannot do what it was told; the code says why."""


@dataclass(frozen=True, slots=True)
class CommandRow:
    """One command.

    Attributes:
        name: What follows the slash.
        argument: What follows that, in words; empty for nothing.
        help: What it does.
        kind: What it is, for the rules.
    """

    name: Name
    argument: str
    help: str
    kind: Kind


COMMANDS: Final[tuple[CommandRow, ...]] = (
    CommandRow("interrupt", "", "interrupt the turn in flight", "of_turn"),
    CommandRow("steer", "TEXT", "say more to the turn in flight", "of_turn"),
    CommandRow("state", "", "show how the runtime is doing", "local"),
    CommandRow("threads", "", "list the threads of the local Codex", "call"),
    CommandRow("import", "ID", "import a thread of the local Codex into the deployment", "call"),
    CommandRow("help", "", "show this", "local"),
    CommandRow("exit", "", "end the chat", "local"),
)
"""The commands, in the order in which they are shown."""

_ROWS: Final = {row.name: row for row in COMMANDS}


@dataclass(frozen=True, slots=True)
class Nothing:
    """An empty line."""


@dataclass(frozen=True, slots=True)
class Text:
    """Something to say, or an answer.

    Attributes:
        text: What.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Attributes:
        row: Which one.
        argument: What it was given; empty for nothing.
    """

    row: CommandRow
    argument: str = ""


Line: TypeAlias = Nothing | Text | Command


def read_line(line: str) -> Line:
    """Say what a line of input means.

    Args:
        line: The line, without its end. Two slashes at its beginning stand for one in a text.

    Returns:
        What it means.

    Raises:
        ChatError: ``E_CHAT_COMMAND_UNKNOWN`` or ``E_CHAT_COMMAND_ARGUMENT``.
    """
    text = line.strip()
    if not text:
        return Nothing()
    if text.startswith("//"):
        return Text(text[1:])
    if not text.startswith("/"):
        return Text(text)
    name, _, rest = text[1:].partition(" ")
    row = next((row for known, row in _ROWS.items() if known == name), None)
    if row is None:
        raise ChatError("E_CHAT_COMMAND_UNKNOWN", f"There is no command /{name}.")
    argument = rest.strip()
    if bool(argument) != bool(row.argument):
        wanted = f"takes {row.argument}" if row.argument else "takes nothing"
        raise ChatError("E_CHAT_COMMAND_ARGUMENT", f"/{name} {wanted}.")
    return Command(row, argument)


def help_lines() -> tuple[str, ...]:
    """Say what can be typed."""
    shown = [(f"/{row.name} {row.argument}".rstrip(), row.help) for row in COMMANDS]
    return (
        *(f"  {usage:<15} {text}" for usage, text in shown),
        "  //TEXT          say a text that begins with a slash",
        "Anything else is said to the model. Ctrl-C interrupts the turn, twice it ends the chat.",
    )
