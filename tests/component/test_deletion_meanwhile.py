"""What happens while a deletion runs: writes, imports, conflicts, batches that die (spec 04)."""

from itertools import count

import pytest

from codex_fakes.component import deletion
from codex_runtime.contract.limits import DELETE_ATTEMPTS, DELETE_LEASE
from support.deletions import WATCH, counted, counts, run_once, sizes, status
from support.host import Host, Stream, said
from support.imports import History, Importer
from support.populated import KEPT, belonging, everything, populate

pytestmark = pytest.mark.anyio


@pytest.fixture
def host():
    return Host()


def _imported(host, messages):
    host.conversation()
    return Importer(host, History.of(1, messages), size=500).collected()


WRITES = {
    "threads.create": {},
    "threads.resume": {},
    "threads.archiveByConversation": {"conversationId": "a"},
    "threads.unarchiveByConversation": {"conversationId": "a"},
    "threads.startConversationSyncSource": {"conversationId": "new"},
    "sync.ensureSession": {"sessionId": "s", "lastEventCursor": 0},
    "sync.heartbeat": {"sessionId": "s", "lastEventCursor": 0},
    "turns.start": {"turnId": "new", "idempotencyKey": "new", "input": []},
    "sync.ingest": {
        "sessionId": "s-a",
        "streamDeltas": [Stream("new").turn_started()],
        "lifecycleEvents": [],
    },
}


@pytest.mark.parametrize("name", WRITES)
async def test_a_thread_that_is_being_deleted_takes_no_writes(host, name):
    thread = populate(host, "a")
    job = host.call("threads.deleteCascade", threadId=thread, batchSize=1)["deletionJobId"]
    run_once(host, job)
    assert status(host, job)["status"] == "running"
    assert host.refusal(name, threadId=thread, **WRITES[name]) == "E_THREAD_DELETING"


@pytest.mark.parametrize("forced", [False, True])
def test_writes_are_refused_from_the_call_that_sets_a_deletion_going(host, forced):
    thread = populate(host, "a")
    write = {"threadId": thread, "sessionId": "s", "lastEventCursor": 0}
    if forced:
        job = host.call("threads.scheduleDeleteCascade", threadId=thread)["deletionJobId"]
        assert host.outcome("sync.ensureSession", **write).ok
        host.call("threads.forceRunScheduledDeletion", deletionJobId=job)
    else:
        host.call("threads.deleteCascade", threadId=thread)
    assert host.refusal("sync.ensureSession", **write) == "E_THREAD_DELETING"
    assert host.outcome("threads.resolve", conversationId="other").ok
    host.call("threads.purgeActorData")
    assert host.refusal("threads.resolve", conversationId="other") == "E_ACTOR_PURGING"


@pytest.mark.parametrize("name", ["threads.resolve", "threads.syncOpenBinding"])
async def test_a_conversation_whose_thread_is_being_deleted_cannot_be_opened(host, name):
    thread = populate(host, "a")
    job = host.call("threads.deleteCascade", threadId=thread, batchSize=1)["deletionJobId"]
    run_once(host, job)
    args = {"conversationId": "a"}
    if name == "threads.syncOpenBinding":
        args["runtimeConversationId"] = "r"
    assert host.refusal(name, **args) == "E_THREAD_DELETING"


@pytest.mark.parametrize("batch", [1, 3, 10])
async def test_ingest_between_the_batches_is_rejected_and_brings_nothing_back(host, batch):
    thread = populate(host, "a")
    job = host.call("threads.deleteCascade", threadId=thread, batchSize=batch)["deletionJobId"]
    run_once(host, job)
    number = 0
    while status(host, job)["status"] != "completed":
        number += 1
        stream = Stream(f"late-{number}")
        result = host.outcome(
            "sync.ingestSafe",
            sessionId="s-a",
            threadId=thread,
            streamDeltas=[stream.item_completed(said("m", "hi"))],
            lifecycleEvents=[],
        )
        assert result.ok
        assert result.value["status"] == "rejected"
        assert result.value["errors"][0]["cause"] in ("E_THREAD_DELETING", "E_THREAD_NOT_FOUND")
        run_once(host, job)
    assert belonging(host, "threadId", thread) == {
        row["_id"] for row in host.rows(KEPT, threadId=thread)
    }


