"""Token usage: one row for each turn, and the latest counts stand."""

from __future__ import annotations

import pytest

from support.host import Host, Stream

NAMES = ("totalTokens", "inputTokens", "cachedInputTokens", "outputTokens", "reasoningOutputTokens")


@pytest.fixture
def host():
    return Host()


def counts(begin):
    total = {name: begin + place for place, name in enumerate(NAMES)}
    last = {f"last{name[0].upper()}{name[1:]}": 100 + value for name, value in total.items()}
    return {**total, **last}


def shown(begin):
    total = {name: begin + place for place, name in enumerate(NAMES)}
    return {"total": total, "last": {name: 100 + value for name, value in total.items()}}


def usage(host):
    return host.call("listTokenUsageByConversation", conversationId="c")


def test_the_latest_counts_of_a_turn_stand_and_the_window_is_kept(host):
    thread = host.conversation()
    host.ingest(thread, Stream().turn_started())
    where = {"threadId": thread, "turnId": "turn-1"}
    host.call("upsertTokenUsage", **where, **counts(1), modelContextWindow=272_000)
    host.call("upsertTokenUsage", **where, **counts(50))
    (row,) = usage(host)
    del row["updatedAt"]
    assert row == {"turnId": "turn-1", **shown(50), "modelContextWindow": 272_000}


def test_counts_of_an_unknown_turn_are_left_out_without_an_error(host):
    thread = host.conversation()
    host.call("upsertTokenUsage", threadId=thread, turnId="none", **counts(1))
    assert usage(host) == []
    assert host.rows("codex_token_usage") == []


def test_counts_need_a_thread_of_the_callers(host):
    thread = host.conversation()
    host.ingest(thread, Stream().turn_started())
    given = {"threadId": thread, "turnId": "turn-1", **counts(1)}
    assert host.acting("v").refusal("upsertTokenUsage", **given) == "E_THREAD_NOT_FOUND"
    assert host.call("listTokenUsageByConversation", conversationId="nowhere") == []
    assert host.refusal("tokenUsage.listByThread", threadId="nowhere") == "E_THREAD_NOT_FOUND"


@pytest.mark.anyio
async def test_turns_are_listed_in_the_order_of_their_last_change(host):
    thread = host.conversation()
    host.ingest(thread, Stream("t1").turn_started(), Stream("t2").turn_started())
    for turn in ("t1", "t2", "t1"):
        host.call("upsertTokenUsage", threadId=thread, turnId=turn, **counts(1))
        await host.advance(1)
    assert [row["turnId"] for row in usage(host)] == ["t2", "t1"]
