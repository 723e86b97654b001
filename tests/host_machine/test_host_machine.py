"""A runtime against a model, in any order of events; and runtimes that are broken, one way each."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import settings

from codex_runtime.host.ingest_queue import IngestQueue
from support.campaign import examples
from support.host_machine import RuntimeMachine

TestRuntimeMachine = RuntimeMachine.TestCase
TestRuntimeMachine.settings = settings(max_examples=examples(40, 2_000), stateful_step_count=25)
# When it fails, the shortest way there is looked for.
TestRuntimeMachine.pytestmark = [pytest.mark.timeout(600)]

_put_back, _take = IngestQueue.put_back, IngestQueue.take


def _lose(queue, given):
    _put_back(queue, given)
    queue.acknowledge(queue.take())


def _last_first(queue, most=None):
    queue._waiting.reverse()
    return _take(queue, most)


def _never_have_room_again(queue):
    queue._full = queue._full or queue.weight >= queue._memory_most


BROKEN = {
    "it loses what could not be kept": ("put_back", _lose, "down"),
    "it keeps things in another order": ("take", _last_first, "well"),
    "it reads on although nothing can be kept": ("full", property(lambda queue: False), "hangs"),
    "it never reads again": ("_look_at_room", _never_have_room_again, "down"),
}


def _run(mood):
    """Have a turn disturbed, and everything come to rest."""
    machine = RuntimeMachine()
    machine.begin(outbox=True)
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(machine.teardown)
        machine.disturb_a_turn("flood", mood, 6.0)
        machine.every_state_is_legal()


@pytest.mark.parametrize("mood", ["down", "hangs", "loses replies", "runs late"])
def test_a_runtime_that_is_whole_passes(mood):
    _run(mood)


@pytest.mark.parametrize("how", BROKEN)
def test_a_runtime_that_is_broken_is_found_out(how, monkeypatch):
    name, broken, mood = BROKEN[how]
    monkeypatch.setattr(IngestQueue, name, broken)
    with pytest.raises(AssertionError):
        _run(mood)
