"""The simulated codex against the real binary: how soon it answers, how fast it streams.

Each is timed on a fresh home and with the same client, which reads bytes and looks for one message.
The real binary's model is the scripted one, in a process of its own.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from codex_cli_bin import bundled_codex_path

from benchmarks.measure import Row
from codex_fakes.app_server import SimulatedAppServer
from codex_fakes.responses import CodexHome
from codex_fakes.script import Response, Say, Script, script
from codex_fakes.script.files import dump_script

ROUNDS = 8
DELTAS = 2_000
WARM, MESSAGES = 20_000, 100_000
STARTUP_LIMIT, INSIDE_MS_LIMIT, IN_PROCESS_LIMIT = 0.6, 2.0, 5.0
HELLO = {"clientInfo": {"name": "bench", "version": "1"}, "capabilities": {"experimentalApi": True}}


def line(request_id: int, method: str, params: object) -> bytes:
    """A request of the client."""
    return json.dumps({"id": request_id, "method": method, "params": params}).encode() + b"\n"


def turn_line(request_id: int, thread: str) -> bytes:
    """A request for a turn."""
    text = [{"type": "text", "text": "go"}]
    return line(request_id, "turn/start", {"threadId": thread, "input": text})


def told() -> Script:
    """One response in as many deltas, as often as it is asked for."""
    steps = script(Say(text=[f" word{number}" for number in range(DELTAS)])).responses[0].steps
    return script(*(steps for _ in range(ROUNDS + 1)))


class Process:
    """An app-server on pipes."""

    def __init__(self, argv: tuple[str, ...], env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
        )
        self._rest = b""

    def send(self, data: bytes) -> None:
        """Write a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def until(self, sign: bytes) -> bytes:
        """Read until a line has this in it; returns the line."""
        assert self._process.stdout is not None
        while True:
            *lines, self._rest = self._rest.split(b"\n")
            for each in lines:
                if sign in each:
                    return each
            data = os.read(self._process.stdout.fileno(), 1 << 16)
            assert data, "the app-server has ended"
            self._rest += data

    def resident(self) -> int:
        """Bytes that it holds."""
        rss: int = psutil.Process(self._process.pid).memory_info().rss
        return rss

    def end(self) -> None:
        """Close its stdin and wait for it."""
        self._process.communicate(timeout=60)


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of an app-server with this home."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CODEX", "OPENAI"))}
    return {**kept, "CODEX_HOME": str(home), **more}


def simulated_command() -> tuple[str, ...]:
    """The installed console script, or what it starts."""
    script_file = Path(sys.executable).parent / "codex-simulated"
    if script_file.exists():
        return (str(script_file), "app-server")
    return (sys.executable, "-m", "codex_fakes.app_server", "app-server")


def seconds_to_hello(argv: tuple[str, ...], folder: Path) -> float:
    """From the start of a process with a fresh home to its answer to initialize."""
    home = Path(tempfile.mkdtemp(dir=folder))
    begin = time.perf_counter()
    process = Process(argv, environment(home))
    process.send(line(1, "initialize", HELLO))
    process.until(b'"userAgent"')
    seconds = time.perf_counter() - begin
    process.end()
    return seconds


