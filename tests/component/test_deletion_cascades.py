"""Deleting threads and turns: the target goes from every table, and nothing else (D-DEL)."""

import pytest

from codex_fakes.component.deletion_plan import PLANS
from codex_runtime.contract.shapes import fields_of
from codex_runtime.contract.tables import TABLES
from support.deletions import counted, counts, run_once, sizes, status
from support.host import Host, Stream, deployment
from support.imports import HALF_LIMITS, History, Importer, tamper
from support.populated import KEPT, belonging, everything, populate, tables_in

pytestmark = pytest.mark.anyio


@pytest.fixture
def host():
    return Host()


def owners(*names):
    """The tables with a field of one of these names."""
    return {
        name
        for name, table in TABLES.items()
        if any(field in fields_of(table.row) for field in names)
    }


def test_every_table_stands_in_every_plan_that_can_own_rows_of_it():
    planned = {
        kind: {name for step in plan for name in step.tables} for kind, plan in PLANS.items()
    }
    assert planned["actor"] == set(TABLES)
    of_threads = owners("threadId", "threadRef", "streamRef", "conversationRef")
    assert planned["thread"] == of_threads - {KEPT}
    of_turns = owners("turnId", "turnRef", "streamRef") - {KEPT}
    # What is too long for a row of a turn goes with the row.
    assert planned["turn"] == of_turns - {"codex_payload_parts"}


def test_children_stand_before_their_parents_in_every_plan():
    for plan in PLANS.values():
        order = [name for step in plan for name in step.tables]
        for child, parent in (
            ("codex_stream_deltas_ttl", "codex_streams"),
            ("codex_stream_stats", "codex_streams"),
            ("codex_messages", "codex_turns"),
            ("codex_streams", "codex_turns"),
            ("codex_sync_import_source_chunks", "codex_sync_import_sources"),
            ("codex_sync_import_jobs", "codex_sync_import_sources"),
            ("codex_turns", "codex_threads"),
            ("codex_thread_bindings", "codex_threads"),
        ):
            if child in order and parent in order:
                assert order.index(child) < order.index(parent)


@pytest.mark.parametrize("batch", [1, 3, 7, 2_000])
@pytest.mark.parametrize("long", [False, True], ids=["short", "long"])
async def test_of_a_deleted_thread_nothing_remains_and_everything_else_does(batch, long):
    host = Host(deployment(limits=HALF_LIMITS))
    target, other = populate(host, "a", long=long), populate(host, "b", long=long)
    stranger = host.acting("stranger")
    populate(stranger, "a")
    await host.settle()
    before = everything(host)
    mine = belonging(host, "threadId", target)
    assert tables_in(host, mine) == set(TABLES) - {KEPT, "codex_sync_import_jobs"}
    job = host.call("threads.deleteCascade", threadId=target, batchSize=batch, reason="why")[
        "deletionJobId"
    ]
    await host.settle()
    state = status(host, job)
    assert (state["status"], state["reason"], state["batchSize"]) == ("completed", "why", batch)
    after = {key: row for key, row in everything(host).items() if row[0] != KEPT}
    assert after == {key: row for key, row in before.items() if key not in mine}
    assert counts(state) == counted(before, mine)
    assert host.call("threads.getState", threadId=other)["threadId"] == other
    assert host.refusal("threads.getState", threadId=target) == "E_THREAD_NOT_FOUND"


@pytest.mark.parametrize("batch", [1, 5, 2_000])
@pytest.mark.parametrize("long", [False, True], ids=["short", "long"])
async def test_of_a_deleted_turn_nothing_remains_and_everything_else_does(batch, long):
    host = Host(deployment(limits=HALF_LIMITS))
    thread = populate(host, "a", long=long)
    await host.settle()
    before = everything(host)
    mine = belonging(host, "turnId", "a-1")
    job = host.call("turns.deleteCascade", threadId=thread, turnId="a-1", batchSize=batch)
    await host.settle()
    state = status(host, job["deletionJobId"])
    assert (state["status"], state["targetKind"], state["turnId"]) == ("completed", "turn", "a-1")
    after = {key: row for key, row in everything(host).items() if row[0] != KEPT}
    assert after == {key: row for key, row in before.items() if key not in mine}
    assert counts(state) == counted(before, mine)
    refused = host.refusal("messages.getByTurn", threadId=thread, turnId="a-1")
    assert refused == "E_TURN_NOT_FOUND"
    assert host.call("messages.getByTurn", threadId=thread, turnId="a-2")


