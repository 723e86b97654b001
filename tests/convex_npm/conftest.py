"""Node with npm's clients, one process for the tests of a file; the app anew for every test."""

from __future__ import annotations

import pytest

from support.node import NodeUnavailableError, ready_node
from support.npm_clients import npm_clients
from support.npm_served import serving


@pytest.fixture(scope="module")
def node():
    try:
        return ready_node().program
    except NodeUnavailableError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def npm(node):
    """Node with the clients, one process for all tests."""
    async with npm_clients(node) as clients:
        yield clients


@pytest.fixture
async def served(npm):
    async with serving(npm) as found:
        yield found


@pytest.fixture(params=["http", "websocket"])
async def client(request, served):
    """A client of either kind."""
    return await getattr(served, request.param)()
