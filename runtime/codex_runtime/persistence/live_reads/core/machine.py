"""The live client as a state machine: inputs in, effects out.

May import the other modules of the core. The invariants: what a connection is told depends on the
inputs alone; a view is delivered only when all its results are of one transition; after
``E_LIVE_TOKEN_REJECTED`` nothing is read until there is another token.

What a deployment does wrong, and what follows (FACTS §4):

- a transition that does not start where the last one ended, an unknown message, a query nobody
  asked for, a response to a mutation nobody made: the connection is given up and another one
  started, which brings the whole view anew;
- silence, a closed connection, no answer: the same;
- the same before the first view: the client has never worked, so it ends with the reason;
- a fatal error: the client ends;
- a refused token: the provider makes another, once; otherwise reading stops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_runtime.persistence.live_reads.core import client_messages
from codex_runtime.persistence.live_reads.core.chunks import Assembly
from codex_runtime.persistence.live_reads.core.credentials import Credentials, lifetime
from codex_runtime.persistence.live_reads.core.effects import (
    CancelTimer,
    CloseSocket,
    Deliver,
    Effect,
    Ended,
    FetchToken,
    IdentityInForce,
    OpenSocket,
    Rejected,
    Send,
    SetTimer,
    Tell,
)
from codex_runtime.persistence.live_reads.core.inputs import (
    FrameReceived,
    Input,
    SocketEnded,
    SocketOpened,
    Start,
    Stop,
    Subscribe,
    Timer,
    TimerFired,
    TokenFetched,
    TokenFetchFailed,
    Unsubscribe,
    UseToken,
)
from codex_runtime.persistence.live_reads.core.query_set import QuerySet
from codex_runtime.persistence.live_reads.core.reports import (
    Connected,
    Disconnected,
    LogLines,
    TokenAccepted,
    TokenRejected,
    TokenUnavailable,
)
from codex_runtime.persistence.live_reads.core.server_messages import (
    AuthError,
    FatalError,
    Ping,
    ServerMessage,
    Transition,
    read_message,
)
from codex_runtime.persistence.live_reads.core.states import CONNECTED, TRANSITIONS, State
from codex_runtime.persistence.live_reads.core.versions import Version, decode_ts
from codex_runtime.persistence.live_reads.core.view import Query, QueryResult, View
from codex_runtime.persistence.live_reads.failures import LiveReadsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_runtime.persistence.live_reads.core.timing import Timing

_CONNECTION_TIMERS: Final = (Timer.CONNECT, Timer.SILENCE, Timer.STABLE, Timer.RECONNECT)


class LiveMachine:
    """One live client.

    Args:
        session_id: Its session, a UUID.
        timing: How long it waits for what.
        chance: Gives random numbers from 0 to 1, for the spacing of attempts.
        patient: Whether to go on trying when the very first connection fails.
    """

    def __init__(
        self, session_id: str, timing: Timing, chance: Callable[[], float], *, patient: bool = False
    ) -> None:
        self._session_id = session_id
        self._timing = timing
        self._chance = chance
        self._patient = patient
        self._state = State.IDLE
        self._queries = QuerySet()
        self._credentials = Credentials()
        self._socket = 0
        self._connections = 0
        self._failures = 0
        self._worked = False
        self._last_close = "InitialConnect"
        self._observed = 0
        self._version = Version()
        self._sent = Version()
        self._assembly = Assembly()
        self._confirmed = False
        self._retried = False
        self._effects: list[Effect] = []

    @property
    def state(self) -> State:
        """Where the client stands."""
        return self._state

    @property
    def ts(self) -> int:
        """The latest timestamp seen, in nanoseconds; 0 before the first."""
        return self._observed

    def result(self, query: Query) -> QueryResult | None:
        """The latest result of a query, if there is one.

        Args:
            query: The query.
        """
        return self._queries.result(query)

    def view(self) -> View:
        """The latest results of all queries."""
        return View(self._observed, self._queries.results())

    def handle(self, event: Input) -> list[Effect]:
        """Take an input.

        Args:
            event: What happened.

        Returns:
            What is to be done, in this order.
        """
        self._effects = []
        if self._state is not State.ENDED:
            self._HANDLERS[type(event)](self, event)
        return self._effects

    def _do(self, *effects: Effect) -> None:
        self._effects += effects

    def _enter(self, state: State) -> None:
        if state not in TRANSITIONS[self._state]:
            raise AssertionError(f"{self._state} may not become {state}")
        self._state = state

    # Beginning and ending.

    def _start(self, _event: Start) -> None:
        self._begin()

    def _begin(self) -> None:
        if self._credentials.needs_token:
            self._enter(State.FETCHING)
            self._fetch()
            return
        self._enter(State.OPENING)
        self._socket += 1
        self._do(OpenSocket(self._socket), SetTimer(Timer.CONNECT, self._timing.connect))

    def _fetch(self) -> None:
        who = self._credentials
        self._do(
            FetchToken(who.generation, who.force_refresh),
            SetTimer(Timer.FETCH, self._timing.fetch),
        )

    def _hang_up(self) -> None:
        if self._state in {State.OPENING, *CONNECTED}:
            self._do(CloseSocket(self._socket))
        self._do(*map(CancelTimer, _CONNECTION_TIMERS))

    def _stop(self, _event: Stop) -> None:
        self._end(None)

    def _end(self, error: LiveReadsError | None) -> None:
        self._hang_up()
        self._do(CancelTimer(Timer.FETCH), CancelTimer(Timer.REFRESH))
        self._enter(State.ENDED)
        self._do(Ended(error))

    def _lost(self, error: LiveReadsError) -> None:
        self._hang_up()
        self._last_close = error.text[:200]
        if not (self._worked or self._patient):
            self._end(error)
            return
        self._failures += 1
        self._wait(error)

    def _wait(self, error: LiveReadsError) -> None:
        delay = self._timing.retry(self._failures, self._chance())
        self._enter(State.WAITING)
        self._do(SetTimer(Timer.RECONNECT, delay), Tell(Disconnected(error, delay)))

    # Connections.

    def _opened(self, event: SocketOpened) -> None:
        if event.socket != self._socket or self._state is not State.OPENING:
            return
        self._enter(State.RESUMING)
        self._version = Version()
        self._sent = Version(query_set=1)
        self._assembly = Assembly()
        self._confirmed = False
        self._send(
            client_messages.connect(
                self._session_id, self._connections, self._last_close, self._observed
            )
        )
        self._connections += 1
        if self._credentials.token is not None:
            self._authenticate()
        # Also when it is empty: the answer shows that this is a Convex deployment.
        self._send(client_messages.modify_query_set(0, self._queries.additions()))
        self._do(SetTimer(Timer.SILENCE, self._timing.silence))

    def _socket_ended(self, event: SocketEnded) -> None:
        if event.socket == self._socket and self._state in {State.OPENING, *CONNECTED}:
            self._lost(event.error)

    def _received(self, event: FrameReceived) -> None:
        if event.socket != self._socket or self._state not in CONNECTED:
            return
        self._do(SetTimer(Timer.SILENCE, self._timing.silence))
        try:
            message = self._assembly.take(read_message(event.text))
            if message is not None:
                self._heard(message)
        except LiveReadsError as error:
            self._lost(error if self._worked else _no_convex(error))

    def _heard(self, message: ServerMessage) -> None:
        match message:
            case Transition():
                self._transition(message)
            case Ping():
                pass
            case AuthError():
                self._refused(message)
            case FatalError():
                self._end(LiveReadsError("E_LIVE_FATAL", message.error))
            case _:
                raise _violation(f"a {type(message).__name__} to a client that only reads")

    def _transition(self, message: Transition) -> None:
        start, end = message.start_version, message.end_version
        version = Version(end.query_set, end.identity, decode_ts(end.ts))
        self._check_versions(Version(start.query_set, start.identity, decode_ts(start.ts)), version)
        if message.modifications and not version.query_set:
            raise _violation("results before the queries were asked for")
        changed: set[Query] = set()
        for query, is_new, lines in self._queries.apply(message.modifications):
            if is_new:
                changed.add(query)
            if lines:
                self._do(Tell(LogLines(query, lines)))
        self._version = version
        self._observed = max(self._observed, version.ts)
        if self._state is State.RESUMING and version.query_set:
            awaited = self._queries.awaited()
            if awaited:
                raise _violation(f"no result of {awaited[0].path} in the first transition")
            self._enter(State.LIVE)
            self._worked = True
            self._do(
                CancelTimer(Timer.CONNECT),
                SetTimer(Timer.STABLE, self._timing.stable),
                Tell(Connected(self._connections)),
            )
        if self._state is State.LIVE and changed:
            self._do(Deliver(self.view(), frozenset(changed)))
        if version.identity == self._sent.identity and not self._confirmed:
            self._accepted()

    def _check_versions(self, start: Version, end: Version) -> None:
        if start != self._version:
            raise _violation(
                f"a transition from {start}, but this connection is at {self._version}"
            )
        if end.ts < start.ts or end.query_set < start.query_set or end.identity < start.identity:
            raise _violation(f"a transition back from {start} to {end}")
        if end.query_set > self._sent.query_set or end.identity > self._sent.identity:
            raise _violation(f"a transition to {end}, past what was sent: {self._sent}")

    def _send(self, text: str) -> None:
        self._do(Send(self._socket, text))

    # Queries.

    def _subscribe(self, event: Subscribe) -> None:
        self._modify(self._queries.add(event.query))

    def _unsubscribe(self, event: Unsubscribe) -> None:
        self._modify(self._queries.remove(event.query))

    def _modify(self, modification: dict[str, Any] | None) -> None:
        if modification is None or self._state not in CONNECTED:
            return
        base = self._sent.query_set
        self._sent = Version(base + 1, self._sent.identity)
        self._send(client_messages.modify_query_set(base, [modification]))

    # Identity.

    def _use_token(self, event: UseToken) -> None:
        self._credentials.use(event.generation, event.source)
        self._retried = False
        self._do(CancelTimer(Timer.REFRESH), CancelTimer(Timer.FETCH))
        if self._state in {State.FETCHING, State.OPENING, State.REJECTED}:
            self._hang_up()
            self._begin()
        elif self._state in CONNECTED:
            if self._credentials.needs_token:
                self._fetch()
            else:
                self._authenticate()

    def _authenticate(self) -> None:
        base = self._sent.identity
        self._sent = Version(self._sent.query_set, base + 1)
        self._confirmed = False
        self._send(client_messages.authenticate(base, self._credentials.token))

    def _fetched(self, event: TokenFetched) -> None:
        if not self._credentials.take(event.generation, event.token):
            return
        self._do(CancelTimer(Timer.FETCH))
        good_for = lifetime(event.token)
        if good_for is not None:
            leeway = min(self._timing.refresh_leeway, good_for / 2)
            self._do(SetTimer(Timer.REFRESH, max(good_for - leeway, self._timing.first_retry)))
        if self._state is State.FETCHING:
            self._begin()
        elif self._state in CONNECTED:
            self._authenticate()

    def _fetch_failed(self, event: TokenFetchFailed) -> None:
        if event.generation == self._credentials.generation:
            self._no_token(event.error)

    def _no_token(self, error: LiveReadsError) -> None:
        self._do(CancelTimer(Timer.FETCH))
        if self._state is State.FETCHING:
            self._lost(error)
            return
        self._do(Tell(TokenUnavailable(error)), SetTimer(Timer.REFRESH, self._timing.last_retry))

    def _accepted(self) -> None:
        if self._credentials.needs_token:
            # Read without an identity while the provider is asked: not what is waited for.
            return
        self._confirmed = True
        self._retried = False
        if self._credentials.token is not None:
            self._do(Tell(TokenAccepted()))
        self._do(IdentityInForce(self._credentials.generation))

    def _refused(self, message: AuthError) -> None:
        if message.base_version is not None and message.base_version + 1 < self._sent.identity:
            # It is about a token that has been replaced meanwhile; the next connection has another.
            return
        error = LiveReadsError("E_LIVE_TOKEN_REJECTED", message.error)
        self._last_close = "AuthError"
        again = self._credentials.has_provider and not self._retried
        self._hang_up()
        self._do(CancelTimer(Timer.REFRESH), Tell(TokenRejected(error, again)))
        if again:
            self._retried = True
            self._credentials.discard()
            self._failures += 1
            if self._failures == 1:
                self._begin()
            else:
                self._wait(error)
            return
        if not (self._worked or self._patient):
            self._end(error)
            return
        self._queries.forget_results()
        self._enter(State.REJECTED)
        self._do(Rejected(error))

    # Time.

    def _timer_fired(self, event: TimerFired) -> None:
        match event.timer:
            case Timer.CONNECT:
                self._too_late(
                    LiveReadsError(
                        "E_LIVE_TIMEOUT", f"no view within {self._timing.connect:g} s of connecting"
                    )
                )
            case Timer.SILENCE:
                self._too_late(
                    LiveReadsError(
                        "E_LIVE_DISCONNECTED", f"nothing was heard for {self._timing.silence:g} s"
                    )
                )
            case Timer.RECONNECT if self._state is State.WAITING:
                self._begin()
            case Timer.STABLE:
                self._failures = 0
            case Timer.FETCH:
                self._no_token(
                    LiveReadsError(
                        "E_LIVE_TOKEN_UNAVAILABLE", f"no token within {self._timing.fetch:g} s"
                    )
                )
            case Timer.REFRESH if self._state is not State.FETCHING:
                self._fetch_anew()

    def _fetch_anew(self) -> None:
        self._do(
            FetchToken(self._credentials.generation, force_refresh=True),
            SetTimer(Timer.FETCH, self._timing.fetch),
        )

    def _too_late(self, error: LiveReadsError) -> None:
        if self._state in {State.OPENING, *CONNECTED}:
            self._lost(error)

    _HANDLERS: Final[dict[type, Callable[[LiveMachine, Any], None]]] = {
        Start: _start,
        Stop: _stop,
        Subscribe: _subscribe,
        Unsubscribe: _unsubscribe,
        UseToken: _use_token,
        TokenFetched: _fetched,
        TokenFetchFailed: _fetch_failed,
        SocketOpened: _opened,
        SocketEnded: _socket_ended,
        FrameReceived: _received,
        TimerFired: _timer_fired,
    }


def _violation(what: str) -> LiveReadsError:
    return LiveReadsError("E_LIVE_PROTOCOL", what)


def _no_convex(error: LiveReadsError) -> LiveReadsError:
    return LiveReadsError("E_LIVE_NOT_CONVEX", f"the sync protocol is not spoken: {error.text}")
