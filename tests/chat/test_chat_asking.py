"""What Codex asks, and that only a word which was offered decides anything."""

from __future__ import annotations

import pytest

from codex_runtime.chat.asking import Again, Answered, Inquiry, asked_by
from codex_runtime.chat.effects import Decide, Elicited, GiveAnswers, Grant, Interrupt
from support.chat_pieces import asks, asks_command, asks_user

COMMAND = asks_command()
FILES = asks("item/fileChange/requestApproval")
PERMISSIONS = asks("item/permissions/requestApproval", permissions={"network": {"enabled": True}})
ELICITATION = asks("mcpServer/elicitation/request", serverName="files", message="Go on?")
FORM = asks(
    "mcpServer/elicitation/request",
    serverName="files",
    message="Who?",
    requestedSchema={"properties": {"name": {"type": "string"}}},
)
GRANTED = {"network": {"enabled": True}}


@pytest.mark.parametrize(
    ("request_", "answer", "call"),
    [
        (COMMAND, "yes", Decide(7, "command", "accept")),
        (COMMAND, " Y ", Decide(7, "command", "accept")),
        (COMMAND, "always", Decide(7, "command", "acceptForSession")),
        (COMMAND, "n", Decide(7, "command", "decline")),
        (COMMAND, "cancel", Decide(7, "command", "cancel")),
        (FILES, "y", Decide(7, "files", "accept")),
        (FILES, "no", Decide(7, "files", "decline")),
        (PERMISSIONS, "yes", Grant(7, GRANTED, "turn")),
        (PERMISSIONS, "always", Grant(7, GRANTED, "session")),
        (PERMISSIONS, "no", Grant(7, {}, "turn")),
        (ELICITATION, "yes", Elicited(7, "accept")),
        (ELICITATION, "no", Elicited(7, "decline")),
        (ELICITATION, "cancel", Elicited(7, "cancel")),
    ],
)
def test_a_word_that_is_offered_decides(request_, answer, call):
    answered = asked_by(request_).read(answer)
    assert isinstance(answered, Answered)
    assert answered.call == call


@pytest.mark.parametrize("request_", [COMMAND, FILES, PERMISSIONS, ELICITATION])
@pytest.mark.parametrize("answer", ["", "ye", "yes please", "j", "1", "yy", "Yes, no"])
def test_nothing_else_decides(request_, answer):
    assert isinstance(asked_by(request_).read(answer), Again)


def test_a_form_can_be_refused_but_not_accepted():
    asked = asked_by(FORM)
    assert isinstance(asked.read("yes"), Again)
    assert asked.read("no").call == Elicited(7, "decline")


@pytest.mark.parametrize(
    ("request_", "call"),
    [
        (COMMAND, Decide(7, "command", "decline")),
        (FILES, Decide(7, "files", "decline")),
        (PERMISSIONS, Grant(7, {}, "turn")),
        (ELICITATION, Elicited(7, "decline")),
        (asks_user(("q", {})), Interrupt()),
    ],
)
def test_what_nobody_answers_is_not_allowed(request_, call):
    assert asked_by(request_).unanswered().call == call


def test_a_command_is_shown_whole_with_its_folder_and_its_reason():
    command = "rm -rf build\nrm -rf \x1b[8mhidden"
    (line,) = asked_by(asks_command(command=command, reason="it is\nold")).lines
    assert line.text == (
        "Codex wants to run, in /w:\n  | rm -rf build\n  | rm -rf \u241b[8mhidden\n"
        "because:\n  | it is\n  | old"
    )


def test_a_change_of_files_names_each_of_them():
    (line,) = asked_by(FILES, ("update a.py", "delete b.py")).lines
    assert "  | update a.py\n  | delete b.py" in line.text


def test_a_change_that_names_no_file_says_so():
    (line,) = asked_by(FILES).lines
    assert "it does not say which" in line.text


def test_a_root_that_is_asked_for_is_named():
    asked = asked_by(asks("item/fileChange/requestApproval", grantRoot="/home/ada"), ("add x",))
    assert "anywhere in /home/ada" in asked.lines[0].text


def test_a_folder_cannot_look_like_a_line_of_the_chat():
    (line,) = asked_by(asks_command(cwd="/w:\n  | echo harmless")).lines
    assert len(line.text.splitlines()) == 2


def test_permissions_are_named_as_they_are_asked_for():
    (line,) = asked_by(PERMISSIONS).lines
    assert "  | network: {'enabled': True}" in line.text


OPTIONS = [
    {"label": "Red", "description": "warm"},
    {"label": "Blue", "description": "cold"},
]


@pytest.mark.parametrize(
    ("question", "answer", "given"),
    [
        ({}, "whatever I like", "whatever I like"),
        ({"options": OPTIONS}, "2", "Blue"),
        ({"options": OPTIONS}, "Red", "Red"),
        ({"options": OPTIONS, "isOther": True}, "green", "green"),
        ({"options": OPTIONS, "isOther": True}, "3", "3"),
        ({"options": []}, "1", "1"),
    ],
)
def test_an_answer_is_a_number_a_label_or_ones_own(question, answer, given):
    answered = asked_by(asks_user(("q", question))).read(answer)
    assert answered.call == GiveAnswers(7, {"q": (given,)})


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ({}, " "),
        ({"options": OPTIONS}, "3"),
        ({"options": OPTIONS}, "0"),
        ({"options": OPTIONS}, "\u00b2"),
        ({"options": OPTIONS}, "green"),
        ({"options": OPTIONS, "isOther": True}, ""),
    ],
)
def test_what_is_no_answer_is_asked_again(question, answer):
    assert isinstance(asked_by(asks_user(("q", question))).read(answer), Again)


def test_questions_are_asked_one_after_the_other():
    first = asked_by(asks_user(("a", {"question": "First?"}), ("b", {"question": "Second?"})))
    assert "First?" in first.lines[0].text
    second = first.read("one")
    assert isinstance(second, Inquiry)
    assert "Second?" in second.lines[0].text
    assert second.read("two").call == GiveAnswers(7, {"a": ("one",), "b": ("two",)})


def test_options_are_numbered_with_what_they_mean():
    asked = asked_by(asks_user(("q", {"options": OPTIONS})))
    assert [line.text for line in asked.lines[1:]] == ["  1. Red: warm", "  2. Blue: cold"]
    assert "1-2" in asked.prompt


def test_a_secret_is_asked_for_as_one():
    assert asked_by(asks_user(("q", {"isSecret": True}))).secret
    assert not asked_by(asks_user(("q", {}))).secret


@pytest.mark.parametrize(
    "request_",
    [
        asks_user(),
        asks("item/tool/call", callId="c", tool="t", arguments={}),
        asks("account/chatgptAuthTokens/refresh", reason="unauthorized"),
        asks("some/thing/new"),
    ],
)
def test_what_no_user_can_answer_is_not_asked(request_):
    assert asked_by(request_) is None
