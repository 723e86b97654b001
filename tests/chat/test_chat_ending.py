"""How a chat ends, and with which exit code; what Ctrl-C does before that."""

from __future__ import annotations

import pytest

from codex_runtime.chat.effects import Decide, Interrupt, Send
from codex_runtime.command_line import ExitCode
from codex_runtime.errors import CodexRuntimeError
from support.chat_pieces import Chat, asks_command, imported, state


def test_exit_ends_it():
    chat = Chat()
    chat.typed("/exit")
    assert chat.ended == [ExitCode.OK]


def test_on_a_terminal_the_end_of_the_input_ends_it():
    chat = Chat(in_turn=True)
    chat.input_ended()
    assert chat.ended == [ExitCode.OK]


def test_in_a_pipe_the_turn_is_waited_for():
    chat = Chat(interactive=False, in_turn=True)
    chat.input_ended()
    assert chat.ended == []
    chat.end_turn()
    assert chat.ended == [ExitCode.OK]


def test_in_a_pipe_what_waits_is_said_before_the_end():
    chat = Chat(interactive=False, in_turn=True)
    chat.typed("more")
    chat.input_ended()
    effects = chat.end_turn()
    assert chat.calls(effects) == [Send("more")]
    assert chat.ended == []


def test_in_a_pipe_a_question_that_nobody_is_left_to_answer_is_declined():
    chat = Chat(interactive=False, in_turn=True)
    chat.input_ended()
    effects = chat.requested(asks_command())
    assert chat.calls(effects) == [Decide(7, "command", "decline")]


@pytest.mark.parametrize("interactive", [True, False])
def test_only_a_script_is_told_by_the_exit_code_that_something_failed(interactive):
    chat = Chat(interactive=interactive)
    chat.typed("/quit")
    chat.typed("/exit")
    assert chat.ended == [ExitCode.OK if interactive else ExitCode.FAILED]


@pytest.mark.parametrize("state_", ["failed", "cancelled"])
def test_an_import_that_is_not_synced_has_failed(state_):
    chat = Chat(interactive=False)
    (call,) = chat.typed("/import abc")
    effects = chat.call_done(call, imported(state_, error_code="E_SYNC_X"))
    assert chat.shown(effects)[0].startswith("[E_SYNC_X]")
    chat.input_ended()
    assert chat.ended == [ExitCode.FAILED]


def test_an_app_server_that_is_gone_ends_it_and_is_told_once():
    chat = Chat(in_turn=True)
    gone = state(running=False, phase="error", last_error="codex exited with code 9")
    effects = chat.state_changed(gone)
    assert [text for text in chat.shown(effects) if "code 9" in text] == [
        "[E_APP_SERVER_GONE] codex exited with code 9"
    ]
    assert chat.ended == [ExitCode.FAILED]


def test_ctrl_c_interrupts_the_turn_and_another_one_ends_the_chat():
    chat = Chat(in_turn=True)
    assert chat.calls(chat.interrupt_key()) == [Interrupt()]
    assert chat.ended == []
    chat.interrupt_key()
    assert chat.ended == [ExitCode.INCOMPLETE]


def test_ctrl_c_counts_anew_in_every_turn():
    chat = Chat(in_turn=True)
    chat.interrupt_key()
    chat.end_turn("interrupted")
    chat.begin_turn("again")
    assert chat.calls(chat.interrupt_key()) == [Interrupt()]


def test_ctrl_c_without_a_turn_ends_the_chat():
    chat = Chat()
    chat.interrupt_key()
    assert chat.ended == [ExitCode.INCOMPLETE]


def test_ctrl_c_while_a_turn_is_being_sent_interrupts_it_once_it_is_one():
    chat = Chat()
    (send,) = chat.typed("go")
    assert chat.calls(chat.interrupt_key()) == []
    chat.state_changed(state(turn_in_flight=True, turn_id="turn-1"))
    assert chat.calls(chat.call_done(send, None)) == [Interrupt()]


def test_ctrl_c_while_a_turn_is_sent_that_fails_is_forgotten_with_it():
    chat = Chat()
    (send,) = chat.typed("go")
    chat.interrupt_key()
    chat.call_failed(send, CodexRuntimeError("E_PERSISTENCE_UNREACHABLE", "No connection."))
    chat.begin_turn("again")
    assert chat.calls(chat.interrupt_key()) == [Interrupt()]


def test_a_signal_to_the_whole_program_ends_it_at_once():
    chat = Chat(interactive=False, in_turn=True)
    chat.terminated()
    assert chat.ended == [ExitCode.INCOMPLETE]


def test_after_the_end_nothing_is_done_any_more():
    chat = Chat(interactive=False)
    chat.typed("/exit")
    assert not chat.dialogue.takes_lines
    assert chat.calls(chat.typed("hello")) == []
    chat.interrupt_key()
    chat.input_ended()
    assert chat.ended == [ExitCode.OK]
