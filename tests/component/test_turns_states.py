"""Turns: acceptance, every state and event, and what the end of one brings with it."""

from __future__ import annotations

import pytest

from codex_conformance.requirements.states import EXPECTED_STATES
from support.host import Host, Stream

pytestmark = pytest.mark.anyio

TURN = EXPECTED_STATES["turn"]
ENDINGS = ("completed", "interrupted", "failed")
RANK = {"completed": 1, "interrupted": 2, "failed": 3}


@pytest.fixture
def host():
    return Host()


def accept(host, thread, turn="turn-1", key="k", text="do it", **more):
    return host.call(
        "acceptTurnSend",
        threadId=thread,
        turnId=turn,
        idempotencyKey=key,
        inputText=text,
        **more,
    )


def bring(stream, event, text="why"):
    """The event of a stream that says something of its turn."""
    if event == "queued":
        return stream.event("vendor/signal", {})
    if event == "started":
        return stream.turn_started()
    return stream.turn_completed(event, None if event == "completed" else text)


def turn_row(host, turn="turn-1"):
    (row,) = host.rows("codex_turns", turnId=turn)
    return row


async def in_state(host, thread, stream, state):
    accept(host, thread)
    if state != "queued":
        host.ingest(thread, bring(stream, "started" if state == "inProgress" else state, "first"))
    await host.settle()
    assert host.turn("turn-1") == state


@pytest.mark.parametrize("event", ["queued", "started", *ENDINGS])
@pytest.mark.parametrize("before", list(TURN))
async def test_a_turn_moves_as_expected_by_what_is_ingested(host, before, event):
    thread = host.conversation()
    stream = Stream()
    await in_state(host, thread, stream, before)
    stored = turn_row(host)
    assert host.ingest(thread, bring(stream, event, "second"))["status"] == "ok"
    after = TURN[before][event]
    assert host.turn("turn-1") == (before if after == "=" else after)
    await host.settle()
    row = turn_row(host)
    if after == "=":
        assert row == stored
    else:
        assert row["status"] == after
        assert row.get("error") == ("second" if after in {"interrupted", "failed"} else None)


@pytest.mark.parametrize("door", ["interrupt", "fail"])
@pytest.mark.parametrize("before", list(TURN))
async def test_a_turn_moves_as_expected_by_what_the_host_says(host, before, door):
    thread = host.conversation()
    await in_state(host, thread, Stream(), before)
    stored = turn_row(host)
    if door == "interrupt":
        host.call("interruptTurn", conversationId="c", turnId="turn-1", reason="second")
    else:
        told = {"code": "E_SPAWN", "reason": "second"}
        host.call("failAcceptedTurnSend", threadId=thread, turnId="turn-1", **told)
    await host.settle()
    after = TURN[before]["interrupted" if door == "interrupt" else "failed"]
    row = turn_row(host)
    if after == "=":
        assert row == stored
    else:
        assert row["status"] == after
        assert row["error"] == ("second" if door == "interrupt" else "[E_SPAWN] second")
        assert "completedAt" in row


@pytest.mark.parametrize("second", ENDINGS)
@pytest.mark.parametrize("first", ENDINGS)
@pytest.mark.parametrize("together", [False, True], ids=["two batches", "one batch"])
async def test_of_two_endings_the_worse_stands_with_its_own_text(host, first, second, together):
    thread = host.conversation()
    stream = Stream()
    events = [bring(stream, first, f"{first} 1"), bring(stream, second, f"{second} 2")]
    for batch in (events,) if together else ([events[0]], [events[1]]):
        host.ingest(thread, *batch)
        await host.settle()
    row = turn_row(host)
    stands = second if RANK[second] > RANK[first] else first
    texts = {second: f"{second} 2", first: f"{first} 1"}
    assert row["status"] == stands
    assert row.get("error") == (None if stands == "completed" else texts[stands])


async def test_an_error_and_a_completion_in_one_batch_are_a_failure(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.failed("boom"), stream.turn_completed())
    await host.settle()
    row = turn_row(host)
    assert (row["status"], row["error"]) == ("failed", "boom")


async def test_an_error_that_codex_will_retry_ends_nothing(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.turn_started(), stream.failed("hiccup", will_retry=True))
    assert host.turn("turn-1") == "inProgress"
    host.ingest(thread, stream.turn_completed())
    await host.settle()
    assert (turn_row(host)["status"], turn_row(host).get("error")) == ("completed", None)


async def test_the_moment_of_the_first_end_is_kept(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.turn_completed())
    ended = turn_row(host)["completedAt"]
    await host.advance(5_000)
    host.ingest(thread, stream.turn_completed("failed", "boom"))
    await host.advance(5_000)
    assert turn_row(host)["completedAt"] == ended


async def test_a_turn_that_is_first_heard_of_at_its_end_has_its_error_at_once(host):
    thread = host.conversation()
    host.ingest(thread, Stream().turn_completed("failed", "boom"))
    row = turn_row(host)
    assert (row["status"], row["error"]) == ("failed", "boom")
    assert row["completedAt"] == host.backend.clock.now_ms()


async def test_what_is_late_for_an_ended_turn_is_settled_without_reopening_it(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.turn_completed("interrupted", "stop"))
    await host.settle()
    late = Stream(stream="another")
    host.ingest(thread, late.turn_started(), late.text("m", "late"))
    await host.settle()
    row = turn_row(host)
    assert (row["status"], row["error"]) == ("interrupted", "stop")
    assert {row["state"]["kind"] for row in host.rows("codex_streams")} == {"aborted"}
    assert host.messages()["m"]["status"] == "interrupted"


