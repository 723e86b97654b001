"""convex-test on Node, one process for all programs."""

from __future__ import annotations

import asyncio

import pytest

from support.node import FOLDER, NodeUnavailableError, ready_node
from support.node_lines import NodeLines


@pytest.fixture(scope="session")
def oracle():
    """What answers a program with what its steps come to on convex-test."""
    try:
        node = ready_node()
    except NodeUnavailableError as error:
        pytest.fail(str(error), pytrace=False)
    with NodeLines(node.program, FOLDER / "oracle.mjs") as lines:
        yield lines.ask


@pytest.fixture(scope="session")
def runner():
    """An event loop, for what the engine schedules."""
    with asyncio.Runner() as running:
        yield running
