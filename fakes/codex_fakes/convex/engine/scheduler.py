"""Running what was scheduled, when it is due.

May import the running of calls and the functions; asyncio when actions are run. The invariants
(FACTS §5.9): a mutation's writes and its row's ``success`` are one commit, so it happens exactly
once; an action's row says ``inProgress`` before it starts and it is never started again, so it
happens at most once; no more than ``scheduler_parallelism`` run at the same time.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.engine.actions import run_action
from codex_fakes.convex.engine.clock import VirtualClock
from codex_fakes.convex.engine.errors import FunctionError
from codex_fakes.convex.engine.functions.declarations import Kind
from codex_fakes.convex.engine.functions.jobs import (
    FAILED,
    IN_PROGRESS,
    PENDING,
    SUCCESS,
    TABLE,
    Ended,
    Job,
    finish,
    remove,
    start,
    state_kind,
)
from codex_fakes.convex.engine.running import PendingMutation
from codex_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from codex_fakes.convex.engine.functions.registry import Export
    from codex_fakes.convex.engine.outcome import Outcome
    from codex_fakes.convex.engine.running import Runner
    from codex_fakes.convex.engine.store import Commit
    from codex_fakes.convex.engine.store.records import Stored
    from codex_runtime.values import Value

RETENTION_MS: Final = 7 * 24 * 3_600 * 1_000.0
"""How long the row of a finished job is kept."""
CRASHED: Final = "Transient error while executing action"
"""What the row of an action says whose end nobody has seen."""
ONLY: Final = "Only mutations and actions can be scheduled."
"""What the row of a query says that was scheduled."""
ENOUGH: Final = 100_000
"""Jobs after which one call gives up: they schedule each other without end."""


class Scheduler:
    """The jobs of one backend.

    Args:
        runner: What runs functions.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._order = count()
        self._waiting: list[tuple[float, int, Job]] = []
        self._noted: list[Job] = []
        self._ended: deque[Ended] = deque()
        self._actions: set[asyncio.Task[Outcome]] = set()
        runner.on_jobs = self.note

    def note(self, scheduled: Iterable[Job], ended: Iterable[Ended]) -> None:
        """Note what a commit scheduled and ended.

        Args:
            scheduled: New jobs.
            ended: Rows that will not change any more.
        """
        self._noted = list(scheduled)
        for job in self._noted:
            heappush(self._waiting, (job.due_ms, next(self._order), job))
        self._ended.extend(ended)

    def forget(self) -> None:
        """Forget every job: their rows are gone."""
        self._waiting.clear()
        self._ended.clear()

    def scheduled_by(self, commit: Commit) -> list[Job]:
        """Give the jobs that a commit scheduled.

        Args:
            commit: The latest commit.

        Returns:
            The jobs, in the order in which they were scheduled.
        """
        new = {write.id for write in commit.writes if write.table.name == TABLE}
        return [job for job in self._noted if job.id in new]

    def targets(self) -> list[Job]:
        """The jobs that are not started yet, in the order in which they will be."""
        return [job for _, _, job in sorted(self._waiting) if self._state(job) == PENDING]

    def next_due(self) -> float | None:
        """When the next job is due.

        Returns:
            Milliseconds since the epoch, perhaps in the past; ``None`` when nothing is scheduled.
        """
        waiting = self._waiting
        # What was rolled back or canceled has no row, or one that is not pending.
        while waiting and self._state(waiting[0][2]) != PENDING:
            heappop(waiting)
        return waiting[0][0] if waiting else None

    async def run_due(self) -> int:
        """Run what is due now, and what that makes due at the same moment.

        It may be called while another call of it is under way: each job is run by one of them, and
        what another call's actions leave no place for is left to that call. When it is canceled, so
        are the actions that it has started.

        Returns:
            How many jobs this call has run; they are finished.

        Raises:
            ConfigurationError: ``E_FAKE_CONVEX_NEVER_IDLE``: jobs schedule each other without end.
        """
        self._collect()
        moment = self._runner.clock.now_ms()
        started = 0
        actions: set[asyncio.Task[Outcome]] = set()
        try:
            while True:
                if started >= ENOUGH and self._is_due(moment):
                    raise _endless(started)
                job = self._take(moment)
                if job is not None:
                    started += 1
                    task = self._start(job)
                    if task is not None:
                        actions.add(task)
                elif not actions:
                    return started
                else:
                    actions = await _some_finished(actions)
        finally:
            await _end(actions)

    async def advance(self, milliseconds: float) -> int:
        """Let virtual time pass, and run each job when it is due.

        Args:
            milliseconds: How much time.

        Returns:
            How many jobs were run.

        Raises:
            ConfigurationError: ``E_FAKE_CONVEX_CLOCK_NOT_VIRTUAL``: the clock is not ours to move.
        """
        clock = self._virtual("advance")
        end = clock.now_ms() + milliseconds
        ran = await self._run_now()
        while (due := self.next_due()) is not None and due <= end:
            clock.advance_to(due)
            ran += await self._run_now()
        clock.advance_to(end)
        self._collect()
        return ran

    async def run_until_idle(self) -> int:
        """Let virtual time pass until nothing is scheduled any more.

        Returns:
            How many jobs were run.

        Raises:
            ConfigurationError: ``E_FAKE_CONVEX_CLOCK_NOT_VIRTUAL``: the clock is not ours to move;
                ``E_FAKE_CONVEX_NEVER_IDLE``: jobs schedule each other without end.
        """
        clock = self._virtual("run_until_idle")
        ran = await self._run_now()
        while (due := self.next_due()) is not None:
            if ran >= ENOUGH:
                raise _endless(ran)
            clock.advance_to(due)
            ran += await self._run_now()
        return ran

    async def _run_now(self) -> int:
        ran = await self.run_due()
        # Another call's actions may have taken every place: time waits for them.
        while self._is_due(self._runner.clock.now_ms()) and self._actions:
            await _some_finished(self._actions)
            ran += await self.run_due()
        return ran

    def recover(self, jobs: Iterable[Job]) -> None:
        """Take up the jobs of a state that is brought back.

        Args:
            jobs: Those whose function is another component's than the row's; the others follow
                from the rows.
        """
        known = {job.id: job for job in jobs}
        ended: list[Ended] = []
        for mount in self._runner.around.spaces:
            for identity, stored in list(self._rows(mount).items()):
                row, kind = stored.fields, state_kind(stored.fields)
                due, end = row["scheduledTime"], row.get("completedTime")
                assert isinstance(due, float)  # noqa: S101 - rows are written by jobs alone
                job = known.get(identity) or Job(mount, identity, due, mount)
                if kind == PENDING:
                    self.note([job], [])
                elif kind == IN_PROGRESS:
                    self._settle(job, {"kind": FAILED, "error": CRASHED})
                else:
                    assert isinstance(end, float)  # noqa: S101 - as above
                    ended.append(Ended(mount, identity, end))
        self._ended.extendleft(sorted(ended, key=lambda job: job.ended_ms, reverse=True))

    def _rows(self, mount: str) -> dict[str, Stored]:
        table = self._runner.around.spaces[mount].find(TABLE)
        assert table is not None  # noqa: S101 - every space has the tables of the system
        return table.documents

    def _state(self, job: Job) -> str | None:
        stored = self._rows(job.mount).get(job.id)
        return None if stored is None else state_kind(stored.fields)

    def _is_due(self, moment: float) -> bool:
        due = self.next_due()
        return due is not None and due <= moment

    def _take(self, moment: float) -> Job | None:
        if len(self._actions) >= self._runner.around.limits.scheduler_parallelism:
            return None
        return heappop(self._waiting)[2] if self._is_due(moment) else None

    def _start(self, job: Job) -> asyncio.Task[Outcome] | None:
        row = self._rows(job.mount)[job.id].fields
        args: Any = row["args"]
        registry = self._runner.around.registry
        try:
            export = registry.find(job.target, str(row["name"]), None, internal=True)
        except FunctionError as error:
            self._settle(job, {"kind": FAILED, "error": error.message})
            return None
        if export.function.kind is Kind.ACTION:
            return self._start_action(job, export, args[0])
        if export.function.kind is Kind.QUERY:
            text = (
                f"Unsupported function type. {export.path.canonical} is defined as a Query. {ONLY}"
            )
            self._settle(job, {"kind": FAILED, "error": text})
            return None
        outcome = PendingMutation(self._runner, export, args[0], job=job).commit()
        if outcome.error is not None:
            self._settle(job, {"kind": FAILED, "error": outcome.error.message.rstrip("\n")})
        return None

    def _start_action(self, job: Job, export: Export, args: Any) -> asyncio.Task[Outcome]:
        from asyncio import create_task

        self._runner.transact(lambda execution: start(execution, job))
        task = create_task(run_action(self._runner, export, args, job=job))
        self._actions.add(task)
        # A callback runs for a task that was canceled before it began, too.
        task.add_done_callback(lambda task: self._action_ended(job, task))
        return task

    def _action_ended(self, job: Job, task: asyncio.Task[Outcome]) -> None:
        self._actions.discard(task)
        if task.cancelled() or task.exception() is not None:
            self._settle(job, {"kind": FAILED, "error": CRASHED})
        elif (failure := task.result().error) is not None:
            self._settle(job, {"kind": FAILED, "error": failure.message.rstrip("\n")})
        else:
            self._settle(job, {"kind": SUCCESS})

    def _settle(self, job: Job, state: dict[str, Value]) -> None:
        self._runner.transact(
            lambda execution: finish(execution, job.mount, job.id, state, execution.now_ms)
        )

    def _collect(self) -> None:
        oldest = self._runner.clock.now_ms() - RETENTION_MS
        while self._ended and self._ended[0].ended_ms <= oldest:
            ended = self._ended.popleft()
            stored = self._rows(ended.mount).get(ended.id)
            # An end that was rolled back is not what the row tells.
            if stored is not None and stored.fields.get("completedTime") == ended.ended_ms:
                self._runner.transact(partial(remove, ended=ended))

    def _virtual(self, what: str) -> VirtualClock:
        clock = self._runner.clock
        if not isinstance(clock, VirtualClock):
            raise ConfigurationError(
                "E_FAKE_CONVEX_CLOCK_NOT_VIRTUAL",
                f"{what} moves a virtual clock, and this backend has {type(clock).__name__}",
            )
        return clock


def _endless(ran: int) -> ConfigurationError:
    return ConfigurationError(
        "E_FAKE_CONVEX_NEVER_IDLE",
        f"{ran} scheduled functions have run and the next one is waiting",
    )


async def _some_finished(tasks: set[asyncio.Task[Outcome]]) -> set[asyncio.Task[Outcome]]:
    from asyncio import FIRST_COMPLETED, wait

    done, pending = await wait(tasks, return_when=FIRST_COMPLETED)
    for task in done:
        task.result()
    return pending


async def _end(tasks: set[asyncio.Task[Outcome]]) -> None:
    from asyncio import wait

    for task in tasks:
        task.cancel()
    if tasks:
        await wait(tasks)
