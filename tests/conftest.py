"""What every test has: the event loop, and the profile of its properties."""

from __future__ import annotations

import pytest

from support.campaign import load_profiles

load_profiles()


@pytest.fixture
def anyio_backend():
    return "asyncio"
