"""Who may feed a thread: sessions found, made and bound, threads that take nothing, races."""

from __future__ import annotations

import pytest

from support.host import Host, Stream, rejected_with, said


@pytest.fixture
def host():
    return Host()


def test_a_missing_thread_is_rejected_without_recovery(host):
    host.conversation()
    result = host.ingest("nowhere", Stream().turn_started())
    assert rejected_with(result) == ("UNKNOWN", "E_THREAD_NOT_FOUND")


def test_the_thread_of_another_user_is_not_there(host):
    thread = host.conversation()
    result = host.acting("v").ingest(thread, Stream().turn_started())
    assert rejected_with(result) == ("UNKNOWN", "E_THREAD_NOT_FOUND")


def test_an_unknown_session_is_made_and_the_batch_taken_in(host):
    thread = host.conversation()
    event = Stream().turn_started()
    result = host.ingest(thread, event, session="new", ensureLastEventCursor=7.9)
    assert result["status"] == "session_recovered"
    assert result["recovery"] == {
        "action": "session_rebound",
        "sessionId": "new",
        "threadId": thread,
    }
    assert result["errors"] == []
    (session,) = host.rows("codex_sessions", sessionId="new")
    assert (session["status"], session["threadId"]) == ("active", thread)
    assert session["lastEventCursor"] == 7


def test_a_session_of_another_thread_is_bound_to_this_one_from_the_start(host):
    thread, other = host.conversation("c"), host.conversation("d", session="s2")
    stream = Stream()
    host.ingest(thread, *[stream.item_started(said(f"m{i}", "")) for i in range(9)])
    result = host.ingest(other, Stream("t2").turn_started())
    assert result["status"] == "session_recovered"
    (session,) = host.rows("codex_sessions", sessionId="s")
    assert (session["threadId"], session["lastEventCursor"]) == (other, 1)


def test_without_recovery_the_session_is_named_in_the_refusal(host):
    thread, other = host.conversation("c"), host.conversation("d", session="s2")
    batch = {"streamDeltas": [Stream().turn_started()], "lifecycleEvents": []}
    code = host.refusal("sync.ingest", sessionId="nobody", threadId=thread, **batch)
    assert code == "E_SYNC_SESSION_NOT_FOUND"
    code = host.refusal("sync.ingest", sessionId="s", threadId=other, **batch)
    assert code == "E_SYNC_SESSION_THREAD_MISMATCH"


@pytest.mark.parametrize("session", ["new", "s2"])
def test_a_batch_that_is_rejected_after_the_recovery_leaves_no_session_behind(host, session):
    thread = host.conversation("c")
    host.conversation("d", session="s2")
    before = host.tables()
    bad = Stream().text("m", "x", cursorEnd=0)
    code = rejected_with(host.ingest(thread, bad, session=session))
    assert code == ("UNKNOWN", "E_SYNC_INVALID_CURSOR_RANGE")
    assert host.tables() == before


def test_another_users_session_of_the_same_name_is_another_session(host):
    thread = host.conversation()
    other = host.acting("v")
    other.conversation()
    assert host.ingest(thread, Stream().turn_started())["status"] == "ok"
    theirs = [row for row in host.rows("codex_sessions") if row["userScope"] == "v"]
    assert [row["lastEventCursor"] for row in theirs] == [0]


def test_a_thread_that_is_being_deleted_takes_nothing_in(host):
    thread = host.conversation()
    host.ingest(thread, Stream().turn_started())
    job = host.call("deleteThread", conversationId="c", batchSize=1)["deletionJobId"]
    host.internal("sessions.runDeletionJobChunk", userScope="u", deletionJobId=job)
    before = host.tables()
    result = host.ingest(thread, Stream("t2").turn_started())
    assert rejected_with(result) == ("UNKNOWN", "E_THREAD_DELETING")
    assert host.tables() == before


def test_a_turn_that_is_being_deleted_takes_nothing_in(host):
    thread = host.conversation()
    host.ingest(thread, Stream().turn_started(), Stream("t2").turn_started())
    job = host.call("deleteTurn", conversationId="c", turnId="turn-1", batchSize=1)
    host.internal("sessions.runDeletionJobChunk", userScope="u", deletionJobId=job["deletionJobId"])
    before = host.tables()
    result = host.ingest(thread, Stream("turn-1", "new").text("m", "x"))
    assert rejected_with(result) == ("UNKNOWN", "E_TURN_DELETING")
    assert host.tables() == before
    assert host.ingest(thread, Stream("t2", start=1).text("m", "x"))["status"] == "ok"


def test_one_batch_that_is_under_way_twice_at_once_counts_once(host):
    thread = host.conversation()
    stream = Stream()
    batch = [stream.turn_started(), stream.text("m", "hel"), stream.text("m", "lo")]
    args = {"sessionId": "s", "threadId": thread, "deltas": batch}
    first, second = host.begin("ingestBatch", **args), host.begin("ingestBatch", **args)
    told = second.commit().unwrap()
    before = host.tables()
    assert first.commit().unwrap() == told
    assert host.tables() == before
    assert host.messages()["m"]["text"] == "hello"


def test_two_batches_of_one_stream_under_way_at_once_are_taken_in_one_after_the_other(host):
    thread = host.conversation()
    stream = Stream()
    args = {"sessionId": "s", "threadId": thread}
    one = host.begin("ingestBatch", **args, deltas=[stream.text("m", "one ")])
    two = host.begin("ingestBatch", **args, deltas=[stream.text("m", "two")])
    assert one.commit().unwrap()["status"] == "ok"
    assert two.commit().unwrap()["status"] == "ok"
    assert host.messages()["m"]["text"] == "one two"


def test_a_batch_that_conflicts_with_everything_is_run_again_and_counts_once(host):
    thread = host.conversation()
    host.backend.inject_conflicts(4)
    assert host.ingest(thread, Stream().text("m", "once"))["status"] == "ok"
    assert host.messages()["m"]["text"] == "once"
