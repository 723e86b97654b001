"""The worker of imports: steps that die, race or are late, chunks that change (spec 03 §8-9)."""

import json

import pytest

from codex_fakes.component import import_worker
from codex_runtime.contract.limits import (
    SYNC_ATTEMPTS,
    SYNC_EVENTS_PER_STEP,
    SYNC_LEASE,
    SYNC_RETRY_BACKOFF,
)
from support.host import Host, deployment
from support.imports import HALF_LIMITS, History, Importer, chunk_of, tamper

pytestmark = pytest.mark.anyio

RUN = "threads.runConversationSyncJob"
WATCH = "threads.watchConversationSyncJob"
DIED = RuntimeError("the machine is gone")


@pytest.fixture
def host():
    made = Host()
    made.conversation()
    return made


class Faults:
    """Lets chosen steps of the worker die, before or after they have done their work.

    ``steps`` counts the steps that began; ``doomed`` says of a step, by its number, whether it
    dies.
    """

    def __init__(self, monkeypatch):
        self.steps = 0
        self.late = False
        self.doomed = set()
        for name in ("_take_in", "_verify"):
            monkeypatch.setattr(import_worker, name, self._dying(getattr(import_worker, name)))

    def _dying(self, work):
        def step(*args):
            number, self.steps = self.steps, self.steps + 1
            if number in self.doomed and not self.late:
                raise DIED
            work(*args)
            if number in self.doomed:
                raise DIED

        return step


@pytest.fixture
def faults(monkeypatch):
    return Faults(monkeypatch)


def _importer(host, turns=2, messages=3, size=4):
    return Importer(host, History.of(turns, messages), size=size)


@pytest.mark.parametrize("late", [False, True], ids=["before its work", "after its work"])
@pytest.mark.parametrize("step", range(4))
async def test_the_work_goes_on_where_a_step_died_when_its_lease_has_run_out(
    host, faults, step, late
):
    faults.late, faults.doomed = late, {step}
    importer = _importer(host).collected()
    await host.settle()
    assert importer.read()["state"] == "syncing"
    assert importer.row()["processedChunkIndex"] == min(step, 3)
    await host.advance(SYNC_LEASE)
    row = importer.row()
    assert (row["retryCount"], row["lastErrorCode"]) == (1, "E_SYNC_JOB_STALLED")
    await host.advance(500)
    job = importer.read()
    assert job["state"] == "synced"
    assert importer.kept() == importer.wanted()
    assert faults.steps == 5


async def test_an_import_whose_steps_die_again_and_again_fails(host, faults):
    faults.doomed = set(range(100))
    importer = _importer(host).collected()
    for wait in (0, *SYNC_RETRY_BACKOFF[: SYNC_ATTEMPTS - 1]):
        assert importer.read()["state"] == "syncing"
        await host.advance(wait)
        await host.advance(SYNC_LEASE)
    job = importer.read()
    assert (job["state"], job["lastErrorCode"]) == ("failed", "E_SYNC_JOB_STALLED")
    assert importer.binding()["syncJobErrorCode"] == "E_SYNC_JOB_STALLED"
    assert faults.steps == SYNC_ATTEMPTS
    assert importer.kept() == {}
    assert host.rows("codex_sync_import_source_chunks") == []


@pytest.mark.parametrize("times", [1, 4, 20])
async def test_a_step_that_conflicts_does_its_work_once(host, times):
    importer = _importer(host).collected()
    host.backend.inject_conflicts(times, "codex_messages")
    await host.advance(SYNC_LEASE + 500)
    assert importer.read()["state"] == "synced"
    assert importer.kept() == importer.wanted()


async def test_a_step_of_a_lease_that_has_passed_changes_nothing(host):
    importer = _importer(host).collected()
    row = importer.row()
    args = {"actor": host.actor, "jobId": importer.job}
    before = host.tables()
    for lease in (row["leaseVersion"] - 1, row["leaseVersion"] + 1):
        host.internal(RUN, **args, leaseVersion=lease)
        host.internal(WATCH, **args, leaseVersion=lease)
    assert host.tables() == before
    host.internal(RUN, **args, leaseVersion=row["leaseVersion"])
    after = host.tables()
    host.internal(RUN, **args, leaseVersion=row["leaseVersion"])
    assert host.tables() == after


async def test_of_two_steps_of_one_lease_that_race_one_does_the_work(host):
    importer = _importer(host).collected()
    args = {"jobId": importer.job, "leaseVersion": importer.row()["leaseVersion"]}
    first, second = host.begin(RUN, **args), host.begin(RUN, **args)
    assert first.commit().ok
    assert second.commit().ok
    assert importer.row()["processedChunkIndex"] == 1
    await host.settle()
    assert importer.read()["state"] == "synced"
    assert importer.kept() == importer.wanted()


