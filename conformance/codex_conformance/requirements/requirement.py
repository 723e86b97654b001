"""What a requirement is.

May import the targets' capabilities only. The invariant: a requirement says where it comes from,
and that place is outside this package.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codex_conformance.targets.door import Capability


class Level(Enum):
    """How much depends on a requirement."""

    MUST = "must"
    """A host relies on it."""
    SHOULD = "should"
    """It is how the app-server behaves; a host can live without it."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One promise of an app-server.

    Attributes:
        id: Its id, ``suite.subject.rule``.
        level: How much depends on it.
        text: The rule.
        source: Where it comes from.
        capability: What a target must be able to do for it to apply, apart from what the plays of
            its check need.
    """

    id: str
    level: Level
    text: str
    source: str
    capability: Capability | None = None

    @property
    def suite(self) -> str:
        """The suite it belongs to: the first part of its id."""
        return self.id.partition(".")[0]


def must(
    requirement_id: str,
    text: str,
    source: str,
    capability: Capability | None = None,
) -> Requirement:
    """Write down a requirement that a host relies on."""
    return Requirement(requirement_id, Level.MUST, text, source, capability)


def should(
    requirement_id: str,
    text: str,
    source: str,
    capability: Capability | None = None,
) -> Requirement:
    """Write down a requirement that a host can live without."""
    return Requirement(requirement_id, Level.SHOULD, text, source, capability)
