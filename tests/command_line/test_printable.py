"""Text of others reaches the terminal as text, never as something that the terminal obeys."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_runtime.printable import one_line, printable, quoted

LINES = ("\n", "\t")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, äöü, 漢字, 🙂", "plain, äöü, 漢字, 🙂"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[2J\x1b]0;title\x07", "\u241b[2J\u241b]0;title\u2407"),
        ("over\rwritten", "over\u240dwritten"),
        ("dos\r\nline", "dos\nline"),
        ("back\x08space\x7f", "back\u2408space\u2421"),
        ("nul\x00", "nul\u2400"),
        ("\x9b31m", "\\x9b31m"),
        ("rm \u202etxt.exe", "rm \\u202etxt.exe"),
        ("\u2066isolated\u2069", "\\u2066isolated\\u2069"),
        ("half \ud83d", "half ?"),
    ],
)
def test_what_a_terminal_obeys_is_shown_in_its_place(text, shown):
    assert printable(text) == shown


@given(st.text(st.characters(codec=None)))
def test_no_control_character_comes_through(text):
    for char in printable(text):
        assert char in LINES or unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(char) not in ("LRE", "RLE", "LRO", "RLO", "PDF")


@given(st.text(st.characters(codec=None)), st.integers(1, 20))
def test_a_line_is_one_line_and_no_wider_than_there_is_room(text, width):
    line = one_line(text, width)
    assert len(line) <= width
    assert len(line.splitlines()) <= 1


def test_every_line_of_a_quotation_is_set_off():
    assert quoted("rm -rf /\n> yes") == "  | rm -rf /\n  | > yes"
