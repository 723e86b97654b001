"""The runtime between the simulated Codex and a Convex in memory (spec 06, 12 §11)."""

import asyncio

import pytest

from codex_fakes.script import CallTool, FailHttp, Run, Say, Wait
from codex_runtime.errors import CodexRuntimeError, RequestFailedError
from codex_runtime.host.common import HostError
from codex_runtime.host.runtime import create_codex_host_runtime
from codex_runtime.protocol.params import ThreadSettings
from support.host_world import ACTOR, world

pytestmark = pytest.mark.anyio

SOME_THREAD = "018f5f3b-5b7a-7c9d-a12b-3d0f3e4c5b6a"


async def _code(call):
    with pytest.raises(CodexRuntimeError) as refused:
        await call
    return refused.value.code


async def test_a_turn_is_kept_as_it_was_said(tmp_path):
    async with world(tmp_path, Say(text=["Hel", "lo"])) as w:
        await w.runtime.open_thread("start", persisted_conversation_id="c")
        sent = await w.runtime.send_turn("hi")
        assert sent.accepted
        await w.until(lambda: "turn/completed" in w.kinds())
        await w.settled()
        assert await w.messages("c") == [
            ("user", "hi", "completed"),
            ("assistant", "Hello", "completed"),
        ]
        assert w.reports == []


async def test_connecting_opens_no_thread_and_connecting_again_changes_nothing(tmp_path):
    async with world(tmp_path) as w:
        await w.runtime.connect(actor=ACTOR)
        state = w.runtime.get_state()
        assert (state.phase, state.source, state.running) == ("running", "runtime", True)
        assert (state.runtime_conversation_id, state.conversation_id) == (None, None)


async def test_the_phases_are_shown_in_their_order(tmp_path):
    async with world(tmp_path, connect=False) as w:
        seen = []
        w.runtime.subscribe_lifecycle(lambda state: seen.append((state.phase, state.source)))
        assert seen == [("idle", "runtime")]
        await w.runtime.connect(actor=ACTOR)
        await w.runtime.stop()
        phases = list(dict.fromkeys(phase for phase, _ in seen))
        assert phases == ["idle", "starting", "running", "stopping", "stopped"]
        assert w.runtime.get_lifecycle_state().phase == "stopped"


async def test_a_runtime_that_was_stopped_can_be_connected_again(tmp_path):
    async with world(tmp_path) as w:
        await w.runtime.stop()
        await w.runtime.stop()
        await w.runtime.connect(actor=ACTOR)
        assert w.runtime.get_state().phase == "running"


async def test_nothing_can_be_asked_of_a_runtime_that_is_not_connected(tmp_path):
    async with world(tmp_path, connect=False) as w:
        assert await _code(w.runtime.open_thread()) == "E_RUNTIME_NOT_CONNECTED"
        assert await _code(w.runtime.send_turn("hi")) == "E_RUNTIME_NOT_CONNECTED"
        assert await _code(w.runtime.import_local_thread_to_persistence("x")) == (
            "E_IMPORT_THREAD_BRIDGE_NOT_READY"
        )
        await w.runtime.interrupt()
        await w.runtime.stop()


async def test_a_binary_that_is_not_there_leaves_the_runtime_as_it_was(tmp_path):
    runtime = create_codex_host_runtime(codex_bin=str(tmp_path / "nothing"))
    assert await _code(runtime.connect()) == "E_CODEX_BINARY_MISSING"
    state = runtime.get_state()
    assert (state.phase, state.running) == ("error", False)
    assert state.last_error_code == "E_CODEX_BINARY_MISSING"
    assert await _code(runtime.connect()) == "E_CODEX_BINARY_MISSING"
    await runtime.stop()


def test_a_runtime_takes_an_opener_or_a_binary():
    with pytest.raises(HostError) as refused:
        create_codex_host_runtime(codex_bin="codex", opener=lambda: None)
    assert refused.value.code == "E_RUNTIME_CONFIG_INVALID"


async def test_a_turn_needs_an_open_thread(tmp_path):
    async with world(tmp_path) as w:
        assert await _code(w.runtime.send_turn("hi")) == "E_RUNTIME_THREAD_NOT_OPEN"


@pytest.mark.parametrize("strategy", ["resume", "fork"])
async def test_an_old_thread_needs_its_id(tmp_path, strategy):
    async with world(tmp_path) as w:
        call = w.runtime.open_thread(strategy, conversation_id="  ")
        assert await _code(call) == "E_RUNTIME_CONVERSATION_ID_REQUIRED"