async def test_a_turn_that_is_being_deleted_takes_no_events_but_its_neighbour_does(host):
    thread = populate(host, "a")
    args = {"threadId": thread, "turnId": "a-1", "batchSize": 1}
    job = host.call("turns.deleteCascade", **args)["deletionJobId"]
    run_once(host, job)

    def ingest(turn):
        stream = Stream(turn, f"more:{turn}")
        events = [stream.item_completed(said("late", "late"))]
        call = {"sessionId": "s-a", "threadId": thread, "lifecycleEvents": []}
        return host.call("sync.ingestSafe", streamDeltas=events, **call)

    assert ingest("a-1")["errors"][0]["cause"] == "E_TURN_DELETING"
    assert ingest("a-2")["status"] == "ok"
    await host.settle()
    assert status(host, job)["status"] == "completed"
    assert ingest("a-1")["status"] == "ok"


async def test_an_import_into_a_thread_that_is_being_deleted_fails_and_leaves_nothing(host):
    importer = _imported(host, 600)
    thread = importer.binding()["threadId"]
    args = {"jobId": importer.job, "leaseVersion": importer.row()["leaseVersion"]}
    host.call("threads.runConversationSyncJob", **args)
    job = host.call("threads.deleteCascade", threadId=thread, batchSize=10)["deletionJobId"]
    run_once(host, job)
    args["leaseVersion"] = importer.row()["leaseVersion"]
    host.call("threads.runConversationSyncJob", **args)
    failed = importer.row()
    assert (failed["state"], failed["lastErrorCode"]) == ("failed", "E_THREAD_DELETING")
    await host.backend.run_until_idle()
    assert status(host, job)["status"] == "completed"
    assert sum(sizes(host).values()) == 0


async def test_a_verification_does_not_end_well_while_its_thread_goes(host):
    importer = _imported(host, 50)
    while importer.row()["processedChunkIndex"] < 1:
        args = {"jobId": importer.job, "leaseVersion": importer.row()["leaseVersion"]}
        host.call("threads.runConversationSyncJob", **args)
    thread = importer.binding()["threadId"]
    job = host.call("threads.deleteCascade", threadId=thread, batchSize=1)["deletionJobId"]
    run_once(host, job)
    args["leaseVersion"] = importer.row()["leaseVersion"]
    host.call("threads.runConversationSyncJob", **args)
    assert importer.row()["lastErrorCode"] == "E_THREAD_DELETING"


async def test_a_thread_made_anew_under_the_same_id_is_not_taken_for_the_old_one(host):
    populate(host, "a")
    host.call("threads.create", threadId="t")
    job = host.call("threads.deleteCascade", threadId="t", batchSize=1)["deletionJobId"]
    run_once(host, job)
    assert status(host, job)["status"] == "running"
    assert host.rows("codex_threads", threadId="t") == []
    host.call("threads.create", threadId="t")
    Importer(host, History.of(1, 1), "t").start(threadId="t").append(0)
    before = everything(host)
    await host.settle()
    assert status(host, job)["status"] == "completed"
    after = everything(host)
    assert {key for key in before if before[key][0] != KEPT} <= set(after)
    assert host.call("threads.getState", threadId="t")["threadId"] == "t"


async def test_a_turn_made_anew_under_the_same_id_is_not_taken_for_the_old_one(host):
    thread = host.conversation()
    host.ingest(thread, Stream("T").turn_started())
    args = {"threadId": thread, "turnId": "T", "batchSize": 2_000}
    job = host.call("turns.deleteCascade", **args)["deletionJobId"]
    run_once(host, job)
    assert host.rows("codex_turns") == []
    host.ingest(thread, Stream("T").turn_started())
    await host.settle()
    assert status(host, job)["status"] == "completed"
    assert [row["turnId"] for row in host.rows("codex_turns")] == ["T"]


async def test_two_deletions_of_one_thread_share_the_work_and_both_complete(host):
    thread = populate(host, "a")
    await host.settle()
    mine = len(belonging(host, "threadId", thread))
    jobs = [
        host.call("threads.deleteCascade", threadId=thread, batchSize=5)["deletionJobId"]
        for _ in range(2)
    ]
    assert jobs[0] != jobs[1]
    await host.settle()
    states = [status(host, job) for job in jobs]
    assert [state["status"] for state in states] == ["completed"] * 2
    assert sum(sum(counts(state).values()) for state in states) == mine


