"""Whatever a client does, both app-servers say the same: programs are drawn and played to both.

A program that shows a difference is shrunk and printed as Python, to be played again.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, note, settings

from differential.drawn import programs
from differential.known import stable
from support.campaign import CAMPAIGN, examples
from support.two_servers import compared, machine_of

pytestmark = [pytest.mark.real, pytest.mark.timeout(0 if CAMPAIGN else 300)]


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    return asyncio.run(machine_of(tmp_path_factory.mktemp("machine") / "it"))


# In the default command the same few programs are played every time.
@settings(max_examples=examples(25, 500), derandomize=not CAMPAIGN)
@given(program=programs())
def test_both_app_servers_say_the_same(machine, program):
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(compared(program, Path(folder), machine, stable))
    note(f"{program!r}")
    assert not found, "\n".join(found[:10])
