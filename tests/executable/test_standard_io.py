"""The executable on stdin and stdout: how it ends, what a flood gets, who waits for whom."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from codex_fakes.app_server.dialect.intake import QUEUE, Intake
from codex_fakes.script import Run, Say, Wait, script

pytestmark = pytest.mark.anyio

HELLO = {
    "clientInfo": {"name": "tester", "version": "1"},
    "capabilities": {"experimentalApi": True},
}
HELD = (Say(text=["half"], left_open=True), Wait(gate="held"), Say(text=[" whole"]))


def line(request_id, method, params=None):
    message = {"id": request_id, "method": method}
    if params is not None:
        message["params"] = params
    return json.dumps(message).encode() + b"\n"


def answered(process):
    """Say hello, and read until that is answered."""
    process.stdin.write(line(1, "initialize", HELLO))
    process.stdin.flush()
    return json.loads(process.stdout.readline())


async def test_without_a_script_it_echoes(simulated):
    async with simulated.dialled() as dial:
        hello = await dial.hello()
        assert hello["result"]["codexHome"] == str(simulated.home)
        await dial.turn(await dial.thread(), "say this")
        ended = await dial.notified("turn/completed")
        assert ended["params"]["turn"]["items"][0]["text"] == "say this"


async def test_it_plays_the_script_that_the_environment_names(simulated):
    simulated.plays(script(Say(text=["as ", "written"])))
    async with simulated.dialled() as dial:
        await dial.hello()
        await dial.turn(await dial.thread())
        await dial.notified("turn/completed")
        deltas = [m for m in dial.messages if m.get("method") == "item/agentMessage/delta"]
        assert [m["params"]["delta"] for m in deltas] == ["as ", "written"]


async def test_a_thread_outlives_its_process(simulated):
    async with simulated.dialled() as dial:
        await dial.hello()
        thread = await dial.thread()
        await dial.turn(thread, "remember")
        await dial.notified("turn/completed")
    async with simulated.dialled() as dial:
        await dial.hello()
        read = await dial.ask("read", "thread/read", {"threadId": thread, "includeTurns": True})
        [turn] = read["result"]["thread"]["turns"]
        assert turn["status"] == "completed"


async def test_the_configuration_is_heeded(simulated):
    (simulated.home / "config.toml").write_text(
        'model = "gpt-5.5"\nsandbox_mode = "workspace-write"\nmodel_provider = "m"\n'
        '[model_providers.m]\nname = "m"\nbase_url = "http://127.0.0.1:9/v1"\n'
    )
    async with simulated.dialled("-c", "approval_policy=never", "app-server") as dial:
        await dial.hello()
        started = (await dial.ask("start", "thread/start", {}))["result"]
        assert started["model"] == "gpt-5.5"
        assert started["modelProvider"] == "m"
        assert started["approvalPolicy"] == "never"
        assert started["sandbox"]["type"] == "workspaceWrite"
        assert started["cwd"] == str(simulated.folder)


# --- endings --------------------------------------------------------------------------------------


def test_the_end_of_stdin_ends_it_with_0(simulated):
    process = simulated.popen("app-server")
    answered(process)
    process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 0),
        (signal.SIGINT, -signal.SIGINT),
        (signal.SIGHUP, -signal.SIGHUP),
    ],
)
def test_a_signal_ends_it_as_it_ends_the_real_one(simulated, number, code):
    process = simulated.popen("app-server")
    answered(process)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == code


def test_a_line_that_is_not_utf_8_ends_it_with_0(simulated):
    process = simulated.popen("app-server")
    answered(process)
    process.stdin.write(b'{"id":2,"method":"\xff"}\n')
    process.stdin.flush()
    assert process.wait(timeout=20) == 0
    process.communicate()


def test_a_last_line_without_a_newline_is_not_answered(simulated):
    process = simulated.popen("app-server")
    answered(process)
    said, _ = process.communicate(line(2, "thread/loaded/list", {}).rstrip(), timeout=20)
    assert b'"id":2' not in said
    assert process.returncode == 0


def test_files_serve_as_stdin_and_stdout(simulated):
    asked, said = simulated.folder / "in", simulated.folder / "out"
    asked.write_bytes(line(1, "initialize", HELLO))
    with asked.open("rb") as stdin, said.open("wb") as stdout:
        ended = subprocess.run(
            [simulated.binary, "app-server"],
            stdin=stdin,
            stdout=stdout,
            env=simulated.env,
            timeout=20,
            check=False,
        )
    assert ended.returncode == 0
    assert json.loads(said.read_bytes().splitlines()[0])["id"] == 1


def test_a_client_that_stops_listening_does_not_stop_it(simulated):
    process = simulated.popen("app-server")
    answered(process)
    process.stdout.close()
    process.stdin.write(line(2, "thread/start", {}))
    process.stdin.flush()
    process.stdin.close()
    assert process.wait(timeout=20) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_running_turn_is_written_down_as_interrupted_when_it_ends(simulated):
    simulated.plays(script(HELD))
    process = simulated.popen("app-server")
    answered(process)
    process.stdin.write(line(2, "thread/start", {}))
    process.stdin.flush()
    thread = None
    for raw in process.stdout:
        message = json.loads(raw)
        if message.get("id") == 2:
            thread = message["result"]["thread"]["id"]
            turn = {"threadId": thread, "input": [{"type": "text", "text": "go"}]}
            process.stdin.write(line(3, "turn/start", turn))
            process.stdin.flush()
        if message.get("method") == "item/agentMessage/delta":
            break
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    again = simulated.popen("app-server")
    answered(again)
    asked = line(2, "thread/read", {"threadId": thread, "includeTurns": True})
    again.stdin.write(asked)
    again.stdin.flush()
    for raw in again.stdout:
        message = json.loads(raw)
        if message.get("id") == 2:
            break
    again.communicate(timeout=20)
    assert message["result"]["thread"]["turns"][0]["status"] == "interrupted"


# --- floods and slow clients ----------------------------------------------------------------------


async def test_a_flood_is_refused_beyond_the_queue_and_every_request_is_answered(simulated):
    count = 3_000
    async with simulated.dialled() as dial:
        await dial.hello()
        lines = [line(n, "thread/loaded/list", {}) for n in range(count)]
        await dial.send_bytes(b"".join(lines))

        def answers(messages):
            return [m for m in messages if isinstance(m.get("id"), int)]

        await dial.until(lambda messages: len(answers(messages)) == count, "all answers")
        refused = [m for m in answers(dial.messages) if "error" in m]
        assert {json.dumps(m["error"], sort_keys=True) for m in refused} == {
            '{"code": -32001, "message": "Server overloaded; retry later."}'
        }
        # A read takes what a pipe holds at most, so the first lines of each are let in.
        assert QUEUE <= count - len(refused) < count
        assert "result" in await dial.ask("later", "thread/loaded/list", {})


async def test_as_many_requests_as_the_queue_holds_are_all_carried_out(simulated):
    async with simulated.dialled() as dial:
        await dial.hello()
        lines = [line(n, "thread/loaded/list", {}) for n in range(QUEUE)]
        await dial.send_bytes(b"".join(lines))
        assert "result" in await dial.answer(QUEUE - 1)
        assert not [m for m in dial.messages if "error" in m]


def test_a_client_that_does_not_read_makes_the_turn_wait_and_loses_nothing(simulated):
    pieces = 30_000
    simulated.plays(script(Say(text=["y" * 100] * pieces)))
    process = simulated.popen("app-server")
    answered(process)
    process.stdin.write(line(2, "thread/start", {}))
    process.stdin.flush()
    heard = {"deltas": 0}
    for raw in process.stdout:
        message = json.loads(raw)
        if message.get("id") == 2:
            break
    thread = message["result"]["thread"]["id"]
    turn = {"threadId": thread, "input": [{"type": "text", "text": "go"}]}
    process.stdin.write(line(3, "turn/start", turn))
    # Nothing is read until everything is written: requests, many more than the pipe holds.
    for number in range(10_000):
        process.stdin.write(line(1_000 + number, "thread/loaded/list", {}))
    process.stdin.flush()
    for raw in process.stdout:
        message = json.loads(raw)
        heard["deltas"] += message.get("method") == "item/agentMessage/delta"
        if message.get("method") == "turn/completed":
            break
    process.communicate(timeout=20)
    assert heard["deltas"] == pieces


def test_the_queue_lets_notifications_and_answers_in():
    requests = [line(n, "thread/loaded/list", {}) for n in range(QUEUE + 2)]
    answer, notification = b'{"id":7,"result":{}}\n', b'{"method":"initialized"}\n'
    data = b"".join([*requests[:QUEUE], answer, requests[QUEUE], notification, requests[-1]])
    admitted, refused = Intake().admit(data)
    assert admitted.splitlines(keepends=True) == [*requests[:QUEUE], answer, notification]
    assert [json.loads(each)["id"] for each in refused] == [QUEUE, QUEUE + 1]


@pytest.mark.parametrize("cut", [1, 40, 59])
def test_a_line_that_is_cut_is_never_refused_by_half(cut):
    lines = [line(n, "thread/loaded/list", {}) for n in range(QUEUE + 3)]
    whole = b"".join(lines)
    first, second = whole[: -len(lines[-1]) - cut], whole[-len(lines[-1]) - cut :]
    intake = Intake()
    (one, refused_one), (two, refused_two) = intake.admit(first), intake.admit(second)
    seen = [json.loads(each)["id"] for each in (one + two).splitlines()]
    gone = [json.loads(each)["id"] for each in refused_one + refused_two]
    assert sorted(seen + gone) == list(range(QUEUE + 3))
    assert len(seen) >= QUEUE


def test_what_finds_no_way_out_is_lost():
    lines = [line(n, "thread/loaded/list", {}) for n in range(QUEUE + 3)]
    admitted, refused = Intake().admit(b"".join(lines), way_out=False)
    assert (len(admitted.splitlines()), refused) == (QUEUE, [])
    assert Intake(lossy=True).admit(b"".join(lines)) == (admitted, [])


def test_messages_that_wait_take_their_place_in_the_queue():
    lines = [line(n, "thread/loaded/list", {}) for n in range(10)]
    admitted, refused = Intake().admit(b"".join(lines), waiting=QUEUE - 4)
    assert (len(admitted.splitlines()), len(refused)) == (4, 6)


# --- gates ----------------------------------------------------------------------------------------


class Visitor:
    """A visitor at the control door."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile("rb")

    def say(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def hears(self):
        return self.lines.readline().decode().rstrip("\n")

    def leave(self):
        self.lines.close()
        self.socket.close()


@pytest.fixture
def door(tmp_path_factory):
    # A path of a socket may have some hundred characters only.
    folder = tmp_path_factory.mktemp("d", numbered=True)
    return Path(os.path.relpath(folder / "s"))


@pytest.mark.parametrize("listen", ["stdio", "websocket"])
async def test_the_door_tells_of_gates_and_opens_them(simulated, door, listen, websocket_of):
    simulated.plays(script(HELD))
    simulated.extra["CODEX_SIMULATED_CONTROL"] = str(door.resolve())
    dialled = simulated.dialled() if listen == "stdio" else websocket_of(simulated)
    async with dialled as dial:
        await dial.hello()
        visitor = Visitor(door)
        await dial.turn(await dial.thread())
        assert visitor.hears() == "reached held"
        late = Visitor(door)
        assert late.hears() == "reached held"
        late.leave()
        visitor.say("open nothing")
        assert visitor.hears().startswith("error [E_SCRIPT_GATE_UNKNOWN] ")
        visitor.say("sesame")
        assert visitor.hears().startswith("error expected `open NAME`")
        visitor.say("open held")
        assert visitor.hears() == "opened held"
        visitor.say("open-all")
        assert visitor.hears() == "opened held"
        ended = await dial.notified("turn/completed")
        assert ended["params"]["turn"]["items"][0]["text"] == "half whole"
        visitor.leave()
        assert "result" in await dial.ask("still", "thread/loaded/list", {})
    assert not door.exists()


async def test_a_visitor_that_leaves_at_once_is_heard(simulated, door):
    simulated.plays(script(HELD))
    simulated.extra["CODEX_SIMULATED_CONTROL"] = str(door.resolve())
    async with simulated.dialled() as dial:
        await dial.hello()
        await dial.turn(await dial.thread())
        await dial.notified("item/agentMessage/delta")
        visitor = Visitor(door)
        visitor.say("open held")
        visitor.leave()
        ended = await dial.notified("turn/completed")
        assert ended["params"]["turn"]["status"] == "completed"


async def test_an_approval_is_asked_and_answered_through_the_pipe(simulated):
    simulated.plays(script(Run(command="touch x", output=""), Say(text=["done"])))
    async with simulated.dialled() as dial:
        await dial.hello()
        await dial.turn(await dial.thread(approvalPolicy="untrusted"))
        asked = await dial.notified("item/commandExecution/requestApproval")
        await dial.send({"id": asked["id"], "result": {"decision": "accept"}})
        ended = await dial.notified("turn/completed")
        assert ended["params"]["turn"]["status"] == "completed"
