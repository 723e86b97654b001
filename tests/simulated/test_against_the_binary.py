"""One script, two app-servers: what the real binary says now is what the simulated one says.

Each test plays a client's program against the real binary, whose model is the scripted one, writes
down both directions, and plays the client's part to the simulation with the same script.
"""

from __future__ import annotations

import pytest

from codex_fakes.script.steps import (
    CallTool,
    Drop,
    FailHttp,
    FailResponse,
    Incomplete,
    Patch,
    Response,
    Run,
    Say,
    Script,
    Stall,
    Think,
)
from support.binary import agree_once, machine_of, record
from support.recorded_cases import Process
from support.replaying import Comparison, Replay

pytestmark = [pytest.mark.anyio, pytest.mark.real]

UNTRUSTED = {"approvalPolicy": "untrusted"}
COMMAND = "item/commandExecution/requestApproval"
FILES = "item/fileChange/requestApproval"
ADD = "*** Begin Patch\n*** Add File: new.txt\n+line one\n*** End Patch\n"
OK = Say(text="ok")


async def turn(client, count=1, text="go", **params):
    """Play a turn to its end."""
    if count == 1:
        client.thread_id = await client.thread(**params.pop("thread", {}))
    identifier = await client.turn(client.thread_id, text, **params)
    await client.notified("turn/completed", count)
    return identifier


async def deciding(client, method, decision):
    """Start a turn on an untrusted thread, and decide what it asks."""
    client.thread_id = await client.thread(**UNTRUSTED)
    await client.turn(client.thread_id)
    asked = await client.notified(method)
    await client.send({"id": asked["id"], "result": {"decision": decision}})
    await client.notified("turn/completed")
    await reading(client)


async def reading(client):
    await client.ask("read", "thread/read", {"threadId": client.thread_id, "includeTurns": True})


async def interrupting(client):
    client.thread_id = await client.thread()
    running = await client.turn(client.thread_id)
    await client.notified("item/agentMessage/delta")
    params = {"threadId": client.thread_id, "turnId": running}
    await client.ask("interrupt", "turn/interrupt", params)
    await client.notified("turn/completed")
    await client.send({"id": "hanging", "method": "turn/interrupt", "params": params})
    await turn(client, 2)
    await client.answer("hanging")
    await reading(client)


async def steering(client):
    client.thread_id = await client.thread()
    running = await client.turn(client.thread_id)
    await client.notified("item/agentMessage/delta")
    params = {
        "threadId": client.thread_id,
        "expectedTurnId": running,
        "input": [{"type": "text", "text": "rather this"}],
        "clientUserMessageId": "mine",
    }
    await client.ask("steer", "turn/steer", params)
    await client.notified("turn/completed")
    await reading(client)


async def failing(client):
    await turn(client)
    await turn(client, 2)
    await reading(client)


async def talking(client):
    await turn(client, effort="high")
    await reading(client)


def script(*answers):
    rows = (answer if isinstance(answer, tuple) else (answer,) for answer in answers)
    return Script(responses=tuple(Response(steps=row) for row in rows))


TALK = (
    Think(summary=(("part ", "one"), "two"), raw=("raw ", "thought")),
    Say(text=("a", "b"), phase="commentary"),
    Say(text="", phase="final_answer"),
)
HELD = (Say(text="first ", left_open=True), Stall())
PROGRAMS = {
    "talk": (script(TALK), talking, {}),
    "accept a command": (script(Run(command="true"), OK), (COMMAND, "accept"), {}),
    "decline a command": (script(Run(command="true"), OK), (COMMAND, "decline"), {}),
    "cancel a command": (script(Run(command="true"), OK), (COMMAND, "cancel"), {}),
    "nonsense about a command": (script(Run(command="true"), OK), (COMMAND, "nonsense"), {}),
    "accept a patch": (script(Patch(patch=ADD), OK), (FILES, "accept"), {}),
    "decline a patch": (script(Patch(patch=ADD), OK), (FILES, "decline"), {}),
    "cancel a patch": (script(Patch(patch=ADD), OK), (FILES, "cancel"), {}),
    "an unknown tool": (script(CallTool(tool="nope"), OK), talking, {}),
    "interrupt": (script(HELD, OK), interrupting, {}),
    "steer": (script(HELD, OK), steering, {}),
    "HTTP 404": (script(FailHttp(status=404, message="no"), OK), failing, {}),
    "HTTP 502, once more": (
        script(FailHttp(status=502, message="bad"), OK, OK),
        failing,
        {"stream_max_retries": 1},
    ),
    "a cut stream, twice": (
        script((Say(text="a", left_open=True), Drop()), Drop(), OK, OK),
        failing,
        {"stream_max_retries": 2},
    ),
    "incomplete": (script(Incomplete(), OK), failing, {"stream_max_retries": 1}),
    "an invalid prompt": (
        script(FailResponse(code="invalid_prompt", message="no"), OK),
        failing,
        {"stream_max_retries": 1},
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
async def test_the_simulation_says_what_the_binary_says(name, simulated, tmp_path):
    answers, program, settings = PROGRAMS[name]

    async def play(client):
        if isinstance(program, tuple):
            await deciding(client, *program)
        else:
            await program(client)

    async def attempt(folder):
        rows = await record(answers, play, folder, **settings)
        home, work = folder / "home", folder / "work"
        comparison = Comparison(home, work)
        described = {**machine_of(rows), **settings, "cwd": str(work)}
        async with simulated(answers, settings=described, home=home) as server:
            await Replay(server, Process(answers), comparison).play(rows)
        return comparison.differences

    await agree_once(attempt, tmp_path)
