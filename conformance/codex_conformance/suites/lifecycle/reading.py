"""Reading results out of a scene's sections.

May import the verdicts and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_conformance.suites.verdicts import present, require, section_of
from codex_conformance.wire.messages import Kind, at, is_answer, kind_of

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry


def answer_in(scene: Scene, section: str) -> Entry:
    """Find the answer in a section that holds one request.

    Raises:
        Inconclusive: There is none.
    """
    entries = section_of(scene, section)
    found = next((e for e in entries if e.received and e.message and is_answer(e.message)), None)
    return present(found, f"answer in section {section!r}")


def result_in(scene: Scene, section: str, method: str) -> tuple[Entry, Any]:
    """Find the result in a section that holds one request.

    Args:
        scene: The scene.
        section: The section.
        method: The request's method, for the verdict.

    Returns:
        The answer, and its result.

    Raises:
        Inconclusive: There is no answer.
        Violation: It is an error.
    """
    answer = answer_in(scene, section)
    granted = kind_of(answer.message or {}) is Kind.RESPONSE
    require(granted, f"a result of {method}", "an error", answer)
    return answer, at(answer.message, "result")
