"""All checks, in the order of the requirements.

May import every module of the suites: importing this one fills the register. The invariant: the
order of reports is the order of the requirements, whatever module a check is in.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_conformance.requirements import REQUIREMENTS
from codex_conformance.suites.lifecycle import (  # noqa: F401 - importing registers the checks
    approvals,
    collaboration,
    failures,
    interrupts,
    items,
    restarts,
    threads,
    turns,
)
from codex_conformance.suites.protocol import (  # noqa: F401 - importing registers the checks
    envelopes,
    errors,
    ids,
    initialize,
    process,
    silence,
)
from codex_conformance.suites.registry import REGISTER, Check

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACES: Final = {requirement: place for place, requirement in enumerate(REQUIREMENTS)}

CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {found.id: found for found in sorted(REGISTER, key=lambda found: _PLACES[found.id])}
)
"""Every check by its id."""

SUITES: Final = tuple(dict.fromkeys(found.requirement.suite for found in CHECKS.values()))
"""The names of the suites."""
