"""The shell around the machine: coming to rest, time, faults, and the end."""

from __future__ import annotations

import json

import pytest

from codex_fakes.app_server import SimulatedAppServer, SystemClock, VirtualClock
from codex_fakes.script.steps import CallTool, Drop, Response, Run, Say, Script, Stall, Wait
from codex_runtime.errors import ConfigurationError

pytestmark = pytest.mark.anyio


def script(*answers):
    rows = (answer if isinstance(answer, tuple) else (answer,) for answer in answers)
    return Script(responses=tuple(Response(steps=row) for row in rows))


HELD = (Say(text="first", left_open=True), Wait(gate="go"))
STALLED = (Say(text="first", left_open=True), Stall())


async def started(server, **params):
    dial = server.dial()
    await dial.hello()
    return dial, await dial.thread(**params)


# --- coming to rest --------------------------------------------------------------------------


async def test_a_settled_server_has_played_the_turn_to_its_end(simulated):
    async with simulated(script(Run(command="x", duration_ms=60_000), Say(text="a"))) as server:
        dial, thread = await started(server)
        params = {"threadId": thread, "input": []}
        await dial.send({"id": 1, "method": "turn/start", "params": params})
        assert not server.quiescent
        await server.settle()
        assert server.quiescent
        assert (await dial.notified("turn/completed"))["params"]["turn"]["status"] == "completed"


async def test_a_server_at_a_gate_is_at_rest(simulated):
    async with simulated(script(HELD)) as server:
        dial, thread = await started(server)
        await dial.turn(thread)
        await server.settle()
        await server.gates.reached("go")
        assert "turn/completed" not in dial.methods()
        server.gates.open("go")
        await dial.notified("turn/completed")


async def test_a_gate_that_was_opened_before_does_not_hold_the_turn(simulated):
    async with simulated(script(HELD)) as server:
        server.gates.open("go")
        dial, thread = await started(server)
        await dial.turn(thread)
        await dial.notified("turn/completed")


async def test_waiting_for_rest_in_vain_is_a_coded_error(simulated):
    slow = script(Run(command="x", duration_ms=600_000, yield_ms=600_000), Say(text="a"))
    async with simulated(slow, clock=SystemClock()) as server:
        dial, thread = await started(server)
        await dial.turn(thread)
        with pytest.raises(ConfigurationError) as failed:
            await server.settle(timeout=0.01)
    assert failed.value.code == "E_SCRIPT_WAIT_TIMEOUT"


# --- time ------------------------------------------------------------------------------------


async def test_virtual_time_passes_by_what_the_script_says(simulated):
    clock = VirtualClock(start_ms=1_000_000_000_000)
    slow = script(Say(text=("a", "b", "c"), pause_ms=40_000))
    async with simulated(slow, clock=clock) as server:
        dial, thread = await started(server)
        await dial.turn(thread)
        ended = await dial.notified("turn/completed")
    assert ended["params"]["turn"]["durationMs"] == 80_000
    assert clock.now_ms() == 1_000_000_080_000
    deltas = [m for m in dial.messages if m.get("method") == "item/agentMessage/delta"]
    moments = [m["emittedAtMs"] - 1_000_000_000_000 for m in deltas]
    assert moments == [0, 40_000, 80_000]


async def test_reopening_a_stream_backs_off_twice_as_long_each_time(simulated):
    broken = script(Drop(), Drop(), Drop(), Say(text="at last"))
    async with simulated(broken, settings={"stream_max_retries": 3}) as server:
        dial, thread = await started(server)
        await dial.turn(thread)
        ended = await dial.notified("turn/completed")
    assert ended["params"]["turn"]["status"] == "completed"
    assert ended["params"]["turn"]["durationMs"] == 200 + 400 + 800
    told = [m["params"]["error"] for m in dial.messages if m.get("method") == "error"]
    assert [error["message"] for error in told] == [f"Reconnecting... {n}/3" for n in (1, 2, 3)]


