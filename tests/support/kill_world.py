"""A Codex, real or simulated, in a process of its own, and the steps of a turn at which to kill.

A step is something that goes over the wire, by name. Whoever watches for it acts at the moment it
is seen; what Codex would do next waits for something that does not come, so that where it is killed
is never a matter of time.
"""

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

from codex_fakes.responses.codex_home import CodexHome
from codex_fakes.responses.server import ResponsesServer
from codex_fakes.script import Response, Run, Say, Script, Wait
from codex_fakes.script.files import dump_script
from codex_runtime.app_server import AppServerCommand, StdioTransport, find_codex

FIRST, AGAIN = "Look at it.", "And again?"
"""What the user says before the crash, and after it."""
LOOKING, SEEN, MORE = ("I will", " look."), "It is there.", "Yes."
"""What the model says: streamed, after its command, and to what is said after the crash."""
ENDLESS_MS = 600_000
PATIENCE = 20.0
"""Seconds after which something counts as not coming."""
KINDS = ("simulated", "real")

Message = dict[str, Any]
Seen = Callable[[str, Message], bool]


def _is(method: str, **of_item: Any) -> Seen:
    def seen(asked: str, message: Message) -> bool:
        item = (message.get("params") or {}).get("item") or {}
        return message.get("method") == method and of_item.items() <= item.items()

    return seen


def _answer_to(method: str) -> Seen:
    return lambda asked, message: asked == method and "method" not in message


_APPROVAL = "item/commandExecution/requestApproval"

STEPS: dict[str, tuple[str, Seen]] = {
    "turn/start written": ("sent", _is("turn/start")),
    "turn/start answered": ("heard", _answer_to("turn/start")),
    "turn/started": ("heard", _is("turn/started")),
    "user message completed": ("heard", _is("item/completed", type="userMessage")),
    "first delta": ("heard", _is("item/agentMessage/delta")),
    "item completed": ("heard", _is("item/completed", type="agentMessage")),
    "approval pending": ("heard", _is(_APPROVAL)),
    "approval answered": ("sent", _answer_to(_APPROVAL)),
    "command running": ("heard", _is("serverRequest/resolved")),
    "command completed": ("heard", _is("item/completed", type="commandExecution")),
    "last item completed": ("heard", _is("item/completed", type="agentMessage", text=SEEN)),
    "turn/completed": ("heard", _is("turn/completed")),
}
"""The steps of a turn, in order: in which direction each is seen, and what it is."""


def script_until(step: str | None) -> Script:
    """What the model does: a turn, held where it is to be killed, and another one after it."""
    first, rest = LOOKING
    held = (Wait(gate="never opened"),) if step == "first delta" else ()
    lasts = step == "command running"
    command = Run(
        command="cat hold" if lasts else "echo done",
        output="done\n",
        duration_ms=ENDLESS_MS if lasts else 0,
        escalate="to see it",
    )
    say = (Say(text=first, left_open=True), *held, Say(text=rest))
    return Script(
        responses=(
            Response(steps=(*say, command), when=FIRST),
            Response(steps=(Say(text=SEEN),), when=FIRST),
            Response(steps=(Say(text=MORE),), when=AGAIN),
        )
    )


class Watched:
    """A transport that tells of a step at the moment it is seen, and of every message.

    Args:
        inner: The transport.
        step: Which step.
        act: What is done then.
    """

    def __init__(
        self, inner: StdioTransport, step: str | None, act: Callable[[], Awaitable[None]]
    ) -> None:
        self._inner = inner
        self._side, self._seen = STEPS[step] if step else ("", None)
        self._act = act
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
            if side == self._side and self._seen is not None and self._seen(asked, message):
                self._seen = None
                await self._act()


class CodexProcess:
    """Where one Codex lives, to be started as often as it is killed; a context manager.

    Args:
        kind: ``simulated`` or ``real``.
        folder: Where its home and its working folder are made.
        script: What its model does.
    """

    def __init__(self, kind: str, folder: Path, script: Script) -> None:
        self._kind = kind
        self._script = script
        self._home = folder / "home"
        self.cwd = folder / "work"
        self._stack = AsyncExitStack()
        self._base_url = "http://127.0.0.1:9/v1"
        self._written = folder / "script.json"
        self._ends: list[int] = []
        self.transport: StdioTransport | None = None

    async def __aenter__(self) -> Self:
        self.cwd.mkdir(parents=True)
        os.mkfifo(self.cwd / "hold")
        if self._kind == "real":
            model = ResponsesServer(self._script, known_history=False)
            self._base_url = (await self._stack.enter_async_context(model)).base_url
        else:
            self._written.write_text(dump_script(self._script), encoding="utf-8")
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()
        self.check_gone()

    def command(self) -> AppServerCommand:
        """How it is started."""
        home = CodexHome.create(self._home, base_url=self._base_url)
        if self._kind == "real":
            return AppServerCommand(home.command(find_codex()), home.env, str(self.cwd))
        python, *rest = home.command(sys.executable)
        env = {**home.env, "CODEX_SIMULATED_SCRIPT": str(self._written)}
        return AppServerCommand((python, "-m", "codex_fakes.app_server", *rest), env, str(self.cwd))

    def opener(self, step: str | None = None) -> Callable[[], Awaitable[Watched]]:
        """Make what opens the transport to a new process, which is killed at a step."""

        async def open_it() -> Watched:
            self.transport = await StdioTransport.start(self.command())
            self._ends.append(os.pidfd_open(self.transport.pid))
            return Watched(self.transport, step, lambda: self.kill_at(step))

        return open_it

    async def kill_at(self, step: str | None) -> None:
        """Kill it, at a step that has just been seen."""
        assert self.transport is not None
        with await hold(self.cwd, running=self._kind == "real" and step == "command running"):
            os.kill(self.transport.pid, signal.SIGKILL)

    def check_gone(self) -> None:
        """Check that no process is left that was started here."""
        for end in self._ends:
            ended, _, _ = select.select([end], [], [], PATIENCE)
            os.close(end)
            assert ended, "a Codex is left running"
        self._ends.clear()


async def hold(cwd: Path, *, running: bool) -> Any:
    """Wait until the command runs, if it is to; what is given lets it end when it is left."""
    if not running:
        return contextlib.nullcontext()
    # Opened for writing only once the command has opened it for reading.
    pipe = await asyncio.to_thread(os.open, cwd / "hold", os.O_WRONLY)
    return os.fdopen(pipe, "wb")
