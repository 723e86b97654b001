"""Keeping what Codex says: when, in which order, and what becomes of it when it cannot be kept."""

import json

import pytest

from codex_runtime.errors import ContractError
from codex_runtime.host.ingesting import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS
from codex_runtime.host.keeping import LARGE_ATTEMPTS, LARGE_BYTES
from codex_runtime.persistence.failures import PersistenceError
from support.ingest_desk import Desk, kept, rejected, well

UNREACHABLE = PersistenceError("E_PERSISTENCE_UNREACHABLE", "no")
LOST = PersistenceError("E_PERSISTENCE_OUTCOME_UNKNOWN", "lost")
TOO_LARGE = PersistenceError("E_PERSISTENCE_TOO_LARGE", "too large")
FAILED = PersistenceError("E_PERSISTENCE_FUNCTION_FAILED", "Server Error")


def _texts(steps):
    """The text of everything that was to be kept, by the steps that asked for it."""
    deltas = [delta for step in steps if step.operation == "ingest" for delta in step.args.deltas]
    told = (json.loads(delta.payload_json)["params"].get("delta") for delta in deltas)
    return "".join(text for text in told if text is not None)


def _sizes(steps):
    return [len(step.args.deltas) for step in steps if step.operation == "ingest"]


def _say_apart(desk, count):
    """Have as many pieces of text said, none of which can be merged with another."""
    for number in range(count):
        desk.say(f"<{number}>", item=f"m{number}")


# When things are kept.


@pytest.mark.parametrize(("in_flight", "seconds"), [(True, 0.25), (False, 5.0)])
def test_an_event_waits_for_company_for_a_while(in_flight, seconds):
    desk = Desk()
    desk.say("a", in_flight=in_flight)
    desk.let_pass(seconds - 0.01)
    desk.say("b", in_flight=in_flight)
    assert desk.asked is None
    desk.let_pass(0.01)
    assert _texts([desk.asked]) == "ab"


def test_what_has_waited_idly_is_kept_soon_when_a_turn_begins():
    desk = Desk()
    desk.say("a", in_flight=False)
    desk.say("b", in_flight=True)
    desk.let_pass(0.25)
    assert _texts([desk.asked]) == "ab"


@pytest.mark.parametrize("kind", ["turn/completed", "error"])
def test_the_end_of_a_turn_is_kept_at_once_with_what_came_before_it(kind):
    desk = Desk()
    desk.say("a")
    desk.tell(kind)
    assert [delta.kind for delta in desk.asked.args.deltas] == ["item/agentMessage/delta", kind]


def test_a_whole_batch_is_kept_at_once():
    desk = Desk()
    _say_apart(desk, 31)
    assert desk.asked is None
    desk.say("last", item="last")
    assert len(desk.asked.args.deltas) == 32


def test_what_comes_while_a_batch_is_out_is_kept_as_soon_as_that_is():
    desk = Desk()
    desk.say("a")
    desk.let_pass(0.25)
    desk.say("b")
    desk.say("c")
    first = desk.asked
    desk.answer(kept)
    assert (_texts([first]), _texts([desk.asked])) == ("a", "bc")


def test_a_message_without_a_turn_or_a_thread_to_keep_it_in_is_counted_as_skipped():
    desk = Desk()
    desk.common.bound.thread_id = None
    desk.say("a")
    assert desk.common.skipped.total() == 1
    assert not desk.ingest.waits()


# Persistence that fails.


@pytest.mark.parametrize(
    "failure", [UNREACHABLE, LOST, PersistenceError("E_PERSISTENCE_ANSWER_INVALID", "odd")]
)
def test_a_batch_that_may_not_have_arrived_is_sent_again_as_it_was(failure):
    desk = Desk()
    desk.say("a")
    desk.let_pass(0.25)
    first = desk.asked
    desk.answer(failure)
    desk.say("b")
    desk.let_pass(FIRST_PAUSE_SECONDS)
    again = desk.asked.args.deltas
    assert again[0] == first.args.deltas[0]
    assert len(again) == 2
    assert _texts(desk.keep_everything()) == "ab"


def test_pauses_grow_to_a_bound_and_begin_anew_when_something_was_kept():
    desk = Desk()
    desk.say("a")
    desk.let_pass(0.25)
    pauses = []
    for _ in range(10):
        began = desk.outside.seconds
        desk.answer(UNREACHABLE)
        desk.let_pass(desk.waits_until - began)
        pauses.append(desk.outside.seconds - began)
    assert pauses[:3] == [FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS, 4 * FIRST_PAUSE_SECONDS]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    desk.keep_everything()
    desk.tell("error")
    began = desk.outside.seconds
    desk.answer(UNREACHABLE)
    assert desk.waits_until == pytest.approx(began + FIRST_PAUSE_SECONDS)


