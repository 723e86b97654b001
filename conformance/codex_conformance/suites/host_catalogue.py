"""All checks of hosts, in the order of their requirements.

May import every module of the suites of hosts: importing this one fills their register. The
invariant: the order of reports is the order of the requirements, whatever module a check is in.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_conformance.requirements import HOST_REQUIREMENTS
from codex_conformance.suites.deletion import (  # noqa: F401 - importing registers the checks
    removals,
    schedule,
)
from codex_conformance.suites.dispatch import (  # noqa: F401 - importing registers the checks
    accepting,
    outbox,
)
from codex_conformance.suites.host_registry import HOST_REGISTER, HostCheck
from codex_conformance.suites.host_wiring import (  # noqa: F401 - importing registers the checks
    conversations,
    endpoints,
    reads,
    safe_answers,
    waiting,
)
from codex_conformance.suites.ingest import (  # noqa: F401 - importing registers the checks
    batches,
    cursors,
    effects,
    replay,
)
from codex_conformance.suites.isolation import (  # noqa: F401 - importing registers the checks
    auth,
    look_alikes,
    others,
)
from codex_conformance.suites.sync_verification import (  # noqa: F401 - importing registers the checks
    jobs,
    progress,
    sources,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACES: Final = {requirement: place for place, requirement in enumerate(HOST_REQUIREMENTS)}

HOST_CHECKS: Final[Mapping[str, HostCheck]] = MappingProxyType(
    {found.id: found for found in sorted(HOST_REGISTER, key=lambda found: _PLACES[found.id])}
)
"""Every check of a host by its id."""

HOST_SUITES: Final = tuple(dict.fromkeys(found.requirement.suite for found in HOST_CHECKS.values()))
"""The names of the suites of hosts."""
