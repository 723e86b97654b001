"""Deletions that wait for their time: cancelled, forced, due; their arguments (spec 04 §1-3)."""

import pytest

from codex_runtime.contract.limits import (
    DELETE_DELAY_DEFAULT,
    DELETE_DELAY_LEAST,
    DELETE_DELAY_MOST,
    DELETE_LEASE,
)
from support.deletions import status
from support.host import Host
from support.populated import KEPT, everything, populate

pytestmark = pytest.mark.anyio

INF = float("inf")
NAN = float("nan")


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def thread(host):
    return populate(host, "a")


def scheduled(host, thread, kind="thread", **more):
    """Schedule a deletion; give its result."""
    if kind == "actor":
        return host.call("threads.schedulePurgeActorData", **more)
    if kind == "turn":
        args = {"threadId": thread, "turnId": "a-1"}
        return host.call("turns.scheduleDeleteCascade", **args, **more)
    return host.call("threads.scheduleDeleteCascade", threadId=thread, **more)


KINDS = ("thread", "turn", "actor")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("delay", "waits"),
    [
        ({}, DELETE_DELAY_DEFAULT),
        ({"delayMs": 10}, DELETE_DELAY_LEAST),
        ({"delayMs": 0}, DELETE_DELAY_LEAST),
        ({"delayMs": -INF}, DELETE_DELAY_LEAST),
        ({"delayMs": 1_500.7}, 1_500),
        ({"delayMs": 10**12}, DELETE_DELAY_MOST),
        ({"delayMs": INF}, DELETE_DELAY_MOST),
    ],
    ids=str,
)
async def test_a_deletion_waits_as_long_as_it_may(host, thread, kind, delay, waits):
    result = scheduled(host, thread, kind, **delay)
    now = host.backend.clock.now_ms()
    assert result["scheduledFor"] == now + waits
    state = status(host, result["deletionJobId"])
    assert (state["status"], state["scheduledFor"]) == ("scheduled", now + waits)
    assert "startedAt" not in state


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_scheduled_happens_at_its_time_and_not_before(host, thread, kind):
    job = scheduled(host, thread, kind, delayMs=5_000, reason="old", batchSize=3)["deletionJobId"]
    await host.advance(4_999)
    assert status(host, job)["status"] == "scheduled"
    await host.advance(1)
    state = status(host, job)
    assert state["status"] == "completed"
    assert "scheduledFor" not in state
    assert (state["reason"], state["batchSize"], state["targetKind"]) == ("old", 3, kind)
    assert state["startedAt"] == state["completedAt"] == host.backend.clock.now_ms()


async def test_a_batch_that_comes_too_early_changes_nothing(host, thread):
    job = scheduled(host, thread, delayMs=5_000)["deletionJobId"]
    before = everything(host)
    run = {"userScope": "u", "deletionJobId": job}
    host.internal("sessions.runDeletionJobChunk", **run)
    host.internal("sessions.watchDeletionJob", **run)
    assert everything(host) == before
    await host.advance(5_000)
    assert status(host, job)["status"] == "completed"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_cancelled_deletion_deletes_nothing(host, thread, kind):
    await host.settle()
    before = {key: row for key, row in everything(host).items() if row[0] != KEPT}
    job = scheduled(host, thread, kind, delayMs=5_000)["deletionJobId"]
    cancel = "threads.cancelScheduledDeletion"
    assert host.call(cancel, deletionJobId=job) == {"deletionJobId": job, "cancelled": True}
    state = status(host, job)
    now = host.backend.clock.now_ms()
    assert state["status"] == "cancelled"
    assert state["cancelledAt"] == state["completedAt"] == state["updatedAt"] == now
    assert "scheduledFor" not in state
    await host.advance(5_000 + 2 * DELETE_LEASE)
    assert {key: row for key, row in everything(host).items() if row[0] != KEPT} == before
    assert host.call(cancel, deletionJobId=job)["cancelled"] is False
    force = "threads.forceRunScheduledDeletion"
    assert host.call(force, deletionJobId=job) == {"deletionJobId": job, "forced": False}
    assert status(host, job) == state


