"""Connecting: what is said to Codex, what can go wrong, and from where it can be done."""

import asyncio
import subprocess
import sys
import textwrap

import pytest

from codex_runtime.app_server.options import ConnectionOptions
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.common import HostError
from codex_runtime.host.runtime import HostHandlers, create_codex_host_runtime
from codex_runtime.persistence.codex_only import CodexOnlyPersistence
from codex_runtime.protocol.params import ThreadSettings
from support.peer import HELLO
from support.peer_world import SECONDS, Hosted, hosted

pytestmark = pytest.mark.anyio

TOOL = {"type": "function", "name": "t", "description": "d", "inputSchema": {"type": "object"}}


async def refused(call):
    with pytest.raises(CodexRuntimeError) as error:
        await call
    return error.value


async def greeting(h, **settings):
    """Connect by hand; give what Codex was told of the client."""
    connecting = asyncio.ensure_future(h.runtime.connect(**settings))
    peer = h.peer = await h.codexes.next()
    asked = await peer.heard()
    await peer.say({"id": asked["id"], "result": HELLO})
    await connecting
    assert await peer.heard() == {"method": "initialized"}
    return asked


async def test_codex_is_greeted_and_asked_for_nothing_until_a_thread_is_opened():
    async with hosted(connect=False) as h:
        asked = await greeting(h)
        assert asked["method"] == "initialize"
        assert asked["params"]["clientInfo"]["name"] == "codex_runtime"
        assert asked["params"]["capabilities"]["experimentalApi"] is False
        opened, _ = await h.open(settings=ThreadSettings(model="m", cwd="/w"))
        assert opened["method"] == "thread/start"
        assert (opened["params"]["model"], opened["params"]["cwd"]) == ("m", "/w")


async def test_tools_are_announced_when_connecting_and_given_when_a_thread_is_opened():
    async with hosted(connect=False) as h:
        asked = await greeting(h, dynamic_tools=(TOOL,))
        assert asked["params"]["capabilities"]["experimentalApi"] is True
        first, _ = await h.open()
        assert "dynamicTools" not in first["params"]
        second, _ = await h.open(dynamic_tools=(TOOL,))
        assert second["params"]["dynamicTools"] == [TOOL]


@pytest.mark.parametrize("options", [None, ConnectionOptions(request_timeout=7)])
async def test_a_registered_tool_is_announced_and_given_without_being_asked_for(options):
    def add(a: int) -> int:
        """Add one."""
        return a + 1

    async with hosted(connect=False, tools={"add": add}, options=options) as h:
        asked = await greeting(h)
        assert asked["params"]["capabilities"]["experimentalApi"] is True
        opened, _ = await h.open()
        (tool,) = opened["params"]["dynamicTools"]
        assert (tool["name"], tool["description"]) == ("add", "Add one.")


class Sessions(CodexOnlyPersistence):
    """A persistence that writes down whose sessions feed it.

    Attributes:
        fed: The actors, with the ids of their sessions.
    """

    def __init__(self):
        super().__init__()
        self.fed = []

    async def ensure_session(self, args):
        self.fed.append((args.actor, args.session_id))
        return await super().ensure_session(args)


async def test_somebody_without_a_name_is_a_new_somebody_each_time():
    sessions = Sessions()
    async with hosted(connect=False, persistence=sessions) as h:
        for _ in range(2):
            await greeting(h)
            await h.open()
            await h.runtime.stop()
        first, second = (actor for actor, _ in sessions.fed)
        assert len(first.anonymous_id) == len(second.anonymous_id) == 36
        assert first != second


@pytest.mark.parametrize(
    ("given", "named"), [("mine", "mine-"), (" mine ", "mine-"), (" ", ""), (None, "")]
)
async def test_a_session_keeps_its_name_and_gets_a_unique_part(given, named):
    sessions = Sessions()
    async with hosted(connect=False, persistence=sessions) as h:
        await greeting(h, session_id=given)
        await h.open()
        ((_, session),) = sessions.fed
        assert session.startswith(named)
        assert len(session) == len(named) + 36


async def test_the_wrong_version_of_codex_is_named():
    async with hosted(connect=False) as h:
        connecting = asyncio.ensure_future(h.runtime.connect())
        peer = await h.codexes.next()
        await peer.hello(userAgent="codex_runtime/0.1.2 (Debian 12.0.0; x86_64) xterm")
        error = await refused(connecting)
        assert error.code == "E_APP_SERVER_VERSION_UNSUPPORTED"
        assert "0.1.2" in str(error)
        state = h.runtime.get_state()
        assert (state.phase, state.running) == ("error", False)
        assert state.last_error_code == "E_APP_SERVER_VERSION_UNSUPPORTED"


async def test_a_codex_that_ends_while_it_is_greeted_fails_the_connection_and_another_may_do():
    async with hosted(connect=False) as h:
        connecting = asyncio.ensure_future(h.runtime.connect())
        peer = await h.codexes.next()
        await peer.hang_up()
        assert (await refused(connecting)).code == "E_APP_SERVER_START_FAILED"
        assert (await h.connect()).phase == "running"


async def test_a_codex_that_ends_right_after_the_greeting_is_gone():
    async with hosted(connect=False) as h:
        connecting = asyncio.ensure_future(h.runtime.connect())
        peer = await h.codexes.next()
        await peer.hello()
        assert await peer.heard() == {"method": "initialized"}
        await peer.hang_up()
        await connecting
        await h.until(lambda state: state.phase == "error")
        assert not h.runtime.get_state().running
        assert (await refused(h.runtime.open_thread())).code == "E_RUNTIME_NOT_CONNECTED"