async def test_a_thread_that_codex_does_not_know_leaves_the_binding_as_it_was(tmp_path):
    async with world(tmp_path, Say("x")) as w:
        await w.runtime.open_thread("start", persisted_conversation_id="c")
        before = w.runtime.get_state()
        with pytest.raises(RequestFailedError):
            await w.runtime.open_thread(
                "resume", conversation_id=SOME_THREAD, persisted_conversation_id="other"
            )
        after = w.runtime.get_state()
        assert after.conversation_id == "c"
        assert after.runtime_conversation_id == before.runtime_conversation_id


async def test_a_pinned_conversation_stays_when_codexs_thread_becomes_another(tmp_path):
    async with world(tmp_path) as w:
        first = await w.runtime.open_thread("start", persisted_conversation_id="c")
        assert w.runtime.get_state().conversation_id == "c"
        second = await w.runtime.open_thread("start", persisted_conversation_id="c")
        assert second.thread.id != first.thread.id
        assert w.runtime.get_state().conversation_id == "c"
        third = await w.runtime.open_thread("start")
        assert w.runtime.get_state().conversation_id == third.thread.id


async def test_a_second_turn_is_refused_while_one_is_in_flight_or_being_sent(tmp_path):
    async with world(tmp_path, (Wait("g"), Say("x"))) as w:
        await w.runtime.open_thread("start", persisted_conversation_id="c")
        both = await asyncio.gather(
            w.runtime.send_turn("one"), w.runtime.send_turn("two"), return_exceptions=True
        )
        assert both[0].accepted
        assert both[1].code == "E_RUNTIME_DISPATCH_TURN_IN_FLIGHT"
        assert await _code(w.runtime.archive_thread(SOME_THREAD)) == "E_RUNTIME_THREAD_LOCKED"
        w.codex.gates.open("g")
        await w.settled()


async def test_interrupting_while_nothing_runs_leaves_the_next_turn_alone(tmp_path):
    async with world(tmp_path, Say("x")) as w:
        await w.runtime.open_thread("start", persisted_conversation_id="c")
        await w.runtime.interrupt()
        await w.runtime.send_turn("hi")
        await w.until(lambda: "turn/completed" in w.kinds())
        await w.settled()
        assert (await w.messages("c"))[-1] == ("assistant", "x", "completed")


async def test_an_interrupted_turn_ends_as_interrupted_everywhere(tmp_path):
    async with world(tmp_path, (Say(["a"]), Wait("g"))) as w:
        await w.runtime.open_thread("start", persisted_conversation_id="c")
        await w.runtime.send_turn("hi")
        await w.until(lambda: "turn/started" in w.kinds())
        await w.runtime.interrupt()
        await w.until(lambda: "turn/completed" in w.kinds())
        await w.settled()
        assert not w.runtime.get_state().turn_in_flight
        assert w.reports == []


async def test_a_model_that_fails_fails_the_turn_and_the_next_one_can_be_sent(tmp_path):
    async with world(tmp_path, FailHttp(status=400), Say("again")) as w:
        await w.runtime.open_thread("start", persisted_conversation_id="c")
        await w.runtime.send_turn("one")
        await w.until(lambda: "turn/completed" in w.kinds())
        await w.settled()
        await w.runtime.send_turn("two")
        await w.until(lambda: w.kinds().count("turn/completed") == 2)
        await w.settled()
        assert (await w.messages("c"))[-1] == ("assistant", "again", "completed")


async def test_an_approval_waits_is_answered_once_and_is_kept(tmp_path):
    async with world(tmp_path, Run("echo hello"), Say("done")) as w:
        await w.runtime.open_thread(
            "start",
            persisted_conversation_id="c",
            settings=ThreadSettings(approval_policy="untrusted", cwd=str(tmp_path)),
        )
        await w.runtime.send_turn("hi")
        (kept,) = await w.pending(1)
        (request,) = w.requests
        assert (kept.request_id, kept.method) == (request.id, request.method)
        assert w.runtime.get_state().pending_server_request_count == 1
        with pytest.raises(HostError) as wrong:
            await w.runtime.respond_file_change_approval(request.id, "accept")
        assert wrong.value.code == "E_RUNTIME_SERVER_REQUEST_KIND"
        await w.runtime.respond_command_approval(request.id, "decline")
        assert w.runtime.get_state().pending_server_request_count == 0
        assert await _code(w.runtime.respond_command_approval(request.id, "accept")) == (
            "E_RUNTIME_SERVER_REQUEST_UNKNOWN"
        )
        await w.settled()
        assert await w.runtime.list_pending_server_requests() == []


