"""Bindings: how well a conversation and its thread are in step (spec 03 §3-5, §11, U-MSP)."""

import pytest

from support.host import Host
from support.imports import History, Importer, checksum, digest

pytestmark = pytest.mark.anyio

RUN = "threads.runConversationSyncJob"
START_STATES = ("unsynced", "syncing", "synced", "drifted")


@pytest.fixture
def host():
    made = Host()
    made.conversation()
    return made


def binding(host, conversation="c"):
    return host.rows("codex_thread_bindings", conversationId=conversation)[0]


def opened(host, conversation="c", runtime="r", **more):
    return host.call(
        "threads.syncOpenBinding",
        conversationId=conversation,
        runtimeConversationId=runtime,
        **more,
    )


def marked(host, conversation="c", **args):
    return host.call("threads.markSyncProgress", conversationId=conversation, **args)


def rebound(host, **args):
    name = "threads.forceRebindSync"
    return host.call(name, conversationId="c", runtimeConversationId="r2", **args)


def test_opening_an_unknown_conversation_makes_thread_and_binding():
    host = Host()
    result = opened(host, model="m", cwd="/work", sessionId="s")
    thread = host.rows("codex_threads")[0]
    assert result == {
        "threadId": thread["threadId"],
        "conversationId": "c",
        "runtimeConversationId": "r",
        "created": True,
        "rebindApplied": False,
        "syncState": "syncing",
    }
    assert (thread["localThreadId"], thread["model"], thread["cwd"]) == ("r", "m", "/work")
    row = binding(host)
    assert (row["syncState"], row["syncJobState"], row["rebindCount"]) == ("syncing", "idle", 0)
    assert (row["lastSyncedCursor"], row["lastSessionId"]) == (0, "s")


def test_opening_again_counts_a_rebind_only_for_another_runtime_thread():
    host = Host()
    first = opened(host)
    again = opened(host)
    assert (again["created"], again["rebindApplied"]) == (False, False)
    moved = opened(host, runtime="r2")
    assert (moved["created"], moved["rebindApplied"]) == (False, True)
    assert moved["threadId"] == first["threadId"]
    row = binding(host)
    assert (row["rebindCount"], row["runtimeConversationId"]) == (1, "r2")
    assert host.rows("codex_threads")[0]["localThreadId"] == "r2"


def test_opening_keeps_the_cursor_and_forgets_the_error():
    host = Host()
    opened(host)
    marked(host, cursor=7, errorCode="E_OLD", syncState="drifted")
    opened(host)
    row = binding(host)
    assert row["lastSyncedCursor"] == 7
    assert "lastErrorCode" not in row
    assert "lastErrorAt" not in row


def test_opening_does_not_bring_a_thread_back_from_the_archive():
    host = Host()
    thread = opened(host)["threadId"]
    host.call("threads.archiveByConversation", conversationId="c", threadId=thread)
    opened(host)
    assert host.rows("codex_threads")[0]["status"] == "archived"


async def test_opening_does_not_hide_an_import_that_runs(host):
    importer = Importer(host, History.of(1, 2)).collected()
    opened(host)
    row = binding(host)
    assert (row["syncJobId"], row["syncJobState"]) == (importer.job, "syncing")
    await host.settle()
    opened(host)
    assert binding(host)["syncJobState"] == "idle"


def test_a_call_that_expects_another_job_changes_nothing(host):
    marked(host, cursor=11)
    before = host.tables()
    result = marked(host, cursor=12, expectedSyncJobId="job-expected", syncState="drifted")
    assert (result["staleIgnored"], result["lastSyncedCursor"]) == (True, 11)
    assert result["syncState"] == "synced"
    assert host.tables() == before


def test_a_stale_call_about_a_binding_that_was_never_marked_shows_its_defaults(host):
    result = marked(host, cursor=12, expectedSyncJobId="job")
    assert (result["syncState"], result["lastSyncedCursor"]) == ("syncing", 0)
    assert result["staleIgnored"] is True


