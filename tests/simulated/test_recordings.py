"""The simulated app-server against recordings of the real one.

Each case says a recording's model in the language of scripts, lets the simulation hear what the
client said when it said it, and compares all that it answers: order, keys and values.
"""

from __future__ import annotations

import json

import pytest

from codex_fakes.app_server import SystemClock
from support.recorded_cases import CASES, NOT_SIMULATED
from support.recorded_threads import THREAD_CASES
from support.replaying import Comparison, Replay, processes, without

pytestmark = pytest.mark.anyio


RECORDED = {**CASES, **THREAD_CASES}


@pytest.mark.parametrize("name", RECORDED)
async def test_the_simulation_says_what_the_real_server_said(name, simulated, folders, recordings):
    text = (recordings / f"{name}.jsonl").read_text(encoding="utf-8")
    parts = processes(json.loads(line) for line in text.splitlines())
    comparison = Comparison(*folders)
    for part, process in zip(parts, RECORDED[name], strict=True):
        part = [row for row in part if row["dir"] in {"c2s", "s2c"}]
        part = without(part, NOT_SIMULATED.get(name, ((), None)))
        settings = {"server_name": "<HOST>", **process.settings}
        options = {"clock": SystemClock()} if process.real_time else {}
        async with simulated(process.script, settings=settings, **options) as server:
            await Replay(server, process, comparison).play(part)
    assert not comparison.differences, "\n".join(comparison.differences[:20])


async def test_a_recording_that_says_something_else_is_told_apart(simulated, folders, recordings):
    text = (recordings / "01_hello.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.replace("Hello world", "Hello moon").splitlines()]
    part = [row for row in rows if row["dir"] in {"c2s", "s2c"}]
    comparison = Comparison(*folders)
    process = CASES["01_hello"][0]
    async with simulated(process.script, settings={"server_name": "<HOST>"}) as server:
        await Replay(server, process, comparison).play(part)
    assert any("Hello moon" in difference for difference in comparison.differences)
