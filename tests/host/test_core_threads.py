"""Threads in the core: what is opened, what it is kept as, and when it changes (spec 06 §5)."""

import pytest

from codex_runtime.contract.endpoints.runtime_owned import AcceptTurnSendArgs
from codex_runtime.errors import RequestFailedError
from support.core_desk import ACTOR, NEXT, OTHER, THREAD, TURN, Desk, thread_of, turn_of

REFUSED = RequestFailedError("thread/resume", -32600, "no rollout found")


def identity(desk):
    """What is open: Codex's thread, and the conversation it is kept in."""
    state = desk.state
    return state.runtime_conversation_id, state.conversation_id


def resume(desk, thread, *, pin=None):
    ticket = desk.open("resume", thread, pin=pin)
    desk.answer("thread/resume", thread_of(thread))
    return ticket


def bindings(desk):
    """The conversations that were bound, each with its thread of Codex's."""
    return [
        (args.conversation_id, args.runtime_conversation_id)
        for args in desk.args_of("ensure_thread")
    ]


# The identity-switch table, line by line.


def test_the_first_thread_is_its_own_conversation():
    desk = Desk()
    resume(desk, THREAD)
    assert identity(desk) == (THREAD, THREAD)
    assert bindings(desk) == [(THREAD, THREAD)]


def test_the_first_thread_is_kept_in_the_conversation_it_is_pinned_to():
    desk = Desk()
    resume(desk, THREAD, pin=" c ")
    assert identity(desk) == (THREAD, "c")
    assert bindings(desk) == [("c", THREAD)]


@pytest.mark.parametrize("pin", [None, "c"])
def test_the_same_thread_again_stays_bound_as_it_was(pin):
    desk = Desk()
    resume(desk, THREAD, pin="c")
    resume(desk, THREAD, pin=pin)
    assert identity(desk) == (THREAD, "c")
    assert bindings(desk) == [("c", THREAD)]


def test_another_thread_is_another_conversation():
    desk = Desk()
    resume(desk, THREAD, pin="c")
    resume(desk, OTHER)
    assert identity(desk) == (OTHER, OTHER)
    assert bindings(desk) == [("c", THREAD), (OTHER, OTHER)]


def test_another_thread_is_kept_in_the_conversation_it_is_pinned_to():
    desk = Desk()
    resume(desk, THREAD, pin="c")
    resume(desk, OTHER, pin="c")
    assert identity(desk) == (OTHER, "c")
    assert bindings(desk) == [("c", THREAD), ("c", OTHER)]


def test_the_same_thread_is_bound_anew_where_it_is_pinned_elsewhere():
    desk = Desk()
    resume(desk, THREAD, pin="c")
    resume(desk, THREAD, pin="d")
    assert identity(desk) == (THREAD, "d")
    assert bindings(desk) == [("c", THREAD), ("d", THREAD)]


def test_a_blank_pin_is_none():
    desk = Desk()
    resume(desk, THREAD, pin="  ")
    assert identity(desk) == (THREAD, THREAD)


def test_another_connection_forgets_what_was_open():
    desk = Desk()
    resume(desk, THREAD, pin="c")
    desk.exit()
    assert identity(desk) == (None, None)


# What is refused, and what fails.


@pytest.mark.parametrize("strategy", ["resume", "fork"])
@pytest.mark.parametrize("thread", [None, "", "   "])
def test_an_old_thread_is_opened_by_its_id_alone(strategy, thread):
    desk = Desk()
    ticket = desk.open(strategy, thread, pin="c")
    assert ticket.code == "E_RUNTIME_CONVERSATION_ID_REQUIRED"
    assert desk.asks == []
    assert identity(desk) == (None, None)


def test_a_thread_that_codex_refuses_leaves_everything_as_it_was():
    desk = Desk()
    resume(desk, THREAD, pin="c")
    ticket = desk.open("resume", OTHER, pin="d")
    desk.answer("thread/resume", REFUSED)
    assert ticket.error is REFUSED
    assert identity(desk) == (THREAD, "c")
    assert desk.send().settled is False


def test_a_thread_that_cannot_be_bound_is_told_and_bound_before_the_next_turn():
    desk = Desk()
    broken = desk.broken["ensure_thread"] = RequestFailedError("ensure", 1, "no")
    ticket = desk.open(pin="c")
    desk.answer("thread/start", thread_of())
    assert ticket.error is broken
    assert desk.send().error is broken
    desk.broken.clear()
    desk.sent()
    assert bindings(desk) == [("c", THREAD)]


def test_a_thread_is_opened_only_while_no_turn_is_in_flight():
    desk = Desk()
    desk.opened()
    desk.sent()
    assert desk.open("resume", OTHER).code == "E_RUNTIME_THREAD_LOCKED"
    assert desk.begin(desk.core.threads.roll_back(THREAD, 1)).code == "E_RUNTIME_THREAD_LOCKED"
    desk.completed()
    assert desk.open("resume", OTHER).settled is False


def test_nothing_else_happens_to_a_thread_while_it_is_opened():
    desk = Desk()
    resume(desk, THREAD)
    first = desk.open("resume", OTHER)
    assert desk.open("resume", THREAD).code == "E_RUNTIME_THREAD_LOCKED"
    assert desk.send().code == "E_RUNTIME_THREAD_LOCKED"
    desk.answer("thread/resume", thread_of(OTHER))
    assert first.error is None
    assert identity(desk) == (OTHER, OTHER)


