"""Requests of Codex in the core: held, written down, answered once, or expired (spec 06 §9)."""

import json

import pytest

from codex_runtime.errors import CodexRuntimeError, LocalProtocolError
from codex_runtime.host import request_desk as desk_
from codex_runtime.host.steps import Decline, Reply, RunTool
from codex_runtime.protocol.answers import (
    CommandApproval,
    DynamicToolResult,
    ElicitationAnswer,
    InputText,
    RefreshedTokens,
    UserAnswer,
    UserInputAnswers,
)
from support.core_desk import NEXT, OTHER, THREAD, TURN, Desk

ACCEPT = CommandApproval(decision="accept")
QUESTION = {
    "id": "q",
    "header": "h",
    "question": "?",
    "isOther": False,
    "isSecret": False,
    "options": [],
}


def in_flight(**known):
    desk = Desk(**known)
    desk.opened()
    return desk, desk.sent()


def ask(desk, request_id=99, *, turn=TURN, thread=THREAD, **told):
    params = {"threadId": thread, "turnId": turn, "itemId": "item-1", "command": "ls", **told}
    desk.hear(desk_.COMMAND, request_id, **params)


def call(desk, tool, request_id=201, arguments=None, **told):
    params = {"threadId": THREAD, "turnId": TURN, "callId": "call-1", "tool": tool, **told}
    desk.hear(desk_.TOOL, request_id, **params, arguments=arguments or {})


def expired(desk):
    """The requests that were written down as expired, and why."""
    return [
        (args.request_id, json.loads(args.response_json)["reason"])
        for args in desk.args_of("resolve_server_request")
        if args.status == "expired"
    ]


def asked_of_the_host(desk):
    return [message.id for kind, message in desk.told if kind == "request"]


def test_a_request_is_written_down_under_the_persisted_turn_and_told():
    desk, turn_id = in_flight()
    ask(desk, reason="because")
    (kept,) = desk.args_of("upsert_server_request")
    assert (kept.request_id, kept.turn_id, kept.item_id) == (99, turn_id, "item-1")
    assert (kept.method, kept.reason) == (desk_.COMMAND, "because")
    assert json.loads(kept.payload_json)["params"]["turnId"] == turn_id
    assert desk.state.pending_server_request_count == 1
    assert asked_of_the_host(desk) == [99]


def test_an_answer_goes_to_codex_first_and_is_written_down_then():
    desk, _ = in_flight()
    ask(desk)
    ticket = desk.respond(99, desk_.COMMAND, ACCEPT)
    assert desk.replies == [(99, {"decision": "accept"})]
    assert desk.args_of("resolve_server_request") == []
    assert desk.state.pending_server_request_count == 0
    desk.answer(Reply)
    assert ticket.error is None
    (resolved,) = desk.args_of("resolve_server_request")
    assert (resolved.request_id, resolved.status) == (99, "answered")
    assert json.loads(resolved.response_json) == {"decision": "accept"}


def test_a_request_is_answered_once():
    desk, _ = in_flight()
    ask(desk)
    desk.respond(99, desk_.COMMAND, ACCEPT)
    second = desk.respond(99, desk_.COMMAND, ACCEPT)
    desk.answer(Reply)
    third = desk.respond(99, desk_.COMMAND, ACCEPT)
    for late in (second, third):
        assert late.code == "E_RUNTIME_SERVER_REQUEST_UNKNOWN"
        assert "answered" in str(late.error)
    assert len(desk.args_of("resolve_server_request")) == 1


def test_an_id_that_is_a_number_is_not_the_one_that_is_a_text():
    desk, _ = in_flight()
    ask(desk, 1)
    assert desk.respond("1", desk_.COMMAND, ACCEPT).code == "E_RUNTIME_SERVER_REQUEST_UNKNOWN"
    ask(desk, "1")
    assert desk.state.pending_server_request_count == 2


def test_an_id_may_be_given_as_convex_keeps_it():
    desk, _ = in_flight()
    ask(desk, 99)
    desk.respond(99.0, desk_.COMMAND, ACCEPT)
    assert [request_id for request_id, _ in desk.replies] == [99]


