"""An audit counts what it is asked for, whatever else there is, and never reads too much."""

import pytest

from codex_runtime.contract.limits import AUDIT_ROWS_MOST
from codex_runtime.contract.tables import TABLES
from support.component_growth import copies, garden, renamed
from support.component_world import documents, world_of
from support.host import Host, Stream, said

ACTOR = {"userId": "owner"}


def _counts(host, **args):
    audit = host.call("auditActorRows", **args)
    return {table["tableName"]: table["rows"] for table in audit["tables"]}, audit


@pytest.fixture
def host():
    return Host(garden(world_of(user="owner")), user="owner")


def test_every_row_of_an_actor_is_counted_and_nobody_elses(host):
    rows = documents(host.backend)
    copies(host.backend, rows, _of_a_stranger, [1])
    counted, audit = _counts(host)
    assert counted == {
        table: sum(key[1] == table and row["userScope"] == "owner" for key, row in rows.items())
        for table in TABLES
    }
    assert audit["userScope"] == "owner"
    assert audit["orphans"] == []


def test_every_row_of_a_thread_is_counted_deltas_and_receipts_too(host):
    values = world_of(user="owner").values
    rows = documents(host.backend)
    counted, _ = _counts(host, threadId=values["threadId"])
    of_thread = {
        table: sum(
            key[1] == table and row.get("threadId") == values["threadId"]
            for key, row in rows.items()
        )
        for table in TABLES
    }
    for table in ("codex_stream_deltas_ttl", "codex_stream_receipts"):
        of_thread[table] = sum(key[1] == table for key in rows)
    assert counted == of_thread
    assert counted["codex_stream_deltas_ttl"] > 0


def test_a_thread_is_counted_behind_any_number_of_other_threads(host):
    values = world_of(user="owner").values
    before, _ = _counts(host, threadId=values["threadId"])
    rows = documents(host.backend)
    names = {"threadId", "conversationId", "sessionId", "streamId", "sourceId", "jobId"}
    earlier = [
        (key, {**row, "threadId": "a"}) for key, row in rows.items() if key[1] == "codex_approvals"
    ]
    copies(
        host.backend,
        dict(earlier),
        lambda _, row, number: renamed(row, names, number),
        range(AUDIT_ROWS_MOST + 1),
    )
    assert _counts(host, threadId=values["threadId"])[0] == before
    counted, audit = _counts(host)
    assert counted["codex_approvals"] == AUDIT_ROWS_MOST
    assert [one["tableName"] for one in audit["tables"] if one["atLeast"]] == ["codex_approvals"]


def test_an_audit_of_very_long_texts_stays_far_below_the_limits_of_a_read(host):
    thread = world_of(user="owner").values["threadId"]
    long = "x" * 300_000
    for number in range(60):
        stream = Stream(f"turn-l{number}")
        host.ingest(thread, stream.item_completed(said("m", long)))
    audit = host.call("auditActorRows")
    [messages] = [one for one in audit["tables"] if one["tableName"] == "codex_messages"]
    assert messages["atLeast"]
    assert 0 < messages["rows"] < 60


def test_a_row_without_its_parent_is_named(host):
    rows = {
        key: {**row, "streamId": "gone"}
        for key, row in documents(host.backend).items()
        if key[1] == "codex_stream_stats"
    }
    assert rows
    copies(host.backend, rows, lambda _, row, __: row, [1])
    assert host.call("auditActorRows")["orphans"] == []
    thread = world_of(user="owner").values["threadId"]
    [reference] = {
        row["_id"]
        for key, row in documents(host.backend).items()
        if key[1] == "codex_threads" and row["threadId"] == thread
    }
    host.backend.mutation(
        "garden:uproot", {"id": reference}, component="codexLocal", internal=True
    ).unwrap()
    orphans = host.call("auditActorRows")["orphans"]
    assert orphans
    assert all(name.split(":")[1] in {"threadRef", "conversationRef"} for name in orphans)


def _of_a_stranger(table, row, number):
    return {**row, "userScope": f"stranger{number}"}
