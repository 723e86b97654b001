"""All checks of runtimes, in the order of their requirements.

May import every module of the suites of runtimes: importing this one fills their register. The
invariant: the order of reports is the order of the requirements, whatever module a check is in.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_conformance.requirements import RUNTIME_REQUIREMENTS
from codex_conformance.suites.runtime import (  # noqa: F401 - importing registers the checks
    callers,
    codex_faults,
    connecting,
    convex_faults,
    convex_keeping,
    endings,
    identities,
    imports,
    keeping,
    phases,
    server_requests,
    tools,
    turns,
)
from codex_conformance.suites.runtime_registry import RUNTIME_REGISTER, RuntimeCheck

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACES: Final = {requirement: place for place, requirement in enumerate(RUNTIME_REQUIREMENTS)}

RUNTIME_CHECKS: Final[Mapping[str, RuntimeCheck]] = MappingProxyType(
    {found.id: found for found in sorted(RUNTIME_REGISTER, key=lambda found: _PLACES[found.id])}
)
"""Every check of a runtime by its id."""

RUNTIME_SUITES: Final = tuple(
    dict.fromkeys(found.requirement.suite for found in RUNTIME_CHECKS.values())
)
"""The names of the suites of runtimes."""
