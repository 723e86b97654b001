"""Goals: the turns that the server starts by itself, and what they use.

Each program is played to both app-servers. When the model ends or sets a goal, it is open whether
the tokens of that very response are counted before: the real server may not have heard of them yet.
A command in front of such a call makes that certain.
"""

from __future__ import annotations

import pytest

from codex_fakes.script import CallTool, FailHttp, Run, Say, Wait, script
from differential import known
from support.campaign import CAMPAIGN
from support.programs import (
    Await,
    Call,
    Connect,
    Open,
    Program,
    Restart,
    interrupt,
    read,
    start,
    turn,
)
from support.two_servers import compared

pytestmark = [pytest.mark.anyio, pytest.mark.real]

FREE = {"approval_policy": "never", "sandbox": "danger-full-access"}
SAY = Say(text="a")
RUN = Run(command="echo hi", output="hi\n")
GATED = (Say(text="p", left_open=True), Wait(gate="g"), Say(text="q"))
OPEN = Open("g")
BEGIN = start()
STOP = interrupt("")
PLAN = {
    "mode": "plan",
    "settings": {"model": "gpt-5.5", "reasoning_effort": None, "developer_instructions": None},
}
LIMIT = FailHttp(
    status=429,
    type="usage_limit_reached",
    message="limit",
    details={"plan_type": "plus", "resets_at": 1_900_000_000},
)


def ends(status="complete"):
    return (RUN, CallTool(tool="update_goal", arguments={"status": status}))


def creates(objective="mine", **more):
    arguments = {"objective": objective, **more}
    return (RUN, CallTool(tool="create_goal", arguments=arguments))


def ask(method, thread="$t", **params):
    return Call(method, {"threadId": thread, **params})


def goal(**params):
    """Set a goal, or change it."""
    return ask("thread/goal/set", **params)


GET = ask("thread/goal/get")
SET = goal(objective="o")
RESUME = ask("thread/resume", excludeTurns=True)


def playing(model, *steps, **more):
    return Program(script(*model), (BEGIN, *steps, GET), FREE, **more)


