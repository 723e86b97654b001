"""A thread that one app-server wrote is read, and gone on with, by the other one."""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import asynccontextmanager

import pytest
from codex_cli_bin import bundled_codex_path

from codex_fakes.app_server import SimulatedAppServer, SimulatedSettings
from codex_fakes.responses.codex_home import PROVIDER, CodexHome, CodexSettings
from codex_fakes.responses.server import ResponsesServer
from codex_fakes.script import FailHttp, Patch, Response, Run, Say, Script, Think
from support.binary import Pipes
from support.dial import Dial

pytestmark = [pytest.mark.anyio, pytest.mark.real]

ADD = "*** Begin Patch\n*** Add File: new.txt\n+line\n*** End Patch\n"
STEPS = (
    (Think(summary=("part one", "part two")), Say(text="said", phase="final_answer")),
    (Run(command="sleep 0.3; echo hi", output="hi\n", duration_ms=300),),
    (Patch(patch=ADD),),
    (Say(text="done"),),
    (Say(text="the review"),),
    (FailHttp(status=400, message="no"),),
)
ANSWERS = Script(responses=tuple(Response(steps=steps) for steps in STEPS))
ECHO = Script(otherwise="echo")
SETTINGS = {"effort": "high", "summary": "concise", "approvalPolicy": "never"}
UNSTABLE = {"durationMs", "startedAt", "completedAt", "processId", "id", "rootTurnId"}


@asynccontextmanager
async def real(script, folder):
    """The real binary on a home."""
    (folder / "work").mkdir(exist_ok=True, parents=True)
    async with ResponsesServer(script, known_history=False) as model:
        home = CodexHome.create(
            folder / "home", base_url=model.base_url, settings=CodexSettings(strict=False)
        )
        process = await asyncio.create_subprocess_exec(
            *home.command(bundled_codex_path()),
            env=dict(home.env),
            cwd=folder / "work",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        dial = Dial(Pipes(process))
        try:
            await dial.hello()
            yield dial
        finally:
            process.stdin.close()
            await asyncio.wait_for(process.wait(), 20)
            await dial.until_closed()


@asynccontextmanager
async def simulated(script, folder):
    """The simulation on a home."""
    for name in ("home", "work"):
        (folder / name).mkdir(exist_ok=True, parents=True)
    settings = SimulatedSettings(cwd=str(folder / "work"), model_provider=PROVIDER)
    async with SimulatedAppServer(script, home=folder / "home", settings=settings) as server:
        dial = Dial(server.connect())
        await dial.hello()
        yield dial
        await dial.close()


SERVERS = {"real": real, "simulated": simulated}


async def write(dial, mode):
    """Fill a thread with turns of several kinds; give its id."""
    thread = await dial.thread(historyMode=mode)
    await dial.turn(thread, "first", **SETTINGS)
    await dial.notified("turn/completed", 1)
    await dial.turn(thread, "second")
    await dial.notified("turn/completed", 2)
    target = {"type": "custom", "instructions": "look at it"}
    await dial.ask("review", "review/start", {"threadId": thread, "target": target})
    await dial.notified("turn/completed", 3)
    await dial.turn(thread, "third")
    await dial.notified("turn/completed", 4)
    return thread


async def read(dial, thread):
    """Read a thread back as both have to see it."""
    # The real server reads what it did not write itself only when the thread is resumed.
    resumed = await dial.ask("resume", "thread/resume", {"threadId": thread, "excludeTurns": True})
    answer = await dial.ask("read", "thread/read", {"threadId": thread, "includeTurns": True})
    shown = resumed["result"]
    names = ("model", "approvalPolicy", "sandbox", "reasoningEffort")
    turns = [stable(turn) for turn in answer["result"]["thread"]["turns"]]
    return turns, {name: shown[name] for name in names}


def stable(value):
    """Take out what is made up, and what the machine's speed decides."""
    if isinstance(value, list):
        return [stable(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {name: stable(inner) for name, inner in value.items() if name not in UNSTABLE}


@pytest.mark.parametrize("mode", ["paginated", "legacy"])
@pytest.mark.parametrize("writer", SERVERS)
async def test_what_one_wrote_both_read_alike(writer, mode, tmp_path):
    async with SERVERS[writer](ANSWERS, tmp_path) as dial:
        thread = await write(dial, mode)
    found = {}
    for reader, open_server in SERVERS.items():
        async with open_server(ECHO, tmp_path) as dial:
            found[reader] = await read(dial, thread)
    assert found["simulated"] == found["real"]
    kinds = [[item["type"] for item in turn["items"]] for turn in found["real"][0]]
    assert ["userMessage", "reasoning", "agentMessage"] in kinds


@pytest.mark.parametrize("mode", ["paginated", "legacy"])
@pytest.mark.parametrize(("writer", "other"), [("real", "simulated"), ("simulated", "real")])
async def test_what_one_wrote_the_other_goes_on_with(writer, other, mode, tmp_path):
    async with SERVERS[writer](ANSWERS, tmp_path) as dial:
        thread = await write(dial, mode)
    async with SERVERS[other](ECHO, tmp_path) as dial:
        await dial.ask("resume", "thread/resume", {"threadId": thread, "excludeTurns": True})
        await dial.turn(thread, "fourth")
        await dial.notified("turn/completed")
    async with SERVERS[writer](ECHO, tmp_path) as dial:
        turns, _ = await read(dial, thread)
        listed = await dial.ask("list", "thread/list", {})
    said = [item for item in turns[-1]["items"] if item["type"] == "userMessage"]
    assert [part["text"] for part in said[0]["content"]] == ["fourth"]
    assert [row["id"] for row in listed["result"]["data"]] == [thread]
