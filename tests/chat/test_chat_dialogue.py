"""A chat decided without IO: what happens goes in, what is to be done comes out."""

from __future__ import annotations

import pytest

from codex_runtime.chat.effects import (
    Break,
    Decide,
    GiveAnswers,
    Import,
    Interrupt,
    Line,
    ListThreads,
    Progress,
    Prompt,
    RefuseTool,
    Send,
    Steer,
    Stream,
)
from codex_runtime.chat.rules import IN_PIPE, ON_TERMINAL
from codex_runtime.errors import CodexRuntimeError
from codex_runtime.host.import_records import ImportProgress
from support.chat_pieces import Chat, asks, asks_command, asks_user, imported, state, told

ACCEPTED = Decide(7, "command", "accept")


def test_the_rules_say_something_of_every_line_in_every_place():
    for rules in (ON_TERMINAL, IN_PIPE):
        assert set(rules) == {"ready", "sending", "calling", "turn", "asking"}
        for row in rules.values():
            assert set(row) == {"text", "of_turn", "local", "call"}


# What is said.


def test_a_text_is_sent_as_a_turn():
    assert Chat().typed("hello") == [Send("hello")]


def test_an_empty_line_asks_for_another_one():
    assert Chat().typed("  ") == [Prompt("> ")]


def test_a_text_during_a_turn_is_refused_with_what_to_do_instead():
    chat = Chat(in_turn=True)
    effects = chat.typed("and another thing")
    assert not chat.calls(effects)
    assert "E_RUNTIME_DISPATCH_TURN_IN_FLIGHT" in chat.shown(effects)[0]
    assert "/steer" in chat.shown(effects)[0]


def test_in_a_pipe_it_waits_for_the_end_of_the_turn():
    chat = Chat(interactive=False, in_turn=True)
    assert chat.typed("and another thing") == []
    assert not chat.dialogue.takes_lines
    assert chat.calls(chat.end_turn()) == [Send("and another thing")]
    assert chat.dialogue.takes_lines


def test_a_text_that_is_typed_while_another_is_being_sent_waits():
    chat = Chat()
    (send,) = chat.typed("one")
    assert chat.typed("two") == []
    assert chat.call_done(send, None) == [Send("two")]


def test_a_turn_that_cannot_be_sent_says_why_and_the_chat_goes_on():
    chat = Chat()
    (send,) = chat.typed("one")
    error = CodexRuntimeError("E_PERSISTENCE_UNREACHABLE", "No connection.")
    effects = chat.call_failed(send, error)
    assert effects[0] == Line("[E_PERSISTENCE_UNREACHABLE] No connection.", "error")
    assert effects[1] == Line(f"  {error.advice}", "notice")
    assert effects[-1] == Prompt("> ")
    assert chat.typed("again") == [Send("again")]


# What is shown.


def test_an_answer_is_shown_as_it_grows_and_not_again_at_its_end():
    chat = Chat(in_turn=True)
    grown = chat.told(told("item/agentMessage/delta", itemId="a", delta="Hel"))
    grown += chat.told(told("item/agentMessage/delta", itemId="a", delta="lo"))
    item = {"type": "agentMessage", "id": "a", "text": "Hello"}
    grown += chat.told(told("item/completed", item=item))
    assert grown == [Break(), Stream("Hel"), Stream("lo")]


def test_an_answer_that_did_not_grow_is_shown_whole():
    chat = Chat(in_turn=True)
    item = {"type": "agentMessage", "id": "a", "text": "Hello"}
    assert chat.told(told("item/completed", item=item)) == [Line("Hello")]


def test_an_answer_that_is_completed_after_the_turn_is_not_shown_again():
    chat = Chat(in_turn=True)
    chat.told(told("item/agentMessage/delta", itemId="a", delta="Hello"))
    chat.end_turn()
    item = {"type": "agentMessage", "id": "a", "text": "Hello"}
    assert chat.told(told("item/completed", item=item)) == []


def test_an_id_that_comes_back_in_the_next_turn_is_another_text():
    chat = Chat(in_turn=True)
    chat.told(told("item/agentMessage/delta", itemId="a", delta="Hello"))
    chat.end_turn()
    chat.begin_turn("more")
    chat.told(told("turn/started", turn={"id": "turn-2"}))
    item = {"type": "agentMessage", "id": "a", "text": "Good-bye"}
    assert chat.told(told("item/completed", item=item)) == [Line("Good-bye")]


