"""What the server shows of a command line, against a table of what the real one showed.

``command_lines.jsonl`` holds command lines with what the real app-server said when it asked for
consent to each: the command, its actions and the rule it proposed; ``<CWD>`` is the thread's
folder and ``<PARENT>`` the one around it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_fakes.app_server.threads.command_actions import command_actions
from codex_fakes.app_server.threads.command_lines import amendment_for, quoted_argv
from codex_fakes.app_server.threads.items import command_execution, from_rollout, to_rollout

TABLE = Path(__file__).with_name("command_lines.jsonl")
ROWS = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]
CWD = "/parent/cwd"


def placed(actions):
    text = json.dumps(actions).replace("<CWD>", CWD).replace("<PARENT>", "/parent")
    return json.loads(text)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["command"][:40])
def test_a_command_line_is_shown_as_the_real_server_shows_it(row):
    command = row["command"]
    assert command_actions(command, CWD) == placed(row["actions"])
    assert quoted_argv(command) == row["shown"]
    assert amendment_for(command) == row["amendment"]


def test_the_table_has_every_kind_of_action():
    kinds = {action["type"] for row in ROWS for action in row["actions"]}
    assert kinds == {"read", "listFiles", "search", "unknown"}


WORDS = st.sampled_from(
    ["ls", "cat", "rg", "sed", "-n", "1,5p", "head", "cd", "a/b", "'x y'", "|", "&&", ";", "\n"]
)


@given(st.lists(WORDS, max_size=8).map(" ".join))
def test_any_command_line_survives_the_rollout(command):
    item = command_execution("call_1", command, CWD)
    item["processId"], item["durationMs"] = "17", 1_250
    assert from_rollout(to_rollout(item)) == item


@given(st.text(max_size=20))
def test_a_line_that_is_not_understood_is_one_unknown_action(text):
    actions = command_actions(f"$({text}", CWD)
    assert actions == [{"type": "unknown", "command": f"$({text}"}]
