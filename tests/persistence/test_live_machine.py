"""The live client's decisions: inputs in, effects out, no socket and no clock."""

from __future__ import annotations

import binascii
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_runtime.persistence.live_reads.core.effects import (
    CancelTimer,
    CloseSocket,
    Deliver,
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
    Provided,
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
from codex_runtime.persistence.live_reads.core.machine import LiveMachine
from codex_runtime.persistence.live_reads.core.reports import (
    Connected,
    Disconnected,
    LogLines,
    TokenAccepted,
    TokenRejected,
    TokenUnavailable,
)
from codex_runtime.persistence.live_reads.core.states import TRANSITIONS, State
from codex_runtime.persistence.live_reads.core.timing import Timing
from codex_runtime.persistence.live_reads.core.view import Query, QueryFailure, QueryValue
from codex_runtime.persistence.live_reads.failures import LiveReadsError, QueryFailedError
from codex_runtime.values import UNDEFINED, Int64
from support.sync_server import failed, transition, ts, updated, version

LIST = Query("messages:list", "{}")
COUNT = Query("messages:count", '{"a":1.0}')


def lost(text="gone"):
    return LiveReadsError("E_LIVE_DISCONNECTED", text)


class Client:
    """A machine, with what it did so far."""

    def __init__(self, *, patient=False, chance=1.0, **timing):
        self.machine = LiveMachine("session", Timing(**timing), lambda: chance, patient=patient)
        self.effects = []
        self.socket = 0
        self.at = version()
        self.timers = {}

    def do(self, event):
        effects = self.machine.handle(event)
        self.effects += effects
        for effect in effects:
            match effect:
                case OpenSocket(number):
                    self.socket = number
                case SetTimer(timer, seconds):
                    self.timers[timer] = seconds
                case CancelTimer(timer):
                    self.timers.pop(timer, None)
        return effects

    def hear(self, message):
        text = message if isinstance(message, str | bytes) else json.dumps(message)
        return self.do(FrameReceived(self.socket, text))

    def open(self):
        self.at = version()
        return sent(self.do(SocketOpened(self.socket)))

    def show(self, *modifications, at=1, query_set=None, identity=None):
        end = version(
            self.at["querySet"] if query_set is None else query_set,
            self.at["identity"] if identity is None else identity,
            at,
        )
        effects = self.hear(transition(self.at, end, *modifications))
        self.at = end
        return effects

    def fire(self, timer):
        assert timer in self.timers, self.timers
        del self.timers[timer]
        return self.do(TimerFired(timer))

    @property
    def state(self):
        return self.machine.state


def live(*queries, token=None, **more):
    """A client that shows its queries."""
    client = Client(**more)
    if token is not None:
        client.do(UseToken(1, token))
    for query in queries:
        client.do(Subscribe(query))
    client.do(Start())
    client.open()
    identity = 0 if token is None else 1
    values = [updated(number, f"v{number}") for number in range(len(queries))]
    client.show(*values, query_set=1, identity=identity)
    assert client.state is State.LIVE
    return client


def of(kind, effects):
    return [effect for effect in effects if isinstance(effect, kind)]


def sent(effects):
    return [json.loads(effect.text) for effect in of(Send, effects)]


def told(kind, effects):
    return [effect.report for effect in of(Tell, effects) if isinstance(effect.report, kind)]


def delivered(effects):
    return [
        {query.path: view_result(result) for query, result in effect.view.results.items()}
        for effect in of(Deliver, effects)
    ]


def view_result(result):
    return result.value if isinstance(result, QueryValue) else result.message


# What a connection is told.


def test_a_connection_begins_with_who_and_what():
    client = Client()
    client.do(UseToken(1, "token"))
    client.do(Subscribe(LIST))
    client.do(Start())
    assert client.open() == [
        {
            "type": "Connect",
            "sessionId": "session",
            "connectionCount": 0,
            "lastCloseReason": "InitialConnect",
            "clientTs": 0,
        },
        {"type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": "token"},
        {
            "type": "ModifyQuerySet",
            "baseVersion": 0,
            "newVersion": 1,
            "modifications": [
                {"type": "Add", "queryId": 0, "udfPath": "messages:list", "args": [{}]}
            ],
        },
    ]


def test_without_a_token_and_queries_it_still_asks_for_an_answer():
    client = Client()
    client.do(Start())
    assert [message["type"] for message in client.open()] == ["Connect", "ModifyQuerySet"]
    effects = client.show(query_set=1)
    assert told(Connected, effects) == [Connected(1)]
    assert Timer.CONNECT not in client.timers


def test_queries_are_added_and_removed_as_they_are_read():
    client = live()
    [added] = sent(client.do(Subscribe(COUNT)))
    assert (added["baseVersion"], added["newVersion"]) == (1, 2)
    assert added["modifications"] == [
        {"type": "Add", "queryId": 0, "udfPath": "messages:count", "args": [{"a": 1.0}]}
    ]
    [removed] = sent(client.do(Unsubscribe(COUNT)))
    assert (removed["baseVersion"], removed["newVersion"]) == (2, 3)
    assert removed["modifications"] == [{"type": "Remove", "queryId": 0}]
    [again] = sent(client.do(Subscribe(COUNT)))
    assert again["modifications"][0]["queryId"] == 1


def test_equal_queries_are_one_on_the_wire():
    client = live(LIST)
    assert sent(client.do(Subscribe(LIST))) == []
    assert sent(client.do(Unsubscribe(LIST))) == []
    assert client.machine.result(LIST) == QueryValue("v0")
    assert len(sent(client.do(Unsubscribe(LIST)))) == 1
    assert client.machine.result(LIST) is None


def test_a_new_connection_goes_on_where_the_last_one_was():
    client = live(LIST, token="token")
    client.show(updated(0, "v1", journal="j"), at=7)
    client.do(Subscribe(COUNT))
    client.do(SocketEnded(client.socket, lost("the wire was cut")))
    client.fire(Timer.RECONNECT)
    connect, authenticate, modify = client.open()
    assert connect["connectionCount"] == 1
    assert connect["lastCloseReason"] == "the wire was cut"
    assert connect["maxObservedTimestamp"] == ts(7)
    assert authenticate["baseVersion"] == 0
    assert (modify["baseVersion"], modify["newVersion"]) == (0, 1)
    journals = {m["udfPath"]: m.get("journal", "none") for m in modify["modifications"]}
    assert journals == {"messages:list": "j", "messages:count": "none"}


# Views.


def test_a_view_holds_the_results_of_one_moment():
    client = live(LIST, COUNT)
    effects = client.show(updated(0, "a"), updated(1, 2), at=5)
    [deliver] = of(Deliver, effects)
    assert deliver.view.ts == 5
    assert delivered(effects) == [{"messages:list": "a", "messages:count": 2.0}]
    assert deliver.changed == {LIST, COUNT}
    [deliver] = of(Deliver, client.show(updated(1, 3), at=6))
    assert deliver.changed == {COUNT}
    assert deliver.view[LIST] == "a"


def test_nothing_is_delivered_when_nothing_is_another():
    client = live(LIST)
    assert of(Deliver, client.show(at=2)) == []
    assert of(Deliver, client.show(updated(0, "v0", logLines=["x"]), at=3)) == []
    assert client.machine.ts == 3


def test_the_same_value_written_otherwise_is_the_same():
    client = live(LIST)
    client.show(updated(0, {"a": 1, "b": 2}), at=2)
    assert of(Deliver, client.show(updated(0, {"b": 2.0, "a": 1.0}), at=3)) == []
    assert of(Deliver, client.show(updated(0, {"b": True, "a": 1.0}), at=4)) != []
    assert of(Deliver, client.show(updated(0, {"b": 1.0, "a": 1.0}), at=5)) != []


def test_every_kind_of_value_is_decoded():
    client = live(LIST)
    effects = client.show(
        updated(0, [{"$integer": "BQAAAAAAAAA="}, {"$bytes": "aGk="}, 3, None]), at=2
    )
    assert delivered(effects) == [{"messages:list": [Int64(5), b"hi", 3.0, None]}]


def test_a_failure_and_its_data_are_results():
    client = live(LIST)
    client.show(failed(0, "no", errorData={"code": "E_X"}, logLines=["[LOG] 'x'"]), at=2)
    result = client.machine.result(LIST)
    assert result == QueryFailure("no", {"code": "E_X"}, ("[LOG] 'x'",))
    view = client.machine.view()
    assert LIST in view
    with pytest.raises(QueryFailedError, match=r"^\[E_LIVE_QUERY_FAILED\] messages:list failed"):
        view[LIST]
    client.show(failed(0, "no"), at=3)
    assert client.machine.result(LIST) == QueryFailure("no", UNDEFINED)
    assert of(Deliver, client.show(failed(0, "no"), at=4)) == []
    assert of(Deliver, client.show(updated(0, "v0"), at=5)) != []


def test_log_lines_are_told():
    client = live(LIST)
    effects = client.show(updated(0, "v0", logLines=["[LOG] 'x'"]), at=2)
    assert told(LogLines, effects) == [LogLines(LIST, ("[LOG] 'x'",))]


@pytest.mark.parametrize("left_out", ["journal", "logLines"])
def test_what_may_be_left_out_may_be_left_out(left_out):
    client = live(LIST)
    modification = updated(0, "new")
    del modification[left_out]
    assert delivered(client.show(modification, at=2)) == [{"messages:list": "new"}]


def test_after_a_lost_connection_the_view_waits_for_the_new_one_to_have_it_all():
    client = live(LIST, COUNT, token="token")
    client.do(SocketEnded(client.socket, lost()))
    client.fire(Timer.RECONNECT)
    client.open()
    assert client.state is State.RESUMING
    assert of(Deliver, client.show(identity=1, at=8)) == []
    assert client.machine.view()[LIST] == "v0"
    effects = client.show(updated(0, "v0"), updated(1, "new"), query_set=1, at=9)
    [deliver] = of(Deliver, effects)
    assert deliver.changed == {COUNT}
    assert deliver.view.ts == 9


def test_results_of_a_query_given_up_meanwhile_are_ignored():
    client = live(LIST)
    client.do(Unsubscribe(LIST))
    assert of(Deliver, client.show(updated(0, "late"), at=2)) == []
    assert client.state is State.LIVE
    client.show({"type": "QueryRemoved", "queryId": 0}, query_set=2, at=3)
    assert client.state is State.LIVE


def test_parts_of_a_transition_make_it_up():
    client = live(LIST)
    text = json.dumps(transition(client.at, version(1, 0, 5), updated(0, "large")))
    parts = [text[:10], text[10:60], text[60:]]
    for number, part in enumerate(parts):
        effects = client.hear(chunk(part, number))
        assert client.state is State.LIVE
    assert delivered(effects) == [{"messages:list": "large"}]


def chunk(part, number, total=3, name="t"):
    return {
        "type": "TransitionChunk",
        "chunk": part,
        "partNumber": number,
        "totalParts": total,
        "transitionId": name,
    }


@pytest.mark.parametrize(
    "messages",
    [
        [chunk("a", 1)],
        [chunk("a", 0), chunk("b", 2)],
        [chunk("a", 0), chunk("a", 0)],
        [chunk("a", 0), chunk("b", 1, name="u")],
        [chunk("a", 0), chunk("b", 1, total=2)],
        [chunk("a", 0), transition(version(1, 0, 1), version(1, 0, 1))],
        [chunk('{"type"', 0, 2), chunk(':"Ping"}', 1, 2)],
        [chunk("not json", 0, 1)],
        [chunk("a", 0, 0)],
    ],
)
def test_parts_that_make_up_no_transition_end_the_connection(messages):
    client = live(LIST)
    for message in messages:
        assert client.state is State.LIVE
        effects = client.hear(message)
    assert [report.error.code for report in told(Disconnected, effects)] == ["E_LIVE_PROTOCOL"]


# What a deployment does wrong (FACTS §4).

AT = version(1, 0, 1)
WRONG = {
    "a transition from another version": transition(version(1, 0, 2), version(1, 0, 3)),
    "a transition from another set": transition(version(0, 0, 1), version(1, 0, 3)),
    "time goes back": transition(AT, version(1, 0, 0)),
    "the set goes back": transition(AT, version(0, 0, 1)),
    "a set that was never sent": transition(AT, version(2, 0, 1)),
    "an identity that was never sent": transition(AT, version(1, 1, 1)),
    "a query that was never asked for": transition(AT, AT, updated(9, "x")),
    "a removal nobody asked for": transition(AT, AT, {"type": "QueryRemoved", "queryId": 0}),
    "a value that is none": transition(AT, AT, updated(0, {"$nothing": 1})),
    "error data that is no value": transition(AT, AT, failed(0, "x", errorData={"$a": 1})),
    "a value nested too deep": transition(AT, AT, updated(0, json.loads("[" * 65 + "]" * 65))),
    "a timestamp that is none": transition(AT, {**AT, "ts": "?"}),
    "a timestamp too short": transition(AT, {**AT, "ts": "AAAA"}),
    "a modification of no kind": transition(AT, AT, {"type": "QueryPaused", "queryId": 0}),
    "a field missing": {"type": "Transition", "startVersion": AT, "endVersion": AT},
    "a version too large": transition(AT, version(2**32, 0, 1)),
    "a response to no mutation": {
        "type": "MutationResponse",
        "requestId": 0,
        "success": True,
        "result": None,
        "ts": ts(1),
        "logLines": [],
    },
    "a response to no action": {
        "type": "ActionResponse",
        "requestId": 0,
        "success": True,
        "result": None,
        "logLines": [],
    },
    "a message of no kind": {"type": "Hello"},
    "no message": {},
    "a list": [],
    "no JSON": "hello",
    "no text": b"\xff\xfe",
    "nothing": "",
    "nested without end": "[" * 100_000,
}


@pytest.mark.parametrize("what", WRONG)
def test_a_broken_protocol_is_started_over(what):
    client = live(LIST)
    effects = client.hear(WRONG[what])
    assert CloseSocket(1) in effects
    assert [report.error.code for report in told(Disconnected, effects)] == ["E_LIVE_PROTOCOL"]
    assert client.state is State.WAITING
    client.fire(Timer.RECONNECT)
    client.open()
    effects = client.show(updated(0, "again"), query_set=1, at=9)
    assert delivered(effects) == [{"messages:list": "again"}]


def test_a_transition_that_is_partly_wrong_changes_nothing():
    client = live(LIST, COUNT)
    client.hear(transition(client.at, version(1, 0, 2), updated(0, "half"), updated(9, "x")))
    assert client.machine.result(LIST) == QueryValue("v0")
    assert client.machine.ts == 1
    client.fire(Timer.RECONNECT)
    client.open()
    effects = client.show(updated(0, "half"), updated(1, "v1"), query_set=1, at=3)
    assert delivered(effects) == [{"messages:list": "half", "messages:count": "v1"}]


def test_a_first_transition_without_a_result_is_started_over():
    client = live(LIST, COUNT)
    client.do(SocketEnded(client.socket, lost()))
    client.fire(Timer.RECONNECT)
    client.open()
    effects = client.show(updated(0, "a"), query_set=1, at=9)
    [report] = told(Disconnected, effects)
    assert "no result of messages:count" in report.error.text
    assert of(Deliver, effects) == []


def test_results_before_the_queries_were_taken_in_are_started_over():
    client = live(LIST)
    client.do(SocketEnded(client.socket, lost()))
    client.fire(Timer.RECONNECT)
    client.open()
    assert told(Disconnected, client.show(updated(0, "a"), at=9)) != []


@pytest.mark.parametrize("what", WRONG)
def test_what_breaks_the_protocol_from_the_start_is_no_convex(what):
    client = Client()
    client.do(Start())
    client.open()
    effects = client.hear(WRONG[what])
    [ended] = of(Ended, effects)
    assert ended.error.code == "E_LIVE_NOT_CONVEX"
    assert client.state is State.ENDED
    assert client.timers == {}


@pytest.mark.parametrize("patient", [False, True])
def test_a_fatal_error_ends_the_client(patient):
    client = live(LIST, patient=patient)
    [ended] = of(Ended, client.hear({"type": "FatalError", "error": "Base version 3 …"}))
    assert ended.error.code == "E_LIVE_FATAL"
    assert "Base version 3" in ended.error.text
    assert client.do(Start()) == client.do(Subscribe(COUNT)) == client.do(Stop()) == []


def test_silence_ends_the_connection():
    client = live(LIST, silence=30.0)
    del client.timers[Timer.SILENCE]
    client.hear({"type": "Ping"})
    assert client.timers[Timer.SILENCE] == 30.0
    [report] = told(Disconnected, client.fire(Timer.SILENCE))
    assert report.error.code == "E_LIVE_DISCONNECTED"
    assert "30 s" in report.error.text


def test_a_deployment_that_never_answers_is_given_up():
    client = Client(connect=10.0)
    client.do(Start())
    assert client.timers == {Timer.CONNECT: 10.0}
    client.open()
    [ended] = of(Ended, client.fire(Timer.CONNECT))
    assert ended.error.code == "E_LIVE_TIMEOUT"
    assert CloseSocket(1) in client.effects


def test_the_first_failure_ends_a_client_unless_it_is_patient():
    client = Client()
    client.do(Start())
    error = LiveReadsError("E_LIVE_UNREACHABLE", "port closed")
    assert of(Ended, client.do(SocketEnded(1, error))) == [Ended(error)]
    client = Client(patient=True)
    client.do(Start())
    effects = client.do(SocketEnded(1, error))
    assert told(Disconnected, effects) == [Disconnected(error, 0.1)]
    assert OpenSocket(2) in client.fire(Timer.RECONNECT)


# Coming back.


@pytest.mark.parametrize(
    ("chance", "expected"),
    [(1.0, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0, 15.0]), (0.0, [0.05, 0.1, 0.2])],
)
def test_attempts_are_spaced_wider_and_wider(chance, expected):
    client = live(LIST, chance=chance)
    waits = []
    for _ in expected:
        client.do(SocketEnded(client.socket, lost()))
        waits.append(client.timers[Timer.RECONNECT])
        client.fire(Timer.RECONNECT)
    assert waits == pytest.approx(expected)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_wait_is_never_longer_than_the_longest(failures, chance):
    timing = Timing()
    assert timing.first_retry / 2 <= timing.retry(failures, chance) <= timing.last_retry


