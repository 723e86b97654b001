"""The outbox: every state and event through the doors, and what the turn's end makes of it."""

from __future__ import annotations

import pytest

from codex_conformance.requirements.states import EXPECTED_STATES
from support.host import Host, Stream

pytestmark = pytest.mark.anyio

DISPATCH = EXPECTED_STATES["turn dispatch"]
LEASE = 15_000
NO_TOKEN = "00000000-0000-4000-8000-000000000000"
TURN_AFTER = {"completed": "completed", "failed": "failed", "cancelled": "interrupted"}


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def thread(host):
    return host.conversation()


def accept(host, thread, turn="t1", text="do it"):
    host.call("acceptTurnSend", threadId=thread, turnId=turn, idempotencyKey=turn, inputText=text)


def claim(host, thread, owner="one", **more):
    return host.call("claimTurnDispatch", threadId=thread, claimOwner=owner, **more)


def moving(thread, event, token):
    """The endpoint that brings an event about, and its arguments."""
    name = {
        "started": "markTurnDispatchStarted",
        "completed": "markTurnDispatchCompleted",
        "failed": "markTurnDispatchFailed",
        "cancel": "cancelTurnDispatch",
    }[event]
    args = {"threadId": thread, "dispatchId": "t1"}
    if event != "cancel":
        args["claimToken"] = token
    if event == "failed":
        args |= {"code": "E_TEST", "reason": "why"}
    return name, args


def bring_to(host, thread, state):
    """Bring the dispatch into a state; give the token of its claim, if it has one."""
    accept(host, thread)
    if state == "queued":
        return NO_TOKEN
    if state == "cancelled":
        name, args = moving(thread, "cancel", None)
        host.call(name, **args)
        return NO_TOKEN
    token = claim(host, thread)["claimToken"]
    if state != "claimed":
        name, args = moving(thread, state, token)
        host.call(name, **args)
    return token


def stored(host, turn="t1"):
    (row,) = host.rows("codex_turn_dispatches", turnId=turn)
    return row


@pytest.mark.parametrize("event", ["started", "completed", "failed", "cancel"])
@pytest.mark.parametrize("before", list(DISPATCH))
async def test_a_dispatch_moves_as_expected(host, thread, before, event):
    token = bring_to(host, thread, before)
    await host.settle()
    row = stored(host)
    assert row["status"] == before
    name, args = moving(thread, event, token)
    after = DISPATCH[before][event]
    if after.startswith("E_"):
        assert host.refusal(name, **args) == after
    else:
        told = host.call(name, **args)
        assert (told["dispatchId"], told["turnId"]) == ("t1", "t1")
        assert told["status"] == (before if after == "=" else after)
    if after == "=" or after.startswith("E_"):
        assert stored(host) == row
    else:
        assert stored(host)["status"] == after
    await host.settle()
    if stored(host)["status"] in TURN_AFTER:
        assert host.turn("t1") == TURN_AFTER[stored(host)["status"]]


@pytest.mark.parametrize("before", list(DISPATCH))
async def test_a_claim_finds_what_is_open_once_its_lease_has_run_out(host, thread, before):
    bring_to(host, thread, before)
    await host.settle()
    if before in ("claimed", "started"):
        assert claim(host, thread, "two") is None
        await host.advance(LEASE)
    found = claim(host, thread, "two")
    after = DISPATCH[before]["claim"]
    if after.startswith("E_"):
        assert found is None
    else:
        assert (found["turnId"], found["status"]) == ("t1", after)
        assert stored(host)["claimOwner"] == "two"


async def test_a_turn_that_is_started_is_in_progress(host, thread):
    token = bring_to(host, thread, "claimed")
    assert host.turn("t1") == "queued"
    name, args = moving(thread, "started", token)
    host.call(name, **args, runtimeThreadId="rt", runtimeTurnId="ct")
    assert host.turn("t1") == "inProgress"
    (open_one,) = host.call("listOpenTurnDispatches", threadId=thread)
    assert (open_one["runtimeThreadId"], open_one["runtimeTurnId"]) == ("rt", "ct")
    assert open_one["startedAt"] == host.backend.clock.now_ms()


async def test_a_failure_is_a_failure_of_the_turn_with_its_code(host, thread):
    bring_to(host, thread, "failed")
    await host.settle()
    (turn,) = host.rows("codex_turns")
    assert (turn["status"], turn["error"]) == ("failed", "[E_TEST] why")
    assert (stored(host)["failureCode"], stored(host)["failureReason"]) == ("E_TEST", "why")


