"""The host runtime: the way of a delta until it is acknowledged, what it costs, what it holds.

The plain connection, the runtime and the runtime that keeps everything in a Convex each drive a
real binary of their own, whose scripted model is another process; the Convex is one, too.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Self

from codex_cli_bin import bundled_codex_path

from benchmarks.codexes import DELTAS, told
from benchmarks.ingest import MESSAGES, THREAD, TURN, chunks, official_sdk, stream
from benchmarks.measure import Row, best_seconds
from benchmarks.memory import HELLO, resident
from codex_fakes.convex.wire.process import ConvexProcess
from codex_fakes.responses import CodexHome
from codex_fakes.script import Response, Script
from codex_fakes.script.files import dump_script
from codex_runtime.app_server import (
    AppServerCommand,
    AppServerConnection,
    StdioTransport,
    requests,
)
from codex_runtime.app_server.memory import MemoryTransport, memory_pair
from codex_runtime.contract.actors import Actor
from codex_runtime.host.facade import CodexHostRuntime
from codex_runtime.host.runtime import HostHandlers, create_codex_host_runtime
from codex_runtime.persistence.codex_only import CodexOnlyPersistence
from codex_runtime.persistence.convex_adapter import ConvexPersistence
from codex_runtime.persistence.convex_http import ConvexHttp
from codex_runtime.persistence.host_client import HostClient
from codex_runtime.persistence.port import HostPersistence

ROUNDS = 8
WARM, LASTING = 20_000, 100_000
OVERHEAD_LIMIT = 0.10
ACKNOWLEDGED_LIMIT = 0.5
"""Of the SDK's speed, whose way ends in a queue: here each event is written down and kept, too."""

Turn = Callable[[], Awaitable[None]]


class Told:
    """An app-server in this process that says what it is told to, and a runtime that listens."""

    def __init__(self) -> None:
        self._ours, self._theirs = memory_pair()
        self.runtime = create_codex_host_runtime(
            opener=self._open, persistence=CodexOnlyPersistence()
        )

    async def _open(self) -> MemoryTransport:
        return self._ours

    async def start(self) -> None:
        """Connect the runtime, and have it open the thread that the deltas are of."""
        connecting = asyncio.create_task(self.runtime.connect(actor=Actor(user_id="u")))
        await self._answer(HELLO)
        await self._theirs.receive()
        await connecting
        opening = asyncio.create_task(self.runtime.open_thread("start"))
        await self._answer(OPENED)
        await opening

    async def _answer(self, result: object) -> None:
        asked = json.loads((await self._theirs.receive()).splitlines()[-1])
        await self._theirs.send(json.dumps({"id": asked["id"], "result": result}).encode() + b"\n")

    async def say(self, parts: list[bytes]) -> None:
        """Say a turn with these deltas in it; it is over when everything is acknowledged."""
        before = self._taken()
        await self._theirs.send(notice("turn/started", "inProgress"))
        for part in parts:
            await self._theirs.send(part)
        await self._theirs.send(notice("turn/completed", "completed"))
        while not at_rest(self.runtime, before + 1):
            await self._moved()

    def _taken(self) -> int:
        return self.runtime.get_state().ingest_metrics.enqueued_event_count

    async def _moved(self) -> None:
        """Let the runtime go on: what it does from here on takes no time but its own."""
        await asyncio.sleep(0)


OPENED = {
    "thread": {"id": THREAD, "turns": [], "status": {"type": "idle"}},
    "model": "m",
    "modelProvider": "p",
    "cwd": "/",
    "approvalPolicy": "never",
    "approvalsReviewer": "user",
    "sandbox": {"type": "readOnly"},
}
"""As much of the answer to ``thread/start`` as a client needs."""


def notice(method: str, status: str) -> bytes:
    """The beginning or the end of the turn."""
    turn = {"id": TURN, "items": [], "status": status, "error": None}
    return (
        json.dumps({"method": method, "params": {"threadId": THREAD, "turn": turn}}).encode()
        + b"\n"
    )


def until_acknowledged() -> Iterator[Row]:
    """From bytes to acknowledged events, beside the official SDK's whole path."""
    data = stream()
    parts, text = chunks(data), [line.decode() for line in data.splitlines()]
    with asyncio.Runner() as loop:
        told_by = Told()
        loop.run(told_by.start())
        ours, sdk = best_seconds(lambda: loop.run(told_by.say(parts)), lambda: official_sdk(text))
        loop.run(told_by.runtime.stop())
    yield Row(
        "runtime: bytes in -> delta queued -> acknowledged",
        f"{MESSAGES / ours:>11,.0f} /s",
        f"{sdk / ours:.2f} x SDK, which keeps nothing",
        f">= {ACKNOWLEDGED_LIMIT} x SDK",
        sdk / ours >= ACKNOWLEDGED_LIMIT,
    )


