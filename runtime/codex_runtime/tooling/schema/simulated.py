"""Talks to a simulated app-server, the executable, and takes stock of what it plays.

May import the conversation; starts the executable as a child process. The runtime may not import
the fakes, so it meets the simulation as any client does: over its stdio. The invariant: every
method of the lock is asked for once, and put in exactly one class; the child never outlives the
call.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from codex_runtime.errors import AppServerError
from codex_runtime.protocol.framing import MAX_LINE_BYTES
from codex_runtime.protocol.lock.record import MethodKind
from codex_runtime.tooling.schema.messages import Conversation

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from codex_runtime.protocol.lock.record import Lock
    from codex_runtime.protocol.lock.validators import LockValidators

COMMAND: Final = "codex-simulated"
"""The console script."""

PATIENCE: Final = 60.0
"""Seconds the whole conversation may take."""

OUT_OF_SUBJECT: Final = "[E_FAKE_NOT_SIMULATED]"
UNKNOWN: Final = "unknown variant"


@dataclass
class Census:
    """What a simulated app-server does with each request of the lock.

    Attributes:
        simulated: It plays these, whatever it answers.
        out_of_subject: It says that it does not play these.
        unknown: It does not know these; a complete census has none.
        problems: What it said that the lock does not allow.
    """

    simulated: list[str] = field(default_factory=list)
    out_of_subject: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def find_simulated() -> Path | None:
    """Find the executable.

    Returns:
        The console script beside this Python, or on ``PATH``; ``None`` when it is not installed.
    """
    beside = Path(sys.executable).with_name(COMMAND)
    found = str(beside) if beside.exists() else shutil.which(COMMAND)
    return None if found is None else Path(found)


def take_census(
    command: Sequence[str], lock: Lock, validators: LockValidators, judged: Counter[str]
) -> Census:
    """Hold a conversation with a simulated app-server.

    Args:
        command: How it is started.
        lock: The lock.
        validators: The lock's validators.
        judged: Counts the messages that were judged, by method.

    Returns:
        What was found.

    Raises:
        AppServerError: ``E_APP_SERVER_START_FAILED`` or ``E_APP_SERVER_GONE`` when it ends too
            soon; ``E_APP_SERVER_REQUEST_TIMEOUT``.
    """
    return asyncio.run(_converse(command, lock, Conversation(validators, judged)))


async def _converse(command: Sequence[str], lock: Lock, conversation: Conversation) -> Census:
    with (
        tempfile.TemporaryDirectory(prefix="codex-census-") as home,
        tempfile.TemporaryFile() as stderr,
    ):
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                "app-server",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                cwd=home,
                env={**os.environ, "CODEX_HOME": home},
                limit=MAX_LINE_BYTES,
            )
        except OSError as error:
            raise AppServerError("E_APP_SERVER_START_FAILED", f"{command[0]}: {error}") from None
        client = _Client(process, conversation, Census())
        try:
            async with asyncio.timeout(PATIENCE):
                await client.play()
                await client.ask_for_everything(lock)
                client.writer.close()
                await process.wait()
        except TimeoutError:
            raise AppServerError(
                "E_APP_SERVER_REQUEST_TIMEOUT", f"{command[0]} did not answer in {PATIENCE:g} s"
            ) from None
        except (EOFError, ConnectionError):
            stderr.seek(0)
            said = stderr.read().decode(errors="replace").strip()
            raise AppServerError(
                "E_APP_SERVER_GONE",
                f"{command[0]} ended too soon: {said.splitlines()[-1] if said else 'no stderr'}",
                stderr=said,
            ) from None
        finally:
            # It has ended already, unless something went wrong.
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        return client.census


@dataclass
class _Client:
    """One conversation over stdio; every message goes past the judge."""

    process: asyncio.subprocess.Process
    conversation: Conversation
    census: Census
    asked: int = 0
    # The conversation is one task's: what arrives between answers is kept for who waits for it.
    heard: list[dict[str, Any]] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)

    @property
    def writer(self) -> asyncio.StreamWriter:
        if self.process.stdin is None:
            raise TypeError("the process has no stdin")
        return self.process.stdin

    async def play(self) -> None:
        """Go through a thread's life: what a host does every day."""
        info = {"name": "codex-runtime", "version": "0"}
        capabilities = {"experimentalApi": True}
        await self.ask("initialize", {"clientInfo": info, "capabilities": capabilities})
        self.say({"method": "initialized"})
        started = (await self.ask("thread/start", {})).get("result")
        if started is None:
            self.census.problems.append("the simulation starts no thread")
            return
        thread = {"threadId": started["thread"]["id"]}
        said = [{"type": "text", "text": "hello", "text_elements": []}]
        if "result" not in await self.ask("turn/start", {**thread, "input": said}):
            self.census.problems.append("the simulation starts no turn")
            return
        await self.notified("turn/completed")
        for method, params in (
            ("thread/read", {**thread, "includeTurns": True}),
            ("thread/turns/list", thread),
            ("thread/items/list", thread),
            ("thread/name/set", {**thread, "name": "census"}),
            ("thread/list", {}),
            ("thread/loaded/list", {}),
            ("thread/resume", thread),
        ):
            await self.ask(method, params)

    async def ask_for_everything(self, lock: Lock) -> None:
        """Ask for each method of the lock, and put it in its class."""
        for method in lock.methods[MethodKind.CLIENT_REQUEST]:
            if method.name in self.answered:
                self.census.simulated.append(method.name)
                continue
            answer = await self.ask(method.name, {})
            text = str(answer.get("error", {}).get("message", ""))
            if OUT_OF_SUBJECT in text:
                self.census.out_of_subject.append(method.name)
            elif UNKNOWN in text and f"`{method.name}`" in text.partition("expected")[0]:
                self.census.unknown.append(method.name)
            else:
                self.census.simulated.append(method.name)

    async def ask(self, method: str, params: Any) -> dict[str, Any]:
        self.asked += 1
        self.say({"id": self.asked, "method": method, "params": params})
        while True:
            message = await self.hear()
            if message.get("id") == self.asked and "method" not in message:
                if "result" in message:
                    self.answered.add(method)
                return message

    async def notified(self, method: str) -> None:
        while not any(message.get("method") == method for message in self.heard):
            await self.hear()

    def say(self, message: dict[str, Any]) -> None:
        self.census.problems += self.conversation.said("c2s", message)
        self.writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    async def hear(self) -> dict[str, Any]:
        if self.process.stdout is None:
            raise TypeError("the process has no stdout")
        line = await self.process.stdout.readline()
        if not line:
            raise EOFError
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        self.census.problems += self.conversation.said("s2c", message)
        if not isinstance(message, dict):
            return {}
        self.heard.append(message)
        return message
