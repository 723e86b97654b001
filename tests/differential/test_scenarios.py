"""Each scenario is played to both app-servers, and both say the same, message by message."""

from __future__ import annotations

import asyncio

import pytest

from codex_fakes.script import Say, Script, script
from differential import (
    client_tools,
    commands,
    compactions,
    endings,
    known,
    malformed,
    model_failures,
    more_threads,
    more_turns,
    patches,
    threads,
    tools,
    turns,
    unturned,
    wire,
)
from support.campaign import CAMPAIGN
from support.programs import Program, read, start, turn
from support.servers import Simulated
from support.two_servers import RUNS, Player, compared, machine_of, unlike

pytestmark = [pytest.mark.anyio, pytest.mark.real]

RECORDED = {
    **turns.PROGRAMS,
    **tools.PROGRAMS,
    **threads.PROGRAMS,
    **wire.PROGRAMS,
    **endings.PROGRAMS,
}
"""The scenarios of the recordings, played to the simulation in this process and in its own."""
FURTHER = {
    **patches.PROGRAMS,
    **commands.PROGRAMS,
    **client_tools.PROGRAMS,
    **model_failures.PROGRAMS,
    **more_turns.PROGRAMS,
    **more_threads.PROGRAMS,
    **compactions.PROGRAMS,
    **unturned.PROGRAMS,
    **malformed.PROGRAMS,
}
"""Scenarios of the same kinds; in a process of its own the simulation plays them in campaigns."""
PROGRAMS = {**RECORDED, **FURTHER}


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    return asyncio.run(machine_of(tmp_path_factory.mktemp("machine") / "it"))


def expected(name):
    """A scenario, which must fail as long as it is in the table of gaps."""
    marks = []
    if name in known.GAPS:
        marks.append(pytest.mark.xfail(reason=known.GAPS[name], strict=True))
    if name in known.RACES:
        marks.append(pytest.mark.xfail(reason=known.RACES[name], strict=False))
    return pytest.param(name, marks=marks)


@pytest.mark.parametrize("name", [expected(name) for name in PROGRAMS])
async def test_both_app_servers_say_the_same(name, machine, tmp_path):
    options = {"apart": CAMPAIGN or name in RECORDED, "runs": known.RUNS.get(name, RUNS)}
    found = await compared(PROGRAMS[name], tmp_path, machine, known.stable, **options)
    assert not found, "\n".join(found[:20])


def test_the_tables_name_scenarios():
    assert set(known.GAPS) | set(known.RACES) | set(known.RUNS) <= set(PROGRAMS)


HELLO_AND_READ = Program(script(Say(text=("Hel", "lo"))), (start(), turn(), read()))


async def simulated(program, folder, machine):
    return await Player(Simulated(program, folder, machine), program).play()


def changed(played, method, change):
    """Change the messages of a method in what was heard."""
    (client,) = played.parts[0].values()
    client.messages = [
        new
        for message in client.messages
        for new in (change(message) if message.get("method") == method else [message])
    ]


@pytest.mark.parametrize(
    ("method", "change", "says"),
    [
        ("turn/started", lambda message: [], "turn/started"),
        ("turn/completed", lambda message: [message, message], "turn/completed"),
        (
            "item/agentMessage/delta",
            lambda m: [{**m, "params": {**m["params"], "delta": "x"}}],
            "x",
        ),
        ("turn/completed", lambda m: [{**m, "jsonrpc": "2.0"}], "jsonrpc"),
        ("turn/completed", lambda m: [{**m, "emittedAtMs": "now"}], "str"),
    ],
)
async def test_one_changed_message_is_a_difference(method, change, says, machine, tmp_path):
    one = await simulated(HELLO_AND_READ, tmp_path / "one", machine)
    other = await simulated(HELLO_AND_READ, tmp_path / "other", machine)
    assert unlike(one, other, known.stable) == []
    changed(other, method, change)
    assert any(says in found for found in unlike(one, other, known.stable))


async def test_two_messages_in_another_order_are_a_difference(machine, tmp_path):
    one = await simulated(HELLO_AND_READ, tmp_path / "one", machine)
    other = await simulated(HELLO_AND_READ, tmp_path / "other", machine)
    (client,) = other.parts[0].values()
    titles = [message.get("method") for message in client.messages]
    place = titles.index("turn/started")
    swapped = client.messages[place - 1 : place + 1]
    client.messages[place - 1 : place + 1] = reversed(swapped)
    assert unlike(one, other, known.stable)


async def test_an_id_that_stands_for_two_things_is_a_difference(machine, tmp_path):
    program = Program(script(otherwise="echo"), (start(), turn("one"), turn("two"), read()))
    one = await simulated(program, tmp_path / "one", machine)
    other = await simulated(program, tmp_path / "other", machine)
    (client,) = other.parts[0].values()
    items = [m["params"]["item"] for m in client.messages if m.get("method") == "item/completed"]
    messages = [item for item in items if item["type"] == "userMessage"]
    messages[1]["id"] = messages[0]["id"]
    assert unlike(one, other, known.stable)


async def test_a_message_that_does_not_come_ends_the_wait(machine, tmp_path, monkeypatch):
    followed = await simulated(HELLO_AND_READ, tmp_path / "one", machine)
    followed.guide[0][""]["turn/completed"] = 1
    monkeypatch.setattr("support.two_servers.PATIENCE", 0.2)
    silent = Program(Script(), (start(),))
    server = Simulated(silent, tmp_path / "other", machine)
    stopped = await Player(server, silent, followed).play()
    assert stopped.stuck.startswith("step 0: what was due")
