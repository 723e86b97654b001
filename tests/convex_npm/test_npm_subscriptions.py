"""npm's ConvexClient follows queries: updates, failures, one moment for all of them, pages."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.anyio


async def test_a_subscription_follows_the_mutations_of_another_client(served):
    reader, writer = await served.websocket(), await served.http()
    await served.subscribe(reader, "list", "messages:list", {})
    assert (await served.npm.event("list"))["value"] == []

    await served.npm.call("mutation", writer, "messages:send", {"body": "hi"})

    [message] = (await served.npm.event("list"))["value"]
    assert message["body"] == "hi"


async def test_a_client_reads_what_it_wrote(served):
    client = await served.websocket()
    await served.subscribe(client, "count", "counters:get", {"name": "a"})
    await served.npm.event("count")

    for number in range(1, 6):
        await served.npm.call("mutation", client, "counters:bump", {"names": ["a"]})
        assert (await served.npm.event("count"))["value"] == number


async def test_nothing_comes_after_an_unsubscribe(served):
    client = await served.websocket()
    for name in ("kept", "left"):
        await served.subscribe(client, name, "counters:get", {"name": name})
        await served.npm.event(name)
    await served.npm.do("unsubscribe", subscription="left")

    await served.npm.call("mutation", client, "counters:bump", {"names": ["kept", "left"]})

    assert (await served.npm.event("kept"))["value"] == 1
    assert served.npm.nothing_more("left")


async def test_a_subscription_may_fail_and_recover(served):
    client = await served.websocket()
    await served.npm.call("mutation", client, "counters:bump", {"names": ["a"]})
    await served.subscribe(client, "below", "counters:below", {"name": "a", "most": 1})
    assert (await served.npm.event("below"))["value"] == 1

    await served.npm.call("mutation", client, "counters:bump", {"names": ["a"]})
    assert (await served.npm.event("below"))["error"]["data"] == {"count": 2, "most": 1}
    await served.npm.call("mutation", client, "counters:clear", {"name": "a"})
    assert (await served.npm.event("below"))["value"] == 0


async def test_all_queries_of_a_client_are_of_one_moment(served):
    reader, writer = await served.websocket(), await served.http()
    for name in ("left", "right"):
        await served.subscribe(reader, name, "counters:get", {"name": name})
        await served.npm.event(name)

    bumps = 20
    for _ in range(bumps):
        await served.npm.call("mutation", writer, "counters:bump", {"names": ["left", "right"]})

    updates = await served.npm.until("left", lambda value: value == bumps)
    updates += await served.npm.until("right", lambda value: value == bumps)
    assert updates
    assert all(update["view"]["left"] == update["view"]["right"] for update in updates)


async def test_a_hundred_subscriptions_are_kept_apart(served):
    reader, writer = await served.websocket(), await served.http()
    names = [f"name{number}" for number in range(100)]
    for name in names:
        await served.subscribe(reader, name, "counters:get", {"name": name})
    for name in names:
        assert (await served.npm.event(name))["value"] == 0

    await served.npm.call("mutation", writer, "counters:bump", {"names": names[:50]})

    for name in names[:50]:
        assert (await served.npm.event(name))["value"] == 1
    assert all(served.npm.nothing_more(name) for name in names)


async def test_a_transition_that_is_too_long_for_one_frame_arrives(served):
    client = await served.websocket()
    text = "0123456789" * 600_000

    assert await served.npm.call("query", client, "values:query", {"value": text}) == text


async def test_a_page_keeps_its_range_also_when_the_socket_broke(served):
    reader, writer = await served.websocket(), await served.http()
    for body in "abc":
        await served.npm.call("mutation", writer, "messages:send", {"body": body})
    options = {"numItems": 2, "cursor": None, "id": 1}
    await served.subscribe(reader, "page", "messages:page", {"paginationOpts": options})
    assert _bodies(await served.npm.event("page")) == "cb"

    await served.npm.call("mutation", writer, "messages:send", {"body": "d"})
    assert _bodies(await served.npm.event("page")) == "dcb"
    served.line.cut()
    await served.npm.call("mutation", writer, "messages:send", {"body": "e"})
    assert _bodies(await served.npm.event("page")) == "edcb"


def _bodies(update):
    return "".join(message["body"] for message in update["value"]["page"])
