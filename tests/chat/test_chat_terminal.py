"""The rim of the chat: lines in, text out, and a terminal that is left as it was found."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import termios
from contextlib import suppress

import pytest

from codex_runtime.chat.effects import Break, Line, Progress, Prompt, Stream
from codex_runtime.chat.terminal import LineInput, Screen, has_colours, hiding

pytestmark = pytest.mark.anyio


@pytest.fixture
def pipe():
    """Both ends of a pipe."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", 0), os.fdopen(writing, "wb", 0) as end:
        yield reading, end


class Shown:
    """A screen and what is seen on it."""

    def __init__(self, *, interactive=True, coloured=False, encoding="utf-8"):
        self.raw, self.raw_err = io.BytesIO(), io.BytesIO()
        self.hidden = []
        self.screen = Screen(
            io.TextIOWrapper(self.raw, encoding=encoding, newline="\n"),
            io.TextIOWrapper(self.raw_err, encoding=encoding, newline="\n"),
            interactive=interactive,
            coloured=coloured,
            hide=self.hidden.append,
        )

    def show(self, *effects):
        for effect in effects:
            self.screen.show(effect)
        return self.raw.getvalue().decode()

    @property
    def err(self):
        return self.raw_err.getvalue().decode()


# What is read.


async def within(awaited):
    async with asyncio.timeout(10):
        return await awaited


async def test_lines_are_given_one_by_one_however_they_come(pipe):
    reading, end = pipe
    lines = LineInput(reading)
    end.write(b"one\ntw")
    assert await within(lines.line()) == "one"
    end.write(b"o\n\nthree")
    assert await within(lines.line()) == "two"
    assert await within(lines.line()) == ""
    end.close()
    assert await within(lines.line()) == "three"
    assert await within(lines.line()) is None
    assert await within(lines.line()) is None


async def test_bytes_that_are_no_text_are_no_error(pipe):
    reading, end = pipe
    end.write(b"\xff!\n")
    assert await within(LineInput(reading).line()) == "\ufffd!"


async def test_a_terminal_that_is_gone_has_no_more_lines():
    ours, its = pty.openpty()
    lines = LineInput(its)
    os.close(ours)
    assert await within(lines.line()) is None
    os.close(its)


# What is shown.


def test_a_line_never_runs_into_a_text_that_grows():
    assert Shown().show(Stream("Hel"), Stream("lo"), Line("next")) == "Hello\nnext\n"
    assert Shown().show(Stream("Hello\n"), Line("next")) == "Hello\nnext\n"
    assert Shown().show(Stream("Hello"), Break(), Break(), Stream("x")) == "Hello\nx"


def test_notices_and_errors_are_not_of_the_conversation():
    shown = Shown()
    assert shown.show(Line("said"), Line("odd", "notice"), Line("bad", "error")) == "said\n"
    assert shown.err == "odd\nbad\n"


@pytest.mark.parametrize(
    "effect",
    [Stream("\x1b[2J"), Line("\x1b[2J"), Line("\x1b[2J", "error"), Progress("\x1b[2J", True)],
)
def test_no_control_sequence_of_others_comes_through(effect):
    shown = Shown(interactive=False)
    assert "\x1b" not in shown.show(effect) + shown.err


def test_colours_are_around_a_text_only_when_they_are_wanted():
    assert "\x1b[2m" in Shown(coloured=True).show(Line("x", "dim"))
    assert "\x1b" not in Shown(coloured=True).show(Line("x"))
    assert "\x1b" not in Shown().show(Line("x", "dim"))


def test_what_a_locale_cannot_write_is_a_question_mark():
    assert Shown(encoding="ascii").show(Line("naïve")) == "na?ve\n"


def test_progress_is_drawn_in_its_own_place_and_in_a_pipe_below_itself():
    steps = (Progress("1", False), Progress("2", True), Line("done"))
    assert Shown().show(*steps) == "\r\x1b[K1\r\x1b[K2\ndone\n"
    assert Shown(interactive=False).show(*steps) == "1\n2\ndone\n"


def test_progress_does_not_wipe_out_what_is_said_beside_it():
    steps = (Stream("Hel"), Progress("1", False), Stream("lo"), Progress("2", True))
    assert Shown().show(*steps) == "Hel\n\r\x1b[K1\nlo\n\r\x1b[K2\n"


def test_a_secret_is_asked_for_with_the_echo_off_and_its_line_is_ended():
    shown = Shown()
    shown.show(Prompt("Word: ", secret=True))
    shown.screen.entered()
    assert shown.show(Line("next")) == "Word: \nnext\n"
    assert shown.hidden == [True, False]


def test_a_line_that_was_seen_while_it_was_typed_has_ended_itself():
    shown = Shown()
    shown.show(Prompt("> "))
    shown.screen.entered()
    assert shown.show(Line("next")) == "> next\n"


def test_what_a_terminal_writes_for_ctrl_c_is_a_line_of_its_own():
    shown = Shown()
    shown.screen.disturbed()
    assert shown.show(Line("next")) == "\nnext\n"


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}, {}])
def test_nobody_gets_colours_who_does_not_want_them(variables, monkeypatch):
    for name in ("stdout", "stderr"):
        stream = io.StringIO()
        stream.isatty = lambda: True
        monkeypatch.setattr(f"sys.{name}", stream)
    assert not has_colours(variables)
    assert has_colours({"TERM": "xterm"})


# The terminal itself.


def echoes(descriptor):
    return bool(termios.tcgetattr(descriptor)[3] & termios.ECHO)


def test_a_terminal_shows_again_what_is_typed_whatever_happened():
    ours, its = pty.openpty()
    with suppress(RuntimeError), hiding(its) as hide:
        hide(True)
        assert not echoes(its)
        hide(False)
        assert echoes(its)
        hide(True)
        raise RuntimeError
    assert echoes(its)
    os.close(ours)
    os.close(its)


def test_of_a_pipe_nothing_is_hidden(pipe):
    with hiding(pipe[0]) as hide:
        hide(True)
