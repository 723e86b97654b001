"""The runtime's process is killed at every step of a turn: the next one goes on where it was."""

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from codex_fakes.convex.wire.in_process import InProcessConvex
from codex_fakes.convex.wire.serving import ListeningConvex
from support.kill_host import Host, old_thread, turns_of_codex
from support.kill_steps import (
    AGAIN,
    BEFORE,
    IMPORT_CALLS,
    LEGACY,
    PAGINATED,
    READ_STEPS,
    REAL,
    SIMULATED,
    TURN_CALLS,
    TURN_STEPS,
    UNWRITTEN,
    cases,
    script_until,
)
from support.kill_world import PATIENCE, CodexProcess
from support.persistence_world import app

pytestmark = pytest.mark.anyio

TESTS = Path(__file__).parents[1]


@asynccontextmanager
async def _served(*manifests):
    """A deployment on a port, whose time moves only when it is told to."""
    convex = InProcessConvex(app(manifests=("runtimeOwned", *manifests)), control=True)
    async with ListeningConvex(convex.server) as listening:
        yield listening.url, convex.token("u")


async def _killed(codex, order):
    """Run a host in a process of its own until it has died; give the thread that it had opened."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "support.kill_child",
        json.dumps(order),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(TESTS), *sys.path))},
    )
    thread_id = order["thread"]
    try:
        async with asyncio.timeout(PATIENCE):
            async for line in child.stdout:
                word, what = line.decode().split()
                if word == "codex":
                    codex.watch_end(int(what))
                else:
                    thread_id = what
            assert await child.wait() == -signal.SIGKILL
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    # Its Codex hears of its end, and writes down what was going on.
    await asyncio.to_thread(codex.check_gone)
    return thread_id


def _order(codex, kind, folder, step, place, **what):
    url, token = place
    return {
        "kind": kind,
        "folder": str(folder),
        "step": step,
        "url": url,
        "token": token,
        "base_url": codex.base_url,
        "thread": None,
        "imports": None,
        "outbox": True,
        **what,
    }


@cases(
    (*TURN_STEPS, *TURN_CALLS),
    (SIMULATED, "acceptTurnSend answered", PAGINATED),
    (SIMULATED, "turn/start written", PAGINATED),
    (SIMULATED, "first delta", LEGACY),
    (REAL, "approval pending", PAGINATED),
)
async def test_a_turn_whose_runtime_was_killed_is_kept_as_codex_has_it(tmp_path, kind, step, mode):
    async with (
        CodexProcess(kind, tmp_path, script_until(step)) as codex,
        _served("runtimeExtended") as place,
    ):
        old = await old_thread(codex, mode, BEFORE) if mode == LEGACY else None
        thread_id = await _killed(codex, _order(codex, kind, tmp_path, step, place, thread=old))
        async with Host(codex, *place) as host:
            opened = await host.open(thread_id)
            assert opened == thread_id or step in UNWRITTEN or step in TURN_CALLS
            # What was accepted and had not begun begins now.
            await host.at_rest()
            await host.say(AGAIN)
            await host.runtime.stop()
            turns = await turns_of_codex(codex, opened)
            await host.check_whole(turns, given_up=())
        assert turns[-1]["status"] == "completed"


@cases(
    (*TURN_STEPS, "acceptTurnSend answered", "ingestBatch sent", "ingestBatch answered"),
    (SIMULATED, "acceptTurnSend answered", PAGINATED),
    modes=(PAGINATED,),
)
async def test_without_an_outbox_a_turn_whose_runtime_was_killed_ends_all_the_same(
    tmp_path, kind, step, mode
):
    async with CodexProcess(kind, tmp_path, script_until(step)) as codex, _served() as place:
        order = _order(codex, kind, tmp_path, step, place, outbox=False)
        thread_id = await _killed(codex, order)
        async with Host(codex, *place, outbox=False) as host:
            opened = await host.open(thread_id)
            await host.say(AGAIN)
            await host.runtime.stop()
            await host.check_whole(await turns_of_codex(codex, opened), given_up=())


@cases(
    (*READ_STEPS, *IMPORT_CALLS),
    (SIMULATED, "thread/read answered", PAGINATED),
    (SIMULATED, "appendConversationSyncSourceChunk sent", LEGACY),
    (REAL, "sealConversationSyncSource answered", PAGINATED),
)
async def test_an_import_whose_runtime_was_killed_is_made_whole_by_the_next(
    tmp_path, kind, step, mode
):
    async with (
        CodexProcess(kind, tmp_path, script_until(step)) as codex,
        _served("runtimeExtended") as place,
    ):
        old = await old_thread(codex, mode, BEFORE, AGAIN)
        await _killed(codex, _order(codex, kind, tmp_path, step, place, imports=old))
        async with Host(codex, *place) as host:
            await host.import_again(old)
            await host.runtime.stop()
            await host.check_whole(await turns_of_codex(codex, old), given_up=())
