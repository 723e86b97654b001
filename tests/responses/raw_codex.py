"""The real binary behind the scripted model, driven line by line.

It knows nothing of the runtime's own client, so that a fault there cannot hide one here. Every
wait is bounded.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from contextlib import asynccontextmanager
from typing import Any

from codex_cli_bin import bundled_codex_path

from codex_fakes.responses.codex_home import CodexHome, CodexSettings
from codex_fakes.responses.server import ResponsesServer
from codex_fakes.script import script

PATIENCE = 30.0
_LONGEST_LINE = 64 * 2**20


class RawCodex:
    """A running ``codex app-server``.

    Attributes:
        messages: Every message it sent, in order.
        answers: What to answer a server request of a method: the result, or a function of the
            params that gives it. A method that is missing is not answered.
    """

    def __init__(self, process, home, cwd):
        self.process = process
        self.home = home
        self.cwd = cwd
        self.messages: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {}
        self._next_id = 0
        self._arrived = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    async def _read(self):
        while line := await self.process.stdout.readline():
            message = json.loads(line)
            async with self._arrived:
                self.messages.append(message)
                self._arrived.notify_all()
            if "id" in message and message.get("method") in self.answers:
                answer = self.answers[message["method"]]
                result = answer(message["params"]) if callable(answer) else answer
                await self.send({"id": message["id"], "result": result})

    async def send(self, message):
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        await self.process.stdin.drain()

    async def ask(self, method, params):
        """Send a request and give its response, error or not."""
        self._next_id += 1
        number = self._next_id
        await self.send({"id": number, "method": method, "params": params})
        return await self.until(lambda m: m.get("id") == number and "method" not in m)

    async def request(self, method, params):
        """Send a request and give its result."""
        response = await self.ask(method, params)
        assert "result" in response, response
        return response["result"]

    async def until(self, fits, start=0):
        """Wait for a message; those that have come already count from ``start``."""
        async with asyncio.timeout(PATIENCE), self._arrived:
            while True:
                for message in self.messages[start:]:
                    if fits(message):
                        return message
                start = len(self.messages)
                await self._arrived.wait()

    async def notified(self, method, start=0, **params):
        """Wait for a notification or a server request whose params hold ``params``."""

        def fits(message):
            return message.get("method") == method and params.items() <= message["params"].items()

        return await self.until(fits, start)

    async def thread(self, **params):
        result = await self.request("thread/start", {"cwd": str(self.cwd), **params})
        return result["thread"]["id"]

    async def start_turn(self, thread, text="go", **params):
        """Start a turn and give its id, once it has started."""
        said = {"threadId": thread, "input": [{"type": "text", "text": text}], **params}
        turn = (await self.request("turn/start", said))["turn"]["id"]
        await self.until(_is_turn("turn/started", turn))
        return turn

    async def turn_ended(self, turn):
        message = await self.until(_is_turn("turn/completed", turn))
        return message["params"]["turn"]

    async def turn(self, thread, text="go", **params):
        """Play a turn to its end."""
        return await self.turn_ended(await self.start_turn(thread, text, **params))

    def of(self, method, **params):
        """The params of every message of a method, so far."""
        return [
            message["params"]
            for message in self.messages
            if message.get("method") == method and params.items() <= message["params"].items()
        ]

    def items(self, turn, kind):
        """The completed items of a kind in a turn."""
        return [
            params["item"]
            for params in self.of("item/completed", turnId=turn)
            if params["item"]["type"] == kind
        ]

    async def close(self):
        self.process.stdin.close()
        try:
            async with asyncio.timeout(PATIENCE):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        await self._reader


def _is_turn(method, turn):
    def fits(message):
        return message.get("method") == method and message["params"]["turn"]["id"] == turn

    return fits


@asynccontextmanager
async def started(home, cwd):
    """Start an app-server in a prepared home, initialized."""
    process = await asyncio.create_subprocess_exec(
        *home.command(bundled_codex_path()),
        env=dict(home.env),
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        limit=_LONGEST_LINE,
    )
    codex = RawCodex(process, home, cwd)
    try:
        about = {"name": "raw", "version": "1"}
        await codex.request(
            "initialize", {"clientInfo": about, "capabilities": {"experimentalApi": True}}
        )
        yield codex
    finally:
        await codex.close()


@asynccontextmanager
async def scripted(tmp_path, *responses, settings=None, allow_problems=False, **options):
    """Serve a script and start an app-server on it.

    Args:
        tmp_path: Where home and working folder are made.
        responses: The responses of the script.
        settings: Keyword arguments of CodexSettings.
        allow_problems: Whether the test looks at the problems itself.
        options: Keyword arguments of the server.
    """
    cwd = tmp_path / "work"
    cwd.mkdir(exist_ok=True)
    async with ResponsesServer(script(*responses), **options) as server:
        home = CodexHome.create(
            tmp_path / "home",
            base_url=server.base_url,
            settings=CodexSettings(**(settings or {})),
        )
        async with started(home, cwd) as codex:
            yield codex, server
        if not allow_problems:
            assert server.problems == ()
