"""Import sources: collecting chunks, sealing them, and giving them up (spec 03 §6, §9, D-SYN)."""

import json

import pytest

from codex_runtime.contract.limits import SOURCE_CHUNKS_MOST, SOURCE_EXPIRES_AFTER
from support.host import Host
from support.imports import Chunk, History, Importer, checksum, digest

pytestmark = pytest.mark.anyio


@pytest.fixture
def host():
    made = Host()
    made.conversation()
    return made


def _importer(host, turns=2, messages=3, size=4):
    return Importer(host, History.of(turns, messages), size=size)


async def test_a_source_and_its_job_are_not_found_by_anybody_else(host):
    importer = _importer(host).start().append_all()
    other = host.acting("other")
    assert (
        other.refusal("threads.appendConversationSyncSourceChunk", **importer.chunk(0))
        == "E_SYNC_SOURCE_NOT_FOUND"
    )
    assert (
        other.refusal("threads.sealConversationSyncSource", **importer.sealing())
        == "E_SYNC_SOURCE_NOT_FOUND"
    )
    importer.seal()
    assert (
        other.refusal("threads.cancelConversationSyncJob", jobId=importer.job)
        == "E_SYNC_JOB_NOT_FOUND"
    )
    assert other.call("threads.getConversationSyncJob", conversationId="c") is None
    assert other.call("threads.listConversationSyncJobs", conversationId="c") == []


def test_the_same_chunk_again_changes_nothing(host):
    importer = _importer(host).start()
    assert importer.append(0) is True
    before = host.tables()
    assert importer.append(0) is False
    assert host.tables() == before


@pytest.mark.parametrize("changed", [{"payloadJson": "[]"}, {"messageCount": 9}, {"byteSize": 9}])
def test_another_chunk_under_the_same_index_is_refused(host, changed):
    importer = _importer(host).start()
    importer.append(0)
    name = "threads.appendConversationSyncSourceChunk"
    assert host.refusal(name, **importer.chunk(0, **changed)) == "E_SYNC_SOURCE_CHUNK_CONFLICT"


@pytest.mark.parametrize(
    "changed",
    [
        {"chunkIndex": -1},
        {"chunkIndex": 0.5},
        {"chunkIndex": float("nan")},
        {"chunkIndex": float("inf")},
        {"chunkIndex": SOURCE_CHUNKS_MOST},
        {"messageCount": -1},
        {"messageCount": 1.5},
        {"byteSize": -1},
        {"byteSize": float("nan")},
    ],
    ids=str,
)
def test_a_chunk_with_counts_that_are_none_is_refused(host, changed):
    importer = _importer(host).start()
    name = "threads.appendConversationSyncSourceChunk"
    assert host.refusal(name, **importer.chunk(0, **changed)) == "E_SYNC_SOURCE_INVALID"
    assert host.rows("codex_sync_import_source_chunks") == []


def test_a_chunk_that_a_transaction_could_not_hold_is_refused(host):
    importer = _importer(host).start()
    payload = json.dumps("x" * (4 * 1024 * 1024))
    name = "threads.appendConversationSyncSourceChunk"
    code = host.refusal(name, **importer.chunk(0, payloadJson=payload))
    assert code == "E_SYNC_SOURCE_CHUNK_TOO_LARGE"


def test_nothing_is_appended_to_a_sealed_source(host):
    importer = _importer(host).collected()
    name = "threads.appendConversationSyncSourceChunk"
    assert host.refusal(name, **importer.chunk(0)) == "E_SYNC_SOURCE_NOT_COLLECTING"


def test_nothing_is_found_under_an_id_that_nobody_has_given_out(host):
    importer = _importer(host)
    importer.source = "no such"
    append, seal = (
        "threads.appendConversationSyncSourceChunk",
        "threads.sealConversationSyncSource",
    )
    assert host.refusal(append, **importer.chunk(0)) == "E_SYNC_SOURCE_NOT_FOUND"
    assert host.refusal(seal, **importer.sealing()) == "E_SYNC_SOURCE_NOT_FOUND"
    cancel = "threads.cancelConversationSyncJob"
    assert host.refusal(cancel, jobId="no such") == "E_SYNC_JOB_NOT_FOUND"