def test_failures_are_forgotten_when_a_connection_holds():
    client = live(LIST)
    for expected in (0.1, 0.2):
        client.do(SocketEnded(client.socket, lost()))
        assert client.timers[Timer.RECONNECT] == pytest.approx(expected)
        assert Timer.STABLE not in client.timers
        client.fire(Timer.RECONNECT)
        client.open()
        client.show(updated(0, "v"), query_set=1, at=5)
    client.fire(Timer.STABLE)
    client.do(SocketEnded(client.socket, lost()))
    assert client.timers[Timer.RECONNECT] == pytest.approx(0.1)


def test_what_comes_late_from_an_old_connection_is_ignored():
    client = live(LIST)
    client.do(SocketEnded(1, lost()))
    client.fire(Timer.RECONNECT)
    assert client.do(SocketOpened(1)) == []
    client.open()
    assert client.do(FrameReceived(1, "nonsense")) == []
    assert client.do(SocketEnded(1, lost())) == []
    assert client.state is State.RESUMING


def test_stopping_leaves_no_timer_and_no_socket():
    client = live(LIST, token="token")
    effects = client.do(Stop())
    assert of(CloseSocket, effects) == [CloseSocket(1)]
    assert of(Ended, effects) == [Ended(None)]
    assert client.timers == {}


