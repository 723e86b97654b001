"""Import jobs: how they end, how they are cancelled and read (spec 03 §7-8, §10, D-SYN, U-JOB)."""

import json

import pytest

from codex_runtime.contract.limits import (
    SYNC_JOBS_DEFAULT,
    SYNC_JOBS_MOST,
    SYNC_JOBS_SCANNED,
)
from support.host import Host, Stream, deployment, said
from support.imports import Chunk, History, Importer, chunk_of, tamper

pytestmark = pytest.mark.anyio


@pytest.fixture
def host():
    made = Host()
    made.conversation()
    return made


def _importer(host, turns=2, messages=3, size=4):
    return Importer(host, History.of(turns, messages), size=size)


async def test_an_import_ends_synced_with_every_message_and_its_thread_bumped(host):
    before = host.rows("codex_threads")[0]["updatedAt"]
    importer = _importer(host)
    await host.advance(5)
    importer.start(runtimeConversationId="runtime-1").append_all()
    sealed = importer.seal()
    assert sealed == {
        "sourceId": importer.source,
        "sourceState": "sealed",
        "totalChunks": len(importer.chunks),
        "jobId": importer.job,
        "scheduled": True,
    }
    await host.settle()
    job = importer.read()
    now = host.backend.clock.now_ms()
    assert job == {
        "jobId": importer.job,
        "conversationId": "c",
        "threadId": importer.binding()["threadId"],
        "runtimeConversationId": "runtime-1",
        "state": "synced",
        "sourceState": "sealed",
        "policyVersion": 4,
        "startedAt": now,
        "updatedAt": now,
        "completedAt": now,
        "lastCursor": 5,
        "processedChunkIndex": 3,
        "totalChunks": 3,
        "processedMessageCount": 6,
        "expectedMessageCount": 6,
        "retryCount": 0,
    }
    assert importer.kept() == importer.wanted()
    assert host.rows("codex_threads")[0]["updatedAt"] == now > before


async def test_an_import_of_nothing_is_synced(host):
    importer = Importer(host, History({})).start()
    assert importer.seal(expectedChecksum="0:0:0", expectedManifestJson="[]")["totalChunks"] == 0
    await host.settle()
    assert importer.read()["state"] == "synced"
    assert importer.binding()["syncState"] == "synced"


async def test_an_import_whose_chunks_hold_no_messages_is_synced(host):
    chunk = Chunk("[]", 0)
    importer = Importer(host, History({}))
    importer.chunks = [chunk]
    importer.start().append_all()
    importer.seal(expectedChecksum=f"1:0:{chunk.size}")
    await host.settle()
    assert importer.read()["state"] == "synced"


@pytest.mark.parametrize(
    "who",
    [
        {"user": None, "anonymous": "a"},
        {"user": None, "anonymous": "  a  "},
        {"user": None},
        {"user": "anon:a"},
        {"user": " spaced "},
    ],
    ids=str,
)
async def test_whoever_somebody_is_their_import_works_as_them(who):
    host = Host(deployment(trusted_actor=True), **who)
    host.call("threads.resolve", conversationId="c")
    importer = _importer(host).collected()
    await host.settle()
    assert importer.read()["state"] == "synced"
    assert importer.kept() == importer.wanted()
    assert len({row["userScope"] for row in host.rows("codex_messages")}) == 1


async def test_sealing_a_newer_source_cancels_the_older_job(host):
    first, second = _importer(host).start().append_all(), _importer(host).start().append_all()
    first.seal()
    second.seal()
    assert first.read()["state"] == "cancelled"
    assert first.read()["lastErrorCode"] == "E_SYNC_JOB_CANCELLED_REPLACED"
    await host.settle()
    assert first.read()["state"] == "cancelled"
    assert second.read()["state"] == "synced"
    binding = second.binding()
    assert (binding["syncJobId"], binding["syncState"]) == (second.job, "synced")


async def test_a_manifest_of_more_messages_than_came_fails_the_import(host):
    importer = _importer(host).start().append_all()
    manifest = [*json.loads(importer.history.manifest_json()), {"turnId": "T0", "messageId": "x"}]
    importer.seal(expectedManifestJson=json.dumps(manifest))
    await host.settle()
    job = importer.read()
    assert (job["state"], job["lastErrorCode"]) == ("failed", "E_SYNC_MANIFEST_SET_MISMATCH")
    assert importer.binding()["syncState"] == "drifted"


