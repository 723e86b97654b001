"""Sessions: every state and event, whose they are, and who falls silent."""

from __future__ import annotations

import pytest

from codex_conformance.requirements.states import EXPECTED_STATES
from support.host import Host, Stream, edited

pytestmark = pytest.mark.anyio

SESSION = EXPECTED_STATES["session"]
SILENT = 180_000


@pytest.fixture
def host():
    return Host()


def session(host, name="s"):
    (row,) = host.rows("codex_sessions", sessionId=name, userScope="u")
    return row


@pytest.mark.parametrize("event", ["open", "heartbeat", "ingest", "silence"])
@pytest.mark.parametrize("before", list(SESSION))
async def test_a_session_moves_as_expected(host, before, event):
    thread = host.conversation()
    # Some of these states are written by nobody any more, but stand in older deployments.
    host = Host(edited(host.backend, "codex_sessions", status=before))
    asked = {"sessionId": "s", "threadId": thread, "lastEventCursor": 0}
    if event == "open":
        assert host.call("ensureSession", **asked)["status"] == "active"
    elif event == "heartbeat":
        host.call("heartbeatSession", **asked)
    elif event == "ingest":
        assert host.ingest(thread, Stream().turn_started())["status"] == "ok"
    else:
        now = host.backend.clock.now_ms()
        told = host.internal("sessions.timeoutStaleSessions", userScope="u", staleBeforeMs=now + 1)
        assert told == {"timedOut": int(SESSION[before][event] != "=")}
    after = SESSION[before][event]
    assert session(host)["status"] == (before if after == "=" else after)


async def test_a_session_that_falls_silent_is_stale_after_three_minutes(host):
    host.conversation()
    await host.advance(SILENT - 1)
    assert session(host)["status"] == "active"
    await host.advance(1)
    row = session(host)
    assert (row["status"], row["error"]) == ("stale", "heartbeat timeout")
    assert row["endedAt"] == host.backend.clock.now_ms()


@pytest.mark.parametrize("sign", ["open", "heartbeat", "ingest"])
async def test_a_stale_session_that_is_heard_from_is_active_and_watched_again(host, sign):
    thread = host.conversation()
    await host.advance(SILENT)
    asked = {"sessionId": "s", "threadId": thread, "lastEventCursor": 0}
    if sign == "open":
        host.call("ensureSession", **asked)
    elif sign == "heartbeat":
        host.call("heartbeatSession", **asked)
    else:
        host.ingest(thread, Stream().turn_started())
    row = session(host)
    assert row["status"] == "active"
    assert not {"endedAt", "error"} & set(row)
    await host.advance(SILENT)
    assert session(host)["status"] == "stale"


async def test_a_heartbeat_puts_the_silence_off(host):
    thread = host.conversation()
    await host.advance(SILENT - 1)
    host.call("heartbeatSession", sessionId="s", threadId=thread, lastEventCursor=0)
    await host.advance(SILENT - 1)
    assert session(host)["status"] == "active"
    await host.advance(1)
    assert session(host)["status"] == "stale"


async def test_a_session_is_watched_once_however_often_it_revives(host):
    thread = host.conversation()
    asked = {"sessionId": "s", "threadId": thread, "lastEventCursor": 0}
    for _ in range(5):
        now = host.backend.clock.now_ms()
        host.internal("sessions.timeoutStaleSessions", userScope="u", staleBeforeMs=now + 1)
        host.call("heartbeatSession", **asked)
    pending = [
        row
        for row in host.rows("_scheduled_functions")
        if row["state"]["kind"] == "pending" and "sessions" in row["name"]
    ]
    assert len(pending) == 1


def test_a_session_is_made_once_and_then_found(host):
    thread = host.conversation(session="first")
    asked = {"sessionId": "s", "threadId": thread, "lastEventCursor": 5}
    assert host.call("ensureSession", **asked) == {
        "sessionId": "s",
        "threadId": thread,
        "status": "created",
    }
    assert host.call("ensureSession", **asked)["status"] == "active"
    assert len(host.rows("codex_sessions")) == 2


def test_the_cursor_of_a_session_only_grows(host):
    thread = host.conversation()
    for cursor, reached in ((5, 5), (3, 5), (8, 8)):
        host.call("heartbeatSession", sessionId="s", threadId=thread, lastEventCursor=cursor)
        assert session(host)["lastEventCursor"] == reached


def test_a_session_that_moves_to_another_thread_begins_there(host):
    thread, other = host.conversation("c"), host.conversation("d", session="s2")
    host.call("heartbeatSession", sessionId="s", threadId=thread, lastEventCursor=50)
    host.call("ensureSession", sessionId="s", threadId=other, lastEventCursor=2)
    row = session(host)
    assert (row["threadId"], row["lastEventCursor"]) == (other, 2)


@pytest.mark.parametrize("name", ["ensureSession", "heartbeatSession"])
def test_a_session_needs_a_thread_of_the_callers(host, name):
    thread = host.conversation()
    asked = {"sessionId": "x", "lastEventCursor": 0}
    assert host.refusal(name, threadId="nowhere", **asked) == "E_THREAD_NOT_FOUND"
    assert host.acting("v").refusal(name, threadId=thread, **asked) == "E_THREAD_NOT_FOUND"


async def test_a_delivery_is_a_sign_of_life_at_most_every_ten_seconds_unless_it_is_new(host):
    thread = host.conversation()
    stream = Stream()
    first = stream.turn_started()
    host.ingest(thread, first)
    heard = session(host)["lastHeartbeatAt"]
    await host.advance(9_999)
    host.ingest(thread, first)
    assert session(host)["lastHeartbeatAt"] == heard
    await host.advance(1)
    host.ingest(thread, first)
    assert session(host)["lastHeartbeatAt"] == heard + 10_000
    await host.advance(1)
    host.ingest(thread, stream.text("m", "new"))
    assert session(host)["lastHeartbeatAt"] == heard + 10_001


def test_a_sweep_leaves_other_actors_alone_and_those_that_were_heard_from(host):
    host.conversation()
    host.acting("v").conversation()
    now = host.backend.clock.now_ms()
    none = host.internal("sessions.timeoutStaleSessions", userScope="u", staleBeforeMs=now)
    assert none == {"timedOut": 0}
    one = host.internal("sessions.timeoutStaleSessions", userScope="u", staleBeforeMs=now + 1)
    assert one == {"timedOut": 1}
    states = {row["userScope"]: row["status"] for row in host.rows("codex_sessions")}
    assert states == {"u": "stale", "v": "active"}
