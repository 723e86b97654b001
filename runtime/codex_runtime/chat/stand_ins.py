"""A simulated Codex and a Convex in memory for a chat without either, in processes of their own.

May import asyncio, the exceptions and the app-server's command. The runtime may not import the
fakes, so their console scripts are started. The invariants: they listen on the loopback interface
only; whatever happens to the chat, also when it is killed, they end with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import urllib.request
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from codex_runtime.chat.commands import ChatError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import IO

    from codex_runtime.persistence.live_reads.tokens import TokenProvider

CODEX: Final = "codex-simulated"
FAKES: Final = "codex-fakes"

START_SECONDS: Final = 30.0
"""How long the Convex in memory may take until it listens."""
STOP_SECONDS: Final = 10.0
"""How long it may take to end after SIGTERM."""
TOKEN_SECONDS: Final = 10.0
"""How long it may take to issue a token."""

_WATCHED: Final = '"$@" & child=$!; exec >&-; read -r _; kill "$child" 2>/dev/null; wait "$child"'
"""Runs a program until the input ends, as it does when whoever holds its other end is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIns:
    """What stands in for Codex and Convex.

    Attributes:
        codex_bin: The simulated Codex.
        codex_home: The folder it keeps its threads in.
        url: The deployment's URL.
        token: Gives a user's token.
    """

    codex_bin: Path
    codex_home: Path
    url: str
    token: TokenProvider


@asynccontextmanager
async def stand_ins(folder: Path | None, user_id: str) -> AsyncIterator[StandIns]:
    """Start what stands in for Codex and Convex, and end it.

    Args:
        folder: Where both keep their state, so that another chat goes on with it; ``None`` for a
            folder that lasts as long as they do.
        user_id: Who the tokens are of.

    Yields:
        What is needed to use them.

    Raises:
        ChatError: ``E_CHAT_FAKE_MISSING``, ``E_CHAT_FAKE_FAILED`` or ``E_CHAT_STATE_UNWRITABLE``.
    """
    codex_bin, fakes = _script(CODEX), _script(FAKES)
    with contextlib.ExitStack() as stack:
        home = _state_folder(folder, stack)
        said = stack.enter_context(tempfile.TemporaryFile())
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            _WATCHED,
            "sh",
            str(fakes),
            "convex",
            "--codex",
            "--control",
            "--state",
            str(home / "convex-state"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=said,
            # Of its own, so that a Ctrl-C in the terminal is for the chat alone.
            start_new_session=True,
        )
        try:
            url = await _url_of(process, said)
            yield StandIns(
                codex_bin=codex_bin,
                codex_home=home / "codex-home",
                url=url,
                token=_tokens(url, user_id),
            )
        finally:
            await _end(process)


def _script(name: str) -> Path:
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise ChatError(
            "E_CHAT_FAKE_MISSING", f"There is no {name} beside this Python, nor on PATH."
        )
    return Path(found)


def _state_folder(folder: Path | None, stack: contextlib.ExitStack) -> Path:
    if folder is None:
        made = tempfile.TemporaryDirectory(prefix="codex-chat-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(made))
    home = folder.absolute()
    try:
        (home / "codex-home").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ChatError(
            "E_CHAT_STATE_UNWRITABLE", f"{folder} cannot keep the state: {error.strerror}."
        ) from None
    return home


async def _url_of(process: asyncio.subprocess.Process, said: IO[bytes]) -> str:
    """Wait until the Convex in memory listens; it then says its URL and its admin key."""
    out = process.stdout
    assert out is not None  # noqa: S101 - it was asked for
    try:
        async with asyncio.timeout(START_SECONDS):
            url, key = [(await out.readline()).decode().strip() for _ in range(2)]
    except TimeoutError:
        raise ChatError(
            "E_CHAT_FAKE_FAILED", f"{FAKES} did not listen within {START_SECONDS:g} s."
        ) from None
    if not key:
        said.seek(0)
        lines = said.read().decode(errors="replace").split("\n")
        told = [line.strip() for line in lines if line.strip()] or ["it said nothing"]
        # Of a traceback the last line says what it is; of anything else the first one does.
        line = next((one for one in reversed(told) if "Error: " in one), told[0])
        raise ChatError("E_CHAT_FAKE_FAILED", f"{FAKES} did not start: {line}")
    return url


def _tokens(url: str, user_id: str) -> TokenProvider:
    def issued() -> str:
        body = json.dumps({"subject": user_id}).encode()
        # The loopback interface is never reached through a proxy.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{url}/_fake/token", body, timeout=TOKEN_SECONDS) as answer:
            return str(json.load(answer)["token"])

    async def token(*, force_refresh: bool) -> str:
        del force_refresh  # each one is new
        return await asyncio.to_thread(issued)

    return token


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None  # noqa: S101 - it was asked for
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