def test_two_texts_that_grow_do_not_run_into_each_other():
    chat = Chat(in_turn=True)
    for item, delta in (("a", "1"), ("b", "2"), ("a", "3")):
        chat.told(told("item/agentMessage/delta", itemId=item, delta=delta))
    growing = [one for one in chat.effects if isinstance(one, Stream | Break)]
    assert growing == [Break(), Stream("1"), Break(), Stream("2"), Break(), Stream("3")]


def test_what_is_said_in_another_thread_is_not_shown():
    chat = Chat(in_turn=True)
    assert chat.told(told("item/agentMessage/delta", "thread-2", itemId="a", delta="no")) == []


def test_a_turn_that_was_interrupted_is_said_to_be():
    chat = Chat(in_turn=True)
    assert "The turn was interrupted." in chat.shown(chat.end_turn("interrupted"))


def test_a_turn_that_failed_shows_its_code_and_the_models_words():
    chat = Chat(in_turn=True)
    effects = chat.end_turn("failed", error={"message": "out of tokens"})
    assert any("E_TERMINAL_" in text and "out of tokens" in text for text in chat.shown(effects))
    assert effects[-1] == Prompt("> ")


def test_a_turn_whose_end_nobody_told_shows_what_the_runtime_knows():
    chat = Chat(in_turn=True)
    effects = chat.state_changed(state(last_error="[E_X] lost", last_error_code="E_X"))
    assert chat.shown(effects) == ["[E_X] lost"]


def test_an_old_error_is_not_told_again_at_the_end_of_a_good_turn():
    chat = Chat(in_turn=True)
    chat.told(told("turn/completed", turn={"id": "turn-1", "status": "completed"}))
    effects = chat.state_changed(state(last_error="old", last_error_code=None))
    assert chat.shown(effects) == []


def test_what_the_runtime_survived_is_told_as_a_notice():
    assert Chat().reported("odd")[0] == Line("! odd", "notice")


# What is asked.


def test_an_approval_is_asked_and_the_answer_given():
    chat = Chat(in_turn=True)
    effects = chat.requested(asks_command(command="make"))
    assert "  | make" in chat.shown(effects)[0]
    assert isinstance(effects[-1], Prompt)
    assert chat.calls(chat.typed("yes")) == [ACCEPTED]


def test_what_is_no_answer_is_asked_again():
    chat = Chat(in_turn=True)
    chat.requested(asks_command())
    effects = chat.typed("maybe")
    assert not chat.calls(effects)
    assert isinstance(effects[-1], Prompt)
    assert chat.calls(chat.typed("no")) == [Decide(7, "command", "decline")]


def test_a_line_that_was_typed_before_the_question_is_no_answer_to_it():
    chat = Chat()
    (send,) = chat.typed("clean up")
    chat.typed("yes")
    chat.state_changed(state(turn_in_flight=True, turn_id="turn-1"))
    effects = chat.requested(asks_command(command="rm -rf /"))
    effects += chat.call_done(send, None)
    assert ACCEPTED not in effects
    assert any("E_RUNTIME_DISPATCH_TURN_IN_FLIGHT" in text for text in chat.shown(effects))
    assert chat.dialogue.place == "asking"


def test_in_a_pipe_the_line_that_waits_is_the_answer():
    chat = Chat(interactive=False)
    (send,) = chat.typed("clean up")
    chat.typed("yes")
    chat.state_changed(state(turn_in_flight=True, turn_id="turn-1"))
    chat.call_done(send, None)
    assert ACCEPTED in chat.requested(asks_command())


def test_two_questions_are_asked_one_after_the_other():
    chat = Chat(in_turn=True)
    chat.requested(asks_command(1, "one"))
    assert chat.requested(asks_command(2, "two")) == []
    effects = chat.typed("yes")
    assert chat.calls(effects) == [Decide(1, "command", "accept")]
    assert any("| two" in text for text in chat.shown(effects))
    assert chat.calls(chat.typed("no")) == [Decide(2, "command", "decline")]


def test_a_command_while_a_question_is_asked_leaves_it_standing():
    chat = Chat(in_turn=True)
    chat.requested(asks_command())
    effects = chat.typed("/state")
    assert any("phase" in text for text in chat.shown(effects))
    assert isinstance(effects[-1], Prompt)
    assert chat.calls(chat.typed("y")) == [ACCEPTED]


def test_the_files_that_an_item_changes_are_named_in_the_question():
    chat = Chat(in_turn=True)
    change = {"path": "a.py", "kind": {"type": "update"}}
    item = {"type": "fileChange", "id": "item-1", "changes": [change]}
    chat.told(told("item/started", item=item))
    effects = chat.requested(asks("item/fileChange/requestApproval"))
    assert "  | update a.py" in chat.shown(effects)[0]