async def test_no_batch_takes_more_rows_than_it_may_and_none_leaves_an_orphan(host):
    thread = populate(host, "a", long=True)
    await host.settle()
    job = host.call("threads.deleteCascade", threadId=thread, batchSize=4)["deletionJobId"]
    left = sum(sizes(host).values())
    batches = 0
    while status(host, job)["status"] != "completed":
        run_once(host, job)
        now = sum(sizes(host).values())
        assert 0 <= left - now <= 4
        if status(host, job)["status"] != "completed":
            assert left > now
        left = now
        batches += 1
        assert host.call("audit.countRows")["orphans"] == []
        assert host.internal("streams.auditDataHygiene", userScope="u")["streamStatOrphans"] == 0
    assert batches > 10
    assert sum(counts(status(host, job)).values()) >= 4 * (batches - 3)


async def test_a_thread_of_twelve_hundred_messages_goes_in_batches_of_five_hundred(host):
    importer = _imported(host, 1_200)
    await host.settle()
    assert importer.read()["state"] == "synced"
    thread = importer.binding()["threadId"]
    job = host.call("threads.deleteCascade", threadId=thread, batchSize=500)["deletionJobId"]
    seen = []
    while status(host, job)["status"] != "completed":
        run_once(host, job)
        seen.append(sum(counts(status(host, job)).values()))
    steps = [after - before for before, after in zip([0, *seen], seen, strict=False)]
    assert steps[:-2] == [500] * (len(steps) - 2)
    assert 0 < steps[-2] <= 500
    assert steps[-1] == 0
    assert counts(status(host, job))["codex_messages"] == 1_200
    assert host.refusal("threads.getState", threadId=thread) == "E_THREAD_NOT_FOUND"


def _imported(host, messages):
    host.conversation()
    return Importer(host, History.of(1, messages), size=500).collected()


async def test_the_conversation_of_a_deleted_thread_opens_as_a_new_one(host):
    thread = populate(host, "a")
    host.call("threads.deleteCascade", threadId=thread)
    await host.settle()
    assert host.call("threads.resolveByConversationId", conversationId="a") is None
    opened = host.call("threads.resolve", conversationId="a")
    assert opened["created"] is True
    assert opened["threadId"] != thread


def test_what_is_not_there_cannot_be_deleted(host):
    thread = populate(host, "a")
    other = host.acting("other")
    assert host.refusal("threads.deleteCascade", threadId="no") == "E_THREAD_NOT_FOUND"
    assert other.refusal("threads.deleteCascade", threadId=thread) == "E_THREAD_NOT_FOUND"
    turn = {"threadId": thread, "turnId": "no"}
    assert host.refusal("turns.deleteCascade", **turn) == "E_TURN_NOT_FOUND"
    assert host.refusal("turns.scheduleDeleteCascade", **turn) == "E_TURN_NOT_FOUND"


async def test_a_row_of_many_streams_does_not_make_a_batch_too_large():
    host = Host(deployment(limits=HALF_LIMITS))
    thread = host.conversation()
    for begin in range(0, 1_200, 100):
        turns = [Stream(f"T{begin + place}") for place in range(100)]
        host.ingest(thread, *(stream.turn_started() for stream in turns))
    job = host.call("threads.deleteCascade", threadId=thread, batchSize=2_000)["deletionJobId"]
    await host.settle()
    state = status(host, job)
    assert state["status"] == "completed", state
    assert counts(state)["codex_streams"] == counts(state)["codex_stream_stats"] == 1_200


async def test_streams_without_deltas_are_counted_and_do_not_end_a_deletion_early():
    host = Host(deployment(limits=HALF_LIMITS))
    thread = host.conversation()
    for begin in range(0, 1_200, 100):
        turns = [Stream(f"T{begin + place}") for place in range(100)]
        host.ingest(thread, *(stream.turn_started() for stream in turns))
    for table in ("codex_stream_deltas_ttl", "codex_stream_stats"):
        ids = [row["_id"] for row in host.rows(table)]
        tamper(host.backend, lambda db, ids=ids: [db.delete(identity) for identity in ids])
    job = host.call("threads.deleteCascade", threadId=thread)["deletionJobId"]
    await host.settle()
    assert counts(status(host, job))["codex_streams"] == 1_200
    assert sum(sizes(host).values()) == 0
