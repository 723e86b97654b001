"""The pytest fixtures, as an integrator's tests use them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from convex.http_client import ConvexHttpClient

from codex_fakes.pytest_plugin import convex, convex_http, convex_process, convex_url
from support.convex_app import APP

__all__ = ["convex", "convex_http", "convex_process", "convex_url"]

SPEC = f"{Path(__file__).parent.parent / 'support' / 'convex_app.py'}:APP"
BUMP = {"path": "counters:bump", "args": {"names": ["a"]}}


async def count(http):
    body = {"path": "counters:get", "args": {"name": "a"}}
    return (await http.post("/api/query", json=body)).json()["value"]


def test_a_convex_is_used_without_an_event_loop(convex):
    served = convex(APP)
    served.backend.mutation("messages:send", {"body": "hi"}).unwrap()

    assert len(served.backend.query("messages:list").unwrap()) == 1


def test_two_convexes_know_nothing_of_each_other(convex):
    one, other = convex(APP), convex(APP)
    one.backend.mutation("messages:send", {"body": "hi"}).unwrap()

    assert other.backend.query("messages:list").unwrap() == []


def test_the_same_seed_gives_the_same_ids(convex):
    made = [
        convex(APP, seed=seed).backend.mutation("messages:send", {"body": "hi"}).unwrap()
        for seed in (1, 1, 2)
    ]

    assert made[0] == made[1] != made[2]


@pytest.mark.anyio
async def test_a_convex_is_reached_over_http_without_a_network(convex):
    async with convex(APP).client() as http:
        await http.post("/api/mutation", json=BUMP)

        assert await count(http) == 1.0


def test_a_convex_in_another_process_answers_the_official_client(convex_url):
    http = ConvexHttpClient(convex_url(SPEC))
    http.mutation("messages:send", {"body": "hi"})

    assert http.query("messages:list")[0]["body"] == "hi"


def test_a_process_can_be_killed_and_started_again(convex_process, tmp_path):
    process = convex_process(SPEC, state=tmp_path / "state")
    ConvexHttpClient(process.url).mutation("messages:send", {"body": "hi"})
    process.kill()
    process.start()

    assert len(ConvexHttpClient(process.url).query("messages:list")) == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("failure", "options", "error", "carried_out"),
    [
        ("refuse", {}, httpx.ConnectError, 0.0),
        ("time_out", {}, httpx.ReadTimeout, 0.0),
        ("time_out", {"carried_out": True}, httpx.ReadTimeout, 1.0),
        ("lose_reply", {}, httpx.ReadError, 1.0),
    ],
)
async def test_http_fails_as_often_as_asked_and_then_works(
    convex, convex_http, failure, options, error, carried_out
):
    failing = convex_http(convex(APP))
    getattr(failing, failure)(r"^/api/mutation$", times=1, **options)
    async with failing.client() as http:
        assert await count(http) == 0.0
        with pytest.raises(error):
            await http.post("/api/mutation", json=BUMP)
        assert await count(http) == carried_out
        await http.post("/api/mutation", json=BUMP)
        assert await count(http) == carried_out + 1


@pytest.mark.anyio
async def test_something_before_the_server_answers_503(convex, convex_http):
    failing = convex_http(convex(APP))
    failing.answer_503(times=2)
    async with failing.client() as http:
        statuses = [(await http.post("/api/mutation", json=BUMP)).status_code for _ in range(3)]

    assert statuses == [503, 503, 200]


@pytest.mark.anyio
async def test_a_route_of_ones_own_goes_before_the_server(convex, convex_http):
    failing = convex_http(convex(APP))
    failing.router.get(path="/version").respond(418)
    async with failing.client() as http:
        assert (await http.get("/version")).status_code == 418
        assert (await http.get("/instance_name")).status_code == 200


def test_a_function_that_misuses_the_fake_fails_its_test(tmp_path):
    (tmp_path / "test_misuse.py").write_text(
        "from codex_fakes.convex import App, query\n"
        "class Elsewhere:\n"
        "    def __await__(self):\n"
        "        yield\n"
        "@query\n"
        "async def waits(ctx, args):\n"
        "    await Elsewhere()\n"
        "def test_it(convex):\n"
        "    import asyncio\n"
        "    served = convex(App(modules={'m': {'waits': waits}}))\n"
        "    async def ask():\n"
        "        async with served.client() as http:\n"
        "            await http.post('/api/query', json={'path': 'm:waits', 'args': {}})\n"
        "    asyncio.run(ask())\n"
    )
    ran = _pytest(tmp_path)

    assert ran.returncode == 1
    assert "E_FAKE_CONVEX_FOREIGN_AWAIT" in ran.stdout


def test_a_missing_extra_is_a_coded_message(tmp_path):
    (tmp_path / "respx.py").write_text("raise ImportError('not installed', name='respx')\n")
    (tmp_path / "test_extra.py").write_text("def test_it(convex_http):\n    pass\n")
    ran = _pytest(tmp_path)

    assert "[E_EXTRA_MISSING] this fixture needs respx" in ran.stdout


def test_having_the_plugin_imports_nothing_of_the_fakes(tmp_path):
    (tmp_path / "test_nothing.py").write_text(
        "import sys\n"
        "def test_it():\n"
        "    loaded = {name for name in sys.modules if name.startswith('codex_')}\n"
        "    assert loaded == {'codex_fakes', 'codex_fakes.pytest_plugin'}, loaded\n"
        "    assert not {'httpx', 'starlette', 'msgspec', 'respx', 'uvicorn'} & set(sys.modules)\n"
    )

    assert _pytest(tmp_path).returncode == 0


def _pytest(folder):
    plugins = "-p no:codex-fakes -p codex_fakes.pytest_plugin -p no:cacheprovider -p no:anyio"
    others = "-p no:randomly -p no:xdist -p no:hypothesispytest -p no:respx"
    return subprocess.run(
        [sys.executable, "-m", "pytest", *f"{plugins} {others}".split(), "-q", str(folder)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
