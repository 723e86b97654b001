"""npm's clients call functions of the fake: values both ways, errors, sizes."""

from __future__ import annotations

import math

import pytest

from codex_fakes.convex import Int64
from codex_runtime.values import canonical, dumps, size_of
from support.npm_clients import ClientError
from support.npm_served import serving

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024
EVERY_TYPE = {
    "null": None,
    "booleans": [True, False],
    "floats": [0.0, -0.0, 1.5, -3.0, 5e-324, 1e300, math.inf, -math.inf, math.nan],
    "integers": [Int64(0), Int64(-1), Int64(2**63 - 1), Int64(-(2**63))],
    "strings": ["", "text", "ä\u20ac\U0001f600", "\x00\n"],
    "bytes": [b"", b"\x00\xff"],
    "nested": {"a": [{"b": [[]]}, {}]},
}


async def test_a_mutation_is_seen_by_a_query(served, client):
    made = await served.npm.call("mutation", client, "messages:send", {"body": "hi"})

    [message] = await served.npm.call("query", client, "messages:list", {})
    assert (message["_id"], message["body"], message["author"]) == (made, "hi", None)


async def test_an_action_calls_queries_and_mutations(served, client):
    assert await served.npm.call("action", client, "messages:relay", {"body": "hi"}) == 1.0


@pytest.mark.parametrize("kind", ["query", "mutation", "action"])
async def test_every_value_goes_there_and_back(served, client, kind):
    said = await served.npm.call(kind, client, f"values:{kind}", {"value": EVERY_TYPE})

    assert dumps(said) == dumps(canonical(EVERY_TYPE))


async def test_undefined_comes_back_as_null(served, client):
    assert await served.npm.call("query", client, "values:query", {}) is None


@pytest.mark.parametrize("kind", ["query", "mutation", "action"])
async def test_the_data_of_an_error_arrives(served, client, kind):
    path = f"values:failed{kind.capitalize()}"
    with pytest.raises(ClientError) as caught:
        await served.npm.call(kind, client, path, {"data": EVERY_TYPE})

    assert caught.value.is_convex_error
    assert dumps(caught.value.data) == dumps(canonical(EVERY_TYPE))


async def test_a_failed_mutation_leaves_nothing(served, client):
    with pytest.raises(ClientError):
        await served.npm.call("mutation", client, "values:failedMutation", {"data": "no"})

    assert await served.npm.call("query", client, "messages:list", {}) == []


async def test_a_plain_error_has_a_text_and_no_data(served, client):
    with pytest.raises(ClientError, match=r"Uncaught \w*Error: plain failure") as caught:
        await served.npm.call("mutation", client, "values:brokenMutation", {})

    assert not caught.value.is_convex_error


async def test_wrong_arguments_are_told(served, client):
    with pytest.raises(ClientError, match="ArgumentValidationError"):
        await served.npm.call("mutation", client, "messages:send", {"body": 1})


@pytest.mark.parametrize("path", ["messages:missing", "messages:hidden", "nowhere:at"])
async def test_what_is_not_public_is_not_there(served, client, path):
    with pytest.raises(ClientError, match="Could not find public function"):
        await served.npm.call("query", client, path, {})


async def test_a_function_of_another_kind_is_refused(served, client):
    with pytest.raises(ClientError, match=r"Trying to execute messages\.js:send as Query"):
        await served.npm.call("query", client, "messages:send", {"body": "hi"})


async def test_a_deployment_that_redacts_tells_only_the_data(npm):
    async with serving(npm, redact_logs=True) as served:
        for client in (await served.http(), await served.websocket()):
            with pytest.raises(ClientError) as plain:
                await served.npm.call("mutation", client, "values:brokenMutation", {})
            with pytest.raises(ClientError) as coded:
                await served.npm.call("query", client, "values:failedQuery", {"data": {"a": 1}})

            assert "Server Error" in str(plain.value)
            assert "plain failure" not in str(plain.value)
            assert coded.value.data == {"a": 1}


async def test_consistent_queries_see_one_moment(served):
    client = await served.http()
    await served.npm.call("mutation", client, "counters:bump", {"names": ["a"]})
    first = await served.npm.call("consistentQuery", client, "counters:get", {"name": "a"})
    await served.npm.call("mutation", client, "counters:bump", {"names": ["a"]})

    again = await served.npm.call("consistentQuery", client, "counters:get", {"name": "a"})
    assert (first, again) == (1.0, 1.0)
    assert await served.npm.call("query", client, "counters:get", {"name": "a"}) == 2.0


async def test_arguments_may_have_sixteen_mebibytes(served, client):
    room = 16 * MIB - size_of({"data": ""})

    assert await served.npm.call("mutation", client, "values:size", {"data": "x" * room}) == room


async def test_arguments_of_one_byte_more_are_refused(served, client):
    room = 16 * MIB - size_of({"data": ""}) + 1

    with pytest.raises(ClientError, match="too large"):
        await served.npm.call("mutation", client, "values:size", {"data": "x" * room})
    assert await served.npm.call("mutation", client, "values:size", {"data": "x"}) == 1.0


async def test_a_document_may_have_one_mebibyte(served, client):
    system = {"_id": "x" * 32, "_creationTime": 0.0}
    room = MIB - size_of({"data": b""} | system)
    await served.npm.call("mutation", client, "blobs:store", {"data": b"x" * room})

    with pytest.raises(ClientError, match="Value is too large"):
        await served.npm.call("mutation", client, "blobs:store", {"data": b"x" * (room + 1)})