@pytest.mark.parametrize(
    ("manifest", "more"),
    [
        ("{", {}),
        ("nonsense", {}),
        ("{}", {}),
        ("null", {}),
        ("[" * 100_000, {}),
        ("[1]", {}),
        ('[{"turnId":"T0"}]', {}),
        ('[{"turnId":"T0","messageId":""}]', {}),
        ('[{"turnId":"T0","messageId":1}]', {}),
        ('[{"turnId":"T0","messageId":"m","more":1}]', {}),
        ('[{"turnId":"T0","messageId":"m"},{"turnId":"T0","messageId":"m"}]', {}),
        ('[{"turnId":"T0","messageId":"\\ud800"}]', {}),
        (json.dumps([{"turnId": "T0", "messageId": "m" * 1_001}]), {}),
        ("[]", {"expectedMessageCount": 1}),
        ('[{"turnId":"T0","messageId":"m"}]', {"expectedMessageCount": 0}),
        ('[{"turnId":"T0","messageId":"m"}]', {"expectedMessageCount": float("nan")}),
    ],
    ids=range(16),
)
def test_a_manifest_that_names_no_messages_is_refused_and_the_source_stays(host, manifest, more):
    importer = _importer(host).start().append_all()
    args = importer.sealing(expectedManifestJson=manifest, **more)
    assert host.refusal("threads.sealConversationSyncSource", **args) == "E_SYNC_MANIFEST_INVALID"
    assert importer.seal()["scheduled"] is True


def test_a_manifest_too_large_for_a_transaction_is_refused(host):
    importer = _importer(host).start().append_all()
    args = importer.sealing(expectedManifestJson=" " * (12 * 1024 * 1024) + "[]")
    assert host.refusal("threads.sealConversationSyncSource", **args) == "E_SYNC_MANIFEST_INVALID"


async def test_a_source_with_a_gap_can_be_filled_and_sealed_again(host):
    importer = _importer(host).start()
    importer.append(2)
    importer.append(0)
    seal = "threads.sealConversationSyncSource"
    assert host.refusal(seal, **importer.sealing()) == "E_SYNC_SOURCE_CHUNK_INDEX_GAP"
    assert host.rows("codex_sync_import_sources")[0]["state"] == "collecting"
    importer.append(1)
    assert importer.seal()["scheduled"] is True
    await host.settle()
    assert importer.read()["state"] == "synced"


@pytest.mark.parametrize("wrong", ["0:0:0", "3:6:1", "", "3:6", "03:6:1"])
def test_a_wrong_checksum_is_refused_and_leaves_the_source_collecting(host, wrong):
    importer = _importer(host).start().append_all()
    args = importer.sealing(expectedChecksum=wrong)
    seal = "threads.sealConversationSyncSource"
    assert host.refusal(seal, **args) == "E_SYNC_SOURCE_CHECKSUM_MISMATCH"
    assert host.rows("codex_sync_import_jobs") == []
    assert importer.seal()["sourceState"] == "sealed"


def test_content_that_only_looks_like_what_was_sent_is_refused_by_its_digest(host):
    importer = _importer(host).start()
    payload = importer.chunks[0].payload
    importer.append(0, payloadJson=payload.replace("hello", "hallo"))
    importer.append(1)
    importer.append(2)
    seal = "threads.sealConversationSyncSource"
    assert host.refusal(seal, **importer.sealing()) == "E_SYNC_SOURCE_DIGEST_MISMATCH"


async def test_a_caller_that_knows_nothing_of_digests_seals_without_one(host):
    importer = _importer(host).start().append_all()
    args = importer.sealing()
    del args["expectedDigest"]
    importer.job = host.call("threads.sealConversationSyncSource", **args)["jobId"]
    await host.settle()
    assert importer.read()["state"] == "synced"


async def test_sealing_again_gives_the_job_of_this_source(host):
    first = _importer(host).collected()
    second = _importer(host).collected()
    again = first.seal()
    assert (again["jobId"], again["scheduled"], again["sourceState"]) == (
        first.row()["jobId"],
        False,
        "sealed",
    )
    assert first.job != second.job


