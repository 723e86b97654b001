"""A Convex server in front of a backend: what all its doors share.

May import the session, the shells, the tokens and the engine; the web application is imported when
it is asked for. The invariant: the data outlives everything else here: a restart cuts the sockets
and ends the running actions, and what was committed is there again.
"""

from __future__ import annotations

import asyncio
import hmac
from typing import TYPE_CHECKING, Any, Final

import msgspec

from codex_fakes.convex.engine.backend import Backend
from codex_fakes.convex.engine.identity import Identity
from codex_fakes.convex.wire.answered import AnsweredMutations
from codex_fakes.convex.wire.answers import AnswerWriter
from codex_fakes.convex.wire.calls import ANONYMOUS, Caller
from codex_fakes.convex.wire.client_versions import UNKNOWN, from_header
from codex_fakes.convex.wire.credentials import AdminKey, NoCredentials, UserToken
from codex_fakes.convex.wire.faults import FAULTS, Faults, Place, make_fault
from codex_fakes.convex.wire.keeping import Keeping, Saved, read_saved
from codex_fakes.convex.wire.memory import MemorySocket
from codex_fakes.convex.wire.providers import AuthProvider, read_provider
from codex_fakes.convex.wire.refusals import INTERNAL_CODE, bad_request, unauthenticated
from codex_fakes.convex.wire.session import Session, Surroundings
from codex_fakes.convex.wire.sockets import SocketShell
from codex_fakes.convex.wire.tokens import TokenIssuer, expiry_ms, verify
from codex_runtime.errors import CodexRuntimeError, ConfigurationError
from codex_runtime.values import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence

    from starlette.applications import Starlette

    from codex_fakes.convex.engine.outcome import Outcome
    from codex_fakes.convex.wire.client_versions import ClientVersion
    from codex_fakes.convex.wire.credentials import Credentials
    from codex_fakes.convex.wire.effects import RunAction
    from codex_fakes.convex.wire.keeping import Changed, Keeper
    from codex_fakes.convex.wire.sockets import Socket

INSTANCE_NAME: Final = "codex-fakes"
"""What ``/instance_name`` says."""
ADMIN_KEY: Final = f"{INSTANCE_NAME}|c0dec0dec0dec0dec0dec0dec0dec0de"
"""The admin key, unless another is given."""


