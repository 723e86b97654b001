"""Deleting everything of an actor: nothing of theirs remains, nothing else is gone (D-DEL)."""

import json

import pytest

from codex_runtime.contract.tables import TABLES
from support.deletions import run_once, status
from support.host import Host, Stream, deployment
from support.imports import HALF_LIMITS, History, Importer
from support.populated import KEPT, belonging, everything, populate, tables_in

pytestmark = pytest.mark.anyio


@pytest.fixture
def host():
    return Host()


@pytest.mark.parametrize("batch", [1, 7, 2_000])
@pytest.mark.parametrize("long", [False, True], ids=["short", "long"])
async def test_of_a_purged_actor_nothing_remains_but_the_record_of_the_purge(batch, long):
    host = Host(deployment(limits=HALF_LIMITS))
    for conversation in ("a", "b"):
        populate(host, conversation, long=long)
    Importer(host, History.of(2, 3, name="I"), "a").collected()
    host.call("threads.create", threadId="unbound")
    older = host.call("threads.scheduleDeleteCascade", threadId="unbound")["deletionJobId"]
    others = [host.acting("v"), host.acting(anonymous="u"), host.acting()]
    for other in others:
        populate(other, "a")
    await host.settle()
    before = everything(host)
    mine = belonging(host, "userScope", "u")
    assert tables_in(host, mine) == set(TABLES)
    job = host.call("threads.purgeActorData", batchSize=batch, reason="asked")["deletionJobId"]
    await host.settle()
    state = status(host, job)
    assert (state["status"], state["targetKind"], state["reason"]) == (
        "completed",
        "actor",
        "asked",
    )
    after = everything(host)
    record = host.rows(KEPT, deletionJobId=job)[0]["_id"]
    assert set(after) - set(before) == {record}
    assert after.keys() - {record} == before.keys() - mine
    assert all(after[key] == before[key] for key in after if key != record)
    assert sum(row["deleted"] for row in state["deletedCountsByTable"]) == len(mine)
    assert status(host, older) is None
    counted = host.call("audit.countRows")
    assert {row["tableName"]: row["rows"] for row in counted["tables"] if row["rows"]} == {KEPT: 1}
    assert counted["orphans"] == []


async def test_the_record_of_a_purge_names_nothing_that_was_said(host):
    populate(host, "a")
    job = host.call("threads.purgeActorData")["deletionJobId"]
    await host.settle()
    record = json.dumps(host.rows(KEPT, deletionJobId=job))
    assert "hello" not in record
    assert "threadId" not in record


async def test_a_purge_of_somebody_who_has_nothing_completes(host):
    job = host.call("threads.purgeActorData")["deletionJobId"]
    await host.settle()
    assert status(host, job)["status"] == "completed"
    assert status(host, job)["deletedCountsByTable"] == []


WRITES = {
    "threads.resolve": {"conversationId": "new"},
    "threads.create": {"threadId": "new"},
    "threads.syncOpenBinding": {"conversationId": "new", "runtimeConversationId": "r"},
    "threads.startConversationSyncSource": {"conversationId": "a"},
}


@pytest.mark.parametrize("name", WRITES)
async def test_an_actor_who_is_being_purged_begins_nothing_new(host, name):
    populate(host, "a")
    job = host.call("threads.purgeActorData", batchSize=1)["deletionJobId"]
    run_once(host, job)
    assert host.refusal(name, **WRITES[name]) == "E_ACTOR_PURGING"
    assert host.acting("other").outcome("threads.resolve", conversationId="c").ok


async def test_ingest_between_the_batches_of_a_purge_is_rejected_and_brings_nothing_back(host):
    thread = populate(host, "a")
    job = host.call("threads.purgeActorData", batchSize=5)["deletionJobId"]
    run_once(host, job)
    number = 0
    while status(host, job)["status"] != "completed":
        number += 1
        result = host.call(
            "sync.ingestSafe",
            sessionId="s-a",
            threadId=thread,
            streamDeltas=[Stream(f"late-{number}").turn_started()],
            lifecycleEvents=[],
        )
        assert result["errors"][0]["cause"] in ("E_ACTOR_PURGING", "E_THREAD_NOT_FOUND")
        run_once(host, job)
    assert number > 3
    await host.backend.run_until_idle()
    assert {table for table, _ in everything(host).values()} == {KEPT}


async def test_an_import_that_runs_during_a_purge_leaves_nothing(host):
    host.conversation()
    importer = Importer(host, History.of(3, 100)).collected()
    args = {"jobId": importer.job, "leaseVersion": importer.row()["leaseVersion"]}
    host.call("threads.runConversationSyncJob", **args)
    job = host.call("threads.purgeActorData", batchSize=20)["deletionJobId"]
    run_once(host, job)
    args["leaseVersion"] = importer.row()["leaseVersion"]
    host.call("threads.runConversationSyncJob", **args)
    assert importer.row()["lastErrorCode"] == "E_ACTOR_PURGING"
    await host.backend.run_until_idle()
    assert status(host, job)["status"] == "completed"
    assert {table for table, _ in everything(host).values()} == {KEPT}


async def test_after_a_purge_an_actor_begins_anew(host):
    thread = populate(host, "a")
    host.call("threads.purgeActorData")
    await host.settle()
    opened = host.call("threads.resolve", conversationId="a")
    assert opened["created"] is True
    assert opened["threadId"] != thread


async def test_two_purges_of_one_actor_end_with_one_record(host):
    populate(host, "a")
    for _ in range(2):
        host.call("threads.purgeActorData", batchSize=5)
    await host.settle()
    left = everything(host)
    assert {table for table, _ in left.values()} == {KEPT}
    assert len(left) == 1
    assert host.rows(KEPT)[0]["status"] == "completed"


async def test_a_deletion_that_runs_while_its_actor_is_purged_does_no_harm(host):
    thread = populate(host, "a")
    populate(host, "b")
    deletion = host.call("threads.deleteCascade", threadId=thread, batchSize=2)["deletionJobId"]
    run_once(host, deletion)
    job = host.call("threads.purgeActorData", batchSize=3)["deletionJobId"]
    await host.backend.run_until_idle()
    assert status(host, job)["status"] == "completed"
    assert {table for table, _ in everything(host).values()} == {KEPT}


@pytest.mark.parametrize(
    ("purged", "kept"),
    [
        ({"user": "anon:a"}, {"user": None, "anonymous": "a"}),
        ({"user": None, "anonymous": "a"}, {"user": "anon:a"}),
        ({"user": "__anonymous__"}, {"user": None}),
        ({"user": None}, {"user": "__anonymous__"}),
        ({"user": "user:x"}, {"user": "x"}),
        ({"user": "A"}, {"user": "a"}),
        ({"user": "\u00e9"}, {"user": "e\u0301"}),
        ({"user": "u"}, {"user": "u1"}),
    ],
    ids=str,
)
async def test_a_purge_does_not_touch_whoever_only_looks_like_the_actor(purged, kept):
    backend = deployment(trusted_actor=True)
    mine, theirs = Host(backend, **purged), Host(backend, **kept)
    populate(mine, "a")
    populate(theirs, "a")
    await mine.settle()
    before = theirs.call("audit.countRows")
    job = mine.call("threads.purgeActorData")["deletionJobId"]
    await mine.settle()
    assert status(mine, job)["status"] == "completed"
    assert theirs.call("audit.countRows") == before
