"""Nothing leaves that the server would not understand."""

from __future__ import annotations

from typing import Any

import pytest

from codex_runtime.errors import LocalProtocolError
from codex_runtime.protocol.answers import ANSWERS
from codex_runtime.protocol.identifiers import is_uuid_like_thread_id
from codex_runtime.protocol.methods import CLIENT_METHODS, LEGACY_METHODS, SERVER_METHODS
from codex_runtime.protocol.outbound import check_answer, check_outbound, check_thread_id

U1 = "018f5f3b-5b7a-7c9d-a12b-3d0f3e4c5b6a"


def refused(message: dict[str, Any]) -> LocalProtocolError:
    with pytest.raises(LocalProtocolError) as caught:
        check_outbound(message)
    assert "Invalid outbound codex client message" in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "message",
    [
        {"id": 0, "method": "thread/start", "params": {}},
        {"id": "", "method": "thread/start", "params": {"cwd": "/x", "unknownField": 1}},
        {"id": 1, "method": "account/logout"},
        {"id": 1, "method": "account/logout", "params": {}},
        {"id": 1, "method": "fs/readFile", "params": {"path": "/x"}},
        {
            "id": 1,
            "method": "turn/start",
            "params": {"threadId": U1, "input": [{"type": "text", "text": "hi"}]},
        },
        {"method": "initialized"},
        {"id": 1, "result": {"decision": "accept"}},
        {
            "id": 1,
            "result": {
                "decision": {"acceptWithExecpolicyAmendment": {"execpolicy_amendment": ["ls"]}}
            },
        },
        {"id": 1, "result": {"answers": {"q": {"answers": ["red"]}}}},
        {
            "id": 1,
            "result": {"contentItems": [{"type": "inputText", "text": "x"}], "success": True},
        },
        {"id": 1, "result": {"accessToken": "a", "chatgptAccountId": "b", "chatgptPlanType": None}},
        {"id": "x", "error": {"code": -32601, "message": "not here"}},
        {"id": "x", "error": {"code": -32601, "message": "not here", "data": {"a": 1}}},
    ],
)
def test_what_the_server_understands_passes(message: dict[str, Any]) -> None:
    check_outbound(message)


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({}, "neither a method nor an id"),
        ({"id": "1", "method": "turn/start"}, "/params: are missing"),
        ({"id": "1", "method": "turn/start", "params": []}, "/params: are no object"),
        ({"id": "1", "method": "turn/start", "params": {"threadId": U1}}, "`input`"),
        (
            {"id": 1, "method": "turn/start", "params": {"threadId": U1, "input": "hi"}},
            "$.input",
        ),
        (
            {"id": 1, "method": "thread/start", "params": {"sandbox": "bogus"}},
            "$.sandbox",
        ),
        ({"id": True, "method": "thread/start", "params": {}}, "/id: True"),
        ({"id": None, "method": "thread/start", "params": {}}, "/id: None"),
        ({"id": 2**63, "method": "thread/start", "params": {}}, "/id: "),
        ({"id": 1, "method": 5}, "/method: is no string"),
        ({"method": "exit"}, "takes no notification 'exit'"),
        ({"id": 1}, "neither a result nor an error"),
        ({"id": 1, "result": {}, "error": {"code": 1, "message": ""}}, "a result and an error"),
        ({"id": 1, "result": {"decision": "maybe"}}, "/result: "),
        ({"id": 1, "result": None}, "/result: "),
        ({"id": 1, "error": {"code": "x", "message": ""}}, "/error: "),
    ],
)
def test_what_the_server_would_not_understand_is_refused(
    message: dict[str, Any], says: str
) -> None:
    error = refused(message)
    assert error.code == "E_PROTOCOL_OUTBOUND_INVALID"
    assert says in str(error)


@pytest.mark.parametrize("method", sorted(LEGACY_METHODS))
def test_a_method_the_server_no_longer_has_names_its_successor(method: str) -> None:
    error = refused({"id": 1, "method": method, "params": {}})
    assert error.code == "E_PROTOCOL_METHOD_UNKNOWN"
    assert LEGACY_METHODS[method] in str(error)
    assert method not in CLIENT_METHODS


def test_a_method_the_server_never_had_is_refused() -> None:
    assert refused({"id": 1, "method": "bogus"}).code == "E_PROTOCOL_METHOD_UNKNOWN"


def test_every_request_of_the_server_has_a_kind_of_answer() -> None:
    asked = {name for name, method in SERVER_METHODS.items() if method.kind == "request"}
    assert asked == set(ANSWERS)


def test_an_answer_must_fit_the_request() -> None:
    check_answer("item/fileChange/requestApproval", {"decision": "decline"})
    with pytest.raises(LocalProtocolError):
        check_answer("item/tool/call", {"decision": "decline"})
    with pytest.raises(LocalProtocolError, match="no answer to 'item/new' is known"):
        check_answer("item/new", {})


@pytest.mark.parametrize(
    ("value", "good"),
    [
        (U1, True),
        (U1.upper(), True),
        ("00000000-0000-0000-0000-000000000000", True),
        ("thread-not-uuid", False),
        (f"urn:uuid:{U1}", False),
        (U1 + "\n", False),
        (U1.replace("-", ""), False),
        ("", False),
        (None, False),
        (5, False),
    ],
)
def test_a_thread_id_is_a_uuid(value: Any, good: bool) -> None:
    assert is_uuid_like_thread_id(value) is good
    if good:
        assert check_thread_id(value) == value
    else:
        with pytest.raises(LocalProtocolError, match="Expected UUID format") as caught:
            check_thread_id(value)
        assert caught.value.code == "E_PROTOCOL_THREAD_ID_INVALID"
