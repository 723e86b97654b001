"""Approvals: every state and event, who decides, and what the end of a turn does to them."""

from __future__ import annotations

import pytest

from codex_conformance.requirements.states import EXPECTED_STATES
from support.host import Host, Stream, patched, ran, refused

pytestmark = pytest.mark.anyio

APPROVAL = EXPECTED_STATES["approval"]


@pytest.fixture
def host():
    return Host()


def respond(host, decision, item="x"):
    host.call(
        "respondApproval", conversationId="c", turnId="turn-1", itemId=item, decision=decision
    )


def bring(host, thread, stream, event):
    """Bring an event of the approval of ``x`` about."""
    if event == "request":
        host.ingest(thread, stream.asks_for_command("x", "why"))
    elif event.startswith("observe"):
        seen = {"observeAccepted": "completed", "observeDeclined": "declined"}[event]
        host.ingest(thread, stream.item_completed(ran("x", seen)))
    else:
        respond(host, {"accept": "accepted", "decline": "declined"}[event])


@pytest.mark.parametrize(
    "event", ["request", "accept", "decline", "observeAccepted", "observeDeclined"]
)
@pytest.mark.parametrize("before", list(APPROVAL))
def test_an_approval_moves_as_expected(host, before, event):
    thread = host.conversation()
    stream = Stream()
    bring(host, thread, stream, "request")
    if before != "pending":
        respond(host, before)
    (stored,) = host.rows("codex_approvals")
    after = APPROVAL[before][event]
    if after.startswith("E_"):
        assert refused(bring, host, thread, stream, event) == after
    else:
        bring(host, thread, stream, event)
    (row,) = host.rows("codex_approvals")
    if after == "=" or after.startswith("E_"):
        assert row == stored
    else:
        assert row["status"] == after
        assert row["decidedBy"] == ("runtime" if event.startswith("observe") else "u")


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (ran("x", "completed"), "accepted"),
        (ran("x", "failed"), "accepted"),
        (ran("x", "declined"), "declined"),
        (patched("x", "completed"), "accepted"),
        (patched("x", "declined"), "declined"),
    ],
)
def test_an_approval_that_is_asked_and_decided_in_one_batch_is_decided(host, item, told):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.item_completed(item), stream.asks_for_command("x"))
    (row,) = host.rows("codex_approvals")
    assert (row["status"], row["decidedBy"]) == (told, "runtime")


def test_commands_and_patches_ask_for_approval_each_in_its_kind(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.asks_for_command("x", "why"), stream.asks_for_patch("p"))
    shown = host.snapshot()["pendingApprovals"]
    assert sorted(shown, key=lambda row: row["itemId"]) == [
        {"turnId": "turn-1", "itemId": "p", "kind": "fileChange"},
        {"turnId": "turn-1", "itemId": "x", "kind": "commandExecution", "reason": "why"},
    ]


def test_somebody_anonymous_decides_without_a_name(host):
    anonymous = host.acting(anonymous="a")
    thread = anonymous.conversation()
    anonymous.ingest(thread, Stream().asks_for_command("x"))
    respond(anonymous, "accepted")
    (row,) = host.rows("codex_approvals")
    assert row["status"] == "accepted"
    assert "decidedBy" not in row


def test_an_approval_that_is_not_there_is_refused(host):
    host.conversation()
    assert refused(respond, host, "accepted") == "E_APPROVAL_NOT_FOUND"


def test_an_approval_of_a_conversation_that_is_not_there_is_refused(host):
    thread = host.conversation()
    host.ingest(thread, Stream().asks_for_command("x"))
    assert refused(respond, host.acting("v"), "accepted") == "E_CONVERSATION_NOT_FOUND"


@pytest.mark.parametrize("ending", ["completed", "interrupted", "failed"])
async def test_the_end_of_a_turn_declines_what_is_still_pending(host, ending):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.asks_for_command("x"), stream.asks_for_command("y"))
    respond(host, "accepted", "y")
    host.ingest(thread, stream.turn_completed(ending, "why"))
    await host.settle()
    statuses = {row["itemId"]: row["status"] for row in host.rows("codex_approvals")}
    assert statuses == {"x": "declined", "y": "accepted"}
    assert host.snapshot()["pendingApprovals"] == []


async def test_an_approval_that_is_asked_after_the_end_of_its_turn_does_not_wait(host):
    thread = host.conversation()
    stream = Stream()
    host.ingest(thread, stream.turn_completed())
    await host.settle()
    host.ingest(thread, stream.asks_for_command("x"))
    await host.settle()
    assert host.snapshot()["pendingApprovals"] == []


def listed(host, size=2, **where):
    seen, cursor = [], None
    while True:
        options = {"numItems": size, "cursor": cursor}
        page = host.call("listPendingApprovals", paginationOpts=options, **where)
        seen += [(row["threadId"], row["turnId"], row["itemId"]) for row in page["page"]]
        cursor = page["continueCursor"]
        if page["isDone"]:
            return seen


def test_pending_approvals_are_listed_newest_first_of_one_thread_or_of_all(host):
    one, two = host.conversation("c"), host.conversation("d", session="s2")
    first, second = Stream("t1", clock=10), Stream("t2", clock=20)
    host.ingest(one, *[first.asks_for_command(f"x{i}") for i in range(3)])
    host.ingest(two, *[second.asks_for_command(f"y{i}") for i in range(2)], session="s2")
    there = host.acting("v")
    there.ingest(there.conversation(), Stream().asks_for_command("z"))
    ours = [(one, "t1", f"x{i}") for i in (2, 1, 0)]
    theirs = [(two, "t2", f"y{i}") for i in (1, 0)]
    assert listed(host) == theirs + ours
    assert listed(host, threadId=one) == ours
    page = {"numItems": 5, "cursor": None}
    code = host.refusal("listPendingApprovals", threadId="nowhere", paginationOpts=page)
    assert code == "E_THREAD_NOT_FOUND"


def test_an_empty_thread_id_does_not_stand_for_all_threads(host):
    host.ingest(host.conversation(), Stream().asks_for_command("x"))
    page = {"numItems": 5, "cursor": None}
    code = host.refusal("listPendingApprovals", threadId="", paginationOpts=page)
    assert code == "E_THREAD_NOT_FOUND"


def test_approvals_of_one_item_id_and_one_moment_in_two_turns_are_both_listed(host):
    thread = host.conversation()
    for turn in ("t1", "t2", "t3"):
        host.ingest(thread, Stream(turn).asks_for_command("x", createdAt=5))
    assert {turn for _, turn, _ in listed(host, size=1)} == {"t1", "t2", "t3"}
