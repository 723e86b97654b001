"""Imports that do not go through: cancelled, refused half-way, cut off, taken up again."""

import asyncio

import httpx
import msgspec
import pytest

from codex_runtime.contract.limits import SYNC_POLL_TIMEOUT
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host import importing as importing_module
from codex_runtime.persistence.failures import PersistenceError
from support.import_world import APPEND, CANCEL, LOOK, SEAL, START, THREAD, shelf_world, turns

pytestmark = pytest.mark.anyio

REFUSED = httpx.Response(400, text="no")


def _refuse(wanted, times, answer=REFUSED):
    """Refuse an endpoint's calls from the one of this number on, so many times."""
    seen = iter(times)

    def refuse(path, _request):
        return answer if path == wanted and next(seen, False) else None

    return refuse


async def _code(awaitable):
    with pytest.raises(CodexRuntimeError) as refused:
        await awaitable
    return refused.value.code


async def _nothing_goes_on(w):
    """Whatever is scheduled is done; nothing of an import may be left that is not an end."""
    await w.convex.run_until_idle()
    assert w.rows("codex_sync_import_source_chunks") == []
    assert {job["state"] for job in w.rows("codex_sync_import_jobs")} <= {"cancelled", "failed"}


async def test_an_import_is_cancelled_while_its_chunks_are_sent():
    async with shelf_world(*turns(100)) as w:
        importing = w.importing()
        gate = await w.at(APPEND, importing)
        cancelling = asyncio.create_task(w.runtime.cancel_import("c"))
        await w.until_state("cancelling")
        gate.open()
        assert await cancelling
        assert await _code(importing) == "E_IMPORT_THREAD_CANCELLED"
        assert w.states()[-1] == "cancelled"
        assert w.job()["lastErrorCode"] == "E_IMPORT_THREAD_CANCELLED"
        assert w.wire.called.count(APPEND) == 1
        await _nothing_goes_on(w)
        assert (w.binding()["syncState"], w.binding()["syncJobState"]) == ("drifted", "cancelled")


async def test_an_import_is_cancelled_while_the_deployment_takes_it_in():
    async with shelf_world(*turns(100)) as w:
        importing = w.importing()
        looking = await w.sealed(importing)
        cancelling = asyncio.create_task(w.runtime.cancel_import(" c "))
        await w.until_called(CANCEL)
        looking.open()
        assert await cancelling
        assert await _code(importing) == "E_IMPORT_THREAD_CANCELLED"
        assert w.states()[-1] == "cancelled"
        await _nothing_goes_on(w)


async def test_an_import_whose_caller_is_cancelled_is_cancelled():
    async with shelf_world(*turns(100)) as w:
        importing = w.importing()
        gate = await w.at(APPEND, importing)
        importing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await importing
        gate.open()
        await w.until_called(CANCEL)
        await w.until(lambda: w.states()[-1] == "cancelled")
        assert w.job()["state"] == "cancelled"
        await _nothing_goes_on(w)
        assert w.reports == []


async def test_an_import_that_has_ended_cannot_be_cancelled():
    async with shelf_world(*turns(2)) as w:
        await w.bring()
        assert not await w.runtime.cancel_import("c")
        assert not await w.runtime.cancel_import("never heard of")
        assert w.binding()["syncState"] == "synced"


async def test_an_import_that_somebody_else_cancels_is_partial():
    async with shelf_world(*turns(2)) as w:
        importing = w.importing()
        looking = await w.sealed(importing)
        await w.cancel_by_hand("E_MINE", "Not now.")
        looking.open()
        imported = await importing
        assert (imported.sync_state, imported.sync_job_state) == ("partial", "cancelled")
        assert (imported.error_code, imported.warnings) == ("E_MINE", ("E_MINE:Not now.",))


