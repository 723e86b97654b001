"""Bringing a conversation into step with what Codex knows of its thread (spec 06 §6)."""

import json
from types import SimpleNamespace

import pytest

from codex_runtime.contract.functions.reading import Message
from codex_runtime.contract.functions.turns import Claimed, DispatchRead
from codex_runtime.contract.limits import LEASE_DEFAULT, SNAPSHOT_TURNS
from codex_runtime.contract.shapes import UNSET
from codex_runtime.errors import AppServerError, RequestFailedError
from codex_runtime.host.common import Settings
from codex_runtime.host.kept_items import names_of
from codex_runtime.host.steps import FindGone, Open, Sleep
from codex_runtime.host.turn_control import BEGINNING_SECONDS
from codex_runtime.persistence.failures import PersistenceError
from support.core_desk import ACTOR, NEXT, THREAD, TURN, Desk, Persistence, thread_of, turn_of

MINE, OTHERS = "me", "somebody else"
UNREACHABLE = PersistenceError("E_PERSISTENCE_UNREACHABLE", "no connection")


def user(text, item="u", sent_as=None):
    content = [{"type": "text", "text": text}]
    return {"type": "userMessage", "id": item, "clientId": sent_as, "content": content}


def agent(text, item="a"):
    return {"type": "agentMessage", "id": item, "text": text}


def turn(runtime_id, *items, status="completed", **more):
    """A turn as ``thread/read`` gives it."""
    return turn_of(runtime_id, status)["turn"] | {"items": list(items)} | more


def message(message_id, kind, text, *, status="completed", at=1.0):
    """A message as it is kept."""
    return Message(
        message_id=message_id,
        turn_id="-",
        role="assistant",
        status=status,
        text=text,
        source_item_type=kind,
        order_in_turn=0,
        payload_json="{}",
        created_at=at,
        updated_at=at,
    )


def dispatch(turn_id, status="started", owner=OTHERS, *, until=0.0, runtime_turn=UNSET):
    """A dispatch that has not ended."""
    return DispatchRead(
        dispatch_id=f"{turn_id}-dispatch",
        turn_id=turn_id,
        status=status,
        idempotency_key="k",
        claim_owner=UNSET if status == "queued" else owner,
        lease_expires_at=UNSET if status == "queued" else until,
        attempt_count=1,
        runtime_turn_id=runtime_turn,
        created_at=0,
        updated_at=0,
    )


class Kept(Persistence):
    """A persistence that has something of a conversation already."""

    def __init__(self):
        super().__init__()
        self.statuses = {}
        self.messages = {}
        self.dispatches = []
        self.claims = []

    def _thread_state(self, _args):
        turns = [SimpleNamespace(turn_id=t, status=s) for t, s in self.statuses.items()]
        return SimpleNamespace(turns=turns)

    def _turn_messages(self, args):
        return self.messages.get(args.turn_id, [])

    def _open_turns(self, _args):
        return list(self.dispatches)

    def _claim_turn(self, args):
        return self.claims.pop(0) if self.claims else super()._claim_turn(args)


def desk_with(*, outbox=True, **kept):
    desk = Desk()
    desk.core.common.durable, desk.core.common.outbox = True, outbox
    desk.persistence = Kept()
    for name, value in kept.items():
        setattr(desk.persistence, name, value)
    return desk


def resume(desk, *turns, gone=None):
    """Resume the thread, which has these turns; give whoever wanted it."""
    ticket = desk.open("resume", THREAD, pin="c")
    desk.answer("thread/resume", thread_of(THREAD, turns))
    read_again(desk, *turns)
    if gone is not None:
        desk.answer(FindGone, frozenset(gone))
    return ticket


def read_again(desk, *turns):
    if "thread/read" in desk.asks:
        desk.answer("thread/read", thread_of(THREAD, turns) | {"readState": None})


def ingested(desk):
    """What was put in: the turn, the kind, and the item's id and text, if it brings one."""
    out = []
    for batch in desk.args_of("ingest"):
        for delta in batch.deltas:
            item = json.loads(delta.payload_json)["params"].get("item") or {}
            out.append((delta.turn_id, delta.kind, item.get("id"), item.get("text")))
    return out


