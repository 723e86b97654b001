"""An import from beginning to end: what is told of it, and what there is after it (spec 06 §12)."""

import json

import pytest

from codex_runtime.contract.limits import IMPORT_CHUNK_EVENTS
from codex_runtime.errors import CodexRuntimeError
from support.import_world import (
    APPEND,
    SEAL,
    THREAD,
    asked,
    said,
    shelf_world,
    turn,
    turns,
)
from support.imports import tamper

pytestmark = pytest.mark.anyio


async def test_an_import_tells_how_far_it_has_come():
    async with shelf_world(*turns(100)) as w:
        imported = await w.bring()
        assert (imported.sync_state, imported.imported_turn_count) == ("synced", 100)
        assert w.states() == ["reading", "sending", "verifying", "synced"]
        sent = [one.sent_chunks for one in w.progress if one.state == "sending"]
        assert sent == [1, 2, 3, 4]
        assert [one.sent_messages for one in w.progress if one.state == "sending"][-1] == 200
        processed = [one.processed_chunks for one in w.progress]
        assert processed == sorted(processed)
        last = w.progress[-1]
        assert (last.processed_chunks, last.total_chunks) == (4, 4)
        assert (last.processed_messages, last.message_count) == (200, 200)


async def test_nothing_is_told_twice():
    async with shelf_world(*turns(3)) as w:
        await w.bring()
        told = [(before, after) for before, after in zip(w.progress, w.progress[1:], strict=False)]
        assert all(before != after for before, after in told)


async def test_one_turn_is_sent_as_one_chunk_of_one_stream():
    async with shelf_world(turn("T", asked("u"), said("a"))) as w:
        imported = await w.bring("conv-thread-1")
        counts = (imported.imported_turn_count, imported.imported_message_count)
        assert (*counts, imported.sync_state) == (1, 2, "synced")
        (chunk,) = w.wire.chunks
        events = json.loads(chunk["payloadJson"])
        assert [event["kind"] for event in events].count("item/completed") == 2
        assert len({event["streamId"] for event in events}) == 1
        cursors = [(event["cursorStart"], event["cursorEnd"]) for event in events]
        assert cursors == [(0, 1), (1, 2), (2, 3), (3, 4)]


async def test_everything_that_was_said_is_there_in_its_order():
    async with shelf_world(*turns(80)) as w:
        imported = await w.bring()
        assert (imported.imported_turn_count, imported.imported_message_count) == (80, 160)
        events = [len(json.loads(chunk["payloadJson"])) for chunk in w.wire.chunks]
        assert (len(events) > 1, max(events) <= IMPORT_CHUNK_EVENTS) == (True, True)
        assert await w.texts() == [
            line
            for n in range(80)
            for line in (
                ("user", "hello", "completed"),
                ("assistant", f"answer {n}", "completed"),
            )
        ]
        assert w.binding()["syncState"] == "synced"
        assert w.reports == []


async def test_a_thread_without_turns_is_imported_as_nothing():
    async with shelf_world() as w:
        imported = await w.bring()
        assert (imported.sync_state, imported.imported_message_count) == ("synced", 0)
        assert await w.texts() == []
        assert APPEND not in w.wire.called


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("completed", "completed"),
        ("failed", "failed"),
        ("interrupted", "interrupted"),
        ("inProgress", "inProgress"),
        ("somethingNew", "completed"),
    ],
)
async def test_a_turn_is_kept_with_the_status_it_has(told, kept):
    async with shelf_world(turn("T", asked("u"), said("a"), status=told)) as w:
        assert (await w.bring()).sync_state == "synced"
        assert await w.turns() == {"T": kept}
        assert [text for _, text, _ in await w.texts()] == ["hello", "hi"]


async def test_an_item_of_a_type_that_nobody_knows_is_kept_and_not_asked_for():
    strange = {"type": "hologram", "id": "x", "beam": [1, 2]}
    async with shelf_world(turn("T", asked("u"), strange, said("a"))) as w:
        imported = await w.bring()
        assert (imported.imported_message_count, imported.sync_state) == (2, "synced")
        kept = {row.message_id: json.loads(row.payload_json) for row in await w.messages()}
        assert kept["x"] == strange


async def test_an_item_that_is_there_twice_is_kept_once():
    async with shelf_world(turn("T", said("a", "first"), said("a", "last"))) as w:
        imported = await w.bring()
        assert imported.imported_message_count == 1
        assert await w.texts() == [("assistant", "last", "completed")]


