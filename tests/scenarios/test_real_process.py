"""The real binary as a process of ours: what is said when it does not start, and when it goes."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from codex_fakes.script import Say, Wait, script
from codex_runtime.app_server import (
    AppServerConnection,
    ConnectionOptions,
    StdioTransport,
    codex_command,
    requests,
)
from codex_runtime.errors import AppServerError
from codex_runtime.protocol import Notification, thread_and_turn_of
from support.codex import WAIT, Codex

pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.timeout(90)]


async def start_failure(home: Path, **config: str) -> AppServerError:
    command = codex_command(codex_home=home, config=config)
    connection = AppServerConnection(
        lambda: StdioTransport.start(command), ConnectionOptions(start_timeout=WAIT)
    )
    with pytest.raises(AppServerError) as caught:
        await connection.start()
    return caught.value


async def test_a_configuration_it_refuses_fails_the_start_with_its_own_words(
    tmp_path: Path,
) -> None:
    error = await start_failure(tmp_path, approval_policy='"untrusted"')
    assert (error.code, error.exit_code) == ("E_APP_SERVER_START_FAILED", 1)
    assert "exit code 1" in str(error)
    assert "untrusted" in error.stderr


async def test_a_home_that_vanishes_fails_the_start(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    command = codex_command(codex_home=home)
    home.rmdir()
    connection = AppServerConnection(lambda: StdioTransport.start(command))
    with pytest.raises(AppServerError) as caught:
        await connection.start()
    assert (caught.value.code, caught.value.exit_code) == ("E_APP_SERVER_START_FAILED", 1)


async def test_a_process_killed_in_a_turn_ends_everything_once(tmp_path: Path) -> None:
    held = (Say(text=["half"], left_open=True), Wait(gate="held"))
    async with Codex("real", script(held), tmp_path) as codex, codex.connected() as talk:
        thread = await talk.start_thread()
        turn = await talk.start_turn(thread, "go")
        await codex.gates.reached("held", WAIT)
        steering = asyncio.create_task(
            talk.server.call(requests.turn_interrupt(thread, "no such turn"))
        )
        os.kill(codex.pid, signal.SIGKILL)
        with pytest.raises(Exception, match=r"E_APP_SERVER_(GONE|REQUEST_FAILED)"):
            await steering
        async with asyncio.timeout(WAIT):
            end = await talk.ended()
        codex.gates.open("held")
    assert not end.requested
    assert end.end.exit_code == -signal.SIGKILL
    ended = [
        event
        for event in talk.heard
        if isinstance(event, Notification)
        and event.method == "turn/completed"
        and thread_and_turn_of(event)[1] == turn
    ]
    assert ended == []


async def test_an_idle_process_ends_by_itself_when_its_input_ends(tmp_path: Path) -> None:
    async with Codex("real", script(), tmp_path) as codex, codex.connected() as talk:
        end = await talk.server.stop()
    assert end is not None
    assert end.exit_code == 0
    assert "after the end of its stdin" in end.reason