def test_nothing_is_opened_without_a_connection():
    desk = Desk(connect=False)
    assert desk.open().code == "E_RUNTIME_NOT_CONNECTED"
    assert desk.begin(desk.core.threads.roll_back(THREAD, 1)).code == "E_RUNTIME_NOT_CONNECTED"


# What is said of a thread while it is opened.


def test_what_is_said_of_a_thread_before_it_is_bound_is_kept_when_it_is():
    desk = Desk()
    desk.slow.add("ensure_thread")
    desk.open("resume", THREAD, pin="c")
    desk.started()
    desk.answer("thread/resume", thread_of())
    item = {"type": "agentMessage", "id": "m", "text": "hello"}
    desk.hear("item/completed", threadId=THREAD, turnId=TURN, item=item)
    assert not desk.state.turn_in_flight
    desk.slow.clear()
    desk.answer("ensure_thread")
    assert desk.state.turn_in_flight
    desk.completed()
    deltas = [delta for batch in desk.args_of("ingest") for delta in batch.deltas]
    kinds = [delta.kind for delta in deltas]
    assert kinds == ["turn/started", "item/completed", "turn/completed"]


def test_what_is_said_of_the_open_thread_while_another_is_refused_is_kept():
    desk = Desk()
    resume(desk, THREAD, pin="c")
    desk.open("resume", OTHER)
    desk.started()
    desk.completed()
    desk.answer("thread/resume", REFUSED)
    deltas = [delta for batch in desk.args_of("ingest") for delta in batch.deltas]
    assert [delta.kind for delta in deltas] == ["turn/started", "turn/completed"]


def test_what_is_said_of_another_thread_is_told_and_counted_and_never_kept():
    desk = Desk()
    resume(desk, THREAD, pin="c")
    desk.started(NEXT, OTHER)
    desk.completed(NEXT, OTHER)
    desk.pass_time(100)
    assert desk.args_of("ingest") == []
    skipped = {one.kind: one.count for one in desk.state.ingest_metrics.skipped_by_kind}
    assert skipped == {"turn/started": 1, "turn/completed": 1}
    assert [message.method for kind, message in desk.told if kind == "event"] == [
        "turn/started",
        "turn/completed",
    ]
    assert not desk.state.turn_in_flight


def test_a_message_that_is_of_no_turn_is_counted_and_not_kept():
    desk = Desk()
    resume(desk, THREAD)
    desk.hear("thread/started", thread={"id": THREAD})
    metrics = desk.state.ingest_metrics
    assert [(one.kind, one.count) for one in metrics.skipped_by_kind] == [("thread/started", 1)]
    assert metrics.enqueued_event_count == 0


def test_a_message_of_a_turn_is_counted_and_kept():
    desk = Desk()
    resume(desk, THREAD)
    desk.completed()
    (batch,) = desk.args_of("ingest")
    (delta,) = batch.deltas
    assert (delta.kind, delta.turn_id) == ("turn/completed", TURN)
    assert desk.state.ingest_metrics.enqueued_event_count == 1


# Taking turns back.


def read(*turns):
    return {
        "thread": thread_of(turns=[turn_of(turn, "completed")["turn"] for turn in turns])["thread"]
    }


@pytest.mark.parametrize(("number", "first"), [(1, NEXT), (2, TURN), (9, TURN)])
def test_the_last_turns_are_taken_back_by_the_first_of_them(number, first):
    desk = Desk()
    desk.begin(desk.core.threads.roll_back(THREAD, number))
    desk.answer("thread/read", read(TURN, NEXT))
    assert desk.asks == ["thread/revert"]
    assert first in desk.params("thread/revert").values()


def test_no_turn_is_taken_back_of_a_thread_without_one():
    desk = Desk()
    ticket = desk.begin(desk.core.threads.roll_back(THREAD, 1))
    desk.answer("thread/read", read())
    assert ticket.code == "E_RUNTIME_CONFIG_INVALID"
    assert desk.begin(desk.core.threads.roll_back(THREAD, 0)).code == "E_RUNTIME_CONFIG_INVALID"
    assert desk.asks == []


def test_a_turn_that_was_claimed_for_one_thread_is_never_begun_in_another():
    desk = Desk()
    desk.slow.add("claim_turn")
    desk.opened()
    ticket = desk.open(pin="d")
    assert "thread/start" not in desk.asks
    desk.answer("claim_turn")
    desk.answer("thread/start", thread_of(OTHER))
    assert ticket.error is None
    assert "turn/start" not in desk.asks


def test_a_thread_stays_open_when_a_turn_of_it_was_waiting():
    desk = Desk()
    desk.slow.add("claim_turn")
    desk.opened()
    waiting = AcceptTurnSendArgs(
        actor=ACTOR,
        thread_id="t-c",
        turn_id="waits",
        idempotency_key="k",
        input_text="hi",
        dispatch_id="waits-dispatch",
    )
    desk.persistence("accept_turn", waiting)
    ticket = desk.open(pin="d")
    desk.answer("claim_turn")
    assert desk.params("turn/start")["threadId"] == THREAD
    desk.answer("turn/start", turn_of())
    assert ticket.code == "E_RUNTIME_THREAD_LOCKED"
    assert desk.state.runtime_conversation_id == THREAD