# Identity.


def jwt(**claims):
    body = binascii.b2a_base64(json.dumps(claims).encode(), newline=False).decode()
    return f"head.{body.rstrip('=').replace('+', '-').replace('/', '_')}.signature"


def refusal(base=0, *, attempted=True):
    return {
        "type": "AuthError",
        "error": "no good",
        "baseVersion": base,
        "authUpdateAttempted": attempted,
    }


def test_an_identity_is_in_force_when_the_deployment_has_taken_it_in():
    client = live(LIST)
    assert sent(client.do(UseToken(3, "token"))) == [
        {"type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": "token"}
    ]
    assert of(IdentityInForce, client.show(at=2)) == []
    effects = client.show(updated(0, "mine"), identity=1, at=3)
    assert of(IdentityInForce, effects) == [IdentityInForce(3)]
    assert told(TokenAccepted, effects) == [TokenAccepted()]
    assert sent(client.do(UseToken(4, None))) == [
        {"type": "Authenticate", "baseVersion": 1, "tokenType": "None"}
    ]
    effects = client.show(updated(0, "ours"), identity=2, at=4)
    assert of(IdentityInForce, effects) == [IdentityInForce(4)]
    assert told(TokenAccepted, effects) == []


def test_a_refused_token_ends_a_client_that_never_worked():
    client = Client()
    client.do(UseToken(1, "bad"))
    client.do(Start())
    client.open()
    effects = client.hear(refusal())
    assert [ended.error.code for ended in of(Ended, effects)] == ["E_LIVE_TOKEN_REJECTED"]


