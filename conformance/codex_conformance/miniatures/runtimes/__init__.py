"""Miniatures of runtimes: our own with one behaviour changed, which the checks must notice.

May import what alters runtimes. The invariant: every check of a runtime is failed by at least one
miniature; a check that nothing can fail proves nothing.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_conformance.miniatures.runtimes.altering import RuntimeMiniature
from codex_conformance.miniatures.runtimes.callers import CALLERS
from codex_conformance.miniatures.runtimes.endings import ENDINGS
from codex_conformance.miniatures.runtimes.imports import IMPORTS
from codex_conformance.miniatures.runtimes.keeping import KEEPING, REQUESTS
from codex_conformance.miniatures.runtimes.neighbours import CODEX, CONVEX
from codex_conformance.miniatures.runtimes.phases import CONNECTING, PHASES
from codex_conformance.miniatures.runtimes.threads import THREADS
from codex_conformance.miniatures.runtimes.tools import TOOLS
from codex_conformance.miniatures.runtimes.turns import SENDING

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNTIME_MINIATURES: Final[Mapping[str, RuntimeMiniature]] = MappingProxyType(
    {
        found.name: found
        for found in (
            *PHASES,
            *CONNECTING,
            *THREADS,
            *SENDING,
            *ENDINGS,
            *KEEPING,
            *REQUESTS,
            *TOOLS,
            *IMPORTS,
            *CALLERS,
            *CODEX,
            *CONVEX,
        )
    }
)
"""Every miniature of a runtime by its name."""


def breakers_of_runtime(check_id: str) -> tuple[RuntimeMiniature, ...]:
    """The miniatures that a check of a runtime must fail.

    Args:
        check_id: The check's id.
    """
    return tuple(found for found in RUNTIME_MINIATURES.values() if check_id in found.fails)


__all__ = ["RUNTIME_MINIATURES", "RuntimeMiniature", "breakers_of_runtime"]