async def test_the_chunks_of_an_import_that_has_ended_are_gone(host):
    importer = _importer(host).collected()
    assert len(host.rows("codex_sync_import_source_chunks")) == 3
    await host.settle()
    assert host.rows("codex_sync_import_source_chunks") == []
    assert {row["field"] for row in host.rows("codex_payload_parts")} == {"expectedManifestJson"}
    assert importer.read()["state"] == "synced"


async def test_a_source_that_nobody_feeds_expires_and_its_chunks_go(host):
    importer = _importer(host).start()
    await host.advance(SOURCE_EXPIRES_AFTER - 1)
    importer.append(0)
    await host.advance(SOURCE_EXPIRES_AFTER - 1)
    assert host.rows("codex_sync_import_sources")[0]["state"] == "collecting"
    await host.advance(1)
    source = host.rows("codex_sync_import_sources")[0]
    assert (source["state"], source["lastErrorCode"]) == ("failed", "E_SYNC_SOURCE_EXPIRED")
    binding = importer.binding()
    assert (binding["syncState"], binding["syncJobState"]) == ("drifted", "failed")
    assert binding["syncJobErrorCode"] == binding["lastErrorCode"] == "E_SYNC_SOURCE_EXPIRED"
    assert host.rows("codex_sync_import_source_chunks") == host.rows("codex_payload_parts") == []
    append, seal = (
        "threads.appendConversationSyncSourceChunk",
        "threads.sealConversationSyncSource",
    )
    assert host.refusal(append, **importer.chunk(1)) == "E_SYNC_SOURCE_NOT_COLLECTING"
    assert host.refusal(seal, **importer.sealing()) == "E_SYNC_SOURCE_EXPIRED"


async def test_an_expired_source_leaves_the_binding_to_the_newer_one(host):
    _importer(host).start()
    await host.advance(SOURCE_EXPIRES_AFTER / 2)
    newer = _importer(host).start()
    await host.advance(SOURCE_EXPIRES_AFTER / 2)
    states = [row["state"] for row in host.rows("codex_sync_import_sources")]
    assert sorted(states) == ["collecting", "failed"]
    assert (newer.binding()["syncState"], newer.binding()["syncJobState"]) == ("syncing",) * 2
    newer.append_all().seal()
    await host.settle()
    assert newer.read()["state"] == "synced"


async def test_a_sealed_source_does_not_expire(host):
    importer = _importer(host).collected()
    await host.advance(2 * SOURCE_EXPIRES_AFTER)
    assert host.rows("codex_sync_import_sources")[0]["state"] == "sealed"
    assert importer.read()["state"] == "synced"


def test_a_source_needs_a_conversation_or_a_thread(host):
    start = "threads.startConversationSyncSource"
    assert host.refusal(start, conversationId="x") == "E_CONVERSATION_NOT_FOUND"
    assert host.refusal(start, conversationId="x", threadId="no") == "E_THREAD_NOT_FOUND"
    assert host.rows("codex_thread_bindings", conversationId="x") == []


async def test_a_source_binds_a_conversation_to_a_thread_there_is(host):
    host.call("threads.create", threadId="made")
    importer = Importer(host, History.of(1, 2), "bound").start(threadId="made")
    assert importer.binding()["threadId"] == "made"
    importer.append_all().seal()
    await host.settle()
    assert importer.read()["state"] == "synced"
    listed = host.call("threads.list", paginationOpts={"numItems": 5, "cursor": None})["page"]
    assert [row["conversationId"] for row in listed] == ["bound", "c"]


def test_a_source_for_another_thread_than_the_bound_one_is_refused(host):
    host.call("threads.create", threadId="other")
    code = host.refusal("threads.startConversationSyncSource", conversationId="c", threadId="other")
    assert code == "E_CONVERSATION_THREAD_MISMATCH"


def test_the_checksum_and_digest_of_a_history_are_those_of_its_chunks():
    chunks = [Chunk("[]", 1), Chunk("[1]", 2)]
    assert checksum(chunks) == "2:3:5"
    assert digest(chunks) != digest(chunks[::-1])
