"""Keeping what waits before a runtime stops, and what becomes of the rest."""

import json

from codex_runtime.host.common import HostError
from codex_runtime.host.ingesting import DRAIN_SECONDS, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS
from codex_runtime.persistence.failures import PersistenceError
from support.ingest_desk import Desk

UNREACHABLE = PersistenceError("E_PERSISTENCE_UNREACHABLE", "no")
LOST = PersistenceError("E_PERSISTENCE_OUTCOME_UNKNOWN", "lost")


def _texts(steps):
    """The text of everything that was to be kept."""
    deltas = [delta for step in steps if step.operation == "ingest" for delta in step.args.deltas]
    told = (json.loads(delta.payload_json)["params"].get("delta") for delta in deltas)
    return "".join(text for text in told if text is not None)


def test_draining_ends_when_everything_is_kept():
    desk = Desk()
    desk.say("a")
    desk.begin(desk.ingest.drain(3))
    assert desk.settled == []
    desk.keep_everything()
    assert desk.settled == [None]


def test_draining_is_given_up_after_some_failures_and_says_what_still_waits():
    desk = Desk()
    desk.say("a")
    desk.begin(desk.ingest.drain(3))
    for _ in range(3):
        desk.answer(UNREACHABLE)
        desk.let_pass(FIRST_PAUSE_SECONDS)
    (error,) = desk.settled
    assert error.code == "E_RUNTIME_INGEST_FLUSH_FAILED"
    assert "1 events still wait" in str(error)


def test_draining_a_persistence_that_hangs_takes_a_bounded_time():
    desk = Desk()
    desk.say("a")
    desk.begin(desk.ingest.drain(3))
    desk.let_pass(DRAIN_SECONDS)
    (error,) = desk.settled
    assert error.code == "E_RUNTIME_INGEST_FLUSH_FAILED"


def test_draining_does_not_wait_for_a_long_pause_to_end():
    desk = Desk()
    desk.tell("error")
    for _ in range(8):
        desk.answer(UNREACHABLE)
        desk.let_pass(LONGEST_PAUSE_SECONDS)
    desk.answer(UNREACHABLE)
    desk.begin(desk.ingest.drain(3))
    assert desk.asked.operation == "ingest"


def test_draining_nothing_takes_no_time():
    desk = Desk()
    desk.begin(desk.ingest.drain(3))
    assert desk.settled == [None]


def test_what_was_out_when_the_runtime_stopped_is_kept_by_the_next_connection():
    desk = Desk()
    desk.say("a")
    desk.let_pass(0.25)
    out = desk.asked.args.deltas
    desk.say("b")
    desk.stop()
    desk.connect("another session")
    assert desk.asked.args.session_id == "another session"
    assert desk.asked.args.deltas[0] == out[0]
    assert _texts(desk.keep_everything()) == "ab"
    assert not desk.ingest.waits()


def test_what_could_not_be_drained_is_kept_by_the_next_connection():
    desk = Desk()
    desk.say("a")

    def stop():
        try:
            yield from desk.ingest.drain(1)
        except HostError:
            desk.common.do(desk.common.flows.cancel_all(RuntimeError("stopped"), lasting=True))

    desk.begin(stop())
    desk.answer(LOST)
    desk.connect("another session")
    assert _texts(desk.keep_everything()) == "a"
