"""A Codex in a process of its own, real or simulated, and lines that somebody watches."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import httpx

from codex_fakes.responses.codex_home import CodexHome
from codex_fakes.responses.server import ResponsesServer
from codex_fakes.script import Script
from codex_fakes.script.files import dump_script
from codex_runtime.app_server import AppServerCommand, StdioTransport, find_codex
from support.kill_steps import WIRE_STEPS

PATIENCE = 40.0
"""Seconds after which something counts as not coming."""

Act = Callable[[], Awaitable[None]]


class Trap:
    """What is done when a step is seen for the first time.

    Args:
        step: Which step; ``None`` for one that never comes.
        act: What is done then.
        cuts: Whether the line to the deployment is cut by it.

    Attributes:
        step: Which step.
        cuts: Whether the line to the deployment is cut by it.
        sprung: Whether it was seen.
    """

    def __init__(self, step: str | None, act: Act, *, cuts: bool = False) -> None:
        self.step = step
        self.cuts = cuts
        self.sprung = False
        self._act = act

    async def spring(self) -> None:
        """Do it."""
        self.sprung = True
        await self._act()


class WatchedWire:
    """A transport to Codex that acts at the moment a step is seen on it.

    Args:
        inner: The transport.
        trap: What is done; a step of another line is never seen here.
    """

    def __init__(self, inner: StdioTransport, trap: Trap) -> None:
        self._inner = inner
        self._trap = trap
        self._side, self._seen = WIRE_STEPS.get(trap.step or "", ("", None))
        self._asked: dict[tuple[str, str], str] = {}
        self._parts: dict[str, bytes] = {"sent": b"", "heard": b""}

    async def send(self, data: bytes) -> None:
        await self._inner.send(data)
        await self._watch("sent", data)

    async def receive(self) -> bytes:
        data = await self._inner.receive()
        await self._watch("heard", data)
        return data

    async def close(self) -> Any:
        return await self._inner.close()

    def abort(self) -> None:
        self._inner.abort()

    async def _watch(self, side: str, data: bytes) -> None:
        *lines, self._parts[side] = (self._parts[side] + data).split(b"\n")
        for message in map(json.loads, filter(None, lines)):
            asked = ""
            if "id" in message:
                other = "heard" if side == "sent" else "sent"
                key = json.dumps(message["id"])
                if "method" in message:
                    self._asked[side, key] = message["method"]
                else:
                    asked = self._asked.get((other, key), "")
            if self._trap.sprung or self._seen is None or side != self._side:
                continue
            if self._seen(asked, message):
                await self._trap.spring()


class WatchedCalls(httpx.AsyncBaseTransport):
    """A line to a deployment that acts at the moment a step is seen on it.

    Args:
        inner: The line.
        trap: What is done at ``<endpoint> sent`` or ``<endpoint> answered``; of the latter the
            answer is lost when the line is cut.
        changed: Hears of every answer to a call that may have changed something.
    """

    def __init__(
        self, inner: httpx.AsyncBaseTransport, trap: Trap, changed: Callable[[], None]
    ) -> None:
        self._inner = inner
        self._trap = trap
        self._changed = changed

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = json.loads(request.content)["path"].rpartition(":")[2]
        if self._trap.step == f"{name} sent" and not self._trap.sprung:
            await self._trap.spring()
        response = await self._inner.handle_async_request(request)
        if self._trap.step == f"{name} answered" and not self._trap.sprung:
            await response.aread()
            await self._trap.spring()
            if self._trap.cuts:
                raise httpx.ReadError("the answer was lost")
        if not request.url.path.endswith("/query"):
            self._changed()
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class CodexProcess:
    """Where one Codex lives, to be started as often as it is killed; a context manager.

    Args:
        kind: ``simulated`` or ``real``.
        folder: Where its home and its working folder are.
        script: What its model does.
        base_url: The model API of somebody else who plays the script.

    Attributes:
        cwd: Its working folder.
        base_url: Where its model API is.
        started: Hears of every process that is started; has its end be waited for at first.
    """

    def __init__(
        self, kind: str, folder: Path, script: Script, base_url: str | None = None
    ) -> None:
        self._kind = kind
        self._script = script
        self._home = folder / "home"
        self._written = folder / "script.json"
        self._stack = AsyncExitStack()
        self._ends: list[int] = []
        self.started: Callable[[int], None] = self.watch_end
        self._transport: StdioTransport | None = None
        self.base_url = base_url
        self.cwd = folder / "work"

    async def __aenter__(self) -> Self:
        if self.base_url is not None:
            return self
        self.cwd.mkdir(parents=True)
        os.mkfifo(self.cwd / "hold")
        self._written.write_text(dump_script(self._script), encoding="utf-8")
        self.base_url = "http://127.0.0.1:9/v1"
        if self._kind == "real":
            model = ResponsesServer(self._script, known_history=False)
            self.base_url = (await self._stack.enter_async_context(model)).base_url
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()
        self.check_gone()

    def command(self) -> AppServerCommand:
        """How it is started."""
        home = CodexHome.create(self._home, base_url=self.base_url or "")
        if self._kind == "real":
            return AppServerCommand(home.command(find_codex()), home.env, str(self.cwd))
        python, *rest = home.command(sys.executable)
        env = {**home.env, "CODEX_SIMULATED_SCRIPT": str(self._written)}
        return AppServerCommand((python, "-m", "codex_fakes.app_server", *rest), env, str(self.cwd))

    def opener(self, trap: Trap | None = None) -> Callable[[], Awaitable[WatchedWire]]:
        """Make what opens the transport to a new process.

        Args:
            trap: What is done, and when; it is killed at no step when left out.
        """
        watched = trap or self.killing(None)

        async def open_it() -> WatchedWire:
            self._transport = await StdioTransport.start(self.command())
            self.started(self._transport.pid)
            return WatchedWire(self._transport, watched)

        return open_it

    def killing(self, step: str | None) -> Trap:
        """Make what kills the process at a step."""

        async def kill() -> None:
            lasts = self._kind == "real" and step == "command running"
            with await _hold(self.cwd, running=lasts):
                os.kill(self.pid, signal.SIGKILL)

        return Trap(step, kill)

    @property
    def pid(self) -> int:
        """The process that was started last."""
        assert self._transport is not None
        return self._transport.pid

    def watch_end(self, pid: int) -> None:
        """Have the end of a process be waited for, whoever has started it."""
        with contextlib.suppress(ProcessLookupError):
            self._ends.append(os.pidfd_open(pid))

    def check_gone(self) -> None:
        """Check that no process is left that was started here."""
        for end in self._ends:
            ended, _, _ = select.select([end], [], [], PATIENCE)
            os.close(end)
            assert ended, "a Codex is left running"
        self._ends.clear()


async def _hold(cwd: Path, *, running: bool) -> contextlib.AbstractContextManager[Any]:
    """Wait until the command runs, if it is to; what is given lets it end when it is left."""
    if not running:
        return contextlib.nullcontext()
    # Opened for writing only once the command has opened it for reading.
    pipe = await asyncio.to_thread(os.open, cwd / "hold", os.O_WRONLY)
    return os.fdopen(pipe, "wb")
