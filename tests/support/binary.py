"""Playing a client's program to the real binary, and writing both directions down."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import subprocess

from codex_cli_bin import bundled_codex_path

from codex_fakes.responses.codex_home import PROVIDER, CodexHome, CodexSettings
from codex_fakes.responses.server import ResponsesServer
from support.dial import Dial


class Pipes:
    """The stdio of a process as a transport."""

    def __init__(self, process):
        self._process = process

    async def send(self, data):
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    async def receive(self):
        return await self._process.stdout.read(1 << 16)


class Recorder(Dial):
    """A client that writes both directions down."""

    def __init__(self, transport, places):
        self.rows = []
        self._places = places
        super().__init__(transport)

    def heard(self, message):
        self.rows.append({"dir": "s2c", "msg": self._nameless(message)})

    async def send(self, message):
        self.rows.append({"dir": "c2s", "msg": self._nameless(message)})
        await super().send(message)

    def _nameless(self, message):
        text = json.dumps(message)
        for path, name in self._places:
            text = text.replace(str(path), name)
        return json.loads(text)


async def record(script, program, tmp_path, **settings):
    """Play a program to the real binary; give the rows of the recording."""
    cwd, user = tmp_path / "cwd", tmp_path / "user"
    cwd.mkdir()
    user.mkdir()
    async with ResponsesServer(script, known_history=False) as model:
        home = CodexHome.create(
            tmp_path / "codex", base_url=model.base_url, settings=CodexSettings(**settings)
        )
        # Without the user's dot files, a login shell prints nothing of its own.
        process = await asyncio.create_subprocess_exec(
            *home.command(bundled_codex_path()),
            env={**home.env, "HOME": str(user)},
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        places = ((home.path, "<CODEX_HOME>"), (cwd, "<CWD>"), (model.base_url, "<MODEL>"))
        client = Recorder(Pipes(process), places)
        try:
            await client.hello()
            await program(client)
        finally:
            process.stdin.close()
            await asyncio.wait_for(process.wait(), 20)
            await client.until_closed()
    return client.rows


def machine_of(rows):
    """The settings that say what kind of machine the real binary ran on."""
    agent = next(row["msg"]["result"]["userAgent"] for row in rows if "result" in row["msg"])
    host, terminal = re.match(r".*?\((.*?)\) (\S+) \(", agent).groups()
    return {
        "user_agent_host": host,
        "user_agent_terminal": terminal,
        "server_name": socket.gethostname(),
        "bubblewrap_warning": shutil.which("bwrap") is None,
        "model_provider": PROVIDER,
        "provider_url": "<MODEL>",
    }


RUNS = 4
"""How often the real binary may be asked; two runs of its own may differ, and that is none."""


async def agree_once(attempt, tmp_path):
    """Attempt a comparison until one run of the real binary agrees.

    Args:
        attempt: Given a folder of its own, compares one run; gives the differences.
        tmp_path: Where the folders are made.
    """
    last = []
    for number in range(RUNS):
        folder = tmp_path / f"run{number}"
        (folder / "home").mkdir(parents=True)
        (folder / "work").mkdir()
        try:
            last = await attempt(folder)
        except (AssertionError, TimeoutError) as error:
            last = [f"{type(error).__name__}: {error}"]
        if not last:
            return
    raise AssertionError(f"every one of {RUNS} runs differs:\n" + "\n".join(last[:20]))