def test_marking_synced_clears_the_error_of_the_job_in_row_and_answer(host):
    marked(host, cursor=1, syncState="drifted", syncJobErrorCode="E_OLD", errorCode="E_OLD")
    assert binding(host)["syncJobErrorCode"] == "E_OLD"
    result = marked(host, cursor=21, syncState="synced")
    row = binding(host)
    assert "syncJobErrorCode" not in row
    assert "lastErrorCode" not in row
    assert "syncJobErrorCode" not in result
    assert (row["syncState"], result["syncState"], result["staleIgnored"]) == (
        "synced",
        "synced",
        False,
    )


def test_what_was_marked_is_what_is_told(host):
    result = marked(
        host,
        cursor=5,
        syncState="drifted",
        runtimeConversationId="r9",
        sessionId="s9",
        errorCode="E_X",
        syncJobId="j",
        syncJobState="failed",
        syncJobPolicyVersion=4,
        syncJobStartedAt=1,
        syncJobUpdatedAt=2,
        syncJobErrorCode="E_Y",
    )
    row = binding(host)
    assert result == {
        "threadId": row["threadId"],
        "conversationId": "c",
        "runtimeConversationId": "r9",
        "syncState": "drifted",
        "lastSyncedCursor": 5,
        "syncJobId": "j",
        "syncJobState": "failed",
        "syncJobPolicyVersion": 4,
        "syncJobStartedAt": 1,
        "syncJobUpdatedAt": 2,
        "syncJobLastCursor": 5,
        "syncJobErrorCode": "E_Y",
        "staleIgnored": False,
    }
    assert {name: row[name] for name in result if name != "staleIgnored"} == {
        name: value for name, value in result.items() if name != "staleIgnored"
    }
    assert (row["lastSessionId"], row["lastErrorCode"]) == ("s9", "E_X")
    assert row["lastErrorAt"] == host.backend.clock.now_ms()


def test_the_cursor_goes_back_only_when_it_is_reset(host):
    marked(host, cursor=10)
    assert marked(host, cursor=4)["lastSyncedCursor"] == 10
    assert marked(host, cursor=4, reset=True)["lastSyncedCursor"] == 4
    assert binding(host)["lastSyncedCursor"] == binding(host)["syncJobLastCursor"] == 4


@pytest.mark.parametrize("expects", [False, True])
async def test_nobody_says_that_an_import_is_done_while_it_runs(host, expects):
    importer = Importer(host, History.of(1, 2)).collected()
    expected = {"expectedSyncJobId": importer.job} if expects else {}
    said = {"syncState": "synced", "syncJobState": "synced", "syncJobId": "another"}
    result = marked(host, cursor=3, **said, **expected)
    assert (result["syncState"], result["syncJobState"]) == ("syncing", "syncing")
    assert binding(host)["syncJobId"] == importer.job
    await host.settle()
    row = binding(host)
    assert (row["syncState"], row["syncJobState"], row["syncJobId"]) == (
        "synced",
        "synced",
        importer.job,
    )
    assert marked(host, cursor=9, **expected)["syncState"] == "synced"


def test_rebinding_counts_always_and_leaves_the_job_alone(host):
    marked(host, cursor=5, syncJobId="j", syncJobState="failed", syncJobErrorCode="E_Y")
    first = rebound(host, reasonCode="E_WHY")
    assert first == {
        "threadId": binding(host)["threadId"],
        "conversationId": "c",
        "runtimeConversationId": "r2",
        "syncState": "syncing",
        "rebindCount": 1,
    }
    row = binding(host)
    assert (row["lastErrorCode"], row["syncState"]) == ("E_WHY", "syncing")
    assert (row["syncJobId"], row["syncJobState"], row["syncJobErrorCode"]) == (
        "j",
        "failed",
        "E_Y",
    )
    assert row["lastSyncedCursor"] == 5
    assert rebound(host)["rebindCount"] == 2
    assert binding(host)["lastErrorCode"] == "E_WHY"


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("threads.markSyncProgress", {"cursor": 1}),
        ("threads.forceRebindSync", {"runtimeConversationId": "r"}),
        ("threads.startConversationSyncSource", {}),
    ],
)
def test_what_is_bound_to_nothing_is_not_made_by_the_way(host, name, args):
    before = host.tables()
    assert host.refusal(name, conversationId="unknown", **args) == "E_CONVERSATION_NOT_FOUND"
    other = host.acting("other")
    assert other.refusal(name, conversationId="c", **args) == "E_CONVERSATION_NOT_FOUND"
    assert host.tables() == before