async def test_the_watch_of_a_step_that_is_done_changes_nothing(host):
    importer = _importer(host).collected()
    await host.settle()
    before = {table: host.rows(table) for table in ("codex_sync_import_jobs", "codex_messages")}
    await host.advance(SYNC_LEASE)
    assert {table: host.rows(table) for table in before} == before
    assert importer.read()["state"] == "synced"


async def test_of_two_jobs_that_race_the_newer_one_is_kept(host, faults):
    faults.doomed = {0}
    older = Importer(host, History.of(2, 3, "old")).collected()
    await host.settle()
    newer = Importer(host, History.of(2, 3, "new", name="N")).collected()
    await host.advance(10 * SYNC_LEASE)
    assert older.read()["state"] == "cancelled"
    assert newer.read()["state"] == "synced"
    assert newer.kept() == newer.wanted()
    assert newer.binding()["syncJobId"] == newer.job


async def test_a_restart_between_two_chunks_goes_on_behind_the_last_one(host):
    importer = _importer(host).collected()
    args = {"jobId": importer.job, "leaseVersion": importer.row()["leaseVersion"]}
    host.call(RUN, **args)
    backend = host.backend
    again = Host(backend.restore(backend.app, backend.snapshot(), seed=1))
    importer.host = again
    assert importer.row()["processedChunkIndex"] == 1
    await again.settle()
    assert importer.read()["state"] == "synced"
    assert importer.kept() == importer.wanted()


async def test_a_chunk_of_more_events_than_a_step_takes_is_taken_in_parts(host):
    importer = Importer(host, History.of(1, 2 * SYNC_EVENTS_PER_STEP), size=10_000).collected()
    row = importer.row()
    reached = []
    while row["processedChunkIndex"] < 1:
        host.call(RUN, jobId=importer.job, leaseVersion=row["leaseVersion"])
        row = importer.row()
        reached.append(row["processedEventIndex"])
    assert reached == [SYNC_EVENTS_PER_STEP, 2 * SYNC_EVENTS_PER_STEP, 0]
    await host.settle()
    assert importer.read()["state"] == "synced"


async def test_a_chunk_that_is_gone_fails_the_import(host):
    importer = _importer(host).collected()
    chunk = host.rows("codex_sync_import_source_chunks", chunkIndex=1)[0]["_id"]
    tamper(host.backend, lambda db: db.delete(chunk))
    await host.settle()
    job = importer.read()
    assert (job["state"], job["lastErrorCode"]) == ("failed", "E_SYNC_SOURCE_CHUNK_INDEX_GAP")
    binding = importer.binding()
    assert (binding["syncState"], binding["syncJobState"]) == ("drifted", "failed")
    assert binding["syncJobErrorCode"] == "E_SYNC_SOURCE_CHUNK_INDEX_GAP"
    assert binding["lastErrorCode"] == "E_SYNC_SOURCE_CHUNK_INDEX_GAP"


async def test_a_chunk_that_was_corrupted_after_sealing_fails_the_import(host):
    importer = _importer(host).collected()
    chunk = host.rows("codex_sync_import_source_chunks", chunkIndex=2)[0]
    part = host.rows("codex_payload_parts", ownerRef=chunk["_id"])[0]
    text = part["text"].replace("hello", "hallo")
    tamper(host.backend, lambda db: db.patch(part["_id"], {"text": text}))
    await host.settle()
    job = importer.read()
    assert (job["state"], job["lastErrorCode"]) == ("failed", "E_SYNC_SOURCE_DIGEST_MISMATCH")
    assert importer.binding()["syncState"] == "drifted"


async def test_counts_that_no_longer_agree_with_the_seal_fail_the_import(host):
    importer = _importer(host).collected()
    chunk = host.rows("codex_sync_import_source_chunks", chunkIndex=0)[0]["_id"]
    tamper(host.backend, lambda db: db.patch(chunk, {"byteSize": 1}))
    await host.settle()
    assert importer.read()["lastErrorCode"] == "E_SYNC_SOURCE_CHECKSUM_MISMATCH"


@pytest.mark.parametrize("text", ["{", "[1]", '["T0"]', "null"])
async def test_a_manifest_that_was_corrupted_after_sealing_fails_the_import(host, text):
    importer = _importer(host).collected()
    part = host.rows("codex_payload_parts", field="expectedManifestJson")[0]["_id"]
    tamper(host.backend, lambda db: db.patch(part, {"text": text}))
    await host.settle()
    job = importer.read()
    assert (job["state"], job["lastErrorCode"]) == ("failed", "E_SYNC_MANIFEST_INVALID")


