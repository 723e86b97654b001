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
from codex_conformance.runner.trying import put_to_trial
from codex_conformance.runner.visiting import examine
from codex_conformance.suites.host_registry import HostCheck
from codex_conformance.suites.playing import perform
from codex_conformance.suites.runtime_registry import RuntimeCheck

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codex_conformance.suites.kinds import AnyCheck
    from codex_conformance.suites.playing import Play, Scene
    from codex_conformance.suites.registry import Check
    from codex_conformance.targets.deployment import DeploymentTarget
    from codex_conformance.targets.door import Target
    from codex_conformance.targets.runtimes import RuntimeTarget


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is run.

    Attributes:
        jobs: Scenes played, deployments visited, and trials held at once; each target's own
            number when ``None``.
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
    """One run of some checks against an app-server, a deployment, a runtime between them.

    Args:
        target: The app-server; ``None`` when none of the checks needs one.
        checks: The checks, in the order of reports.
        reporters: Who is told.
        options: How it is run.
        deployment: The deployment; ``None`` when none of the checks needs one.
        runtime: The runtime; ``None`` when none of the checks is about one.
    """

    def __init__(
        self,
        target: Target | None,
        checks: Sequence[AnyCheck],
        reporters: Sequence[Reporter] = (),
        options: RunOptions | None = None,
        *,
        deployment: DeploymentTarget | None = None,
        runtime: RuntimeTarget | None = None,
    ) -> None:
        self._target = target
        self._deployment = deployment
        self._runtime = runtime
        self._checks = tuple(checks)
        self._reporters = tuple(reporters)
        self._options = options or RunOptions()
        self._slots = self._places_at(target)
        self._visits = self._places_at(deployment)
        self._trials = self._places_at(target)
        self._scenes: dict[str, asyncio.Task[Scene]] = {}
        self._results: dict[str, CheckFinished] = {}

    def _places_at(self, target: Target | DeploymentTarget | None) -> asyncio.Semaphore:
        own = 1 if target is None else target.jobs
        return asyncio.Semaphore(max(1, self._options.jobs or own))

    async def run(self) -> RunResult:
        """Run the checks.

        When the task is cancelled, or the bound of the run is reached, what is known is reported
        and the run is incomplete.

        Returns:
            What came of it; after a cancellation too, because that is how a run is cut short.

        Raises:
            CodexRuntimeError: The target cannot be reached; nothing was run or reported.
        """
        try:
            return await self._run()
        finally:
            if self._deployment is not None:
                await self._deployment.aclose()

    async def _run(self) -> RunResult:
        app_server = await self._found(self._target)
        deployment = await self._found(self._deployment)
        runtime = self._runtime
        found = (None, None) if runtime is None else (runtime.name, runtime.prepare())
        began = time.monotonic()
        self._report(
            RunStarted(
                target=app_server[0],
                found=app_server[1],
                deployment=deployment[0],
                deployment_found=deployment[1],
                runtime=found[0],
                runtime_found=found[1],
                capabilities=tuple(sorted(self._capabilities)),
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

    async def _found(
        self, target: Target | DeploymentTarget | None
    ) -> tuple[str, str] | tuple[None, None]:
        if target is None:
            return None, None
        return target.name, await target.preflight()

    @property
    def _capabilities(self) -> frozenset[str]:
        target, deployment = self._target, self._deployment
        own = {c.value for c in target.capabilities} if target is not None else set()
        hosts = {c.value for c in deployment.capabilities} if deployment is not None else set()
        return frozenset(own | hosts)

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

    async def _judge(self, check: AnyCheck) -> None:
        began = time.monotonic()
        able = self._capabilities
        missing = [need for need in check.needs if need.value not in able]
        if missing:
            self._keep(not_applicable(check, missing), began)
        elif isinstance(check, HostCheck):
            await self._visit(check)
        elif isinstance(check, RuntimeCheck):
            await self._try(check)
        else:
            await self._judge_scenes(check, began)

    async def _visit(self, check: HostCheck) -> None:
        if self._deployment is None:
            raise TypeError(f"{check.id} is about a host, and there is no deployment")
        async with self._visits:
            began = time.monotonic()
            self._report(CheckStarted(id=check.id))
            self._keep(await examine(check, self._deployment), began)

    async def _try(self, check: RuntimeCheck) -> None:
        if self._runtime is None or self._target is None or self._deployment is None:
            raise TypeError(f"{check.id} is about a runtime and its neighbours: one is missing")
        async with self._trials:
            began = time.monotonic()
            self._report(CheckStarted(id=check.id))
            result = await put_to_trial(check, self._runtime, self._target, self._deployment)
            self._keep(result, began)

    async def _judge_scenes(self, check: Check, began: float) -> None:
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
        if self._target is None:
            raise TypeError(f"{piece.name} is about an app-server, and there is none")
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
