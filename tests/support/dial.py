"""A client of raw lines.

It reads and writes JSON with the standard library only, so that the client and the simulation
cannot be wrong together.
"""

from __future__ import annotations

import asyncio
import json

import pytest

PATIENCE = 30.0
"""Seconds after which a test gives up waiting for a message."""


class Dial:
    """A client of raw lines on one connection."""

    def __init__(self, transport):
        self._transport = transport
        self._rest = b""
        self._changed = asyncio.Event()
        self.messages = []
        self.lines = []
        self.closed = False
        self._reader = asyncio.create_task(self._read())

    async def _read(self):
        while data := await self._transport.receive():
            *lines, self._rest = (self._rest + data).split(b"\n")
            self.lines.extend(lines)
            for line in lines:
                self.messages.append(json.loads(line))
                self.heard(self.messages[-1])
            self._changed.set()
        self.closed = True
        self._changed.set()

    def heard(self, message):
        """A message has arrived; for clients that do something with each."""

    async def send_bytes(self, data):
        await self._transport.send(data)

    async def send_line(self, line):
        await self.send_bytes(line + b"\n")

    async def send(self, message):
        await self.send_line(json.dumps(message, separators=(",", ":")).encode())

    async def until(self, holds, what="what it expects"):
        try:
            async with asyncio.timeout(PATIENCE):
                while not holds(self.messages):
                    assert not self.closed, f"the connection ended before {what}"
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            seen = [m.get("method", m) for m in self.messages]
            pytest.fail(f"the client waited in vain for {what}; it has seen {seen}")

    async def until_closed(self):
        async with asyncio.timeout(PATIENCE):
            await self._reader

    async def ask(self, request_id, method, params=None, **rest):
        """Send a request and wait for its response."""
        message = {"id": request_id, "method": method, **rest}
        if params is not None:
            message["params"] = params
        await self.send(message)
        return await self.answer(request_id)

    async def answer(self, request_id):
        def answered(messages):
            return [m for m in messages if m.get("id") == request_id and "method" not in m]

        await self.until(answered, f"the answer to request {request_id!r}")
        return answered(self.messages)[0]

    async def notified(self, method, count=1):
        def seen(messages):
            return [m for m in messages if m.get("method") == method]

        await self.until(lambda messages: len(seen(messages)) >= count, f"{count} x {method}")
        return seen(self.messages)[count - 1]

    def methods(self):
        return [m["method"] for m in self.messages if "method" in m]

    async def hello(self, *, name="tester", experimental=True, **capabilities):
        capabilities["experimentalApi"] = experimental
        params = {"clientInfo": {"name": name, "version": "1"}, "capabilities": capabilities}
        return await self.ask("hello", "initialize", params)

    async def thread(self, **params):
        answer = await self.ask(f"thread-{len(self.messages)}", "thread/start", params)
        return answer["result"]["thread"]["id"]

    async def turn(self, thread, text="go", **params):
        params = {"threadId": thread, "input": [{"type": "text", "text": text}], **params}
        answer = await self.ask(f"turn-{len(self.messages)}", "turn/start", params)
        return answer["result"]["turn"]["id"]

    async def hang_up(self):
        """End the client's direction, and read what the server still has to say."""
        self._transport.outgoing.end()
        await self.until_closed()

    async def close(self):
        """End both directions at once."""
        await self._transport.close()
        await self.until_closed()
