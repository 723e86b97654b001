"""Whose the token counts are said to be when a thread is resumed, behind every end of a turn."""

from __future__ import annotations

import pytest

from codex_fakes.script import Drop, FailHttp, Run, Say, Wait, script
from differential import known
from support.campaign import CAMPAIGN
from support.programs import Call, Program, Restart, interrupt, start, turn
from support.two_servers import compared

pytestmark = [pytest.mark.anyio, pytest.mark.real]

SAY = Say(text="a")
GATED = (Say(text="p", left_open=True), Wait(gate="g"))
FAIL = FailHttp(status=500)
RESUME = Call("thread/resume", {"threadId": "$t"})
FORK = Call("thread/fork", {"threadId": "$t"})
CUT = interrupt("$two")


def second(model, *steps, retries=0, **params):
    """A turn that completes, and a second one."""
    policy = {"approvalPolicy": "untrusted", **params}
    begin = (start(**policy), turn("one"), turn("two"))
    return Program(script(SAY, *model), (*begin, *steps), {"stream_max_retries": retries})


PROGRAMS = {
    "ended with stdin": second((GATED,), Restart(), RESUME),
    "killed": second((GATED,), Restart("kill"), RESUME),
    "interrupted": second((GATED,), CUT, RESUME, Restart(), RESUME),
    "interrupted, and gone on": second((GATED, SAY), CUT, turn("three"), RESUME),
    "failed": second((FAIL,), RESUME, Restart(), RESUME),
    "cut and opened again": second(
        ((Say(text="x", left_open=True), Drop()), GATED), Restart("kill"), RESUME, retries=1
    ),
    "steered": second((GATED, GATED), turn("more"), Restart("kill"), RESUME),
    "forked": second((GATED,), CUT, FORK),
    "waiting for consent": second((Run(command="touch x"),), RESUME),
    "legacy, interrupted": second((GATED,), CUT, RESUME, historyMode="legacy"),
    "legacy, waiting for consent": second((Run(command="touch x"),), RESUME, historyMode="legacy"),
}


@pytest.mark.parametrize("name", PROGRAMS)
async def test_counts_are_those_of_the_turn_that_the_real_one_names(name, machine, tmp_path):
    found = await compared(PROGRAMS[name], tmp_path, machine, known.stable, apart=CAMPAIGN)
    assert not found, "\n".join(found[:20])


async def test_a_turn_that_was_interrupted_is_taken_for_the_current_one(played):
    said = await played(second((GATED,), CUT, RESUME))
    first, interrupted = said.results("thread/resume")[0]["thread"]["turns"]
    assert said.told("thread/tokenUsage/updated")[-1]["turnId"] == first["id"]
    assert interrupted["items"][0]["id"] == "item-1"