async def test_a_batch_that_conflicts_does_its_work_once(host):
    thread = populate(host, "a")
    await host.settle()
    before, mine = everything(host), belonging(host, "threadId", thread)
    job = host.call("threads.deleteCascade", threadId=thread, batchSize=10)["deletionJobId"]
    host.backend.inject_conflicts(11, "codex_messages")
    await host.advance(DELETE_LEASE)
    assert status(host, job)["status"] == "completed"
    assert counts(status(host, job)) == counted(before, mine)


def _failing(monkeypatch, why, *, times):
    """Let batches fail in the middle of their work."""
    left = [times]
    work = deletion._delete

    def fails(ctx, job, budget):
        work(ctx, job, budget)
        if left[0]:
            left[0] -= 1
            raise why

    monkeypatch.setattr(deletion, "_delete", fails)


async def test_a_batch_that_raises_fails_the_deletion_and_the_thread_takes_writes_again(
    host, monkeypatch
):
    thread = populate(host, "a")
    job = host.call("threads.deleteCascade", threadId=thread, batchSize=3)["deletionJobId"]
    _failing(monkeypatch, RuntimeError("boom " * 200), times=1)
    await host.settle()
    state = status(host, job)
    assert (state["status"], state["errorCode"]) == ("failed", "E_DELETE_JOB_FAILED")
    assert len(state["errorMessage"]) == 500
    assert state["errorMessage"].startswith("boom")
    assert sum(counts(state).values()) == 3
    assert state["completedAt"] == host.backend.clock.now_ms()
    assert host.call("threads.create", threadId=thread) == {"threadId": thread}
    again = host.call("threads.deleteCascade", threadId=thread)["deletionJobId"]
    await host.settle()
    assert status(host, again)["status"] == "completed"


def _dying(monkeypatch, *, times, after=0):
    """Let whole batches die, whatever they do about it."""
    numbers = count()
    work = deletion._mark

    def dies(ctx, job):
        if after <= next(numbers) < after + times:
            raise RuntimeError("gone")
        return work(ctx, job)

    monkeypatch.setattr(deletion, "_mark", dies)


async def test_a_batch_that_died_is_run_again_when_its_lease_has_run_out(host, monkeypatch):
    thread = populate(host, "a")
    job = host.call("threads.deleteCascade", threadId=thread, batchSize=3)["deletionJobId"]
    _dying(monkeypatch, times=3)
    await host.advance(3 * DELETE_LEASE - 1)
    assert status(host, job)["status"] == "queued"
    await host.advance(1)
    assert status(host, job)["status"] == "completed"
    assert host.rows("codex_threads") == []


async def test_a_deletion_that_dies_in_its_middle_goes_on(host, monkeypatch):
    thread = populate(host, "a")
    job = host.call("threads.deleteCascade", threadId=thread, batchSize=3)["deletionJobId"]
    _dying(monkeypatch, times=1, after=2)
    await host.settle()
    assert status(host, job)["status"] == "running"
    await host.advance(DELETE_LEASE)
    assert status(host, job)["status"] == "completed"


@pytest.mark.parametrize("scheduled", [False, True])
async def test_a_deletion_whose_batches_die_again_and_again_fails(host, monkeypatch, scheduled):
    thread = populate(host, "a")
    name = "threads.scheduleDeleteCascade" if scheduled else "threads.deleteCascade"
    job = host.call(name, threadId=thread)["deletionJobId"]
    _dying(monkeypatch, times=100)
    if scheduled:
        await host.advance(600_000)
    await host.advance(DELETE_ATTEMPTS * DELETE_LEASE)
    state = status(host, job)
    assert (state["status"], state["errorCode"]) == ("failed", "E_DELETE_JOB_FAILED")
    assert host.call("threads.create", threadId=thread) == {"threadId": thread}


async def test_the_watch_leaves_a_deletion_alone_that_goes_on(host):
    thread = populate(host, "a")
    job = host.call("threads.deleteCascade", threadId=thread, batchSize=1)["deletionJobId"]
    run_once(host, job)
    before = host.rows(KEPT)
    host.internal(WATCH, userScope="u", deletionJobId=job)
    assert host.rows(KEPT) == before
    host.internal(WATCH, userScope="u", deletionJobId="no such")
    await host.settle()
    before = host.rows(KEPT)
    await host.advance(2 * DELETE_LEASE)
    assert host.rows(KEPT) == before
