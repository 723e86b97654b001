"""A deployment in memory: what tests and servers call.

May import the rest of the engine. The invariant: every call from the outside comes through here, is
answered by an outcome and never by what a handler threw, and goes to the one database, whose
timestamps only grow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.engine.actions import run_action
from codex_fakes.convex.engine.clock import VirtualClock
from codex_fakes.convex.engine.errors import FunctionError, SnapshotUnavailable
from codex_fakes.convex.engine.functions.declarations import Kind
from codex_fakes.convex.engine.functions.execution import Surroundings
from codex_fakes.convex.engine.functions.references import parse_path
from codex_fakes.convex.engine.limits import DEFAULT_LIMITS
from codex_fakes.convex.engine.running import PendingMutation, Runner
from codex_fakes.convex.engine.scheduler import Scheduler
from codex_fakes.convex.engine.schema import Schema
from codex_fakes.convex.engine.snapshots import read_snapshot, write_change, write_snapshot
from codex_fakes.convex.engine.store import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from codex_fakes.convex.engine.app import App
    from codex_fakes.convex.engine.clock import Clock
    from codex_fakes.convex.engine.identity import Identity
    from codex_fakes.convex.engine.limits import Limits
    from codex_fakes.convex.engine.outcome import Outcome
    from codex_fakes.convex.engine.store import Commit, ReadSet

NANOSECONDS: Final = 1_000_000
"""Of a millisecond."""


class Backend:
    """A Convex deployment in memory.

    Args:
        app: What is deployed.
        clock: The time; a virtual clock that stands still when left out.
        seed: Where ids and ``ctx.random()`` start: the same seed, the same run.
        limits: What functions may use; Convex's own limits when left out.
        stopwatch: How much time functions have used up, in seconds, for queries and mutations to be
            ended that take too long: ``time.thread_time``, or what a test turns by hand. Not
            measured when left out.
        state: What :meth:`snapshot` gave, to go on from there. Ids and chance then start from the
            seed and the timestamp of that state, an action that was running has failed, and a
            virtual clock starts no earlier.
        changes: What :meth:`change` gave of the commits since that state, in order.

    Raises:
        CodexRuntimeError: ``E_FAKE_CONVEX_SNAPSHOT_INVALID``: the state is no snapshot, or the
            app's schema does not take it.
    """

    def __init__(
        self,
        app: App,
        *,
        clock: Clock | None = None,
        seed: int | str = 0,
        limits: Limits | None = None,
        stopwatch: Callable[[], float] | None = None,
        state: bytes | None = None,
        changes: Iterable[bytes] = (),
    ) -> None:
        self.app = app
        """What is deployed; :meth:`deploy` puts another in its place."""
        self.clock: Final[Clock] = VirtualClock() if clock is None else clock
        self.limits: Final = DEFAULT_LIMITS if limits is None else limits
        self._seed = seed
        self._database = Database(_schemas(app), limits=self.limits, seed=seed)
        self._runner = Runner(self._surroundings(), self._database, self.clock, seed, stopwatch)
        self._scheduler = Scheduler(self._runner)
        if state is not None:
            self._go_on_from(state, changes)
        # A deployment that was restarted must not be behind what its clients have seen.
        now_ts = int(self.clock.now_ms() * NANOSECONDS)
        if now_ts > self._database.ts:
            self._database.ts = self._database.floor = now_ts

    def _surroundings(self) -> Surroundings:
        # Also of components that are mounted no more: what they scheduled is still there.
        spaces = {space.path: space for space in self._database.spaces()}
        return Surroundings(self.app.registry, spaces, self.limits, self.limits.of_values())

    def _go_on_from(self, state: bytes, changes: Iterable[bytes]) -> None:
        jobs = read_snapshot(self._database, state, changes)
        self._runner.around = self._surroundings()
        if isinstance(self.clock, VirtualClock):
            self.clock.advance_to(self.ts / NANOSECONDS)
        # The ids that the seed alone gives first are those of documents that are back.
        self._runner.restart(f"{self._seed}@{self.ts}")
        self._scheduler.recover(jobs)

    @property
    def ts(self) -> int:
        """The timestamp of the latest state, in nanoseconds since the epoch."""
        return self._database.ts

    def query(
        self,
        path: str,
        args: Mapping[str, Any] | None = None,
        *,
        identity: Identity | None = None,
        component: str = "",
        internal: bool = False,
        at: int | None = None,
        journal: str | None = None,
    ) -> Outcome:
        """Run a query.

        Args:
            path: Its path: ``messages:list``.
            args: Its arguments.
            identity: Who calls; ``None`` for nobody.
            component: The component it is in; the app when left out.
            internal: Whether an internal one may be called, as administrators may.
            at: The timestamp to read at, in nanoseconds; the latest when left out.
            journal: The journal of its last run, to cover the same pages again.

        Returns:
            The outcome, with what was read and the journal.
        """
        runner = self._runner
        try:
            export = self.app.registry.find(component, path, Kind.QUERY, internal=internal)
        except FunctionError as error:
            return runner.refusal(error, reads=True)
        return runner.query(export, args, identity, at=at, journal=journal)

    def mutation(
        self,
        path: str,
        args: Mapping[str, Any] | None = None,
        *,
        identity: Identity | None = None,
        component: str = "",
        internal: bool = False,
    ) -> Outcome:
        """Run a mutation and commit it.

        Args:
            path: Its path: ``messages:send``.
            args: Its arguments.
            identity: Who calls; ``None`` for nobody.
            component: The component it is in; the app when left out.
            internal: Whether an internal one may be called, as administrators may.

        Returns:
            The outcome; a failed one wrote nothing.
        """
        try:
            export = self.app.registry.find(component, path, Kind.MUTATION, internal=internal)
        except FunctionError as error:
            return self._runner.refusal(error)
        return PendingMutation(self._runner, export, args, identity).commit()

    def begin_mutation(
        self,
        path: str,
        args: Mapping[str, Any] | None = None,
        *,
        identity: Identity | None = None,
        component: str = "",
        internal: bool = False,
    ) -> PendingMutation:
        """Run the handler of a mutation and commit it later, to bring about a conflict.

        The arguments are those of :meth:`mutation`.

        Returns:
            The mutation; its ``commit`` gives the outcome.

        Raises:
            FunctionError: There is no such mutation.
        """
        export = self.app.registry.find(component, path, Kind.MUTATION, internal=internal)
        return PendingMutation(self._runner, export, args, identity)

    async def action(
        self,
        path: str,
        args: Mapping[str, Any] | None = None,
        *,
        identity: Identity | None = None,
        component: str = "",
        internal: bool = False,
    ) -> Outcome:
        """Run an action on this event loop.

        The arguments are those of :meth:`mutation`.

        Returns:
            The outcome; a failed one has written what it wrote.
        """
        try:
            export = self.app.registry.find(component, path, Kind.ACTION, internal=internal)
        except FunctionError as error:
            return self._runner.refusal(error)
        return await run_action(self._runner, export, args, identity)

    async def run(
        self,
        path: str,
        args: Mapping[str, Any] | None = None,
        *,
        identity: Identity | None = None,
        component: str = "",
        internal: bool = True,
    ) -> Outcome:
        """Run a function of any kind, as ``/api/function`` does for administrators.

        The arguments are those of :meth:`mutation`; internal functions may be called.

        Returns:
            The outcome.
        """
        try:
            export = self.app.registry.find(component, path, None, internal=internal)
        except FunctionError as error:
            return self._runner.refusal(error)
        if export.function.kind is Kind.QUERY:
            return self._runner.query(export, args, identity)
        if export.function.kind is Kind.MUTATION:
            return PendingMutation(self._runner, export, args, identity).commit()
        return await run_action(self._runner, export, args, identity)

    def kind_of(self, path: str, *, component: str = "", internal: bool = False) -> Kind | None:
        """Tell what a path stands for.

        Args:
            path: The path of a function.
            component: The component it is in; the app when left out.
            internal: Whether internal functions count.

        Returns:
            Its kind; ``None`` when there is no such function.
        """
        try:
            export = self.app.registry.find(component, path, None, internal=internal)
        except FunctionError:
            return None
        return export.function.kind

    def subscribe_commits(self, callback: Callable[[Commit], None]) -> Callable[[], None]:
        """Be told of every commit that changes something.

        Args:
            callback: Called after each commit, before the call that made it returns.

        Returns:
            What ends it; it may be called more than once.
        """
        listeners = self._runner.listeners

        # The same callback may be given twice: each subscription has an entry of its own.
        def listener(commit: Commit) -> None:
            callback(commit)

        def stop() -> None:
            if listener in listeners:
                listeners.remove(listener)

        listeners.append(listener)
        return stop

    def last_commit_touching(self, read_set: ReadSet, since_ts: int) -> bool:
        """Tell whether what was read may have changed since.

        Args:
            read_set: What was read.
            since_ts: The timestamp it was read at.

        Returns:
            Whether a later commit touches it; ``True`` as well when that is not known any more.
        """
        try:
            commits = self._database.commits_since(since_ts)
        except SnapshotUnavailable:
            return True
        return any(read_set.touched_by(commit) for commit in commits)

    def inject_conflicts(self, times: int, table: str | None = None) -> None:
        """Let the next commits conflict.

        Args:
            times: How many; a mutation is run again after each of its first four.
            table: Only commits that write this table, and its name in the error; any when left
                out.
        """
        self._runner.conflicts.extend([table] * times)

    def inject_timeouts(self, times: int, path: str | None = None) -> None:
        """Let the next calls end as if they had taken too long: a handler runs, and its call fails.

        Args:
            times: How many.
            path: Only calls of this function, in any spelling; any when left out.

        Raises:
            FunctionError: That cannot be the path of a function.
        """
        named = None if path is None else parse_path(path).canonical
        self._runner.timeouts.extend([named] * times)

    def deploy(self, app: App) -> None:
        """Put another app in the place of this one; data, time and what is scheduled stay.

        All who listen to commits are told of one that touches whatever was read. A mutation under
        way is run again, as what is deployed by then; an action under way goes on, and what it
        calls is what is deployed by then. The states before can no longer be read.

        Args:
            app: The app. Of a component that it does not mount the data is kept.

        Raises:
            CodexRuntimeError: ``E_FAKE_CONVEX_DEPLOY_REFUSED``: its schema does not take a document
                that is there; nothing is changed.
        """
        commit = self._database.deploy(_schemas(app), now_ms=self.clock.now_ms())
        self.app = app
        self._runner.around = self._surroundings()
        self._runner.announce(commit)

    def next_due(self) -> float | None:
        """When the next scheduled function is due.

        Returns:
            Milliseconds since the epoch, perhaps in the past; ``None`` when nothing is scheduled.
        """
        return self._scheduler.next_due()

    async def run_due(self) -> int:
        """Run what is scheduled and due now, and what that makes due at the same moment.

        It may be called while another call of it is under way: each function is run by one of them,
        and what another call's actions leave no place for is left to that call. When it is
        canceled, so are the actions that it has started.

        Returns:
            How many functions this call has run; they are finished.

        Raises:
            ConfigurationError: ``E_FAKE_CONVEX_NEVER_IDLE``: functions schedule each other without
                end.
        """
        return await self._scheduler.run_due()

    async def advance(self, milliseconds: float) -> int:
        """Let virtual time pass, and run each scheduled function when it is due.

        Args:
            milliseconds: How much time.

        Returns:
            How many functions were run.

        Raises:
            ConfigurationError: ``E_FAKE_CONVEX_CLOCK_NOT_VIRTUAL``: the clock is not ours to move.
        """
        return await self._scheduler.advance(milliseconds)

    async def run_until_idle(self) -> int:
        """Let virtual time pass until nothing is scheduled any more.

        Returns:
            How many functions were run.

        Raises:
            ConfigurationError: ``E_FAKE_CONVEX_CLOCK_NOT_VIRTUAL``: the clock is not ours to move;
                ``E_FAKE_CONVEX_NEVER_IDLE``: functions schedule each other without end.
        """
        return await self._scheduler.run_until_idle()

    def reset(self) -> None:
        """Empty every table and let chance start again, in one commit that all are told of."""
        transaction = self._database.begin(now_ms=self.clock.now_ms())
        for space in self._database.spaces():
            for table in space.tables():
                for identity in list(table.documents):
                    transaction.write(table, identity, None)
        commit = self._database.commit(transaction)
        self._database.last_creation_time = 0.0
        self._scheduler.forget()
        self._runner.restart(self._seed)
        self._runner.announce(commit)

    def snapshot(self) -> bytes:
        """Write down all data and what is scheduled.

        Returns:
            What :meth:`restore` takes: JSON in UTF-8.
        """
        return write_snapshot(self._database, self._scheduler.targets())

    def change(self, commit: Commit) -> bytes:
        """Write down what the latest commit changed: less than a snapshot, after a snapshot.

        Args:
            commit: The commit, as a listener is told of it. After one that deploys an app, a whole
                snapshot has to be written.

        Returns:
            One of the ``changes`` that :meth:`restore` takes: JSON in UTF-8.
        """
        return write_change(self._database, commit, self._scheduler.scheduled_by(commit))

    @classmethod
    def restore(
        cls,
        app: App,
        data: bytes,
        changes: Iterable[bytes] = (),
        *,
        clock: Clock | None = None,
        seed: int | str = 0,
        limits: Limits | None = None,
        stopwatch: Callable[[], float] | None = None,
    ) -> Backend:
        """Bring a backend back.

        Args:
            app: What is deployed now; it need not be what it was.
            data: What :meth:`snapshot` gave.
            changes: What :meth:`change` gave of each commit since, in order.
            clock: The time, as for a new one.
            seed: The seed, as for a new one.
            limits: What functions may use, as for a new one.
            stopwatch: How much time they used up, as for a new one.

        Returns:
            The backend.

        Raises:
            CodexRuntimeError: ``E_FAKE_CONVEX_SNAPSHOT_INVALID``: that is no snapshot, or the
                app's schema does not take it.
        """
        return cls(
            app,
            clock=clock,
            seed=seed,
            limits=limits,
            stopwatch=stopwatch,
            state=data,
            changes=changes,
        )


def _schemas(app: App) -> dict[str, Schema]:
    mounts = app.registry.mounts
    return {path: mount.schema or Schema() for path, mount in mounts.items()}
