"""Miniatures of hosts: passing ones with one behaviour changed, which the checks must notice.

May import what alters hosts. The invariant: every check of a host is failed by at least one
miniature; a check that nothing can fail proves nothing.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_conformance.miniatures.hosts.altering import HostMiniature
from codex_conformance.miniatures.hosts.deletion import REMOVALS, SCHEDULE
from codex_conformance.miniatures.hosts.dispatch import ACCEPTING, OUTBOX
from codex_conformance.miniatures.hosts.imports import JOBS, PROGRESS, SEALING, SOURCES
from codex_conformance.miniatures.hosts.ingest import BATCHES, CURSORS, EFFECTS
from codex_conformance.miniatures.hosts.isolation import MIXED_UP
from codex_conformance.miniatures.hosts.replay import REPLAY
from codex_conformance.miniatures.hosts.wiring import (
    CONVERSATIONS,
    ENDPOINTS,
    READS,
    SAFE,
    WAITING,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST_MINIATURES: Final[Mapping[str, HostMiniature]] = MappingProxyType(
    {
        found.name: found
        for found in (
            *ENDPOINTS,
            *SAFE,
            *CONVERSATIONS,
            *WAITING,
            *READS,
            *MIXED_UP,
            *BATCHES,
            *CURSORS,
            *EFFECTS,
            *REPLAY,
            *SOURCES,
            *SEALING,
            *JOBS,
            *PROGRESS,
            *REMOVALS,
            *SCHEDULE,
            *ACCEPTING,
            *OUTBOX,
        )
    }
)
"""Every miniature of a host by its name."""


def breakers_of_host(check_id: str) -> tuple[HostMiniature, ...]:
    """The miniatures that a check of a host must fail.

    Args:
        check_id: The check's id.
    """
    return tuple(found for found in HOST_MINIATURES.values() if check_id in found.fails)


__all__ = ["HOST_MINIATURES", "HostMiniature", "breakers_of_host"]
