"""One check: its scenes judged one after the other, and the outcome of all of them together.

May import the suites and the events. The invariant: an outcome is a pass only when every scene came
to its end and was judged; a mistake in a check is an ``error``, never a verdict about the target.
"""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING, Any, Final

from codex_conformance.runner.events import CheckFinished, Outcome
from codex_conformance.suites.verdicts import Inconclusive, Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from codex_conformance.suites.kinds import AnyCheck
    from codex_conformance.suites.playing import Scene
    from codex_conformance.suites.registry import Check
    from codex_conformance.targets.deployment import HostCapability
    from codex_conformance.targets.door import Capability

TRACEBACK_LINES: Final = 12
"""Lines of a traceback that a report shows of a broken check."""

LAST_LINES: Final = 4
"""Lines of a scene that broke off that a report shows."""


def not_applicable(
    check: AnyCheck, missing: Iterable[Capability | HostCapability]
) -> CheckFinished:
    """Say that a check does not apply.

    Args:
        check: The check.
        missing: What it needs and the target does not declare.
    """
    names = ", ".join(sorted(capability.value for capability in missing))
    return _finished(check, Outcome.NOT_APPLICABLE, reason=f"the target does not declare: {names}")


def broken(check: AnyCheck, error: BaseException, scene: str | None = None) -> CheckFinished:
    """Say that a check or its play is broken itself.

    Args:
        check: The check.
        error: What it raised.
        scene: The play it was raised over.
    """
    lines = "".join(traceback.format_exception(error)).splitlines()[-TRACEBACK_LINES:]
    return _finished(
        check,
        Outcome.ERROR,
        scene=scene,
        reason=f"{type(error).__name__}: {error}",
        evidence=tuple(lines),
    )


async def judge(check: Check, scenes: Sequence[Scene]) -> CheckFinished:
    """Judge the scenes of a check.

    Args:
        check: The check.
        scenes: The scenes of its plays, in their order.

    Returns:
        The outcome: the first violation decides, then the first scene that could not be judged.
    """
    unknown: CheckFinished | None = None
    for scene in scenes:
        result = await _judge_one(check, scene)
        if result.outcome in (Outcome.FAIL, Outcome.ERROR):
            return result
        if result.outcome is Outcome.UNKNOWN and unknown is None:
            unknown = result
    return unknown or _finished(check, Outcome.PASS)


async def _judge_one(check: Check, scene: Scene) -> CheckFinished:
    name = scene.play.name
    try:
        async with asyncio.timeout(check.bound):
            await check.judge(scene)
    except Violation as violation:
        return _finished(
            check,
            Outcome.FAIL,
            scene=name,
            expected=violation.expected,
            found=violation.found,
            evidence=violation.evidence,
        )
    except Inconclusive as inconclusive:
        return _unknown(check, scene, str(inconclusive))
    except TimeoutError:
        return _unknown(check, scene, f"judging took longer than {check.bound:g} s")
    except Exception as error:  # noqa: BLE001 - whatever a check raises is a bug in the check
        return broken(check, error, name)
    if scene.broken_off is not None:
        return _unknown(check, scene)
    return _finished(check, Outcome.PASS)


def _unknown(check: Check, scene: Scene, reason: str = "") -> CheckFinished:
    """Say that a scene could not be judged; where it broke off, with how it ended."""
    reasons = [reason] if reason else []
    evidence: tuple[str, ...] = ()
    if scene.broken_off is not None:
        reasons.append(f"the scene broke off: {scene.broken_off.reason}")
        evidence = tuple(entry.shown() for entry in scene.last.entries[-LAST_LINES:])
    return _finished(
        check,
        Outcome.UNKNOWN,
        scene=scene.play.name,
        reason="; ".join(reasons),
        evidence=evidence,
    )


def _finished(check: AnyCheck, outcome: Outcome, **details: Any) -> CheckFinished:
    return CheckFinished(
        id=check.id, level=check.requirement.level.value, outcome=outcome, **details
    )
