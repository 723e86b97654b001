"""Every check passes on the simulated app-server and on the real binary, with the same table."""

from __future__ import annotations

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

ALL_PASS = [(id_, Outcome.PASS, None) for id_ in CHECKS]


def not_applicable(capability):
    """The rows of the checks that need what a target cannot do."""
    reason = f"the target does not declare: {capability.value}"
    return [
        (id_, Outcome.NOT_APPLICABLE, reason)
        for id_, check in CHECKS.items()
        if capability in check.needs
    ]


APART = not_applicable(Capability.CLIENTS)
AT_THE_END_OF_INPUT = not_applicable(Capability.EXIT)


async def table_of(spec, workspace, *, only=(), jobs=None):
    checks = Selection(only=only).choose(CHECKS.values())
    run = await Run(parse_target(spec, workspace), checks, (), RunOptions(jobs=jobs)).run()
    return [(r.id, r.outcome, r.found or r.reason) for r in run.results], run


async def test_every_check_passes_on_the_simulated_app_server(tmp_path):
    table, run = await table_of("simulated", tmp_path)
    assert table == ALL_PASS
    assert run.exit_code == 0


async def test_every_check_passes_with_legacy_threads(tmp_path):
    table, _ = await table_of("simulated:history=legacy", tmp_path)
    assert table == ALL_PASS


async def test_every_check_passes_on_the_executable(tmp_path):
    table, _ = await table_of("simulated:stdio", tmp_path)
    assert [row for row in table if row[1] is not Outcome.PASS] == APART
    assert list(tmp_path.iterdir()) == []


async def test_every_check_passes_on_the_executable_behind_a_websocket(tmp_path):
    table, _ = await table_of("simulated:ws", tmp_path)
    assert [row for row in table if row[1] is not Outcome.PASS] == AT_THE_END_OF_INPUT
    assert list(tmp_path.iterdir()) == []


async def test_one_scene_at_a_time_gives_the_same_table(tmp_path):
    table, _ = await table_of("simulated", tmp_path, jobs=1)
    assert table == ALL_PASS


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
    assert [row for row in table if row[1] is not Outcome.PASS] == APART
    assert run.exit_code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.real
async def test_every_check_passes_on_the_real_binary_behind_a_websocket(tmp_path):
    table, _ = await table_of("codex:listen=ws", tmp_path)
    assert [row for row in table if row[1] is not Outcome.PASS] == AT_THE_END_OF_INPUT


@pytest.mark.real
async def test_every_check_passes_on_the_real_binary_with_legacy_threads(tmp_path):
    table, _ = await table_of("codex:history=legacy", tmp_path)
    assert [row for row in table if row[1] is not Outcome.PASS] == APART


@pytest.mark.real
async def test_a_command_line_that_behaves_as_the_binary_passes_as_well(tmp_path):
    command = shlex.join((str(find_codex()), "app-server"))
    only = ("protocol.process.*", "lifecycle.restart.*", "lifecycle.approval.accepted-runs")
    table, _ = await table_of(f"stdio:{command}", tmp_path, only=only)
    assert len(table) == 11
    assert {outcome for _, outcome, _ in table} == {Outcome.PASS}, table
