"""Requests and their answers: each settled once, whatever the peer does."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from codex_runtime.errors import AppServerError, LocalProtocolError, RemoteProtocolError
from codex_runtime.protocol.correlation import (
    REMEMBERED,
    TRANSITIONS,
    Correlator,
    IncomingRequests,
    LateAnswer,
    RequestEvent,
    RequestState,
    Settled,
)
from codex_runtime.protocol.identifiers import RequestId
from codex_runtime.protocol.messages import ErrorResponse, Request, Response, RpcError

NULL = msgspec.Raw(b"null")
GONE = AppServerError("E_APP_SERVER_GONE", "the process ended")


def answer(request_id: RequestId | None) -> Response:
    return Response(request_id, NULL)


def test_answers_may_come_in_any_order() -> None:
    requests = Correlator()
    for request_id in (1, "1", "", 0):
        requests.begin(request_id, f"method of {request_id!r}")
    for request_id in ("", 1, 0, "1"):
        settled = requests.receive(answer(request_id))
        assert isinstance(settled, Settled)
        assert settled.method == f"method of {request_id!r}"
    assert requests.outstanding == 0


def test_a_string_and_a_number_are_different_requests() -> None:
    requests = Correlator()
    requests.begin(1, "m")
    stray = requests.receive(answer("1"))
    assert isinstance(stray, RemoteProtocolError)
    assert stray.code == "E_PROTOCOL_RESPONSE_UNKNOWN"
    assert requests.state_of(1) is RequestState.WAITING


def test_an_error_response_settles_like_any_other_answer() -> None:
    requests = Correlator()
    requests.begin(1, "m")
    refusal = ErrorResponse(1, RpcError(-32600, "no"))
    assert requests.receive(refusal) == Settled(1, "m", answer=refusal)


@pytest.mark.parametrize("request_id", [7, "x", None])
def test_an_answer_to_nothing_is_a_stray(request_id: RequestId | None) -> None:
    stray = Correlator().receive(answer(request_id))
    assert isinstance(stray, RemoteProtocolError)
    assert stray.code == "E_PROTOCOL_RESPONSE_UNKNOWN"


def test_a_second_answer_is_a_duplicate() -> None:
    requests = Correlator()
    requests.begin(1, "m")
    requests.receive(answer(1))
    stray = requests.receive(answer(1))
    assert isinstance(stray, RemoteProtocolError)
    assert stray.code == "E_PROTOCOL_RESPONSE_DUPLICATE"


def test_the_answer_to_a_cancelled_request_is_late_once_and_then_a_duplicate() -> None:
    requests = Correlator()
    requests.begin(1, "m")
    assert requests.cancel(1)
    assert not requests.cancel(1)
    assert isinstance(requests.receive(answer(1)), LateAnswer)
    assert isinstance(requests.receive(answer(1)), RemoteProtocolError)


def test_the_end_of_the_connection_fails_every_waiter_once_in_order() -> None:
    requests = Correlator()
    for request_id in (3, 1, 2):
        requests.begin(request_id, "m")
    requests.receive(answer(1))
    assert [settled.id for settled in requests.gone(GONE)] == [3, 2]
    assert requests.gone(GONE) == []
    with pytest.raises(AppServerError) as caught:
        requests.begin(4, "m")
    assert caught.value.code == "E_APP_SERVER_GONE"


def test_an_id_that_waits_cannot_be_used_again_and_a_settled_one_can() -> None:
    requests = Correlator()
    requests.begin("x", "first")
    with pytest.raises(LocalProtocolError, match="answer to first") as caught:
        requests.begin("x", "second")
    assert caught.value.code == "E_PROTOCOL_REQUEST_ID_REUSED"
    requests.receive(answer("x"))
    requests.begin("x", "third")
    assert requests.receive(answer("x")) == Settled("x", "third", answer=answer("x"))


@pytest.mark.parametrize("request_id", [True, 1.5, None, 2**63, b"x"])
def test_what_is_no_id_is_not_sent(request_id: object) -> None:
    with pytest.raises(LocalProtocolError, match="no request id"):
        Correlator().begin(request_id, "m")  # type: ignore[arg-type]


def test_settled_requests_are_remembered_up_to_a_bound() -> None:
    requests = Correlator()
    for request_id in range(REMEMBERED + 1):
        requests.begin(request_id, "m")
        requests.receive(answer(request_id))
    codes = [requests.receive(answer(request_id)) for request_id in (0, REMEMBERED)]
    assert [stray.code for stray in codes if isinstance(stray, RemoteProtocolError)] == [
        "E_PROTOCOL_RESPONSE_UNKNOWN",
        "E_PROTOCOL_RESPONSE_DUPLICATE",
    ]


def test_a_chosen_id_was_never_used() -> None:
    requests = Correlator()
    requests.begin(0, "m")
    requests.begin(1, "m")
    requests.receive(answer(1))
    assert requests.next_id() == 2


IDS = st.sampled_from([0, 1, "0", "1", "", -1])


class CorrelationMachine(RuleBasedStateMachine):
    """A model of what should become of each request, against the correlator."""

    @initialize()
    def start(self) -> None:
        self.requests = Correlator()
        self.states: dict[RequestId, RequestState] = {}
        self.settled: list[RequestId] = []
        self.over = False

    def expect(self, request_id: RequestId, event: RequestEvent) -> RequestState | None:
        before = self.states.get(request_id)
        after = None if before is None else TRANSITIONS.get((before, event))
        if after is not None:
            self.states[request_id] = after
        return after

    @rule(request_id=IDS)
    def begin(self, request_id: RequestId) -> None:
        waiting = self.states.get(request_id) is RequestState.WAITING
        if self.over or waiting:
            with pytest.raises((LocalProtocolError, AppServerError)):
                self.requests.begin(request_id, "m")
        else:
            self.requests.begin(request_id, "m")
            self.states[request_id] = RequestState.WAITING

    @rule(request_id=IDS)
    def receive(self, request_id: RequestId) -> None:
        before = self.states.get(request_id)
        outcome = self.requests.receive(answer(request_id))
        if self.expect(request_id, RequestEvent.ANSWER) is None:
            assert isinstance(outcome, RemoteProtocolError)
        elif before is RequestState.WAITING:
            assert isinstance(outcome, Settled)
            self.settled.append(request_id)
        else:
            assert isinstance(outcome, LateAnswer)

    @rule(request_id=IDS)
    def cancel(self, request_id: RequestId) -> None:
        expected = self.expect(request_id, RequestEvent.CANCEL) is not None
        assert self.requests.cancel(request_id) is expected

    @precondition(lambda self: not self.over)
    @rule()
    def gone(self) -> None:
        lost = [settled.id for settled in self.requests.gone(GONE)]
        waiting = [i for i, state in self.states.items() if state is RequestState.WAITING]
        assert sorted(map(repr, lost)) == sorted(map(repr, waiting))
        for request_id in lost:
            self.expect(request_id, RequestEvent.PEER_GONE)
        self.over = True

    @invariant()
    def both_agree(self) -> None:
        for request_id, state in self.states.items():
            assert self.requests.state_of(request_id) is state
        waiting = sum(1 for state in self.states.values() if state is RequestState.WAITING)
        assert self.requests.outstanding == waiting


TestCorrelation = CorrelationMachine.TestCase


def test_a_server_request_is_answered_once() -> None:
    incoming = IncomingRequests()
    asked = Request(0, "item/tool/call")
    assert incoming.arrived(asked)
    assert incoming.answered(0) is asked
    with pytest.raises(LocalProtocolError) as caught:
        incoming.answered(0)
    assert caught.value.code == "E_PROTOCOL_REQUEST_UNKNOWN"


def test_a_replayed_server_request_is_the_same_request() -> None:
    incoming = IncomingRequests()
    incoming.arrived(Request(0, "m", raw=b"old"))
    assert not incoming.arrived(Request(0, "m", raw=b"new"))
    assert [request.raw for request in incoming.waiting] == [b"new"]


def test_a_resolved_or_lost_server_request_can_no_longer_be_answered() -> None:
    incoming = IncomingRequests()
    incoming.arrived(Request(0, "m"))
    incoming.arrived(Request("0", "m"))
    assert incoming.resolved(0)
    assert not incoming.resolved(0)
    assert [request.id for request in incoming.gone()] == ["0"]
    for request_id in (0, "0"):
        with pytest.raises(LocalProtocolError):
            incoming.answered(request_id)
