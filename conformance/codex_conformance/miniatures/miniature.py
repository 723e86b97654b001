"""What a miniature is.

May import the faults only. The invariant: a miniature differs from a passing app-server in one
behaviour, and says which checks that must fail.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codex_conformance.miniatures.faults import FaultOf


@dataclass(frozen=True, slots=True)
class Miniature:
    """A passing app-server with one behaviour changed.

    Attributes:
        name: Its name.
        says: What it does wrong, in a sentence.
        fault: Makes the fault of each connection.
        fails: The ids of the checks that must fail; all others pass, or are unknown.
    """

    name: str
    says: str
    fault: FaultOf = field(repr=False)
    fails: frozenset[str]


def miniature(name: str, says: str, fault: FaultOf, *fails: str) -> Miniature:
    """Write a miniature down."""
    return Miniature(name, says, fault, frozenset(fails))
