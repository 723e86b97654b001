"""Every recording of the kinds that are simulated is played to both, or there is a reason."""

from __future__ import annotations

import re

import pytest

from differential import endings, test_transports, threads, tools, turns, wire

SUBJECT = re.compile(r"(0[1-9]|10|11[ab]|12|13|15|16[abkp])")
"""The beginnings of the names of recordings that are about what is simulated."""

LETTERS = {
    "03": "abdeghjkmnpq",
    "04": "abdegh",
    "05": "abdeghij",
    "06": "abdeg",
    "08": "abdeghijk",
    "09": "abdegh",
    "10": "abdeg",
    "11": "ab",
    "12": "abdeghjkmnpqst",
    "13": "abdeghjk",
    "15": "abdeghjkm",
    "16": "bkp",
}
RECORDINGS = [
    *("01", "01b", "02", "02b", "07", "16a2", "16a3"),
    *(number + letter for number, letters in LETTERS.items() for letter in letters),
]
"""The recordings of the real binary about what is simulated, by what their names begin with."""

NOT_PLAYED = {"15k": "the unix socket is outside the subject"}
"""Recordings that are not played to both, with the reason."""

PLAYED = {
    name.partition(" ")[0]
    for programs in (turns, tools, threads, wire, endings, test_transports)
    for name in programs.PROGRAMS
}


@pytest.mark.parametrize("name", RECORDINGS)
def test_each_recording_is_played_to_both(name):
    assert SUBJECT.match(name)
    assert (name in PLAYED) != (name in NOT_PLAYED)


def test_no_recording_in_the_tests_is_left_out(request):
    folder = request.config.rootpath / "tests" / "recordings"
    named = {path.name.partition("_")[0] for path in folder.glob("[0-9]*.jsonl")}
    due = {name for name in named if SUBJECT.match(name)}
    assert due
    assert due <= set(RECORDINGS) | set(NOT_PLAYED)
