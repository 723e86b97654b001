"""The real binary, as CodexHome sets it up, talks to its scripted model and to nobody else."""

from __future__ import annotations

import asyncio

import pytest

from codex_fakes.responses.codex_home import CodexHome, CodexSettings
from codex_fakes.responses.server import ResponsesServer
from codex_fakes.script import Response, Run, Say, script

from .raw_codex import PATIENCE, scripted, started

pytestmark = [pytest.mark.anyio, pytest.mark.real]


class Trap:
    """Stands where a proxy would: what leaves the loopback interface over HTTP comes by here."""

    def __init__(self):
        self.asked = []
        self.sprung = asyncio.Event()

    async def met(self, reader, writer):
        self.asked.append(await reader.readline())
        self.sprung.set()
        writer.close()


@pytest.fixture
async def trap():
    made = Trap()
    listening = await asyncio.start_server(made.met, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    made.env = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), f"http://127.0.0.1:{port}")
    yield made
    listening.close()
    await listening.wait_closed()


def trapped(tmp_path, server, trap, **settings):
    (tmp_path / "work").mkdir()
    home = CodexHome.create(
        tmp_path / "home",
        base_url=server.base_url,
        settings=CodexSettings(**settings),
        env=trap.env,
    )
    return started(home, tmp_path / "work")


async def test_nothing_is_asked_outside_the_loopback_interface(tmp_path, trap):
    rows = (Run(command="true"), Response(steps=(Say(text="x"),), repeat=True))
    async with ResponsesServer(script(*rows)) as server:
        async with trapped(tmp_path, server, trap) as codex:
            for method in ("model/list", "account/read", "skills/list"):
                await codex.request(method, {})
            for _ in range(2):
                thread = await codex.thread()
                await codex.turn(thread, "one")
                await codex.turn(thread, "two")
        assert trap.asked == []
        assert server.other_requests == ()
        assert server.problems == ()


async def test_the_trap_would_have_noticed(tmp_path, trap):
    async with ResponsesServer(script(Say(text="x"))) as server:
        features = {"apps": True, "plugins": True, "remote_plugin": True}
        async with trapped(tmp_path, server, trap, features=features), asyncio.timeout(PATIENCE):
            await trap.sprung.wait()
        assert trap.asked[0].startswith(b"CONNECT ")


async def test_overrides_of_the_command_line_reach_codex(tmp_path):
    settings = {"overrides": {"model": '"gpt-5.4"'}}
    async with scripted(tmp_path, Say(text="x"), settings=settings) as (codex, server):
        await codex.turn(await codex.thread())
        assert server.requests[0].model == "gpt-5.4"
