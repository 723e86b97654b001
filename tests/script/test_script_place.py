"""A server that is started again goes on with the script where it was."""

from __future__ import annotations

import pytest

from codex_fakes.app_server.shell.script_place import FILE, ScriptPlace
from codex_fakes.app_server.surroundings.files import MemoryFiles
from codex_fakes.script import Response, Say, Script, Wait, script
from codex_runtime.errors import ConfigurationError

HOME = "/home"
TWO = script(Say(text="one"), (Wait(gate="g"), Say(text="two")))


def said(place, text="hi"):
    return place.player.next_response(text).id


def test_a_response_is_not_played_again_after_a_restart():
    files = MemoryFiles()
    assert said(ScriptPlace(files, HOME, TWO)) == "resp_0_0"
    assert said(ScriptPlace(files, HOME, TWO)) == "resp_1_0"
    with pytest.raises(ConfigurationError, match="E_SCRIPT_EXHAUSTED"):
        said(ScriptPlace(files, HOME, TWO))


def test_repeated_responses_and_echoes_are_counted_on():
    files = MemoryFiles()
    again = Script(responses=(Response(steps=(Say(text="a"),), when="a", repeat=True),))
    echoing = Script(responses=again.responses, otherwise="echo")
    first = ScriptPlace(files, HOME, echoing)
    assert [said(first, text) for text in "aab"] == ["resp_0_0", "resp_0_1", "resp_echo_0"]
    second = ScriptPlace(files, HOME, echoing)
    assert [said(second, text) for text in "ab"] == ["resp_0_2", "resp_echo_1"]


def test_a_gate_that_was_opened_stays_open():
    files = MemoryFiles()
    ScriptPlace(files, HOME, TWO).gates.open("g")
    assert ScriptPlace(files, HOME, TWO).gates.is_open("g")


def test_another_script_begins_anew():
    files = MemoryFiles()
    said(ScriptPlace(files, HOME, TWO))
    ScriptPlace(files, HOME, TWO).gates.open("g")
    other = script(Say(text="other"), (Wait(gate="g"), Say(text="two")))
    place = ScriptPlace(files, HOME, other)
    assert said(place) == "resp_0_0"
    assert not place.gates.is_open("g")


def test_a_line_that_a_crash_tore_is_passed_over():
    files = MemoryFiles()
    said(ScriptPlace(files, HOME, TWO))
    files.append(f"{HOME}/{FILE}", b'"g')
    place = ScriptPlace(files, HOME, TWO)
    assert not place.gates.is_open("g")
    assert said(place) == "resp_1_0"
    assert said(ScriptPlace(files, HOME, script(Say(text="new")))) == "resp_0_0"
