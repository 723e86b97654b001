"""Command lines: how the server quotes them, and which plain command they start with.

May import the standard library only. The invariant: a command line that is split is a row of plain
commands, whose words the shell would see as they stand; everything else is left whole.
"""

from __future__ import annotations

import re
from typing import Final

SHELL: Final = ("/bin/bash", "-lc")
"""What a model's command line is handed to."""

_BARE: Final = frozenset("+-./:@]_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_NOT_IN_SINGLE: Final = frozenset("'\\")
_NOT_IN_DOUBLE: Final = frozenset("$`!")
_ESCAPED_IN_DOUBLE: Final = frozenset('\\"')

_TOKEN: Final = re.compile(
    r"""
    (?P<joint>&&|\|\||\|)
    | (?P<end>;)
    | (?P<newline>\n)
    | (?P<single>'[^']*')
    | (?P<double>"(?:[^"\\$`]|\\[^"\\$`\n])*")
    | (?P<bare>[^\s'"\\$`&|;<>(){}\[\]*?~#^]+)
    | (?P<blank>(?:[ \t\r]|\\\n)+)
    """,
    re.VERBOSE,
)

_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=")
_NO_COMMANDS: Final = frozenset(
    {
        "!",
        "case",
        "declare",
        "export",
        "for",
        "function",
        "if",
        "local",
        "readonly",
        "select",
        "typeset",
        "unset",
        "until",
        "while",
    }
)
"""Words at the start of what is more than a plain command."""


def quoted_argv(command: str) -> str:
    """Show the command line that runs a model's command, quoted as the server quotes it.

    Args:
        command: The model's command line.

    Returns:
        The shell, its option, and the command as one word.
    """
    return " ".join((*SHELL, quoted(command)))


def quoted(word: str) -> str:
    """Quote a word: bare if it can be, else in single quotes, else in double quotes."""
    if not word:
        return "''"
    pieces: list[str] = []
    while word:
        length, style = _longest_piece(word)
        pieces.append(_in_style(word[:length], style))
        word = word[length:]
    return "".join(pieces)


def _longest_piece(word: str) -> tuple[int, str]:
    """The longest start of a word that one style of quoting can hold."""
    styles = {"bare", "single", "double"}
    for place, character in enumerate(word):
        if character == "^":
            # A caret is safe only at the start of a piece in single quotes.
            if place:
                break
            styles = {"single"}
            continue
        left = set(styles)
        if character not in _BARE:
            left.discard("bare")
        if character in _NOT_IN_SINGLE:
            left.discard("single")
        if character in _NOT_IN_DOUBLE:
            left.discard("double")
        if not left:
            break
        styles = left
    else:
        return len(word), _preferred(styles)
    return place, _preferred(styles)


def _preferred(styles: set[str]) -> str:
    return next(style for style in ("bare", "single", "double") if style in styles)


def _in_style(text: str, style: str) -> str:
    if style == "bare":
        return text
    if style == "single":
        return f"'{text}'"
    escaped = "".join(f"\\{c}" if c in _ESCAPED_IN_DOUBLE else c for c in text)
    return f'"{escaped}"'


def plain_commands(command: str) -> list[list[str]] | None:
    """Split a command line into plain commands.

    Args:
        command: The command line.

    Returns:
        Each command's words; ``None`` when the line is more than plain commands in a row:
        redirections, substitutions, patterns, assignments.
    """
    commands: list[list[str]] = [[]]
    word: str | None = None
    joined = False
    place = 0
    while place < len(command):
        found = _TOKEN.match(command, place)
        if found is None:
            return None
        place = found.end()
        kind, text = found.lastgroup, found.group()
        if kind == "bare":
            word = (word or "") + text
        elif kind in {"single", "double"}:
            if not commands[-1]:
                # A command whose name is quoted is not a plain one.
                return None
            word = (word or "") + text[1:-1]
        else:
            if word is not None:
                commands[-1].append(word)
                word, joined = None, False
            if not _separates(kind, commands):
                return None
            joined = joined or kind == "joint"
    if word is not None:
        commands[-1].append(word)
        joined = False
    if not commands[-1]:
        commands.pop()
    plain = bool(commands) and not joined and all(_is_plain(words) for words in commands)
    return commands if plain else None


def _separates(kind: str | None, commands: list[list[str]]) -> bool:
    """Begin the next command behind a separator; false when there is none before it."""
    if kind == "blank":
        return True
    if commands[-1]:
        commands.append([])
        return True
    return kind == "newline"


def _is_plain(words: list[str]) -> bool:
    return words[0] not in _NO_COMMANDS and not _ASSIGNMENT.match(words[0])


def amendment_for(command: str) -> list[str]:
    """The rule that the server proposes, so that a command is not asked about again.

    Args:
        command: The command line.

    Returns:
        The words of its first plain command, or the whole line when it is not made of those.
    """
    commands = plain_commands(command)
    return [*SHELL, command] if commands is None else commands[0]
