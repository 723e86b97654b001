"""The requirements: every promise has an id, a level, and the place it comes from.

May import the targets' capabilities only. The invariant: every requirement is judged by exactly one
check, and every check judges exactly one requirement.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_conformance.requirements.collaboration import COLLABORATION
from codex_conformance.requirements.conversation import CONVERSATION
from codex_conformance.requirements.cuts import CUTS
from codex_conformance.requirements.deletion import DELETION
from codex_conformance.requirements.dispatch import DISPATCH
from codex_conformance.requirements.host_wiring import HOST_WIRING
from codex_conformance.requirements.ingest import INGEST
from codex_conformance.requirements.isolation import ISOLATION
from codex_conformance.requirements.lifecycle import LIFECYCLE
from codex_conformance.requirements.processes import PROCESSES
from codex_conformance.requirements.protocol import PROTOCOL
from codex_conformance.requirements.requests import REQUESTS
from codex_conformance.requirements.requirement import Level, Requirement
from codex_conformance.requirements.runtime_fail_closed import RUNTIME_FAIL_CLOSED
from codex_conformance.requirements.runtime_lifecycle import RUNTIME_LIFECYCLE
from codex_conformance.requirements.sync_verification import SYNC_VERIFICATION
from codex_conformance.requirements.threads import THREADS

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUIREMENTS: Final[Mapping[str, Requirement]] = MappingProxyType(
    {
        requirement.id: requirement
        for requirement in (
            *PROTOCOL,
            *REQUESTS,
            *PROCESSES,
            *LIFECYCLE,
            *THREADS,
            *CONVERSATION,
            *CUTS,
            *COLLABORATION,
        )
    }
)
"""Every requirement of an app-server by its id, in the order of reports."""

HOST_REQUIREMENTS: Final[Mapping[str, Requirement]] = MappingProxyType(
    {
        requirement.id: requirement
        for requirement in (
            *HOST_WIRING,
            *ISOLATION,
            *INGEST,
            *SYNC_VERIFICATION,
            *DELETION,
            *DISPATCH,
        )
    }
)
"""Every requirement of a host by its id, in the order of reports."""

RUNTIME_REQUIREMENTS: Final[Mapping[str, Requirement]] = MappingProxyType(
    {requirement.id: requirement for requirement in (*RUNTIME_LIFECYCLE, *RUNTIME_FAIL_CLOSED)}
)
"""Every requirement of a runtime by its id, in the order of reports."""

EVERY_REQUIREMENT: Final[Mapping[str, Requirement]] = MappingProxyType(
    {**REQUIREMENTS, **HOST_REQUIREMENTS, **RUNTIME_REQUIREMENTS}
)
"""All of them: those of the app-server first, those of the runtime last."""

__all__ = [
    "EVERY_REQUIREMENT",
    "HOST_REQUIREMENTS",
    "REQUIREMENTS",
    "RUNTIME_REQUIREMENTS",
    "Level",
    "Requirement",
]
