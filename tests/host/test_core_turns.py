"""Turns in the core of the runtime: one at a time, the right one, each to its end (spec 06 §6)."""

import pytest

from codex_runtime.errors import AppServerError, RequestFailedError
from codex_runtime.host.steps import Keep, Sleep
from support.core_desk import NEXT, OTHER, THREAD, TURN, Desk, thread_of, turn_of

LATER = 100.0
"""Seconds: longer than whatever the runtime waits for."""


def endings(desk):
    """How dispatches were told to have ended."""
    kinds = {"turn_completed", "turn_failed", "turn_cancelled"}
    return [operation for operation in desk.kept if operation in kinds]


def in_flight(**known):
    desk = Desk(**known)
    desk.opened()
    return desk, desk.sent()


def test_a_turn_is_accepted_claimed_sent_started_and_completed_in_this_order():
    desk, turn_id = in_flight()
    assert desk.state.turn_id == turn_id
    desk.completed()
    assert not desk.state.turn_in_flight
    told = [name for name in desk.kept if name.endswith("turn") or name.startswith("turn_")]
    looked = ["claim_turn"]
    sent = ["accept_turn", "claim_turn", "turn_started"]
    assert told == looked + sent + ["turn_completed"] + looked


def test_codex_is_given_the_dispatch_and_what_the_turn_is_to_run_with():
    desk = Desk()
    desk.opened()
    desk.send("hi", model="m", effort="low", cwd="/w", approval_policy="never")
    params = desk.params("turn/start")
    (accepted,) = desk.args_of("accept_turn")
    assert params == {
        "threadId": THREAD,
        "input": [{"type": "text", "text": "hi", "text_elements": []}],
        "clientUserMessageId": accepted.dispatch_id,
        "model": "m",
        "effort": "low",
        "cwd": "/w",
        "approvalPolicy": "never",
    }


def test_two_turns_sent_at_once_are_one_turn_and_one_refusal():
    desk = Desk()
    desk.opened()
    desk.slow.add("accept_turn")
    first, second = desk.send("one"), desk.send("two")
    assert second.code == "E_RUNTIME_DISPATCH_TURN_IN_FLIGHT"
    desk.answer("accept_turn")
    desk.answer("turn/start", turn_of())
    assert first.error is None
    assert len(desk.args_of("accept_turn")) == 1


def test_a_turn_is_refused_while_the_one_of_somebody_else_is_in_flight():
    desk = Desk()
    desk.opened()
    desk.started()
    assert desk.state.turn_id == TURN
    assert desk.send().code == "E_RUNTIME_DISPATCH_TURN_IN_FLIGHT"
    desk.completed()
    assert desk.send().settled is False


def test_a_turn_that_goes_on_when_its_thread_is_opened_is_in_flight():
    desk = Desk()
    desk.open("resume", THREAD, pin="c")
    desk.answer("thread/resume", thread_of(turns=[turn_of()["turn"]]))
    assert desk.state.turn_in_flight
    assert desk.send().code == "E_RUNTIME_DISPATCH_TURN_IN_FLIGHT"
    desk.completed()
    assert not desk.state.turn_in_flight


def test_a_turn_that_somebody_begins_while_ours_is_claimed_is_never_steered_by_it():
    desk = Desk()
    desk.opened()
    desk.slow.add("claim_turn")
    ticket = desk.send()
    desk.started()
    desk.slow.clear()
    desk.answer("claim_turn")
    assert ticket.code == "E_RUNTIME_DISPATCH_TURN_IN_FLIGHT"
    assert desk.asks == []
    (failed,) = desk.args_of("turn_failed")
    assert failed.code == "E_RUNTIME_DISPATCH_TURN_IN_FLIGHT"


