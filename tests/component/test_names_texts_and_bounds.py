"""Names, texts and bounds that the specification's vectors fix and no larger behaviour shows."""

from __future__ import annotations

import importlib
import json
import pkgutil

import pytest

import codex_fakes.component.host as doors
from codex_runtime.contract.classification import is_recoverable_ingest_error
from codex_runtime.contract.functions import FUNCTIONS
from codex_runtime.contract.functions.ingest import PUBLIC_INGEST_CODES
from codex_runtime.contract.limits import DELTA_SWEEP_BATCH
from codex_runtime.contract.shapes import fields_of, validator_of
from codex_runtime.contract.tables import TABLES
from support.host import Host, Stream, lifecycle, ran, said
from support.imports import History, Importer, tamper

OLD_NAMES = ("threadHandle", "runtimeThreadId")
REMOVED_FACADES = (
    "createCodexHost",
    "createCodexConvexHost",
    "defineRuntimeOwnedHostSlice",
    "defineRuntimeOwnedHostEndpoints",
    "defineGuardedRuntimeOwnedHostEndpoints",
    "guardRuntimeOwnedHostDefinitions",
    "wrapHostDefinitions",
)


@pytest.fixture
def host():
    return Host()


def test_a_binding_names_its_thread_and_that_of_the_runtime_and_nothing_older():
    fields = set(fields_of(TABLES["codex_thread_bindings"].row))
    assert {"conversationRef", "runtimeConversationId"} <= fields
    assert fields.isdisjoint({*OLD_NAMES, "threadRef"})


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name.startswith("threads.")])
def test_no_function_of_threads_takes_or_tells_an_older_name(name):
    function = FUNCTIONS[name]
    shapes = [validator_of(function.args).typescript(), validator_of(function.returns).typescript()]
    assert not [old for old in OLD_NAMES for shape in shapes if old in shape]


def test_deltas_are_found_by_the_row_of_their_stream_in_the_order_of_their_places():
    fields = {index.fields for index in TABLES["codex_stream_deltas_ttl"].indexes}
    assert ("userScope", "streamRef", "cursorStart") in fields


def _snake(name):
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def test_no_module_of_the_host_has_a_facade_that_was_removed():
    modules = [doors] + [
        importlib.import_module(f"{doors.__name__}.{found.name}")
        for found in pkgutil.iter_modules(doors.__path__)
    ]
    gone = {*REMOVED_FACADES, *map(_snake, REMOVED_FACADES)}
    assert "wrap_host_definitions" in gone
    assert not [module.__name__ for module in modules if gone & set(vars(module))]


def test_a_turn_that_is_not_there_is_named_in_the_refusal(host):
    thread = host.conversation()
    told = host.outcome("messages.getByTurn", threadId=thread, turnId="turn-1").error.data
    assert told["code"] == "E_TURN_NOT_FOUND"
    assert "Turn not found: turn-1" in told["message"]


def test_a_conversation_leads_to_the_thread_it_is_bound_to(host):
    thread = host.conversation()
    found = host.call("threads.resolveByConversationId", conversationId="c")
    assert (found["conversationId"], found["threadId"]) == ("c", thread)


@pytest.mark.parametrize("state", ["idle", "syncing", "synced", "failed", "cancelled", None])
def test_every_state_of_an_import_can_be_marked_and_is_told(host, state):
    host.conversation()
    marked = {} if state is None else {"syncJobState": state}
    result = host.call("threads.markSyncProgress", conversationId="c", cursor=1, **marked)
    assert result.get("syncJobState") == state


@pytest.mark.parametrize(
    ("code", "public", "recoverable"),
    [
        ("E_SYNC_SESSION_NOT_FOUND", "SESSION_NOT_FOUND", True),
        ("E_SYNC_SESSION_THREAD_MISMATCH", "SESSION_THREAD_MISMATCH", True),
        (
            "E_SYNC_TURN_ID_REQUIRED_FOR_TURN_EVENT",
            "TURN_ID_REQUIRED_FOR_TURN_EVENT",
            False,
        ),
        ("E_SYNC_TURN_ID_MISMATCH", "TURN_ID_MISMATCH", False),
        ("E_SYNC_OUT_OF_ORDER", "OUT_OF_ORDER", False),
        ("E_SYNC_DUP_EVENT_IN_BATCH", None, False),
    ],
)
def test_a_code_of_ingest_has_its_public_code_and_helps_or_does_not(code, public, recoverable):
    assert PUBLIC_INGEST_CODES.get(code) == public
    assert is_recoverable_ingest_error({"code": public or "UNKNOWN"}) is recoverable
    assert is_recoverable_ingest_error(f"[{code}] why") is recoverable


@pytest.mark.anyio
async def test_an_import_whose_first_chunk_is_gone_fails(host):
    host.conversation()
    Importer(host, History.of(2, 3), size=4).collected()
    chunk = host.rows("codex_sync_import_source_chunks", chunkIndex=0)[0]["_id"]
    tamper(host.backend, lambda db: db.delete(chunk))
    await host.settle()
    row = host.rows("codex_thread_bindings")[0]
    assert (row["syncState"], row["syncJobState"]) == ("drifted", "failed")
    gap = "E_SYNC_SOURCE_CHUNK_INDEX_GAP"
    assert (row["syncJobErrorCode"], row["lastErrorCode"]) == (gap, gap)


def test_the_end_of_a_turn_that_names_no_turn_is_refused_as_a_lifecycle_event_too(host):
    thread = host.conversation()
    message = {"method": "turn/completed", "params": {"threadId": "rt", "turn": {}}}
    code = host.refusal(
        "sync.ingest",
        sessionId="s",
        threadId=thread,
        streamDeltas=[],
        lifecycleEvents=[lifecycle("turn/completed", message, turn="turn-1")],
    )
    assert code == "E_SYNC_PAYLOAD_SCHEMA_MISMATCH"


def test_a_command_that_runs_is_a_snapshot_with_its_payload_as_it_came(host):
    thread = host.conversation()
    event = Stream(start=42).item_started(ran("x", "inProgress"))
    host.ingest(thread, event)
    asked = [{"streamId": "stream:turn-1", "cursor": 42}]
    told = host.call("sync.replay", threadId=thread, streamCursorsById=asked)
    (snapshot,) = told["snapshots"]
    assert (snapshot["itemId"], snapshot["status"]) == ("x", "inProgress")
    assert json.loads(snapshot["payloadJson"]) == ran("x", "inProgress")
    assert snapshot["payloadJson"] in event["payloadJson"]


def test_a_sweep_of_expired_deltas_takes_a_thousand_and_leaves_the_rest_to_the_next(host):
    thread = host.conversation()
    stream = Stream()
    for begin in range(0, DELTA_SWEEP_BATCH, 200):
        events = [stream.item_started(said(f"m{begin + place}", "")) for place in range(200)]
        host.ingest(thread, *events)
    host.ingest(thread, stream.item_started(said("one more", "")))
    expires = host.rows("codex_stream_deltas_ttl")[0]["expiresAt"]
    first = host.internal("streams.cleanupExpiredDeltas", nowMs=expires)
    assert first == {"deleted": 1_000, "hasMore": True}
    second = host.internal("streams.cleanupExpiredDeltas", nowMs=expires)
    assert second == {"deleted": 1, "hasMore": False}
