"""Codex is killed at every step of a turn: what is kept is whole, once, when it goes on."""

import pytest

from codex_fakes.convex.wire.in_process import InProcessConvex
from codex_runtime.errors import CodexRuntimeError
from support.kill_host import Host, old_thread, turns_of_codex
from support.kill_steps import (
    AGAIN,
    BEFORE,
    FIRST,
    IMPORT_CALLS,
    LEGACY,
    PAGINATED,
    READ_STEPS,
    REAL,
    SIMULATED,
    TURN_STEPS,
    UNWRITTEN,
    cases,
    script_until,
)
from support.kill_world import CodexProcess
from support.persistence_world import ACTOR, app

pytestmark = pytest.mark.anyio


def _host(codex, trap):
    """A host of a deployment in memory."""
    convex = InProcessConvex(app())
    return Host(
        codex,
        convex.url,
        convex.token("u"),
        advance=convex.advance,
        line=convex.transport,
        trap=trap,
    )


async def _crash(codex, mode, step):
    """Let it crash at a step, and go on; give Codex's turns, and how each is kept to have ended."""
    thread_id = await old_thread(codex, mode, BEFORE) if mode == LEGACY else None
    trap = codex.killing(step)
    async with _host(codex, trap) as host:
        opened = await host.open(thread_id)
        try:
            await host.runtime.send_turn(FIRST)
        except CodexRuntimeError:
            assert trap.sprung
        await host.until(lambda: host.gone)
        await host.runtime.connect(actor=ACTOR)
        again = await host.open(opened)
        assert again == opened or (mode == PAGINATED and step in UNWRITTEN)
        await host.say(AGAIN)
        await host.runtime.stop()
        turns = await turns_of_codex(codex, again)
        statuses = await host.check_whole(turns, given_up=("failed",))
    return turns, statuses


@cases(
    TURN_STEPS,
    (SIMULATED, "turn/start written", PAGINATED),
    (SIMULATED, "first delta", LEGACY),
    (SIMULATED, "approval pending", PAGINATED),
    (REAL, "command running", PAGINATED),
)
async def test_a_turn_whose_codex_was_killed_is_kept_as_far_as_it_came(tmp_path, kind, step, mode):
    async with CodexProcess(kind, tmp_path, script_until(step)) as codex:
        turns, statuses = await _crash(codex, mode, step)
        assert turns[-1]["status"] == "completed"
        cut_off = [status for status in statuses.values() if status != "completed"]
        # Behind the last item the end of the turn may be on its way already.
        if step != "last item completed":
            assert cut_off == ([] if step == "turn/completed" else ["failed"])


@cases((*READ_STEPS, *IMPORT_CALLS), (SIMULATED, "thread/read written", PAGINATED))
async def test_an_import_whose_codex_was_killed_is_made_whole(tmp_path, kind, step, mode):
    async with CodexProcess(kind, tmp_path, script_until(None)) as codex:
        old = await old_thread(codex, mode, BEFORE, AGAIN)
        trap = codex.killing(step)
        async with _host(codex, trap) as host:
            try:
                await host.import_again(old)
            except CodexRuntimeError:
                assert step == "thread/read written"
            await host.until(lambda: host.gone)
            await host.runtime.connect(actor=ACTOR)
            await host.import_again(old)
            await host.runtime.stop()
            await host.check_whole(await turns_of_codex(codex, old), given_up=())