async def test_items_without_an_id_are_kept_once_however_often_they_are_imported():
    nameless = {"type": "agentMessage", "text": "who"}
    async with shelf_world(turn("T", asked("u"), nameless)) as w:
        first = await w.bring()
        assert first.warnings == ("W_IMPORT_THREAD_GENERATED_MESSAGE_IDS:1",)
        await w.bring()
        assert [row.message_id for row in await w.messages()] == ["u", "generated:T:1"]


async def test_an_item_without_a_type_is_left_out_with_a_warning():
    async with shelf_world(turn("T", {"id": "x"}, said("a"))) as w:
        imported = await w.bring()
        assert imported.warnings == ("W_IMPORT_THREAD_SKIPPED_ITEMS_MISSING_TYPE:1",)
        assert imported.sync_state == "synced"


async def test_importing_again_changes_nothing():
    async with shelf_world(*turns(5)) as w:
        await w.bring()
        before = await w.messages()
        again = await w.bring()
        assert (again.sync_state, again.resumed) == ("synced", False)
        assert await w.messages() == before


async def test_importing_again_brings_what_was_said_since():
    async with shelf_world(turn("T0", asked("u"), status="inProgress")) as w:
        await w.bring()
        w.shelf.turns[:] = [turn("T0", asked("u"), said("a")), turn("T1", said("b"))]
        assert (await w.bring()).sync_state == "synced"
        assert await w.turns() == {"T0": "completed", "T1": "completed"}
        assert [text for _, text, _ in await w.texts()] == ["hello", "hi", "hi"]


async def test_a_history_that_is_numbered_anew_is_not_imported_twice():
    legacy = {"historyMode": "legacy"}
    async with shelf_world(turn("T", asked("item-1"), said("item-2", "x")), thread=legacy) as w:
        await w.bring()
        w.shelf.turns[:] = [turn("T", asked("item-7"), said("item-8", "x"))]
        assert (await w.bring()).sync_state == "synced"
        assert [row.message_id for row in await w.messages()] == ["item-1", "item-2"]


async def test_two_conversations_can_be_imported_into_at_the_same_time():
    async with shelf_world(*turns(3)) as w:
        gate = w.gate(SEAL)
        first, second = w.importing("c"), w.importing("d")
        await gate.reached.wait()
        gate.open()
        assert {(await first).conversation_id, (await second).conversation_id} == {"c", "d"}
        assert await w.texts("c") == await w.texts("d")


async def test_a_conversation_is_not_imported_into_twice_at_the_same_time():
    async with shelf_world(*turns(3)) as w:
        gate = w.gate(SEAL)
        first = w.importing()
        await gate.reached.wait()
        with pytest.raises(CodexRuntimeError) as refused:
            await w.bring()
        assert refused.value.code == "E_IMPORT_THREAD_UNDER_WAY"
        gate.open()
        assert (await first).sync_state == "synced"


async def test_the_conversation_is_the_threads_own_when_none_is_named():
    async with shelf_world(*turns(1)) as w:
        assert (await w.bring(None)).conversation_id == THREAD
        assert await w.texts(THREAD) == [
            ("user", "hello", "completed"),
            ("assistant", "answer 0", "completed"),
        ]


async def test_an_import_that_the_deployment_fails_is_partial_and_says_why():
    async with shelf_world(*turns(2)) as w:
        importing = w.importing()
        looking = await w.sealed(importing)
        (chunk,) = w.rows("codex_sync_import_source_chunks")
        tamper(w.convex.backend, lambda db: db.patch(chunk["_id"], {"byteSize": 1}))
        looking.open()
        imported = await importing
        assert (imported.sync_state, imported.sync_job_state) == ("partial", "failed")
        assert imported.error_code == "E_SYNC_SOURCE_CHECKSUM_MISMATCH"
        assert imported.warnings[-1].startswith("E_SYNC_SOURCE_CHECKSUM_MISMATCH:")
        assert w.states()[-1] == "failed"
        assert w.binding()["syncState"] == "drifted"


async def test_two_thousand_turns_are_imported():
    async with shelf_world(*turns(2_000)) as w:
        imported = await w.bring()
        assert (imported.sync_state, imported.imported_message_count) == ("synced", 4_000)
        assert len(await w.messages()) == 4_000
