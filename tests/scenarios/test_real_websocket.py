"""Our client on the websocket of the real app-server, with its capability token."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from codex_fakes.responses.codex_home import CodexHome
from codex_fakes.responses.server import ResponsesServer
from codex_fakes.script import Say, script
from codex_runtime.app_server import AppServerConnection, WebSocketTransport, find_codex, requests
from codex_runtime.errors import AppServerError
from support.codex import WAIT, Conversation

pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.timeout(90)]

TOKEN = "a-token-of-the-test"


@asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[str]:
    """A real app-server that listens on a port of its own choice; its address."""
    async with ResponsesServer(script(Say(text=["Hel", "lo"]))) as model:
        home = CodexHome.create(folder / "home", base_url=model.base_url)
        token = folder / "token"
        token.write_text(TOKEN)
        argv = home.command(
            find_codex(),
            *("--listen", "ws://127.0.0.1:0"),
            *("--ws-auth", "capability-token", "--ws-token-file", str(token)),
        )
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=dict(home.env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        drained = None
        try:
            async with asyncio.timeout(WAIT):
                while True:
                    line = await process.stderr.readline()
                    assert line, "the app-server ended before it listened"
                    found = re.search(rb"ws://127\.0\.0\.1:(\d+)", line)
                    if found:
                        break
            drained = asyncio.create_task(process.stderr.read())
            yield found.group().decode()
        finally:
            process.kill()
            await process.wait()
            if drained is not None:
                await drained
        assert list(model.problems) == []


async def test_a_turn_streams_over_a_websocket(tmp_path: Path) -> None:
    async with listening(tmp_path) as url:
        connection = AppServerConnection(lambda: WebSocketTransport.open(url, token=TOKEN))
        async with connection:
            talk = Conversation(connection)
            thread = await talk.start_thread()
            turn = await talk.start_turn(thread, "hi")
            ended = await talk.turn_ends(turn)
            assert ended["items"][-1]["text"] == "Hello"
            loaded = await connection.call(requests.thread_loaded_list())
            assert loaded.data == (thread,)
        assert connection.ended is not None
        assert connection.ended.requested


@pytest.mark.parametrize("token", [None, "another"])
async def test_without_its_token_the_app_server_lets_nobody_in(
    tmp_path: Path, token: str | None
) -> None:
    async with listening(tmp_path) as url:
        connection = AppServerConnection(lambda: WebSocketTransport.open(url, token=token))
        with pytest.raises(AppServerError) as caught:
            await connection.start()
        assert caught.value.code == "E_APP_SERVER_UNAUTHORIZED"


async def test_a_server_that_is_killed_ends_the_connection(tmp_path: Path) -> None:
    async with listening(tmp_path) as url:
        connection = AppServerConnection(lambda: WebSocketTransport.open(url, token=TOKEN))
        await connection.start()
    async with asyncio.timeout(WAIT):
        with pytest.raises(AppServerError) as caught:
            await connection.call(requests.thread_loaded_list())
    assert caught.value.code == "E_APP_SERVER_GONE"
    await connection.stop()
