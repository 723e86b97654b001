"""The deployment's server is killed, and comes back, at every step: nothing is lost or doubled."""

from contextlib import asynccontextmanager

import pytest

from codex_fakes.convex.wire.process import ConvexProcess
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
    TURN_CALLS,
    TURN_STEPS,
    cases,
    script_until,
)
from support.kill_world import CodexProcess, Trap

pytestmark = pytest.mark.anyio

# No step holds the model here: nobody but the server is killed.
SCRIPT = script_until(None)


@asynccontextmanager
async def _host(codex, folder, step):
    """A host of a deployment that is killed at a step, and started again before anything else."""
    convex = ConvexProcess(
        "codex_fakes.component.deployed:app", state=folder / "convex.state", virtual_clock=True
    )

    async def crash():
        convex.kill()
        convex.start()

    trap = Trap(step, crash, cuts=True)
    with convex:
        async with Host(codex, convex.url, convex.token("u"), trap=trap) as host:
            yield host, trap


async def _again_if_it_failed(trap, action):
    """Do something, and once more if the crash was in its way."""
    try:
        return await action()
    except CodexRuntimeError:
        assert trap.sprung
        return await action()


@cases(
    (*TURN_STEPS, *TURN_CALLS),
    (SIMULATED, "first delta", LEGACY),
    (SIMULATED, "acceptTurnSend answered", PAGINATED),
    (SIMULATED, "markTurnDispatchCompleted sent", PAGINATED),
    (REAL, "ingestBatch answered", PAGINATED),
)
async def test_a_turn_that_the_deployment_died_in_is_kept_as_it_was_said(
    tmp_path, kind, step, mode
):
    async with (
        CodexProcess(kind, tmp_path, SCRIPT) as codex,
        _host(codex, tmp_path, step) as (host, trap),
    ):
        old = await old_thread(codex, mode, BEFORE) if mode == LEGACY else None
        opened = await _again_if_it_failed(trap, lambda: host.open(old))
        try:
            await host.runtime.send_turn(FIRST)
        except CodexRuntimeError:
            assert trap.sprung
            await host.open(opened)
        await host.at_rest()
        await host.say(AGAIN)
        await host.runtime.stop()
        assert trap.sprung
        turns = await turns_of_codex(codex, opened)
        statuses = await host.check_whole(turns, given_up=())
        assert {turn["status"] for turn in turns} == {"completed"}
        assert len(turns) == sum(status == "completed" for status in statuses.values())


@cases((*READ_STEPS, *IMPORT_CALLS), (SIMULATED, "sealConversationSyncSource answered", PAGINATED))
async def test_an_import_that_the_deployment_died_in_is_made_whole(tmp_path, kind, step, mode):
    async with (
        CodexProcess(kind, tmp_path, SCRIPT) as codex,
        _host(codex, tmp_path, step) as (host, trap),
    ):
        old = await old_thread(codex, mode, BEFORE, AGAIN)
        await _again_if_it_failed(trap, lambda: host.import_again(old))
        await host.runtime.stop()
        assert trap.sprung
        await host.check_whole(await turns_of_codex(codex, old), given_up=())
