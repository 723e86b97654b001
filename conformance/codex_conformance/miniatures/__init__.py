"""Miniatures: passing app-servers with one behaviour changed, which the checks must notice.

May import the targets, the wire, and the plays' constants. The invariant: every check is failed by
at least one miniature; a check that nothing can fail proves nothing.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_conformance.miniatures.changes import CHANGES, PAGES
from codex_conformance.miniatures.conversation import CLIENTS, CONSENT, CONVERSATION, ENDINGS
from codex_conformance.miniatures.cuts import CUTS
from codex_conformance.miniatures.dialect import ANSWERS, LINES, SILENCE
from codex_conformance.miniatures.miniature import Miniature
from codex_conformance.miniatures.processes import PROCESSES
from codex_conformance.miniatures.requests import REQUESTS
from codex_conformance.miniatures.threads import THREADS
from codex_conformance.miniatures.troubles import TROUBLES
from codex_conformance.miniatures.turns import TURNS
from codex_conformance.miniatures.wire import WIRE

if TYPE_CHECKING:
    from collections.abc import Mapping

MINIATURES: Final[Mapping[str, Miniature]] = MappingProxyType(
    {
        found.name: found
        for found in (
            *LINES,
            *ANSWERS,
            *SILENCE,
            *WIRE,
            *REQUESTS,
            *PROCESSES,
            *THREADS,
            *CHANGES,
            *PAGES,
            *TURNS,
            *TROUBLES,
            *CONVERSATION,
            *CONSENT,
            *CUTS,
            *ENDINGS,
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
