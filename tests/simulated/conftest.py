"""What the tests of the simulated app-server share: folders, servers and recordings."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from codex_fakes.app_server import SimulatedAppServer, SimulatedSettings
from support.dial import Dial


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
