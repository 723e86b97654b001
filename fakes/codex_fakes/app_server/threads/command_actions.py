"""What a command line reads, lists or searches, as far as the server can see.

May import command lines, options and the standard library. The server looks at plain commands
only; of a row of them it keeps those that say what the line is for, and leaves helpers out
(``| head``, ``| wc -l``, ``echo … &&``). The invariant: a line that is not understood as a whole is
one unknown action that shows it as it stands.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from codex_fakes.app_server.threads.command_lines import plain_commands, quoted
from codex_fakes.app_server.threads.command_options import (
    AG,
    AWK,
    FD,
    FIND_TESTS,
    GIT_LS_FILES,
    GREP_COUNTS,
    GREP_PATTERNS,
    LISTERS,
    NL,
    READERS,
    RG,
    SED,
    XARGS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Words: TypeAlias = Sequence[str]

Action: TypeAlias = dict[str, Any]

_CONNECTORS: Final = frozenset({"|", "&&", "||", ";"})
_UNTOLD_FOLDERS: Final = frozenset({"build", "dist", "node_modules", "src"})
"""Folders that say little about a path, so that the one above is shown."""

_HELPERS: Final = frozenset({"wc", "tr", "cut", "sort", "uniq", "tee", "column", "yes", "printf"})
"""Commands that only shape what others print."""

_PYTHON: Final = re.compile(r"python|python[23](\..*)?")
_WALKS: Final = (
    "os.walk",
    "os.listdir",
    "os.scandir",
    "glob.glob",
    "glob.iglob",
    "pathlib.Path",
    ".rglob(",
)
"""What shows that a Python program lists files."""


def command_actions(command: str, cwd: str) -> list[Action]:
    """Say what a command line does, as items and approval requests show it.

    Args:
        command: The model's command line.
        cwd: The folder it runs in, absolute.

    Returns:
        Its actions in order; none for a line that only changes the folder.
    """
    commands = plain_commands(command)
    if commands is None:
        return [_unknown(command)]
    telling = [words for words in commands if not _only_shapes(words)]
    if not telling:
        return [_unknown(command)]
    actions = _simplified(_actions(telling, cwd))
    if len(actions) == 1:
        actions = [_whole(actions[0], command, in_a_row=len(commands) > 1)]
    if any(action["type"] == "unknown" for action in actions):
        return [_unknown(command)]
    return [action for at, action in enumerate(actions) if not at or action != actions[at - 1]]


def _actions(commands: list[list[str]], cwd: str) -> list[Action]:
    """The action of each command; ``cd`` moves the files that are read behind it."""
    actions: list[Action] = []
    for words in commands:
        if words[0] == "cd":
            cwd = posixpath.join(cwd, _cd_target(words[1:]) or "")
            continue
        action = _action(words)
        if action["type"] == "read":
            action["path"] = _absolute(cwd, action["path"])
        actions.append(action)
    return actions


def _absolute(cwd: str, path: str) -> str:
    # Python keeps two slashes at the start apart from one; Codex does not.
    return "/" + posixpath.normpath(posixpath.join(cwd, path)).lstrip("/")


def _cd_target(arguments: Words) -> str | None:
    if "--" in arguments:
        return next(iter(arguments[arguments.index("--") + 1 :]), None)
    return next((word for word in reversed(arguments) if not word.startswith("-")), None)


def _simplified(actions: list[Action]) -> list[Action]:
    """Leave out what says nothing next to others: ``true``, a first ``echo``, a bare ``nl``."""
    if len(actions) > 1:
        actions = [action for action in actions if action != _unknown("true")]
    while len(actions) > 1:
        idle = next((at for at, action in enumerate(actions) if _is_idle(action, at)), None)
        if idle is None:
            break
        actions = actions[:idle] + actions[idle + 1 :]
    return actions


def _is_idle(action: Action, at: int) -> bool:
    if action["type"] != "unknown":
        return False
    head, *arguments = shlex.split(action["command"])
    if head == "echo":
        return at == 0
    return head == "nl" and all(word.startswith("-") for word in arguments)


def _whole(action: Action, command: str, *, in_a_row: bool) -> Action:
    """Let the only action that is left show as much of the line as the server does."""
    # Of a line that goes on behind a backslash the server leaves an empty word.
    words = [word.removeprefix("\n") for word in shlex.split(command, comments=True)]
    if not in_a_row and not _CONNECTORS.intersection(words):
        return {**action, "command": _joined(words)}
    pairs = pairwise(words)
    if action["type"] == "read" and "|" in words and ("sed", "-n") in pairs:
        return {**action, "command": command}
    return action


# --- what is left out ----------------------------------------------------------------------------


def _only_shapes(words: Words) -> bool:
    """Whether a command only shapes what another one prints."""
    head, arguments = words[0], words[1:]
    if head in _HELPERS:
        return True
    if head == "xargs":
        return not _changes_files(arguments)
    if head == "awk":
        return _awk_file(arguments) is None
    if head == "sed":
        return _sed_file(arguments) is None
    if head in {"head", "tail"}:
        return _only_counts(head, arguments)
    return False


def _only_counts(head: str, arguments: Words) -> bool:
    if len(arguments) < 2:
        return all(word.startswith("-") for word in arguments)
    if len(arguments) > 2 or arguments[0] not in {"-n", "-c"}:
        return False
    count = arguments[1]
    return _is_number(count.removeprefix("+") if head == "tail" else count)


def _changes_files(arguments: Words) -> bool:
    """Whether ``xargs`` runs something that changes files in place."""
    program = list(_xargs_program(arguments))
    if not program:
        return False
    head, *rest = program
    if head in {"perl", "ruby", "sed"}:
        in_place = any(word.startswith(("-i", "-pi")) for word in rest)
        return in_place or (head == "sed" and "--in-place" in rest)
    return head == "rg" and "--replace" in rest


def _xargs_program(arguments: Words) -> Words:
    at = 0
    while at < len(arguments):
        word = arguments[at]
        if word == "--":
            return arguments[at + 1 :]
        if not word.startswith("-"):
            return arguments[at:]
        at += 2 if word in XARGS else 1
    return ()


# --- one command ---------------------------------------------------------------------------------


def _action(words: list[str]) -> Action:
    """What one plain command does; the path of a read is not absolute yet."""
    head, arguments = words[0], words[1:]
    if head in LISTERS:
        return _lists(words, _first(_operands(arguments, LISTERS[head])))
    if head in READERS or head == "batcat":
        files = _operands(arguments, READERS["bat" if head == "batcat" else head])
        return _reads(words, files[0] if len(files) == 1 else None)
    if _walks_files(head, arguments):
        return _lists(words, None)
    special = _SPECIAL.get(head)
    return _unknown_words(words) if special is None else special(words, arguments)


def _git(words: list[str], arguments: Words) -> Action:
    if arguments[:1] == ["grep"]:
        return _grep(words, arguments[1:])
    if arguments[:1] == ["ls-files"]:
        return _lists(words, _first(_operands(arguments[1:], GIT_LS_FILES)))
    return _unknown_words(words)


def _rg(words: list[str], arguments: Words) -> Action:
    arguments = _up_to_connector(arguments)
    plain = _plain(arguments, RG)
    if "--files" in arguments:
        return _lists(words, _first(plain))
    return _searches(words, plain)


def _ag(words: list[str], arguments: Words) -> Action:
    return _searches(words, _plain(_up_to_connector(arguments), AG))


def _fd(words: list[str], arguments: Words) -> Action:
    plain = _plain(_up_to_connector(arguments), FD)
    if len(plain) == 1 and _is_pathish(plain[0]):
        return _lists(words, plain[0])
    return _searches(words, plain) if plain else _lists(words, None)


def _is_pathish(word: str) -> bool:
    return word in {".", ".."} or "/" in word or "\\" in word


def _find(words: list[str], arguments: Words) -> Action:
    arguments = _up_to_connector(arguments)
    operators = {"!", "(", ")"}
    path = next((w for w in arguments if not w.startswith("-") and w not in operators), None)
    for test, value in pairwise(arguments):
        if test in FIND_TESTS:
            return _searches(words, [value, *([] if path is None else [path])])
    return _lists(words, path)


def _grep(words: list[str], arguments: Words) -> Action:
    pattern: str | None = None
    plain: list[str] = []
    rest = iter(_up_to_connector(arguments))
    for word in rest:
        if word == "--":
            plain.extend(rest)
        elif word in GREP_PATTERNS:
            given = next(rest, None)
            pattern = given if pattern is None else pattern
        elif word in GREP_COUNTS:
            next(rest, None)
        elif not word.startswith("-"):
            plain.append(word)
    return _searches(words, plain if pattern is None else [pattern, *plain])


def _head(words: list[str], arguments: Words) -> Action:
    return _reads(words, _counted_file(arguments, plus=False))


def _tail(words: list[str], arguments: Words) -> Action:
    return _reads(words, _counted_file(arguments, plus=True))


def _counted_file(arguments: Words, *, plus: bool) -> str | None:
    """The file behind ``-n COUNT``, or the only word."""
    if not arguments:
        return None
    first, rest = arguments[0], arguments[1:]
    if first.startswith("-n"):
        count, files = (rest[0], rest[1:]) if first == "-n" and rest else (first[2:], rest)
        if _is_number(count.removeprefix("+")) if plus else _is_number(count or "0"):
            return next((word for word in files if not word.startswith("-")), None)
    return first if not rest and not first.startswith("-") else None


def _nl(words: list[str], arguments: Words) -> Action:
    return _reads(words, _first(_plain(arguments, NL)))


def _awk(words: list[str], arguments: Words) -> Action:
    return _reads(words, _awk_file(arguments))


def _awk_file(arguments: Words) -> str | None:
    """The data file of an awk program, which is the second word unless the program is in a file."""
    arguments = _up_to_connector(arguments)
    plain = _plain(arguments, AWK)
    if not {"-f", "--file"}.intersection(arguments):
        plain = plain[1:]
    return _first(plain)


def _sed(words: list[str], arguments: Words) -> Action:
    return _reads(words, _sed_file(arguments))


def _sed_file(arguments: Words) -> str | None:
    """The file of which ``sed -n`` prints a range of lines."""
    arguments = _up_to_connector(arguments)
    if "-n" not in arguments:
        return None
    given = [value for option, value in pairwise(arguments) if option in {"-e", "--expression"}]
    bare = [word for word in arguments if not word.startswith("-")]
    if not any(_is_range(word) for word in (*given, *bare)):
        return None
    plain = _plain(arguments, SED)
    return _first(plain[1:] if plain and _is_range(plain[0]) else plain)


def _is_range(word: str) -> bool:
    """Whether a word prints lines by their numbers: ``5p`` or ``1,20p``."""
    numbers = word.removesuffix("p").split(",")
    return word.endswith("p") and len(numbers) <= 2 and all(map(_is_number, numbers))


def _walks_files(head: str, arguments: Words) -> bool:
    if not _PYTHON.fullmatch(head):
        return False
    program = next(
        (value for option, value in pairwise(arguments) if option == "-c"),
        "",
    )
    return any(sign in program for sign in _WALKS)


_SPECIAL: Final[Mapping[str, Callable[[list[str], Words], Action]]] = {
    "git": _git,
    "rg": _rg,
    "rga": _rg,
    "ripgrep-all": _rg,
    "ag": _ag,
    "ack": _ag,
    "pt": _ag,
    "fd": _fd,
    "find": _find,
    "grep": _grep,
    "egrep": _grep,
    "fgrep": _grep,
    "head": _head,
    "tail": _tail,
    "nl": _nl,
    "awk": _awk,
    "sed": _sed,
}


# --- words ---------------------------------------------------------------------------------------


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _first(words: Words) -> str | None:
    return words[0] if words else None


def _up_to_connector(words: Words) -> list[str]:
    """The words before one that looks like a connector, even a quoted one."""
    end = next((at for at, word in enumerate(words) if word in _CONNECTORS), len(words))
    return list(words[:end])


def _operands(words: Words, options_with_value: frozenset[str]) -> list[str]:
    """The words that are neither options nor their values; behind ``--`` every word is one."""
    operands: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            operands.extend(rest)
        elif word in options_with_value:
            next(rest, None)
        elif not word.startswith("-"):
            operands.append(word)
    return operands


def _plain(words: Words, options_with_value: frozenset[str]) -> list[str]:
    """Like :func:`_operands`, but options stay options behind ``--`` as well."""
    return [word for word in _operands(words, options_with_value) if not word.startswith("-")]


def _joined(words: Words) -> str:
    return " ".join(quoted(word) for word in words)


def _short(path: str) -> str:
    """The part of a path that says most about it."""
    trimmed = path.replace("\\", "/").rstrip("/")
    parts = [part for part in trimmed.split("/") if part and part not in _UNTOLD_FOLDERS]
    return parts[-1] if parts else trimmed


# --- actions -------------------------------------------------------------------------------------


def _unknown(command: str) -> Action:
    return {"type": "unknown", "command": command}


def _unknown_words(words: Words) -> Action:
    return _unknown(_joined(words))


def _reads(words: Words, path: str | None) -> Action:
    if path is None:
        return _unknown_words(words)
    return {"type": "read", "command": _joined(words), "name": _short(path), "path": path}


def _lists(words: Words, path: str | None) -> Action:
    shown = None if path is None else _short(path)
    return {"type": "listFiles", "command": _joined(words), "path": shown}


def _searches(words: Words, plain: Words) -> Action:
    """A search for the first word, in the second one."""
    return {
        "type": "search",
        "command": _joined(words),
        "query": _first(plain),
        "path": _short(plain[1]) if len(plain) > 1 else None,
    }
