"""Ids that the simulation only ever refuses: projects, of which there are none, and process ids.

May import the dialect. The invariant: an id is refused in the words of the real server.
"""

from __future__ import annotations

import re
from typing import Final

from codex_fakes.app_server.dialect.messages import INVALID_REQUEST, Refusal

_INTEGER: Final = re.compile(r"[+-]?[0-9]+")


def unknown_project(project_id: str, *, code: int = INVALID_REQUEST) -> Refusal:
    """The refusal of a project.

    Args:
        project_id: The project's id.
        code: The code of the error.
    """
    if not project_id:
        return Refusal("projectId must not be empty", code=code)
    return Refusal(f"project not found: {project_id}", code=code)


def process_number(text: str) -> int:
    """Read the process id of a command that goes on.

    Args:
        text: What the client sent.

    Raises:
        Refusal: In the words of Rust's reader of integers.
    """
    if not text:
        complaint = "cannot parse integer from empty string"
    elif _INTEGER.fullmatch(text) is None:
        complaint = "invalid digit found in string"
    elif int(text) >= 2**31:
        complaint = "number too large to fit in target type"
    elif int(text) < -(2**31):
        complaint = "number too small to fit in target type"
    else:
        return int(text)
    raise Refusal(f"invalid background terminal process id: {complaint}")
