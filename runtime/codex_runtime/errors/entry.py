"""What the catalogue says of a code: whose fault it is, its trigger, and what to do.

May import nothing of the project. The invariant: an entry is complete; there is no code without
advice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Fault(Enum):
    """Whose fault a failure is: where to look first."""

    CALLER = "caller"
    """The program that uses this library: its arguments or the order of its calls."""
    CONFIGURATION = "configuration"
    """The machine or its set-up: a missing binary, a busy port, an unwritable folder."""
    APP_SERVER = "app-server"
    """The Codex app-server, or what stands in for it."""
    MODEL = "model"
    """The model behind the app-server, or the turn it was asked to do."""
    DEPLOYMENT = "deployment"
    """The Convex deployment, the functions on it, or what it keeps."""


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """One code of the catalogue.

    Attributes:
        code: The stable code, ``E_…``.
        fault: Whose fault it is.
        trigger: When it is raised.
        advice: What to do.
        recoverable: Whether the same call may succeed when repeated after doing that.
    """

    code: str
    fault: Fault
    trigger: str
    advice: str
    recoverable: bool


def entries(fault: Fault, *rows: tuple[str, str, str, bool]) -> tuple[ErrorEntry, ...]:
    """Write several codes of one fault as rows.

    Args:
        fault: Whose fault they are.
        rows: Code, trigger, advice and whether the same call may succeed again.

    Returns:
        The entries.
    """
    return tuple(ErrorEntry(code, fault, trigger, advice, ok) for code, trigger, advice, ok in rows)
