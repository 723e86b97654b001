"""Requests and their answers, matched by id: who waits, and what becomes of each wait.

May import the messages and the error catalogue. The rules, for both directions:

- An id is looked up with its type: ``1`` and ``"1"`` are two requests (FACTS §4).
- Answers may come in any order (FACTS §2.3).
- A request that waits is settled exactly once: by its answer, by its caller giving it up, or by the
  end of the connection. Which of them may follow which state is the table :data:`TRANSITIONS`.
- An answer that settles nothing is a *stray*: reported with a code, never given to anybody.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from codex_runtime.errors import CodexRuntimeError, LocalProtocolError, RemoteProtocolError
from codex_runtime.protocol.framing import EXCERPT_BYTES
from codex_runtime.protocol.identifiers import RequestId, is_request_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codex_runtime.protocol.messages import ErrorResponse, Request, Response

REMEMBERED: Final = 1024
"""How many settled requests are remembered, to tell a second answer from an unknown one."""


class RequestState(Enum):
    """What has become of a request."""

    WAITING = "waiting"
    ANSWERED = "answered"
    CANCELLED = "cancelled"
    LOST = "lost"


class RequestEvent(Enum):
    """What can happen to a request."""

    ANSWER = "answer"
    CANCEL = "cancel"
    PEER_GONE = "peer gone"


TRANSITIONS: Final[Mapping[tuple[RequestState, RequestEvent], RequestState]] = MappingProxyType(
    {
        (RequestState.WAITING, RequestEvent.ANSWER): RequestState.ANSWERED,
        (RequestState.WAITING, RequestEvent.CANCEL): RequestState.CANCELLED,
        (RequestState.WAITING, RequestEvent.PEER_GONE): RequestState.LOST,
        # The answer to a request that was given up arrives late; that is nobody's mistake, once.
        (RequestState.CANCELLED, RequestEvent.ANSWER): RequestState.ANSWERED,
    }
)
"""Every change that can be; anything else is a stray."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A request that waits no longer.

    Attributes:
        id: Its id.
        method: Its method.
        answer: The answer; ``None`` when it failed without one.
        error: Why it failed without an answer; ``None`` when there is one.
    """

    id: RequestId
    method: str
    answer: Response | ErrorResponse | None = None
    error: CodexRuntimeError | None = None


@dataclass(frozen=True, slots=True)
class LateAnswer:
    """The answer to a request that its caller has given up.

    Attributes:
        id: The request's id.
        method: The request's method.
        answer: What came.
    """

    id: RequestId
    method: str
    answer: Response | ErrorResponse


class Correlator:
    """The requests we made of the app-server.

    It holds no futures and no clock: whoever owns it keeps a waiter per id and settles it as told.
    """

    def __init__(self) -> None:
        self._waiting: dict[RequestId, str] = {}
        self._settled: OrderedDict[RequestId, tuple[RequestState, str]] = OrderedDict()
        self._gone: CodexRuntimeError | None = None
        self._next_id = 0

    @property
    def outstanding(self) -> int:
        """How many requests wait for an answer."""
        return len(self._waiting)

    def next_id(self) -> int:
        """Choose an id that no request of this connection has had."""
        while True:
            chosen = self._next_id
            self._next_id += 1
            if chosen not in self._waiting and chosen not in self._settled:
                return chosen

    def state_of(self, request_id: RequestId) -> RequestState | None:
        """Tell what has become of a request; ``None`` when it is unknown or forgotten."""
        if request_id in self._waiting:
            return RequestState.WAITING
        settled = self._settled.get(request_id)
        return settled[0] if settled else None

    def begin(self, request_id: RequestId, method: str) -> None:
        """Note a request that is about to be sent.

        Args:
            request_id: Its id.
            method: Its method.

        Raises:
            LocalProtocolError: ``E_PROTOCOL_OUTBOUND_INVALID`` when the id is none, or
                ``E_PROTOCOL_REQUEST_ID_REUSED`` when a request with this id is waiting.
            CodexRuntimeError: The connection has ended; the error that :meth:`gone` was given.
        """
        if self._gone is not None:
            raise self._gone
        if not is_request_id(request_id):
            raise LocalProtocolError(
                "E_PROTOCOL_OUTBOUND_INVALID",
                f"Invalid outbound codex client message: {request_id!r} is no request id "
                "(a string or a 64-bit integer)",
            )
        if request_id in self._waiting:
            raise LocalProtocolError(
                "E_PROTOCOL_REQUEST_ID_REUSED",
                f"request id {request_id!r} already waits for the answer to "
                f"{self._waiting[request_id]}",
            )
        self._settled.pop(request_id, None)
        self._waiting[request_id] = method

    def receive(
        self, answer: Response | ErrorResponse
    ) -> Settled | LateAnswer | RemoteProtocolError:
        """Take an answer.

        Args:
            answer: A response or an error response.

        Returns:
            The request it settles; or the one that it is too late for; or, as a value, the error of
            a peer that answers what was never asked (``E_PROTOCOL_RESPONSE_UNKNOWN``) or answers
            twice (``E_PROTOCOL_RESPONSE_DUPLICATE``).
        """
        if answer.id is None:
            return _stray(
                answer, "E_PROTOCOL_RESPONSE_UNKNOWN", "an error response names no request"
            )
        before = self.state_of(answer.id)
        if before is None:
            return _stray(
                answer,
                "E_PROTOCOL_RESPONSE_UNKNOWN",
                f"a response names request {answer.id!r}, which was never made",
            )
        after = TRANSITIONS.get((before, RequestEvent.ANSWER))
        if after is None:
            return _stray(
                answer,
                "E_PROTOCOL_RESPONSE_DUPLICATE",
                f"a second response names request {answer.id!r} "
                f"({self._settled[answer.id][1]}, {before.value})",
            )
        method = self._settle(answer.id, after)
        if before is RequestState.CANCELLED:
            return LateAnswer(answer.id, method, answer)
        return Settled(answer.id, method, answer=answer)

    def cancel(self, request_id: RequestId) -> bool:
        """Give a request up; its answer, should it come, settles nothing.

        Args:
            request_id: Its id.

        Returns:
            Whether it was waiting.
        """
        before = self.state_of(request_id)
        if before is None:
            return False
        after = TRANSITIONS.get((before, RequestEvent.CANCEL))
        if after is None:
            return False
        self._settle(request_id, after)
        return True

    def gone(self, error: CodexRuntimeError) -> list[Settled]:
        """Say that the connection has ended.

        Args:
            error: Why; every later :meth:`begin` raises it.

        Returns:
            Every request that was waiting, in the order in which they were made, each once. A
            second call returns nothing and changes nothing.
        """
        if self._gone is not None:
            return []
        self._gone = error
        after = TRANSITIONS[RequestState.WAITING, RequestEvent.PEER_GONE]
        return [
            Settled(request_id, self._settle(request_id, after), error=error)
            for request_id in tuple(self._waiting)
        ]

    def _settle(self, request_id: RequestId, state: RequestState) -> str:
        if request_id in self._waiting:
            method = self._waiting.pop(request_id)
        else:
            method = self._settled[request_id][1]
        self._settled[request_id] = (state, method)
        self._settled.move_to_end(request_id)
        if len(self._settled) > REMEMBERED:
            self._settled.popitem(last=False)
        return method


class IncomingRequests:
    """The requests that the app-server made of us, and that wait for our answer."""

    def __init__(self) -> None:
        self._waiting: dict[RequestId, Request] = {}

    @property
    def waiting(self) -> tuple[Request, ...]:
        """The requests that wait, in the order of their arrival."""
        return tuple(self._waiting.values())

    def arrived(self, request: Request) -> bool:
        """Note a request of the server.

        Args:
            request: The request. A resumed thread replays what still waits under its old id
                (FACTS §9); the newest copy counts.

        Returns:
            Whether it is new.
        """
        new = request.id not in self._waiting
        self._waiting[request.id] = request
        return new

    def answered(self, request_id: RequestId) -> Request:
        """Note that a request is about to be answered.

        Args:
            request_id: Its id.

        Returns:
            The request.

        Raises:
            LocalProtocolError: ``E_PROTOCOL_REQUEST_UNKNOWN`` when it does not wait: it was never
                made, was answered already, or the server has resolved it.
        """
        request = self._waiting.pop(request_id, None)
        if request is None:
            raise LocalProtocolError(
                "E_PROTOCOL_REQUEST_UNKNOWN",
                f"server request {request_id!r} does not wait for an answer",
            )
        return request

    def resolved(self, request_id: RequestId) -> bool:
        """Note that the server waits no longer (``serverRequest/resolved``).

        Args:
            request_id: The request's id.

        Returns:
            Whether it was waiting.
        """
        return self._waiting.pop(request_id, None) is not None

    def gone(self) -> tuple[Request, ...]:
        """Say that the connection has ended; returns what can no longer be answered."""
        left = self.waiting
        self._waiting.clear()
        return left


def _stray(answer: Response | ErrorResponse, code: str, text: str) -> RemoteProtocolError:
    return RemoteProtocolError(code, text, raw=answer.raw[:EXCERPT_BYTES])
