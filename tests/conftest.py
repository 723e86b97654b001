"""What every test has: the event loop, and the profile of its properties."""

from __future__ import annotations

import os

import pytest

from codex_conformance.targets.inherited_signals import heed_signals_in_children
from support.campaign import load_profiles

load_profiles()


# A command in Codex's sandbox makes /tmp/.git appear for a moment (it is protected there, so it
# must exist), and a patch below /tmp then takes /tmp for its repository. Tests run side by side, so
# their folders lie where no sandbox writes.
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", "/var/tmp")

# A run in the background, or under nohup, tests the same as one in a terminal.
heed_signals_in_children()


@pytest.fixture
def anyio_backend():
    return "asyncio"
