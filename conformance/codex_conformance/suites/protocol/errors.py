"""Checks of refusals: the code, and the part of the text that does not change.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.requirements.expectations import REFUSED
from codex_conformance.suites.plays.dialect import (
    UNKNOWN_METHOD,
    UNKNOWN_THREAD,
    introduction,
    refusals,
)
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import present, require, section_of
from codex_conformance.wire.messages import at, is_answer

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene


def judge_refusal(scene: Scene, section: str, text: str, expected_code: int = REFUSED) -> None:
    """Judge that the request of a section was refused with a text that begins in a given way.

    Args:
        scene: The scene.
        section: The section that holds the request and its answer.
        text: How the text begins.
        expected_code: The error code.

    Raises:
        Inconclusive: There is no answer.
        Violation: It is another answer.
    """
    entries = section_of(scene, section)
    answer = present(
        next((e for e in entries if e.received and e.message and is_answer(e.message)), None),
        f"answer in section {section!r}",
    )
    expected = f"error {expected_code}, {text!r}"
    code, message = at(answer.message, "error", "code"), at(answer.message, "error", "message")
    refused = "error" in (answer.message or {})
    found = f"error {code}, {str(message)[:120]!r}" if refused else "a result"
    fits = code == expected_code and str(message).startswith(text)
    require(fits, expected, found, *entries)


@check("protocol.errors.not-initialized", on=(introduction,))
async def nothing_works_before_initialize(scene: Scene) -> None:
    """Reads the answer to a request before initialize."""
    judge_refusal(scene, "before initialize", "Not initialized")


@check("protocol.errors.already-initialized", on=(introduction,))
async def initialize_works_once(scene: Scene) -> None:
    """Reads the answer to a second initialize."""
    judge_refusal(scene, "initialize again", "Already initialized")


@check("protocol.errors.unknown-method", on=(refusals,))
async def unknown_methods_are_refused(scene: Scene) -> None:
    """Reads the answer to a method that does not exist."""
    judge_refusal(scene, "unknown method", f"Invalid request: unknown variant `{UNKNOWN_METHOD}`")


@check("protocol.errors.missing-field", on=(refusals,))
async def missing_fields_are_refused(scene: Scene) -> None:
    """Reads the answers to a request without params and to one without threadId."""
    judge_refusal(scene, "missing params", "Invalid request: missing field `params`")
    judge_refusal(scene, "missing field", "Invalid request: missing field `threadId`")


@check("protocol.errors.wrong-type", on=(refusals,))
async def wrong_types_are_refused(scene: Scene) -> None:
    """Reads the answer to a thread id that is a number."""
    judge_refusal(scene, "wrong type", "Invalid request: invalid type: ")


@check("protocol.errors.malformed-thread-id", on=(refusals,))
async def malformed_thread_ids_are_refused(scene: Scene) -> None:
    """Reads the answer to a thread id that is no UUID."""
    judge_refusal(scene, "malformed thread id", "invalid thread id: ")


@check("protocol.errors.unknown-thread", on=(refusals,))
async def unknown_threads_are_refused(scene: Scene) -> None:
    """Reads the answers of three methods to a thread that does not exist."""
    judge_refusal(scene, "turn/start", f"thread not found: {UNKNOWN_THREAD}")
    judge_refusal(scene, "thread/read", f"thread not loaded: {UNKNOWN_THREAD}")
    judge_refusal(scene, "thread/resume", f"no rollout found for thread id {UNKNOWN_THREAD}")
