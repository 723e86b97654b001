"""The simulated app-server on a websocket: handshakes, frames, several clients, slow ones, ends."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import signal
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from codex_fakes.app_server import SimulatedAppServer, SimulatedWebSocket
from codex_fakes.app_server.shell import listening
from codex_fakes.script import Say, Wait, script
from codex_runtime.app_server.websocket import WebSocketTransport
from codex_runtime.errors import AppServerError, ConfigurationError
from support.dial import Dial

pytestmark = pytest.mark.anyio

HELD = (Say(text=["half"], left_open=True), Wait(gate="held"), Say(text=[" whole"]))
HELLO = {"clientInfo": {"name": "tester", "version": "1"}}


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@asynccontextmanager
async def listening_server(home, played=None, **options):
    """A simulated server in this process, its websocket and its URL."""
    played = script(otherwise="echo") if played is None else played
    async with SimulatedAppServer(played, home=home) as server:
        websocket = SimulatedWebSocket(server, **options)
        async with websocket as url:
            yield server, url


@asynccontextmanager
async def dialled(url):
    dial = Dial(await WebSocketTransport.open(url))
    try:
        yield dial
    finally:
        await dial.close()


def http_get(url, path, **headers):
    """What a plain HTTP request gets: status, body."""
    place = urlsplit(url)
    client = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
    client.request("GET", path, headers=headers)
    response = client.getresponse()
    try:
        return response.status, response.read().decode()
    finally:
        client.close()


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}

# Recordings 15a and 15j, and the real binary asked for what they do not show.
REQUESTS = {
    "readyz": ("/readyz", {}, (200, "")),
    "healthz": ("/healthz", {}, (200, "")),
    "root": ("/", {}, (400, "Connection header did not include 'upgrade'")),
    "nope": ("/nope", {}, (400, "Connection header did not include 'upgrade'")),
    "readyz with an origin": ("/readyz", {"Origin": "http://evil"}, (403, "")),
    "handshake with an origin": ("/", {**UPGRADE, "Origin": "http://evil"}, (403, "")),
    "another upgrade": (
        "/",
        {"Connection": "Upgrade", "Upgrade": "h2c"},
        (400, "`Upgrade` header did not include 'websocket'"),
    ),
    "another version": (
        "/",
        {**UPGRADE, "Sec-WebSocket-Version": "12"},
        (400, "`Sec-WebSocket-Version` header did not include '13'"),
    ),
    "no key": (
        "/",
        {name: UPGRADE[name] for name in ("Connection", "Upgrade", "Sec-WebSocket-Version")},
        (400, "`Sec-WebSocket-Key` header missing"),
    ),
}


@pytest.mark.parametrize(("path", "headers", "answer"), REQUESTS.values(), ids=REQUESTS)
async def test_a_plain_request_gets_what_the_real_server_answers(home, path, headers, answer):
    async with listening_server(home) as (_, url):
        assert await asyncio.to_thread(http_get, url, path, **headers) == answer


@pytest.mark.parametrize(
    ("authorization", "text"),
    [
        (None, "missing websocket bearer token"),
        ("Basic sesame", "invalid authorization header"),
        ("Bearer wrong", "invalid websocket bearer token"),
    ],
)
async def test_without_the_token_the_handshake_is_refused(home, authorization, text):
    digest = hashlib.sha256(b"sesame").hexdigest()
    headers = {} if authorization is None else {"Authorization": authorization}
    async with listening_server(home, token_sha256=digest) as (_, url):
        answer = await asyncio.to_thread(http_get, url, "/", **UPGRADE, **headers)
        assert answer == (401, text)
        assert await asyncio.to_thread(http_get, url, "/readyz") == (200, "")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_with_the_token_it_is_let_through(home, scheme):
    digest = hashlib.sha256(b"sesame").hexdigest().upper()
    headers = {"Authorization": f"{scheme} sesame"}
    async with (
        listening_server(home, token_sha256=digest) as (_, url),
        connect(url, additional_headers=headers) as client,
    ):
        await client.send(json.dumps({"id": 1, "method": "initialize", "params": HELLO}))
        assert json.loads(await client.recv())["id"] == 1


async def test_our_own_client_is_told_that_its_token_is_wrong(home):
    async with listening_server(home, token_sha256="0" * 64) as (_, url):
        with pytest.raises(AppServerError) as refused:
            await WebSocketTransport.open(url, token="sesame")
        assert refused.value.code == "E_APP_SERVER_UNAUTHORIZED"


# --- frames (recording 15b) -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        "{not json",
        "[]",
        '{"id":1,"method":"thread/loaded/list"}\n{"id":2,"method":"thread/loaded/list"}',
        "",
        json.dumps({"id": 1, "method": "thread/loaded/list", "params": {}}).encode(),
    ],
    ids=["bad json", "an array", "two lines", "nothing", "binary"],
)
async def test_a_frame_that_is_no_message_is_dropped_and_the_connection_lives(home, frame):
    async with listening_server(home) as (_, url), connect(url) as client:
        await client.send(json.dumps({"id": 0, "method": "initialize", "params": HELLO}))
        await client.send(frame)
        await client.send(json.dumps({"id": 77, "method": "thread/loaded/list", "params": {}}))
        answered = []
        while 77 not in answered:
            answered.append(json.loads(await client.recv()).get("id"))
        assert [each for each in answered if each is not None] == [0, 77]


async def test_a_message_may_span_lines_and_fragments(home):
    async with listening_server(home) as (_, url), connect(url) as client:
        text = json.dumps({"id": 0, "method": "initialize", "params": HELLO}, indent=1)
        await client.send([text[:20], text[20:50], text[50:]])
        assert json.loads(await client.recv())["id"] == 0


async def test_every_message_is_a_text_frame_of_its_own(home):
    async with listening_server(home) as (_, url), connect(url) as client:
        await client.send(json.dumps({"id": 0, "method": "initialize", "params": HELLO}))
        frames = [await client.recv() for _ in range(3)]
        assert all(isinstance(frame, str) and "\n" not in frame for frame in frames)
        assert json.loads(frames[-1])["method"] == "remoteControl/status/changed"


async def test_a_ping_is_answered(home):
    async with listening_server(home) as (_, url), connect(url) as client:
        async with asyncio.timeout(10):
            await (await client.ping(b"hey"))


# --- several clients (recordings 15d and 15m) -----------------------------------------------------


async def test_a_turn_goes_on_without_the_client_that_started_it(home):
    async with listening_server(home, script(HELD)) as (server, url):
        async with dialled(url) as first:
            await first.hello()
            thread = await first.thread()
            await first.turn(thread)
            await server.gates.reached("held")
        async with dialled(url) as second:
            await second.hello()
            loaded = await second.ask(1, "thread/loaded/list", {})
            assert loaded["result"]["data"] == [thread]
            resumed = await second.ask(2, "thread/resume", {"threadId": thread})
            assert resumed["result"]["thread"]["status"]["type"] == "active"
            server.gates.open("held")
            ended = await second.notified("turn/completed")
            assert ended["params"]["turn"]["items"][0]["text"] == "half whole"


async def test_turns_are_told_to_who_follows_the_thread_and_statuses_to_all(home):
    async with listening_server(home) as (_, url), dialled(url) as first, dialled(url) as second:
        await first.hello()
        await second.hello()
        await first.turn(await first.thread())
        await first.notified("turn/completed")
        await second.notified("thread/status/changed", count=2)
        assert "thread/started" in second.methods()
        assert not [m for m in second.methods() if m.startswith(("turn/", "item/"))]


async def test_a_flood_is_refused_beyond_the_queue_and_every_request_is_answered(home):
    count = 3_000
    async with listening_server(home) as (_, url), connect(url, max_queue=None) as client:
        await client.send(json.dumps({"id": "hello", "method": "initialize", "params": HELLO}))
        for number in range(count):
            asked = {"id": number, "method": "thread/loaded/list", "params": {}}
            await client.send(json.dumps(asked))
        seen, refused = set(), 0
        while len(seen) < count:
            message = json.loads(await client.recv())
            if isinstance(message.get("id"), int):
                seen.add(message["id"])
                refused += "error" in message
        assert seen == set(range(count))
        assert 0 < refused < count


async def take_all(client, frames):
    async for frame in client:
        frames.append(frame)


async def test_a_client_that_does_not_read_is_cut_off_and_nobody_else(home, monkeypatch):
    monkeypatch.setattr(listening, "UNREAD_LIMIT", 1 << 20)
    flood = script(Say(text=["y" * 400] * 40_000))
    async with listening_server(home, flood) as (_, url), dialled(url) as other:
        await other.hello()
        async with connect(url, max_queue=1, max_size=None) as slow:
            await slow.send(json.dumps({"id": 0, "method": "initialize", "params": HELLO}))
            await slow.send(json.dumps({"id": 1, "method": "thread/start", "params": {}}))
            while (started := json.loads(await slow.recv())).get("id") != 1:
                pass
            thread = started["result"]["thread"]["id"]
            turn = {"threadId": thread, "input": [{"type": "text", "text": "go"}]}
            await slow.send(json.dumps({"id": 2, "method": "turn/start", "params": turn}))
            # Active and idle again, while nobody reads what the turn streams.
            await other.notified("thread/status/changed", count=2)
            frames = []
            with pytest.raises(ConnectionClosedError) as cut:
                await take_all(slow, frames)
            assert cut.value.rcvd is None
            assert sum("item/agentMessage/delta" in frame for frame in frames) < 40_000
        assert "result" in await other.ask("still", "thread/loaded/list", {})


# --- the end --------------------------------------------------------------------------------------


async def test_leaving_cuts_the_clients_without_a_close_frame(home):
    async with SimulatedAppServer(script(otherwise="echo"), home=home) as server:
        async with SimulatedWebSocket(server) as url:
            client = await connect(url)
        with pytest.raises(ConnectionClosedError) as cut:
            await client.recv()
        assert cut.value.rcvd is None
        assert not server.ended


async def test_a_port_that_is_taken_is_a_coded_error(home):
    async with listening_server(home) as (server, url):
        with pytest.raises(ConfigurationError) as refused:
            await SimulatedWebSocket(server, port=urlsplit(url).port).__aenter__()
        assert refused.value.code == "E_FAKE_PORT_BUSY"


async def test_a_unix_socket_speaks_websocket_and_is_the_owner_s_only(home):
    path = home / "s"
    async with SimulatedAppServer(script(otherwise="echo"), home=home) as server:
        async with SimulatedWebSocket(server, path=str(path)):
            assert path.stat().st_mode & 0o777 == 0o600
            from websockets.asyncio.client import unix_connect

            async with unix_connect(str(path)) as client:
                limit = "x-codex-websocket-max-unfragmented-message-bytes"
                assert client.response.headers[limit] == "16777216"
                await client.send(json.dumps({"id": 0, "method": "initialize", "params": HELLO}))
                assert json.loads(await client.recv())["id"] == 0
        assert not path.exists()


# --- the executable -------------------------------------------------------------------------------


async def test_the_executable_says_where_it_listens(simulated, serving):
    async with serving(simulated) as (process, url):
        rest = [(await process.stderr.readline()).decode() for _ in range(3)]
        http_url = "http" + url.removeprefix("ws")
        assert rest == [
            f"  readyz: {http_url}/readyz\n",
            f"  healthz: {http_url}/healthz\n",
            "  note: binds localhost only (use SSH port-forwarding for remote access)\n",
        ]
    assert process.returncode == 0


async def test_the_executable_takes_a_token_from_a_file(simulated, serving):
    token = simulated.folder / "token"
    token.write_text("sesame\n")
    options = ("--ws-auth", "capability-token", "--ws-token-file", str(token))
    async with serving(simulated, *options) as (_, url):
        with pytest.raises(InvalidStatus):
            await connect(url)
        transport = await WebSocketTransport.open(url, token="sesame")
        await transport.close()


async def test_sigterm_lets_running_turns_finish(simulated, websocket_of):
    simulated.plays(script(HELD))
    door = simulated.folder / "door"
    simulated.extra["CODEX_SIMULATED_CONTROL"] = str(door)
    async with websocket_of(simulated) as dial:
        await dial.hello()
        thread = await dial.thread()
        await dial.turn(thread)
        reader, writer = await asyncio.open_unix_connection(door)
        assert await reader.readline() == b"reached held\n"
        dial.process.send_signal(signal.SIGTERM)
        # New connections are still accepted.
        async with dialled(dial.url) as late:
            await late.hello()
        writer.write(b"open held\n")
        async with asyncio.timeout(20):
            assert await dial.process.wait() == 0
        writer.close()
        await dial.until_closed()
    del simulated.extra["CODEX_SIMULATED_CONTROL"]
    async with simulated.dialled() as dial:
        await dial.hello()
        read = await dial.ask("read", "thread/read", {"threadId": thread, "includeTurns": True})
        assert [t["status"] for t in read["result"]["thread"]["turns"]] == ["completed"]


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_does_not_wait_for_turns(simulated, websocket_of, first):
    simulated.plays(script(HELD))
    async with websocket_of(simulated) as dial:
        await dial.hello()
        await dial.turn(await dial.thread())
        await dial.notified("item/agentMessage/delta")
        dial.process.send_signal(first)
        # An answer says that the first signal has been dealt with.
        await dial.ask("still", "thread/loaded/list", {})
        dial.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await dial.process.wait() == 0
        await dial.until_closed()


async def test_an_address_in_use_fails_the_start_with_1(simulated, serving):
    async with serving(simulated) as (_, url):
        ended = await asyncio.to_thread(simulated.run, "app-server", "--listen", url)
    assert ended.returncode == 1
    assert ended.stderr.startswith(b"Error: Address in use (os error 98)")
