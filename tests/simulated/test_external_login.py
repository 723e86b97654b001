"""Logins that the client has made, or that need the internet: as with the real binary."""

from __future__ import annotations

import base64
import json

import pytest

from codex_fakes.script import FailHttp, Response, Say, Script
from support.programs import Call, Program, Reply, start, turn

pytestmark = [pytest.mark.anyio, pytest.mark.real]

REFRESH = "account/chatgptAuthTokens/refresh"


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


TOKEN = ".".join(
    (
        part({"alg": "none", "typ": "JWT"}),
        part({"email": "a@b.c", "https://api.openai.com/auth": {"chatgpt_plan_type": "pro"}}),
        "c2ln",
    )
)


def login(kind="chatgptAuthTokens", **params):
    return Call("account/login/start", {"type": kind, **params})


def tokens(token=TOKEN, account="acc", **more):
    return login(accessToken=token, chatgptAccountId=account, **more)


ACCOUNT = (
    Call("account/read"),
    Call("getAuthStatus", {"includeToken": True}),
)


@pytest.mark.parametrize("required", [True, False])
async def test_tokens_of_the_client_are_taken_over(required, the_same):
    steps = (
        login("chatgptDeviceCode"),
        tokens("nonsense"),
        tokens(""),
        *ACCOUNT,
        tokens(chatgptPlanType="plus"),
        *ACCOUNT,
        login("apiKey", apiKey="k"),
        login("chatgpt"),
        login("chatgptDeviceCode"),
        tokens(account="other"),
        Call("account/logout", None),
        *ACCOUNT,
    )
    await the_same(Program(Script(), steps, settings={"requires_openai_auth": required}))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(REFRESH, {"accessToken": TOKEN, "chatgptAccountId": "acc"}),
        Reply(REFRESH, {"accessToken": "x", "chatgptAccountId": "acc"}),
        Reply(REFRESH, {"accessToken": TOKEN, "chatgptAccountId": "other"}),
        Reply(REFRESH, {}),
        Reply(REFRESH, error={"code": -5, "message": "no"}),
    ],
)
async def test_a_token_that_is_refused_is_asked_for_anew(reply, the_same):
    refused = Response(steps=(FailHttp(status=401, message="unauthorized"),))
    script = Script(responses=(refused, Response(steps=(Say(text="ok"),))), otherwise="echo")
    steps = (tokens(), start(), turn(), reply, turn("again"))
    await the_same(Program(script, steps, settings={"requires_openai_auth": True}))


async def test_a_token_is_asked_for_once_in_a_turn(the_same):
    refused = Response(steps=(FailHttp(status=401, message="unauthorized"),))
    reply = Reply(REFRESH, {"accessToken": TOKEN, "chatgptAccountId": "acc"})
    steps = (tokens(), start(), turn(), reply)
    script = Script(responses=(refused, refused))
    await the_same(Program(script, steps, settings={"requires_openai_auth": True}))
