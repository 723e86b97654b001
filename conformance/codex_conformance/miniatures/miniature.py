"""What a miniature is.

May import the faults only. A miniature is made of faults by name wherever these can say what is
broken, so that whoever has only the simulated app-server can break it in the same way; of a fault
in the door otherwise; and of a fault of the process where that is what is broken. The invariant: a
miniature differs from a passing app-server in one behaviour, and says which checks that must fail.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codex_conformance.miniatures.faults import FaultOf
    from codex_conformance.miniatures.process_faults import ProcessFault


@dataclass(frozen=True, slots=True)
class Miniature:
    """A passing app-server with one behaviour changed.

    Attributes:
        name: Its name.
        says: What it does wrong, in a sentence.
        fails: The ids of the checks that must fail; all others pass, or are unknown.
        fault: Makes the fault in the door of each connection; ``None`` for none.
        by_name: The faults by name, as ``CODEX_SIMULATED_FAULTS`` says them; empty for none.
        process: The fault of a process; it is the executable then. ``None`` for none.
    """

    name: str
    says: str
    fails: frozenset[str]
    fault: FaultOf | None = field(default=None, repr=False)
    by_name: str = ""
    process: ProcessFault | None = field(default=None, repr=False)


def miniature(name: str, says: str, fault: FaultOf, *fails: str) -> Miniature:
    """Write a miniature with a fault in the door down."""
    return Miniature(name, says, frozenset(fails), fault)


def broken_by(name: str, says: str, by_name: str, *fails: str) -> Miniature:
    """Write a miniature down that is made of faults by name."""
    return Miniature(name, says, frozenset(fails), by_name=by_name)


def process(name: str, says: str, fault: ProcessFault, *fails: str, by_name: str = "") -> Miniature:
    """Write a miniature down that is a process."""
    return Miniature(name, says, frozenset(fails), by_name=by_name, process=fault)