def start_ups(folder: Path) -> Iterator[Row]:
    """How soon they answer; medians, because a start is at the mercy of the disk."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(seconds_to_hello(simulated_command(), folder))
        theirs.append(seconds_to_hello((str(bundled_codex_path()), "app-server"), folder))
    simulated, real = median(ours), median(theirs)
    yield Row("codex app-server: spawn -> initialized, fresh home", f"{real * 1000:.0f} ms")
    yield Row(
        "codex-simulated: spawn -> initialized, fresh home",
        f"{simulated * 1000:.0f} ms",
        f"{simulated / real:.2f} x the real binary",
        f"<= {STARTUP_LIMIT} x",
        simulated / real <= STARTUP_LIMIT,
    )
    inside = median([asyncio.run(seconds_to_hello_inside(folder)) for _ in range(ROUNDS)])
    yield Row(
        "the same in-process: new -> initialized",
        f"{inside * 1000:.2f} ms",
        "",
        f"<= {INSIDE_MS_LIMIT:.0f} ms",
        inside * 1000 <= INSIDE_MS_LIMIT,
    )


async def seconds_to_hello_inside(folder: Path) -> float:
    """From a new simulated app-server in this process to its answer to initialize."""
    home = Path(tempfile.mkdtemp(dir=folder))
    played = script(otherwise="echo")
    begin = time.perf_counter()
    async with SimulatedAppServer(played, home=home) as server:
        client = server.connect()
        await client.send(line(1, "initialize", HELLO))
        await client.receive()
        return time.perf_counter() - begin


def median(values: list[float]) -> float:
    """The middle one of some values."""
    return sorted(values)[len(values) // 2]


def seconds_of_turns(process: Process, folder: Path) -> float:
    """The best time from a request for a turn to its end, on one thread, warmed up."""
    process.send(line(1, "initialize", HELLO))
    process.until(b'"userAgent"')
    process.send(line(2, "thread/start", {"cwd": str(folder)}))
    thread = json.loads(process.until(b'"id":2'))["result"]["thread"]["id"]
    best = float("inf")
    for number in range(ROUNDS):
        begin = time.perf_counter()
        process.send(turn_line(number + 3, thread))
        process.until(b'"turn/completed"')
        best = min(best, time.perf_counter() - begin)
    process.end()
    return best


def simulated_stream(folder: Path) -> float:
    """The simulated executable."""
    home, played = folder / "simulated", folder / "script.json"
    home.mkdir()
    played.write_text(dump_script(told()), encoding="utf-8")
    env = environment(home, CODEX_SIMULATED_SCRIPT=str(played))
    return seconds_of_turns(Process(simulated_command(), env), folder)


def real_stream(folder: Path) -> float:
    """The real binary, with a scripted model in another process."""
    played = folder / "script.json"
    model = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.codexes", str(played)], stdout=subprocess.PIPE
    )
    assert model.stdout is not None
    try:
        base_url = model.stdout.readline().decode().strip()
        home = CodexHome.create(folder / "real", base_url=base_url)
        process = Process(home.command(bundled_codex_path()), dict(home.env))
        return seconds_of_turns(process, folder)
    finally:
        model.terminate()
        model.communicate(timeout=60)


async def in_process_stream(folder: Path) -> float:
    """The simulated app-server in this process."""
    home = folder / "in-process"
    home.mkdir()
    best = float("inf")
    async with SimulatedAppServer(told(), home=home) as server:
        client = server.connect()

        async def until(sign: bytes) -> bytes:
            # What belongs to one request comes at once; nothing of the next is read before it.
            rest = b""
            while True:
                rest += await client.receive()
                for each in rest.split(b"\n")[:-1]:
                    if sign in each:
                        return each

        await client.send(line(1, "initialize", HELLO))
        await until(b'"remoteControl/')
        await client.send(line(2, "thread/start", {"cwd": str(folder)}))
        thread = json.loads(await until(b'"id":2'))["result"]["thread"]["id"]
        for number in range(ROUNDS):
            begin = time.perf_counter()
            await client.send(turn_line(number + 3, thread))
            await until(b'"turn/completed"')
            best = min(best, time.perf_counter() - begin)
    return best


def streams(folder: Path) -> Iterator[Row]:
    """How fast they stream."""
    executable, real = simulated_stream(folder), real_stream(folder)
    gc.collect()
    inside = asyncio.run(in_process_stream(folder))

    def shown(seconds: float) -> str:
        return f"{seconds * 1000:.1f} ms"

    yield Row(f"codex app-server: a turn of {DELTAS:,} deltas", shown(real))
    yield Row(
        "the same, codex-simulated",
        shown(executable),
        f"{real / executable:.1f} x the real binary",
        ">= 1 x",
        executable <= real,
    )
    yield Row(
        "the same, in-process",
        shown(inside),
        f"{real / inside:.1f} x the real binary",
        f">= {IN_PROCESS_LIMIT:.0f} x",
        real / inside >= IN_PROCESS_LIMIT,
    )


def memory(folder: Path) -> Iterator[Row]:
    """Whether the simulated executable stays as large as it is while it says a lot."""
    home, played = folder / "lasting", folder / "lasting.json"
    home.mkdir()
    said = told().responses[0].steps
    script_of_one = Script(responses=(Response(steps=said, repeat=True),))
    played.write_text(dump_script(script_of_one), encoding="utf-8")
    env = environment(home, CODEX_SIMULATED_SCRIPT=str(played))
    process = Process(simulated_command(), env)
    process.send(line(1, "initialize", HELLO))
    process.until(b'"userAgent"')
    process.send(line(2, "thread/start", {"cwd": str(folder)}))
    thread = json.loads(process.until(b'"id":2'))["result"]["thread"]["id"]
    warm = 0
    for number in range(MESSAGES // DELTAS):
        process.send(turn_line(number + 3, thread))
        process.until(b'"turn/completed"')
        if (number + 1) * DELTAS == WARM:
            warm = process.resident()
    after = process.resident()
    process.end()
    grown = (after - warm) / warm
    yield Row(
        f"memory of codex-simulated, {WARM:,} -> {MESSAGES:,} messages",
        f"{warm / 2**20:.1f} -> {after / 2**20:.1f} MiB",
        f"{grown:+.1%}",
        "flat: <= +5 %",
        grown <= 0.05,
    )


def rows() -> Iterator[Row]:
    """The lines of the table."""
    folder = Path(tempfile.mkdtemp(prefix="codexes-"))
    try:
        yield from start_ups(folder)
        yield from streams(folder)
        yield from memory(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def serve_model(path: str) -> None:
    """Serve the scripted model until SIGTERM; what the real binary asks."""
    from codex_fakes.cli import cli

    cli(["responses", "--script", path])


if __name__ == "__main__":
    serve_model(sys.argv[1])
