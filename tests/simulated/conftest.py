"""What the tests of the simulated app-server share: folders, servers and recordings."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from codex_fakes.app_server import SimulatedAppServer, SimulatedSettings
from differential import known
from simulated.heard import heard
from support.dial import Dial
from support.two_servers import compared, machine_of


@pytest.fixture
def folders(tmp_path):
    home, cwd = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    cwd.mkdir()
    return home, cwd


@pytest.fixture
def simulated(folders):
    """Start simulated servers on one home, each with its script."""
    home, cwd = folders

    @asynccontextmanager
    async def start(script, *, settings=None, **options):
        settings = {"cwd": str(cwd), **(settings or {})}
        options = {"home": home, "settings": SimulatedSettings(**settings), **options}
        async with SimulatedAppServer(script, **options) as server:
            server.dial = lambda **how: Dial(server.connect(**how))
            yield server

    return start


@pytest.fixture
def recordings():
    """The folder with recordings of the real app-server."""
    return Path(__file__).parent.parent / "recordings"


@pytest.fixture(scope="session")
def machine(tmp_path_factory):
    """What the real binary says about the machine, in the names of the simulation's settings."""
    return asyncio.run(machine_of(tmp_path_factory.mktemp("machine") / "it"))


@pytest.fixture
def the_same(machine, tmp_path):
    """Play a program to both app-servers, and assert that both say the same."""

    async def check(program):
        found = await compared(program, tmp_path, machine, known.stable)
        assert not found, "\n".join(found[:20])

    return check


@pytest.fixture
def played(tmp_path):
    """Play a program with one client and one process, or a scenario; give what is heard."""

    async def play(program, part=0, conn=""):
        return (await heard(program, tmp_path))[part][conn]

    return play


@pytest.fixture
def played_alike(the_same, played):
    """Play a program that is no scenario yet: both must say the same; give what is heard."""

    async def play(program, part=0, conn=""):
        await the_same(program)
        return await played(program, part, conn)

    return play
