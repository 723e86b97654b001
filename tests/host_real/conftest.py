"""The deployment that the tests from end to end share: each of them is a user of its own."""

import pytest

from codex_fakes.convex.wire.process import ConvexProcess


@pytest.fixture(scope="session")
def convex():
    with ConvexProcess("codex_fakes.component.deployed:app") as process:
        yield process
