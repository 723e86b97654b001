"""Builders make requests that the server understands: exactly, and by its own schema."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from codex_runtime.app_server import requests as build
from codex_runtime.app_server.requests import Call
from codex_runtime.errors import LocalProtocolError
from codex_runtime.protocol import params as p
from codex_runtime.protocol.answers import (
    CommandApproval,
    DynamicToolResult,
    FileChangeApproval,
    InputText,
    RefreshedTokens,
    UserAnswer,
    UserInputAnswers,
)
from codex_runtime.protocol.messages import Request
from codex_runtime.protocol.methods import CLIENT_METHODS
from codex_runtime.protocol.outbound import check_outbound
from codex_runtime.protocol.params import PARAMS
from codex_runtime.protocol.values import TextInput, WorkspaceWrite

U1 = "018f5f3b-5b7a-7c9d-a12b-3d0f3e4c5b6a"
U2 = "018f5f3b-5b7a-7c9d-a12b-3d0f3e4c5b6b"

CALLS: dict[str, tuple[Call[Any], Any]] = {
    "initialize": (
        build.initialize(p.ClientInfo(name="n", version="1")),
        {
            "clientInfo": {"name": "n", "version": "1"},
            "capabilities": {"experimentalApi": False},
        },
    ),
    "thread/start": (build.thread_start(), {"experimentalRawEvents": False}),
    "thread/resume": (
        build.thread_resume(p.ThreadResumeParams(thread_id=U1, exclude_turns=True)),
        {"threadId": U1, "excludeTurns": True},
    ),
    "thread/fork": (
        build.thread_fork(p.ThreadForkParams(thread_id=U1, last_turn_id=U2)),
        {"threadId": U1, "lastTurnId": U2},
    ),
    "thread/read": (build.thread_read(U1), {"threadId": U1, "includeTurns": False}),
    "thread/list": (build.thread_list(p.ThreadListParams(limit=5)), {"limit": 5}),
    "thread/loaded/list": (build.thread_loaded_list(), {}),
    "thread/turns/list": (
        build.thread_turns_list(p.ThreadTurnsListParams(thread_id=U1, items_view="full")),
        {"threadId": U1, "itemsView": "full"},
    ),
    "thread/items/list": (
        build.thread_items_list(p.ThreadItemsListParams(thread_id=U1, turn_id=U2)),
        {"threadId": U1, "turnId": U2},
    ),
    "thread/archive": (build.thread_archive(U1), {"threadId": U1}),
    "thread/unarchive": (build.thread_unarchive(U1), {"threadId": U1}),
    "thread/delete": (build.thread_delete(U1), {"threadId": U1}),
    "thread/unsubscribe": (build.thread_unsubscribe(U1), {"threadId": U1}),
    "thread/name/set": (build.thread_name_set(U1, "n"), {"threadId": U1, "name": "n"}),
    "thread/compact/start": (build.thread_compact_start(U1), {"threadId": U1}),
    "thread/revert": (build.thread_revert(U1, U2), {"threadId": U1, "beforeTurnId": U2}),
    "turn/start": (
        build.turn_start_text(U1, "hi", client_user_message_id="c"),
        {
            "threadId": U1,
            "input": [{"type": "text", "text": "hi", "text_elements": []}],
            "clientUserMessageId": "c",
        },
    ),
    "turn/steer": (
        build.turn_steer_text(U1, U2, "more"),
        {
            "threadId": U1,
            "expectedTurnId": U2,
            "input": [{"type": "text", "text": "more", "text_elements": []}],
        },
    ),
    "turn/interrupt": (build.turn_interrupt(U1, ""), {"threadId": U1, "turnId": ""}),
    "getConversationSummary": (build.conversation_summary(U1), {"conversationId": U1}),
    "account/read": (build.account_read(), {"refreshToken": False}),
    "account/login/start": (
        build.account_login_start(p.ApiKeyLogin(api_key="k")),
        {"type": "apiKey", "apiKey": "k"},
    ),
    "account/login/cancel": (build.account_login_cancel("l"), {"loginId": "l"}),
    "account/logout": (build.account_logout(), None),
    "account/rateLimits/read": (build.account_rate_limits_read(), None),
    "model/list": (build.model_list(), {}),
}


def plain(params: Any) -> Any:
    return None if params is None else msgspec.json.decode(msgspec.json.encode(params))


@pytest.mark.parametrize("method", sorted(CALLS))
def test_a_builder_says_exactly_what_it_was_told(method: str) -> None:
    call, params = CALLS[method]
    assert call.method == method
    assert plain(call.params) == params
    message = {"id": 1, "method": method, **({} if params is None else {"params": params})}
    check_outbound(message)


def test_every_typed_method_has_a_builder_and_exists() -> None:
    assert set(PARAMS) <= set(CALLS)
    assert set(CALLS) <= set(CLIENT_METHODS)


def test_a_turn_may_bring_its_own_settings() -> None:
    call = build.turn_start(
        p.TurnStartParams(
            thread_id=U1,
            input=(TextInput(text="hi"),),
            model="gpt-5.5",
            effort="high",
            approval_policy="never",
            sandbox_policy=WorkspaceWrite(writable_roots=("/w",)),
        )
    )
    assert plain(call.params) == {
        "threadId": U1,
        "input": [{"type": "text", "text": "hi", "text_elements": []}],
        "model": "gpt-5.5",
        "effort": "high",
        "approvalPolicy": "never",
        "sandboxPolicy": {"type": "workspaceWrite", "writableRoots": ["/w"]},
    }


@pytest.mark.parametrize(
    "make",
    [
        lambda bad: build.turn_start_text(bad, "hi"),
        lambda bad: build.turn_steer_text(bad, U2, "hi"),
        lambda bad: build.turn_interrupt(bad, U2),
        lambda bad: build.thread_resume(p.ThreadResumeParams(thread_id=bad)),
        lambda bad: build.thread_fork(p.ThreadForkParams(thread_id=bad)),
        lambda bad: build.thread_read(bad),
        lambda bad: build.thread_name_set(bad, "n"),
        lambda bad: build.thread_compact_start(bad),
        lambda bad: build.thread_revert(bad, U2),
        lambda bad: build.conversation_summary(bad),
    ],
)
def test_a_thread_id_that_is_no_uuid_is_refused(make: Any) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        make("thread-not-uuid")
    assert caught.value.code == "E_PROTOCOL_THREAD_ID_INVALID"


@pytest.mark.parametrize("request_id", [3, "3"])
@pytest.mark.parametrize(
    ("method", "result", "wire"),
    [
        (
            "item/commandExecution/requestApproval",
            CommandApproval(decision="accept"),
            {"decision": "accept"},
        ),
        (
            "item/fileChange/requestApproval",
            FileChangeApproval(decision="decline"),
            {"decision": "decline"},
        ),
        (
            "item/tool/requestUserInput",
            UserInputAnswers(answers={"q": UserAnswer(answers=("red",))}),
            {"answers": {"q": {"answers": ["red"]}}},
        ),
        (
            "item/tool/call",
            DynamicToolResult(content_items=(InputText(text="v"),), success=False),
            {"contentItems": [{"type": "inputText", "text": "v"}], "success": False},
        ),
        (
            "account/chatgptAuthTokens/refresh",
            RefreshedTokens(access_token="a", chatgpt_account_id="b"),
            {"accessToken": "a", "chatgptAccountId": "b", "chatgptPlanType": None},
        ),
    ],
)
def test_an_answer_keeps_the_id_and_its_type(
    request_id: int | str, method: str, result: Any, wire: Any
) -> None:
    message = plain(build.answer(Request(request_id, method), result))
    assert message == {"id": request_id, "result": wire}
    assert type(message["id"]) is type(request_id)
    check_outbound(message)


def test_a_refusal_has_a_code_and_a_reason() -> None:
    message = plain(build.refusal(Request("x", "attestation/generate"), "not here"))
    assert message == {"id": "x", "error": {"code": -32601, "message": "not here"}}
    check_outbound(message)
