"""The chat in a pipe: plain lines, every one in its turn, and an exit code that says how it was."""

from __future__ import annotations

import re
import sys

import pytest

from codex_fakes.script import Ask, FailHttp, Option, Patch, Question, Run, Say, Think, script
from codex_runtime.command_line import ExitCode
from support.chat_runs import thread_of


def elsewhere(folder):
    """The program of a Python that lies in a folder of its own."""
    return (
        f"import sys; sys.executable = {str(folder / 'python')!r}\n"
        "from codex_runtime.tooling.cli import main; main()"
    )


RUNS = (Run(command="make", output="built\n", escalate="It writes to /usr."),)
LOCAL = ("--local",)
UNKNOWN = "018f5f3b-5b7a-7c9d-a12b-3d0f3e4c5b6a"
PATCH = "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch\n"


def test_what_is_said_is_answered_on_stdout_and_nothing_else_is_there(chats):
    chats.plays(script((Think(summary=["Hm."]), Say(text=["Hel", "lo"])), Say(text="Bye.")))
    done = chats.say("hi", "see you")
    assert done.stdout == "Hm.\nHello\nBye.\n"
    assert done.returncode == ExitCode.OK
    assert "http://127.0.0.1:" in done.stderr


@pytest.mark.parametrize(("answer", "outcome"), [("yes", "exit code 0"), ("no", "declined")])
def test_a_line_answers_an_approval(chats, answer, outcome):
    chats.plays(script(RUNS, Say(text="Done.")))
    done = chats.say("build it", answer, options=LOCAL)
    assert "Codex wants to run, in " in done.stdout
    assert "  | It writes to /usr." in done.stdout
    assert outcome in done.stdout
    assert done.stdout.endswith("Done.\n")
    assert done.returncode == ExitCode.OK


def test_an_approval_that_nobody_is_left_to_answer_is_declined(chats):
    chats.plays(script(RUNS, Say(text="Then not.")))
    done = chats.say("build it", options=LOCAL)
    assert "(declined)" in done.stderr
    assert done.stdout.endswith("Then not.\n")


def test_a_question_of_the_model_is_answered(chats):
    chats.allows_questions()
    options = (Option(label="Red"), Option(label="Blue"))
    ask = Ask(questions=(Question(id="c", header="Colour", question="Which?", options=options),))
    chats.plays(script((ask,), Say(text="Fine.")))
    done = chats.say("paint it", "2", options=LOCAL)
    assert "Colour: Which?\n  1. Red" in done.stdout
    assert done.stdout.endswith("Fine.\n")
    assert done.returncode == ExitCode.OK


def test_a_thread_goes_on_in_a_later_chat(chats):
    chats.plays(script(Say(text="One."), Say(text="Two.")))
    first = chats.say("say one", options=chats.kept)
    thread = thread_of(first)
    second = chats.say("say two", "/threads", options=(*chats.kept, "--resume", thread))
    assert thread_of(second) == thread
    assert second.stdout.startswith("> say one\nOne.\n")
    assert "The thread has 1 turn." in second.stderr
    assert re.search(rf"^\* {thread} .* 4  say one$", second.stdout, re.MULTILINE)
    assert second.returncode == ExitCode.OK


def test_a_thread_of_an_earlier_chat_is_imported(chats):
    first = chats.say("one", "two", options=chats.kept)
    done = chats.say(f"/import {thread_of(first)}", options=chats.kept)
    assert "[########################] 4/4 messages: synced\n" in done.stdout
    assert f"4 messages of 2 turns are in conversation {thread_of(first)}." in done.stdout
    assert done.returncode == ExitCode.OK


def test_a_turn_that_fails_is_told_with_its_code_and_in_the_exit_code(chats):
    chats.plays(script((FailHttp(status=400, message="\x1b[2Jno"),)))
    done = chats.say("hi", options=LOCAL)
    assert "[E_TERMINAL_" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert done.returncode == ExitCode.FAILED


def test_a_mistake_in_one_line_does_not_keep_the_next_one_from_being_said(chats):
    done = chats.say("/quit", "hello", options=LOCAL)
    assert "[E_CHAT_COMMAND_UNKNOWN]" in done.stderr
    assert done.stdout == "hello\n"
    assert done.returncode == ExitCode.FAILED


