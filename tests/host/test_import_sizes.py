"""What is too large for one call is sent in parts; nothing is left out without a word."""

import json
import tracemalloc

import httpx
import pytest

from codex_runtime.contract.limits import CHUNK_BYTES_MOST
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.import_plan import CHUNK_BYTES, plan_import
from support.import_world import APPEND, THREAD, asked, said, shelf_world, turn, turns

pytestmark = pytest.mark.anyio

TOO_LARGE = httpx.Response(413, text="Request entity too large")
FAILED = httpx.Response(560, json={"status": "error", "errorMessage": "Server Error"})
"""What a deployment that redacts its texts says of whatever goes wrong."""


def _beyond(size, answer):
    """Refuse the chunks whose requests have more bytes than this."""
    return lambda path, request: answer if path == APPEND and len(request.content) > size else None


async def _code(awaitable):
    with pytest.raises(CodexRuntimeError) as refused:
        await awaitable
    return refused.value.code


@pytest.mark.parametrize("answer", [TOO_LARGE, FAILED])
async def test_a_chunk_that_is_refused_for_its_size_is_sent_in_parts(answer):
    async with shelf_world(*turns(100)) as w:
        w.wire.refusals.append(_beyond(20_000, answer))
        imported = await w.bring()
        assert imported.sync_state == "synced"
        # The deployment has held its chunks to what the seal says of them.
        assert w.job()["totalChunks"] > 4
        assert [one.sent_messages for one in w.progress][-1] == 200
        assert [text for _, text, _ in await w.texts()][1::2] == [f"answer {n}" for n in range(100)]


async def test_parts_are_numbered_in_the_order_of_what_is_in_them():
    async with shelf_world(*turns(100)) as w:
        w.wire.refusals.append(_beyond(9_000, TOO_LARGE))
        await w.bring()
        assert [chunk["chunkIndex"] for chunk in w.wire.chunks] == list(range(len(w.wire.chunks)))
        sent = [event for chunk in w.wire.chunks for event in json.loads(chunk["payloadJson"])]
        planned = plan_import(w.shelf.as_read(), "c", 0).chunks()
        assert sent == [event for chunk in planned for event in json.loads(chunk.payload_json)]


async def test_a_deployment_that_fails_whatever_it_is_sent_fails_the_import():
    async with shelf_world(*turns(100)) as w:
        w.wire.refusals.append(_beyond(0, FAILED))
        assert await _code(w.bring()) == "E_PERSISTENCE_FUNCTION_FAILED"
        # It was tried in ever smaller parts, and not for ever.
        assert 2 <= w.wire.called.count(APPEND) <= 10


@pytest.mark.parametrize("size", [CHUNK_BYTES + 1, 1_500_000, 3_000_000])
async def test_an_item_larger_than_a_chunk_or_a_document_is_imported_whole(size):
    text = "".join(chr(97 + n % 26) for n in range(size))
    async with shelf_world(turn("T", asked("u"), said("a", text), said("b"))) as w:
        assert (await w.bring()).sync_state == "synced"
        assert await w.texts() == [
            ("user", "hello", "completed"),
            ("assistant", text, "completed"),
            ("assistant", "hi", "completed"),
        ]


async def test_a_message_larger_than_any_chunk_fails_the_import_and_is_named():
    async with shelf_world(turn("T", asked("u"), said("huge", "x" * CHUNK_BYTES_MOST))) as w:
        with pytest.raises(CodexRuntimeError, match="Message huge of turn T") as refused:
            await w.bring()
        assert refused.value.code == "E_SYNC_SOURCE_CHUNK_TOO_LARGE"
        assert w.job()["state"] == "cancelled"
        assert w.job()["lastErrorCode"] == "E_SYNC_SOURCE_CHUNK_TOO_LARGE"


async def test_a_message_that_the_deployment_does_not_take_fails_the_import():
    async with shelf_world(turn("T", asked("u"), said("huge", "x" * 50_000))) as w:
        w.wire.refusals.append(_beyond(30_000, TOO_LARGE))
        assert await _code(w.bring()) == "E_SYNC_SOURCE_CHUNK_TOO_LARGE"


@pytest.mark.parametrize("size", [50_000, CHUNK_BYTES_MOST])
async def test_another_item_that_is_too_large_is_left_out_with_a_warning(size):
    output = {"type": "commandExecution", "id": "x", "aggregatedOutput": "y" * size}
    async with shelf_world(turn("T", asked("u"), output, said("a"))) as w:
        w.wire.refusals.append(_beyond(30_000, TOO_LARGE))
        imported = await w.bring()
        assert imported.warnings == ("W_IMPORT_THREAD_SKIPPED_ITEMS_TOO_LARGE:1",)
        assert imported.sync_state == "synced"
        assert [row.message_id for row in await w.messages()] == ["u", "a"]
        assert await w.turns() == {"T": "completed"}


async def test_more_messages_than_a_manifest_holds_are_refused_before_anything_is_sent():
    long = "m" * 900
    items = [said(f"{long}{n}") for n in range(14_000)]
    async with shelf_world(turn("T", *items)) as w:
        assert await _code(w.bring()) == "E_SYNC_MANIFEST_INVALID"
        assert APPEND not in w.wire.called
        assert w.rows("codex_thread_bindings") == []


def test_of_a_long_thread_one_chunk_at_a_time_is_written_out():
    every = [turn(f"T{n}", asked(f"u{n}"), said(f"a{n}", "x" * 20_000)) for n in range(500)]
    tracemalloc.start()
    try:
        plan = plan_import({"id": THREAD, "turns": every}, "c", 0)
        written = sum(len(chunk.payload_json) for chunk in plan.chunks())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert written > 10_000_000
    assert most < written / 4
