"""Running one call from the outside: a query, or a mutation with its retries.

May import the functions and the store of the engine. The invariants: a mutation's outcome is that
of exactly one commit, or of none; whoever listens is told of every commit, in order, before the
call that made it returns.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.engine.errors import Conflict, FunctionError
from codex_fakes.convex.engine.functions.declarations import Kind
from codex_fakes.convex.engine.functions.execution import (
    Execution,
    Frame,
    Surroundings,
    accepted_arguments,
    checked_result,
)
from codex_fakes.convex.engine.functions.failures import refused, thrown
from codex_fakes.convex.engine.functions.jobs import SUCCESS, finish, start
from codex_fakes.convex.engine.ids import IdFactory
from codex_fakes.convex.engine.limits import took_too_long
from codex_fakes.convex.engine.outcome import Outcome
from codex_fakes.convex.engine.store import ReadSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codex_fakes.convex.engine.clock import Clock
    from codex_fakes.convex.engine.functions.jobs import Ended, Job
    from codex_fakes.convex.engine.functions.registry import Export
    from codex_fakes.convex.engine.identity import Identity
    from codex_fakes.convex.engine.outcome import Failure
    from codex_fakes.convex.engine.store import Commit, Database, Transaction
    from codex_runtime.values import Value


class Runner:
    """Runs the functions of one backend.

    Args:
        around: What all calls share.
        database: The data.
        clock: The time.
        seed: Where chance starts.
        stopwatch: How much time functions have used up, in seconds; ``None`` when that is not
            measured.

    Attributes:
        around: What all calls share; another one when another app is deployed.
        database: The data.
        clock: The time.
        listeners: Who is told of every commit that changed something.
        on_jobs: Who is told which jobs a commit scheduled and ended.
        conflicts: Conflicts that are still to be provoked: the table, or ``None`` for any.
        timeouts: Calls that are still to be ended as too long: the function, or ``None`` for any.
    """

    def __init__(
        self,
        around: Surroundings,
        database: Database,
        clock: Clock,
        seed: int | str,
        stopwatch: Callable[[], float] | None = None,
    ) -> None:
        self.around = around
        self.database: Final = database
        self.clock: Final = clock
        self.listeners: list[Callable[[Commit], None]] = []
        self.on_jobs: Callable[[list[Job], list[Ended]], None] | None = None
        self.conflicts: list[str | None] = []
        self.timeouts: list[str | None] = []
        self.stopwatch: Final[Callable[[], float]] = stopwatch or _nothing_measured
        self._seed = seed
        self._runs = count()

    def restart(self, seed: int | str) -> None:
        """Let chance start again, ids included.

        Args:
            seed: Where.
        """
        self._seed = seed
        self._runs = count()
        self.database.ids = IdFactory(seed)
        self.conflicts.clear()
        self.timeouts.clear()

    def seed(self) -> str:
        """The seed of the next execution."""
        return f"{self._seed}:{next(self._runs)}"

    def query(
        self,
        export: Export,
        args: Mapping[str, Any] | None,
        identity: Identity | None = None,
        *,
        at: int | None = None,
        journal: str | None = None,
    ) -> Outcome:
        """Run a query.

        Args:
            export: The query.
            args: Its arguments.
            identity: Who calls.
            at: The timestamp to read at; the latest when left out.
            journal: The journal of its last run.

        Returns:
            The outcome.
        """
        now_ms = self.clock.now_ms()
        try:
            given = accepted_arguments(self.around, export, args)
            transaction = self.database.begin(at, now_ms=now_ms)
        except FunctionError as error:
            return self.refusal(error, reads=True)
        execution = Execution(self.around, transaction, now_ms, self.seed(), identity)
        frame = Frame(execution, export, journal=journal)
        value: Value = None
        failure: Failure | None = None
        began = self.stopwatch()
        try:
            value = checked_result(self.around, export, frame.run(given))
        except Exception as error:  # noqa: BLE001 - what a handler throws is its outcome
            failure = thrown(error, export.path)
        failure = self.timed_out(export, self.stopwatch() - began) or failure
        self.database.commit(transaction)
        return Outcome(
            failure is None,
            value if failure is None else None,
            failure,
            execution.logs.finished(),
            transaction.snapshot,
            transaction.read_set,
            frame.journal,
            transaction.usage.documents_read,
        )

    def refusal(self, error: FunctionError, *, reads: bool = False) -> Outcome:
        """The outcome of a call that never got to its handler.

        Args:
            error: Why.
            reads: Whether it was a query, which has a read set.

        Returns:
            The outcome.
        """
        read_set = ReadSet() if reads else None
        return Outcome(False, error=refused(error), ts=self.database.ts, read_set=read_set)

    def transact(self, change: Callable[[Execution], object], job: Job | None = None) -> Execution:
        """Change something in a transaction of the backend's own.

        Args:
            change: What to do in it; it calls no function.
            job: The job it is done for.

        Returns:
            The execution that was committed.

        Raises:
            FunctionError: What is to be done is refused; nothing is changed.
        """
        now_ms = self.clock.now_ms()
        transaction = self.database.begin(now_ms=now_ms)
        execution = Execution(self.around, transaction, now_ms, self.seed(), job=job)
        change(execution)
        # Nothing else has run since it began, so it cannot conflict.
        self.announce(self.database.commit(transaction), execution)
        return execution

    def announce(self, commit: Commit, execution: Execution | None = None) -> None:
        """Tell of a commit.

        Args:
            commit: The commit.
            execution: What made it; ``None`` when no function did.
        """
        if execution is not None and (execution.scheduled or execution.ended):
            assert self.on_jobs is not None  # noqa: S101 - a scheduler belongs to every runner
            self.on_jobs(execution.scheduled, execution.ended)
        if commit.writes or commit.deploys:
            for listener in tuple(self.listeners):
                listener(commit)

    def timed_out(self, export: Export, seconds: float) -> Failure | None:
        """Tell whether a call took too long, or is to have.

        Args:
            export: The function.
            seconds: How long it took.

        Returns:
            How it failed; ``None`` when it kept to its time.
        """
        limits = self.around.limits
        is_action = export.function.kind is Kind.ACTION
        most = limits.action_seconds if is_action else limits.query_seconds
        if seconds <= most:
            if not self.timeouts:
                return None
            asked = (export.path.canonical, None)
            place = next((at for at, path in enumerate(self.timeouts) if path in asked), None)
            if place is None:
                return None
            del self.timeouts[place]
        return refused(took_too_long(most))

    def provoked(self, transaction: Transaction) -> Conflict | None:
        """Take a conflict that a test asked for, if it fits.

        Args:
            transaction: What is about to be committed.

        Returns:
            The conflict; ``None`` when none was asked for.
        """
        if not self.conflicts or transaction.is_read_only:
            return None
        tables = [write.table.name for write in transaction.writes()]
        for place, table in enumerate(self.conflicts):
            if tables and (table is None or table in tables):
                del self.conflicts[place]
                return Conflict(table or tables[0])
        return None


def _nothing_measured() -> float:
    return 0.0


class PendingMutation:
    """A mutation whose handler has run and which is not committed yet.

    What happens between its making and :meth:`commit` happens while the mutation is under way; so
    a test brings about a conflict.

    Args:
        runner: What runs it.
        export: The mutation.
        args: Its arguments.
        identity: Who calls.
        job: The job that it is; the row tells how it went, in the same commit.
        parent: The job that it is called by.
    """

    __slots__ = (
        "_args",
        "_execution",
        "_export",
        "_failure",
        "_identity",
        "_job",
        "_parent",
        "_runner",
        "_value",
    )

    def __init__(
        self,
        runner: Runner,
        export: Export,
        args: Mapping[str, Any] | None,
        identity: Identity | None = None,
        job: Job | None = None,
        parent: Job | None = None,
    ) -> None:
        self._runner = runner
        self._export = export
        self._args = args
        self._identity = identity
        self._job = job
        self._parent = parent
        self._run()

    def commit(self) -> Outcome:
        """Commit it; when it conflicts, run it again and commit that.

        Returns:
            The outcome: of the handler's last run, or a conflict when it was run for the last
            time.

        Raises:
            CodexRuntimeError: ``E_FAKE_CONVEX_TRANSACTION_MISUSED``: it was committed before.
        """
        runner = self._runner
        database = runner.database
        retries = runner.around.limits.conflict_retries
        while True:
            execution = self._execution
            transaction = execution.transaction
            if self._failure is not None:
                transaction.finished = True
                return self._failed(self._failure)
            try:
                conflict = runner.provoked(transaction)
                if conflict is not None:
                    transaction.finished = True
                    raise conflict
                commit = database.commit(transaction)
            except Conflict as error:
                if retries == 0 and self._job is None:
                    return self._failed(refused(error))
                retries -= 1
                try:
                    # Another app may have been deployed since.
                    self._export = runner.around.registry.renewed(self._export)
                except FunctionError as gone:
                    return self._failed(refused(gone))
                self._run()
                continue
            runner.announce(commit, execution)
            return Outcome(
                True,
                self._value,
                None,
                execution.logs.finished(),
                commit.ts,
                documents_read=transaction.usage.documents_read,
            )

    def _run(self) -> None:
        runner, export, job = self._runner, self._export, self._job
        now_ms = runner.clock.now_ms()
        transaction = runner.database.begin(now_ms=now_ms)
        execution = self._execution = Execution(
            runner.around, transaction, now_ms, runner.seed(), self._identity, job or self._parent
        )
        self._value: Value = None
        self._failure: Failure | None = None
        began = runner.stopwatch()
        try:
            if job is not None:
                start(execution, job)
            # A handler may change its arguments, so every run gets a copy of its own.
            given = accepted_arguments(runner.around, export, self._args)
            value = Frame(execution, export).run(given)
            self._value = checked_result(runner.around, export, value)
            if job is not None:
                finish(execution, job.mount, job.id, {"kind": SUCCESS}, now_ms)
        except Exception as error:  # noqa: BLE001 - what a handler throws is its outcome
            self._failure = thrown(error, export.path)
        self._failure = runner.timed_out(export, runner.stopwatch() - began) or self._failure

    def _failed(self, failure: Failure) -> Outcome:
        execution = self._execution
        return Outcome(
            False,
            None,
            failure,
            execution.logs.finished(),
            self._runner.database.ts,
            documents_read=execution.transaction.usage.documents_read,
        )
