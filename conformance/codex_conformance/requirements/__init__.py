"""The requirements: every promise has an id, a level, and the place it comes from.

May import the targets' capabilities only. The invariant: every requirement is judged by exactly one
check, and every check judges exactly one requirement.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_conformance.requirements.collaboration import COLLABORATION
from codex_conformance.requirements.lifecycle import LIFECYCLE
from codex_conformance.requirements.protocol import PROTOCOL
from codex_conformance.requirements.requirement import Level, Requirement

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUIREMENTS: Final[Mapping[str, Requirement]] = MappingProxyType(
    {requirement.id: requirement for requirement in (*PROTOCOL, *LIFECYCLE, *COLLABORATION)}
)
"""Every requirement by its id, in the order of reports."""

__all__ = ["REQUIREMENTS", "Level", "Requirement"]
