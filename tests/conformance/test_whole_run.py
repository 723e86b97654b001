"""Every check passes on the simulated app-server and on the real binary, with the same table."""

from __future__ import annotations

import os
import re
import shlex

import pytest

from codex_conformance.runner.events import Outcome
from codex_conformance.runner.running import Run, RunOptions
from codex_conformance.runner.selection import Selection
from codex_conformance.suites.catalogue import CHECKS
from codex_conformance.suites.playing import perform
from codex_conformance.suites.plays.turns import plain_turns
from codex_conformance.targets.door import Capability
from codex_conformance.targets.naming import parse_target
from codex_runtime.app_server.binary import find_codex

pytestmark = pytest.mark.anyio


EVERY = 8
"""Where processes are started for each scene, one check in so many is run; all in a campaign."""

ABOUT_PROCESSES = {Capability.PROCESS, Capability.HTTP, Capability.EXIT, Capability.CLIENTS}


def sampled(offset):
    """The ids of the checks that a target of processes is held to, what is about them included."""
    if os.environ.get("CODEX_RUNTIME_CAMPAIGN") == "1":
        return tuple(CHECKS)
    return tuple(
        id_
        for place, (id_, check) in enumerate(CHECKS.items())
        if place % EVERY == offset or check.needs & ABOUT_PROCESSES
    )


def table_without(*missing, only=()):
    """The table of a target that can do everything but this."""
    rows = []
    for id_ in only or CHECKS:
        check = CHECKS[id_]
        names = sorted(capability.value for capability in check.needs.intersection(missing))
        reason = f"the target does not declare: {', '.join(names)}"
        passed = (id_, Outcome.PASS, None)
        rows.append((id_, Outcome.NOT_APPLICABLE, reason) if names else passed)
    return rows


IN_PROCESS = table_without(Capability.PROCESS, Capability.HTTP)


async def table_of(spec, workspace, *, only=(), jobs=None):
    checks = Selection(only=only).choose(CHECKS.values())
    run = await Run(parse_target(spec, workspace), checks, (), RunOptions(jobs=jobs)).run()
    return [(r.id, r.outcome, r.found or r.reason) for r in run.results], run


async def test_every_check_passes_on_the_simulated_app_server(tmp_path):
    table, run = await table_of("simulated", tmp_path)
    assert table == IN_PROCESS
    assert run.exit_code == 0


async def test_every_check_passes_with_legacy_threads(tmp_path):
    table, _ = await table_of("simulated:history=legacy", tmp_path)
    assert table == IN_PROCESS


async def test_checks_pass_on_the_executable(tmp_path):
    only = sampled(0)
    table, _ = await table_of("simulated:stdio", tmp_path, only=only)
    assert table == table_without(Capability.CLIENTS, only=only)
    assert list(tmp_path.iterdir()) == []


async def test_checks_pass_on_the_executable_behind_a_websocket(tmp_path):
    only = sampled(3)
    table, _ = await table_of("simulated:ws", tmp_path, only=only)
    assert table == table_without(Capability.EXIT, only=only)
    assert list(tmp_path.iterdir()) == []


async def test_one_scene_at_a_time_gives_the_same_table(tmp_path):
    table, _ = await table_of("simulated", tmp_path, jobs=1)
    assert table == IN_PROCESS


async def test_a_scene_on_the_simulated_app_server_is_the_same_every_time(tmp_path):
    async def lines():
        scene = await perform(plain_turns, parse_target("simulated", tmp_path))
        assert scene.broken_off is None
        # Every scene has a folder of its own; nothing else differs, ids and times included.
        folder = re.escape(str(tmp_path)).encode() + rb"/[^/\"]+"
        return [re.sub(folder, b"FOLDER", entry.line.raw) for entry in scene.entries]

    assert await lines() == await lines()


@pytest.mark.real
async def test_every_check_passes_on_the_real_binary(tmp_path):
    table, run = await table_of("codex", tmp_path)
    assert table == table_without(Capability.CLIENTS)
    assert run.exit_code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.real
async def test_checks_pass_on_the_real_binary_behind_a_websocket(tmp_path):
    only = sampled(1)
    table, _ = await table_of("codex:listen=ws", tmp_path, only=only)
    assert table == table_without(Capability.EXIT, only=only)


@pytest.mark.real
async def test_checks_pass_on_the_real_binary_with_legacy_threads(tmp_path):
    only = sampled(5)
    table, _ = await table_of("codex:history=legacy", tmp_path, only=only)
    assert table == table_without(Capability.CLIENTS, only=only)


@pytest.mark.real
async def test_a_command_line_that_behaves_as_the_binary_passes_as_well(tmp_path):
    command = shlex.join((str(find_codex()), "app-server"))
    only = ("protocol.process.*", "protocol.start.*", "lifecycle.approval.accepted-runs")
    table, _ = await table_of(f"stdio:{command}", tmp_path, only=only)
    assert len(table) == 16
    assert {outcome for _, outcome, _ in table} == {Outcome.PASS}, table
