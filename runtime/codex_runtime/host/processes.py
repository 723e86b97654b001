"""Which process holds a claim, and whether it is known to be gone.

May import the standard library. The invariant: a process is said to be gone only where that is
certain, on the same machine and after looking; whoever cannot know waits for the lease to end.
"""

from __future__ import annotations

import os
import socket
import sys
from functools import cache
from pathlib import Path
from typing import Final

_SEPARATOR: Final = " in "
_PROC: Final = Path("/proc")
_ENDED: Final = "ZX"
"""The states of processes that have ended and are still listed."""


def owner_of(session_id: str) -> str:
    """Name the owner of claims that a session makes.

    Args:
        session_id: The session.

    Returns:
        The session, and the process it lives in: machine, number, and when it began.
    """
    pid = os.getpid()
    return f"{session_id}{_SEPARATOR}{_machine()}/{pid}/{_began(pid)}"


def is_gone(owner: str) -> bool:
    """Tell whether the process of an owner is known to be gone.

    Args:
        owner: What :func:`owner_of` has named, perhaps on another machine.

    Returns:
        Whether it certainly runs no more; never for an owner of another kind, of another machine,
        or where processes cannot be looked at.
    """
    machine, _, rest = owner.rpartition(_SEPARATOR)[2].partition("/")
    number, _, began = rest.partition("/")
    if sys.platform == "win32" or machine != _machine() or not number.isdecimal():
        return False
    pid = int(number)
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    # The number may be another process's by now, or only wait for its parent to hear of its end.
    return bool(began) and began != _began(pid)


@cache
def _machine() -> str:
    """Name the space in which a process's number means one process."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = (_PROC / "self/ns/pid").readlink().name
    except OSError:
        return socket.gethostname().replace("/", "-")
    return f"{boot} {space}"


def _began(pid: int) -> str:
    """When a process began, in ticks since the machine did; empty where nobody says so.

    Of one that has ended and is still listed: that it has ended.
    """
    try:
        said = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name in parentheses may hold anything: the fields are counted from behind it.
    fields = said.rpartition(")")[2].split()
    return _ENDED if fields[0] in _ENDED else fields[19]
