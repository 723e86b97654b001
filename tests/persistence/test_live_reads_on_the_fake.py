"""The live client and the in-memory Convex, and the official client beside them."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_fakes.convex import Backend
from codex_fakes.convex.wire.server import ConvexServer
from codex_fakes.convex.wire.serving import ListeningConvex
from codex_runtime.persistence.live_reads import (
    Connected,
    Disconnected,
    Keep,
    LiveReads,
    LiveReadsError,
    LiveReadsOptions,
    QueryFailedError,
)
from codex_runtime.persistence.live_reads.core.timing import Timing
from codex_runtime.values import Int64, to_json
from support.campaign import examples
from support.convex_app import APP

pytestmark = pytest.mark.anyio

PATIENCE = 30.0
READER = Path(__file__).parents[1] / "support" / "official_reader.py"
SOON = Timing(first_retry=0.001, last_retry=0.01)


@asynccontextmanager
async def deployment():
    async with ListeningConvex(ConvexServer(Backend(APP))) as listening:
        yield listening


async def bounded(awaitable):
    async with asyncio.timeout(PATIENCE):
        return await awaitable


def next_of(iterator):
    return bounded(anext(iterator))


async def test_a_value_follows_the_data():
    async with deployment() as convex, LiveReads(convex.url) as live:
        counts = live.subscribe("counters:get", {"name": "a"}).values(Keep.EVERY)
        assert await next_of(counts) == 0.0
        for expected in (1.0, 2.0):
            convex.server.backend.mutation("counters:bump", {"names": ["a"]})
            assert await next_of(counts) == expected


async def test_a_view_is_of_one_moment():
    async with deployment() as convex, LiveReads(convex.url) as live:
        names = ["a", "b", "c"]
        subscriptions = [live.subscribe("counters:get", {"name": name}) for name in names]
        for subscription in subscriptions:
            assert await bounded(subscription.value()) == 0.0
        views = live.views(Keep.EVERY)
        view = await next_of(views)
        assert {view[one] for one in subscriptions} == {0.0}
        for expected in range(1, 20):
            convex.server.backend.mutation("counters:bump", {"names": names})
            view = await next_of(views)
            assert {view[one] for one in subscriptions} == {float(expected)}


async def test_every_kind_of_value_comes_through():
    value = {"n": Int64(2**62), "b": b"\0\xff", "f": float("inf"), "l": [None, True, -0.0, "é"]}
    async with deployment() as convex, LiveReads(convex.url) as live:
        found = await bounded(live.query("values:query", {"value": value}))
        assert to_json(found) == to_json(dict(sorted(value.items())))


async def test_the_data_of_an_error_comes_through():
    async with deployment() as convex, LiveReads(convex.url) as live:
        with pytest.raises(QueryFailedError) as caught:
            await bounded(live.query("values:failedQuery", {"data": {"code": Int64(5)}}))
        assert caught.value.data == {"code": Int64(5)}
        with pytest.raises(QueryFailedError, match="Could not find public function"):
            await bounded(live.query("no:such"))


async def test_a_cut_wire_loses_nothing():
    reports = asyncio.Queue()
    options = LiveReadsOptions(timing=SOON, on_report=reports.put_nowait)
    async with deployment() as convex, LiveReads(convex.url, options=options) as live:
        assert isinstance(await bounded(reports.get()), Connected)
        subscription = live.subscribe("counters:get", {"name": "a"})
        counts = subscription.values(Keep.EVERY)
        assert await next_of(counts) == 0.0
        for number in range(1, 4):
            convex.server.inject("drop_sockets" if number % 2 else "restart")
            convex.server.backend.mutation("counters:bump", {"names": ["a"]})
            assert await next_of(counts) == float(number)
            assert isinstance(await bounded(reports.get()), Disconnected)
            assert isinstance(await bounded(reports.get()), Connected)


async def test_an_identity_changes_what_is_read():
    async with deployment() as convex, LiveReads(convex.url) as live:
        who = live.subscribe("who:am")
        names = who.values(Keep.EVERY)
        assert await next_of(names) is None
        await bounded(live.set_token(convex.server.tokens.issue("ann")))
        assert await next_of(names) == "ann"
        await bounded(live.clear_token())
        assert await next_of(names) is None


async def test_a_bad_token_is_raised_and_another_one_goes_on():
    async with deployment() as convex:
        with pytest.raises(LiveReadsError, match="E_LIVE_TOKEN_REJECTED"):
            await bounded(LiveReads(convex.url, token="no token").connect())
        async with LiveReads(convex.url) as live:
            with pytest.raises(LiveReadsError, match="E_LIVE_TOKEN_REJECTED"):
                await bounded(live.set_token(convex.server.tokens.issue("ann", expires_in=-60)))
            await bounded(live.set_token(convex.server.tokens.issue("bob")))
            assert await bounded(live.query("who:am")) == "bob"


async def test_an_expired_token_is_replaced_by_the_provider():
    async with deployment() as convex:
        given_out = []

        async def provider(*, force_refresh):
            given_out.append(force_refresh)
            return convex.server.tokens.issue(f"user {len(given_out)}")

        options = LiveReadsOptions(timing=SOON)
        async with LiveReads(convex.url, token=provider, options=options) as live:
            names = live.subscribe("who:am").values(Keep.EVERY)
            assert await next_of(names) == "user 1"
            convex.server.inject("expire_token")
            assert await next_of(names) == "user 2"
            assert given_out == [False, True]


async def test_a_hundred_queries_are_followed_at_once():
    async with deployment() as convex, LiveReads(convex.url) as live:
        names = [f"n{number}" for number in range(100)]
        subscriptions = [live.subscribe("counters:get", {"name": name}) for name in names]
        readers = [subscription.values(Keep.EVERY) for subscription in subscriptions]
        assert [await next_of(reader) for reader in readers] == [0.0] * 100
        convex.server.backend.mutation("counters:bump", {"names": names})
        assert [await next_of(reader) for reader in readers] == [1.0] * 100
        assert set(map(live.view().get, subscriptions)) == {1.0}


# Beside the official client.

QUERIES = [
    ("counters:get", {"name": "a"}),
    ("counters:below", {"name": "b", "most": 1.0}),
]
STEPS = st.lists(
    st.sampled_from(["bump a", "bump b", "bump both", "clear a", "clear b", "send", "cut"]),
    min_size=1,
    max_size=12,
).filter(lambda steps: steps.count("cut") <= 2)


def take(backend, step):
    match step.split():
        case ["bump", "both"]:
            backend.mutation("counters:bump", {"names": ["a", "b"]})
        case ["bump", name]:
            backend.mutation("counters:bump", {"names": [name]})
        case ["clear", name]:
            # Fails where there is no such counter: then nothing has changed, for anyone.
            backend.mutation("counters:clear", {"name": name})
        case ["send"]:
            backend.mutation("messages:send", {"body": "beside the point"})


def now(backend):
    """What each query gives now, as a reader says it."""
    found = []
    for path, arguments in QUERIES:
        outcome = backend.query(path, arguments)
        if outcome.ok:
            found.append(["value", to_json(outcome.value)])
        else:
            found.append(["error", to_json(outcome.error.data)])
    return found


class Seen:
    """What a client has seen of each query, in order."""

    def __init__(self):
        self.results = [[] for _ in QUERIES]
        self.more = asyncio.Event()

    def add(self, number, kind, value):
        # Coming back from a lost connection, the official client says again what it said last.
        if self.results[number][-1:] != [[kind, value]]:
            self.results[number].append([kind, value])
        self.more.set()

    async def until(self, expected):
        while [results[-1:] for results in self.results] != [[one] for one in expected]:
            self.more.clear()
            await bounded(self.more.wait())


async def ours(live, number, seen):
    path, arguments = QUERIES[number]
    reader = live.subscribe(path, arguments).values(Keep.EVERY)
    while True:
        try:
            seen.add(number, "value", to_json(await anext(reader)))
        except QueryFailedError as error:
            seen.add(number, "error", to_json(error.data))


async def theirs(url, seen):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(READER),
        url,
        json.dumps(QUERIES),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async for line in process.stdout:
            seen.add(*json.loads(line))
    finally:
        process.kill()
        await process.wait()


async def history(steps):
    """Let both clients watch the same history; give what each has seen, and what there was."""
    our, their = Seen(), Seen()
    truth = Seen()
    async with deployment() as convex, asyncio.timeout(120):
        backend = convex.server.backend
        options = LiveReadsOptions(timing=SOON)
        async with LiveReads(convex.url, options=options) as live, asyncio.TaskGroup() as tasks:
            watching = [tasks.create_task(ours(live, n, our)) for n in range(len(QUERIES))]
            watching.append(tasks.create_task(theirs(convex.url, their)))
            for step in [None, *steps]:
                if step == "cut":
                    convex.server.inject("drop_sockets")
                elif step is not None:
                    take(backend, step)
                expected = now(backend)
                for number, result in enumerate(expected):
                    truth.add(number, *result)
                await our.until(expected)
                await their.until(expected)
            for task in watching:
                task.cancel()
    return our.results, their.results, truth.results


@settings(max_examples=examples(6, 300))
@given(STEPS)
def test_ours_and_the_official_client_see_the_same_values(steps):
    our, their, truth = asyncio.run(history(steps))
    assert our == their == truth