def ended(desk):
    """The turns that were given up, with their codes."""
    return [(args.turn_id, args.code) for args in desk.args_of("fail_turn")]


def test_a_new_thread_is_in_step_without_asking_codex():
    desk = desk_with()
    desk.opened()
    assert "thread/read" not in desk.asks
    assert ingested(desk) == []


def test_a_turn_that_nobody_has_kept_is_kept_when_the_thread_is_opened():
    desk = desk_with()
    ticket = resume(desk, turn(TURN, user("hi", sent_as="mine-dispatch"), agent("hello")))
    assert ticket.error is None
    assert ingested(desk) == [
        ("mine", "turn/started", None, None),
        ("mine", "item/completed", "u", None),
        ("mine", "item/completed", "a", "hello"),
        ("mine", "turn/completed", None, None),
    ]


def test_nothing_is_looked_at_before_the_last_turn_that_is_whole():
    whole = [message("u", "userMessage", "hi"), message("a", "agentMessage", "hello")]
    desk = desk_with(
        statuses={"first": "completed", TURN: "completed"}, messages={TURN: whole, "first": []}
    )
    resume(
        desk,
        turn("first", user("never kept")),
        turn(TURN, user("hi"), agent("hello")),
        turn(NEXT, user("more")),
    )
    assert {turn_id for turn_id, *_ in ingested(desk)} == {NEXT}


@pytest.mark.parametrize("whole", [True, False])
def test_a_turn_that_is_too_old_to_be_listed_is_looked_at_all_the_same(whole):
    listed = {f"later {number}": "completed" for number in range(SNAPSHOT_TURNS)}
    kept = [message("u", "userMessage", "hi")] if whole else []
    desk = desk_with(statuses=listed, messages={TURN: kept})
    resume(desk, turn(TURN, user("hi")))
    assert bool(ingested(desk)) is not whole


def test_a_turn_that_has_ended_without_all_its_messages_is_completed():
    desk = desk_with(
        statuses={TURN: "failed"}, messages={TURN: [message("u", "userMessage", "hi")]}
    )
    resume(desk, turn(TURN, user("hi"), agent("hello"), status="interrupted"))
    assert (TURN, "item/completed", "a", "hello") in ingested(desk)


def test_what_is_brought_later_was_said_later():
    before = [message("u", "userMessage", "hi", at=5_000.0)]
    desk = desk_with(statuses={TURN: "inProgress"}, messages={TURN: before})
    resume(desk, turn(TURN, user("hi"), agent("hello"), startedAt=1), turn(NEXT, user("more")))
    times = [delta.created_at for batch in desk.args_of("ingest") for delta in batch.deltas]
    assert times[0] > 5_000
    assert times == sorted(set(times))


def test_a_history_that_numbers_its_items_anew_replaces_what_was_streamed_in_part():
    kept = [
        message("01a", "userMessage", "hi"),
        message("msg", "agentMessage", "hel", status="failed"),
        message("call", "commandExecution", "done"),
    ]
    read = turn(TURN, user("hi", "item-1"), agent("hello", "item-2"), agent("bye", "item-3"))
    names, whole = names_of(read, TURN, kept)
    assert names == {"item-1": "01a", "item-2": "msg"}
    assert not whole


def test_of_two_messages_alike_each_is_found_once():
    kept = [message("m1", "agentMessage", "same"), message("m2", "agentMessage", "same")]
    read = turn(TURN, agent("same", "item-1"), agent("same", "item-2"))
    assert names_of(read, TURN, kept) == ({"item-1": "m1", "item-2": "m2"}, True)


def test_a_message_that_still_streams_is_not_whole():
    kept = [message("a", "agentMessage", "hello", status="streaming")]
    assert names_of(turn(TURN, agent("hello")), TURN, kept) == ({}, False)


def test_a_turn_whose_runtime_is_gone_and_that_codex_does_not_know_ends_with_a_code():
    desk = desk_with(statuses={"lost": "inProgress"}, dispatches=[dispatch("lost")])
    resume(desk, turn(TURN, user("hi")), gone={OTHERS})
    assert ended(desk) == [("lost", "E_TURN_OUTCOME_UNKNOWN")]