def test_an_answer_of_another_kind_is_refused_and_the_request_waits_on():
    desk, _ = in_flight()
    ask(desk)
    assert desk.respond(99, desk_.FILES, ACCEPT).code == "E_RUNTIME_SERVER_REQUEST_KIND"
    assert desk.state.pending_server_request_count == 1


def test_an_answer_that_cannot_be_sent_leaves_the_request_waiting():
    desk, _ = in_flight()
    ask(desk)
    ticket = desk.respond(99, desk_.COMMAND, ACCEPT)
    desk.answer(Reply, LocalProtocolError("E_PROTOCOL_OUTBOUND_INVALID", "no such decision"))
    assert ticket.code == "E_PROTOCOL_OUTBOUND_INVALID"
    assert desk.state.pending_server_request_count == 1
    desk.respond(99, desk_.COMMAND, ACCEPT)
    assert len(desk.replies) == 1


def test_a_request_that_is_told_again_when_its_thread_is_resumed_is_the_same_request():
    desk, _ = in_flight()
    ask(desk)
    ask(desk)
    assert desk.state.pending_server_request_count == 1
    assert len(desk.args_of("upsert_server_request")) == 1
    assert asked_of_the_host(desk) == [99]


def test_another_request_under_the_same_id_takes_the_place_of_the_first():
    desk, _ = in_flight()
    ask(desk)
    call(desk, "somebody's", 99)
    assert desk.state.pending_server_request_count == 1
    assert expired(desk) == [(99, "askedAnew")]
    kept = desk.args_of("upsert_server_request")
    assert [one.method for one in kept] == [desk_.COMMAND, desk_.TOOL]


def test_the_end_of_a_turn_expires_its_requests_in_both_stores():
    desk, _ = in_flight()
    ask(desk)
    desk.completed(status="interrupted")
    assert desk.state.pending_server_request_count == 0
    assert expired(desk) == [(99, "turnEnded")]
    late = desk.respond(99, desk_.COMMAND, ACCEPT)
    assert late.code == "E_RUNTIME_SERVER_REQUEST_UNKNOWN"
    assert "turnEnded" in str(late.error)
    assert desk.replies == []


def test_the_end_of_another_turn_expires_nothing():
    desk, _ = in_flight()
    ask(desk)
    desk.completed(NEXT)
    assert desk.state.pending_server_request_count == 1


def test_a_request_that_another_client_has_answered_expires():
    desk, _ = in_flight()
    ask(desk)
    desk.hear("serverRequest/resolved", threadId=THREAD, requestId=99)
    assert desk.state.pending_server_request_count == 0
    assert expired(desk) == [(99, "resolvedElsewhere")]


def test_what_codex_says_of_our_own_answer_expires_nothing():
    desk, _ = in_flight()
    ask(desk)
    desk.respond(99, desk_.COMMAND, ACCEPT)
    desk.hear("serverRequest/resolved", threadId=THREAD, requestId=99)
    desk.answer(Reply)
    (resolved,) = desk.args_of("resolve_server_request")
    assert resolved.status == "answered"


def test_an_answer_that_crosses_the_end_of_its_request_expires_it():
    desk, _ = in_flight()
    ask(desk)
    ticket = desk.respond(99, desk_.COMMAND, ACCEPT)
    desk.completed()
    desk.answer(Reply, LocalProtocolError("E_PROTOCOL_REQUEST_UNKNOWN", "it does not wait"))
    assert ticket.code == "E_PROTOCOL_REQUEST_UNKNOWN"
    assert expired(desk) == [(99, "turnEnded")]
    assert desk.state.pending_server_request_count == 0


def test_the_end_of_codex_expires_everything():
    desk, _ = in_flight()
    ask(desk, 1)
    call(desk, "somebody's", 2)
    desk.exit()
    assert desk.state.pending_server_request_count == 0
    assert expired(desk) == [(1, "codexExited"), (2, "codexExited")]


def test_stopping_expires_everything():
    desk, _ = in_flight()
    ask(desk)
    stopped = desk.stop()
    desk.answer("turn/interrupt")
    assert stopped.settled
    assert expired(desk) == [(99, "runtimeStopped")]