def test_a_refused_token_stops_reading_until_there_is_another():
    client = live(LIST)
    client.do(UseToken(2, "bad"))
    effects = client.hear(refusal())
    assert [report.retrying for report in told(TokenRejected, effects)] == [False]
    [rejected] = of(Rejected, effects)
    assert rejected.error.code == "E_LIVE_TOKEN_REJECTED"
    assert client.state is State.REJECTED
    assert client.machine.result(LIST) is None
    assert client.timers == {}
    assert client.do(SocketEnded(1, lost())) == []
    assert client.do(Subscribe(COUNT)) == []
    assert OpenSocket(2) in client.do(UseToken(3, None))
    assert [m["type"] for m in client.open()] == ["Connect", "ModifyQuerySet"]
    effects = client.show(updated(0, "v0"), updated(1, 1), query_set=1, at=9)
    assert of(IdentityInForce, effects) == [IdentityInForce(3)]
    assert delivered(effects) == [{"messages:list": "v0", "messages:count": 1.0}]


def test_an_expired_token_stops_reading_too():
    client = live(LIST, token="token")
    effects = client.hear(refusal(1, attempted=False))
    assert len(of(Rejected, effects)) == 1


def test_a_refusal_of_a_token_that_was_replaced_is_ignored():
    client = live(LIST)
    client.do(UseToken(2, "bad"))
    client.do(UseToken(3, "good"))
    assert client.hear(refusal(0)) == [SetTimer(Timer.SILENCE, 30.0)]
    client.do(SocketEnded(1, lost()))
    client.fire(Timer.RECONNECT)
    assert client.open()[1]["value"] == "good"


