"""Very long threads: imported, verified, listed and deleted within half of every limit (issue 5).

The deployment of these tests has half of what Convex allows, so a transaction that came near a
limit would fail.
"""

import pytest

from support.campaign import examples
from support.host import Host, deployment
from support.imports import HALF_LIMITS, History, Importer

pytestmark = pytest.mark.anyio

MESSAGES = examples(2_000, 100_000)


@pytest.fixture
def host():
    made = Host(deployment(limits=HALF_LIMITS))
    made.conversation()
    return made


def _all(host, size):
    seen, cursor = [], None
    while True:
        page = host.page(size=size, cursor=cursor)
        seen += [(row["turnId"], row["messageId"]) for row in page["page"]]
        if page["isDone"]:
            return seen
        cursor = page["continueCursor"]


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(
    ("turns", "chunk"),
    [(10, 128), (MESSAGES // 4, 500), (1, 2_000)],
    ids=["some long turns", "many short turns", "one endless turn"],
)
async def test_a_very_long_thread_comes_whole_and_goes_whole(host, turns, chunk):
    history = History.of(turns, MESSAGES // turns)
    importer = Importer(host, history, size=chunk).collected()
    await host.settle()
    job = importer.read()
    assert job["state"] == "synced", job
    assert job["processedMessageCount"] == job["expectedMessageCount"] == MESSAGES
    seen = _all(host, 200)
    assert len(seen) == len(set(seen)) == MESSAGES
    assert set(seen) == set(history.manifest)
    assert host.snapshot()["threadStatus"] == "active"
    deletion = host.call("deleteThread", conversationId="c")["deletionJobId"]
    await host.settle()
    state = host.call("getDeletionStatus", deletionJobId=deletion)
    assert state["status"] == "completed", state
    left = {name: len(rows) for name, rows in host.tables().items() if rows and name[0] != "_"}
    assert left == {"codex_deletion_jobs": 1}


@pytest.mark.timeout(3_600)
async def test_a_long_thread_whose_streams_were_cleaned_up_goes_as_well(host):
    importer = Importer(host, History.of(examples(100, 2_000), 5), size=500).collected()
    await host.backend.run_until_idle()
    assert importer.read()["state"] == "synced"
    assert host.rows("codex_streams") == host.rows("codex_stream_deltas_ttl") == []
    host.call("purgeActorData")
    await host.settle()
    left = {name: len(rows) for name, rows in host.tables().items() if rows and name[0] != "_"}
    assert left == {"codex_deletion_jobs": 1}


async def test_a_seal_reads_one_row_for_each_chunk_and_writes_the_manifest_once(host):
    importer = Importer(host, History.of(10, 50), size=1).start().append_all()
    importer.seal()
    assert importer.read()["totalChunks"] == 520
    pages = host.rows("codex_payload_parts", field="expectedManifestJson")
    assert len(pages) == 3
    await host.settle()
    assert importer.read()["state"] == "synced"
