"""The doors between a runtime and its neighbours: they keep everything, and can interfere."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest

from codex_conformance.targets.convex_line import EXPIRED, ConvexLine
from codex_conformance.targets.deployment import Carrier
from codex_conformance.targets.wire_tap import WireTap
from codex_runtime.app_server.transport import MemoryPipe, TransportEnd

pytestmark = pytest.mark.anyio


class AppServer:
    """An app-server that answers nothing by itself."""

    def __init__(self):
        self.heard = []
        self.says = MemoryPipe()
        self.closed = False

    async def send(self, data):
        self.heard.append(data)

    async def receive(self):
        return await self.says.read()

    async def close(self):
        self.closed = True
        self.says.end()
        return TransportEnd("it was asked to", 0)

    def abort(self):
        self.says.end(discard=True)


@asynccontextmanager
async def tapped():
    """An app-server, the tap on it, and the runtime's end of the connection."""
    server = AppServer()

    async def start():
        return server

    tap = WireTap(start, lambda: None)
    runtime = await tap.open()
    try:
        yield server, tap, runtime
    finally:
        await runtime.close()


def told(*messages):
    return b"".join(json.dumps(one).encode() + b"\n" for one in messages)


ASKED = {"id": 1, "method": "thread/list", "params": {"x": [1.0, "é"]}}
ANSWER = {"id": 1, "result": {"data": []}}
TOLD = {"method": "turn/started", "params": {}}


async def test_what_no_rule_picks_passes_byte_for_byte():
    raw = b'{ "id":1,\t"method":"thread/list" }\n{"method":"initialized"}\nno message\n'
    async with tapped() as (server, tap, runtime):
        await runtime.send(raw[:9])
        await runtime.send(raw[9:])
        assert b"".join(server.heard) == raw
        server.says.feed(raw[:20])
        server.says.feed(raw[20:])
        heard = b""
        while len(heard) < len(raw):
            heard += await runtime.receive()
        assert heard == raw
    assert [one.method for one in tap.spoken] == ["thread/list", "initialized"] * 2


async def test_an_answer_is_known_by_the_method_of_its_request():
    async with tapped() as (server, tap, runtime):
        await runtime.send(told(ASKED))
        server.says.feed(told(ANSWER, TOLD))
        await runtime.receive()
        assert tap.said("codex", "thread/list", answers=True) == [ANSWER]
        assert tap.said("codex", "thread/list") == []
        assert tap.said("runtime") == [ASKED]
        assert tap.said("codex") == [TOLD]


async def test_a_rule_changes_what_passes_as_often_as_it_says():
    async with tapped() as (server, tap, runtime):
        tap.rule("runtime", "thread/list", lambda _: (), times=1)
        rule = tap.rule("codex", "turn/started", lambda one: (one, b"garbage"))
        await runtime.send(told(ASKED, ASKED))
        assert b"".join(server.heard) == told(ASKED)
        server.says.feed(told(TOLD))
        heard = await runtime.receive()
        assert heard.endswith(b"garbage\n")
        tap.lift(rule)
        server.says.feed(told(TOLD))
        assert await runtime.receive() == told(TOLD)
    # What the runtime has said is kept, passed on or not.
    assert len(tap.said("runtime", "thread/list")) == 2


async def test_a_line_that_hangs_lets_nothing_pass_and_one_that_breaks_off_ends():
    async with tapped() as (server, tap, runtime):
        tap.line.hang()
        await runtime.send(told(ASKED))
        assert server.heard == []
        tap.line.say(TOLD)
        assert json.loads(await runtime.receive()) == TOLD
        tap.line.break_off(7)
        assert await runtime.receive() == b""
        with pytest.raises(ConnectionError):
            await runtime.send(told(ASKED))
        assert (await runtime.close()).exit_code == 7
        assert server.closed


async def test_opening_can_be_refused():
    async with tapped() as (_, tap, _runtime):
        tap.refusal = OSError("there is none")
        with pytest.raises(OSError, match="there is none"):
            await tap.open()


