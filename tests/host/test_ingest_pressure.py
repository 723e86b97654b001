"""More to be kept than can be kept: Codex waits, memory is bounded, and nothing is lost."""

import asyncio

import pytest

from support.host_model import FLOOD, MEMORY_MOST, HostModel
from support.persistence_world import ACTOR
from support.virtual_loop import VirtualLoop


@pytest.fixture
def run(tmp_path):
    """Runs a coroutine function with a runtime that has a thread open, under a virtual clock."""
    loop = VirtualLoop()

    async def with_model(test):
        model = HostModel(tmp_path)
        try:
            await model.runtime.connect(actor=ACTOR)
            await _open(model)
            await test(model)
        finally:
            model.persistence.change("well")
            model.open_gates(ahead=True)
            await model.runtime.stop()
            await model.close()

    yield lambda test: loop.run_until_complete(asyncio.wait_for(with_model(test), 100_000))
    loop.close()


async def _open(model):
    opened = await model.runtime.open_thread("start", persisted_conversation_id="c")
    model.threads["c"] = opened.thread.id


async def _flooded(model, mood):
    """Have Codex say more than may wait, while persistence does nothing; give the turn."""
    sent = await model.runtime.send_turn("[flood 0]")
    model.persistence.change(mood)
    model.open_gates(ahead=True)
    await asyncio.sleep(30)
    return sent.turn_id


async def _said(model, turn_id):
    await asyncio.sleep(100)
    kept = await model.kept("c")
    return [message.text for message in kept[turn_id]]


def _state(model):
    return model.runtime.get_state()


@pytest.mark.parametrize("mood", ["hangs", "down"])
def test_codex_is_read_no_further_than_memory_goes_and_everything_is_kept_later(run, mood):
    async def test(model):
        turn_id = await _flooded(model, mood)
        waiting = _state(model)
        assert waiting.last_error_code == "E_RUNTIME_INGEST_FULL"
        assert MEMORY_MOST <= waiting.ingest_metrics.waiting_bytes < 2 * MEMORY_MOST
        # Codex has said all of it; nobody has read it.
        told = model.told.by_persisted()[turn_id].deltas
        assert "".join(FLOOD).startswith(told)
        assert len(told) < len("".join(FLOOD)) / 2
        model.persistence.change("well")
        assert await _said(model, turn_id) == ["".join(FLOOD)]
        after = _state(model)
        assert after.last_error_code is None
        assert after.ingest_metrics.waiting_event_count == 0
        assert not after.turn_in_flight

    run(test)


def test_what_was_received_before_codex_died_is_kept_although_it_had_to_wait(run):
    async def test(model):
        turn_id = await _flooded(model, "hangs")
        model.codex.crash()
        await asyncio.sleep(30)
        model.persistence.change("well")
        (text,) = await _said(model, turn_id)
        assert text == model.told.by_persisted()[turn_id].deltas
        assert len(text) > MEMORY_MOST / 4
        state = _state(model)
        assert (state.phase, state.source) == ("error", "process_exit")
        assert state.ingest_metrics.waiting_event_count == 0

    run(test)


def test_a_runtime_that_is_stopped_meanwhile_keeps_the_rest_when_it_is_connected_again(run):
    async def test(model):
        turn_id = await _flooded(model, "hangs")
        model.stop()
        ((_, error),) = await model.answered()
        assert error.code == "E_RUNTIME_INGEST_FLUSH_FAILED"
        assert _state(model).phase == "stopped"
        assert _state(model).ingest_metrics.waiting_event_count > 0
        model.persistence.change("well")
        await model.runtime.connect(actor=ACTOR)
        (text,) = await _said(model, turn_id)
        assert text.startswith(model.told.by_persisted()[turn_id].deltas)
        assert _state(model).ingest_metrics.waiting_event_count == 0

    run(test)


def test_a_turn_whose_every_reply_is_lost_for_a_while_is_kept_once(run):
    async def test(model):
        turn_id = await _flooded(model, "loses replies")
        model.persistence.change("well")
        assert await _said(model, turn_id) == ["".join(FLOOD)]
        assert model.reports[0][0].startswith("Failed to flush ingest queue")

    run(test)
