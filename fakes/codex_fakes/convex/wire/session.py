"""The server's side of one socket of the sync protocol, without IO.

May import the engine's backend (by type), the messages, the calls, the faults and what they need.
Something happens (a frame, a commit, the end of an action, time) and effects come out, in order;
a shell carries them out. The rules of FACTS §3.3 that it keeps:

- each Transition starts where the last one ended, and covers all that the client had said (1);
- a change that is not based on the latest version is fatal (2); a change of identity runs every
  query again (3); a result that is not new is not told, but the Transition is (4);
- mutations run one at a time, in order, and at most 1,000 wait (5);
- the response of a mutation or an action is sent, then a Transition at or past its time, and no
  Transition overtakes a response that is held back (6);
- only queries whose read set was touched run again, all at one time (7);
- a mutation that succeeded is answered again, not run again (8);
- a client that has seen the future is sent away (9), journals come back to their queries (10).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from codex_fakes.convex.wire import client_messages as said
from codex_fakes.convex.wire import server_messages as told
from codex_fakes.convex.wire.answered import Committed
from codex_fakes.convex.wire.calls import (
    ANONYMOUS,
    Caller,
    UnreadableArguments,
    checked_path,
    read_arguments,
)
from codex_fakes.convex.wire.effects import Close, Drop, RunAction, Send, Wait
from codex_fakes.convex.wire.followed import Followed, FollowedQueries
from codex_fakes.convex.wire.refusals import Farewell, Kind, Refusal, internal
from codex_fakes.convex.wire.tokens import expired
from codex_fakes.convex.wire.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from codex_fakes.convex.engine.backend import Backend
    from codex_fakes.convex.engine.outcome import Outcome
    from codex_fakes.convex.wire.answered import AnsweredMutations
    from codex_fakes.convex.wire.answers import AnswerWriter
    from codex_fakes.convex.wire.client_versions import ClientVersion
    from codex_fakes.convex.wire.credentials import Credentials
    from codex_fakes.convex.wire.effects import Effect
    from codex_fakes.convex.wire.faults import Faults

QUEUED_MUTATIONS: Final = 1000
"""How many mutations of a socket may wait."""
RUNNING_ACTIONS: Final = 1000
"""How many actions of a socket may run."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the sessions of a server share.

    Attributes:
        backend: The data and the functions.
        authenticate: Checks credentials; raises a :class:`Refusal`.
        answered: The mutations that were answered.
        answers: Writes answers.
        faults: What is to go wrong.
        now_ms: The time, in milliseconds since the epoch.
    """

    backend: Backend
    authenticate: Callable[[Credentials], Caller]
    answered: AnsweredMutations
    answers: AnswerWriter
    faults: Faults
    now_ms: Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Queued:
    """A mutation that waits for its turn."""

    message: said.Mutation
    path: str
    caller: Caller
    component: str


class Session:
    """The state of one socket.

    Args:
        surroundings: What it shares with the others.
        client: Who is on the other side.
    """

    def __init__(self, surroundings: Surroundings, client: ClientVersion) -> None:
        self._around = surroundings
        self._client = client
        self._open = True
        self._session_id: str | None = None
        self._clock_skew: int | None = None
        self._caller = ANONYMOUS
        self._versions = Versions()
        self._queries = FollowedQueries()
        self._mutations: deque[_Queued] = deque()
        self._delayed: _Queued | None = None
        self._held: list[str] | None = None
        self._actions: dict[int, str] = {}
        self._transitions = 0
        self._due = False
        self._out: list[Effect] = []

    @property
    def open(self) -> bool:
        """Whether anything still happens on it."""
        return self._open

    @property
    def session_id(self) -> str | None:
        """What the client calls its session; ``None`` until it says so."""
        return self._session_id

    @property
    def query_count(self) -> int:
        """How many queries it follows."""
        return len(self._queries)

    def received(self, text: str) -> list[Effect]:
        """Take a frame of text.

        Args:
            text: What is in it.

        Returns:
            What to do.
        """
        return self._react(lambda: self._take(said.decode(text)))

    def received_bytes(self) -> list[Effect]:
        """Take a frame that is no text, which is an error nobody foresaw.

        Returns:
            What to do.
        """
        return self._react(self._fail)

    def committed(self, commit: Any) -> bool:
        """Note a commit, whoever made it.

        Args:
            commit: What was committed.

        Returns:
            Whether :meth:`woken` has to be called.
        """
        if self._open and self._queries.touched_by(commit):
            self._due = True
        return self._open and self._due

    def woken(self) -> list[Effect]:
        """Tell the client what it should know by now.

        Returns:
            What to do.
        """
        return self._react(lambda: None)

    def waited(self) -> list[Effect]:
        """Go on after a :class:`Wait`.

        Returns:
            What to do.
        """
        return self._react(self._go_on)

    def action_ended(self, request_id: int, outcome: Outcome) -> list[Effect]:
        """Take the outcome of an action.

        Args:
            request_id: The number of the request.
            outcome: What became of it.

        Returns:
            What to do.
        """
        return self._react(lambda: self._answer_action(request_id, outcome))

    def idle(self) -> list[Effect]:
        """Show the client that the server is there, after 15 s without a frame.

        Returns:
            What to do.
        """
        return [Send(told.PING)] if self._open else []

    def expire_token(self) -> list[Effect]:
        """End the token that is in use.

        Returns:
            What to do.
        """
        if self._caller.identity is not None:
            self._caller = Caller(self._caller.identity, self._caller.is_admin, 0.0)
            self._due = True
        return self.woken()

    def closed(self) -> None:
        """Note that the connection is gone."""
        self._open = False

    def _react(self, happen: Callable[[], None]) -> list[Effect]:
        if not self._open:
            return []
        try:
            happen()
            self._tell()
        except Refusal as refusal:
            self._refuse(refusal, attempted=False)
        out, self._out = self._out, []
        return out

    def _take(self, message: said.ClientMessage) -> None:
        match message:
            case said.Connect():
                self._connect(message)
            case said.ModifyQuerySet():
                self._modify(message)
            case said.Mutation():
                self._queue(message)
            case said.Action():
                self._start_action(message)
            case said.Authenticate():
                self._authenticate(message)
            case said.Event():
                pass

    def _connect(self, message: said.Connect) -> None:
        self._session_id = message.session_id
        if message.client_ts is not None:
            self._clock_skew = message.client_ts - int(self._around.now_ms())
        seen = said.observed_ts(message)
        if seen is not None and seen > self._around.backend.ts:
            raise internal()
        # The Rust client's first frame waits for an acknowledgement that only data carries soon.
        self._out.append(Send(told.PING))

    def _modify(self, message: said.ModifyQuerySet) -> None:
        self._versions.change_query_set(message.base_version, message.new_version)
        for change in message.modifications:
            if isinstance(change, said.Remove):
                self._queries.remove(change.query_id)
                continue
            self._queries.add(
                Followed(
                    query_id=change.query_id,
                    path=checked_path(change.udf_path),
                    args=bytes(change.args),
                    component=change.component_path,
                    journal=change.journal,
                )
            )
        self._due = True

    def _authenticate(self, message: said.Authenticate) -> None:
        try:
            caller = self._around.authenticate(said.credentials_of(message))
        except Refusal as refusal:
            self._refuse(refusal, attempted=True)
            return
        self._versions.change_identity(message.base_version)
        self._caller = caller
        self._queries.forget_results()
        self._due = True

    def _queue(self, message: said.Mutation) -> None:
        caller = self._current_caller()
        if len(self._mutations) >= QUEUED_MUTATIONS:
            raise Refusal(
                Kind.RATE_LIMITED,
                "TooManyConcurrentMutations",
                f"Too many concurrent mutations. Only up to {QUEUED_MUTATIONS} pending mutations "
                "allowed on a single websocket.",
            )
        component = _component(message.component_path, caller)
        path = checked_path(message.udf_path)
        self._mutations.append(_Queued(message, path, caller, component))
        self._run_mutations()

    def _run_mutations(self) -> None:
        while self._mutations and self._open and not self._waiting():
            head = self._mutations.popleft()
            delay = self._around.faults.take("delay", head.path)
            if delay is not None:
                self._delayed = head
                self._out.append(Wait(delay.milliseconds))
                return
            self._run_mutation(head)

    def _run_mutation(self, mutation: _Queued) -> None:
        faults, request_id = self._around.faults, mutation.message.request_id
        if faults.take("drop_before_commit", mutation.path):
            self._drop()
            return
        committed = self._around.answered.find(self._session_id, request_id)
        if committed is None:
            answer, ts = self._outcome_of(mutation)
        else:
            answer, ts = committed
        if faults.take("drop_after_commit", mutation.path):
            self._drop()
            return
        self._respond(mutation.path, told.mutation_response(request_id, answer, ts))

    def _outcome_of(self, mutation: _Queued) -> tuple[told.Answer, int | None]:
        around, message = self._around, mutation.message
        try:
            args = read_arguments(mutation.path, bytes(message.args))
        except UnreadableArguments as error:
            return around.answers.failure(error.message), None
        outcome = around.backend.mutation(
            mutation.path,
            args,
            identity=mutation.caller.identity,
            component=mutation.component,
            internal=mutation.caller.is_admin,
        )
        answer = around.answers.write(outcome)
        if not outcome.ok:
            return answer, None
        committed = Committed(answer, outcome.ts)
        around.answered.keep(self._session_id, message.request_id, committed)
        return committed

    def _start_action(self, message: said.Action) -> None:
        caller = self._current_caller()
        if len(self._actions) >= RUNNING_ACTIONS:
            raise internal()
        component = _component(message.component_path, caller)
        path = checked_path(message.udf_path)
        try:
            args = read_arguments(path, bytes(message.args))
        except UnreadableArguments as error:
            answer = self._around.answers.failure(error.message)
            self._respond(path, told.action_response(message.request_id, answer))
            return
        self._actions[message.request_id] = path
        self._out.append(RunAction(message.request_id, path, args, caller, component))
        if self._around.faults.take("drop_during_action", path):
            self._drop()

    def _answer_action(self, request_id: int, outcome: Outcome) -> None:
        path = self._actions.pop(request_id)
        answer = self._around.answers.write(outcome)
        self._respond(path, told.action_response(request_id, answer))

    def _respond(self, path: str, text: str) -> None:
        """Answer; the Transition that has to follow becomes due."""
        self._due = True
        copies = 2 if self._around.faults.take("duplicate_response", path) else 1
        if self._held is not None:
            self._held.extend([text] * copies)
            return
        delay = self._around.faults.take("delay_reply", path)
        if delay is not None:
            self._held = [text] * copies
            self._out.append(Wait(delay.milliseconds))
            return
        self._out.extend([Send(text)] * copies)

    def _waiting(self) -> bool:
        return self._held is not None or self._delayed is not None

    def _go_on(self) -> None:
        if self._held is not None:
            self._out.extend(Send(text) for text in self._held)
            self._held = None
        elif self._delayed is not None:
            delayed, self._delayed = self._delayed, None
            self._run_mutation(delayed)
        self._run_mutations()

    def _tell(self) -> None:
        """Send the Transition that is due, unless a response is held back that it would pass."""
        if not self._due or not self._open or self._held is not None:
            return
        self._due = False
        caller = self._current_caller()
        around = self._around
        changes = [
            (removed, told.query_removed(removed)) for removed in self._queries.take_removed()
        ]
        for query in self._queries.stale():
            change = self._run_query(query, caller)
            if change is not None:
                changes.append((query.query_id, change))
        start, end = self._versions.advance(around.backend.ts)
        message = told.transition(
            start,
            end,
            [change for _, change in sorted(changes)],
            clock_skew=self._clock_skew,
            server_ts=int(around.now_ms() * 1_000_000),
        )
        self._transitions += 1
        chunked = self._client.takes_chunks
        frames = told.chunks(message, str(self._transitions)) if chunked else (message,)
        self._out.extend(Send(frame) for frame in frames)

    def _run_query(self, query: Followed, caller: Caller) -> bytes | None:
        """Run a query; what there is to tell, or ``None`` when its result is not news."""
        around = self._around
        query.stale = False
        component = _component(query.component, caller)
        try:
            args = read_arguments(query.path, query.args)
        except UnreadableArguments as error:
            answer = around.answers.failure(error.message)
            news = query.news(answer, error.message)
        else:
            outcome = around.backend.query(
                query.path,
                args,
                identity=caller.identity,
                component=component,
                internal=caller.is_admin,
                journal=query.journal,
            )
            query.read_set = outcome.read_set
            query.journal = outcome.journal
            answer = around.answers.write(outcome)
            news = query.news(answer, "" if outcome.error is None else outcome.error.message)
        return told.query_changed(query.query_id, answer, query.journal) if news else None

    def _current_caller(self) -> Caller:
        if self._caller.expired(self._around.now_ms()):
            raise expired()
        return self._caller

    def _fail(self) -> None:
        raise internal()

    def _drop(self) -> None:
        self._open = False
        self._out.append(Drop())

    def _refuse(self, refusal: Refusal, *, attempted: bool) -> None:
        shape = refusal.kind.value
        if shape.farewell is Farewell.AUTH:
            base = self._versions.told.identity
            self._out.append(Send(told.auth_error(refusal.message, base, attempted=attempted)))
        elif shape.farewell is Farewell.FATAL:
            self._out.append(Send(told.fatal_error(refusal.message)))
        reason = refusal.code if shape.farewell is Farewell.NONE else ""
        self._out.append(Close(shape.close_code, reason))
        self._open = False


def _component(path: str | None, caller: Caller) -> str:
    """The component a call goes to; only administrators reach into one."""
    if path and not caller.is_admin:
        raise internal()
    return path or ""
