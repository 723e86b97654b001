"""Which messages of a conversation are judged, and against what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codex_runtime.protocol.lock import LockValidators
from codex_runtime.tooling.schema.messages import Conversation

HELLO = Path(__file__).parents[1] / "recordings" / "01_hello.jsonl"

VALIDATORS = LockValidators()


@pytest.fixture
def conversation():
    return Conversation(VALIDATORS)


def thread_started():
    """What the server was recorded answering to thread/start."""
    rows = [json.loads(line)["msg"] for line in HELLO.read_text().splitlines()]
    return next(row["result"] for row in rows if "thread" in (row.get("result") or {}))


def test_a_response_is_held_to_the_method_of_its_request(conversation):
    conversation.said("c2s", {"id": "a", "method": "thread/unsubscribe", "params": {"threadId": 1}})
    found = conversation.said("s2c", {"id": "a", "result": {"status": 1}})
    assert [problem.partition(":")[0] for problem in found] == [
        "params of thread/unsubscribe",
        "result of thread/unsubscribe",
    ]


def test_ids_of_different_types_are_different_requests(conversation):
    conversation.said("c2s", {"id": 1, "method": "thread/start", "params": {}})
    conversation.said("c2s", {"id": "1", "method": "account/logout"})
    assert conversation.said("s2c", {"id": "1", "result": {}}) == []
    assert conversation.said("s2c", {"id": 1, "result": {}})


def test_what_the_server_refuses_is_not_judged(conversation):
    conversation.said("c2s", {"id": 1, "method": "thread/read", "params": {"wrong": 1}})
    refusal = {"code": -32600, "message": "Invalid request: missing field `threadId`"}
    assert conversation.said("s2c", {"id": 1, "error": refusal}) == []
    assert conversation.judged.total() == 0


@pytest.mark.parametrize("error", [None, "no", {}, {"code": "x", "message": "m"}, {"code": 1}])
def test_a_response_with_neither_a_result_nor_an_error_is_a_problem(conversation, error):
    conversation.said("c2s", {"id": 1, "method": "thread/read", "params": {}})
    assert conversation.said("s2c", {"id": 1, "error": error})


@pytest.mark.parametrize("message", [None, 1, "x", []])
def test_what_is_no_message_is_a_problem_when_the_server_says_it(conversation, message):
    assert conversation.said("s2c", message)
    assert conversation.said("c2s", message) == []


def test_a_server_request_of_an_unknown_method_is_a_problem(conversation):
    assert conversation.said("s2c", {"id": 0, "method": "item/unheardOf", "params": {}})


def test_a_clients_answers_and_unheard_requests_are_not_judged(conversation):
    assert conversation.said("c2s", {"id": 0, "result": {"oops": 1}}) == []
    assert conversation.said("s2c", {"id": 50, "result": {"anything": 1}}) == []


@pytest.mark.parametrize(
    ("params", "problems"),
    [
        ({"dynamicTools": [{"name": "old", "description": "d", "inputSchema": {}}]}, 0),
        ({"cwd": 1}, 1),
    ],
)
def test_tools_without_a_type_are_tolerated_as_the_server_tolerates_them(
    conversation, params, problems
):
    conversation.said("c2s", {"id": 1, "method": "thread/start", "params": params})
    assert len(conversation.said("s2c", {"id": 1, "result": thread_started()})) == problems