async def test_an_import_whose_chunk_is_refused_fails_and_is_cancelled():
    async with shelf_world(*turns(100)) as w:
        w.wire.refusals.append(_refuse(APPEND, [False, True]))
        assert await _code(w.bring()) == "E_PERSISTENCE_REQUEST_REFUSED"
        assert w.states()[-1] == "failed"
        assert w.job()["lastErrorCode"] == "E_PERSISTENCE_REQUEST_REFUSED"
        assert w.job()["totalChunks"] == 1
        await _nothing_goes_on(w)
        w.wire.refusals.clear()
        assert (await w.bring()).sync_state == "synced"
        assert len(await w.messages()) == 200


async def test_a_chunk_whose_answer_never_comes_is_counted_whether_it_is_there_or_not():
    lost = ["lose the answer"] * 6
    async with shelf_world(*turns(100)) as w:
        w.wire.refusals.append(lambda path, _: lost.pop() if path == APPEND and lost else None)
        assert await _code(w.bring()) == "E_PERSISTENCE_OUTCOME_UNKNOWN"
        assert (w.job()["state"], w.job()["totalChunks"]) == ("cancelled", 1)
        await _nothing_goes_on(w)


async def test_an_answer_that_is_lost_once_changes_nothing():
    async with shelf_world(*turns(100)) as w:
        faults = {APPEND: ["lose the answer"], SEAL: ["lose the answer"]}
        w.wire.refusals.append(lambda path, _: faults[path].pop() if faults.get(path) else None)
        assert (await w.bring()).sync_state == "synced"
        assert len(await w.messages()) == 200


async def test_a_source_that_cannot_even_be_given_up_is_reported_and_expires():
    async with shelf_world(*turns(2)) as w:
        w.wire.refusals.append(_refuse(APPEND, [True]))
        w.wire.refusals.append(_refuse(SEAL, [True]))
        assert await _code(w.bring()) == "E_PERSISTENCE_REQUEST_REFUSED"
        ((report, where),) = w.reports
        assert where == "[runtime:import]"
        assert "E_PERSISTENCE_REQUEST_REFUSED" in report
        await w.convex.advance(61 * 60 * 1_000)
        await _nothing_goes_on(w)
        assert w.binding()["syncJobErrorCode"] == "E_SYNC_SOURCE_EXPIRED"


async def test_a_source_that_cannot_be_begun_fails_the_import():
    async with shelf_world(*turns(2)) as w:
        w.wire.refusals.append(_refuse(START, [True]))
        assert await _code(w.bring()) == "E_PERSISTENCE_REQUEST_REFUSED"
        assert w.states() == ["reading", "failed"]
        assert (await w.bring()).sync_state == "synced"


async def test_what_was_sealed_is_waited_for_again_after_a_restart():
    async with shelf_world(*turns(100)) as w:
        await w.abandoned_while_it_is_taken_in()
        await w.start()
        imported = await w.bring()
        assert (imported.sync_state, imported.resumed) == ("synced", True)
        assert imported.imported_message_count == 200
        assert w.job()["state"] == "succeeded"
        assert len(await w.messages()) == 200


async def test_a_thread_that_has_changed_since_is_imported_as_it_is_now():
    (last,) = turns(1)
    async with shelf_world({**last, "status": "inProgress"}) as w:
        await w.abandoned_while_it_is_taken_in()
        w.shelf.turns[:] = [last]
        await w.start()
        imported = await w.bring()
        assert (imported.sync_state, imported.resumed) == ("synced", False)
        assert await w.turns() == {last["id"]: "completed"}


async def test_an_import_of_another_runtime_can_be_cancelled():
    async with shelf_world(*turns(100)) as w:
        await w.abandoned_while_it_is_taken_in()
        await w.start()
        assert await w.runtime.cancel_import("c")
        await _nothing_goes_on(w)


async def test_a_source_of_an_earlier_attempt_that_was_never_sealed_is_in_nobodys_way():
    async with shelf_world(*turns(100)) as w:
        importing = w.importing()
        gate = await w.at(APPEND, importing)
        w.wire.is_cut = True
        gate.open()
        assert await _code(importing) == "E_PERSISTENCE_UNREACHABLE"
        await w.runtime.stop()
        await w.start()
        imported = await w.bring()
        assert (imported.sync_state, imported.resumed) == ("synced", False)
        assert len(await w.messages()) == 200
        await w.convex.advance(61 * 60 * 1_000)
        assert w.binding()["syncState"] == "synced"
        assert w.rows("codex_sync_import_source_chunks") == []


