"""A connection of a program: it reads lines with the standard library, and waits for messages."""

from __future__ import annotations

import asyncio
import json

from support.servers import ENDING


class InVainError(Exception):
    """Something that was waited for has not come."""


class Client:
    """One connection of the program."""

    def __init__(self, patience: float) -> None:
        self._changed = asyncio.Event()
        self.listens = True
        self.patience = patience
        self.messages = []
        self.asked = {}
        self.threads = {}
        self.next_id = 0
        self.closed = False

    async def open(self, server):
        self._transport = await server.connect(self)
        self._reader = asyncio.create_task(self._read())

    def hear(self, line):
        message = json.loads(line)
        if "method" not in message:
            message["$thread"] = self.threads.get(json.dumps(message["id"]))
        self.messages.append(message)
        self._changed.set()

    async def _read(self):
        rest = b""
        while data := await self._transport.receive():
            *lines, rest = (rest + data).split(b"\n")
            for line in lines if self.listens else ():
                self.hear(line)
        self.closed = True
        self._changed.set()

    async def send(self, message):
        data = message if isinstance(message, bytes) else json.dumps(message).encode()
        await self._transport.send(data + b"\n")

    async def until(self, holds, what):
        try:
            async with asyncio.timeout(self.patience):
                while not holds(self.messages):
                    if self.closed:
                        raise InVainError(f"the connection ended before {what}")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise InVainError(f"{what} did not come") from None

    async def hang_up(self):
        end = getattr(self._transport, "hang_up", None)
        if end is not None:
            await end()
        else:
            self._transport.outgoing.end()

    async def finished(self):
        async with asyncio.timeout(ENDING):
            await self._reader

    def answer_to(self, request_id):
        """The answer to a request, or nothing so far."""
        for message in self.messages:
            if "method" not in message and _same(message["id"], request_id):
                return message
        return None

    def requests(self, method):
        """The requests of the server: of one method, or all of them."""
        asked = [m for m in self.messages if "method" in m and "id" in m]
        return [m for m in asked if not method or m["method"] == method]


def _same(one, other):
    return type(one) is type(other) and one == other