async def test_a_message_under_another_turn_is_not_the_one_of_the_manifest(host):
    importer = _importer(host).start().append_all()
    manifest = json.loads(importer.history.manifest_json())
    manifest[0]["turnId"] = "T1"
    importer.seal(expectedManifestJson=json.dumps(manifest))
    await host.settle()
    assert importer.read()["lastErrorCode"] == "E_SYNC_MANIFEST_SET_MISMATCH"


async def test_messages_beyond_the_manifest_are_no_harm(host):
    importer = _importer(host).start().append_all()
    manifest = json.loads(importer.history.manifest_json())[1:]
    importer.seal(expectedManifestJson=json.dumps(manifest))
    await host.settle()
    assert importer.read()["state"] == "synced"
    assert importer.kept() == importer.wanted()


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ("{", "no JSON"),
        ("{}", "[E_SYNC_JOB_CHUNK_PAYLOAD_INVALID]"),
        ("[1]", "Event 0"),
        ('[{"type":"surprise"}]', "Event 0"),
        ('[{"type":"stream_delta"}]', "Event 0"),
    ],
)
async def test_a_chunk_that_holds_no_events_fails_the_import_at_once(host, payload, says):
    importer = Importer(host, History({}))
    importer.chunks = [Chunk(payload, 0)]
    importer.collected()
    await host.settle()
    job = importer.read()
    assert (job["state"], job["lastErrorCode"]) == ("failed", "E_SYNC_SOURCE_INVALID")
    assert says in job["lastErrorMessage"]


@pytest.mark.parametrize(
    "changed",
    [
        {"surprise": 1},
        {"cursorStart": "0"},
        {"eventId": "\ud800"},
        {"payloadJson": "\udfff"},
        {"createdAt": 2**2000},
    ],
    ids=range(5),
)
async def test_an_event_that_no_ingest_takes_fails_the_import_at_once(host, changed):
    event = Stream("T0").item_completed(said("m", "hi"), **changed)
    importer = Importer(host, History({}))
    importer.chunks = [Chunk(json.dumps([event]), 1)]
    importer.collected()
    await host.settle()
    job = importer.read()
    assert (job["state"], job["lastErrorCode"]) == ("failed", "E_SYNC_SOURCE_INVALID")


async def test_a_batch_that_is_rejected_is_tried_eight_times_with_growing_waits(host):
    stream = Stream("T0")
    events = [stream.item_completed(said("m", "hi")), stream.item_completed(said("n", "ho"))]
    events[1]["turnId"] = "T9"
    importer = Importer(host, History({"T0": {"m": "hi"}}))
    importer.chunks = [chunk_of(events)]
    importer.collected()
    await host.settle()
    began = host.backend.clock.now_ms()
    waits = []
    for attempt in range(1, 8):
        row = importer.row()
        assert (row["state"], row["retryCount"]) == ("retry_wait", attempt)
        assert importer.read()["state"] == "syncing"
        waits.append(row["nextRunAt"] - host.backend.clock.now_ms())
        await host.advance(waits[-1])
    assert waits == [500, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000]
    job = importer.read()
    assert (job["state"], job["lastErrorCode"]) == ("failed", "TURN_ID_MISMATCH")
    assert job["completedAt"] - began == sum(waits)
    assert importer.row()["nextRunAt"] == job["completedAt"] + 16_000
    assert importer.kept() == {}


async def test_a_rejection_without_a_public_code_is_told_by_the_code_behind_it(host):
    event = Stream("T0").item_completed(said("m", "hi"), cursorEnd=0)
    importer = Importer(host, History({"T0": {"m": "hi"}}))
    importer.chunks = [chunk_of([event])]
    importer.collected()
    await host.advance(100_000)
    assert importer.read()["lastErrorCode"] == "E_SYNC_INVALID_CURSOR_RANGE"


async def test_what_was_rejected_may_become_possible_and_the_count_begins_again(host):
    importer = _importer(host, turns=1, messages=1)
    thread = importer.binding()["threadId"]
    other = host.conversation("other", session="s2")
    blocking = Stream("T0", "import:T0")
    host.ingest(other, blocking.turn_started(), session="s2")
    importer.collected()
    await host.settle()
    row = importer.row()
    assert (row["state"], row["lastErrorCode"]) == ("retry_wait", "E_SYNC_STREAM_ID_COLLISION")
    host.call("threads.deleteCascade", threadId=other)
    await host.settle()
    await host.advance(500)
    job = importer.read()
    assert (job["state"], job["retryCount"]) == ("synced", 0)
    assert "lastErrorCode" not in job
    assert thread == job["threadId"]


async def test_importing_the_same_history_again_changes_no_message(host):
    first = _importer(host).collected()
    await host.settle()
    before = host.rows("codex_messages")
    second = _importer(host).collected()
    await host.settle()
    assert second.read()["state"] == "synced"
    assert host.rows("codex_messages") == before
    assert first.read()["state"] == "synced"