async def bytes_of_a_run(home, seed):
    """Every byte that one fixed client hears, the home's name aside."""
    home.mkdir()
    heard = []

    def tap(line):
        heard.append(line)
        return (line,)

    answer = script((Say(text="a"), Run(command="x", output="y")))
    async with SimulatedAppServer(answer, home=home, seed=seed) as server:
        transport = server.connect(tap=tap)

        async def ask(method, params):
            message = {"id": method, "method": method, "params": params}
            await transport.send(json.dumps(message).encode() + b"\n")
            await server.settle()

        await ask("initialize", {"clientInfo": {"name": "t", "version": "1"}})
        await ask("thread/start", {"cwd": "/w"})
        thread = json.loads(heard[-1])["params"]["thread"]["id"]
        await ask("turn/start", {"threadId": thread, "input": [{"type": "text", "text": "go"}]})
    return b"".join(heard).replace(str(home).encode(), b"HOME")


async def test_runs_with_one_seed_are_equal_byte_for_byte(tmp_path):
    first = await bytes_of_a_run(tmp_path / "first", seed=7)
    second = await bytes_of_a_run(tmp_path / "second", seed=7)
    third = await bytes_of_a_run(tmp_path / "third", seed=8)
    assert b"turn/completed" in first
    assert first == second
    assert first != third


# --- faults ----------------------------------------------------------------------------------


async def test_a_tap_can_drop_double_and_change_lines(simulated):
    def tap(line):
        if b'"remoteControl/status/changed"' in line:
            return ()
        if b'"configWarning"' in line:
            return (line, line)
        return (line.replace(b'"linux"', b'"plan9"'),)

    async with simulated(Script()) as server:
        dial = server.dial(tap=tap)
        answer = await dial.hello()
        await dial.ask(1, "thread/loaded/list", {})
        assert answer["result"]["platformOs"] == "plan9"
        assert dial.methods() == ["configWarning", "configWarning"]


async def test_a_crash_cuts_every_connection_and_nothing_can_connect(simulated):
    async with simulated(script(HELD)) as server:
        dial, thread = await started(server)
        await dial.turn(thread)
        server.crash()
        await dial.until_closed()
        assert server.ended
        assert server.quiescent
        with pytest.raises(ConnectionError):
            server.connect()


async def test_a_script_that_is_exhausted_fails_the_turn_and_is_told(simulated):
    async with simulated(script(Say(text="only"))) as server:
        dial, thread = await started(server)
        for number in (1, 2):
            await dial.turn(thread)
            ended = await dial.notified("turn/completed", number)
        assert ended["params"]["turn"]["status"] == "failed"
        assert "[E_SCRIPT_EXHAUSTED]" in ended["params"]["turn"]["error"]["message"]
        assert [problem.code for problem in server.problems] == ["E_SCRIPT_EXHAUSTED"]


async def test_a_script_with_steps_that_are_not_played_is_refused(folders):
    run = CallTool(tool="exec_command", arguments={"cmd": "ls"})
    with pytest.raises(ConfigurationError) as refused:
        SimulatedAppServer(script(run), home=folders[0])
    assert refused.value.code == "E_FAKE_NOT_SIMULATED"


async def test_requests_that_are_not_played_are_refused_with_a_code(simulated):
    async with simulated(Script()) as server:
        dial, _ = await started(server)
        answer = await dial.ask(1, "skills/list", {})
        assert answer["error"]["code"] == -32601
        assert answer["error"]["message"].startswith("[E_FAKE_NOT_SIMULATED] ")


async def test_a_defect_of_the_simulation_ends_it_and_is_not_swallowed(simulated, monkeypatch):
    def broken(user_text):
        raise ZeroDivisionError

    async def run_into_it():
        async with simulated(script(Say(text="x"))) as server:
            monkeypatch.setattr(server.player, "next_response", broken)
            dial, thread = await started(server)
            await dial.turn(thread)
            await dial.until_closed()

    with pytest.raises(ZeroDivisionError):
        await run_into_it()


async def test_a_clock_does_not_jump_farther_than_it_may(simulated):
    clock = VirtualClock(longest_jump_ms=1_000)
    began = clock.now_ms()
    near, far = (Say(text=("one", "two"), pause_ms=pause) for pause in (900, 1_100))
    async with simulated(script(near, far), clock=clock) as server:
        dial, thread = await started(server)
        await dial.turn(thread)
        await dial.notified("turn/completed")
        assert clock.now_ms() == began + 900
        await dial.turn(thread)
        await server.settle()
        assert dial.methods().count("turn/completed") == 1
        await dial.close()


