"""Who reads while a deletion runs gets what is left, or the code of what is gone (spec 04 §4-6)."""

import pytest

from support.deletions import run_once, status
from support.host import Host
from support.populated import populate

pytestmark = pytest.mark.anyio

PAGE = {"paginationOpts": {"numItems": 50, "cursor": None}}
GONE = {"E_THREAD_NOT_FOUND", "E_TURN_NOT_FOUND"}


def reads(thread):
    """Every query about a thread, a turn of it, or all threads, with its arguments."""
    of_thread = {"threadId": thread}
    of_turn = {**of_thread, "turnId": "a-1"}
    return {
        "threads.list": PAGE,
        "threads.listByConversation": {"conversationId": "a"},
        "threads.resolveByConversationId": {"conversationId": "a"},
        "threads.getState": of_thread,
        "threads.getConversationSyncJob": {"conversationId": "a"},
        "threads.listConversationSyncJobs": {"conversationId": "a"},
        "threads.listRuntimeConversationBindings": {"runtimeConversationIds": ["a"]},
        "messages.listByThread": {**of_thread, **PAGE},
        "messages.getByTurn": of_turn,
        "reasoning.listByThread": {**of_thread, **PAGE},
        "approvals.listPending": {**of_thread, **PAGE},
        "serverRequests.listPending": of_thread,
        "tokenUsage.listByThread": of_thread,
        "sync.replay": {**of_thread, "streamCursorsById": []},
        "sync.resumeReplay": {**of_turn, "fromCursor": 0},
        "sync.listCheckpoints": of_thread,
        "dispatch.listOpen": of_thread,
        "audit.countRows": of_thread,
    }


@pytest.mark.parametrize("kind", ["thread", "turn", "actor"])
@pytest.mark.parametrize("long", [False, True], ids=["short", "long"])
def test_every_read_between_the_batches_answers_or_says_what_is_gone(kind, long):
    host = Host()
    thread = populate(host, "a", long=long)
    populate(host, "b")
    job = {
        "thread": lambda: host.call("threads.deleteCascade", threadId=thread, batchSize=1),
        "turn": lambda: host.call(
            "turns.deleteCascade", threadId=thread, turnId="a-1", batchSize=1
        ),
        "actor": lambda: host.call("threads.purgeActorData", batchSize=1),
    }[kind]()["deletionJobId"]
    while status(host, job)["status"] != "completed":
        run_once(host, job)
        for name, args in reads(thread).items():
            outcome = host.outcome(name, **args)
            if not outcome.ok:
                assert isinstance(outcome.error.data, dict), (name, outcome.error.message)
                assert outcome.error.data["code"] in GONE, (name, outcome.error.data)


def test_a_thread_that_has_lost_its_binding_is_not_listed_and_hides_no_other():
    host = Host()
    thread = populate(host, "a")
    populate(host, "b")
    job = host.call("threads.deleteCascade", threadId=thread, batchSize=1)["deletionJobId"]
    while host.rows("codex_thread_bindings", conversationId="a"):
        run_once(host, job)
    assert host.rows("codex_threads", threadId=thread)
    page = host.call("threads.list", **PAGE)["page"]
    assert [row["conversationId"] for row in page] == ["b"]
