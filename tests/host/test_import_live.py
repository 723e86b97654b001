"""An import of a thread that is in use: what streams is left to its stream, and nothing is lost."""

import asyncio

import pytest

from codex_fakes.app_server import SimulatedSettings
from codex_fakes.script import Say, Wait
from codex_runtime.persistence.failures import PersistenceError
from support.host_world import world

pytestmark = pytest.mark.anyio

ONE = [("user", "first", "completed"), ("assistant", "one", "completed")]
TWO = [("user", "second", "completed"), ("assistant", "half whole", "completed")]
STEPS = (Say("one"), (Say("half ", left_open=True), Wait("held"), Say("whole")))


async def _two_turns(w, conversation):
    """Have one turn end, and another one stream."""
    opened = await w.runtime.open_thread("start", persisted_conversation_id=conversation)
    await w.runtime.send_turn("first")
    await w.until(lambda: "turn/completed" in w.kinds())
    await w.settled()
    await w.runtime.send_turn("second")
    await w.until(lambda: w.kinds().count("item/agentMessage/delta") == 2)
    return opened.thread.id


async def _go_on(w):
    w.codex.gates.open("held")
    await w.until(lambda: w.kinds().count("turn/completed") == 2)
    await w.settled()


@pytest.mark.parametrize("mode", ["paginated", "legacy"])
async def test_a_turn_that_streams_into_the_conversation_is_left_to_its_stream(tmp_path, mode):
    settings = SimulatedSettings(history_mode=mode)
    async with world(tmp_path, *STEPS, settings=settings) as w:
        thread = await _two_turns(w, "c")
        imported = await w.runtime.import_local_thread_to_persistence(thread, conversation_id="c")
        assert imported.warnings == ("W_IMPORT_THREAD_SKIPPED_TURN_IN_FLIGHT:1",)
        assert (imported.imported_turn_count, imported.sync_state) == (1, "synced")
        await _go_on(w)
        assert await w.messages("c") == [*ONE, *TWO]
        assert w.reports == []


async def test_a_turn_that_streams_elsewhere_is_imported_as_far_as_it_is_and_completed_later(
    tmp_path,
):
    async with world(tmp_path, *STEPS) as w:
        thread = await _two_turns(w, "other")
        imported = await w.runtime.import_local_thread_to_persistence(thread, conversation_id="c")
        assert (imported.imported_turn_count, imported.sync_state) == (2, "synced")
        assert await w.messages("c") == [*ONE, TWO[0]]
        await _go_on(w)
        await w.runtime.import_local_thread_to_persistence(thread, conversation_id="c")
        assert await w.messages("c") == await w.messages("other") == [*ONE, *TWO]


class Late:
    """Keeps nothing until an import has bound its conversation, and then not at once."""

    def __init__(self, persistence):
        self._ingest, self._bind = persistence.ingest, persistence.ensure_thread
        self._bound, self._refused = asyncio.Event(), False
        persistence.ingest, persistence.ensure_thread = self.ingest, self.ensure_thread

    async def ingest(self, args):
        await self._bound.wait()
        if not self._refused:
            self._refused = True
            raise PersistenceError("E_PERSISTENCE_UNREACHABLE", "Not yet.")
        return await self._ingest(args)

    async def ensure_thread(self, args):
        opened = await self._bind(args)
        self._bound.set()
        return opened


async def test_a_history_that_is_numbered_anew_is_compared_with_all_that_was_streamed(tmp_path):
    settings = SimulatedSettings(history_mode="legacy")
    async with world(tmp_path, Say("one"), settings=settings) as w:
        opened = await w.runtime.open_thread("start", persisted_conversation_id="c")
        Late(w.persistence)
        await w.runtime.send_turn("first")
        await w.until(lambda: "turn/completed" in w.kinds())
        imported = await w.runtime.import_local_thread_to_persistence(
            opened.thread.id, conversation_id="c"
        )
        assert imported.sync_state == "synced"
        await w.settled()
        assert await w.messages("c") == ONE
