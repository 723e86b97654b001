"""Reads recorded conversations: files of one JSON object per line.

May import the conversation; reads files. The invariant: a line that is no row of a recording is an
error with the file and the line in it, never skipped.

A row is ``{"dir": "c2s" | "s2c" | …, "msg": MESSAGE, "conn": NAME?}``: who says what, and on which
connection when there are several. Rows of other directions are notes. A client's line that is no
JSON has ``raw`` in place of ``msg``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from codex_runtime.errors import ConfigurationError
from codex_runtime.tooling.schema.messages import Conversation

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable
    from pathlib import Path

    from codex_runtime.protocol.lock.validators import LockValidators

SUFFIXES: Final = (".jsonl", ".ndjson")


def recordings_in(places: Iterable[Path]) -> list[Path]:
    """Find recordings.

    Args:
        places: Files, and folders that hold such files.

    Returns:
        The files.

    Raises:
        ConfigurationError: ``E_SCHEMA_MESSAGES_UNREADABLE`` for a place where there is none.
    """
    found: list[Path] = []
    for place in places:
        files = [place]
        if place.is_dir():
            files = sorted(path for path in place.rglob("*") if path.suffix in SUFFIXES)
        if not files or not all(path.is_file() for path in files):
            raise _unreadable(f"there are no recordings at {place}")
        found += files
    return found


def judge_recording(path: Path, validators: LockValidators, judged: Counter[str]) -> list[str]:
    """Judge every message of a recording.

    Args:
        path: The file.
        validators: What the messages are held to.
        judged: Counts the messages that were judged, by method.

    Returns:
        What is wrong, each with the file and the line.

    Raises:
        ConfigurationError: ``E_SCHEMA_MESSAGES_UNREADABLE``.
    """
    conversations: dict[str, Conversation] = {}
    problems = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(f"{path}: {error}") from None
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            direction, name = row["dir"], row.get("conn", "")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise _unreadable(f"{path}:{number}: is no row of a recording") from None
        if direction not in ("c2s", "s2c") or "msg" not in row:
            continue
        conversation = conversations.setdefault(name, Conversation(validators, judged))
        found = conversation.said(direction, row["msg"])
        problems += [f"{path.name}:{number}: {problem}" for problem in found]
    return problems


def _unreadable(text: str) -> ConfigurationError:
    return ConfigurationError("E_SCHEMA_MESSAGES_UNREADABLE", text)
