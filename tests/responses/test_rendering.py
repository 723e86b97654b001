"""What a script becomes in the words of the Responses API, event by event."""

from __future__ import annotations

import json

import pytest

from codex_fakes.responses.actions import AwaitGate, OpenStream, Pause, Refuse, Send, StaySilent
from codex_fakes.responses.render import MadeCall, render
from codex_fakes.script import (
    Ask,
    CallTool,
    Drop,
    FailHttp,
    FailResponse,
    Garbage,
    Incomplete,
    Option,
    Patch,
    Question,
    Response,
    Run,
    Say,
    ScriptPlayer,
    Stall,
    Think,
    TypeInto,
    Usage,
    Wait,
    script,
)
from codex_runtime.errors import ConfigurationError


def rendered(*steps, sessions=None, headers=None):
    row = Response(steps=steps, headers=headers or {})
    planned = ScriptPlayer(script(row)).next_response("")
    return render(planned, model="m", sessions=sessions or {})


def parsed(action):
    name, data = action.data.decode().removesuffix("\n\n").split("\n")
    event = json.loads(data.removeprefix("data: "))
    assert name == f"event: {event['type']}"
    return event


def events(rendering):
    return [parsed(action) for action in rendering.actions if isinstance(action, Send)]


def kinds(rendering):
    """Everything that happens: short names of events, and the other actions."""
    return [
        parsed(action)["type"].removeprefix("response.") if isinstance(action, Send) else action
        for action in rendering.actions
        if not isinstance(action, OpenStream)
    ]


def done_items(rendering):
    return [e["item"] for e in events(rendering) if e["type"] == "response.output_item.done"]


