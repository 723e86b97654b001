"""The life of a runtime in its core: phases, sources, and its ends (spec 06 §2, §3, §7)."""

import json

import pytest

from codex_runtime.errors import AppServerError, CodexRuntimeError, RemoteProtocolError
from codex_runtime.host.phases import LIFECYCLE, SOURCES, phase_of
from codex_runtime.host.steps import Close, Open
from support.core_desk import THREAD, TURN, Desk, thread_of, turn_of

NO_BINARY = AppServerError("E_CODEX_BINARY_MISSING", "there is none")
LATER = 100.0


def shown(desk):
    """The phases that were shown, each with its source, without repetitions."""
    return list(dict.fromkeys((state.phase, state.source) for state in desk.states))


def garbage(desk):
    """Have Codex say something that nobody can read."""
    desk.arrive(RemoteProtocolError("E_PROTOCOL_PAYLOAD_INVALID", "no JSON", raw=b"{"))


# The table.


def test_the_phases_are_those_of_the_specification():
    assert {phase_of(state) for state in LIFECYCLE.states} == {
        "idle",
        "starting",
        "running",
        "stopping",
        "stopped",
        "error",
    }
    assert set(SOURCES.values()) == {"runtime", "bridge_event", "protocol_error", "process_exit"}
    assert set(SOURCES) == set(LIFECYCLE.events)


@pytest.mark.parametrize("state", ["running", "troubled"])
@pytest.mark.parametrize(
    ("event", "after"),
    [("protocolError", "troubled"), ("event", "running"), ("exit", "failed"), ("stop", "stopping")],
)
def test_a_runtime_that_runs_can_be_troubled_recover_fail_and_stop(state, event, after):
    assert LIFECYCLE.move(state, event, "it") == after


def test_only_a_runtime_that_is_being_stopped_refuses_to_connect():
    refusing = []
    for state in LIFECYCLE.states:
        try:
            LIFECYCLE.move(state, "connect", "it")
        except CodexRuntimeError as refused:
            refusing.append((state, refused.code))
    assert refusing == [("stopping", "E_RUNTIME_STOPPING")]


def test_what_codex_does_after_the_end_changes_nothing():
    for event in ("exit", "protocolError", "event", "opened", "openFailed"):
        assert LIFECYCLE.move("stopped", event, "it") == "stopped"


# Connecting.


def test_a_runtime_begins_idle_and_asks_for_nothing():
    desk = Desk(connect=False)
    assert (desk.state.phase, desk.state.source, desk.state.running) == ("idle", "runtime", False)
    assert desk.waiting(Open) == []


def test_connecting_is_shown_from_its_beginning_to_its_end():
    desk = Desk(connect=False)
    ticket = desk.connect()
    assert not ticket.settled
    assert not desk.state.running
    desk.answer(Open)
    assert ticket.error is None
    assert shown(desk) == [("starting", "runtime"), ("running", "runtime")]
    assert desk.state.running


def test_connecting_again_changes_nothing_and_shows_the_state():
    desk = Desk()
    before = len(desk.states)
    ticket = desk.connect("another")
    assert ticket.settled
    assert len(desk.states) == before + 1
    assert desk.waiting(Open) == []
    assert desk.core.common.settings.session_id == "s"


@pytest.mark.parametrize("fails", [False, True])
def test_whoever_connects_meanwhile_waits_for_the_same_connection(fails):
    desk = Desk(connect=False)
    both = [desk.connect(), desk.connect()]
    assert not any(ticket.settled for ticket in both)
    assert len(desk.waiting(Open)) == 1
    desk.answer(Open, NO_BINARY if fails else None)
    assert [ticket.error for ticket in both] == [NO_BINARY if fails else None] * 2


def test_a_connection_that_fails_is_an_error_and_can_be_tried_again():
    desk = Desk(connect=False)
    assert desk.connect().settled is False
    desk.answer(Open, NO_BINARY)
    state = desk.state
    assert (state.phase, state.running) == ("error", False)
    assert state.last_error_code == "E_CODEX_BINARY_MISSING"
    desk.connect()
    assert (desk.state.phase, desk.state.last_error) == ("starting", None)
    desk.answer(Open)
    assert desk.state.phase == "running"