def with_provider(token="first", *queries):
    client = Client()
    for query in queries:
        client.do(Subscribe(query))
    client.do(UseToken(1, Provided.PROVIDED))
    client.do(Start())
    assert client.state is State.FETCHING
    client.do(TokenFetched(1, token))
    client.open()
    return client


def test_a_provider_is_asked_before_connecting():
    client = Client()
    client.do(UseToken(1, Provided.PROVIDED))
    effects = client.do(Start())
    assert of(FetchToken, effects) == [FetchToken(1, force_refresh=False)]
    assert of(OpenSocket, effects) == []
    assert client.timers == {Timer.FETCH: 10.0}
    assert OpenSocket(1) in client.do(TokenFetched(1, "first"))
    assert client.open()[1]["value"] == "first"
    assert Timer.FETCH not in client.timers


def test_a_refused_token_of_a_provider_is_replaced_once():
    client = with_provider()
    effects = client.hear(refusal())
    assert [report.retrying for report in told(TokenRejected, effects)] == [True]
    assert of(FetchToken, effects) == [FetchToken(1, force_refresh=True)]
    assert CloseSocket(1) in effects
    client.do(TokenFetched(1, "second"))
    assert client.open()[1]["value"] == "second"
    assert [e.error.code for e in of(Ended, client.hear(refusal()))] == ["E_LIVE_TOKEN_REJECTED"]