def test_a_message_streams_in_its_pieces():
    rendering = rendered(Say(text=("Hel", "lo"), phase="commentary", item_id="m1"))
    assert kinds(rendering) == [
        "created", "output_item.added", "content_part.added", "output_text.delta",
        "output_text.delta", "output_text.done", "content_part.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    deltas = [e["delta"] for e in events(rendering) if e["type"].endswith("text.delta")]
    assert deltas == ["Hel", "lo"]
    (item,) = done_items(rendering)
    assert item == {
        "type": "message", "id": "m1", "role": "assistant", "phase": "commentary",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
    }  # fmt: skip
    assert rendering.regular


def test_events_and_items_are_numbered_without_a_gap():
    rendering = rendered(Think(summary=("a",)), Say(text="b"), Run(command="ls"), Patch(patch="p"))
    numbers = [event["sequence_number"] for event in events(rendering)]
    assert numbers == list(range(len(numbers)))
    added = [e for e in events(rendering) if e["type"] == "response.output_item.added"]
    assert [event["output_index"] for event in added] == [0, 1, 2, 3]
    assert events(rendering)[-1]["response"]["output"] == done_items(rendering)


def test_reasoning_has_parts_and_a_raw_chain():
    rendering = rendered(Think(summary=(("a", "b"), "c"), raw=("x", "y"), item_id="r"))
    assert kinds(rendering)[2:-2] == [
        "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.delta", "reasoning_summary_text.done",
        "reasoning_summary_part.done", "reasoning_summary_part.added",
        "reasoning_summary_text.delta", "reasoning_summary_text.done",
        "reasoning_summary_part.done", "reasoning_text.delta", "reasoning_text.delta",
        "reasoning_text.done",
    ]  # fmt: skip
    (item,) = done_items(rendering)
    assert [part["text"] for part in item["summary"]] == ["ab", "c"]
    assert item["content"] == [{"type": "reasoning_text", "text": "xy"}]


@pytest.mark.parametrize(
    ("step", "name", "arguments"),
    [
        (Run(command="ls"), "exec_command", {"cmd": "ls"}),
        (Run(command="ls", tty=True, yield_ms=5, escalate="May I?"), "exec_command",
         {"cmd": "ls", "tty": True, "yield_time_ms": 5, "sandbox_permissions": "require_escalated",
          "justification": "May I?"}),
        (CallTool(tool="t", arguments={"a": "\u00e9"}), "t", {"a": "\u00e9"}),
        (Ask(questions=(Question(id="c", header="h", question="q",
                                 options=(Option(label="l", description="d"),)),)),
         "request_user_input",
         {"questions": [{"id": "c", "header": "h", "question": "q",
                         "options": [{"label": "l", "description": "d"}]}]}),
    ],
)  # fmt: skip
def test_a_step_becomes_a_function_call(step, name, arguments):
    rendering = rendered(step)
    (item,) = done_items(rendering)
    assert (item["type"], item["name"], item["call_id"]) == ("function_call", name, "call_0_0")
    assert json.loads(item["arguments"]) == arguments
    assert rendering.calls == (MadeCall("call_0_0", "function_call", name, item["arguments"]),)


def test_arguments_that_are_a_text_are_sent_as_they_are():
    rendering = rendered(CallTool(tool="t", arguments="{no json", namespace="ns"))
    (item,) = done_items(rendering)
    assert (item["arguments"], item["namespace"]) == ("{no json", "ns")


def test_a_patch_is_a_custom_call_that_streams_by_line():
    patch = "*** Begin Patch\n*** End Patch\n"
    rendering = rendered(Patch(patch=patch, call_id="p"))
    (item,) = done_items(rendering)
    assert (item["type"], item["name"], item["input"]) == ("custom_tool_call", "apply_patch", patch)
    deltas = [e["delta"] for e in events(rendering) if e["type"].endswith("input.delta")]
    assert deltas == patch.splitlines(keepends=True)
    assert rendering.calls == (MadeCall("p", "custom_tool_call", "apply_patch", patch),)


def typing_into(into):
    player = ScriptPlayer(script(Run(command="cat", call_id="c"), TypeInto(into=into, text="x\n")))
    player.next_response("")
    return player.next_response("")


def test_typing_uses_the_session_of_the_running_command():
    rendering = render(typing_into("c"), model="m", sessions={"c": 77})
    (item,) = done_items(rendering)
    assert item["name"] == "write_stdin"
    assert json.loads(item["arguments"]) == {"session_id": 77, "chars": "x\n"}


def test_typing_into_a_command_that_is_not_running_cannot_be_played():
    with pytest.raises(ConfigurationError) as caught:
        render(typing_into("c"), model="m", sessions={"other": 1})
    assert caught.value.code == "E_SCRIPT_UNPLAYABLE"
    assert "response 2 types into the command of call 'c'" in caught.value.text


def test_usage_is_reported_when_the_response_is_complete():
    rendering = rendered(Usage(input=7, cached=3, output=5, reasoning=2), Say(text="a"))
    assert events(rendering)[-1]["response"]["usage"] == {
        "input_tokens": 7, "input_tokens_details": {"cached_tokens": 3},
        "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 12,
    }  # fmt: skip
    assert events(rendered(Say(text="a")))[-1]["response"]["usage"]["total_tokens"] == 120


def test_something_happens_in_the_middle_of_a_message_that_is_left_open():
    rendering = rendered(Say(text="a", left_open=True), Wait(gate="g"), Say(text="b"))
    assert kinds(rendering)[3:] == [
        "output_text.delta", AwaitGate("g"), "output_text.delta", "output_text.done",
        "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert done_items(rendering)[0]["content"][0]["text"] == "ab"


def test_another_item_finishes_a_message_that_is_left_open():
    rendering = rendered(Say(text="a", left_open=True), Wait(gate="g"), Run(command="ls"))
    assert [item["type"] for item in done_items(rendering)] == ["message", "function_call"]


@pytest.mark.parametrize(
    ("end", "last"),
    [
        (Drop(), "output_text.delta"),
        (Stall(), StaySilent()),
        (FailResponse(code="c"), "failed"),
        (Incomplete(), "incomplete"),
    ],
)
def test_an_early_end_leaves_the_open_message_unfinished(end, last):
    rendering = rendered(Say(text="a", left_open=True), end)
    assert kinds(rendering)[-1] == last
    assert done_items(rendering) == []
    assert not rendering.regular


def test_a_failed_response_says_why():
    (_, failed) = events(rendered(FailResponse(code="insufficient_quota", message="no money")))
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"] == {"code": "insufficient_quota", "message": "no money"}


def test_an_incomplete_response_says_why():
    (_, last) = events(rendered(Incomplete(reason="content_filter")))
    assert last["response"]["incomplete_details"] == {"reason": "content_filter"}


def test_a_pause_stands_between_two_deltas():
    rendering = rendered(Say(text=("a", "b", "c"), pause_ms=9))
    assert kinds(rendering)[3:8] == [
        "output_text.delta", Pause(9), "output_text.delta", Pause(9), "output_text.delta",
    ]  # fmt: skip


def test_a_drop_as_the_only_step_sends_nothing():
    assert rendered(Drop()).actions == (OpenStream({}),)


def test_garbage_may_come_before_the_first_event():
    rendering = rendered(Garbage(text="data: {no\n\n"), Say(text="a"))
    assert rendering.actions[:2] == (OpenStream({}), Send(b"data: {no\n\n"))
    assert parsed(rendering.actions[2])["type"] == "response.created"


def test_a_wait_comes_after_the_first_event_of_a_stream():
    rendering = rendered(Wait(gate="g"), Say(text="a"), headers={"x-a": "b"})
    assert rendering.actions[0] == OpenStream({"x-a": "b"})
    assert kinds(rendering)[:2] == ["created", AwaitGate("g")]


def test_an_http_error_comes_instead_of_a_stream():
    step = FailHttp(
        status=429,
        type="usage_limit_reached",
        code="c",
        message="no",
        headers={"retry-after": "1"},
        details={"resets_at": 5},
    )
    wait, refuse = rendered(Wait(gate="g"), step).actions
    assert wait == AwaitGate("g")
    assert isinstance(refuse, Refuse)
    assert (refuse.status, refuse.headers) == (429, {"retry-after": "1"})
    assert json.loads(refuse.body) == {
        "error": {"message": "no", "type": "usage_limit_reached", "code": "c", "resets_at": 5}
    }


def test_an_error_without_code_and_type_has_neither():
    (refuse,) = rendered(FailHttp(status=500, message="x")).actions
    assert json.loads(refuse.body) == {"error": {"message": "x"}}
