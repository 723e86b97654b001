"""Stopping: from every state, in bounded time, with nothing left running (spec 06 §7)."""

import asyncio
import logging

import pytest

from codex_runtime.app_server.memory import memory_pair
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host import shell
from codex_runtime.host.runtime import create_codex_host_runtime
from codex_runtime.persistence.codex_only import CodexOnlyPersistence
from support.core_desk import THREAD, TURN
from support.peer_world import SECONDS, hosted

pytestmark = pytest.mark.anyio


async def refused(call):
    with pytest.raises(CodexRuntimeError) as error:
        await call
    return error.value


class Silent(CodexOnlyPersistence):
    """A persistence that never answers one of its operations.

    Attributes:
        asked: Set when it is asked.
    """

    def __init__(self, *operations):
        super().__init__()
        self.asked = asyncio.Event()
        for operation in operations:
            setattr(self, operation, self._never)

    async def _never(self, *_args):
        self.asked.set()
        await asyncio.Event().wait()


class Naps:
    """Sleeps that end when the test says so."""

    def __init__(self):
        self._sleeping = []

    async def __call__(self, _seconds):
        nap = asyncio.get_running_loop().create_future()
        self._sleeping.append(nap)
        await nap

    async def until_over(self, task):
        """Let everybody wake who sleeps, again and again, until a task is done."""
        async with asyncio.timeout(SECONDS):
            while not task.done():
                sleeping, self._sleeping = self._sleeping, []
                for nap in sleeping:
                    if not nap.done():
                        nap.set_result(None)
                await asyncio.sleep(0)


class Raising(CodexOnlyPersistence):
    """A persistence one of whose operations raises something."""

    def __init__(self, operation, error):
        super().__init__()
        self._error = error
        setattr(self, operation, self._raise)

    async def _raise(self, *_args):
        raise self._error


async def test_a_runtime_that_was_never_connected_stops():
    runtime = create_codex_host_runtime(opener=memory_pair)
    await runtime.stop()
    await runtime.stop()
    assert runtime.get_state().phase == "stopped"


async def test_stopping_is_the_end_of_the_context():
    async with hosted() as h:
        async with h.runtime as runtime:
            assert runtime.get_state().phase == "running"
        assert h.runtime.get_state().phase == "stopped"
        assert await h.peer.transport.receive() == b""


async def test_stopping_twice_at_once_is_one_stop():
    async with hosted() as h:
        phases = []
        h.runtime.subscribe_lifecycle(lambda state: phases.append(state.phase))
        await asyncio.gather(h.runtime.stop(), h.runtime.stop())
        assert phases.count("stopping") == phases.count("stopped") == 1


async def test_stopping_goes_on_when_whoever_asked_for_it_is_cancelled():
    async with hosted() as h:
        stopping = asyncio.ensure_future(h.runtime.stop())
        await h.until(lambda state: state.phase in ("stopping", "stopped"))
        stopping.cancel()
        await h.until(lambda state: state.phase == "stopped")
        assert (await h.connect()).phase == "running"


async def test_whoever_waits_for_codex_is_told_that_the_runtime_was_stopped():
    async with hosted() as h:
        asking = asyncio.ensure_future(h.runtime.read_account())
        assert (await h.peer.heard())["method"] == "account/read"
        await h.runtime.stop()
        assert (await refused(asking)).code == "E_RUNTIME_STOPPED"
        assert (await refused(h.runtime.read_account())).code == "E_RUNTIME_NOT_CONNECTED"


async def test_a_turn_in_flight_is_interrupted_and_the_runtime_stops():
    async with hosted() as h:
        await h.open()
        await h.send()
        asked, _ = await h.ask(h.runtime.stop(), {"result": {}})
        assert (asked["method"], asked["params"]) == (
            "turn/interrupt",
            {"threadId": THREAD, "turnId": TURN},
        )


async def test_what_is_asked_of_a_persistence_that_never_answers_fails_with_a_code(monkeypatch):
    monkeypatch.setattr(shell, "KEEP_SECONDS", 0.01)
    async with hosted(persistence=Silent("ensure_thread")) as h:
        asking = asyncio.ensure_future(h.open())
        error = (await asyncio.gather(asking, return_exceptions=True))[0]
        (refusal,) = error.exceptions
        assert refusal.code == "E_PERSISTENCE_OUTCOME_UNKNOWN"
        assert "ensure_thread" in str(refusal)


@pytest.mark.parametrize(
    "raised", [ValueError("no"), KeyError("no"), TimeoutError("mine"), asyncio.CancelledError()]
)
async def test_whatever_persistence_raises_has_a_code(raised):
    async with hosted(persistence=Raising("ensure_thread", raised)) as h:
        asking = asyncio.ensure_future(h.open())
        error = (await asyncio.gather(asking, return_exceptions=True))[0]
        (refusal,) = error.exceptions
        assert refusal.code == "E_PERSISTENCE_OUTCOME_UNKNOWN"
        assert refusal.__cause__ is raised


async def test_a_runtime_whose_persistence_never_answers_stops_and_says_what_waits():
    persistence = Silent("ingest")
    naps = Naps()
    async with hosted(persistence=persistence, sleep=naps) as h:
        await h.open()
        turn = {"id": TURN, "status": "completed"}
        await h.peer.say({"method": "turn/completed", "params": {"threadId": THREAD, "turn": turn}})
        await persistence.asked.wait()
        stopping = asyncio.ensure_future(h.runtime.stop())
        await naps.until_over(stopping)
        assert (await refused(stopping)).code == "E_RUNTIME_INGEST_FLUSH_FAILED"
        state = h.runtime.get_state()
        assert state.phase == "stopped"
        assert state.ingest_metrics.waiting_event_count == 1


async def test_a_codex_that_does_not_close_is_given_up_with_a_code(monkeypatch, caplog):
    monkeypatch.setattr(shell, "CLOSE_SECONDS", 0.05)
    caplog.set_level(logging.ERROR)
    async with hosted(connect=False) as h:
        h.codexes.closes = False
        await h.connect()
        error = await refused(h.runtime.stop())
        assert error.code == "E_RUNTIME_STOP_TIMEOUT"
        assert h.runtime.get_state().phase == "stopped"
