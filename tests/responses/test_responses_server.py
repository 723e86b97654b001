"""The server on the loopback interface: streams, waits, refusals, the control door, the stop."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys

import httpx
import pytest

from codex_fakes.responses.exchange import Outcome
from codex_fakes.responses.server import ResponsesServer
from codex_fakes.script import (
    Drop,
    FailHttp,
    Garbage,
    Response,
    Run,
    Say,
    Script,
    Stall,
    TypeInto,
    Wait,
    script,
)
from codex_runtime.errors import ConfigurationError

pytestmark = pytest.mark.anyio

HELLO = Say(text=("Hel", "lo"))


def body(*items, text="go"):
    said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return {"model": "m", "stream": True, "input": [said, *items]}


def events(text):
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


@pytest.fixture
async def client():
    async with httpx.AsyncClient(trust_env=False, timeout=30) as made:
        yield made


async def ask(client, server, *items, text="go"):
    return await client.post(f"{server.base_url}/responses", json=body(*items, text=text))


async def test_a_response_is_streamed_and_recorded(client):
    headers = {"x-codex-primary-used-percent": "12"}
    async with ResponsesServer(script(Response(steps=(HELLO,), headers=headers))) as server:
        answer = await ask(client, server, text="hi")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["x-codex-primary-used-percent"] == "12"
        assert [event["type"] for event in events(answer.text)][-1] == "response.completed"
        (request,) = server.requests
        assert (request.number, request.model, request.user_text) == (1, "m", "hi")
        assert json.loads(request.raw) == body(text="hi")
        assert request.headers["content-type"] == "application/json"
        assert (await server.exchange_ended(1)).outcome is Outcome.SENT
        assert server.player.left == 0
        assert server.problems == ()


async def test_a_stream_waits_at_its_gate_in_the_middle_of_a_message(client):
    opened = Say(text="a", left_open=True)
    async with ResponsesServer(script((opened, Wait(gate="g"), Say(text="b")))) as server:
        async with client.stream("POST", f"{server.base_url}/responses", json=body()) as answer:
            chunks = answer.aiter_text()
            head = await anext(chunks)
            assert events(head)[-1]["delta"] == "a"
            await server.gates.reached("g")
            assert server.exchanges[0].outcome is Outcome.OPEN
            server.gates.open("g")
            tail = "".join([chunk async for chunk in chunks])
        assert events(tail)[0]["delta"] == "b"


async def test_an_http_error_may_wait_at_a_gate(client):
    failure = FailHttp(status=503, code="server_is_overloaded", headers={"retry-after": "1"})
    async with ResponsesServer(script((Wait(gate="g"), failure))) as server:
        asking = asyncio.create_task(ask(client, server))
        await server.gates.reached("g")
        server.gates.open("g")
        answer = await asking
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["error"]["code"] == "server_is_overloaded"
        assert (await server.exchange_ended(1)).outcome is Outcome.REFUSED
        assert server.problems == ()


async def test_a_drop_ends_the_stream_before_its_last_event(client):
    async with ResponsesServer(script((Say(text="a", left_open=True), Drop()), Drop())) as server:
        cut = await ask(client, server)
        assert events(cut.text)[-1]["type"] == "response.output_text.delta"
        assert (await ask(client, server)).text == ""


async def test_garbage_is_sent_as_it_is(client):
    async with ResponsesServer(script((Garbage(text="what: ever\n\n"), HELLO))) as server:
        assert (await ask(client, server)).text.startswith("what: ever\n\nevent: response.created")


@pytest.mark.parametrize("end", [Stall(), Wait(gate="g")])
async def test_a_client_that_leaves_ends_the_exchange(client, end):
    async with ResponsesServer(script((Say(text="a", left_open=True), end))) as server:
        async with client.stream("POST", f"{server.base_url}/responses", json=body()) as answer:
            await anext(answer.aiter_text())
        assert (await server.exchange_ended(1)).outcome is Outcome.LEFT


@pytest.mark.parametrize("end", [Stall(), Wait(gate="g")])
async def test_stopping_ends_a_stream_that_would_go_on_for_ever(client, end):
    before = asyncio.all_tasks()
    async with ResponsesServer(script((Say(text="a", left_open=True), end))) as server:
        asking = asyncio.create_task(ask(client, server))
        await server.request_count(1)
    answer = await asking
    assert "response.completed" not in answer.text
    assert server.exchanges[0].outcome is Outcome.STOPPED
    assert asyncio.all_tasks() == before


async def test_stopping_ends_a_request_that_waits_before_its_answer(client):
    async with ResponsesServer(script((Wait(gate="g"), FailHttp(status=500)))) as server:
        asking = asyncio.create_task(ask(client, server))
        await server.gates.reached("g")
    assert (await asking).status_code == 503


def is_stuck(server):
    """Whether the server has bytes that a client does not take."""
    connections = server._web.server_state.connections
    return any(connection.transport.get_write_buffer_size() for connection in connections)


async def test_stopping_does_not_wait_for_a_client_that_reads_nothing(client, caplog):
    many = Say(text=("x" * 100_000,) * 300)
    async with ResponsesServer(script(many)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1)
        content = json.dumps(body()).encode()
        head = f"POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        await server.request_count(1)
        async with asyncio.timeout(30):
            while not is_stuck(server):
                await client.get(server.base_url)
    assert server.exchanges[0].outcome is Outcome.STOPPED
    assert caplog.records == []
    writer.close()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(100_000_000)


async def test_a_script_that_is_used_up_refuses_and_reports(client):
    async with ResponsesServer(script(HELLO)) as server:
        await ask(client, server)
        answer = await ask(client, server, text="again")
        assert answer.status_code == 500
        assert answer.json()["error"]["code"] == "E_SCRIPT_EXHAUSTED"
        assert "'again'" in answer.json()["error"]["message"]
        (problem,) = server.problems
        assert (problem.code, problem.request) == ("E_SCRIPT_EXHAUSTED", 2)
        assert str(problem).startswith("[E_SCRIPT_EXHAUSTED] model request 2: ")


async def test_a_step_that_cannot_be_played_refuses_and_reports(client):
    into = script(Run(command="cat", call_id="c"), TypeInto(into="c", text="x"))
    async with ResponsesServer(into) as server:
        await ask(client, server)
        call = {"type": "function_call", "call_id": "c", "name": "exec_command",
                "arguments": '{"cmd":"cat"}'}  # fmt: skip
        output = {"type": "function_call_output", "call_id": "c", "output": "Process exited"}
        answer = await ask(client, server, call, output)
        assert answer.status_code == 500
        assert [problem.code for problem in server.problems] == ["E_SCRIPT_UNPLAYABLE"]


async def test_a_request_that_breaks_a_rule_is_played_and_reported(client):
    async with ResponsesServer(script(HELLO)) as server:
        orphan = {"type": "function_call_output", "call_id": "c", "output": ""}
        assert (await ask(client, server, orphan)).status_code == 200
        (problem,) = server.problems
        assert (problem.code, problem.request) == ("E_MODEL_REQUEST_INVALID", 1)
        assert problem.text == "there is an output, but no call 'c' before it"


WINDOW = {"x-codex-window-id": "thread:0"}


async def test_what_a_whole_response_called_is_expected_in_the_next_request(client):
    async with ResponsesServer(script(Run(command="ls", call_id="c"), HELLO)) as server:
        url = f"{server.base_url}/responses"
        await client.post(url, json=body(), headers=WINDOW)
        await server.exchange_ended(1)
        await client.post(url, json=body(), headers=WINDOW)
        assert [problem.text for problem in server.problems] == [
            "the call 'c' of a response before is missing"
        ]


async def test_what_a_cut_response_called_is_not_expected(client):
    steps = (Run(command="ls", call_id="c"), Wait(gate="g"))
    async with ResponsesServer(script(steps, HELLO)) as server:
        url = f"{server.base_url}/responses"
        async with client.stream("POST", url, json=body(), headers=WINDOW) as answer:
            await anext(answer.aiter_text())
        assert (await server.exchange_ended(1)).outcome is Outcome.LEFT
        await client.post(url, json=body(), headers=WINDOW)
        assert server.problems == ()


async def test_a_body_that_cannot_be_read_uses_no_response_up(client):
    async with ResponsesServer(script(HELLO)) as server:
        answer = await client.post(f"{server.base_url}/responses", content=b"{")
        assert answer.status_code == 400
        assert server.requests[0].raw == b"{"
        assert server.player.left == 1
        assert [problem.code for problem in server.problems] == ["E_MODEL_REQUEST_INVALID"]


async def test_anything_else_is_not_found_and_recorded(client):
    async with ResponsesServer(script(HELLO)) as server:
        answer = await client.get(f"{server.base_url}/models?client_version=1")
        assert answer.status_code == 404
        (other,) = server.other_requests
        assert (other.method, other.path) == ("GET", "/v1/models?client_version=1")
        assert server.requests == ()
        assert server.problems == ()


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/other"])
async def test_a_request_that_breaks_off_is_recorded_and_plays_nothing(path, caplog):
    async with ResponsesServer(script(HELLO)) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await server.other_request_count(1)).path == path
    assert server.requests == ()
    assert caplog.records == []


async def test_echo_says_the_newest_user_message_back(client):
    async with ResponsesServer(Script(otherwise="echo")) as server:
        answer = await ask(client, server, text="parrot")
        assert events(answer.text)[3]["delta"] == "parrot"


async def test_the_control_door_is_closed_unless_asked_for(client):
    async with ResponsesServer(script(HELLO)) as server:
        door = server.base_url.removesuffix("/v1") + "/_fake/state"
        assert (await client.get(door)).status_code == 404


async def test_the_control_door_tells_and_opens(client):
    steps = (Wait(gate="a/b"), HELLO)
    async with ResponsesServer(script(steps), control=True) as server:
        door = server.base_url.removesuffix("/v1") + "/_fake"
        asking = asyncio.create_task(ask(client, server))
        await server.gates.reached("a/b")
        assert (await client.get(f"{door}/state")).json() == {
            "requests": 1, "open": 1, "left": 0, "problems": [],
            "gates": {"a/b": {"open": False, "reached": True}},
        }  # fmt: skip
        unknown = await client.post(f"{door}/gates/c/open")
        assert unknown.status_code == 404
        assert unknown.json()["error"]["code"] == "E_SCRIPT_GATE_UNKNOWN"
        assert (await client.post(f"{door}/gates/a/b/open")).json()["gates"]["a/b"]["open"]
        assert (await asking).status_code == 200
        await server.exchange_ended(1)
        (told,) = (await client.get(f"{door}/requests")).json()
        assert (told["number"], told["outcome"], told["response"]) == (1, "sent", "resp_0_0")
        assert told["body"] == body()
        assert server.other_requests == ()


async def test_a_busy_port_is_a_coded_error():
    async with ResponsesServer(script(HELLO)) as server:
        with pytest.raises(ConfigurationError) as caught:
            async with ResponsesServer(script(HELLO), port=server.port):
                raise AssertionError
        assert caught.value.code == "E_FAKE_PORT_BUSY"
        assert str(server.port) in caught.value.text


async def test_a_port_that_cannot_be_is_a_coded_error():
    with pytest.raises(ConfigurationError) as caught:
        await ResponsesServer(script(HELLO), port=70_000).__aenter__()
    assert caught.value.code == "E_FAKE_PORT_BUSY"


async def test_a_stopped_server_frees_its_port():
    async with ResponsesServer(script(HELLO)) as server:
        port = server.port
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))


async def test_waiting_for_a_request_that_does_not_come_is_a_coded_error(client):
    async with ResponsesServer(script(HELLO)) as server:
        await ask(client, server)
        assert (await server.request_count(1)).number == 1
        for wait in (
            server.request_count(2, timeout=0),
            server.exchange_ended(2, timeout=0),
            server.other_request_count(1, timeout=0),
        ):
            with pytest.raises(ConfigurationError) as caught:
                await wait
            assert caught.value.code == "E_SCRIPT_WAIT_TIMEOUT"


async def test_no_signal_handler_is_touched():
    import signal

    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with ResponsesServer(script(HELLO)):
        assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_an_invalid_script_is_refused_before_anything_is_served():
    with pytest.raises(ConfigurationError) as caught:
        ResponsesServer(Script(otherwise="what"))
    assert caught.value.code == "E_SCRIPT_INVALID"


def test_without_its_dependencies_the_server_names_the_extra():
    program = (
        "import asyncio, sys; sys.modules['starlette'] = None\n"
        "from codex_fakes.responses.server import ResponsesServer\n"
        "from codex_fakes.script import Script\n"
        "from codex_runtime.errors import ConfigurationError\n"
        "try:\n    asyncio.run(ResponsesServer(Script()).__aenter__())\n"
        "except ConfigurationError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("[E_EXTRA_MISSING]")
    assert "starlette" in done.stdout


async def test_nobody_listens_once_everything_is_played():
    asked = {"model": "m", "stream": True, "input": []}
    script = Script(responses=(Response(steps=(Say(text="x"),)),), otherwise="unreachable")
    async with ResponsesServer(script) as server, httpx.AsyncClient() as client:
        url = f"{server.base_url}/responses"
        answer = await client.post(url, json=asked)
        assert "response.completed" in answer.text
        with pytest.raises(httpx.TransportError):
            await client.post(url, json=asked)
        assert len(server.requests) == 1


async def test_nobody_listens_from_the_start_where_nothing_is_to_be_played():
    nobody = ResponsesServer(Script(otherwise="unreachable"))
    async with nobody as server, httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.post(f"{server.base_url}/responses", json={})
