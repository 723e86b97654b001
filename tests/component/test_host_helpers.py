"""Helpers of hosts and adapters: events, statistics, errors (spec 05 §5, §8; 01 §8; 12 §1, §12)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_fakes.component.host.answers import (
    data_hygiene,
    durable_history_stats,
    persistence_stats,
)
from codex_runtime.contract.classification import (
    classify_thread_read_error,
    code_of,
    has_recoverable_ingest_errors,
    is_recoverable_ingest_error,
    is_session_forbidden,
    is_thread_forbidden,
    is_thread_missing,
    is_turn_not_found,
    message_of,
)
from codex_runtime.contract.inbound import normalize_inbound_deltas, split_inbound_deltas
from codex_runtime.contract.shapes import to_value
from codex_runtime.errors import ContractError
from codex_runtime.values import ConvexError
from support.host import Host, Stream, lifecycle

DELTA = Stream().turn_started()
EVENT = lifecycle("turn/started", {}, turn="turn-1")


def test_events_are_read_and_what_no_event_has_is_left_out():
    given_events = [{**DELTA, "surplus": 1}, {**EVENT, "streamId": "none of its own"}]
    assert [to_value(event) for event in normalize_inbound_deltas(given_events)] == [DELTA, EVENT]


def test_events_are_parted_into_streams_and_lifecycle():
    deltas, events = split_inbound_deltas(normalize_inbound_deltas([DELTA, EVENT]))
    assert ([to_value(one) for one in deltas], [to_value(one) for one in events]) == (
        [DELTA],
        [EVENT],
    )


def test_what_was_normalized_can_be_ingested_as_it_is():
    host = Host()
    thread = host.conversation()
    events = [to_value(event) for event in normalize_inbound_deltas([{**DELTA, "surplus": 1}])]
    assert host.ingest(thread, *events)["status"] == "ok"


def test_a_payload_may_be_empty_and_a_turn_of_an_event_that_is_no_text_is_dropped():
    [delta, event] = normalize_inbound_deltas(
        [{**DELTA, "payloadJson": ""}, {**EVENT, "turnId": None}]
    )
    assert delta.payload_json == ""
    assert "turnId" not in to_value(event)


@pytest.mark.parametrize("field", ["eventId", "turnId", "streamId", "kind", "payloadJson"])
@pytest.mark.parametrize("wrong", [None, 1, [], ..., True])
def test_a_delta_with_a_text_that_is_none_is_refused_by_its_place(field, wrong):
    broken = {**DELTA, field: wrong}
    if wrong is ...:
        del broken[field]
    assert "invalid stream_delta at index 1" in _refused([DELTA, broken])


@pytest.mark.parametrize("field", ["eventId", "turnId", "streamId", "kind"])
def test_a_delta_with_an_empty_name_is_refused(field):
    assert field in _refused([{**DELTA, field: ""}])


@pytest.mark.parametrize("field", ["cursorStart", "cursorEnd", "createdAt"])
@pytest.mark.parametrize(
    "wrong", [float("nan"), float("inf"), float("-inf"), 10**400, "1", None, True]
)
def test_a_delta_with_a_number_that_is_none_is_refused(field, wrong):
    assert field in _refused([{**DELTA, field: wrong}])


@pytest.mark.parametrize("field", ["eventId", "kind", "payloadJson", "createdAt"])
def test_a_lifecycle_event_that_lacks_something_is_refused_by_its_place(field):
    broken = {name: value for name, value in EVENT.items() if name != field}
    assert "invalid lifecycle_event at index 2" in _refused([DELTA, EVENT, broken])


@pytest.mark.parametrize("wrong", [{}, {"type": "other"}, {"type": []}, None, "text", 3, []])
def test_an_event_of_no_known_type_is_refused_by_its_place(wrong):
    assert "unknown event type at index 0" in _refused([wrong])


@given(st.lists(st.one_of(st.just(DELTA), st.just(EVENT)), max_size=6))
def test_events_keep_their_order(events):
    normalized = normalize_inbound_deltas(events)
    assert [to_value(event) for event in normalized] == events
    deltas, others = split_inbound_deltas(normalized)
    assert len(deltas) + len(others) == len(events)


def _refused(events):
    with pytest.raises(ContractError) as refused:
        normalize_inbound_deltas(events)
    assert refused.value.code == "E_INGEST_EVENT_INVALID"
    return str(refused.value)


def test_statistics_leave_out_rows_that_are_none():
    stat = {"streamId": "stream-1", "deltaCount": 2, "latestCursor": 4}
    wrong = [None, 3, {}, {**stat, "deltaCount": "2"}, {**stat, "streamId": 1}]
    assert persistence_stats({"streamStats": [stat, *wrong]}) == {
        "streamCount": 1,
        "deltaCount": 2,
        "latestCursorByStream": [{"streamId": "stream-1", "cursor": 4}],
    }


def test_the_latest_five_of_six_messages_are_shown_in_their_order():
    messages = [
        {"messageId": f"m{n}", "turnId": "t", "role": "user", "status": "completed", "text": "x"}
        for n in range(6)
    ]
    told = durable_history_stats({"recentMessages": [{**one, "createdAt": 1} for one in messages]})
    assert told == {"messageCountInPage": 6, "latest": messages[:5]}


def test_stats_whose_streams_are_gone_are_orphans():
    state = {
        "allStreams": [{"streamId": "stream-1"}],
        "streamStats": [{"streamId": "stream-1"}, {"streamId": "stream-orphan"}],
    }
    assert data_hygiene(state) == {
        "scannedStreamStats": 2,
        "streamStatOrphans": 1,
        "orphanStreamIds": ["stream-orphan"],
    }


@pytest.mark.parametrize("counted", [persistence_stats, durable_history_stats, data_hygiene])
@pytest.mark.parametrize("state", [{}, {"streamStats": None}, {"recentMessages": "no rows"}])
def test_statistics_of_nothing_are_zero(counted, state):
    assert all(value in (0, []) for value in counted(state).values())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("[E_AUTH_THREAD_FORBIDDEN] authorization failed", "E_AUTH_THREAD_FORBIDDEN"),
        ("plain error", None),
        (ValueError("[E_X_1] text"), "E_X_1"),
        (ContractError("E_TURN_NOT_FOUND", "gone"), "E_TURN_NOT_FOUND"),
        (ConvexError({"code": "E_TURN_NOT_FOUND", "message": "[E_OTHER] x"}), "E_TURN_NOT_FOUND"),
        (ConvexError({"code": 3}), None),
        (ConvexError("[E_SAID] in text"), "E_SAID"),
        (ConvexError(None), None),
        ("", None),
        (None, None),
        (3, None),
    ],
)
def test_the_code_of_an_error_is_found_in_its_data_then_in_its_text(error, code):
    assert code_of(error) == code


@pytest.mark.parametrize(
    "text",
    [
        "Uncaught Error: [E_THREAD_NOT_FOUND] Thread not found: t",
        "[Request ID: 0123456789abcdef] Server Error\nUncaught Error: [E_THREAD_NOT_FOUND] gone",
    ],
)
def test_a_code_is_found_behind_what_a_backend_puts_before_it(text):
    assert is_thread_missing(text)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ("Thread not found for scope: thread-1", "missing_thread", "E_THREAD_NOT_FOUND"),
        ("[E_SYNC_SESSION_NOT_FOUND] missing thread", "missing_thread", "E_THREAD_NOT_FOUND"),
        ("[E_THREAD_NOT_FOUND] x", "missing_thread", "E_THREAD_NOT_FOUND"),
        (
            "[E_AUTH_THREAD_FORBIDDEN] authorization failed",
            "forbidden_thread",
            "E_AUTH_THREAD_FORBIDDEN",
        ),
        (
            "[E_AUTH_SESSION_FORBIDDEN] authorization failed",
            "forbidden_session",
            "E_AUTH_SESSION_FORBIDDEN",
        ),
        (
            "[E_AUTH_THREAD_FORBIDDEN] Thread not found: t",
            "missing_thread",
            "E_THREAD_NOT_FOUND",
        ),
    ],
)
def test_an_error_of_a_read_says_what_is_the_matter(error, status, code):
    for given_error in (error, RuntimeError(error)):
        problem = classify_thread_read_error(given_error)
        assert (problem.thread_status, problem.code) == (status, code)
        assert problem.message == error
        assert is_thread_missing(given_error) is (status == "missing_thread")
        assert is_thread_forbidden(given_error) is (status == "forbidden_thread")
        assert is_session_forbidden(given_error) is (status == "forbidden_session")


@pytest.mark.parametrize("error", ["other", "[E_TURN_NOT_FOUND] Turn not found: t", None, ""])
def test_any_other_error_is_left_to_the_caller(error):
    assert classify_thread_read_error(error) is None


def test_the_text_of_an_error_is_that_of_its_data():
    error = ConvexError({"code": "E_X", "message": "[E_X] what a person reads"})
    assert message_of(error) == "[E_X] what a person reads"
    assert message_of("text") == "text"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("Turn not found: turn-123", True),
        ("[E_TURN_NOT_FOUND] no such turn", True),
        (ContractError("E_TURN_NOT_FOUND", "gone"), True),
        ("Thread not found", False),
        ("other", False),
    ],
)
def test_a_turn_that_is_not_there_is_told_from_everything_else(error, expected):
    assert is_turn_not_found(error) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ([{"code": "SESSION_NOT_FOUND", "recoverable": False}], True),
        ([{"code": "UNKNOWN", "recoverable": False}], False),
        ([{"recoverable": True}], True),
        ([], False),
        ({"code": "E_SYNC_SESSION_THREAD_MISMATCH"}, True),
        ({"code": "OUT_OF_ORDER"}, False),
        ("[E_SYNC_SESSION_NOT_FOUND] missing session", True),
        ("[E_SYNC_OUT_OF_ORDER] gap", False),
        (ConvexError({"code": "E_SYNC_SESSION_NOT_FOUND"}), True),
        (None, False),
        ([None, {"recoverable": True}], True),
    ],
)
def test_an_error_that_binding_the_session_helps_against_is_recoverable(error, expected):
    assert is_recoverable_ingest_error(error) is expected


@pytest.mark.parametrize(
    ("flags", "expected"), [([False, False], False), ([False, True], True), ([], False)]
)
def test_one_recoverable_error_among_several_is_enough(flags, expected):
    errors = [{"code": "UNKNOWN", "recoverable": flag} for flag in flags]
    assert has_recoverable_ingest_errors(errors) is expected
