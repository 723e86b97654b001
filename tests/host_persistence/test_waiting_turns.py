"""Turns that wait in memory: claimed once, in their order, and let go of when they have ended."""

from codex_runtime.contract.endpoints import runtime_owned as owned
from codex_runtime.contract.functions import turns
from codex_runtime.persistence.waiting_turns import KEYS_MOST, WaitingTurns
from support.persistence_world import ACTOR


def _accept(waiting, number, thread="t"):
    return waiting.accept(
        owned.AcceptTurnSendArgs(
            actor=ACTOR,
            thread_id=thread,
            turn_id=f"turn {number}",
            dispatch_id=f"dispatch {number}",
            idempotency_key=f"key {number}",
            input_text="hello",
        )
    )


def _claim(waiting, thread="t", **args):
    return waiting.claim(turns.ClaimArgs(actor=ACTOR, thread_id=thread, claim_owner="me", **args))


def test_each_thread_has_its_own_turns():
    waiting = WaitingTurns()
    _accept(waiting, 1, "t")
    _accept(waiting, 2, "u")
    assert _claim(waiting, "u").turn_id == "turn 2"
    assert _claim(waiting, "u") is None
    assert _claim(waiting, "t").turn_id == "turn 1"


def test_a_claim_lasts_as_long_as_was_asked_for():
    waiting = WaitingTurns(now_ms=lambda: 1_000.0)
    _accept(waiting, 1)
    assert _claim(waiting, lease_ms=500.0).lease_expires_at == 1_500


def test_a_turn_runs_from_its_claim_to_its_end():
    waiting = WaitingTurns()
    _accept(waiting, 1)
    assert waiting.running("t", "dispatch 1") is None
    _claim(waiting)
    assert waiting.running("t", "dispatch 1") == "turn 1"
    for _ in range(2):
        waiting.ended("t", "dispatch 1")
        assert waiting.running("t", "dispatch 1") is None


def test_what_somebody_else_has_made_of_a_turn_is_what_waits():
    waiting = WaitingTurns()
    args = owned.AcceptTurnSendArgs(
        actor=ACTOR, thread_id="t", turn_id="mine", idempotency_key="k", input_text="hello"
    )
    theirs = owned.AcceptedTurnSend(dispatch_id="d", turn_id="theirs", accepted=True)
    assert waiting.accept(args, theirs) is theirs
    assert waiting.accept(args) is theirs
    assert _claim(waiting).turn_id == "theirs"
    assert _claim(waiting) is None


def test_the_latest_keys_are_remembered_and_no_more():
    waiting = WaitingTurns()
    first = _accept(waiting, 0)
    for number in range(1, KEYS_MOST):
        _accept(waiting, number)
    assert _accept(waiting, 0) is first
    _accept(waiting, KEYS_MOST)
    assert _accept(waiting, 0) is not first