PROGRAMS = {
    "until it is complete": playing((SAY, SAY, ends(), SAY), SET, read()),
    "blocked by the model": playing((SAY, ends("blocked"), SAY), SET),
    "blocked by a failure": playing((SAY, FailHttp(status=500), SAY), SET, turn()),
    "limited by the account": playing((SAY, LIMIT), SET),
    "limited by its budget": playing((SAY, SAY, SAY), goal(objective="o", tokenBudget=150), turn()),
    "limited in the middle of a turn": playing(
        (RUN, RUN, SAY), goal(objective="o", tokenBudget=50)
    ),
    "a budget that is raised": playing(
        (SAY, ends(), SAY),
        goal(objective="o", tokenBudget=10),
        goal(status="active"),
        goal(tokenBudget=9_000),
        goal(status="active"),
    ),
    "interrupted, until the user goes on": playing(
        (SAY, GATED, SAY, ends(), SAY), SET, STOP, turn()
    ),
    "interrupted, until it is set again": playing(
        (GATED, SAY, ends(), SAY), SET, STOP, goal(objective="other")
    ),
    "interrupted, until the thread is resumed": playing((GATED, ends(), SAY), SET, STOP, RESUME),
    "interrupted in a command": playing(
        ((SAY, Run(command="sleep 9", duration_ms=9_000)),),
        Call("thread/goal/set", {"threadId": "$t", "objective": "o"}, until="answer"),
        Await("item/started", 2),
        interrupt("", until="answer"),
        Await("turn/completed"),
        real_time=True,
    ),
    "across a restart": playing((GATED, SAY, ends(), SAY), SET, Restart(), GET, RESUME),
    "set for a stored thread": playing((SAY, ends(), SAY), turn(), Restart(), SET, GET, RESUME),
    "paused in a turn": playing((GATED,), SET, goal(status="paused"), OPEN),
    "cleared in a turn": playing((GATED,), SET, ask("thread/goal/clear"), OPEN),
    "changed in a turn": playing((GATED, SAY, ends(), SAY), SET, goal(objective="other"), OPEN),
    "set to the same in a turn": playing((GATED, ends(), SAY), SET, SET, OPEN),
    "set in a turn of the user": playing((GATED, SAY, ends(), SAY), turn(), SET, OPEN),
    "steered": playing((GATED, SAY, ends(), SAY), SET, turn()),
    "created by the model": playing((creates(), SAY, SAY, ends(), SAY), turn(), read()),
    "created with a budget": playing((creates(token_budget=150), SAY, SAY), turn()),
    "created, and pursued behind a restart": playing(
        (creates(), SAY, GATED, ends(), SAY), turn(), Restart(), RESUME, read()
    ),
    "created, and set by the user": playing(
        (creates(), SAY, GATED, ends(), SAY), turn(), STOP, goal(objective="other")
    ),
    "created where there is one": playing(
        (creates("one"), creates("two"), ends(), creates("three"), ends("blocked"), creates(), SAY),
        turn(),
    ),
    "created wrongly": playing(
        (
            (
                *creates(" "),
                *creates(token_budget=0),
                *creates("x" * 4_001),
                *ends(),
                *ends("active"),
                CallTool(tool="create_goal", arguments={}),
                CallTool(tool="get_goal", arguments={}),
            ),
            SAY,
        ),
        turn(),
    ),
    "ended while it is paused": playing(
        (ends(), SAY), goal(objective="o", status="paused"), turn()
    ),
    "set when it is complete": playing(
        (ends(), SAY, ends(), SAY), SET, goal(objective="new"), goal(status="active")
    ),
    "in plan mode": playing((SAY,), turn(collaborationMode=PLAN), SET),
    "behind a compaction": playing(
        (SAY, GATED, Say(text="summary"), ends(), SAY), SET, ask("thread/compact/start")
    ),
    "behind a review": playing(
        (SAY, GATED, Say(text="fine"), ends(), SAY),
        SET,
        ask("review/start", target={"type": "custom", "instructions": "x"}),
    ),
    "not that of a fork": playing(
        (GATED, SAY),
        SET,
        STOP,
        Call("thread/fork", {"threadId": "$t", "excludeTurns": True}, saves="f"),
        ask("thread/goal/get", "$f"),
        turn(thread="$f"),
    ),
    "not pursued in the archive": playing(
        (GATED,), SET, ask("thread/archive"), GET, ask("thread/unarchive")
    ),
    "told to everybody": playing(
        (ends(), SAY),
        Connect("B"),
        Connect("C"),
        SET,
        Call("thread/resume", {"threadId": "$t", "excludeTurns": True}, conn="B"),
        ask("thread/goal/clear"),
        Call("thread/resume", {"threadId": "$t", "excludeTurns": True}, conn="B"),
        websocket=True,
    ),
}
RARE = {
    "limited by the account",
    "a budget that is raised",
    "interrupted, until the thread is resumed",
    "set for a stored thread",
    "paused in a turn",
    "cleared in a turn",
    "set to the same in a turn",
    "set in a turn of the user",
    "created with a budget",
    "created, and set by the user",
    "created wrongly",
    "set when it is complete",
    "in plan mode",
    "behind a review",
    "not pursued in the archive",
}
"""Played in campaigns only."""
ASKED = [name for name in PROGRAMS if CAMPAIGN or name not in RARE]


def test_the_table_of_rare_programs_names_programs():
    assert set(PROGRAMS) >= RARE


@pytest.mark.parametrize("name", ASKED)
async def test_a_goal_is_pursued_as_by_the_real_one(name, machine, tmp_path):
    found = await compared(PROGRAMS[name], tmp_path, machine, known.stable, apart=CAMPAIGN)
    assert not found, "\n".join(found[:20])


async def test_a_goal_starts_turns_without_a_message_of_the_user_until_it_is_complete(played):
    said = await played(PROGRAMS["until it is complete"])
    assert said.titles.count("turn/started") == 3
    assert said.items("item/started", "userMessage") == []
    goals = [each["goal"] for each in said.told("thread/goal/updated")]
    assert [each["tokensUsed"] for each in goals] == [0, 110, 220, 330, 330]
    assert [each["status"] for each in goals] == [*("active",) * 4, "complete"]
    assert said.titles.count("thread/readState/changed") == 1


async def test_turns_for_a_goal_of_the_model_are_parts_of_the_turn_that_set_it(played):
    said = await played(PROGRAMS["created by the model"])
    turns = [each["turn"] for each in said.told("turn/started")]
    assert len(turns) == 3
    assert {each["rootTurnId"] for each in turns} == {turns[0]["id"]}
    kept = said.results("thread/read")[0]["thread"]["turns"]
    assert [each["rootTurnId"] for each in kept] == [turns[0]["id"]] * 3


async def test_a_goal_is_pursued_only_when_nobody_wants_anything_else(played):
    pipelined = Call("thread/goal/set", {"threadId": "$t", "objective": "o"}, until="nothing")
    said = await played(playing((SAY, ends(), SAY), pipelined, turn()))
    (message,) = said.items("item/completed", "userMessage")
    assert said.told("turn/started")[0]["turn"]["id"] == said.results("turn/start")[0]["turn"]["id"]
    assert message["content"][0]["text"] == "go"
    assert said.titles.count("turn/started") == 2