def test_a_request_that_cannot_be_kept_at_once_is_kept_behind_its_turn_later():
    desk, _ = in_flight()
    desk.persistence.kept.clear()
    desk.slow.add("ingest")
    desk.hear("turn/diff/updated", threadId=THREAD, turnId=TURN, diff="")
    desk.pass_time(10)
    ask(desk)
    assert desk.args_of("upsert_server_request") == []
    desk.respond(99, desk_.COMMAND, ACCEPT)
    desk.answer(Reply)
    desk.slow.clear()
    desk.answer("ingest")
    order = ["ingest", "upsert_server_request", "resolve_server_request"]
    assert sorted(order, key=desk.kept.index) == order


@pytest.mark.parametrize(
    ("method", "told"),
    [
        (desk_.COMMAND, {"threadId": THREAD, "turnId": TURN}),
        (desk_.COMMAND, {"threadId": THREAD, "itemId": "i"}),
        (desk_.TOOL, {"threadId": THREAD, "turnId": TURN, "tool": "t"}),
        (desk_.QUESTION, {"threadId": THREAD, "turnId": TURN, "itemId": "i"}),
        (
            desk_.QUESTION,
            {"threadId": THREAD, "turnId": TURN, "itemId": "i", "questions": [{"id": "q"}]},
        ),
        (desk_.REFRESH, {"reason": "somethingNew"}),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_and_reported(method, told):
    desk, _ = in_flight()
    desk.hear(method, 7, **told)
    (refused,) = desk.waiting(Decline)
    assert refused.request.id == 7
    assert desk.state.last_error_code == "E_RUNTIME_PROTOCOL_EVENT_INVALID"
    ((message, _),) = desk.reports
    assert f'Failed to process event "{method}"' in message
    assert desk.state.pending_server_request_count == 0


def test_a_request_of_a_method_that_nobody_knows_is_refused():
    desk, _ = in_flight()
    desk.hear("item/somethingNew/request", 7, threadId=THREAD, turnId=TURN)
    (refused,) = desk.waiting(Decline)
    assert "item/somethingNew/request" in refused.why


def test_a_question_is_written_down_with_its_questions():
    desk, _ = in_flight()
    params = {"threadId": THREAD, "turnId": TURN, "itemId": "i"}
    without = {name: value for name, value in QUESTION.items() if name != "options"}
    desk.hear(desk_.QUESTION, 5, **params, questions=[QUESTION, without])
    (kept,) = desk.args_of("upsert_server_request")
    assert json.loads(kept.questions_json) == [QUESTION, {**QUESTION, "options": None}]
    answer = UserInputAnswers(answers={"q": UserAnswer(answers=("yes",))})
    desk.respond(5, desk_.QUESTION, answer)
    assert desk.replies == [(5, {"answers": {"q": {"answers": ["yes"]}}})]


def test_fresh_tokens_are_asked_of_the_host_and_counted_nowhere():
    desk, _ = in_flight()
    desk.hear(desk_.REFRESH, 3, reason="unauthorized")
    assert desk.state.pending_server_request_count == 0
    assert asked_of_the_host(desk) == [3]
    answer = RefreshedTokens(access_token="a", chatgpt_account_id="b", chatgpt_plan_type=None)
    desk.respond(3, desk_.REFRESH, answer)
    told = {"accessToken": "a", "chatgptAccountId": "b", "chatgptPlanType": None}
    assert desk.replies == [(3, told)]


def test_permissions_and_elicitations_are_held_and_not_written_down():
    desk, _ = in_flight()
    where = {"threadId": THREAD, "turnId": TURN}
    desk.hear(desk_.PERMISSIONS, 1, **where, itemId="i", permissions={})
    desk.hear(desk_.ELICITATION, 2, **where, serverName="s")
    assert desk.state.pending_server_request_count == 2
    assert desk.args_of("upsert_server_request") == []
    desk.respond(2, desk_.ELICITATION, ElicitationAnswer(action="accept", content=None))
    assert [request_id for request_id, _ in desk.replies] == [2]
    desk.answer(Reply)
    desk.completed()
    assert desk.state.pending_server_request_count == 0
    assert desk.args_of("resolve_server_request") == []


def test_a_request_of_another_thread_can_be_answered_and_is_not_kept_in_the_open_one():
    desk, _ = in_flight()
    ask(desk, thread=OTHER, turn=NEXT)
    assert asked_of_the_host(desk) == [99]
    assert desk.args_of("upsert_server_request") == []
    assert desk.state.pending_server_request_count == 1
    desk.completed(NEXT, thread=OTHER)
    assert desk.state.pending_server_request_count == 0
    assert desk.state.turn_in_flight


def test_nothing_is_answered_without_a_connection():
    desk = Desk(connect=False)
    assert desk.respond(1, desk_.COMMAND, ACCEPT).code == "E_RUNTIME_NOT_CONNECTED"


def test_the_requests_of_the_open_conversation_are_listed_as_they_are_kept():
    desk = Desk()
    assert desk.begin(desk.core.requests.listed()).value == []
    assert desk.args_of("list_server_requests") == []
    desk.opened(pin="mine")
    assert desk.begin(desk.core.requests.listed()).value == []
    (asked,) = desk.args_of("list_server_requests")
    assert (asked.conversation_id, asked.limit) == ("mine", 100)


# Tools that the host has registered.


def test_a_registered_tool_is_run_and_its_answer_sent():
    desk, _ = in_flight(tools=("add",))
    call(desk, "add", arguments={"a": 1})
    (run,) = desk.waiting(RunTool)
    assert (run.tool, run.arguments) == ("add", {"a": 1})
    assert asked_of_the_host(desk) == []
    answer = DynamicToolResult(content_items=(InputText(text="1"),), success=True)
    desk.answer(RunTool, answer)
    assert [request_id for request_id, _ in desk.replies] == [201]
    desk.answer(Reply)
    (resolved,) = desk.args_of("resolve_server_request")
    assert resolved.status == "answered"
    (kept,) = desk.args_of("upsert_server_request")
    assert kept.item_id == "call-1"


def test_a_tool_that_is_called_after_its_turn_is_answered_like_any_other():
    desk, _ = in_flight(tools=("add",))
    desk.completed()
    call(desk, "add")
    desk.answer(RunTool, DynamicToolResult(content_items=(), success=True))
    desk.answer(Reply)
    assert desk.state.pending_server_request_count == 0
    assert not desk.state.turn_in_flight


def test_a_tool_of_a_namespace_is_not_the_registered_one():
    desk, _ = in_flight(tools=("add",))
    call(desk, "add", namespace="other")
    assert desk.waiting(RunTool) == []
    assert asked_of_the_host(desk) == [201]


def test_a_registered_tool_that_the_runtime_could_not_run_answers_the_model():
    desk, _ = in_flight(tools=("add",))
    call(desk, "add")
    desk.answer(RunTool, CodexRuntimeError("E_RUNTIME_STEP_FAILED", "it was broken off"))
    ((_, answer),) = desk.replies
    assert answer["success"] is False


def test_the_host_may_answer_in_the_place_of_a_tool_that_takes_long():
    desk, _ = in_flight(tools=("add",))
    call(desk, "add")
    answer = DynamicToolResult(content_items=(), success=False)
    desk.respond(201, desk_.TOOL, answer)
    desk.answer(Reply)
    desk.answer(RunTool, answer)
    assert desk.replies == []
    assert len(desk.args_of("resolve_server_request")) == 1


@pytest.mark.parametrize("end", ["turn", "resolved", "exit"])
def test_a_tool_is_broken_off_when_nobody_waits_for_its_answer_any_more(end):
    desk, _ = in_flight(tools=("add",))
    call(desk, "add")
    if end == "turn":
        desk.completed(status="interrupted")
    elif end == "resolved":
        desk.hear("serverRequest/resolved", threadId=THREAD, requestId=201)
    else:
        desk.exit()
    (run,) = desk.waiting(RunTool)
    assert desk.abandoned == [run.call]
    desk.answer(RunTool, CodexRuntimeError("E_RUNTIME_STEP_FAILED", "it was broken off"))
    assert desk.replies == []
