"""Running an action: on the event loop of who calls, each of its calls a transaction of its own.

May import the running of queries and mutations, and the functions; not asyncio. The invariant: an
action is run once, whatever it comes to, and what its calls committed stays.
"""

from __future__ import annotations

import random
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from codex_fakes.convex.engine.errors import FunctionError
from codex_fakes.convex.engine.functions.contexts import ActionContext
from codex_fakes.convex.engine.functions.declarations import Kind
from codex_fakes.convex.engine.functions.execution import (
    accepted_arguments,
    as_value,
    checked_result,
)
from codex_fakes.convex.engine.functions.failures import thrown
from codex_fakes.convex.engine.functions.jobs import cancel, schedule
from codex_fakes.convex.engine.functions.logs import LogLines
from codex_fakes.convex.engine.limits import took_too_long
from codex_fakes.convex.engine.outcome import Outcome
from codex_fakes.convex.engine.running import PendingMutation
from codex_runtime.values import ConvexError, Undefined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_fakes.convex.engine.functions.jobs import Job
    from codex_fakes.convex.engine.functions.references import Reference
    from codex_fakes.convex.engine.functions.registry import Export
    from codex_fakes.convex.engine.identity import Identity
    from codex_fakes.convex.engine.outcome import Failure
    from codex_fakes.convex.engine.running import Runner
    from codex_runtime.values import Value


async def run_action(
    runner: Runner,
    export: Export,
    args: Mapping[str, Any] | None,
    identity: Identity | None = None,
    job: Job | None = None,
) -> Outcome:
    """Run an action on this event loop.

    Args:
        runner: What its calls are run by.
        export: The action.
        args: Its arguments.
        identity: Who calls.
        job: The job it runs for.

    Returns:
        The outcome.
    """
    try:
        given = accepted_arguments(runner.around, export, args)
    except FunctionError as error:
        return runner.refusal(error)
    run = ActionRun(runner, export, identity, job)
    context = ActionContext(run, None if export.mount else identity, run.logs)
    value: Value = None
    failure: Failure | None = None
    try:
        result = export.function.handler(context, given)
        if isawaitable(result):
            result = await result
        value = checked_result(runner.around, export, as_value(result, runner.around.values))
    except Exception as error:  # noqa: BLE001 - what a handler throws is its outcome
        failure = thrown(error, export.path)
    failure = runner.timed_out(export, run.seconds()) or failure
    if failure is not None:
        value = None
    return Outcome(failure is None, value, failure, run.logs.finished(), runner.database.ts)


class ActionRun:
    """What a running action reaches its backend by; each call is a transaction of its own.

    Args:
        runner: What runs it.
        export: The action.
        identity: Who called it.
        job: The job it runs for.

    Attributes:
        logs: What it and its calls logged.
    """

    __slots__ = ("_began_ms", "_export", "_identity", "_job", "_random", "_runner", "logs")

    def __init__(
        self, runner: Runner, export: Export, identity: Identity | None, job: Job | None
    ) -> None:
        self._runner = runner
        self._export = export
        self._identity = identity
        self._job = job
        self._random = random.Random(runner.seed())  # noqa: S311 - repeatable on purpose
        self._began_ms = runner.clock.now_ms()
        self.logs = LogLines(runner.around.limits)

    def seconds(self) -> float:
        """How long it has been running, in seconds of the backend's clock."""
        return (self._runner.clock.now_ms() - self._began_ms) / 1000

    def call(self, kind: Kind, reference: Reference, args: Mapping[str, Any] | None) -> Value:
        """Call a query or a mutation; see :class:`~.contexts.ActionContext`."""
        self._check_time()
        runner = self._runner
        export = runner.around.registry.refer(self._export.mount, reference, kind)
        if kind is Kind.QUERY:
            return self._told(runner.query(export, args, self._identity))
        pending = PendingMutation(runner, export, args, self._identity, parent=self._job)
        return self._told(pending.commit())

    async def call_action(self, reference: Reference, args: Mapping[str, Any] | None) -> Value:
        """Call an action; see :class:`~.contexts.ActionContext`."""
        self._check_time()
        runner = self._runner
        export = runner.around.registry.refer(self._export.mount, reference, Kind.ACTION)
        return self._told(await run_action(runner, export, args, self._identity, self._job))

    def schedule(self, when_ms: float, reference: Reference, args: Mapping[str, Any] | None) -> str:
        """Schedule a function; see :class:`~.contexts.ActionScheduler`."""
        self._check_time()
        mount = self._export.mount
        execution = self._runner.transact(
            lambda execution: schedule(execution, mount, when_ms, reference, args),
            self._job,
        )
        return execution.scheduled[-1].id

    def cancel(self, job: str) -> None:
        """Cancel what was scheduled; see :class:`~.contexts.ActionScheduler`."""
        self._check_time()
        mount = self._export.mount
        self._runner.transact(lambda execution: cancel(execution, mount, job))

    def handle(self, reference: Reference) -> str:
        """Make the handle of a function; see :class:`~.contexts.ActionContext`."""
        registry = self._runner.around.registry
        return registry.handle(registry.refer(self._export.mount, reference, None))

    def now_ms(self) -> float:
        """The time, in milliseconds since the epoch."""
        return self._runner.clock.now_ms()

    def random(self) -> float:
        """A number from 0 up to 1."""
        return self._random.random()

    def _check_time(self) -> None:
        """Keep an action that has used up its time from having any effect."""
        most = self._runner.around.limits.action_seconds
        if self.seconds() > most:
            raise took_too_long(most)

    def _told(self, outcome: Outcome) -> Value:
        self.logs.extend(outcome.log_lines)
        failure = outcome.error
        if failure is None:
            return outcome.value
        if isinstance(failure.data, Undefined):
            raise FunctionError(failure.headline) from failure.cause
        raise ConvexError(failure.data) from failure.cause
