"""What an integrator imports: every name is there, and costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import codex_fakes.convex as convex


@pytest.mark.parametrize("name", convex.__all__)
def test_every_public_name_is_there(name):
    value = getattr(convex, name)
    assert value is not None
    assert name in dir(convex)


def test_a_name_that_is_not_public_is_not_there():
    name = "nothing_of_that_name"
    with pytest.raises(AttributeError, match=name):
        getattr(convex, name)


def test_importing_the_package_loads_none_of_its_engine():
    program = (
        "import sys, codex_fakes.convex\n"
        "print([name for name in sys.modules if name.startswith('codex_fakes.convex.')])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert loaded.stdout.strip() == "[]"


def test_the_engine_needs_no_event_loop_and_no_server():
    program = (
        "import sys\n"
        "from codex_fakes.convex import App, Backend, mutation\n"
        "@mutation\n"
        "def write(ctx, args): return ctx.db.insert('rows', {})\n"
        "assert Backend(App(modules={'m': {'write': write}})).mutation('m:write').ok\n"
        "print([n for n in ('asyncio', 'starlette', 'msgspec', 'websockets', 'httpx')"
        " if n in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert loaded.stdout.strip() == "[]"