class ConvexServer:
    """Convex's wire in front of a backend.

    Args:
        backend: The data and the functions.
        admin_key: The key of administrators.
        instance_name: What the deployment is called.
        redact_logs: Whether clients get neither texts of failures nor log lines.
        control: Whether the control door ``/_fake/`` is there.
        algorithm: What the fake's own tokens are signed with: ``ES256`` or ``RS256``.

    Raises:
        ConfigurationError: ``E_FAKE_CONVEX_AUTH_INVALID``: a provider of the app is none.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        admin_key: str = ADMIN_KEY,
        instance_name: str = INSTANCE_NAME,
        redact_logs: bool = False,
        control: bool = False,
        algorithm: str = "ES256",
    ) -> None:
        self.backend = backend
        self.admin_key = admin_key
        self.instance_name = instance_name
        self.control = control
        self.faults = Faults()
        self.answers = AnswerWriter(self.report, redact_logs=redact_logs)
        self.tokens = TokenIssuer(self._now_ms, algorithm=algorithm)
        self.problems: list[CodexRuntimeError] = []
        """Coded errors that calls ended with: functions of the app misuse the fake."""
        self.cut: Callable[[Any], bool] = _nobody_cuts
        """Cuts the connection from an address, where somebody can; says whether."""
        self._algorithm = algorithm
        self._app = backend.app
        self._providers = [read_provider(entry) for entry in backend.app.auth]
        self._own_provider: AuthProvider | None = None
        self._answered = AnsweredMutations()
        self.changed = asyncio.Event()
        """Set after every commit."""
        self.restarted = asyncio.Event()
        """Set after every restart."""
        self._shells: set[SocketShell] = set()
        self._sockets: set[asyncio.Task[Any]] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._failures: list[Exception] = []
        self._keeping = Keeping()
        self._asgi: Starlette | None = None
        self._unsubscribe = backend.subscribe_commits(self._committed)

    @property
    def asgi(self) -> Starlette:
        """The web application, for any ASGI server or for httpx's ASGI transport.

        Raises:
            ConfigurationError: ``E_EXTRA_MISSING`` when starlette is not installed.
        """
        if self._asgi is None:
            try:
                from codex_fakes.convex.wire.web import build_app
            except ImportError as error:
                raise ConfigurationError(
                    "E_EXTRA_MISSING",
                    f"the fake Convex needs {error.name}, which the extra `fakes` installs",
                    advice="pip install 'codex-runtime[fakes]'",
                ) from None
            self._asgi = build_app(self)
        return self._asgi

    @property
    def socket_count(self) -> int:
        """How many sockets are open."""
        return len(self._shells)

    @property
    def query_count(self) -> int:
        """How many queries are followed, by all sockets."""
        return sum(shell.session.query_count for shell in self._shells)

    def authenticate(self, credentials: Credentials) -> Caller:
        """Check who is asking.

        Args:
            credentials: What they show.

        Returns:
            Who it is.

        Raises:
            Refusal: They are not believed.
        """
        match credentials:
            case NoCredentials():
                return ANONYMOUS
            case AdminKey(key, acting_as):
                if not hmac.compare_digest(key.encode(), self.admin_key.encode()):
                    raise unauthenticated(
                        "BadAdminKey", "The provided admin key was invalid for this instance"
                    )
                identity = None if acting_as is None else _acting(acting_as)
                return Caller(identity, is_admin=True)
            case UserToken(value):
                claims = verify(value, self._believed(), self._now_ms())
                try:
                    identity = Identity.from_token_claims(claims)
                except InvalidValue as error:
                    raise unauthenticated("InvalidAuthHeader", error.message) from None
                return Caller(identity, expires_at_ms=expiry_ms(claims))

    def connect(self, client: str = "npm-1.48.0") -> MemorySocket:
        """Open a socket of the sync protocol in this process and this event loop.

        Args:
            client: Who is calling, as the header ``Convex-Client`` says it.

        Returns:
            The client's end.
        """
        socket = MemorySocket()
        task = asyncio.get_running_loop().create_task(
            self.serve_socket(socket.far, from_header(client))
        )
        self._sockets.add(task)
        task.add_done_callback(self._ended)
        return socket

    async def serve_socket(self, socket: Socket, client: ClientVersion = UNKNOWN) -> None:
        """Serve a socket until either side ends it.

        Args:
            socket: The server's end.
            client: Who is on the other side.
        """
        surroundings = Surroundings(
            backend=self.backend,
            authenticate=self.authenticate,
            answered=self._answered,
            answers=self.answers,
            faults=self.faults,
            now_ms=self._now_ms,
        )
        shell = SocketShell(
            Session(surroundings, client),
            socket,
            run_action=self._run_action,
            spawn=self.spawn,
            before_telling=self.settle,
        )
        self._shells.add(shell)
        try:
            await shell.run()
        except CodexRuntimeError as error:
            self.report(error)
            await socket.close(1011, error.code)
        except Exception:
            await socket.close(1011, INTERNAL_CODE)
            raise
        finally:
            self._shells.discard(shell)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Start a task that belongs to the server, not to whoever asked for it.

        Args:
            work: What it does. A coded error that it ends with is reported; any other is raised
                by :meth:`aclose`.
        """
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def to_its_end(self, work: Coroutine[Any, Any, Outcome]) -> Outcome | None:
        """Run something to its end, even if nobody is left who asked for it.

        Args:
            work: A call of a function.

        Returns:
            Its outcome, or ``None`` when a restart ended it.
        """
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.wait({task})
        return None if task.cancelled() else task.result()

    def report(self, error: CodexRuntimeError) -> None:
        """Keep a coded error that a call ended with, for :attr:`problems`.

        Args:
            error: The error.
        """
        self.problems.append(error)

    def inject(self, name: str, /, **options: Any) -> None:
        """Have something go wrong.

        Args:
            name: A name in :data:`~codex_fakes.convex.wire.faults.FAULTS`.
            options: ``path``, ``times``, ``milliseconds`` or ``table``, as the fault takes them.

        Raises:
            ConfigurationError: ``E_FAKE_CONVEX_FAULT_UNKNOWN`` or ``E_FAKE_CONVEX_FAULT_INVALID``.
        """
        fault = make_fault(name, options)
        if FAULTS[name].place is not Place.NOW:
            self.faults.add(fault)
        elif name == "conflict":
            self.backend.inject_conflicts(fault.times, fault.table)
        elif name == "time_out":
            self.backend.inject_timeouts(fault.times, fault.path)
        elif name == "restart":
            self.restart()
        else:
            for shell in list(self._shells):
                if name == "drop_sockets":
                    shell.drop()
                else:
                    shell.perform(shell.session.expire_token())

    def restart(self) -> None:
        """Do what a new start of the process does: the data and the answers stay, no more."""
        self._load(self._save())

    def reset(self) -> None:
        """Empty the database, and forget every answer, every fault and every problem.

        Sockets stay: what they follow is empty now.
        """
        self.backend.reset()
        self._answered.clear()
        self._keeping.begin_anew()
        self.faults.clear()
        self.problems.clear()

    def snapshot(self) -> bytes:
        """Write down what outlives the process.

        Returns:
            Bytes for :meth:`restore`.
        """
        return msgspec.msgpack.encode(self._save())

    def restore(self, data: bytes, changes: Iterable[bytes] = ()) -> None:
        """Take up what another server wrote down.

        Args:
            data: What :meth:`snapshot` gave.
            changes: What it gave its keeper since, in order.

        Raises:
            ConfigurationError: ``E_FAKE_CONVEX_SNAPSHOT_INVALID``: it is no snapshot.
        """
        self._load(*read_saved(data, changes))

    def persist(self, keeper: Keeper) -> None:
        """Keep the data outside of the process from now on.

        Args:
            keeper: Takes a snapshot at once, then what commits change, before a client is told of
                what they did.
        """
        # Tokens outlive the process as well.
        self.tokens.make_key()
        self._keeping.begin(keeper)
        self.settle()

    def settle(self) -> None:
        """Have kept what is not yet."""
        self._keeping.settle(self.snapshot, self._answered.new_rows)

    async def aclose(self) -> None:
        """Cut every socket and end every action that runs.

        Raises:
            ExceptionGroup: What the server's own tasks failed with: a defect of the fake.
        """
        self._unsubscribe()
        tasks = [*self._tasks, *self._sockets]
        self._cut_everything()
        await asyncio.gather(*tasks, return_exceptions=True)
        failures, self._failures = self._failures, []
        if failures:
            raise ExceptionGroup("tasks of the fake Convex failed", failures)

    def _save(self) -> Saved:
        return Saved(
            backend=self.backend.snapshot(),
            answered=self._answered.rows(),
            issuer_key=self.tokens.private_pem if self.tokens.made else None,
        )

    def _load(self, saved: Saved, changes: Sequence[Changed] = ()) -> None:
        self._cut_everything()
        self._unsubscribe()
        before = self.backend
        self.backend = Backend.restore(
            before.app,
            saved.backend,
            [commit for change in changes for commit in change.commits],
            clock=before.clock,
            limits=before.limits,
        )
        self._unsubscribe = self.backend.subscribe_commits(self._committed)
        newer = [row for change in changes for row in change.answered]
        self._answered.restore([*saved.answered, *newer])
        self.tokens = TokenIssuer(
            self._now_ms, algorithm=self._algorithm, private_pem=saved.issuer_key
        )
        self._own_provider = None
        self._keeping.begin_anew()
        self.restarted.set()

    def _cut_everything(self) -> None:
        for shell in list(self._shells):
            shell.drop()
        for task in list(self._tasks):
            task.cancel()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._sockets.discard(task)
        failure = None if task.cancelled() else task.exception()
        if isinstance(failure, CodexRuntimeError):
            self.report(failure)
        elif isinstance(failure, Exception):
            self._failures.append(failure)

    def _committed(self, commit: Any) -> None:
        self.changed.set()
        if self._keeping.wanted:
            if commit.deploys:
                self._keeping.begin_anew()
            else:
                self._keeping.add(self.backend.change(commit))
            # Nobody may be told of it: what was scheduled has no client.
            asyncio.get_running_loop().call_soon(self._settle_soon)
        for shell in self._shells:
            if shell.session.committed(commit):
                shell.wake()

    def _settle_soon(self) -> None:
        try:
            self.settle()
        except CodexRuntimeError as error:
            self.report(error)

    async def _run_action(self, action: RunAction) -> Outcome:
        return await self.backend.action(
            action.path,
            action.args,
            identity=action.caller.identity,
            component=action.component,
            internal=action.caller.is_admin,
        )

    def _believed(self) -> list[AuthProvider]:
        if self.backend.app is not self._app:
            self._providers = [read_provider(entry) for entry in self.backend.app.auth]
            self._app = self.backend.app
        if not self.tokens.made:
            return self._providers
        if self._own_provider is None:
            self._own_provider = self.tokens.provider()
        return [*self._providers, self._own_provider]

    def _now_ms(self) -> float:
        return self.backend.clock.now_ms()


def _acting(attributes: Mapping[str, Any]) -> Identity:
    """The identity that an administrator acts as, its attributes under Convex's names."""
    malformed = bad_request("HeaderParseFailure", "Malformed Authorization header.")
    rest = dict(attributes)
    token_identifier = rest.pop("tokenIdentifier", None)
    issuer, subject = rest.pop("issuer", None), rest.pop("subject", None)
    if token_identifier is None and not (isinstance(issuer, str) and isinstance(subject, str)):
        raise malformed
    if not isinstance(token_identifier, str | None):
        raise malformed
    return Identity(
        subject=subject if isinstance(subject, str) else "",
        issuer=issuer if isinstance(issuer, str) else "",
        claims=rest,
        token_identifier=token_identifier or f"{issuer}|{subject}",
    )


def _nobody_cuts(address: Any) -> bool:
    del address
    return False