async def test_settling_a_turn_again_changes_nothing(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.text("m", "x"), stream.turn_completed("failed", "boom"))
    await host.settle()
    before = host.tables()
    where = {"userScope": "u", "threadId": thread, "turnId": "turn-1"}
    for status in ENDINGS:
        told = {**where, "status": status, "error": "another text"}
        host.internal("turnsInternal.reconcileTerminalArtifacts", **told)
    assert host.tables() == before


def test_settling_a_turn_that_is_gone_is_nothing(host):
    thread = host.conversation()
    before = host.tables()
    host.internal(
        "turnsInternal.reconcileTerminalArtifacts",
        userScope="u",
        threadId=thread,
        turnId="gone",
        status="completed",
    )
    assert host.tables() == before


async def test_an_interrupt_without_a_reason_says_so(host):
    thread = host.conversation()
    accept(host, thread)
    host.call("interruptTurn", conversationId="c", turnId="turn-1")
    assert host.turn("turn-1") == "queued"
    await host.settle()
    assert turn_row(host)["error"] == "interrupted"


def test_a_failure_without_a_code_is_its_reason(host):
    thread = host.conversation()
    accept(host, thread)
    host.call("failAcceptedTurnSend", threadId=thread, turnId="turn-1", reason="no luck")
    assert (turn_row(host)["status"], turn_row(host)["error"]) == ("failed", "no luck")


@pytest.mark.parametrize("name", ["interruptTurn", "failAcceptedTurnSend"])
def test_a_turn_that_is_not_there_cannot_be_ended(host, name):
    thread = host.conversation()
    if name == "interruptTurn":
        assert host.refusal(name, conversationId="c", turnId="no") == "E_TURN_NOT_FOUND"
        other = host.acting("v").refusal(name, conversationId="c", turnId="no")
        assert other == "E_CONVERSATION_NOT_FOUND"
    else:
        asked = {"threadId": thread, "turnId": "no", "reason": "x"}
        assert host.refusal(name, **asked) == "E_TURN_NOT_FOUND"
        assert host.acting("v").refusal(name, **asked) == "E_THREAD_NOT_FOUND"


def test_the_same_key_gives_the_same_turn_whatever_else_is_said(host):
    thread = host.conversation()
    first = accept(host, thread)
    assert first == {"turnId": "turn-1", "dispatchId": "turn-1", "accepted": True}
    before = host.tables()
    assert accept(host, thread, turn="turn-2", text="else", dispatchId="d2") == first
    assert host.tables() == before


def test_keys_belong_to_their_thread(host):
    one, two = host.conversation("c"), host.conversation("d", session="s2")
    assert accept(host, one, turn="t1")["turnId"] == "t1"
    assert accept(host, two, turn="t2")["turnId"] == "t2"


def test_a_turn_id_is_accepted_once(host):
    thread = host.conversation()
    accept(host, thread)
    given = {"threadId": thread, "turnId": "turn-1", "inputText": "x"}
    assert host.refusal("acceptTurnSend", idempotencyKey="k2", **given) == "E_TURN_ID_REUSED"


def test_a_dispatch_id_belongs_to_one_turn(host):
    thread = host.conversation()
    accept(host, thread, dispatchId="d")
    given = {"threadId": thread, "turnId": "turn-2", "inputText": "x", "dispatchId": "d"}
    assert host.refusal("acceptTurnSend", idempotencyKey="k2", **given) == "E_DISPATCH_ID_REUSED"
    assert [row["turnId"] for row in host.rows("codex_turns")] == ["turn-1"]


def test_acceptance_needs_a_thread_of_the_callers(host):
    thread = host.conversation()
    given = {"turnId": "t", "idempotencyKey": "k", "inputText": "x"}
    assert host.refusal("acceptTurnSend", threadId="no", **given) == "E_THREAD_NOT_FOUND"
    other = host.acting("v").refusal("acceptTurnSend", threadId=thread, **given)
    assert other == "E_THREAD_NOT_FOUND"


def test_a_turn_keeps_the_first_five_hundred_units_of_its_texts(host):
    thread = host.conversation()
    given = [
        {"type": "text", "text": "one"},
        {"type": "image", "url": "https://x.test/i.png"},
        {"type": "text", "text": "two"},
        {"type": "text", "text": "x" * 600},
    ]
    host.call("turns.start", threadId=thread, turnId="t", idempotencyKey="k", input=given)
    assert turn_row(host, "t")["inputSummary"] == "one\ntwo\n" + "x" * 492
    host.call("turns.start", threadId=thread, turnId="e", idempotencyKey="e", input=[])
    assert turn_row(host, "e")["inputSummary"] == ""


def test_a_summary_is_never_cut_inside_a_character(host):
    thread = host.conversation()
    accept(host, thread, text="x" * 499 + "🌍🌍")
    assert turn_row(host)["inputSummary"] == "x" * 499


async def test_the_end_of_a_turn_leaves_other_turns_alone(host):
    thread = host.conversation()
    one, two = Stream("t1"), Stream("t2")
    host.ingest(thread, one.text("m", "x"), two.text("n", "y"), two.asks_for_command("z"))
    host.ingest(thread, one.turn_completed("failed", "boom"))
    await host.settle()
    assert host.turn("t2") == "inProgress"
    assert host.messages()["n"]["status"] == "streaming"
    assert [row["streamId"] for row in host.snapshot()["activeStreams"]] == ["stream:t2"]
    assert len(host.snapshot()["pendingApprovals"]) == 1