@pytest.mark.parametrize("status", ["claimed", "started"])
def test_a_turn_that_another_runtime_holds_is_left_alone(status):
    desk = desk_with(statuses={"held": "queued"}, dispatches=[dispatch("held", status)])
    sent = user("hi", sent_as="held-dispatch")
    resume(desk, turn(TURN, sent, status="interrupted"), gone=())
    assert (ended(desk), ingested(desk)) == ([], [])


def test_a_turn_that_waits_in_the_outbox_waits_on():
    desk = desk_with(
        statuses={"waits": "queued", "elsewhere": "queued"},
        dispatches=[dispatch("waits", "queued")],
    )
    resume(desk, turn(TURN, user("hi")))
    assert desk.waiting(FindGone) == []
    assert ended(desk) == []


def test_a_turn_in_progress_that_is_in_no_outbox_and_not_in_codex_ends_with_a_code():
    desk = desk_with(statuses={"nobodys": "inProgress", "done": "completed"})
    resume(desk, turn(TURN, user("hi")))
    assert ended(desk) == [("nobodys", "E_TURN_OUTCOME_UNKNOWN")]


def test_without_an_outbox_every_turn_ends_that_codex_does_not_know():
    desk = desk_with(outbox=False, statuses={"waits": "queued", "runs": "inProgress"})
    resume(desk, turn(TURN, user("hi")))
    assert [turn_id for turn_id, _ in ended(desk)] == ["waits", "runs"]


def test_a_turn_that_was_cut_off_before_anything_was_said_ends_as_codex_says():
    desk = desk_with(
        statuses={"cut": "inProgress"}, dispatches=[dispatch("cut", runtime_turn=TURN)]
    )
    resume(desk, turn(TURN, status="interrupted"), gone={OTHERS})
    assert [(turn_id, kind) for turn_id, kind, *_ in ingested(desk)] == [
        ("cut", "turn/started"),
        ("cut", "turn/completed"),
    ]
    assert ended(desk) == []


def test_the_claims_of_an_earlier_connection_are_known_to_be_abandoned():
    desk = desk_with(statuses={"lost": "queued"}, dispatches=[dispatch("lost", owner=MINE)])
    desk.exit()
    later = Settings(ACTOR, "later", None, None, 250, claim_owner="me, later")
    desk.begin(desk.core.connect(later))
    desk.answer(Open)
    resume(desk, turn(TURN, user("hi")))
    assert desk.waiting(FindGone) == []
    assert ended(desk) == [("lost", "E_TURN_OUTCOME_UNKNOWN")]


def test_a_conversation_that_cannot_be_brought_into_step_is_when_it_is_tried_again():
    desk = desk_with()
    desk.broken["ingest"] = UNREACHABLE
    ticket = resume(desk, turn(TURN, user("hi")))
    while not ticket.settled:
        desk.pass_time(1)
    assert ticket.code == "E_RUNTIME_INGEST_FLUSH_FAILED"
    del desk.broken["ingest"]
    sent = desk.send()
    assert "thread/read" in desk.asks
    read_again(desk, turn(TURN, user("hi")))
    desk.pass_time(1)
    desk.answer("turn/start", turn_of(NEXT))
    assert sent.error is None
    assert (TURN, "item/completed", "u", None) in ingested(desk)


def claimed_again(turn_id="t", runtime_turn=TURN):
    return Claimed(
        dispatch_id=f"{turn_id}-dispatch",
        turn_id=turn_id,
        idempotency_key="k",
        input_text="hi",
        claim_token="token",
        lease_expires_at=0,
        attempt_count=2,
        status="started",
        runtime_turn_id=runtime_turn,
    )


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("completed", "turn_completed"),
        ("failed", "turn_failed"),
        ("interrupted", "turn_cancelled"),
    ],
)
def test_a_turn_that_somebody_had_claimed_before_ends_as_codex_says(status, told):
    desk = desk_with(claims=[claimed_again()])
    turns = (turn(TURN, user("hi", sent_as="t-dispatch"), status=status),)
    resume(desk, *turns)
    read_again(desk, *turns)
    assert told in desk.kept
    assert desk.kept.index("ingest") < desk.kept.index(told)
    assert "turn/start" not in desk.asks


