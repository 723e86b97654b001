"""The run: scenes are played once each, several at a time, and judged as soon as they are there.

May import the suites, the targets' definitions, and the rest of the runner. The invariant: a scene
is played at most once in a run, and only when a selected check needs it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from codex_conformance.runner.events import (
    CheckFinished,
    CheckStarted,
    Event,
    Reporter,
    RunFinished,
    RunStarted,
)
from codex_conformance.runner.exit_codes import ExitCode, exit_code_of
from codex_conformance.runner.judging import broken, judge, not_applicable
from codex_conformance.suites.playing import perform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codex_conformance.suites.playing import Play, Scene
    from codex_conformance.suites.registry import Check
    from codex_conformance.targets.door import Target


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is run.

    Attributes:
        jobs: Scenes played at once; the target's own number when ``None``.
        bound: Seconds the whole run may take; no bound when ``None``.
        strict: Whether a should counts like a must.
    """

    jobs: int | None = None
    bound: float | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of a run.

    Attributes:
        results: What became of the checks, in the order of reports.
        finished: The last event.
    """

    results: tuple[CheckFinished, ...]
    finished: RunFinished

    @property
    def exit_code(self) -> ExitCode:
        """What the command exits with."""
        return ExitCode(self.finished.exit_code)


class Run:
    """One run of some checks against one target.

    Args:
        target: The target.
        checks: The checks, in the order of reports.
        reporters: Who is told.
        options: How it is run.
    """

    def __init__(
        self,
        target: Target,
        checks: Sequence[Check],
        reporters: Sequence[Reporter] = (),
        options: RunOptions | None = None,
    ) -> None:
        self._target = target
        self._checks = tuple(checks)
        self._reporters = tuple(reporters)
        self._options = options or RunOptions()
        self._slots = asyncio.Semaphore(max(1, self._options.jobs or target.jobs))
        self._scenes: dict[str, asyncio.Task[Scene]] = {}
        self._results: dict[str, CheckFinished] = {}

    async def run(self) -> RunResult:
        """Run the checks.

        When the task is cancelled, or the bound of the run is reached, what is known is reported
        and the run is incomplete.

        Returns:
            What came of it; after a cancellation too, because that is how a run is cut short.

        Raises:
            CodexRuntimeError: The target cannot be reached; nothing was run or reported.
        """
        found = await self._target.preflight()
        began = time.monotonic()
        self._report(
            RunStarted(
                target=self._target.name,
                found=found,
                capabilities=tuple(sorted(c.value for c in self._target.capabilities)),
                checks=tuple(check.id for check in self._checks),
            )
        )
        cut_short: str | None = None
        try:
            async with asyncio.timeout(self._options.bound):
                await self._judge_all()
        except TimeoutError:
            cut_short = f"the run took longer than {self._options.bound:g} s"
        except asyncio.CancelledError:
            # Cancelling a run asks for its end, not for the loss of what it has found out.
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            cut_short = "the run was interrupted"
        return self._finish(cut_short, time.monotonic() - began)

    async def _judge_all(self) -> None:
        tasks = [asyncio.ensure_future(self._judge(check)) for check in self._checks]
        try:
            for task in tasks:
                await task
        finally:
            under_way: list[asyncio.Task[Any]] = [*tasks, *self._scenes.values()]
            for left in under_way:
                left.cancel()
            # Every scene closes what it opened before the run is reported as over.
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _judge(self, check: Check) -> None:
        began = time.monotonic()
        missing = check.needs - self._target.capabilities
        if missing:
            self._keep(not_applicable(check, missing), began)
            return
        scenes: list[Scene] = []
        for piece in check.plays:
            try:
                scenes.append(await asyncio.shield(self._scene(piece)))
            except Exception as error:  # noqa: BLE001 - whatever a play raises is a bug of ours
                self._report(CheckStarted(id=check.id))
                self._keep(broken(check, error, piece.name), began)
                return
        self._report(CheckStarted(id=check.id))
        self._keep(await judge(check, scenes), began)

    def _scene(self, piece: Play) -> asyncio.Task[Scene]:
        task = self._scenes.get(piece.name)
        if task is None:
            task = asyncio.ensure_future(self._perform(piece))
            self._scenes[piece.name] = task
        return task

    async def _perform(self, piece: Play) -> Scene:
        async with self._slots:
            return await perform(piece, self._target)

    def _keep(self, result: CheckFinished, began: float) -> None:
        timed = msgspec.structs.replace(result, seconds=round(time.monotonic() - began, 6))
        self._results[result.id] = timed
        self._report(timed)

    def _finish(self, cut_short: str | None, seconds: float) -> RunResult:
        results = tuple(
            self._results[check.id] for check in self._checks if check.id in self._results
        )
        not_run = tuple(check.id for check in self._checks if check.id not in self._results)
        complete = not not_run and cut_short is None
        code = exit_code_of(results, complete=complete, strict=self._options.strict)
        finished = RunFinished(
            exit_code=int(code),
            complete=complete,
            not_run=not_run,
            cut_short=cut_short,
            seconds=round(seconds, 6),
        )
        self._report(finished)
        return RunResult(results, finished)

    def _report(self, event: Event) -> None:
        for reporter in self._reporters:
            reporter.report(event)
