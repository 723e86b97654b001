"""A client of somebody else's (PyPI ``codex-app-server-client``), with a hello of its own."""

from __future__ import annotations

import asyncio

import pytest
from codex_app_server_client import CodexAppServer
from codex_app_server_client.types.events import AgentMessageDeltaEvent
from codex_app_server_client.types.threads import ThreadStartParams

from codex_fakes.script import Run, Say, script

pytestmark = pytest.mark.anyio


def client(simulated):
    return CodexAppServer(
        codex_bin=str(simulated.binary), env=simulated.env, client_name="somebody_else"
    )


async def test_it_says_hello_and_runs_a_turn(simulated):
    simulated.plays(script(Say(text=["Hel", "lo"])))
    async with client(simulated) as codex:
        thread = await codex.start_thread()
        result = await thread.run("say hello")
        assert (result.status, result.final_response) == ("completed", "Hello")


async def test_it_streams_a_turn(simulated):
    simulated.plays(script(Say(text=["one ", "two ", "three"])))
    async with client(simulated) as codex:
        thread = await codex.start_thread()
        stream = thread.run_streamed("count")
        deltas = [e.delta async for e in stream if isinstance(e, AgentMessageDeltaEvent)]
        assert deltas == ["one ", "two ", "three"]


async def test_it_answers_an_approval(simulated):
    simulated.plays(script(Run(command="touch x", output=""), Say(text=["done"])))
    asked = []

    async def accept(method, params):
        asked.append(params["command"])
        return {"decision": "accept"}

    async with client(simulated) as codex:
        codex.low_level.on_server_request("item/commandExecution/requestApproval", accept)
        thread = await codex.start_thread(ThreadStartParams(approval_policy="untrusted"))
        result = await thread.run("do it")
    assert result.final_response == "done"
    assert ["touch x" in command for command in asked] == [True]


async def test_it_resumes_a_thread_after_a_restart(simulated):
    async with client(simulated) as codex:
        thread = await codex.start_thread()
        await thread.run("first")
    async with client(simulated) as codex:
        again = await codex.resume_thread(thread.id)
        async with asyncio.timeout(20):
            assert (await again.run("second")).final_response == "second"
