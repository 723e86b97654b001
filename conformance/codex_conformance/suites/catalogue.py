"""All checks, in the order of the requirements.

May import every module of the suites: importing this one fills the register. The invariant: the
order of reports is the order of the requirements, whatever module a check is in.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_conformance.requirements import REQUIREMENTS
from codex_conformance.suites.host_catalogue import HOST_CHECKS
from codex_conformance.suites.lifecycle import (  # noqa: F401 - importing registers the checks
    approvals,
    changes,
    clients,
    collaboration,
    consent,
    conversation,
    cuts,
    endings,
    failures,
    interrupts,
    items,
    kills,
    pages,
    restarts,
    threads,
    turns,
)
from codex_conformance.suites.protocol import (  # noqa: F401 - importing registers the checks
    account,
    envelopes,
    errors,
    http,
    ids,
    initialize,
    process,
    requests,
    silence,
    starts,
)
from codex_conformance.suites.registry import REGISTER, Check
from codex_conformance.suites.runtime_catalogue import RUNTIME_CHECKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_conformance.suites.kinds import AnyCheck

_PLACES: Final = {requirement: place for place, requirement in enumerate(REQUIREMENTS)}

CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {found.id: found for found in sorted(REGISTER, key=lambda found: _PLACES[found.id])}
)
"""Every check of an app-server by its id."""

EVERY_CHECK: Final[Mapping[str, AnyCheck]] = MappingProxyType(
    {**CHECKS, **HOST_CHECKS, **RUNTIME_CHECKS}
)
"""Every check by its id: of app-servers, then of hosts, then of runtimes."""

SUITES: Final = tuple(dict.fromkeys(found.requirement.suite for found in CHECKS.values()))
"""The names of the suites."""