def test_a_connection_after_another_one_counts_from_the_beginning():
    desk = Desk()
    desk.opened()
    desk.completed()
    assert desk.state.ingest_metrics.enqueued_event_count == 1
    desk.exit()
    desk.connect()
    desk.answer(Open)
    assert desk.state.ingest_metrics.enqueued_event_count == 0
    assert desk.state.runtime_conversation_id is None


# What goes wrong and is survived.


def test_what_cannot_be_read_is_shown_and_survived():
    desk = Desk()
    garbage(desk)
    state = desk.state
    assert (state.phase, state.source, state.running) == ("error", "protocol_error", True)
    assert (state.last_error_code, len(desk.reports)) == ("E_PROTOCOL_PAYLOAD_INVALID", 1)
    assert desk.opened().settled


@pytest.mark.parametrize("code", ["E_PROTOCOL_RESPONSE_UNKNOWN", "E_PROTOCOL_RESPONSE_DUPLICATE"])
def test_an_answer_that_nobody_waits_for_is_reported_and_changes_nothing(code):
    desk = Desk()
    before = desk.state
    desk.arrive(RemoteProtocolError(code, "a response names request 7", raw=b'{"id":7}'))
    assert desk.state == before
    assert len(desk.reports) == 1


def test_a_runtime_runs_again_with_the_next_thing_that_can_be_read():
    desk = Desk()
    garbage(desk)
    desk.hear("account/updated")
    state = desk.state
    assert (state.phase, state.source) == ("running", "bridge_event")
    assert (state.last_error_code, state.last_error) == (None, None)


@pytest.mark.parametrize(
    "params",
    [
        {"threadId": THREAD, "turnId": TURN, "tokenUsage": 7},
        {"threadId": THREAD, "turnId": TURN, "tokenUsage": {"total": [1]}},
    ],
)
def test_an_event_that_makes_no_sense_is_reported_and_the_next_one_is_taken(params):
    desk = Desk()
    desk.opened()
    desk.sent()
    desk.hear("thread/tokenUsage/updated", **params)
    assert desk.state.last_error_code == "E_RUNTIME_PROTOCOL_EVENT_INVALID"
    ((message, line),) = desk.reports
    assert 'Failed to process event "thread/tokenUsage/updated"' in message
    assert json.loads(line)["params"] == params
    desk.completed()
    assert not desk.state.turn_in_flight


def test_token_usage_is_kept_with_the_window_of_its_model():
    desk = Desk()
    desk.opened()
    turn_id = desk.sent()
    usage = {"total": {"totalTokens": 7, "inputTokens": 5}, "last": {"outputTokens": 2}}
    usage["modelContextWindow"] = 1_000
    desk.hear("thread/tokenUsage/updated", threadId=THREAD, turnId=TURN, tokenUsage=usage)
    (kept,) = desk.args_of("upsert_token_usage")
    assert (kept.turn_id, kept.model_context_window) == (turn_id, 1_000)
    assert (kept.total_tokens, kept.input_tokens, kept.last_output_tokens) == (7, 5, 2)


# The end of Codex.


def test_the_end_of_codex_is_shown_with_its_exit_code_and_everything_is_forgotten():
    desk = Desk()
    desk.opened()
    desk.sent()
    desk.exit(3)
    state = desk.state
    assert (state.phase, state.source, state.running) == ("error", "process_exit", False)
    assert (state.last_error_code, state.last_error) == (None, "codex exited with code 3")
    assert (state.runtime_conversation_id, state.turn_in_flight) == (None, False)


def test_an_end_without_an_exit_code_is_shown_as_unknown():
    desk = Desk()
    desk.exit(None)
    assert desk.state.last_error == "codex exited with code unknown"