async def test_a_python_function_is_a_tool_of_the_model(tmp_path):
    def add(a: int, b: int = 1) -> int:
        """Add two numbers."""
        return a + b

    steps = (CallTool("add", {"a": 2, "b": 3}), Say("five"))
    async with world(tmp_path, *steps, tools={"add": add}) as w:
        await w.runtime.open_thread("start", persisted_conversation_id="c")
        await w.runtime.send_turn("hi")
        await w.until(lambda: "turn/completed" in w.kinds())
        await w.settled()
        assert (await w.messages("c"))[-1] == ("assistant", "five", "completed")
        assert w.requests == []


async def test_a_thread_that_was_never_streamed_is_imported(tmp_path):
    async with world(tmp_path, Say("Hello"), durable=False) as first:
        opened = await first.runtime.open_thread("start")
        await first.runtime.send_turn("hi")
        await first.until(lambda: "turn/completed" in first.kinds())
    async with world(tmp_path) as w:
        progress = []
        imported = await w.runtime.import_local_thread_to_persistence(
            opened.thread.id, conversation_id="c", on_progress=progress.append
        )
        assert (imported.sync_state, imported.sync_job_state) == ("synced", "synced")
        assert (imported.imported_turn_count, imported.imported_message_count) == (1, 2)
        states = list(dict.fromkeys(one.state for one in progress))
        assert states == ["reading", "sending", "verifying", "synced"]
        assert await w.messages("c") == [
            ("user", "hi", "completed"),
            ("assistant", "Hello", "completed"),
        ]


async def test_nothing_is_imported_where_nothing_is_kept(tmp_path):
    async with world(tmp_path, durable=False) as w:
        call = w.runtime.import_local_thread_to_persistence(SOME_THREAD)
        assert await _code(call) == "E_PERSISTENCE_DISABLED"


async def test_a_thread_that_cannot_be_read_is_not_imported(tmp_path):
    async with world(tmp_path) as w:
        call = w.runtime.import_local_thread_to_persistence(SOME_THREAD)
        assert await _code(call) == "E_IMPORT_THREAD_READ_FAILED"
        assert await _code(w.runtime.import_local_thread_to_persistence(" ")) == (
            "E_IMPORT_THREAD_HANDLE_REQUIRED"
        )


async def test_threads_are_listed_with_their_messages_counted(tmp_path):
    async with world(tmp_path, Say("x"), durable=False) as w:
        await w.runtime.open_thread("start")
        await w.runtime.send_turn("hi")
        await w.until(lambda: "turn/completed" in w.kinds())
        await w.settled()
        listed = await w.runtime.list_threads()
        assert [(one.preview, one.message_count) for one in listed.data] == [("hi", 2)]


async def test_the_last_turns_of_a_thread_are_taken_back(tmp_path):
    async with world(tmp_path, Say("one"), Say("two"), durable=False) as w:
        opened = await w.runtime.open_thread("start")
        for number in (1, 2):
            await w.runtime.send_turn(f"turn {number}")
            await w.until(lambda n=number: w.kinds().count("turn/completed") == n)
            await w.settled()
        await w.runtime.rollback_thread(opened.thread.id, 1)
        read = await w.runtime.read_thread(opened.thread.id, include_turns=True)
        assert len(read.thread.turns) == 1


async def test_a_listener_that_raises_hurts_nobody(tmp_path, caplog):
    def raise_anything(_state):
        raise RuntimeError("mine")

    async with world(tmp_path, Say("x"), connect=False) as w:
        w.runtime.subscribe_lifecycle(raise_anything)
        await w.runtime.connect(actor=ACTOR)
        await w.runtime.open_thread("start", persisted_conversation_id="c")
        await w.runtime.send_turn("hi")
        await w.until(lambda: "turn/completed" in w.kinds())
        await w.settled()
    assert "a listener of the runtime raised" in caplog.text


async def test_states_can_be_taken_one_by_one(tmp_path):
    async with world(tmp_path, connect=False) as w:
        states = w.runtime.lifecycle()
        assert (await anext(states)).phase == "idle"
        await w.runtime.connect(actor=ACTOR)
        assert (await anext(states)).phase == "starting"
        await states.aclose()