@pytest.mark.parametrize("before", ["queued", "claimed", "started"])
@pytest.mark.parametrize(
    ("ending", "settled"),
    [("completed", "completed"), ("failed", "failed"), ("interrupted", "cancelled")],
)
async def test_the_end_of_the_turn_settles_the_dispatch(host, thread, before, ending, settled):
    bring_to(host, thread, before)
    host.ingest(thread, Stream("t1").turn_completed(ending, "why"))
    await host.settle()
    assert stored(host)["status"] == settled
    assert stored(host).get("failureReason") == (None if ending == "completed" else "why")
    assert claim(host, thread, "two") is None
    assert host.call("listOpenTurnDispatches", threadId=thread) == []


@pytest.mark.parametrize("before", ["queued", "claimed", "started"])
async def test_a_failed_send_fails_turn_and_dispatch(host, thread, before):
    bring_to(host, thread, before)
    told = {"code": "E_SPAWN", "reason": "no binary"}
    host.call("failAcceptedTurnSend", threadId=thread, turnId="t1", dispatchId="t1", **told)
    assert host.turn("t1") == "failed"
    await host.settle()
    assert stored(host)["status"] == "failed"
    assert stored(host)["failureReason"] == "[E_SPAWN] no binary"


async def test_an_ended_turn_is_never_handed_out_not_even_before_it_is_settled(host, thread):
    accept(host, thread, "t1")
    accept(host, thread, "t2")
    host.ingest(thread, Stream("t1").turn_completed("interrupted", "stop"))
    assert claim(host, thread)["turnId"] == "t2"
    await host.settle()
    assert stored(host)["status"] == "cancelled"


@pytest.mark.parametrize("before", ["queued", "claimed", "started"])
async def test_an_interrupt_cancels_the_dispatch(host, thread, before):
    token = bring_to(host, thread, before)
    host.call("interruptTurn", conversationId="c", turnId="t1", reason="user stop")
    await host.settle()
    assert (stored(host)["status"], stored(host)["failureReason"]) == ("cancelled", "user stop")
    name, args = moving(thread, "completed", token)
    assert host.refusal(name, **args) == "E_DISPATCH_SETTLED"


async def test_a_cancelled_dispatch_says_why(host, thread):
    accept(host, thread)
    host.call("cancelTurnDispatch", threadId=thread, dispatchId="t1", reason="changed my mind")
    await host.settle()
    (turn,) = host.rows("codex_turns")
    assert (turn["status"], turn["error"]) == ("interrupted", "changed my mind")
    assert stored(host)["failureReason"] == "changed my mind"


@pytest.mark.parametrize("event", ["started", "completed", "failed", "cancel"])
def test_a_dispatch_is_found_only_by_its_actor_in_its_thread(host, thread, event):
    token = bring_to(host, thread, "claimed")
    name, args = moving(thread, event, token)
    other = host.conversation("d", session="s2")
    assert host.acting("v").refusal(name, **args) == "E_THREAD_NOT_FOUND"
    assert host.refusal(name, **{**args, "threadId": other}) == "E_DISPATCH_NOT_FOUND"
    assert host.refusal(name, **{**args, "dispatchId": "no"}) == "E_DISPATCH_NOT_FOUND"


@pytest.mark.parametrize("name", ["claimTurnDispatch", "listOpenTurnDispatches"])
def test_the_outbox_of_another_users_thread_is_not_there(host, thread, name):
    accept(host, thread)
    args = {"claimOwner": "x"} if name == "claimTurnDispatch" else {}
    assert host.acting("v").refusal(name, threadId=thread, **args) == "E_THREAD_NOT_FOUND"


def test_nothing_is_claimed_where_nothing_waits(host, thread):
    assert claim(host, thread) is None


def test_a_claim_hands_over_the_whole_text_however_long(host, thread):
    text = "ü" * 1_000_000
    accept(host, thread, text=text)
    assert claim(host, thread)["inputText"] == text


def test_a_turn_that_is_accepted_without_the_outbox_is_not_in_it(host, thread):
    host.call("turns.start", threadId=thread, turnId="t", idempotencyKey="k", input=[])
    assert claim(host, thread) is None


def test_a_thread_that_is_being_deleted_hands_nothing_out(host, thread):
    accept(host, thread)
    host.ingest(thread, Stream("t9").turn_started())
    job = host.call("deleteThread", conversationId="c", batchSize=1)["deletionJobId"]
    host.internal("sessions.runDeletionJobChunk", userScope="u", deletionJobId=job)
    code = host.refusal("claimTurnDispatch", threadId=thread, claimOwner="one")
    assert code == "E_THREAD_DELETING"