async def test_a_manifest_that_is_gone_after_sealing_fails_the_import(host):
    importer = _importer(host).collected()
    part = host.rows("codex_payload_parts", field="expectedManifestJson")[0]["_id"]
    tamper(host.backend, lambda db: db.delete(part))
    await host.settle()
    assert importer.read()["lastErrorCode"] == "E_SYNC_MANIFEST_INVALID"


async def test_a_message_lost_before_the_end_of_the_verification_is_missed(host):
    history = History.of(1, 1_200)
    importer = Importer(host, history, size=2_000).collected()
    while importer.row()["verifiedEntries"] < 1_000:
        args = {"jobId": importer.job, "leaseVersion": importer.row()["leaseVersion"]}
        host.call(RUN, **args)
    assert importer.row()["state"] == "verifying"
    thread = importer.binding()["threadId"]
    deletion = host.call("turns.deleteCascade", threadId=thread, turnId="T0", batchSize=1_500)
    run = {"userScope": "u", "deletionJobId": deletion["deletionJobId"]}
    host.internal("sessions.runDeletionJobChunk", **run)
    left = {message for _, message in importer.kept()}
    assert "T0m0" not in left
    assert "T0m1199" in left
    await host.settle()
    job = importer.read()
    assert (job["state"], job["lastErrorCode"]) == ("failed", "E_SYNC_MANIFEST_SET_MISMATCH")


@pytest.mark.parametrize("state", ["queued", "running", "retry_wait", "verifying"])
async def test_an_import_can_be_cancelled_in_every_state_before_its_end(host, faults, state):
    importer = Importer(host, History.of(1, 1_200), size=2_000).collected()

    def step():
        host.call(RUN, jobId=importer.job, leaseVersion=importer.row()["leaseVersion"])

    if state == "running":
        step()
    elif state == "verifying":
        while importer.row()["state"] != state:
            step()
    elif state == "retry_wait":
        step()
        args = {"jobId": importer.job, "leaseVersion": importer.row()["leaseVersion"]}
        host.call(WATCH, **args)
    assert importer.row()["state"] == state
    kept = importer.kept()
    assert importer.cancel(errorCode="E_ENOUGH")["cancelled"] is True
    await host.advance(10 * SYNC_LEASE)
    job = importer.read()
    assert (job["state"], job["lastErrorCode"]) == ("cancelled", "E_ENOUGH")
    assert importer.kept() == kept
    assert importer.binding()["syncState"] == "drifted"
    assert host.rows("codex_sync_import_source_chunks") == []


def _said(size, kind):
    return {"ascii": "x", "wide": "ü", "quotes": '"', "emoji": "😀"}[kind] * size


@pytest.mark.parametrize("kind", ["ascii", "wide", "quotes", "emoji"])
@pytest.mark.parametrize("size", [100_000, 250_000])
async def test_a_long_message_is_imported_whole(kind, size):
    host = Host(deployment(limits=HALF_LIMITS))
    host.conversation()
    text = _said(size, kind)
    events = list(History({"T0": {"m": text}}).events())
    importer = Importer(host, History({"T0": {"m": text}}))
    raw = json.dumps(events, ensure_ascii=False)
    importer.chunks = [type(chunk_of([]))(raw, 1)]
    importer.collected()
    await host.settle()
    assert importer.read()["state"] == "synced"
    page = host.page(size=5)["page"]
    assert [row["text"] for row in page] == [text]


async def test_messages_of_a_mebibyte_and_more_are_imported_whole():
    host = Host()
    host.conversation()
    texts = {f"m{place}": "0123456789abcdef" * size for place, size in enumerate((65_536, 131_072))}
    importer = Importer(host, History({"T0": texts}), size=1).collected()
    await host.settle()
    assert importer.read()["state"] == "synced"
    rows = host.call("messages.getByTurn", threadId=importer.binding()["threadId"], turnId="T0")
    assert {row["messageId"]: row["text"] for row in rows} == texts


async def test_a_chunk_as_large_as_they_may_be_is_imported():
    host = Host()
    host.conversation()
    text = "x" * (4 * 1024 * 1024 - 2_000)
    importer = Importer(host, History({"T0": {"m": text}}), size=1).collected()
    await host.settle()
    assert importer.read()["state"] == "synced"
    assert host.page(size=1)["page"][0]["text"] == text