@pytest.mark.parametrize("raised", [OSError("no"), ValueError("no"), asyncio.CancelledError()])
async def test_whatever_an_opener_raises_has_a_code(raised):
    async with hosted(connect=False) as h:
        h.codexes.fails = raised
        error = await refused(h.runtime.connect())
        assert error.code == "E_APP_SERVER_START_FAILED"
        h.codexes.fails = None
        assert (await h.connect()).phase == "running"


async def test_connecting_twice_at_once_is_one_connection():
    async with hosted(connect=False) as h:
        both = [asyncio.ensure_future(h.runtime.connect()) for _ in range(2)]
        await (await h.codexes.next()).hello()
        states = await asyncio.gather(*both)
        assert [state.phase for state in states] == ["running", "running"]
        assert h.codexes.opened == 1


async def test_a_caller_who_is_cancelled_leaves_a_connection_that_goes_on():
    async with hosted(connect=False) as h:
        connecting = asyncio.ensure_future(h.runtime.connect())
        peer = await h.codexes.next()
        connecting.cancel()
        await asyncio.wait({connecting}, timeout=SECONDS)
        assert connecting.cancelled()
        await peer.hello()
        await h.until(lambda state: state.phase == "running")


async def test_a_runtime_that_is_stopped_while_it_connects_is_stopped():
    async with hosted(connect=False) as h:
        connecting = asyncio.ensure_future(h.runtime.connect())
        await h.codexes.next()
        await h.runtime.stop()
        assert (await refused(connecting)).code == "E_RUNTIME_STOPPED"
        assert h.runtime.get_state().phase == "stopped"
        assert (await h.connect()).phase == "running"


async def test_whoever_connects_while_a_runtime_stops_is_refused_or_connected():
    async with hosted() as h:
        stopping = asyncio.ensure_future(h.runtime.stop())
        await h.until(lambda state: state.phase in ("stopping", "stopped"))
        connecting = asyncio.ensure_future(h.connect())
        await asyncio.wait({stopping}, timeout=SECONDS)
        try:
            state = await connecting
        except* CodexRuntimeError as errors:
            codes = {error.code for error in errors.exceptions}
            assert codes <= {"E_RUNTIME_STOPPING", "E_RUNTIME_STOPPED"}
        else:
            assert state.phase == "running"


async def test_a_missing_codex_is_a_coded_error_and_no_traceback_of_ours(tmp_path):
    runtime = create_codex_host_runtime(codex_bin=str(tmp_path / "nothing"))
    error = await refused(runtime.connect())
    assert error.code == "E_CODEX_BINARY_MISSING"
    assert str(tmp_path / "nothing") in str(error)
    await runtime.stop()


@pytest.mark.parametrize(
    "handlers",
    [{"on_state": 7}, {"on_event": asyncio.sleep}],
)
def test_a_handler_that_is_no_plain_function_is_refused(handlers):
    with pytest.raises(HostError) as error:
        create_codex_host_runtime(handlers=HostHandlers(**handlers))
    assert error.value.code == "E_RUNTIME_CONFIG_INVALID"


# Where it can be done from.


async def test_each_step_may_be_done_by_another_task():
    async with hosted(connect=False) as h:
        await asyncio.create_task(h.connect())
        await asyncio.create_task(h.open())
        await asyncio.create_task(h.send())
        await asyncio.create_task(h.ask(h.runtime.stop(), {"result": {}}))


def test_each_step_may_be_done_by_another_run_of_the_same_loop():
    with asyncio.Runner() as runner:

        async def make():
            return Hosted()

        h = runner.run(make())
        runner.run(h.connect())
        runner.run(h.open())
        runner.run(h.runtime.stop())
        assert h.runtime.get_state().phase == "stopped"


def test_a_runtime_may_be_made_where_no_loop_runs_and_used_in_one_loop_after_the_other():
    runtime = create_codex_host_runtime(opener=None, codex_bin="nothing-of-this-name")

    async def use():
        error = await refused(runtime.connect())
        await runtime.stop()
        return error.code

    assert [asyncio.run(use()), asyncio.run(use())] == ["E_CODEX_BINARY_MISSING"] * 2


FORGOTTEN = """
    import asyncio, gc, sys
    from pathlib import Path
    from codex_fakes.app_server import SimulatedAppServer
    from codex_fakes.script import Say, script
    from codex_runtime.host.runtime import create_codex_host_runtime

    async def main():
        async with SimulatedAppServer(script(Say("x")), home=Path(sys.argv[1])) as codex:
            runtime = create_codex_host_runtime(opener=codex.open)
            await runtime.connect()
            await runtime.open_thread()
            await runtime.send_turn("hi")
            if sys.argv[2] == "drop":
                del runtime
                gc.collect()
                await asyncio.sleep(0)

    asyncio.run(main())
    gc.collect()
    print("done")
"""


@pytest.mark.parametrize("how", ["keep", "drop"])
def test_a_runtime_that_nobody_stops_ends_with_its_loop_and_says_nothing(tmp_path, how):
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            textwrap.dedent(FORGOTTEN),
            str(tmp_path),
            how,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
