"""The count of outcomes, and the one line that sums a run up.

May import the runner's events. The invariant: the numbers add up to the checks that were selected.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from codex_conformance.runner.events import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_conformance.runner.events import CheckFinished, RunFinished

WORDS: Final = {
    Outcome.PASS: "passed",
    Outcome.FAIL: "failed",
    Outcome.UNKNOWN: "unknown",
    Outcome.NOT_APPLICABLE: "not applicable",
    Outcome.ERROR: "broken",
}
"""How a summary names each outcome."""


def tally(results: Iterable[CheckFinished]) -> dict[Outcome, int]:
    """Count the outcomes; every outcome has a number."""
    counted = Counter(result.outcome for result in results)
    return {outcome: counted[outcome] for outcome in Outcome}


def summary(results: Iterable[CheckFinished], finished: RunFinished) -> str:
    """Sum a run up in one line.

    Args:
        results: What became of the checks.
        finished: The run's last event.
    """
    counts = tally(results)
    parts = [
        f"{count} {WORDS[outcome]}"
        for outcome, count in counts.items()
        if count or outcome is Outcome.PASS
    ]
    if finished.not_run:
        parts.append(f"{len(finished.not_run)} not run")
    total = sum(counts.values()) + len(finished.not_run)
    cut = f"; {finished.cut_short}" if finished.cut_short else ""
    plural = "check" if total == 1 else "checks"
    return (
        f"{total} {plural}: {', '.join(parts)} in {finished.seconds:.1f} s{cut} "
        f"(exit code {finished.exit_code})"
    )
