"""Miniatures: passing app-servers with one behaviour changed, which the checks must notice.

May import the targets, the wire, and the plays' constants. The invariant: every check is failed by
at least one miniature; a check that nothing can fail proves nothing.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_conformance.miniatures.collaboration import CLIENTS, PATCHES, STEERS, TOOLS
from codex_conformance.miniatures.connection import INTRODUCTION, PROCESS, REFUSALS
from codex_conformance.miniatures.dialect import ANSWERS, LINES, SILENCE
from codex_conformance.miniatures.miniature import Miniature
from codex_conformance.miniatures.threads import RESTARTS, THREADS
from codex_conformance.miniatures.troubles import APPROVALS, FAILURES, INTERRUPTS
from codex_conformance.miniatures.turns import FRAMES, ITEMS, USAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

MINIATURES: Final[Mapping[str, Miniature]] = MappingProxyType(
    {
        found.name: found
        for found in (
            *LINES,
            *ANSWERS,
            *SILENCE,
            *REFUSALS,
            *INTRODUCTION,
            *PROCESS,
            *THREADS,
            *RESTARTS,
            *FRAMES,
            *ITEMS,
            *USAGE,
            *APPROVALS,
            *INTERRUPTS,
            *FAILURES,
            *STEERS,
            *PATCHES,
            *TOOLS,
            *CLIENTS,
        )
    }
)
"""Every miniature by its name."""


def breakers_of(check_id: str) -> tuple[Miniature, ...]:
    """The miniatures that a check must fail.

    Args:
        check_id: The check's id.
    """
    return tuple(found for found in MINIATURES.values() if check_id in found.fails)


__all__ = ["MINIATURES", "Miniature", "breakers_of"]