def test_trouble_is_reported_once_is_shown_and_is_over_when_something_is_kept():
    desk = Desk()
    desk.say("a")
    desk.let_pass(0.25)
    for _ in range(3):
        desk.answer(UNREACHABLE)
        desk.let_pass(LONGEST_PAUSE_SECONDS)
    assert len(desk.reports) == 1
    assert desk.shown == ["E_RUNTIME_INGEST_FLUSH_FAILED"]
    desk.keep_everything()
    assert desk.shown[-1] is None
    assert len(desk.reports) == 1


def test_an_error_of_something_else_stays_when_the_trouble_is_over():
    desk = Desk()
    desk.tell("error")
    desk.answer(UNREACHABLE)
    desk.common.note(ContractError("E_THREAD_NOT_FOUND", "of something else"))
    desk.let_pass(LONGEST_PAUSE_SECONDS)
    desk.keep_everything()
    assert desk.common.last_error_code == "E_THREAD_NOT_FOUND"


def test_everything_that_came_while_persistence_was_down_is_kept_in_order():
    desk = Desk()
    said = ""
    for number in range(100):
        desk.say(f"{number} ", item=f"m{number % 7}")
        said += f"{number} "
        if desk.asked is not None:
            desk.answer(LOST)
        desk.let_pass(1)
    desk.let_pass(LONGEST_PAUSE_SECONDS)
    steps = desk.keep_everything()
    assert _texts(steps) == said
    ends = [delta.cursor_end for step in steps for delta in step.args.deltas]
    assert ends == sorted(ends)


def test_a_full_queue_is_reported_once_and_shown_until_there_is_room():
    desk = Desk(memory_most=8_000)
    desk.say("x" * 8_000)
    desk.let_pass(0.25)
    desk.say("y" * 8_000)
    assert desk.ingest.queue.full
    assert desk.shown == ["E_RUNTIME_INGEST_FULL"]
    assert len(desk.reports) == 1
    desk.keep_everything()
    assert not desk.ingest.queue.full
    assert desk.shown == ["E_RUNTIME_INGEST_FULL", None]


def test_a_queue_that_has_room_again_still_shows_that_persistence_is_down():
    desk = Desk(memory_most=8_000)
    desk.say("x" * 8_000)
    desk.let_pass(0.25)
    desk.answer(TOO_LARGE)
    desk.tell("error")
    desk.answer(UNREACHABLE)
    assert not desk.ingest.queue.full
    assert desk.shown[-1] == "E_RUNTIME_INGEST_FLUSH_FAILED"


# Batches that are too large.


def test_a_batch_that_is_too_large_is_halved_at_once_and_batches_grow_again():
    desk = Desk()
    _say_apart(desk, 32)
    _say_apart(desk, 64)
    steps = []
    for _ in range(2):
        steps.append(desk.asked)
        desk.answer(TOO_LARGE)
    steps += desk.keep_everything()
    assert _sizes(steps) == [32, 16, 8, 16, 32, 32, 8]
    assert _texts(steps[2:]) == "".join(f"<{n}>" for n in [*range(32), *range(64)])
    assert desk.reports == []


def test_a_deployment_that_does_not_say_why_it_failed_gets_smaller_batches_after_a_pause():
    desk = Desk()
    _say_apart(desk, 32)
    desk.answer(FAILED)
    assert desk.asked is None
    desk.let_pass(FIRST_PAUSE_SECONDS)
    assert len(desk.asked.args.deltas) == 16


def test_one_event_that_is_too_large_is_reported_and_everything_else_is_kept():
    desk = Desk()
    desk.say("a")
    desk.tell("item/completed", item={"id": "i", "text": "x" * 100})
    desk.say("b")
    desk.tell("turn/completed")
    steps = []
    while (step := desk.asked) is not None:
        large = step.operation == "ingest" and any(
            "xxx" in d.payload_json for d in step.args.deltas
        )
        if large:
            desk.answer(TOO_LARGE)
        else:
            steps.append(step)
            desk.answer(well)
    assert _texts(steps) == "ab"
    assert len(desk.reports) == 1
    assert "E_RUNTIME_INGEST_REJECTED" in desk.reports[0]
    marks = [step.args for step in steps if step.operation == "mark_progress"]
    assert (marks[-1].sync_state, marks[-1].error_code) == ("drifted", "E_RUNTIME_INGEST_REJECTED")


def test_a_large_event_that_fails_alone_without_a_reason_is_given_up_after_some_attempts():
    desk = Desk()
    desk.say("x" * LARGE_BYTES)
    desk.let_pass(0.25)
    for _ in range(LARGE_ATTEMPTS):
        desk.answer(FAILED)
        desk.let_pass(LONGEST_PAUSE_SECONDS)
    desk.keep_everything()
    assert not desk.ingest.waits()
    assert [report for report in desk.reports if "REJECTED" in report] != []


