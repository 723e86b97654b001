"""A client in this process that does not read: the only one makes the server wait."""

from __future__ import annotations

import asyncio
import json

import pytest

from codex_fakes.app_server.shell import slow_clients
from codex_fakes.script import Response, Say, Script

pytestmark = pytest.mark.anyio

BIG = "x" * (slow_clients.PIPE_LIMIT // 2)
ANSWERS = Script(responses=(Response(steps=(Say(text=(BIG, BIG, "end"), pause_ms=1),)),))


def line(number, method, **params):
    return json.dumps({"id": number, "method": method, "params": params}).encode() + b"\n"


async def hello(end):
    await end.send(line(0, "initialize", clientInfo={"name": "t", "version": "1"}))
    await end.send(line(1, "thread/start"))
    heard = b""
    while b'"thread/started"' not in heard:
        heard += await end.receive()
    answers = (json.loads(each) for each in heard.splitlines())
    return next(each["result"]["thread"]["id"] for each in answers if each.get("id") == 1)


async def turn(end, thread):
    text = [{"type": "text", "text": "go"}]
    await end.send(line(2, "turn/start", threadId=thread, input=text))


async def test_the_only_client_makes_the_server_wait(simulated):
    async with simulated(ANSWERS, single_connection=True) as server:
        end = server.connect()
        thread = await hello(end)
        await turn(end, thread)
        await server.settle()
        assert end.incoming.size >= slow_clients.PIPE_LIMIT
        assert server.busy
        heard = b""
        async with asyncio.timeout(30):
            while b'"turn/completed"' not in heard:
                heard += await end.receive()
        assert not server.busy


async def test_one_of_several_clients_makes_nobody_wait_and_is_cut_off(simulated, monkeypatch):
    monkeypatch.setattr(slow_clients, "UNREAD_LIMIT", slow_clients.PIPE_LIMIT)
    async with simulated(ANSWERS) as server:
        slow, other = server.connect(), server.dial()
        await other.hello()
        thread = await hello(slow)
        await turn(slow, thread)
        await server.settle()
        assert await slow.receive() == b""
        assert not server.busy
        assert (await other.ask("more", "thread/loaded/list", {}))["result"]["data"] == [thread]
