"""Every miniature fails exactly the checks it names: each check can fail, and none is too wide."""

from __future__ import annotations

import json

import pytest

from codex_conformance.miniatures import MINIATURES
from codex_conformance.miniatures.door import FaultyDoor, MiniatureTarget
from codex_conformance.miniatures.faults import Fault, HangUp, dropped, late, named
from codex_conformance.runner.events import Outcome
from codex_conformance.runner.running import Run
from codex_conformance.suites.catalogue import CHECKS
from codex_conformance.wire.transcript import Ending

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("miniature", MINIATURES.values(), ids=lambda found: found.name)
async def test_a_miniature_fails_exactly_what_it_names(miniature, tmp_path):
    target = MiniatureTarget(miniature.name, miniature.fault, tmp_path)
    run = await Run(target, tuple(CHECKS.values())).run()
    failed = {result.id for result in run.results if result.outcome is Outcome.FAIL}
    broken = [result for result in run.results if result.outcome is Outcome.ERROR]
    assert failed == miniature.fails
    assert broken == []
    assert len(run.results) == len(CHECKS)


class ScriptedDoor:
    """A door that gives chunks of bytes, and keeps what it is sent."""

    knows_rest = True

    def __init__(self, *chunks):
        self.chunks = list(chunks)
        self.sent = []

    async def send(self, data):
        self.sent.append(data)

    async def receive(self):
        return self.chunks.pop(0) if self.chunks else None

    async def finish(self):
        return Ending(asked_for=True, exit_code=0)


def line(**message):
    return json.dumps(message).encode() + b"\n"


async def everything_from(door):
    received = b""
    while data := await door.receive():
        received += data
    return received


async def test_a_door_without_a_fault_passes_every_byte_on():
    written = line(method="a", params={}) + b"no json\n" + line(id=1, result=None) + b"\n"
    door = FaultyDoor(ScriptedDoor(written[:7], written[7:30], written[30:]), Fault())
    assert await everything_from(door) == written


async def test_a_door_without_a_fault_sends_every_byte_on():
    inner = ScriptedDoor()
    door = FaultyDoor(inner, Fault())
    await door.send(b"no json\n")
    await door.send(b'{"id": 1,  "method": "m"}\r\n')
    assert b"".join(inner.sent) == b'no json\n{"id": 1,  "method": "m"}\r\n'


async def test_a_message_that_is_held_back_comes_behind_the_one_it_waits_for():
    first, second, third = (line(method=name, params={}) for name in ("a", "b", "c"))
    door = FaultyDoor(ScriptedDoor(first + second + third), late(named("a"), named("b"))())
    received = [json.loads(raw)["method"] for raw in (await everything_from(door)).splitlines()]
    assert received == ["b", "a", "c"]


async def test_a_dropped_message_leaves_the_others_as_they_are():
    kept = b'{"method" : "b",  "params":{}}\n'
    door = FaultyDoor(ScriptedDoor(line(method="a", params={}) + kept), dropped(named("a"))())
    assert await everything_from(door) == kept


async def test_after_hanging_up_nothing_passes_in_either_direction():
    def hang_up(_passing):
        raise HangUp(exit_code=3)

    door = FaultyDoor(
        ScriptedDoor(line(method="a", params={}) + line(method="b", params={})),
        Fault(from_server=hang_up),
    )
    assert await door.receive() == b""
    with pytest.raises(ConnectionError):
        await door.send(b"{}\n")
    assert (await door.finish()).exit_code == 3


async def test_two_connections_of_a_miniature_share_no_state():
    fault_of = late(named("a"), named("b"))
    one = FaultyDoor(ScriptedDoor(line(method="a", params={})), fault_of())
    other = FaultyDoor(ScriptedDoor(line(method="b", params={})), fault_of())
    assert await everything_from(one) == b""
    assert json.loads(await everything_from(other))["method"] == "b"