def test_a_small_event_that_fails_without_a_reason_is_never_given_up():
    desk = Desk()
    desk.say("a")
    desk.let_pass(0.25)
    for _ in range(50):
        desk.answer(FAILED)
        desk.let_pass(LONGEST_PAUSE_SECONDS)
    assert _texts(desk.keep_everything()) == "a"


# Batches that are refused.


def test_the_one_event_that_is_refused_is_found_and_set_aside():
    desk = Desk()
    _say_apart(desk, 20)
    desk.tell("item/completed", item={"id": "bad"})
    _say_apart(desk, 5)
    desk.let_pass(0.25)
    steps = []
    while (step := desk.asked) is not None:
        bad = step.operation == "ingest" and any(
            '"bad"' in d.payload_json for d in step.args.deltas
        )
        if bad:
            desk.answer(rejected())
        else:
            steps.append(step)
            desk.answer(well)
    assert _texts(steps) == "".join(f"<{n}>" for n in [*range(20), *range(5)])
    assert len(desk.reports) == 1
    assert "item/completed was rejected" in desk.reports[0]
    assert desk.common.last_error_code == "E_RUNTIME_INGEST_REJECTED"


def test_an_event_that_is_out_of_order_was_kept_before_and_is_no_trouble():
    desk = Desk()
    desk.say("a")
    desk.let_pass(0.25)
    desk.answer(rejected("OUT_OF_ORDER", cause="E_SYNC_OUT_OF_ORDER"))
    assert not desk.ingest.waits()
    assert desk.reports == []
    assert desk.common.last_error_code is None


@pytest.mark.parametrize("code", ["E_THREAD_NOT_FOUND", "E_THREAD_DELETING", "E_ACTOR_PURGING"])
@pytest.mark.parametrize("thrown", [True, False])
def test_of_a_thread_that_is_gone_one_report_is_made_and_nothing_waits(code, thrown):
    desk = Desk()
    for _ in range(3):
        desk.tell("error")
        desk.answer(ContractError(code, "gone") if thrown else rejected(cause=code))
        assert desk.asked is None
    assert len(desk.reports) == 1
    assert not desk.ingest.waits()


def test_another_thread_is_kept_although_one_is_gone():
    desk = Desk()
    desk.tell("error")
    desk.open("u")
    desk.tell("turn/completed")
    desk.answer(ContractError("E_THREAD_NOT_FOUND", "gone"))
    assert desk.asked.args.thread_id == "u"


def test_a_deployment_that_wants_another_session_gets_one_for_good():
    desk = Desk()
    desk.tell("error")
    desk.answer(rejected("SESSION_NOT_FOUND", cause="E_SYNC_SESSION_NOT_FOUND", recoverable=True))
    ensured = desk.asked
    assert ensured.operation == "ensure_session"
    assert ensured.args.session_id != "s"
    steps = desk.keep_everything()
    sessions = {step.args.session_id for step in steps}
    assert sessions == {ensured.args.session_id} == {desk.settings.session_id}
    streams = [delta.stream_id for step in steps if _sizes([step]) for delta in step.args.deltas]
    desk.tell("error")
    # The stream goes on where it was: it belongs to the turn, and any session may feed it.
    assert desk.asked.args.session_id == ensured.args.session_id
    assert desk.asked.args.deltas[0].stream_id == streams[0]
    assert desk.reports == []


def test_a_deployment_that_wants_sessions_without_end_is_asked_again_after_a_pause():
    desk = Desk()
    desk.tell("error")
    refusal = rejected("SESSION_NOT_FOUND", cause="E_SYNC_SESSION_NOT_FOUND", recoverable=True)
    desk.answer(refusal)
    desk.answer(None)
    desk.answer(refusal)
    assert desk.asked is None
    desk.let_pass(FIRST_PAUSE_SECONDS)
    assert desk.asked.operation == "ingest"


# Notes.


def test_a_note_is_written_down_behind_what_came_before_it():
    desk = Desk()
    desk.say("a")
    desk.note("upsert_token_usage", "args")
    desk.say("b")
    operations = [step.operation for step in desk.keep_everything()]
    assert operations == ["ingest", "upsert_token_usage", "ingest"]


def test_a_note_that_is_refused_is_reported_and_holds_nothing_up():
    desk = Desk()
    desk.note("upsert_token_usage", "args")
    desk.say("b")
    desk.answer(ContractError("E_THREAD_NOT_FOUND", "gone"))
    assert desk.reports == [
        "Failed to persist upsert_token_usage: [E_THREAD_NOT_FOUND] gone",
    ]
    assert _texts(desk.keep_everything()) == "b"


def test_a_note_whose_answer_is_lost_is_written_down_again():
    desk = Desk()
    desk.note("upsert_token_usage", "args")
    desk.answer(LOST)
    desk.let_pass(FIRST_PAUSE_SECONDS)
    assert desk.asked.args == "args"
