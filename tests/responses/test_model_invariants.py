"""What Codex must send: each rule broken once, and what is no breach."""

from __future__ import annotations

import json

import pytest

from codex_fakes.responses.invariants import Ledger
from codex_fakes.responses.render import MadeCall
from codex_fakes.responses.requests import read_request

CALL = MadeCall("c1", "function_call", "exec_command", '{"cmd":"ls"}')
PATCH = MadeCall("p1", "custom_tool_call", "apply_patch", "*** Begin Patch")
USER = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]}
REPLY = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]}
CALL_ITEM = {
    "type": "function_call", "id": "fc_1", "call_id": "c1", "name": "exec_command",
    "arguments": '{"cmd":"ls"}',
}  # fmt: skip
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "done"}
PATCH_ITEM = {
    "type": "custom_tool_call", "call_id": "p1", "name": "apply_patch", "input": "*** Begin Patch",
}  # fmt: skip
PATCH_OUTPUT = {"type": "custom_tool_call_output", "call_id": "p1", "output": "done"}


def user(text):
    return {**USER, "content": [{"type": "input_text", "text": text}]}


def asked(*items, window="t:0", kind="turn", read_back=False, **body):
    metadata = {
        "request_kind": kind,
        "history_initialization": "cold_resume" if read_back else "new",
    }
    headers = {"x-codex-window-id": window, "x-codex-turn-metadata": json.dumps(metadata)}
    said = {"model": "m", "stream": True, "input": list(items), **body}
    return read_request(1, headers, json.dumps(said).encode())


def ledger(*calls, known_history=True):
    made = Ledger(known_history=known_history)
    made.answering(calls)
    return made


def findings(*requests, calls=(CALL, PATCH)):
    """Check requests in turn; all but the last must be right."""
    book = ledger(*calls)
    for request in requests[:-1]:
        assert book.check(request) == []
    return book.check(requests[-1])


@pytest.mark.parametrize(
    "requests",
    [
        (asked(USER),),
        (asked(USER), asked(USER, CALL_ITEM, OUTPUT), asked(USER, CALL_ITEM, OUTPUT, REPLY, USER)),
        (asked(USER, CALL_ITEM, PATCH_ITEM, PATCH_OUTPUT, OUTPUT),),
        (asked(USER, REPLY), asked(USER, REPLY)),
        (asked({**USER, "id": "a"}), asked({**USER, "id": "b", "status": None}, REPLY)),
        (asked(USER, REPLY), asked(REPLY, window="t:1")),
        (asked(USER, REPLY), asked(user("other"), window="u:0")),
        (asked(USER, REPLY), asked(user("summarize"), kind="compaction"), asked(USER, REPLY)),
        (asked(USER, REPLY, user("b")), asked(USER, REPLY, user("c"), read_back=True)),
        (asked(USER, REPLY, user("b")), asked(USER, REPLY, read_back=True)),
    ],
    ids=["first", "grows", "outputs in any order", "retry", "new ids", "new window",
         "other thread", "compaction", "revert", "revert without more"],
)  # fmt: skip
def test_what_codex_does_is_no_finding(requests):
    assert findings(*requests) == []


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (asked(USER, model=""), "it names no model"),
        (asked(USER, stream=False), "it does not ask for a stream"),
        (asked(), "its input is no list of items"),
        (asked(USER, input="text"), "its input is no list of items"),
        (asked(USER, "text"), "its input holds something that is no item"),
        (asked(CALL_ITEM), "the call 'c1' has no output"),
        (asked(OUTPUT), "there is an output, but no call 'c1' before it"),
        (asked(OUTPUT, CALL_ITEM), "there is an output, but no call 'c1' before it"),
        (asked(CALL_ITEM, OUTPUT, OUTPUT), "the call 'c1' has two outputs"),
        (asked(CALL_ITEM, CALL_ITEM, OUTPUT), "the call 'c1' is there twice"),
        (asked(CALL_ITEM, {**PATCH_OUTPUT, "call_id": "c1"}),
         "the output of 'c1' is a custom_tool_call_output, its call a function_call"),
        (asked({**CALL_ITEM, "call_id": "c9"}, {**OUTPUT, "call_id": "c9"}),
         "the call 'c9' was never made"),
        (asked({**CALL_ITEM, "arguments": "{}"}, OUTPUT), "the call 'c1' is not told as it was"),
        (asked({**CALL_ITEM, "name": "other"}, OUTPUT), "the call 'c1' is not told as it was"),
        (asked({**PATCH_ITEM, "input": "x"}, PATCH_OUTPUT), "the call 'p1' is not told as it was"),
    ],
)  # fmt: skip
def test_a_request_that_is_wrong_in_itself_is_found(request_, said):
    assert any(text.startswith(said) for text in findings(request_)), findings(request_)


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (asked(USER, REPLY), asked(USER), "the history shrank from 2 items to 1"),
        (asked(USER, REPLY), asked(REPLY, USER), "item 0 of the history was changed from"),
        (asked(USER, REPLY), asked(USER, user("b")), "item 1 of the history was changed from"),
        (asked(USER, REPLY), asked(USER, read_back=True), "the history shrank"),
        (asked(USER, CALL_ITEM, OUTPUT), asked(USER, read_back=True), "the history shrank"),
    ],
    ids=["shrinks", "order", "replaced", "cut before a reply", "cut before a call"],
)
def test_a_history_that_does_not_grow_is_found(before, now, said):
    assert any(text.startswith(said) for text in findings(before, now)), findings(before, now)


def test_what_a_regular_response_called_must_be_in_the_next_request():
    book = ledger(CALL)
    first = asked(USER)
    assert book.check(first) == []
    book.finished(first, [CALL])
    assert book.check(asked(USER, user("b"))) == ["the call 'c1' of a response before is missing"]


def test_a_call_of_a_turn_that_was_reverted_may_be_missing():
    book = ledger(CALL)
    first = asked(USER, REPLY, user("b"))
    assert book.check(first) == []
    book.finished(first, [CALL])
    assert book.check(asked(USER, REPLY, user("c"), read_back=True)) == []


def test_a_history_from_before_this_server_is_taken_as_it_is():
    book = ledger(known_history=False)
    assert book.check(asked(USER, CALL_ITEM, OUTPUT)) == []


@pytest.mark.parametrize(
    ("raw", "headers", "said"),
    [
        (b"{", {}, "the body is not JSON"),
        (b"[]", {}, "the body is no JSON object"),
        (b"\xff", {}, "the body is not JSON"),
        (b"[" * 100_000, {}, "the body is not JSON"),
        (b"{}", {"content-encoding": "zstd"}, "the body is encoded as zstd"),
    ],
)
def test_a_body_that_cannot_be_read_is_a_finding(raw, headers, said):
    (text,) = ledger().check(read_request(1, headers, raw))
    assert text.startswith(said)


def test_the_users_text_is_the_newest_that_the_user_wrote():
    request = asked(
        user("<environment_context>x"), user("one"), REPLY, user("two"), user("<turn_aborted>y")
    )
    assert request.user_text == "two"
    assert asked(REPLY).user_text == ""


def test_sessions_are_read_from_what_the_commands_gave():
    running = "Wall time: 1\nProcess running with session ID 42\nOutput:\nx"
    lying = "Process exited with code 0\nOutput:\nProcess running with session ID 43\n"
    request = asked(
        {**OUTPUT, "output": running},
        {**OUTPUT, "call_id": "c2", "output": lying},
        {**OUTPUT, "call_id": "c3", "output": [{"type": "input_text", "text": running}]},
    )
    assert request.sessions == {"c1": 42, "c3": 42}
