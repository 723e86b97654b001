"""The chat on a terminal: what somebody in front of it sees, types and presses."""

from __future__ import annotations

import signal

import pytest

from codex_fakes.script import Response, Run, Say, Wait, script
from codex_runtime.command_line import ExitCode
from support.chat_runs import gone, thread_of

CTRL_C, CTRL_D = "\x03", "\x04"
HELD = Response(steps=(Say(text=["one moment"], left_open=True), Wait(gate="never")))


def test_a_conversation_with_approvals(chats):
    runs = Run(command="make", output="built\n", escalate="It writes to /usr.")
    chats.plays(script((runs,), Say(text="Done."), (runs,), Say(text="Then not.")))
    with chats.terminal() as terminal:
        terminal.sees("/help helps.")
        terminal.sees("> ")
        terminal.types("build it")
        terminal.sees("  | /bin/bash -lc make")
        terminal.sees("Allow? [y]es, [a]lways, [n]o, [c]ancel: ")
        terminal.types("perhaps")
        terminal.sees("Answer yes, always, no, cancel.")
        terminal.sees("Allow?")
        terminal.types("y")
        terminal.sees("(accepted)")
        terminal.sees("exit code 0")
        terminal.sees("Done.")
        terminal.sees("> ")
        terminal.types("and again")
        terminal.sees("Allow?")
        terminal.types("n")
        terminal.sees("(declined)")
        terminal.sees("Then not.")
        terminal.sees("> ")
        terminal.types("/exit")
        assert terminal.ends() == ExitCode.OK


@pytest.mark.parametrize("way", ["/interrupt\r", CTRL_C])
def test_a_turn_is_interrupted_and_the_chat_goes_on(chats, way):
    chats.plays(script(HELD, Say(text="Back.")))
    with chats.terminal() as terminal:
        terminal.sees("> ")
        terminal.types("wait")
        terminal.sees("one moment")
        terminal.presses(way)
        terminal.sees("The turn was interrupted.")
        terminal.sees("> ")
        terminal.types("still there?")
        terminal.sees("Back.")
        terminal.sees("> ")
        terminal.presses(CTRL_D)
        assert terminal.ends() == ExitCode.OK


def test_a_turn_in_flight_can_be_steered_and_looked_at(chats):
    chats.plays(script(HELD))
    with chats.terminal() as terminal:
        terminal.sees("> ")
        terminal.types("wait")
        terminal.sees("one moment")
        terminal.types("what else?")
        terminal.sees("[E_RUNTIME_DISPATCH_TURN_IN_FLIGHT]")
        terminal.types("/steer to the left")
        terminal.types("/state")
        terminal.sees("turns survive a crash: yes")
        terminal.sees("last error: none")
        terminal.types("/exit")
        assert terminal.ends() == ExitCode.OK


def test_ctrl_c_twice_ends_it_and_nothing_is_left(chats):
    chats.plays(script(HELD))
    with chats.terminal() as terminal:
        terminal.sees("> ")
        terminal.types("wait")
        terminal.sees("one moment")
        family = terminal.family
        assert len(family) >= 3
        terminal.presses(CTRL_C)
        terminal.sees("Ctrl-C again ends the chat.")
        terminal.presses(CTRL_C)
        assert terminal.ends() == ExitCode.INCOMPLETE
        assert gone(family) == []


def test_a_codex_that_is_killed_ends_it_with_a_code_and_nothing_is_left(chats):
    chats.plays(script(HELD))
    with chats.terminal() as terminal:
        terminal.sees("> ")
        terminal.types("wait")
        terminal.sees("one moment")
        family = terminal.family
        (codex,) = [one for one in family if "app-server" in one.cmdline()]
        codex.kill()
        terminal.sees("[E_APP_SERVER_GONE] codex exited with code -9")
        assert terminal.ends() == ExitCode.FAILED
        assert gone(family) == []


def test_a_chat_that_is_killed_leaves_nothing_running(chats):
    with chats.terminal() as terminal:
        terminal.sees("> ")
        family = terminal.family
        family[0].kill()
        assert terminal.ends() == -signal.SIGKILL
        assert gone(family) == []


def test_a_terminal_that_goes_away_ends_it_and_nothing_is_left(chats):
    with chats.terminal() as terminal:
        terminal.sees("> ")
        family = terminal.family
        terminal.hangs_up()
        assert terminal.ends() == ExitCode.INCOMPLETE
        assert gone(family) == []


def test_a_hang_up_that_is_to_be_ignored_is(chats):
    chats.command = ("/bin/sh", "-c", 'trap "" HUP; exec "$0" "$@"', *chats.command)
    with chats.terminal("--local") as terminal:
        terminal.sees("> ")
        terminal.hangs_up()
        terminal.types("still there?")
        terminal.sees("\nstill there?")
        terminal.presses(CTRL_D)
        assert terminal.ends() == ExitCode.OK


def test_ctrl_c_before_it_has_begun_breaks_it_off(chats):
    with chats.terminal() as terminal:
        family = terminal.starts_something()
        terminal.presses(CTRL_C)
        assert terminal.ends() == ExitCode.INCOMPLETE
        assert "Traceback" not in terminal.text
        assert gone(family) == []


def test_an_import_draws_a_bar_that_grows(chats):
    chats.plays(script(*(Say(text=f"{number}.") for number in range(3))))
    first = chats.say("a", "b", "c", options=chats.kept)
    thread = thread_of(first)
    with chats.terminal(*chats.kept) as terminal:
        terminal.sees("> ")
        terminal.types("/threads")
        terminal.sees(thread)
        terminal.sees("> ")
        terminal.types(f"/import {thread}")
        terminal.sees("[" + "." * 24 + "]")
        terminal.sees("[" + "#" * 24 + "] 6/6 messages: synced")
        terminal.sees("6 messages of 3 turns")
        terminal.types("/exit")
        assert terminal.ends() == ExitCode.OK


def test_errors_have_a_colour_unless_none_is_wanted(chats):
    for variables, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        chats.env |= {"TERM": "xterm", **variables}
        with chats.terminal("--local") as terminal:
            terminal.sees("> ")
            terminal.types("/quit")
            terminal.sees("[E_CHAT_COMMAND_UNKNOWN]")
            terminal.types("/exit")
            assert terminal.ends() == ExitCode.OK
        assert ("\x1b[31m" in terminal.text) is coloured
        chats.env.pop("NO_COLOR", None)