def test_an_accepted_token_may_be_replaced_again_later():
    client = with_provider()
    client.show(query_set=1, identity=1)
    for name in ("second", "third"):
        assert of(Rejected, client.hear(refusal(1, attempted=False))) == []
        if Timer.RECONNECT in client.timers:
            client.fire(Timer.RECONNECT)
        client.do(TokenFetched(1, name))
        assert client.open()[1]["value"] == name
        client.show(query_set=1, identity=1, at=5)
    assert client.state is State.LIVE


def test_tokens_refused_in_a_row_do_not_make_a_busy_loop():
    client = with_provider()
    client.show(query_set=1, identity=1)
    client.hear(refusal(1, attempted=False))
    client.do(TokenFetched(1, "second"))
    client.open()
    client.show(query_set=1, identity=1, at=5)
    client.hear(refusal(1, attempted=False))
    assert client.state is State.WAITING
    assert client.timers[Timer.RECONNECT] == pytest.approx(0.2)


def test_a_token_is_replaced_before_it_expires():
    client = with_provider(jwt(iat=1000, exp=1060))
    assert client.timers[Timer.REFRESH] == 50.0
    client.show(query_set=1, identity=1)
    effects = client.fire(Timer.REFRESH)
    assert of(FetchToken, effects) == [FetchToken(1, force_refresh=True)]
    [message] = sent(client.do(TokenFetched(1, jwt(iat=2000, exp=2004))))
    assert message["baseVersion"] == 1
    assert client.timers[Timer.REFRESH] == 2.0
    assert client.state is State.LIVE


