"""Requests of the app-server: every state and event, their identity, their listing."""

from __future__ import annotations

import json

import pytest

from codex_conformance.requirements.states import EXPECTED_STATES
from support.host import Host, Stream, refused

pytestmark = pytest.mark.anyio

REQUEST = EXPECTED_STATES["server request"]
QUESTION = {
    "id": "q",
    "header": "H",
    "question": "which?",
    "isOther": False,
    "isSecret": False,
    "options": [{"label": "a", "description": "the first"}],
}


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def thread(host):
    thread = host.conversation()
    host.ingest(thread, Stream().turn_started())
    return thread


def ask(host, thread, request=1, **more):
    asked = {
        "turnId": "turn-1",
        "itemId": "i",
        "method": "item/tool/requestUserInput",
        "payloadJson": "{}",
        "requestedAt": 10,
    }
    host.call("upsertPendingServerRequest", requestId=request, threadId=thread, **{**asked, **more})


def resolve(host, thread, status, request=1, **more):
    host.call(
        "resolvePendingServerRequest",
        requestId=request,
        threadId=thread,
        status=status,
        **{"resolvedAt": 20, **more},
    )


def listed(host, **more):
    return host.call("listPendingServerRequestsByConversation", conversationId="c", **more)


def bring(host, thread, event):
    if event == "upsert":
        ask(host, thread)
    else:
        resolve(host, thread, {"answer": "answered", "expire": "expired"}[event])


@pytest.mark.parametrize("event", ["upsert", "answer", "expire"])
@pytest.mark.parametrize("before", list(REQUEST))
def test_a_request_moves_as_expected(host, thread, before, event):
    ask(host, thread)
    if before != "pending":
        resolve(host, thread, before, responseJson='{"answers":{}}')
    (stored,) = host.rows("codex_server_requests")
    after = REQUEST[before][event]
    if after.startswith("E_"):
        assert refused(bring, host, thread, event) == after
    else:
        bring(host, thread, event)
    (row,) = host.rows("codex_server_requests")
    if after == "=" or after.startswith("E_"):
        assert row == stored
    else:
        assert row["status"] == after


def test_an_answer_is_kept_and_the_same_one_again_changes_nothing(host, thread):
    ask(host, thread)
    resolve(host, thread, "answered", responseJson='{"a":1}')
    resolve(host, thread, "answered", responseJson='{"a":2}', resolvedAt=99)
    (row,) = host.rows("codex_server_requests")
    assert (row["responseJson"], row["resolvedAt"], row["updatedAt"]) == ('{"a":1}', 20, 20)


def test_asking_again_opens_the_request_and_leaves_nothing_of_the_answer(host, thread):
    ask(host, thread, reason="first", questionsJson=json.dumps([QUESTION]))
    resolve(host, thread, "answered", responseJson="x" * 1_500_000)
    ask(host, thread, payloadJson='{"again":1}')
    (row,) = listed(host)
    assert not {"resolvedAt", "responseJson"} & set(row)
    assert (row["payloadJson"], row["reason"]) == ('{"again":1}', "first")
    assert row["questions"] == [QUESTION]
    assert host.rows("codex_payload_parts") == []


def test_ids_that_are_a_number_and_a_text_are_two(host, thread):
    ask(host, thread, 1, itemId="number")
    ask(host, thread, "1", itemId="text")
    assert {(row["requestId"], row["itemId"]) for row in listed(host)} == {
        (1, "number"),
        ("1", "text"),
    }
    resolve(host, thread, "answered", "1")
    assert [row["itemId"] for row in listed(host)] == ["number"]


def test_one_id_in_two_threads_is_two_requests(host, thread):
    other = host.conversation("d", session="s2")
    host.ingest(other, Stream().turn_started(streamId="other"), session="s2")
    ask(host, thread)
    ask(host, other)
    resolve(host, other, "answered")
    assert len(listed(host)) == 1


def test_a_request_that_is_not_there_cannot_be_resolved(host, thread):
    assert refused(resolve, host, thread, "answered", 7) == "E_SERVER_REQUEST_NOT_FOUND"


def test_a_request_needs_its_thread_and_its_turn(host, thread):
    assert refused(ask, host, thread, turnId="none") == "E_TURN_NOT_FOUND"
    assert refused(ask, host, "nowhere") == "E_THREAD_NOT_FOUND"
    assert refused(ask, host.acting("v"), thread) == "E_THREAD_NOT_FOUND"


@pytest.mark.parametrize(
    "questions",
    ["{", "{}", "[1]", "[{}]", json.dumps([{**QUESTION, "options": 7}])],
)
def test_questions_that_are_none_are_refused_when_they_are_written(host, thread, questions):
    code = refused(ask, host, thread, questionsJson=questions)
    assert code == "E_SERVER_REQUEST_QUESTIONS_JSON_INVALID"
    assert listed(host) == []


def test_questions_without_options_are_questions(host, thread):
    ask(host, thread, questionsJson=json.dumps([{**QUESTION, "options": None, "more": 1}]))
    assert listed(host)[0]["questions"] == [{**QUESTION, "options": None}]


def test_requests_are_listed_the_latest_changed_first_as_many_as_wanted(host, thread):
    for place in range(210):
        ask(host, thread, place, requestedAt=place)
    assert [row["requestId"] for row in listed(host)] == list(range(209, 109, -1))
    for limit, most in ((0, 1), (-3, 1), (2.9, 2), (500, 200)):
        assert len(listed(host, limit=limit)) == most


def test_large_requests_are_listed_within_the_limits_of_a_transaction(host, thread):
    for place in range(14):
        ask(host, thread, place, payloadJson="p" * 1_500_000, requestedAt=place)
    rows = listed(host)
    assert [row["requestId"] for row in rows] == list(range(13, 13 - len(rows), -1))
    assert rows


def test_requests_of_a_conversation_that_is_not_there_are_none(host, thread):
    ask(host, thread)
    assert host.call("listPendingServerRequestsByConversation", conversationId="no") == []
    assert listed(host.acting("v")) == []


def test_without_a_thread_the_component_lists_those_of_all_threads(host, thread):
    ask(host, thread)
    assert len(host.call("serverRequests.listPending")) == 1
    assert host.acting("v").call("serverRequests.listPending") == []


@pytest.mark.parametrize("ending", ["completed", "interrupted", "failed"])
async def test_the_end_of_a_turn_expires_what_still_waits(host, thread, ending):
    ask(host, thread, 1, reason="to ask")
    ask(host, thread, 2)
    resolve(host, thread, "answered", 2)
    host.ingest(thread, Stream(start=1).turn_completed(ending, "why"))
    await host.settle()
    rows = {row["requestIdText"]: row for row in host.rows("codex_server_requests")}
    assert (rows["1"]["status"], rows["1"]["reason"]) == ("expired", "to ask")
    assert rows["2"]["status"] == "answered"


async def test_a_request_that_comes_after_the_end_of_its_turn_does_not_wait(host, thread):
    host.ingest(thread, Stream(start=1).turn_completed())
    await host.settle()
    ask(host, thread)
    await host.settle()
    assert listed(host) == []
    (row,) = host.rows("codex_server_requests")
    assert row["status"] == "expired"
