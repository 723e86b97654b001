"""A deployment in memory, and persistence in it as the runtime has it."""

import pytest

from codex_fakes.convex.wire.in_process import InProcessConvex
from codex_runtime.persistence.convex_http import ConvexHttp
from codex_runtime.persistence.host_client import HostClient
from support.persistence_world import Line, Pauses, app


@pytest.fixture
def deployed():
    return InProcessConvex(app())


@pytest.fixture
def line(deployed):
    return Line(deployed.transport)


@pytest.fixture
def pauses():
    return Pauses()


@pytest.fixture
async def http(deployed, line, pauses):
    http = ConvexHttp(
        deployed.url, token=deployed.token("u"), transport=line, pause=pauses, chance=lambda: 1.0
    )
    yield http
    await http.aclose()


@pytest.fixture
def client(http):
    return HostClient(http)