@pytest.mark.parametrize(
    "token",
    [
        "opaque",
        "a.b",
        "a.!.c",
        "a.bm8=.c",
        jwt(),
        jwt(exp=5),
        jwt(iat="1", exp="2"),
        jwt(iat=True, exp=9),
        "a.W10.c",
        "a.é.c",
    ],
)
def test_a_token_that_does_not_say_when_it_ends_is_not_replaced_before(token):
    assert Timer.REFRESH not in with_provider(token).timers


def test_a_provider_that_fails_before_the_first_connection_ends_the_client():
    client = Client()
    client.do(UseToken(1, Provided.PROVIDED))
    client.do(Start())
    error = LiveReadsError("E_LIVE_TOKEN_UNAVAILABLE", "no")
    assert of(Ended, client.do(TokenFetchFailed(1, error))) == [Ended(error)]


def test_a_provider_that_takes_too_long_has_failed():
    client = Client(fetch=7.0)
    client.do(UseToken(1, Provided.PROVIDED))
    client.do(Start())
    [ended] = of(Ended, client.fire(Timer.FETCH))
    assert ended.error.code == "E_LIVE_TOKEN_UNAVAILABLE"
    assert "7 s" in ended.error.text


def test_a_provider_that_fails_while_connected_is_asked_again_later():
    client = with_provider(jwt(iat=0, exp=100))
    client.show(query_set=1, identity=1)
    client.fire(Timer.REFRESH)
    error = LiveReadsError("E_LIVE_TOKEN_UNAVAILABLE", "no")
    effects = client.do(TokenFetchFailed(1, error))
    assert told(TokenUnavailable, effects) == [TokenUnavailable(error)]
    assert client.state is State.LIVE
    assert client.timers[Timer.REFRESH] == 15.0


def test_a_provider_that_fails_while_coming_back_is_asked_again():
    client = with_provider()
    client.show(query_set=1, identity=1)
    client.hear(refusal(1, attempted=False))
    error = LiveReadsError("E_LIVE_TOKEN_UNAVAILABLE", "no")
    client.do(TokenFetchFailed(1, error))
    assert client.state is State.WAITING
    assert of(FetchToken, client.fire(Timer.RECONNECT)) == [FetchToken(1, force_refresh=True)]


def test_what_an_earlier_provider_gives_late_is_ignored():
    client = with_provider()
    client.do(UseToken(2, "other"))
    assert client.do(TokenFetched(1, "late")) == []
    assert client.do(TokenFetchFailed(1, lost())) == []


def test_a_provider_set_while_connected_is_in_force_with_its_token_only():
    client = live(LIST)
    effects = client.do(UseToken(5, Provided.PROVIDED))
    assert of(FetchToken, effects) == [FetchToken(5, force_refresh=False)]
    assert sent(effects) == []
    assert of(IdentityInForce, client.show(at=2)) == []
    client.do(TokenFetched(5, "mine"))
    assert of(IdentityInForce, client.show(identity=1, at=3)) == [IdentityInForce(5)]


def test_another_token_while_opening_opens_anew():
    client = Client()
    client.do(Start())
    effects = client.do(UseToken(1, "token"))
    assert CloseSocket(1) in effects
    assert OpenSocket(2) in effects
    effects = client.do(UseToken(2, Provided.PROVIDED))
    assert CloseSocket(2) in effects
    assert client.state is State.FETCHING
    client.do(UseToken(3, None))
    assert client.state is State.OPENING


# The table of states.


def test_every_state_but_the_end_can_end():
    for state, after in TRANSITIONS.items():
        assert (State.ENDED in after) is (state is not State.ENDED)


def test_every_state_can_be_reached():
    reached, new = set(), {State.IDLE}
    while new:
        reached |= new
        new = {after for state in new for after in TRANSITIONS[state]} - reached
    assert reached == set(State)


