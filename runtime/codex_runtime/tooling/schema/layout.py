"""Lays JSON out as a person would: what fits on a line stays on it.

May import nothing of the project. The invariant: the text depends on the value alone, ends with a
newline, and reads back as the value; a change to one type changes the lines of that type only.
"""

from __future__ import annotations

import json
from typing import Any, Final

WIDTH: Final = 100
"""The columns a line may have."""


def lay_out(value: Any) -> str:
    """Write a value as JSON.

    Args:
        value: The value; the order of its members is kept.

    Returns:
        The text.
    """
    return _laid_out(value, 0, 0) + "\n"


def _laid_out(value: Any, indent: int, taken: int) -> str:
    line = json.dumps(value, ensure_ascii=False)
    # One column is kept for the comma.
    if (indent and indent + taken + len(line) < WIDTH) or not isinstance(value, dict | list):
        return line
    inner = " " * (indent + 1)
    if isinstance(value, dict):
        names = [json.dumps(name, ensure_ascii=False) + ": " for name in value]
        members = [
            inner + name + _laid_out(member, indent + 1, len(name))
            for name, member in zip(names, value.values(), strict=True)
        ]
        begin, end = "{}"
    else:
        members = [inner + _laid_out(member, indent + 1, 0) for member in value]
        begin, end = "[]"
    if not members:
        return line
    return begin + "\n" + ",\n".join(members) + "\n" + " " * indent + end