def test_a_turn_that_codex_has_put_into_another_ones_is_said_to_be_so():
    desk = Desk()
    desk.opened()
    ticket = desk.send()
    desk.answer("turn/start", turn_of())
    desk.started()
    desk.said_by_user("another client's")
    (failed,) = desk.args_of("turn_failed")
    assert failed.code == "E_TURN_STEERED"
    assert failed.dispatch_id == f"{ticket.value.turn_id}-dispatch"
    assert desk.state.turn_id == TURN
    assert desk.state.last_error_code == "E_TURN_STEERED"
    desk.completed()
    assert not desk.state.turn_in_flight
    assert endings(desk) == ["turn_failed"]


def test_a_turn_that_begins_with_what_was_sent_is_ours():
    desk = Desk()
    desk.opened()
    ticket = desk.send()
    desk.answer("turn/start", turn_of())
    desk.started()
    desk.said_by_user(f"{ticket.value.turn_id}-dispatch")
    desk.said_by_user("what a steer has said")
    desk.completed()
    assert endings(desk) == ["turn_completed"]


def test_what_is_said_before_the_answer_that_names_the_turn_counts_after_it():
    desk = Desk()
    desk.opened()
    ticket = desk.send()
    desk.started()
    desk.completed()
    assert desk.state.turn_in_flight
    desk.answer("turn/start", turn_of())
    assert not desk.state.turn_in_flight
    assert endings(desk) == ["turn_completed"]
    (started,) = desk.args_of("turn_started")
    assert started.dispatch_id == f"{ticket.value.turn_id}-dispatch"
    assert desk.kept.index("turn_started") < desk.kept.index("turn_completed")


def test_everything_of_a_turn_is_kept_under_its_persisted_id():
    desk = Desk()
    desk.opened()
    ticket = desk.send()
    desk.started()
    desk.answer("turn/start", turn_of())
    desk.completed()
    deltas = [delta for batch in desk.args_of("ingest") for delta in batch.deltas]
    assert {delta.turn_id for delta in deltas} == {ticket.value.turn_id}
    assert [delta.kind for delta in deltas] == ["turn/started", "turn/completed"]


def test_an_error_that_is_tried_again_does_not_end_a_turn():
    desk, _ = in_flight()
    error = {"message": "Reconnecting... 1/5"}
    desk.hear("error", threadId=THREAD, turnId=TURN, willRetry=True, error=error)
    desk.pass_time(LATER)
    assert desk.state.turn_in_flight


def test_an_error_that_ends_a_turn_is_followed_by_its_end():
    desk, _ = in_flight()
    desk.hear("error", threadId=THREAD, turnId=TURN, willRetry=False, error={"message": "boom"})
    assert desk.state.turn_in_flight
    desk.completed(status="failed", error={"message": "boom"})
    (failed,) = desk.args_of("turn_failed")
    assert (failed.code, failed.reason) == ("E_TURN_FAILED", "boom")
    desk.pass_time(LATER)
    assert endings(desk) == ["turn_failed"]


def test_an_error_whose_end_never_comes_ends_the_turn_after_a_while():
    desk, _ = in_flight()
    desk.hear("error", threadId=THREAD, turnId=TURN, willRetry=False, error={"message": "boom"})
    desk.pass_time(LATER)
    assert not desk.state.turn_in_flight
    assert endings(desk) == ["turn_failed"]


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        ({"status": "completed"}, "turn_completed"),
        ({"status": "interrupted"}, "turn_cancelled"),
        ({"status": "failed", "error": {"message": "no"}}, "turn_failed"),
        ({"status": "somethingNew"}, "turn_failed"),
        ({}, "turn_failed"),
    ],
)
def test_a_turn_ends_as_codex_says(ended, told):
    desk, _ = in_flight()
    desk.hear("turn/completed", threadId=THREAD, turn={"id": TURN, **ended})
    assert endings(desk) == [told]
    assert not desk.state.turn_in_flight


def test_an_end_without_a_turn_is_reported_and_the_turn_in_flight_fails():
    desk, _ = in_flight()
    desk.hear("turn/completed", threadId=THREAD)
    assert not desk.state.turn_in_flight
    assert endings(desk) == ["turn_failed"]