@pytest.mark.parametrize("kind", KINDS)
async def test_a_forced_deletion_happens_at_once_and_only_once(host, thread, kind):
    job = scheduled(host, thread, kind, delayMs=5_000, batchSize=2_000)["deletionJobId"]
    force = "threads.forceRunScheduledDeletion"
    assert host.call(force, deletionJobId=job) == {"deletionJobId": job, "forced": True}
    assert status(host, job)["status"] == "queued"
    await host.settle()
    state = status(host, job)
    assert state["status"] == "completed"
    assert host.call(force, deletionJobId=job)["forced"] is False
    await host.advance(5_000 + 2 * DELETE_LEASE)
    assert status(host, job) == state


@pytest.mark.parametrize("name", ["cancelScheduledDeletion", "forceRunScheduledDeletion"])
async def test_what_runs_or_has_ended_is_neither_cancelled_nor_forced(host, thread, name):
    word = {"cancelScheduledDeletion": "cancelled", "forceRunScheduledDeletion": "forced"}[name]
    job = host.call("threads.deleteCascade", threadId=thread, batchSize=1)["deletionJobId"]
    for expected in ("queued", "running"):
        assert status(host, job)["status"] == expected
        assert host.call(f"threads.{name}", deletionJobId=job)[word] is False
        host.internal("sessions.runDeletionJobChunk", userScope="u", deletionJobId=job)
    await host.settle()
    assert status(host, job)["status"] == "completed"
    assert host.call(f"threads.{name}", deletionJobId=job)[word] is False


def test_nobody_sees_or_moves_another_ones_deletion(host, thread):
    job = scheduled(host, thread)["deletionJobId"]
    for other in (host.acting("other"), host.acting(anonymous="u"), host.acting()):
        args = {"deletionJobId": job}
        assert other.call("threads.getDeletionJobStatus", **args) is None
        assert other.call("threads.cancelScheduledDeletion", **args)["cancelled"] is False
        assert other.call("threads.forceRunScheduledDeletion", **args)["forced"] is False
    assert status(host, job)["status"] == "scheduled"


@pytest.mark.parametrize("kind", KINDS)
def test_a_delay_that_is_no_number_is_refused(host, thread, kind):
    before = everything(host)
    args = {"threadId": thread} if kind != "actor" else {}
    args |= {"turnId": "a-1"} if kind == "turn" else {}
    name = {
        "thread": "threads.scheduleDeleteCascade",
        "turn": "turns.scheduleDeleteCascade",
        "actor": "threads.schedulePurgeActorData",
    }[kind]
    assert host.refusal(name, **args, delayMs=NAN) == "E_DELETE_ARGUMENT_INVALID"
    for batch in (0.5, NAN, INF):
        assert host.refusal(name, **args, batchSize=batch) == "E_DELETE_ARGUMENT_INVALID"
    assert everything(host) == before


@pytest.mark.parametrize("batch", [-5, 0, 1, 10**9])
async def test_a_batch_size_is_brought_into_its_range_and_shown_as_it_was_given(
    host, thread, batch
):
    job = host.call("threads.deleteCascade", threadId=thread, batchSize=batch)["deletionJobId"]
    host.internal("sessions.runDeletionJobChunk", userScope="u", deletionJobId=job)
    state = status(host, job)
    assert state["batchSize"] == batch
    deleted = sum(row["deleted"] for row in state["deletedCountsByTable"])
    assert deleted == 1 if batch <= 1 else deleted > 1
    await host.settle()
    assert status(host, job)["status"] == "completed"


async def test_the_counts_are_told_in_the_order_of_their_tables(host, thread):
    job = host.call("threads.deleteCascade", threadId=thread)["deletionJobId"]
    await host.settle()
    state = status(host, job)
    names = [row["tableName"] for row in state["deletedCountsByTable"]]
    assert names == sorted(names)
    assert state["phase"] == "codex_threads"
