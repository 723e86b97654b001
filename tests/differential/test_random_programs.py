"""Whatever a client does, both app-servers say the same: programs are drawn and played to both.

A program that shows a difference is shrunk and printed as Python, to be played again.
"""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import Phase, given, note, settings

from differential.drawn import programs
from differential.known import stable
from support.campaign import CAMPAIGN, examples
from support.two_servers import compared, machine_of

pytestmark = [pytest.mark.real, pytest.mark.timeout(0 if CAMPAIGN else 300)]


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    return asyncio.run(machine_of(tmp_path_factory.mktemp("machine") / "it"))


# In the default command the same few programs are played every time, and a difference is shown as
# it was drawn: shrinking it takes minutes, and is the campaign's.
PHASES = tuple(Phase) if CAMPAIGN else (Phase.explicit, Phase.generate)


@settings(max_examples=examples(25, 500), derandomize=not CAMPAIGN, phases=PHASES)
@given(program=programs())
def test_both_app_servers_say_the_same(machine, tmp_path_factory, program):
    folder = tmp_path_factory.mktemp("program")
    found = asyncio.run(compared(program, folder, machine, stable, apart=False))
    note(f"{program!r}")
    assert not found, "\n".join(found[:10])
