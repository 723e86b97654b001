"""Threads whose folder is not there: what the model does in it fails, as on the real server."""

from __future__ import annotations

import pytest

from codex_fakes.script import Patch, Run, Say, script
from support.programs import FILES, Program, decide, read, start, turn

pytestmark = [pytest.mark.anyio, pytest.mark.real]

DONE = Say(text="done")
ADD = Patch(patch="*** Begin Patch\n*** Add File: new.txt\n+line one\n*** End Patch\n")
ECHO = Run(command="echo hi", output="hi\n")
FREE = {"sandbox": "danger-full-access", "approvalPolicy": "never"}


def programs():
    yield "a patch in a sandbox", (ADD, DONE), (), {"sandbox": "workspace-write"}
    yield "a patch without a sandbox", (ADD, DONE), (), FREE
    yield "a patch with consent", (ADD, DONE), (decide("accept", FILES),), {"sandbox": "read-only"}
    yield "two patches and a command", (ADD, (ADD, ECHO), DONE), (), {"sandbox": "workspace-write"}
    yield "a command in a sandbox", (ECHO, DONE), (), {}
    yield "a command without a sandbox", (ECHO, DONE), (), FREE
    yield (
        "a command with consent, and again",
        (ECHO, DONE, ECHO, DONE),
        (decide("acceptForSession"), turn("again")),
        {"approvalPolicy": "untrusted"},
    )
    on_terminal = Run(command="echo hi", output="hi\r\n", tty=True)
    yield "a command with a terminal", (on_terminal, DONE), (), {}


PROGRAMS = {
    name: Program(script(*model), (start(cwd="missing", **params), turn(), *steps, read()))
    for name, model, steps, params in programs()
}


@pytest.mark.parametrize("name", PROGRAMS)
async def test_in_a_folder_that_is_not_there_both_say_the_same(name, the_same):
    await the_same(PROGRAMS[name])


async def test_a_command_is_not_started_where_there_is_no_folder(played):
    said = await played(PROGRAMS["a command in a sandbox"])
    (command,) = said.items("item/completed", "commandExecution")
    assert (command["status"], command["processId"], command["exitCode"]) == ("failed", None, -1)


async def test_a_patch_is_not_applied_where_there_is_no_folder(played):
    said = await played(PROGRAMS["a patch in a sandbox"])
    (patch,) = said.items("item/completed", "fileChange")
    assert patch["status"] == "failed"
    assert "turn/diff/updated" not in said.titles