def test_the_turn_in_flight_fails_with_codex_behind_everything_it_has_said():
    desk = Desk()
    desk.opened()
    turn_id = desk.sent()
    desk.hear("turn/diff/updated", threadId=THREAD, turnId=TURN, diff="")
    desk.exit()
    (failed,) = desk.args_of("turn_failed")
    assert failed.dispatch_id == f"{turn_id}-dispatch"
    assert failed.code == "E_APP_SERVER_GONE"
    assert desk.kept.index("ingest") < desk.kept.index("turn_failed")


def test_a_turn_that_codex_may_have_had_is_said_to_be_unknown():
    desk = Desk()
    desk.opened()
    ticket = desk.send()
    desk.exit()
    assert ticket.code == "E_APP_SERVER_GONE"
    (failed,) = desk.args_of("turn_failed")
    assert failed.code == "E_TURN_OUTCOME_UNKNOWN"


def test_whoever_waits_for_codex_is_told_that_it_is_gone():
    desk = Desk()
    waiting = [desk.open(), desk.begin(desk.core.requests.listed())]
    desk.exit()
    assert waiting[0].code == "E_APP_SERVER_GONE"
    assert waiting[0].error.exit_code == 1
    assert all(ticket.settled for ticket in waiting)


def test_what_is_held_back_when_codex_ends_is_taken_first():
    desk = Desk()
    desk.opened()
    desk.open("resume", THREAD)
    desk.started()
    desk.completed()
    desk.exit()
    deltas = [delta for batch in desk.args_of("ingest") for delta in batch.deltas]
    assert [delta.kind for delta in deltas] == ["turn/started", "turn/completed"]


def test_an_end_that_was_wanted_is_no_error():
    desk = Desk()
    desk.exit(0, requested=True)
    assert desk.state.phase == "running"


# Stopping.


def test_stopping_is_shown_from_its_beginning_to_its_end():
    desk = Desk()
    desk.states.clear()
    assert desk.stop().error is None
    assert shown(desk) == [("stopping", "runtime"), ("stopped", "runtime")]
    state = desk.state
    assert (state.running, state.last_error, state.turn_in_flight) == (False, None, False)


@pytest.mark.parametrize("before", ["idle", "starting", "failed", "exited", "troubled"])
def test_a_runtime_stops_from_every_phase_and_can_be_connected_again(before):
    desk = Desk(connect=before not in ("idle", "starting", "failed"))
    connecting = None
    if before in ("starting", "failed"):
        connecting = desk.connect()
    if before == "failed":
        desk.answer(Open, NO_BINARY)
    elif before == "exited":
        desk.exit()
    elif before == "troubled":
        garbage(desk)
    assert desk.stop().error is None
    assert desk.state.phase == "stopped"
    if before == "starting":
        assert connecting.code == "E_RUNTIME_STOPPED"
        desk.answer(Open)
        assert desk.state.phase == "stopped"
    desk.connect()
    desk.answer(Open)
    assert desk.state.phase == "running"


def test_stopping_what_has_stopped_shows_nothing():
    desk = Desk()
    desk.stop()
    desk.states.clear()
    assert desk.stop().error is None
    assert desk.states == []


def test_stopping_interrupts_the_turn_in_flight_and_it_ends_as_interrupted():
    desk = Desk()
    desk.opened()
    desk.sent()
    stopped = desk.stop()
    assert desk.params("turn/interrupt") == {"threadId": THREAD, "turnId": TURN}
    desk.answer("turn/interrupt")
    assert stopped.settled
    (told,) = desk.args_of("turn_cancelled")
    assert told.reason == "the runtime was stopped"


def test_a_turn_that_ends_while_the_runtime_stops_ends_as_codex_says():
    desk = Desk()
    desk.opened()
    desk.sent()
    stopped = desk.stop()
    desk.completed()
    desk.answer("turn/interrupt", AppServerError("E_APP_SERVER_GONE", "it ended"))
    assert stopped.settled
    assert "turn_completed" in desk.kept
    assert "turn_cancelled" not in desk.kept