async def test_the_rate_limits_in_the_headers_of_an_answer_are_told_until_others_are(simulated):
    headers = {
        "x-codex-primary-used-percent": "12.5",
        "x-codex-primary-window-minutes": "300",
        "x-codex-primary-reset-at": "1900000000",
        "x-codex-secondary-used-percent": "no number",
        "x-codex-credits-has-credits": "true",
        "x-codex-credits-unlimited": "false",
        "x-codex-credits-balance": "9.99",
    }
    answers = (Response((Say(text="one"),), headers=headers), Response((Say(text="two"),)))
    async with simulated(Script(responses=answers)) as server:
        dial, thread = await started(server)
        for _ in range(2):
            await dial.turn(thread)
            await server.settle()
        await dial.ask("fence", "thread/loaded/list", {})
        told = [m for m in dial.messages if m.get("method") == "account/rateLimits/updated"]
        for message in told:
            limits = message["params"]["rateLimits"]
            assert limits["primary"] == {
                "usedPercent": 13,
                "windowDurationMins": 300,
                "resetsAt": 1_900_000_000,
            }
            assert limits["secondary"] is None
            assert limits["credits"] == {
                "hasCredits": True,
                "unlimited": False,
                "balance": "9.99",
            }
        assert len(told) == 2
        await dial.close()


# --- the end ---------------------------------------------------------------------------------


async def test_the_end_of_the_only_connection_ends_the_server(simulated):
    async with simulated(script(STALLED), single_connection=True) as server:
        dial, thread = await started(server)
        await dial.turn(thread)
        await dial.notified("item/agentMessage/delta")
        await dial.hang_up()
        assert server.ended
        assert "turn/completed" not in dial.methods()


async def test_a_server_with_many_connections_outlives_each_of_them(simulated):
    async with simulated(Script()) as server:
        dial, _ = await started(server)
        await dial.close()
        await server.settle()
        assert not server.ended
        await started(server)


async def test_a_line_that_is_not_utf8_ends_the_server(simulated):
    async with simulated(Script()) as server:
        dial, _ = await started(server)
        await dial.send_line(b'{"id":1,"method":"\xff"}')
        await dial.until_closed()
        assert server.ended


async def test_a_server_outside_its_block_cannot_be_connected_to(folders):
    server = SimulatedAppServer(Script(), home=folders[0])
    with pytest.raises(ConfigurationError) as refused:
        server.connect()
    assert refused.value.code == "E_APP_SERVER_NOT_STARTED"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"5",
        b'"x"',
        b"{}",
        b'{"id":1}',
        b'{"id":1.5,"method":"thread/loaded/list","params":{}}',
        b'{"id":null,"method":"thread/loaded/list","params":{}}',
        b'{"id":true,"method":"thread/loaded/list","params":{}}',
        b'{"id":9223372036854775808,"method":"thread/loaded/list","params":{}}',
        b'[{"id":1,"method":"thread/loaded/list","params":{}}]',
        b'{"id":1,"method":"thread/loaded/list","params":{}} {"id":2}',
        b'{"method":"exit"}',
        b'{"method":"thread/start","params":{}}',
        b'{"id":99,"result":{}}',
        b'{"id":"x","error":{"code":1,"message":"m"}}',
    ],
)
async def test_what_is_no_request_is_met_with_silence(simulated, line):
    async with simulated(Script()) as server:
        dial, _ = await started(server)
        await dial.notified("thread/started")
        before = len(dial.messages)
        await dial.send_line(line)
        answer = await dial.ask("after", "thread/loaded/list", {})
        assert dial.messages[before:] == [answer]


async def test_messages_may_arrive_in_any_split(simulated):
    async with simulated(Script()) as server:
        dial, _ = await started(server)
        whole = b'{"id":"split","method":"thread/loaded/list","params":{}}\r\n'
        for at in range(len(whole)):
            await dial.send_bytes(whole[at : at + 1])
        assert "result" in await dial.answer("split")