def test_what_the_model_says_cannot_command_the_terminal(chats):
    chats.plays(script(Say(text=["\x1b]0;", "owned\x07 \u202e"])))
    done = chats.say("hi", options=LOCAL)
    assert done.stdout == "\u241b]0;owned\u2407 \\u202e\n"


def test_files_that_are_changed_are_named(chats):
    chats.plays(script((Patch(patch=PATCH),), Say(text="Written.")))
    done = chats.say("write it", options=("--local", "--sandbox", "workspace-write"))
    assert re.search(r"add \S*new\.txt  completed", done.stdout)


def test_without_a_deployment_codex_alone_keeps_the_thread(chats):
    done = chats.say("hello", "/import x", options=())
    assert "kept in Codex alone" in done.stderr
    assert done.stdout == "hello\n"
    assert "[E_PERSISTENCE_DISABLED]" in done.stderr


@pytest.mark.parametrize(
    ("options", "variables", "told"),
    [
        (("--fake", "--local"), {}, "exclude each other"),
        (("--state", "x"), {}, "--state needs --fake"),
        ((), {"DELTA_THROTTLE_MS": "soon"}, "[E_CHAT_ENVIRONMENT_INVALID]"),
        (("--local",), {"CODEX_BIN": "/nowhere/codex"}, "[E_CODEX_BINARY_MISSING]"),
        (("--convex", "ftp://x"), {}, "[E_PERSISTENCE_URL_INVALID]"),
        (("--fake", "--state", "/proc/nowhere"), {}, "[E_CHAT_STATE_UNWRITABLE]"),
        (("--local", "--resume", "0"), {}, "[E_PROTOCOL_THREAD_ID_INVALID]"),
        (("--local", "--resume", UNKNOWN), {}, "[E_APP_SERVER_REQUEST_FAILED]"),
    ],
)
def test_what_cannot_begin_says_why_in_one_line_and_what_to_do(chats, options, variables, told):
    chats.env.update(variables)
    done = chats.say("hello", options=options)
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert done.returncode == ExitCode.USAGE


def test_a_fake_that_is_not_installed_is_named(chats):
    bare = chats.folder / "bare"
    bare.mkdir()
    chats.env["PATH"] = str(bare)
    chats.command = (sys.executable, "-c", elsewhere(bare), "chat")
    done = chats.say("hello")
    assert "[E_CHAT_FAKE_MISSING] There is no codex-simulated" in done.stderr
    assert done.returncode == ExitCode.USAGE


FAILING = [
    ("import sys; sys.exit('[E_FAKE_X] the port is taken')", "did not start: [E_FAKE_X] the port"),
    ("raise KeyError('port')", "did not start: KeyError: 'port'"),
    ("", "did not start: it said nothing"),
]


@pytest.mark.parametrize(("does", "told"), FAILING)
def test_a_fake_that_does_not_start_is_told_of_in_its_own_words(chats, does, told):
    for name, text in (("codex-simulated", ""), ("codex-fakes", does)):
        program = chats.folder / name
        program.write_text(f"#!{sys.executable}\n{text}\n")
        program.chmod(0o755)
    chats.command = (sys.executable, "-c", elsewhere(chats.folder), "chat")
    done = chats.say("hello")
    assert "[E_CHAT_FAKE_FAILED] codex-fakes " in done.stderr
    assert told in done.stderr
    assert done.returncode == ExitCode.USAGE


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_stream_that_is_closed_is_told_of(chats, closed):
    chats.command = ("/bin/sh", "-c", f'exec "$0" "$@" {closed}', *chats.command)
    done = chats.say(options=LOCAL)
    assert done.returncode == ExitCode.USAGE
    assert "one is closed" in done.stderr or closed == "2>&-"


def test_whoever_no_longer_reads_ends_the_chat(chats):
    code = (
        "import subprocess, sys\n"
        "chat = subprocess.Popen(sys.argv[1:], stdin=-1, stdout=-1, stderr=-1)\n"
        "chat.stdout.close()\n"
        "said = chat.communicate(b'hello\\n')[1]\n"
        "sys.stderr.buffer.write(said)\n"
        "sys.exit(chat.returncode)\n"
    )
    chats.command = (sys.executable, "-c", code, *chats.command)
    done = chats.say()
    assert "Traceback" not in done.stderr
    assert done.returncode == ExitCode.INCOMPLETE