async def test_stopping_cancels_what_is_not_sealed_and_leaves_what_is():
    async with shelf_world(*turns(100)) as w:
        importing = w.importing()
        gate = await w.at(APPEND, importing)
        stopping = asyncio.create_task(w.runtime.stop())
        await w.until_state("cancelling")
        gate.open()
        await stopping
        assert await _code(importing) == "E_RUNTIME_STOPPING"
        assert w.job()["lastErrorCode"] == "E_RUNTIME_STOPPING"
        await _nothing_goes_on(w)


async def test_what_is_sealed_goes_on_when_the_runtime_is_stopped():
    async with shelf_world(*turns(100)) as w:
        importing = w.importing()
        looking = await w.sealed(importing)
        await w.runtime.stop()
        looking.open()
        assert await _code(importing) == "E_RUNTIME_STOPPED"
        await w.convex.run_until_idle()
        assert w.job()["state"] == "succeeded"


async def test_an_import_that_has_read_its_thread_outlives_its_codex():
    async with shelf_world(*turns(100)) as w:
        importing = w.importing()
        gate = await w.at(APPEND, importing)
        w.shelf.vanish()
        await w.until(lambda: not w.runtime.get_state().running)
        gate.open()
        assert (await importing).sync_state == "synced"


async def test_an_import_that_has_outlived_its_codex_can_be_cancelled():
    async with shelf_world(*turns(100)) as w:
        importing = w.importing()
        gate = await w.at(APPEND, importing)
        w.shelf.vanish()
        await w.until(lambda: not w.runtime.get_state().running)
        cancelling = asyncio.create_task(w.runtime.cancel_import("c"))
        await w.until_state("cancelling")
        gate.open()
        assert await cancelling
        assert await _code(importing) == "E_IMPORT_THREAD_CANCELLED"
        await _nothing_goes_on(w)


async def test_an_import_that_has_outlived_its_codex_is_given_up_when_the_runtime_stops():
    async with shelf_world(*turns(100)) as w:
        importing = w.importing()
        gate = await w.at(APPEND, importing)
        w.shelf.vanish()
        await w.until(lambda: not w.runtime.get_state().running)
        stopping = asyncio.create_task(w.runtime.stop())
        await w.until_state("cancelling")
        gate.open()
        await stopping
        assert await _code(importing) == "E_RUNTIME_STOPPING"
        await _nothing_goes_on(w)


class Impatient:
    """Waits for an import only so long that it has come a little further."""

    def __init__(self, persistence):
        self._persistence = persistence
        self.waited = 0

    def __getattr__(self, name):
        return getattr(self._persistence, name)

    async def wait_for_job(self, args, seen):
        self.waited += 1
        if self.waited > 3:
            return await self._persistence.wait_for_job(args, seen)
        job = await self._persistence.get_job(args)
        seen(msgspec.structs.replace(job, updated_at=job.updated_at + self.waited))
        raise PersistenceError("E_SYNC_JOB_TIMEOUT", "It takes its time.")


async def test_an_import_is_waited_for_as_long_as_it_comes_further():
    async with shelf_world(*turns(2), around=Impatient) as w:
        assert (await w.bring()).sync_state == "synced"


async def test_an_import_that_stands_still_is_told_and_goes_on_when_it_can():
    async with shelf_world(*turns(2)) as w:
        w.poll_ms = SYNC_POLL_TIMEOUT / 3
        await w.runtime.stop()
        await w.start()
        w.stalled = True
        assert await _code(w.bring()) == "E_SYNC_JOB_TIMEOUT"
        w.stalled = False
        imported = await w.bring()
        assert (imported.sync_state, imported.resumed) == ("synced", True)


