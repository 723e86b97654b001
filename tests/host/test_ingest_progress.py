"""How far a conversation is in step: what is said of it, and when."""

import msgspec
import pytest

from codex_runtime.errors import ContractError
from codex_runtime.host.keeping import LARGE_ATTEMPTS
from codex_runtime.persistence.failures import PersistenceError
from support.ingest_desk import Desk, kept, rejected, well

UNREACHABLE = PersistenceError("E_PERSISTENCE_UNREACHABLE", "no")


def _marks(steps):
    marks = [step.args for step in steps if step.operation == "mark_progress"]
    return [(mark.cursor, mark.sync_state) for mark in marks]


def _answer_batches(desk):
    """Keep what waits; stop at the first thing that is said of it."""
    while desk.asked.operation == "ingest":
        desk.answer(kept)


def test_nothing_is_said_while_no_turn_has_ended():
    desk = Desk()
    desk.say("a")
    desk.let_pass(1)
    assert _marks(desk.keep_everything()) == []


def test_at_the_end_of_a_turn_a_conversation_is_in_step():
    desk = Desk()
    desk.say("a")
    desk.tell("turn/completed")
    assert _marks(desk.keep_everything())[-1] == (2, "synced")
    desk.say("b")
    desk.tell("turn/completed")
    assert _marks(desk.keep_everything()) == [(4, "synced")]


def test_the_cursor_goes_on_from_where_it_was_before_this_runtime():
    desk = Desk()
    desk.tell("turn/completed")
    _answer_batches(desk)
    desk.answer(lambda args: msgspec.structs.replace(well(args), last_synced_cursor=40))
    assert _marks(desk.keep_everything()) == [(41, "synced")]


def test_a_conversation_of_which_something_waits_is_not_in_step():
    desk = Desk()
    desk.tell("turn/completed")
    _answer_batches(desk)
    # Where the cursor was is being asked; meanwhile the next turn begins.
    desk.tell("turn/started")
    desk.answer(well)
    assert _marks([desk.asked]) == [(1, "syncing")]
    desk.keep_everything()
    desk.tell("turn/completed")
    assert _marks(desk.keep_everything()) == [(3, "synced")]


def test_a_conversation_with_a_gap_is_not_in_step():
    desk = Desk()
    desk.tell("turn/completed")
    desk.answer(lambda args: kept(args, status="partial"))
    assert _marks(desk.keep_everything())[-1] == (1, "syncing")


def test_a_conversation_that_lacks_something_has_drifted_and_says_so_from_then_on():
    desk = Desk()
    desk.tell("error")
    desk.answer(rejected())
    assert _marks(desk.keep_everything())[-1] == (0, "drifted")
    desk.tell("turn/completed")
    assert _marks(desk.keep_everything()) == [(1, "drifted")]


def test_what_could_not_be_said_is_said_later():
    desk = Desk()
    desk.tell("turn/completed")
    _answer_batches(desk)
    for _ in range(2 * LARGE_ATTEMPTS):
        desk.answer(UNREACHABLE)
        desk.let_pass(10)
    assert _marks(desk.keep_everything())[-1] == (1, "synced")
    assert desk.common.last_error_code is None


def test_what_nobody_wants_to_hear_is_reported_and_not_said_again():
    desk = Desk()
    desk.tell("turn/completed")
    _answer_batches(desk)
    desk.answer(ContractError("E_THREAD_NOT_FOUND", "gone"))
    assert desk.asked is None
    assert not desk.ingest.waits()
    assert desk.reports == ["Failed to persist mark_progress: [E_THREAD_NOT_FOUND] gone"]


@pytest.mark.parametrize("ended", ["turn/completed", "error"])
def test_conversations_are_counted_apart(ended):
    desk = Desk()
    desk.say("a")
    desk.tell(ended)
    desk.keep_everything()
    desk.open("u")
    desk.tell(ended)
    steps = desk.keep_everything()
    assert _marks(steps)[-1] == (1, "synced")
    assert {step.args.conversation_id for step in steps if step.operation == "mark_progress"} == {
        "conversation of u"
    }