def _put(host, state):
    """Bring the binding into a state."""
    marked(host, cursor=0, syncState=state)
    assert binding(host)["syncState"] == state


@pytest.mark.parametrize("before", START_STATES)
async def test_every_trigger_leads_from_every_state_where_the_table_says(host, before):
    """Spec 03 §11: sync state and job state after each trigger."""
    thread = binding(host)["threadId"]

    def states():
        row = binding(host)
        return row["syncState"], row.get("syncJobState")

    _put(host, before)
    job_state = binding(host).get("syncJobState")
    host.call("threads.resolve", conversationId="c")
    assert states() == ("syncing", job_state)
    assert binding(host)["runtimeConversationId"] == "c"

    _put(host, before)
    opened(host)
    assert states() == ("syncing", "idle")

    _put(host, before)
    rebound(host)
    assert states() == ("syncing", "idle")

    _put(host, before)
    importer = Importer(host, History.of(1, 3), size=2).start()
    assert states() == ("syncing", "syncing")
    assert "syncJobId" not in binding(host)

    _put(host, before)
    importer.append_all().seal()
    assert states() == ("syncing", "syncing")
    assert binding(host)["syncJobId"] == importer.job

    for state in ("unsynced", "drifted", "syncing"):
        marked(host, cursor=0, syncState=state, expectedSyncJobId=importer.job)
        assert states() == (state, "syncing")
    host.call(RUN, jobId=importer.job, leaseVersion=importer.row()["leaseVersion"])
    assert states() == ("syncing", "syncing")
    await host.settle()
    assert states() == ("synced", "synced")

    _put(host, before)
    failing = Importer(host, History.of(1, 1, name="F")).start()
    failing.seal(expectedChecksum=checksum([]), expectedDigest=digest([]))
    await host.settle()
    assert states() == ("drifted", "failed")
    assert binding(host)["syncJobErrorCode"] == "E_SYNC_MANIFEST_SET_MISMATCH"
    assert thread == binding(host)["threadId"]

    _put(host, before)
    cancelled = Importer(host, History.of(1, 1)).collected()
    cancelled.cancel()
    assert states() == ("drifted", "cancelled")


async def test_success_leaves_the_last_error_and_clears_that_of_the_job(host):
    Importer(host, History.of(1, 2)).start()
    marked(host, cursor=0, syncState="syncing", errorCode="E_EARLIER", syncJobErrorCode="E_EARLIER")
    importer = Importer(host, History.of(1, 2)).start().append_all()
    assert "syncJobErrorCode" not in binding(host)
    importer.seal()
    await host.settle()
    row = binding(host)
    assert row["syncState"] == "synced"
    assert row["lastErrorCode"] == "E_EARLIER"
    assert "syncJobErrorCode" not in row


def test_bindings_of_runtime_threads_are_found_directly_and_by_their_last_import(host):
    thread = binding(host)["threadId"]
    opened(host, runtime="r-now")
    Importer(host, History({})).start(runtimeConversationId="r-then").seal()
    opened(host, runtime="r-now")
    name = "threads.listRuntimeConversationBindings"
    wanted = ["r-then", "unknown", "r-now", "r-then"]
    found = host.call(name, runtimeConversationIds=wanted)
    assert found == [
        {"runtimeConversationId": "r-then", "threadId": thread, "conversationId": "c"},
        {"runtimeConversationId": "r-now", "threadId": thread, "conversationId": "c"},
    ]
    assert host.acting("other").call(name, runtimeConversationIds=wanted) == []
    assert host.call(name, runtimeConversationIds=[]) == []
    many = [str(number) for number in range(1_001)]
    assert host.refusal(name, runtimeConversationIds=many) == "E_TOO_MANY_IDS"
    assert host.call(name, runtimeConversationIds=many[:1_000]) == []
    assert host.call(name, runtimeConversationIds=["r-now"] * 2_000) == found[1:]
