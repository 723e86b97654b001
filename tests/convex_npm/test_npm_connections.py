"""npm's clients when connections break: nothing is lost, and nothing happens twice."""

from __future__ import annotations

import asyncio

import pytest

from support.npm_clients import ClientError

pytestmark = pytest.mark.anyio


async def test_a_subscription_goes_on_after_the_socket_broke(served):
    reader, writer = await served.websocket(), await served.http()
    await served.subscribe(reader, "count", "counters:get", {"name": "a"})
    await served.npm.event("count")

    served.line.cut()
    await served.npm.call("mutation", writer, "counters:bump", {"names": ["a"]})

    assert (await served.npm.event("count"))["value"] == 1
    assert served.line.connections == 2


async def test_mutations_under_way_when_the_socket_breaks_happen_once(served):
    client = await served.websocket()
    await served.subscribe(client, "count", "counters:get", {"name": "a"})
    await served.npm.event("count")

    # Long enough that most of them are still under way when the tenth is answered.
    served.server.inject("delay", path="counters:bump", times=30, milliseconds=10)
    bump = {"client": client, "path": "counters:bump", "args": {"names": ["a"]}}
    bumps = [served.npm.begin("mutation", **bump) for _ in range(30)]
    async with asyncio.timeout(60):
        await bumps[9]
        served.line.cut()
        await asyncio.gather(*bumps)

    updates = await served.npm.until("count", lambda count: count == 30)
    counts = [update["value"] for update in updates]
    assert counts == sorted(counts)
    assert served.line.connections == 2


@pytest.mark.parametrize("fault", ["drop_before_commit", "drop_after_commit"])
async def test_a_mutation_whose_answer_was_lost_happens_once(served, fault):
    client = await served.websocket()
    served.server.inject(fault, path="counters:bump")

    await served.npm.call("mutation", client, "counters:bump", {"names": ["a"]})

    assert await served.npm.call("query", client, "counters:get", {"name": "a"}) == 1
    assert served.line.connections == 2


async def test_an_action_under_way_when_the_socket_breaks_is_not_repeated(served):
    client = await served.websocket()
    served.server.inject("drop_during_action", path="messages:relay")

    with pytest.raises(ClientError, match="Connection lost while action was in flight"):
        await served.npm.call("action", client, "messages:relay", {"body": "hi"})

    assert len(await served.npm.call("query", client, "messages:list", {})) == 1


async def test_a_response_that_comes_twice_is_taken_once(served):
    client = await served.websocket()
    served.server.inject("duplicate_response", path="counters:bump")

    for number in (1, 2):
        await served.npm.call("mutation", client, "counters:bump", {"names": ["a"]})
        assert await served.npm.call("query", client, "counters:get", {"name": "a"}) == number


async def test_who_is_signed_in_stays_so_when_the_socket_breaks(served):
    client = await served.websocket()
    await served.npm.do("setAuth", client=client, tokens=[served.token("ada")])
    await served.npm.event("auth")

    served.line.cut()

    assert await served.npm.call("query", client, "who:am", {}) == "ada"


async def test_a_server_that_starts_anew_keeps_data_and_answers(served):
    client = await served.websocket()
    await served.subscribe(client, "count", "counters:get", {"name": "a"})
    await served.npm.call("mutation", client, "counters:bump", {"names": ["a"]})
    await served.npm.until("count", lambda count: count == 1)

    served.server.inject("restart")
    await served.npm.call("mutation", client, "counters:bump", {"names": ["a"]})

    await served.npm.until("count", lambda count: count == 2)
    assert served.line.connections == 2


@pytest.mark.parametrize(("fault", "count"), [("http_503", 0), ("lost_reply", 1)])
async def test_a_request_that_fails_is_told_and_not_repeated(served, fault, count):
    client = await served.http()
    served.server.inject(fault, path="counters:bump")

    with pytest.raises(ClientError):
        await served.npm.call("mutation", client, "counters:bump", {"names": ["a"]})

    assert await served.npm.call("query", client, "counters:get", {"name": "a"}) == count


async def test_a_conflict_is_retried_out_of_the_clients_sight(served, client):
    served.server.inject("conflict", times=2)

    await served.npm.call("mutation", client, "counters:bump", {"names": ["a"]})

    assert await served.npm.call("query", client, "counters:get", {"name": "a"}) == 1