def test_the_end_of_another_turn_ends_nothing():
    desk, _ = in_flight()
    desk.completed(NEXT)
    desk.completed(TURN, thread=OTHER)
    assert desk.state.turn_in_flight


def test_an_item_that_ends_after_its_turn_is_kept_with_it():
    desk, turn_id = in_flight()
    desk.completed()
    item = {"type": "commandExecution", "id": "x", "status": "completed"}
    desk.hear("item/completed", threadId=THREAD, turnId=TURN, item=item)
    desk.pass_time(LATER)
    late = [delta for batch in desk.args_of("ingest") for delta in batch.deltas][-1]
    assert (late.kind, late.turn_id) == ("item/completed", turn_id)


def test_a_turn_that_codex_refuses_fails_with_its_reason_and_the_next_can_be_sent():
    desk = Desk()
    desk.opened()
    first = desk.send("one")
    desk.answer("turn/start", RequestFailedError("turn/start", -32600, "no such model"))
    assert first.code == "E_TURN_START_FAILED"
    (failed,) = desk.args_of("turn_failed")
    assert failed.code == "E_TURN_START_FAILED"
    assert "no such model" in failed.reason
    desk.sent(text="two")


def test_a_turn_whose_sending_nobody_has_acknowledged_keeps_its_place_for_a_while():
    desk = Desk()
    desk.opened()
    lost = AppServerError("E_APP_SERVER_REQUEST_TIMEOUT", "turn/start was not answered")
    ticket = desk.send()
    desk.answer("turn/start", lost)
    assert ticket.error is lost
    assert desk.send().code == "E_RUNTIME_DISPATCH_TURN_IN_FLIGHT"
    desk.started()
    desk.completed()
    assert endings(desk) == ["turn_completed"]


def test_a_turn_of_which_nothing_is_ever_heard_gives_its_place_up():
    desk = Desk()
    desk.opened()
    desk.send()
    desk.answer("turn/start", AppServerError("E_APP_SERVER_REQUEST_TIMEOUT", "no answer"))
    desk.pass_time(LATER)
    assert not desk.state.turn_in_flight
    # Whether Codex had it is found out by whoever claims it next.
    assert endings(desk) == []


def test_a_turn_that_cannot_be_claimed_is_failed_and_refused():
    desk = Desk()
    desk.opened()
    desk.broken["claim_turn"] = RequestFailedError("claim", 1, "no")
    ticket = desk.send()
    assert ticket.error is desk.broken["claim_turn"]
    (failed,) = desk.args_of("fail_turn")
    assert failed.code == "E_TURN_DISPATCH_CLAIM_FAILED"
    assert not desk.state.turn_in_flight


def test_a_turn_that_is_not_accepted_leaves_the_place_free():
    desk = Desk()
    desk.opened()
    desk.broken["accept_turn"] = RequestFailedError("accept", 1, "no")
    assert desk.send().error is desk.broken["accept_turn"]
    desk.broken.clear()
    desk.sent()


def test_the_next_turn_waits_until_it_is_written_down_how_the_last_one_ended():
    desk, _ = in_flight()
    desk.slow.add("turn_completed")
    desk.completed()
    ticket = desk.send("two")
    assert desk.asks == []
    desk.slow.clear()
    desk.answer("turn_completed")
    assert desk.asks == ["turn/start"]
    desk.answer("turn/start", turn_of(NEXT))
    assert ticket.error is None


def test_the_claim_of_a_turn_is_renewed_while_it_runs():
    desk, _ = in_flight()
    for _ in range(3):
        desk.pass_time(LATER)
    assert len(desk.args_of("turn_started")) == 4
    desk.completed()
    desk.pass_time(LATER)
    assert len(desk.args_of("turn_started")) == 4


# Interrupting and steering.


