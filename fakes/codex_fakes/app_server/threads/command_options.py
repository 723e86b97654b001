"""The options of commands that read, list or search, so far as they take a value.

May import nothing. The invariant: pure data; what is no operand of a command is found here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

READERS: Final[Mapping[str, frozenset[str]]] = {
    "cat": frozenset(),
    "more": frozenset(),
    "bat": frozenset(
        {
            "--theme",
            "--language",
            "--style",
            "--terminal-width",
            "--tabs",
            "--line-range",
            "--map-syntax",
        }
    ),
    "less": frozenset(
        {
            "-p",
            "-P",
            "-x",
            "-y",
            "-z",
            "-j",
            "--pattern",
            "--prompt",
            "--tabs",
            "--shift",
            "--jump-target",
        }
    ),
}
"""Commands that read the one file they name, with their options that take a value."""

_EZA: Final = frozenset({"-I", "--ignore-glob", "--color", "--sort", "--time-style", "--time"})
LISTERS: Final[Mapping[str, frozenset[str]]] = {
    "ls": frozenset(
        {
            "-I",
            "-w",
            "--block-size",
            "--format",
            "--time-style",
            "--color",
            "--quoting-style",
        }
    ),
    "eza": _EZA,
    "exa": _EZA,
    "tree": frozenset({"-L", "-P", "-I", "--charset", "--filelimit", "--sort"}),
    "du": frozenset({"-d", "--max-depth", "-B", "--block-size", "--exclude", "--time-style"}),
}
"""Commands that list a folder, with their options that take a value."""

GIT_LS_FILES: Final = frozenset({"--exclude", "--exclude-from", "--pathspec-from-file"})
RG: Final = frozenset(
    {
        "-g",
        "--glob",
        "--iglob",
        "-t",
        "--type",
        "--type-add",
        "--type-not",
        "-m",
        "--max-count",
        "-A",
        "-B",
        "-C",
        "--context",
        "--max-depth",
    }
)
AG: Final = frozenset(
    {"-G", "-g", "--file-search-regex", "--ignore-dir", "--ignore-file", "--path-to-ignore"}
)
FD: Final = frozenset({"-t", "--type", "-e", "--extension", "-E", "--exclude", "--search-path"})
GREP_PATTERNS: Final = frozenset({"-e", "--regexp", "-f", "--file"})
GREP_COUNTS: Final = frozenset(
    {
        "-m",
        "--max-count",
        "-C",
        "--context",
        "-A",
        "--after-context",
        "-B",
        "--before-context",
    }
)
FIND_TESTS: Final = frozenset({"-name", "-iname", "-path", "-regex"})
AWK: Final = frozenset({"-F", "-v", "-f", "--field-separator", "--assign", "--file"})
NL: Final = frozenset({"-s", "-w", "-v", "-i", "-b"})
SED: Final = frozenset({"-e", "-f", "--expression", "--file"})
XARGS: Final = frozenset({"-E", "-e", "-I", "-L", "-n", "-P", "-s"})
