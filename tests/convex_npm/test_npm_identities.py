"""npm's clients sign in: tokens that hold, expire or are none, and an administrator."""

from __future__ import annotations

import pytest

from codex_fakes.convex.wire import ADMIN_KEY
from support.npm_clients import ClientError

pytestmark = pytest.mark.anyio


async def test_a_token_over_http_says_who_calls(served):
    client = await served.http()
    assert await served.npm.call("query", client, "who:am", {}) is None

    await served.npm.do("setHttpAuth", client=client, token=served.token("ada"))
    assert await served.npm.call("query", client, "who:am", {}) == "ada"
    await served.npm.do("clearHttpAuth", client=client)
    assert await served.npm.call("query", client, "who:am", {}) is None


@pytest.mark.parametrize("expires_in", [-10.0, None], ids=["expired", "nonsense"])
async def test_a_bad_token_over_http_is_refused(served, expires_in):
    client = await served.http()
    token = "nonsense" if expires_in is None else served.token("ada", expires_in=expires_in)
    await served.npm.do("setHttpAuth", client=client, token=token)

    with pytest.raises(ClientError):
        await served.npm.call("query", client, "who:am", {})


async def test_an_administrator_acts_as_somebody(served):
    client = await served.http()
    identity = {"issuer": "https://issuer.test", "subject": "grace"}
    await served.npm.do("setAdminAuth", client=client, key=ADMIN_KEY, identity=identity)

    assert await served.npm.call("query", client, "who:am", {}) == "grace"
    assert await served.npm.call("query", client, "messages:hidden", {}) == "hidden"


async def test_signing_in_runs_the_queries_again(served):
    client = await served.websocket()
    await served.subscribe(client, "who", "who:am", {})
    assert (await served.npm.event("who"))["value"] is None

    await served.npm.do("setAuth", client=client, tokens=[served.token("ada")])

    assert (await served.npm.event("auth"))["signedIn"] is True
    assert (await served.npm.event("who"))["value"] == "ada"
    made = await served.npm.call("mutation", client, "messages:send", {"body": "hi"})
    [message] = await served.npm.call("query", client, "messages:list", {})
    assert (message["_id"], message["author"]) == (made, "ada")


async def test_signing_out_runs_the_queries_again(served):
    client = await served.websocket()
    await served.npm.do("setAuth", client=client, tokens=[served.token("ada")])
    await served.subscribe(client, "who", "who:am", {})
    await served.npm.until("who", lambda who: who == "ada")

    await served.npm.do("clearAuth", client=client)

    await served.npm.until("who", lambda who: who is None)


async def test_a_token_that_nobody_signed_leaves_the_client_signed_out(served):
    client = await served.websocket()
    await served.npm.do("setAuth", client=client, tokens=[_forged(served.token("ada"))])

    assert (await served.npm.event("auth"))["signedIn"] is False
    assert await served.npm.call("query", client, "who:am", {}) is None


async def test_a_token_that_expires_is_asked_for_again(served):
    client = await served.websocket()
    # The client asks twice when it begins, and does not believe in a token that it has seen fail.
    tokens = [served.token("ada", expires_in=3600.0 + number) for number in range(3)]
    await served.npm.do("setAuth", client=client, tokens=tokens)
    assert (await served.npm.event("auth"))["signedIn"] is True
    assert [(await served.npm.event("token asked"))["forced"] for _ in range(2)] == [False, True]
    await served.subscribe(client, "who", "who:am", {})
    await served.npm.until("who", lambda who: who == "ada")

    served.server.inject("expire_token")

    assert (await served.npm.event("token asked"))["forced"] is True
    assert await served.npm.call("query", client, "who:am", {}) == "ada"


def _forged(token):
    head, body, signature = token.split(".")
    return ".".join((head, body, signature[::-1]))