def test_an_interrupt_reaches_the_turn_in_flight_under_codexs_own_id():
    desk, _ = in_flight()
    ticket = desk.begin(desk.core.turns.current.interrupt())
    assert desk.params("turn/interrupt") == {"threadId": THREAD, "turnId": TURN}
    desk.answer("turn/interrupt")
    assert ticket.error is None
    assert desk.state.turn_in_flight
    desk.completed(status="interrupted")
    assert endings(desk) == ["turn_cancelled"]


@pytest.mark.parametrize("answered", [False, True])
def test_an_interrupt_that_comes_before_the_turn_has_begun_waits_for_that(answered):
    desk = Desk()
    desk.opened()
    desk.send()
    if answered:
        desk.answer("turn/start", turn_of())
    assert desk.begin(desk.core.turns.current.interrupt()).error is None
    assert "turn/interrupt" not in desk.asks
    if not answered:
        desk.answer("turn/start", turn_of())
    desk.started()
    assert desk.asks == ["turn/interrupt"]


def test_a_second_interrupt_that_is_never_answered_hurts_nobody():
    desk, _ = in_flight()
    desk.begin(desk.core.turns.current.interrupt())
    desk.answer("turn/interrupt")
    second = desk.begin(desk.core.turns.current.interrupt())
    desk.answer("turn/interrupt", AppServerError("E_APP_SERVER_REQUEST_TIMEOUT", "no answer"))
    assert second.error is None


def test_an_interrupt_that_comes_too_late_is_none():
    desk, _ = in_flight()
    ticket = desk.begin(desk.core.turns.current.interrupt())
    desk.completed()
    refused = RequestFailedError("turn/interrupt", -32600, "no active turn to interrupt")
    desk.answer("turn/interrupt", refused)
    assert ticket.error is None


def test_an_interrupt_without_a_turn_does_nothing_now_or_later():
    desk = Desk()
    desk.opened()
    assert desk.begin(desk.core.turns.current.interrupt()).error is None
    desk.sent()
    assert desk.asks == []


def test_an_interrupt_of_a_turn_that_failed_to_start_does_not_reach_the_next_one():
    desk = Desk()
    desk.opened()
    desk.send("one")
    desk.begin(desk.core.turns.current.interrupt())
    desk.answer("turn/start", RequestFailedError("turn/start", 500, "no"))
    desk.sent(text="two")
    assert desk.asks == []


def test_a_steer_reaches_the_turn_in_flight_under_codexs_own_id():
    desk, turn_id = in_flight()
    desk.begin(desk.core.turns.current.steer("more", turn_id))
    params = desk.params("turn/steer")
    assert (params["threadId"], params["expectedTurnId"]) == (THREAD, TURN)


def test_a_steer_is_refused_where_there_is_nothing_to_steer():
    desk = Desk()
    assert (
        desk.begin(desk.core.turns.current.steer("x", None)).code == "E_RUNTIME_NO_TURN_IN_FLIGHT"
    )
    desk.opened()
    desk.send()
    assert desk.begin(desk.core.turns.current.steer("x", None)).code == "E_RUNTIME_TURN_ID_UNKNOWN"
    desk.answer("turn/start", turn_of())
    assert desk.begin(desk.core.turns.current.steer("x", None)).code == "E_RUNTIME_TURN_ID_UNKNOWN"
    desk.started()
    assert desk.begin(desk.core.turns.current.steer("x", TURN)).code == "E_RUNTIME_STEER_MISMATCH"
    assert desk.asks == []


def test_a_core_without_a_connection_steers_nothing_and_sends_nothing():
    desk = Desk(connect=False)
    assert desk.begin(desk.core.turns.current.steer("x", None)).code == "E_RUNTIME_NOT_CONNECTED"
    assert desk.send().code == "E_RUNTIME_NOT_CONNECTED"
    assert desk.begin(desk.core.turns.current.interrupt()).error is None
    assert desk.waiting(Keep) == desk.waiting(Sleep) == []