def test_no_other_turn_begins_while_the_runtime_stops():
    desk = Desk()
    desk.opened()
    desk.sent()
    desk.slow.add("close")
    desk.persistence.wait("another runtime's")
    claims = len(desk.args_of("claim_turn"))
    desk.stop()
    desk.completed(status="interrupted")
    desk.answer("turn/interrupt")
    assert desk.asks == []
    assert len(desk.args_of("claim_turn")) == claims


def test_whoever_waits_is_told_at_once_that_the_runtime_stops():
    desk = Desk()
    desk.opened()
    sending = desk.send()
    desk.slow.add("close")
    desk.stop()
    assert sending.code == "E_RUNTIME_STOPPED"
    assert desk.send().code == "E_RUNTIME_STOPPING"
    assert desk.connect().code == "E_RUNTIME_STOPPING"


def test_a_codex_that_does_not_answer_is_left_to_itself_after_a_while():
    desk = Desk()
    desk.opened()
    desk.sent()
    stopped = desk.stop()
    desk.pass_time(LATER)
    assert stopped.code == "E_RUNTIME_STOP_TIMEOUT"
    assert desk.state.phase == "stopped"


def test_a_connection_that_does_not_close_is_told_and_the_runtime_is_stopped():
    desk = Desk()
    desk.slow.add("close")
    stopped = desk.stop()
    late = CodexRuntimeError("E_RUNTIME_STOP_TIMEOUT", "the connection did not close")
    desk.answer(Close, late)
    assert stopped.error is late
    assert desk.state.phase == "stopped"


def test_what_waits_to_be_kept_is_kept_before_the_runtime_is_stopped():
    desk = Desk()
    desk.opened()
    desk.sent()
    desk.hear("turn/diff/updated", threadId=THREAD, turnId=TURN, diff="")
    desk.completed()
    desk.stop()
    kinds = [delta.kind for batch in desk.args_of("ingest") for delta in batch.deltas]
    assert kinds[-1] == "turn/completed"
    assert desk.state.ingest_metrics.waiting_event_count == 0


@pytest.mark.parametrize("how", ["broken", "silent"])
def test_a_persistence_that_takes_nothing_is_told_and_what_waits_waits_on(how):
    desk = Desk()
    desk.opened()
    desk.sent()
    down = CodexRuntimeError("E_PERSISTENCE_UNREACHABLE", "no line")
    if how == "broken":
        desk.broken["ingest"] = down
    else:
        desk.slow.add("ingest")
    desk.completed()
    stopped = desk.stop()
    for _ in range(10):
        if not stopped.settled:
            desk.pass_time(LATER)
    assert stopped.code == "E_RUNTIME_INGEST_FLUSH_FAILED"
    assert desk.state.phase == "stopped"
    assert desk.state.ingest_metrics.waiting_event_count > 0
    desk.broken.clear()
    desk.slow.clear()
    desk.connect()
    desk.answer(Open)
    kinds = [delta.kind for batch in desk.args_of("ingest") for delta in batch.deltas]
    assert kinds[-1] == "turn/completed"
    assert desk.state.ingest_metrics.waiting_event_count == 0


def test_codex_may_end_late_after_the_runtime_was_stopped():
    desk = Desk()
    desk.stop()
    desk.exit()
    assert (desk.state.phase, desk.state.last_error) == ("stopped", None)


def test_nothing_is_under_way_when_the_runtime_is_stopped():
    desk = Desk()
    desk.opened()
    desk.sent()
    desk.open("resume", THREAD)
    stopped = desk.stop()
    desk.answer("turn/interrupt")
    assert stopped.settled
    assert len(desk.core.common.flows) == 0


def test_an_end_that_was_broken_off_is_an_end():
    desk = Desk()
    desk.opened()
    desk.sent()
    desk.slow.add("close")
    desk.stop()
    desk.core.end()
    assert desk.state.phase == "stopped"
    assert (desk.state.turn_in_flight, desk.state.running) == (False, False)
    assert len(desk.core.common.flows) == 0
    desk.connect()
    desk.answer(Open)
    desk.open(pin="c")
    desk.answer("thread/start", thread_of())
    ticket = desk.send()
    desk.answer("turn/start", turn_of())
    assert ticket.error is None
