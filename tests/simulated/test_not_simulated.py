"""The one list of what is deliberately not simulated."""

from __future__ import annotations

from pathlib import Path

import pytest

import codex_fakes.app_server
from codex_fakes.app_server.dialect import not_simulated
from codex_fakes.app_server.dialect.params import NOT_SIMULATED_FIELDS

SOURCES = Path(codex_fakes.app_server.__file__).parent


def test_every_entry_is_what_some_refusal_names():
    listed = SOURCES / "dialect" / "not_simulated.py"
    sources = "".join(path.read_text() for path in SOURCES.rglob("*.py") if path != listed)
    unused = [name for name in not_simulated.REFUSED if f'"{name}"' not in sources]
    assert [name for name in unused if f"'{name}'" not in sources] == []


def test_every_member_that_is_not_played_says_why():
    subjects = {why for members in NOT_SIMULATED_FIELDS.values() for why in members.values()}
    assert subjects <= set(not_simulated.REFUSED)


def test_a_refusal_has_its_code_and_its_reason():
    refusal = not_simulated.not_simulated("Bedrock", "a login")
    assert refusal.message.startswith("[E_FAKE_NOT_SIMULATED] ")
    assert not_simulated.REFUSED["Bedrock"] in refusal.message


def test_what_is_not_in_the_list_cannot_be_refused_as_such():
    with pytest.raises(KeyError):
        not_simulated.not_simulated("something else", "anything")