async def test_the_cursor_of_a_binding_does_not_go_back_for_an_import(host):
    mark = "threads.markSyncProgress"
    host.call(mark, conversationId="c", cursor=500)
    importer = _importer(host).collected()
    await host.settle()
    binding = importer.binding()
    assert binding["lastSyncedCursor"] == 500
    assert binding["syncJobLastCursor"] == importer.read()["lastCursor"] == 5


@pytest.mark.parametrize("told", [{}, {"errorCode": "E_WHY", "errorMessage": "because"}])
async def test_a_cancelled_import_stays_cancelled_and_keeps_what_it_has(host, told):
    importer = _importer(host).collected()
    assert importer.cancel(**told) == {
        "jobId": importer.job,
        "state": "cancelled",
        "cancelled": True,
    }
    binding = importer.binding()
    assert (binding["syncState"], binding["syncJobState"]) == ("drifted", "cancelled")
    codes = [binding.get("syncJobErrorCode"), importer.read().get("lastErrorCode")]
    assert codes == [told.get("errorCode")] * 2
    assert importer.cancel()["cancelled"] is False
    await host.settle()
    assert importer.read()["state"] == "cancelled"
    assert importer.kept() == {}
    assert host.rows("codex_sync_import_source_chunks") == []


async def test_cancelling_an_import_that_has_ended_says_how_it_ended(host):
    importer = _importer(host).collected()
    await host.settle()
    assert importer.cancel() == {"jobId": importer.job, "state": "synced", "cancelled": False}
    failed = _importer(host).start().append_all()
    failed.seal(expectedManifestJson='[{"turnId":"T0","messageId":"x"}]')
    await host.settle()
    assert failed.cancel() == {"jobId": failed.job, "state": "failed", "cancelled": False}


async def test_cancelling_an_older_job_leaves_the_binding_to_the_newer_source(host):
    older = _importer(host).collected()
    newer = _importer(host).start()
    older.cancel(errorCode="E_OLD")
    binding = newer.binding()
    assert (binding["syncState"], binding["syncJobState"]) == ("syncing", "syncing")
    assert "syncJobErrorCode" not in binding


async def test_an_older_job_that_ends_while_a_newer_source_collects_tells_the_binding_nothing(host):
    older = _importer(host).collected()
    newer = _importer(host).start()
    await host.settle()
    assert older.read()["state"] == "synced"
    binding = newer.binding()
    assert (binding["syncState"], binding["syncJobState"]) == ("syncing", "syncing")


def _seal_many(host, count):
    jobs = []
    for _ in range(count):
        importer = Importer(host, History({})).start()
        importer.seal()
        jobs.append(importer.job)
    return jobs


async def test_the_newest_job_is_read_without_an_id_and_only_the_newest_sixteen_with_one(host):
    jobs = _seal_many(host, SYNC_JOBS_SCANNED + 1)
    get = "threads.getConversationSyncJob"
    assert host.call(get, conversationId="c")["jobId"] == jobs[-1]
    assert host.call(get, conversationId="c", jobId=jobs[1])["jobId"] == jobs[1]
    assert host.call(get, conversationId="c", jobId=jobs[0]) is None
    assert host.call(get, conversationId="other") is None


@pytest.mark.parametrize(
    ("limit", "count"),
    [
        ({}, SYNC_JOBS_DEFAULT),
        ({"limit": 0}, 1),
        ({"limit": -5}, 1),
        ({"limit": 2.9}, 2),
        ({"limit": 1_000}, SYNC_JOBS_MOST),
        ({"limit": float("nan")}, SYNC_JOBS_DEFAULT),
        ({"limit": float("inf")}, SYNC_JOBS_DEFAULT),
    ],
    ids=str,
)
def test_jobs_are_listed_newest_first_within_the_limit(host, limit, count):
    jobs = _seal_many(host, SYNC_JOBS_MOST + 1)
    listed = host.call("threads.listConversationSyncJobs", conversationId="c", **limit)
    assert [job["jobId"] for job in listed] == jobs[::-1][:count]
    assert {job["state"] for job in listed[1:]} <= {"cancelled"}


def test_a_job_whose_source_is_gone_is_not_shown(host):
    importer = _importer(host).collected()
    source = host.rows("codex_sync_import_sources")[0]["_id"]
    tamper(host.backend, lambda db: db.delete(source))
    assert importer.read() is None
    assert host.call("threads.listConversationSyncJobs", conversationId="c") == []