async def lasting() -> tuple[int, int]:
    """Resident bytes after the first events and after all of them."""
    told_by = Told()
    await told_by.start()
    parts = chunks(stream(WARM))
    warm = 0
    for _ in range(LASTING // WARM):
        await told_by.say(parts)
        warm = warm or resident()
    after = resident()
    await told_by.runtime.stop()
    return warm, after


class Binary:
    """The real binary with a scripted model, ready to be connected to; a context manager.

    Args:
        folder: Where homes are made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        said = told().responses[0].steps
        played = self._folder / "script.json"
        repeated = Script(responses=(Response(steps=said, repeat=True),))
        played.write_text(dump_script(repeated), encoding="utf-8")
        self._model = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.codexes", str(played)], stdout=subprocess.PIPE
        )
        assert self._model.stdout is not None
        self._base_url = self._model.stdout.readline().decode().strip()
        return self

    def __exit__(self, *error: object) -> None:
        self._model.terminate()
        self._model.communicate(timeout=60)

    async def open(self) -> StdioTransport:
        """Start it on a home of its own."""
        home = CodexHome.create(
            Path(tempfile.mkdtemp(dir=self._folder)) / "home", base_url=self._base_url
        )
        argv = home.command(bundled_codex_path())
        return await StdioTransport.start(AppServerCommand(argv, home.env, str(self._folder)))


@asynccontextmanager
async def plain_turns(binary: Binary) -> AsyncIterator[Turn]:
    """Turns through a connection whose events nobody looks at."""
    async with AppServerConnection(binary.open) as server:
        opened = await server.call(requests.thread_start())
        batches = server.event_batches()

        async def turn() -> None:
            await server.call(requests.turn_start_text(opened.thread.id, "go"))
            async for batch in batches:
                if any(getattr(event, "method", "") == "turn/completed" for event in batch):
                    return

        yield turn


@asynccontextmanager
async def kept_turns(binary: Binary, persistence: HostPersistence) -> AsyncIterator[Turn]:
    """Turns through the runtime; each is over when everything of it is acknowledged."""
    ended = asyncio.Event()
    runtime = create_codex_host_runtime(
        opener=binary.open,
        persistence=persistence,
        handlers=HostHandlers(on_state=lambda _: ended.set(), on_event=lambda _: None),
    )

    async def turn() -> None:
        before = runtime.get_state().ingest_metrics.enqueued_event_count
        await runtime.send_turn("go")
        while not at_rest(runtime, before + DELTAS):
            ended.clear()
            waiting = asyncio.ensure_future(ended.wait())
            await asyncio.wait({waiting}, timeout=0.001)
            waiting.cancel()

    async with runtime:
        await runtime.connect(actor=Actor(user_id="u"))
        await runtime.open_thread("start")
        yield turn


def at_rest(runtime: CodexHostRuntime, taken: int) -> bool:
    """Whether a turn has ended, and everything of it is acknowledged."""
    state = runtime.get_state()
    metrics = state.ingest_metrics
    return (
        not state.turn_in_flight
        and metrics.enqueued_event_count >= taken
        and not metrics.waiting_event_count
    )


async def best_turns(*turns: Turn) -> list[float]:
    """Time turns one after the other, in rounds; the least time of each, in seconds."""
    best = [float("inf")] * len(turns)
    for number in range(ROUNDS + 1):
        for place, turn in enumerate(turns):
            begin = time.perf_counter()
            await turn()
            # The first turn warms everything up.
            if number:
                best[place] = min(best[place], time.perf_counter() - begin)
    return best


async def overheads(folder: Path) -> list[float]:
    """A turn of the real binary through a plain connection, the runtime, and into a Convex."""
    async with AsyncExitStack() as stack:
        binary = stack.enter_context(Binary(folder))
        convex = stack.enter_context(ConvexProcess("codex_fakes.component.deployed:app"))
        http = ConvexHttp(convex.url, token=convex.token("u"))
        stack.push_async_callback(http.aclose)
        kept = ConvexPersistence(HostClient(http), outbox=True)
        return await best_turns(
            await stack.enter_async_context(plain_turns(binary)),
            await stack.enter_async_context(kept_turns(binary, CodexOnlyPersistence())),
            await stack.enter_async_context(kept_turns(binary, kept)),
        )


def overhead() -> Iterator[Row]:
    """What the runtime adds to a turn of the real binary."""
    folder = Path(tempfile.mkdtemp(prefix="host-"))
    try:
        plain, runtime, kept = asyncio.run(overheads(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    what = f"real binary, a turn of {DELTAS:,} deltas"
    yield Row(f"{what}: plain connection", f"{plain * 1000:.1f} ms")
    added = runtime / plain - 1
    yield Row(
        "the same through the runtime, acknowledged",
        f"{runtime * 1000:.1f} ms",
        f"{added:+.1%}",
        f"<= +{OVERHEAD_LIMIT:.0%}",
        added <= OVERHEAD_LIMIT,
    )
    yield Row(
        "the same, kept in a fake Convex of its own process",
        f"{kept * 1000:.1f} ms",
        f"{kept / plain - 1:+.1%}",
    )


def rows() -> Iterator[Row]:
    """The lines of the table."""
    yield from until_acknowledged()
    yield from overhead()
    warm, after = asyncio.run(lasting())
    grown = (after - warm) / warm
    yield Row(
        f"memory of a runtime, {WARM:,} -> {LASTING:,} events",
        f"{warm / 2**20:.1f} -> {after / 2**20:.1f} MiB",
        f"{grown:+.1%}",
        "flat: <= +5 %",
        grown <= 0.05,
    )
