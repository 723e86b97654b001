"""What the tests of the executable share: starting it, and talking to it in raw lines."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from codex_fakes.script.files import dump_script
from codex_runtime.app_server.binary import AppServerCommand
from codex_runtime.app_server.stdio import StdioTransport
from codex_runtime.app_server.websocket import WebSocketTransport
from support.dial import Dial

WAIT = 20.0
"""Seconds after which a process that should have ended has not."""


@dataclass
class Simulated:
    """Where a simulated codex is started: its home, its working folder, its environment."""

    folder: Path
    home: Path
    binary: Path
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def env(self):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CODEX", "OPENAI"))}
        return {**kept, "CODEX_HOME": str(self.home), **self.extra}

    def plays(self, played):
        """Have it play a script."""
        path = self.folder / "script.json"
        path.write_text(dump_script(played), encoding="utf-8")
        self.extra["CODEX_SIMULATED_SCRIPT"] = str(path)

    def run(self, *arguments, stdin=b""):
        """Run it to its end."""
        return subprocess.run(
            [self.binary, *arguments],
            input=stdin,
            capture_output=True,
            env=self.env,
            cwd=self.folder,
            timeout=WAIT,
            check=False,
        )

    def popen(self, *arguments):
        """Start it with pipes."""
        return subprocess.Popen(
            [self.binary, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env,
            cwd=self.folder,
        )

    @asynccontextmanager
    async def dialled(self, *arguments):
        """Start it on stdio, and connect a client of raw lines."""
        argv = (str(self.binary), *(arguments or ("app-server",)))
        transport = await StdioTransport.start(AppServerCommand(argv, self.env, str(self.folder)))
        dial = Dial(transport)
        dial.transport = transport
        try:
            yield dial
        finally:
            await dial.close()


@pytest.fixture
def simulated(tmp_path):
    """A simulated codex with an empty home, started by an executable file of its own.

    The file starts the module that the console script names, whether or not it is installed.
    """
    home = tmp_path / "home"
    home.mkdir()
    binary = tmp_path / "codex"
    binary.write_text(
        f"#!{sys.executable}\nfrom codex_fakes.app_server.__main__ import main\n\nmain()\n",
        encoding="utf-8",
    )
    binary.chmod(0o755)
    return Simulated(tmp_path, home, binary)


@pytest.fixture
def real(simulated):
    """The real codex, started in the same way."""
    codex_cli_bin = pytest.importorskip("codex_cli_bin")
    return Simulated(simulated.folder, simulated.home, codex_cli_bin.bundled_codex_path())


@pytest.fixture
def websocket_of():
    """Starts a simulated codex on a websocket, and connects a client of raw lines."""

    @asynccontextmanager
    async def start(simulated, *arguments, **options):
        async with _serving(simulated, *arguments) as (process, url):
            transport = await WebSocketTransport.open(url, **options)
            dial = Dial(transport)
            dial.transport, dial.process, dial.url = transport, process, url
            try:
                yield dial
            finally:
                await dial.close()

    return start


@pytest.fixture
def serving():
    """Starts a simulated codex on a websocket; gives its process and its URL."""
    return _serving


@asynccontextmanager
async def _serving(simulated, *arguments):
    process = await asyncio.create_subprocess_exec(
        simulated.binary,
        *("app-server", "--listen", "ws://127.0.0.1:0", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=simulated.env,
        cwd=simulated.folder,
    )
    try:
        async with asyncio.timeout(WAIT):
            async for raw in process.stderr:
                found = raw.decode().partition("listening on: ")[2].strip()
                if found:
                    break
        yield process, found
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(WAIT):
            await process.communicate()