class Deployment(httpx.AsyncBaseTransport):
    """A deployment that gives back what it is called with."""

    def __init__(self):
        self.calls = []

    async def handle_async_request(self, request):
        body = json.loads(await request.aread())
        self.calls.append((body["path"], request.headers.get("Authorization")))
        return httpx.Response(200, json={"status": "success", "value": body["args"]})


@asynccontextmanager
async def called():
    """A deployment, the line to it, and what calls over the line."""
    deployment = Deployment()
    carrier = Carrier("http://deployment", "chat", deployment, {"Authorization": "Bearer ada"})
    line = ConvexLine(carrier, lambda: None)
    async with httpx.AsyncClient(transport=line, base_url=line.url) as client:

        async def call(endpoint, **args):
            body = {"path": f"chat:{endpoint}", "format": "convex_encoded_json", "args": args}
            response = await client.post("/api/mutation", json=body)
            return response.status_code, response.json() if response.text[:1] == "{" else None

        yield deployment, line, call


async def test_a_call_passes_with_the_credentials_of_the_user_and_is_kept():
    async with called() as (deployment, line, call):
        assert await call("ingestBatch", x=1) == (200, {"status": "success", "value": {"x": 1}})
        assert deployment.calls == [("chat:ingestBatch", "Bearer ada")]
        (kept,) = line.called("ingestBatch")
        assert (kept.args, kept.value, kept.answered, kept.refused) == (
            {"x": 1},
            {"x": 1},
            True,
            False,
        )


async def test_a_fault_happens_to_the_calls_it_picks_as_often_as_it_says():
    async with called() as (deployment, line, call):
        line.fault("unreachable", "ingestBatch", times=1, picks=lambda args: args["x"] == 2)
        assert (await call("ingestBatch", x=1))[0] == 200
        assert (await call("other", x=2))[0] == 200
        with pytest.raises(httpx.ConnectError):
            await call("ingestBatch", x=2)
        assert (await call("ingestBatch", x=2))[0] == 200
        assert len(deployment.calls) == 3


@pytest.mark.parametrize(
    ("trouble", "more", "status", "answer", "reaches"),
    [
        ("busy", {}, 503, {"code": "Overloaded", "message": "try again"}, None),
        ("page", {}, 200, None, None),
        (
            "missing",
            {},
            200,
            {"status": "success", "value": {}},
            ("chat:tryNotThere", "Bearer ada"),
        ),
        ("token", {}, 200, {"status": "success", "value": {}}, ("chat:try", EXPIRED)),
        ("instead", {"value": list}, 200, {"status": "success", "value": []}, None),
        (
            "altered",
            {"value": lambda value: [value]},
            200,
            {"status": "success", "value": [{}]},
            ("chat:try", "Bearer ada"),
        ),
    ],
)
async def test_a_trouble_is_what_it_says(trouble, more, status, answer, reaches):
    async with called() as (deployment, line, call):
        line.fault(trouble, "try", **more)
        assert await call("try") == (status, answer)
        assert deployment.calls == ([] if reaches is None else [reaches])


async def test_a_refusal_with_a_code_is_one_of_a_function():
    async with called() as (deployment, line, call):
        line.fault("code", "try", code="E_THREAD_NOT_FOUND")
        status, answer = await call("try")
        assert (status, answer["status"]) == (560, "error")
        assert answer["errorData"]["code"] == "E_THREAD_NOT_FOUND"
        assert deployment.calls == []
        assert line.calls[0].refused


async def test_a_lost_call_has_happened():
    async with called() as (deployment, line, call):
        line.fault("lost", "try", times=1)
        with pytest.raises(httpx.ReadError):
            await call("try")
        assert len(deployment.calls) == 1
        assert not line.calls[0].answered


async def test_a_held_call_waits_until_it_is_released():
    async with called() as (deployment, line, call):
        held = line.fault("held", "try")
        calling = asyncio.ensure_future(call("try"))
        await call("other")
        assert [path for path, _ in deployment.calls] == ["chat:other"]
        line.lift(held)
        assert (await calling)[0] == 200