def test_every_transition_of_the_table_happens():
    chance = random.Random(7)
    taken = set()
    for _ in range(600):
        client = Client(patient=chance.random() < 0.5)
        for step in range(12):
            before = client.state
            client.do(onward(client) if chance.random() < 0.6 else aside(client, chance, step))
            if client.state is not before or before is State.FETCHING:
                taken.add((before, client.state))
    allowed = {(state, after) for state, later in TRANSITIONS.items() for after in later}
    # Opening anew while opening shows in the number of the connection only.
    assert allowed - taken == {(State.OPENING, State.OPENING)}


def onward(client):
    """What brings a client nearer to showing something."""
    generation = client.machine._credentials.generation
    match client.state:
        case State.IDLE:
            return Start()
        case State.FETCHING:
            return TokenFetched(generation, "t")
        case State.OPENING:
            return SocketOpened(client.socket)
        case State.RESUMING:
            return FrameReceived(client.socket, json.dumps(first_answer(client)))
        case State.WAITING:
            return TimerFired(Timer.RECONNECT)
    return Subscribe(LIST)


def aside(client, chance, step):
    generation = client.machine._credentials.generation
    return chance.choice(
        [
            Stop(),
            UseToken(100 + step, chance.choice([None, "t", Provided.PROVIDED])),
            TokenFetchFailed(generation, lost()),
            SocketEnded(client.socket, lost()),
            FrameReceived(client.socket, json.dumps(refusal(9))),
        ]
    )


def first_answer(client):
    numbers = [entry.number for entry in client.machine._queries._entries.values()]
    end = version(1, client.machine._sent.identity, 1)
    return transition(version(), end, *(updated(number, "v") for number in numbers))


QUERIES = st.sampled_from([LIST, COUNT])
SOCKETS = st.integers(0, 3)
ERRORS = st.sampled_from([lost(), LiveReadsError("E_LIVE_UNREACHABLE", "x")])
VERSIONS = st.builds(version, st.integers(0, 3), st.integers(0, 2), st.integers(0, 3))
MODIFICATIONS = st.lists(
    st.builds(updated, st.integers(0, 3), st.sampled_from(["a", 1, {"$a": 1}]))
    | st.builds(failed, st.integers(0, 3), st.just("x")),
    max_size=2,
)
MESSAGES = (
    st.builds(lambda a, b, m: transition(a, b, *m), VERSIONS, VERSIONS, MODIFICATIONS)
    | st.builds(lambda base, kind: refusal(base, attempted=kind), SOCKETS, st.booleans())
    | st.sampled_from(list(WRONG.values()))
    | st.just({"type": "Ping"})
    | st.just({"type": "FatalError", "error": "x"})
)
INPUTS = (
    st.just(Start())
    | st.builds(Subscribe, QUERIES)
    | st.builds(UseToken, st.integers(1, 9), st.sampled_from([None, "t", Provided.PROVIDED]))
    | st.builds(TokenFetched, st.integers(0, 9), st.sampled_from(["t", jwt(iat=1, exp=9)]))
    | st.builds(TokenFetchFailed, st.integers(0, 9), ERRORS)
    | st.builds(SocketOpened, SOCKETS)
    | st.builds(SocketEnded, SOCKETS, ERRORS)
    | st.builds(
        lambda n, m: FrameReceived(n, m if isinstance(m, str | bytes) else json.dumps(m)),
        SOCKETS,
        MESSAGES,
    )
    | st.builds(TimerFired, st.sampled_from(Timer))
)


@given(st.lists(INPUTS, max_size=30), st.booleans())
def test_whatever_happens_states_follow_the_table(inputs, patient):
    client = Client(patient=patient)
    client.do(Start())
    open_sockets = {1}
    observed = 0
    for event in inputs:
        if isinstance(event, Start):
            continue
        if isinstance(event, TimerFired) and event.timer not in client.timers:
            continue
        effects = client.do(event)
        for effect in effects:
            match effect:
                case OpenSocket(number):
                    open_sockets.add(number)
                case CloseSocket(number):
                    open_sockets.discard(number)
                case Send(number, _):
                    assert number in open_sockets
        # One connection at a time, time goes forward, and the end is the end.
        assert len(open_sockets) <= 1
        assert client.machine.ts >= observed
        observed = client.machine.ts
        if client.state is State.ENDED:
            assert client.timers == {}
            assert not open_sockets
