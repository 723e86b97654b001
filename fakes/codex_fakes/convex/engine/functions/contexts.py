"""What a handler gets as ``ctx``: the database, other functions, the scheduler, time and chance.

May import the other modules of functions but the execution, which it knows by type. The invariant:
a context offers what its kind of function may do on a real deployment and nothing more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codex_fakes.convex.engine.functions.declarations import Kind
from codex_fakes.convex.engine.functions.jobs import cancel, moment_after, moment_at, schedule

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from codex_fakes.convex.engine.functions.deployment import Deployment
    from codex_fakes.convex.engine.functions.execution import Frame
    from codex_fakes.convex.engine.functions.logs import LogLines
    from codex_fakes.convex.engine.functions.references import Reference
    from codex_fakes.convex.engine.identity import Identity
    from codex_fakes.convex.engine.store import DatabaseReader, DatabaseWriter
    from codex_runtime.values import Value


class Auth:
    """Who called.

    Args:
        identity: The caller; ``None`` for nobody.
    """

    __slots__ = ("_identity",)

    def __init__(self, identity: Identity | None) -> None:
        self._identity = identity

    def get_user_identity(self) -> dict[str, Value] | None:
        """Who called.

        Returns:
            A new object with ``tokenIdentifier``, ``subject``, ``issuer`` and the other claims, or
            ``None`` for a caller without a token. Inside a component it is always ``None``: what
            a deployment says there is not settled, so pass what you need as arguments.
        """
        return None if self._identity is None else self._identity.to_value()


class Log:
    """``ctx.log("text", value)``, and ``ctx.log.warning(…)`` for another level.

    Args:
        lines: Where lines go.
    """

    __slots__ = ("_lines",)

    def __init__(self, lines: LogLines) -> None:
        self._lines = lines

    def __call__(self, *values: object) -> None:
        """Log values, written one after the other as ``console.log`` writes them."""
        self._lines.write("LOG", values)

    def debug(self, *values: object) -> None:
        """Log at the level ``DEBUG``."""
        self._lines.write("DEBUG", values)

    def info(self, *values: object) -> None:
        """Log at the level ``INFO``."""
        self._lines.write("INFO", values)

    def warning(self, *values: object) -> None:
        """Log at the level ``WARN``."""
        self._lines.write("WARN", values)

    def error(self, *values: object) -> None:
        """Log at the level ``ERROR``."""
        self._lines.write("ERROR", values)


class _Transacting:
    """What queries and mutations have in common."""

    __slots__ = ("_db", "_frame")

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._db: Any = None

    @property
    def auth(self) -> Auth:
        """Who called."""
        frame = self._frame
        return Auth(None if frame.export.mount else frame.execution.identity)

    @property
    def log(self) -> Log:
        """Where the function logs."""
        return Log(self._frame.execution.logs)

    def now(self) -> float:
        """The time in milliseconds since the epoch, ``Date.now()``: it stands still."""
        return self._frame.execution.now_ms // 1

    def random(self) -> float:
        """A number from 0 up to 1, ``Math.random()``: the same whenever the test is run again."""
        return self._frame.execution.random()

    def run_query(self, reference: Reference, args: Mapping[str, Any] | None = None) -> Value:
        """Call a query in this transaction.

        Args:
            reference: Which: a path in this component, a handle or ``component_function(…)``.
            args: Its arguments.

        Returns:
            Its result.

        Raises:
            ConvexError: It threw one.
            FunctionError: It failed in another way, or cannot be called.
        """
        return self._frame.call(Kind.QUERY, reference, args)

    def create_function_handle(self, reference: Reference) -> str:
        """Make a string by which any component can call a function.

        Args:
            reference: The function.

        Returns:
            The handle; give it to a component as an argument.

        Raises:
            FunctionError: There is no such function.
        """
        registry = self._frame.execution.around.registry
        return registry.handle(registry.refer(self._frame.export.mount, reference, None))


class QueryContext(_Transacting):
    """The ``ctx`` of a query."""

    __slots__ = ()

    @property
    def db(self) -> DatabaseReader:
        """The tables of the function's own component, to be read."""
        if self._db is None:
            self._db = self._frame.open_reader()
        reader: DatabaseReader = self._db
        return reader


class MutationContext(_Transacting):
    """The ``ctx`` of a mutation."""

    __slots__ = ()

    @property
    def db(self) -> DatabaseWriter:
        """The tables of the function's own component, to be read and written."""
        if self._db is None:
            self._db = self._frame.open_writer()
        writer: DatabaseWriter = self._db
        return writer

    @property
    def scheduler(self) -> Scheduler:
        """Runs functions later."""
        return Scheduler(self._frame)

    def run_mutation(self, reference: Reference, args: Mapping[str, Any] | None = None) -> Value:
        """Call a mutation in this transaction; when it throws, only its own writes vanish.

        The arguments, the result and the errors are those of :meth:`run_query`.
        """
        return self._frame.call(Kind.MUTATION, reference, args)