def test_a_turn_that_was_cut_off_before_anything_was_said_is_found_by_what_codex_called_it():
    desk = desk_with(claims=[claimed_again()])
    turns = (turn(TURN, status="interrupted"),)
    resume(desk, *turns)
    read_again(desk, *turns)
    assert "turn_cancelled" in desk.kept
    assert ended(desk) == []


def test_a_turn_that_somebody_had_claimed_before_and_codex_does_not_know_is_not_sent_again():
    desk = desk_with(claims=[claimed_again(runtime_turn=UNSET)])
    resume(desk, turn(TURN, user("other")))
    read_again(desk, turn(TURN, user("other")))
    assert ended(desk) == [("t", "E_TURN_OUTCOME_UNKNOWN")]
    assert "turn/start" not in desk.asks
    assert not desk.state.turn_in_flight


def test_the_next_turn_is_claimed_when_it_is_written_down_how_the_one_before_has_ended():
    desk = desk_with(claims=[claimed_again("lost", UNSET)])
    desk.slow.add("fail_turn")
    resume(desk, turn(TURN, user("other")))
    read_again(desk, turn(TURN, user("other")))
    assert desk.kept.count("claim_turn") == 1
    desk.answer("fail_turn")
    assert desk.kept.count("claim_turn") == 2


def test_the_claim_of_another_runtime_is_taken_over_when_its_lease_has_run_out():
    desk = desk_with(statuses={"t": "inProgress"}, dispatches=[dispatch("t", until=LEASE_DEFAULT)])
    turns = (turn(TURN, user("hi", sent_as="t-dispatch")),)
    resume(desk, *turns, gone=())
    (waiting,) = desk.waiting(Sleep)
    assert waiting.seconds == LEASE_DEFAULT / 1_000
    assert "turn_completed" not in desk.kept
    desk.persistence.claims = [claimed_again()]
    desk.persistence.dispatches = []
    desk.pass_time(waiting.seconds)
    read_again(desk, *turns)
    assert "turn_completed" in desk.kept


def test_a_turn_that_codex_never_answered_for_is_looked_for_when_its_claim_has_run_out():
    desk = desk_with()
    desk.opened()
    ticket = desk.send()
    desk.answer("turn/start", AppServerError("E_APP_SERVER_REQUEST_TIMEOUT", "no answer"))
    assert ticket.code == "E_APP_SERVER_REQUEST_TIMEOUT"
    (accepted,) = desk.args_of("accept_turn")
    desk.persistence.dispatches = [dispatch(accepted.turn_id, owner=MINE, until=LEASE_DEFAULT)]
    desk.pass_time(BEGINNING_SECONDS)
    desk.persistence.claims = [claimed_again(accepted.turn_id, UNSET)]
    desk.pass_time(LEASE_DEFAULT / 1_000)
    read_again(desk, turn(TURN, user("hi", sent_as=accepted.dispatch_id)))
    assert "turn_completed" in desk.kept
    assert {turn_id for turn_id, *_ in ingested(desk)} == {accepted.turn_id}


def test_of_a_thread_that_codex_says_nothing_of_nobody_can_say_how_a_turn_has_ended():
    desk = desk_with(claims=[claimed_again()])
    desk.opened()
    desk.answer("thread/read", RequestFailedError("thread/read", -32601, "not supported yet"))
    assert ended(desk) == [("t", "E_TURN_OUTCOME_UNKNOWN")]


def test_a_turn_that_goes_on_when_its_thread_is_opened_is_kept_as_it_was_sent():
    desk = desk_with(statuses={"t": "inProgress"}, dispatches=[dispatch("t")])
    going_on = turn(TURN, user("hi", sent_as="t-dispatch"), status="inProgress")
    resume(desk, going_on, gone={OTHERS})
    assert desk.state.turn_id == "t"
    desk.completed()
    assert [(turn_id, kind) for turn_id, kind, *_ in ingested(desk)] == [("t", "turn/completed")]
    assert ended(desk) == []