def test_questions_to_the_user_are_answered_together():
    chat = Chat(in_turn=True)
    chat.requested(asks_user(("a", {}), ("b", {"isSecret": True})))
    effects = chat.typed("one")
    assert not chat.calls(effects)
    assert effects[-1].secret
    assert chat.calls(chat.typed("two")) == [GiveAnswers(7, {"a": ("one",), "b": ("two",)})]


def test_a_question_that_codex_no_longer_asks_is_taken_back():
    chat = Chat(in_turn=True)
    chat.requested(asks_command(1, "one"))
    chat.requested(asks_command("1", "two"))
    effects = chat.told(told("serverRequest/resolved", requestId=1))
    assert any("no longer waits" in text for text in chat.shown(effects))
    assert any("| two" in text for text in chat.shown(effects))
    assert chat.calls(chat.typed("yes")) == [Decide("1", "command", "accept")]


def test_the_questions_of_a_turn_end_with_it():
    chat = Chat(in_turn=True)
    chat.requested(asks_command())
    chat.end_turn("interrupted")
    assert chat.typed("yes") == [Send("yes")]


def test_a_tool_of_another_client_is_said_to_be_missing():
    chat = Chat(in_turn=True)
    effects = chat.requested(asks("item/tool/call", callId="c", tool="look", arguments={}))
    assert chat.calls(effects) == [RefuseTool(7, "look")]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (
            asks("account/chatgptAuthTokens/refresh", reason="unauthorized"),
            "E_CHAT_REQUEST_UNANSWERABLE",
        ),
        (asks("item/commandExecution/requestApproval", itemId=1), "E_PROTOCOL_PAYLOAD_INVALID"),
    ],
)
def test_what_cannot_be_answered_interrupts_the_turn(request_, code):
    chat = Chat(in_turn=True)
    effects = chat.requested(request_)
    assert chat.calls(effects) == [Interrupt()]
    assert code in chat.shown(effects)[0]


# Commands.


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("/interrupt", Interrupt()),
        ("/steer left", Steer("left")),
        ("/threads", ListThreads()),
        ("/import abc", Import("abc")),
    ],
)
def test_a_command_calls_the_runtime(line, call):
    chat = Chat(in_turn=True)
    assert chat.calls(chat.typed(line)) == [call]


def test_a_command_that_there_is_not_is_an_error_and_nothing_else():
    chat = Chat()
    effects = chat.typed("/quit")
    assert "[E_CHAT_COMMAND_UNKNOWN]" in chat.shown(effects)[0]
    assert not chat.calls(effects)


def test_the_state_is_shown():
    chat = Chat()
    shown = "\n".join(chat.shown(chat.typed("/state")))
    for part in ("running (runtime)", "a place", "ada", "none in flight"):
        assert part in shown


def test_an_import_shows_how_far_it_is_and_what_became_of_it():
    chat = Chat()
    (call,) = chat.typed("/import abc")
    progress = ImportProgress(conversation_id="abc", state="sending", message_count=4)
    (shown,) = [one for one in chat.progressed(progress) if isinstance(one, Progress)]
    assert "0/4" in shown.text
    assert not shown.last
    effects = chat.call_done(call, imported())
    assert chat.shown(effects) == ["4 messages of 2 turns are in conversation abc."]
    assert effects[-1] == Prompt("> ")


def test_a_question_is_not_pushed_away_by_the_progress_of_an_import():
    chat = Chat(in_turn=True)
    chat.typed("/import abc")
    chat.requested(asks_command())
    progress = ImportProgress(conversation_id="abc", state="sending", message_count=4)
    assert chat.progressed(progress) == []
    done = ImportProgress(conversation_id="abc", state="synced", message_count=4)
    shown, prompt = chat.progressed(done)
    assert (type(shown), type(prompt)) == (Progress, Prompt)


def test_a_turn_can_be_interrupted_while_something_is_imported():
    chat = Chat(in_turn=True)
    chat.typed("/import abc")
    assert chat.calls(chat.typed("/interrupt")) == [Interrupt()]
    assert chat.calls(chat.interrupt_key()) == [Interrupt()]


def test_a_second_call_waits_for_the_first():
    chat = Chat(in_turn=True)
    (call,) = chat.typed("/import abc")
    chat.requested(asks_command())
    assert chat.typed("/threads") == []
    assert chat.calls(chat.call_done(call, imported())) == [ListThreads()]