class Scheduler:
    """``ctx.scheduler`` of a mutation: what it schedules is scheduled when it commits."""

    __slots__ = ("_frame",)

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def run_after(
        self, delay_ms: float, reference: Reference, args: Mapping[str, Any] | None = None
    ) -> str:
        """Run a mutation or an action later.

        Args:
            delay_ms: How much later, in milliseconds.
            reference: The function.
            args: Its arguments.

        Returns:
            The id of its row in ``_scheduled_functions``.

        Raises:
            FunctionError: There is no such function, the delay is no delay, or a limit is passed.
        """
        execution = self._frame.execution
        when = moment_after(delay_ms, execution.now_ms)
        return schedule(execution, self._frame.export.mount, when, reference, args)

    def run_at(
        self,
        moment: float | datetime,
        reference: Reference,
        args: Mapping[str, Any] | None = None,
    ) -> str:
        """Run a mutation or an action at a time.

        Args:
            moment: When: milliseconds since the epoch, or an aware datetime.
            reference: The function.
            args: Its arguments.

        Returns:
            The id of its row in ``_scheduled_functions``.

        Raises:
            FunctionError: As for :meth:`run_after`.
        """
        when = moment_at(moment)
        return schedule(self._frame.execution, self._frame.export.mount, when, reference, args)

    def cancel(self, job: str) -> None:
        """Cancel what was scheduled; what is finished stays as it is.

        Args:
            job: The id of its row.

        Raises:
            FunctionError: It is no such id.
        """
        cancel(self._frame.execution, self._frame.export.mount, job)


class ActionContext:
    """The ``ctx`` of an action: everything that reaches the deployment is awaited.

    Args:
        deployment: What it reaches.
        identity: Who called.
        lines: Where it logs.
    """

    __slots__ = ("_deployment", "auth", "log")

    def __init__(self, deployment: Deployment, identity: Identity | None, lines: LogLines) -> None:
        self._deployment = deployment
        self.auth = Auth(identity)
        self.log = Log(lines)

    def now(self) -> float:
        """The time in milliseconds since the epoch; in an action it goes on."""
        return self._deployment.now_ms() // 1

    def random(self) -> float:
        """A number from 0 up to 1."""
        return self._deployment.random()

    @property
    def scheduler(self) -> ActionScheduler:
        """Runs functions later."""
        return ActionScheduler(self._deployment)

    async def run_query(self, reference: Reference, args: Mapping[str, Any] | None = None) -> Value:
        """Call a query, in a transaction of its own.

        Args:
            reference: Which: a path in this component, a handle or ``component_function(…)``.
            args: Its arguments.

        Returns:
            Its result.

        Raises:
            ConvexError: It threw one.
            FunctionError: It failed in another way, or cannot be called.
        """
        return self._deployment.call(Kind.QUERY, reference, args)

    async def run_mutation(
        self, reference: Reference, args: Mapping[str, Any] | None = None
    ) -> Value:
        """Call a mutation, in a transaction of its own; otherwise as :meth:`run_query`."""
        return self._deployment.call(Kind.MUTATION, reference, args)

    async def run_action(
        self, reference: Reference, args: Mapping[str, Any] | None = None
    ) -> Value:
        """Call an action; otherwise as :meth:`run_query`."""
        return await self._deployment.call_action(reference, args)

    async def create_function_handle(self, reference: Reference) -> str:
        """Make a string by which any component can call a function.

        Args:
            reference: The function.

        Returns:
            The handle.

        Raises:
            FunctionError: There is no such function.
        """
        return self._deployment.handle(reference)


class ActionScheduler:
    """``ctx.scheduler`` of an action: each call commits at once.

    The arguments, results and errors are those of :class:`Scheduler`.
    """

    __slots__ = ("_deployment",)

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    async def run_after(
        self, delay_ms: float, reference: Reference, args: Mapping[str, Any] | None = None
    ) -> str:
        """Run a mutation or an action later; see :meth:`Scheduler.run_after`."""
        when = moment_after(delay_ms, self._deployment.now_ms())
        return self._deployment.schedule(when, reference, args)

    async def run_at(
        self,
        moment: float | datetime,
        reference: Reference,
        args: Mapping[str, Any] | None = None,
    ) -> str:
        """Run a mutation or an action at a time; see :meth:`Scheduler.run_at`."""
        return self._deployment.schedule(moment_at(moment), reference, args)

    async def cancel(self, job: str) -> None:
        """Cancel what was scheduled; see :meth:`Scheduler.cancel`."""
        self._deployment.cancel(job)
