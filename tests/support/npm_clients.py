"""Convex's own JavaScript clients, from asyncio: ``tests/convex_node/clients.mjs`` on Node."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from codex_runtime.values import from_json, to_json
from support.node import FOLDER

PATIENCE = 30.0
"""Seconds after which something counts as not coming."""
LONGEST_LINE = 128 * 1024 * 1024


class ClientError(Exception):
    """What the JavaScript client threw.

    Attributes:
        data: The data of a ``ConvexError``, as a value.
    """

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(told["message"])
        self.data = from_json(told["data"]) if "data" in told else None
        self.is_convex_error = "data" in told


class NpmClients:
    """The process, and what it says. To be had from ``npm_clients``."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = itertools.count()
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._happened: dict[str, asyncio.Queue[dict[str, Any]]] = defaultdict(asyncio.Queue)

    async def listen(self) -> None:
        """Take what the process says, until it ends."""
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            if "event" in said:
                self._happened[said.get("subscription") or said["event"]].put_nowait(said)
                continue
            answer = self._answers.pop(said["id"])
            if answer.done():
                continue
            if "error" in said:
                answer.set_exception(ClientError(said["error"]))
            else:
                answer.set_result(said["value"])
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionError("Node ended"))

    def begin(self, name: str, **given: Any) -> asyncio.Future[Any]:
        """Send a command; what it comes to is the future's."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": number, "do": name, **given})
        self._process.stdin.write(line.encode() + b"\n")
        return answer

    async def do(self, name: str, **given: Any) -> Any:
        """Send a command and wait for what it comes to."""
        async with asyncio.timeout(PATIENCE):
            return await self.begin(name, **given)

    async def call(self, kind: str, client: str, path: str, args: dict[str, Any]) -> Any:
        """Call a function as a query, mutation or action, with values on both sides."""
        return from_json(await self.do(kind, client=client, path=path, args=to_json(args)))

    async def event(self, name: str) -> dict[str, Any]:
        """The next event of this name, or of this subscription."""
        async with asyncio.timeout(PATIENCE):
            return await self._happened[name].get()

    async def until(self, subscription: str, wanted: Callable[[Any], bool]) -> list[dict[str, Any]]:
        """The updates of a subscription up to the first with a wanted value."""
        found = []
        async with asyncio.timeout(PATIENCE):
            while True:
                update = await self._happened[subscription].get()
                found.append(update)
                if "value" in update and wanted(from_json(update["value"])):
                    return found

    async def begin_anew(self) -> None:
        """Close every client and forget what was not taken."""
        await self.do("closeAll")
        self._happened.clear()

    def nothing_more(self, name: str) -> bool:
        """Whether no event of this name is left that was not taken."""
        return self._happened[name].empty()


@asynccontextmanager
async def npm_clients(node: Path) -> AsyncIterator[NpmClients]:
    """A Node process with the clients, ended with the block."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        node, FOLDER / "clients.mjs", stdin=pipe, stdout=pipe, limit=LONGEST_LINE
    )
    clients = NpmClients(process)
    listening = asyncio.create_task(clients.listen())
    try:
        yield clients
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await listening