async def test_a_thread_that_codex_does_not_have_is_not_imported():
    async with shelf_world() as w:
        call = w.runtime.import_local_thread_to_persistence(THREAD[:-1] + "b", conversation_id="c")
        assert await _code(call) == "E_IMPORT_THREAD_READ_FAILED"
        assert w.rows("codex_thread_bindings") == []


async def test_an_answer_without_a_thread_is_no_thread():
    async with shelf_world() as w:
        w.shelf.answer = {"oops": 1}
        assert await _code(w.bring()) == "E_IMPORT_THREAD_READ_FAILED"


async def test_a_listener_of_progress_that_raises_hurts_nobody(caplog):
    def raise_anything(_progress):
        raise RuntimeError("mine")

    async with shelf_world(*turns(2)) as w:
        imported = await w.runtime.import_local_thread_to_persistence(
            THREAD, conversation_id="c", on_progress=raise_anything
        )
        assert imported.sync_state == "synced"
        assert "mine" in caplog.text


async def test_a_seal_whose_answer_never_comes_does_not_go_on_by_itself():
    lost = ["lose the answer"] * 6
    async with shelf_world(*turns(100)) as w:
        w.wire.refusals.append(lambda path, _: lost.pop() if path == SEAL and lost else None)
        w.stalled = True
        assert await _code(w.bring()) == "E_PERSISTENCE_OUTCOME_UNKNOWN"
        assert w.job()["state"] == "cancelled"
        await _nothing_goes_on(w)


async def test_an_import_that_is_waited_for_again_can_be_cancelled():
    async with shelf_world(*turns(100)) as w:
        await w.abandoned_while_it_is_taken_in()
        await w.start()
        # It is looked for, and looked at once; meanwhile it does not come further.
        w.stalled = True
        looking = w.gate(LOOK, first=2)
        importing = w.importing()
        await w.until_state("verifying")
        cancelling = asyncio.create_task(w.runtime.cancel_import("c"))
        await w.until_called(CANCEL)
        looking.open()
        assert await cancelling
        assert await _code(importing) == "E_IMPORT_THREAD_CANCELLED"
        await _nothing_goes_on(w)


async def test_an_import_that_cannot_be_cancelled_goes_on():
    async with shelf_world(*turns(2)) as w:
        importing = w.importing()
        looking = await w.sealed(importing)
        w.wire.refusals.append(_refuse(CANCEL, [True]))
        assert await _code(w.runtime.cancel_import("c")) == "E_PERSISTENCE_REQUEST_REFUSED"
        looking.open()
        assert (await importing).sync_state == "synced"
        assert w.states()[-1] == "synced"


async def test_an_import_that_had_ended_when_it_was_cancelled_has_ended_so():
    async with shelf_world(*turns(2)) as w:
        importing = w.importing()
        looking = await w.sealed(importing)
        await w.convex.advance(1_000)
        cancelling = w.gate(CANCEL)
        cancelled = asyncio.create_task(w.runtime.cancel_import("c"))
        await cancelling.reached.wait()
        looking.open()
        assert (await importing).sync_state == "synced"
        cancelling.open()
        assert not await cancelled
        assert w.states()[-1] == "synced"


async def test_several_imports_are_given_up_together():
    async with shelf_world(*turns(2)) as w:
        gate = w.gate(APPEND)
        importing = [w.importing("c"), w.importing("d")]
        await w.until(lambda: w.wire.called.count(APPEND) == 2)
        stopping = asyncio.create_task(w.runtime.stop())
        await w.until(lambda: [one.state for one in w.progress].count("cancelling") == 2)
        gate.open()
        await stopping
        assert [await _code(one) for one in importing] == ["E_RUNTIME_STOPPING"] * 2
        await _nothing_goes_on(w)


async def test_a_deployment_that_does_not_answer_does_not_keep_the_runtime_from_stopping(
    monkeypatch,
):
    monkeypatch.setattr(importing_module, "GIVE_UP_SECONDS", 0.01)
    async with shelf_world(*turns(2)) as w:
        importing = w.importing()
        await w.at(APPEND, importing)
        await w.runtime.stop()
        assert await _code(importing) == "E_RUNTIME_STOPPED"
