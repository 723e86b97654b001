"""The configuration that a client sends along with a thread: as with the real binary."""

from __future__ import annotations

import pytest

from codex_fakes.script import Response, Say, Script, Wait
from support.programs import Call, Open, Program, Restart, start, steer, turn

pytestmark = [pytest.mark.anyio, pytest.mark.real]

REFUSED = (
    {"model": 5},
    {"sandbox_mode": "bogus"},
    {"approval_policy": "bogus"},
    {"approval_policy": "untrusted"},
    {"model_reasoning_effort": ""},
    {"model_reasoning_effort": 5},
    {"features.instant_interrupt": "x"},
    {"features": {"instant_interrupt": 1}},
    {"features": 5},
    {"tools": 5},
    {"tools": {"update_plan": True}},
    {"model_context_window": "x"},
    {"model_provider": "nope"},
    {"show_raw_agent_reasoning": "x"},
    {"approvals_reviewer": "x"},
    {"web_search": "x"},
    {"model_reasoning_summary": "x"},
    {"personality": "x"},
    {"model_verbosity": "x"},
    {"projects": 5},
    {"instructions": 5},
    {"model_providers": 5},
    {"model_providers.x": 5},
    {"features": {"nope": "x"}},
    {"features.nope.x": True},
)
TAKEN = (
    {"features": {"bogus": True}},
    {"bogus": 1, "features": {"plan": False}},
    {"bogus.one": 1, "bogus": {"two": 2}},
    {"model_reasoning_summary": "detailed", "personality": "friendly"},
    {"approvals_reviewer": "auto_review", "service_tier": "priority"},
    {"model": "gpt-6-sol", "model_reasoning_effort": "high", "model_verbosity": "low"},
    {"approval_policy": "on-failure", "sandbox_mode": "read-only", "instructions": "be brief"},
)
HELD = Say(text=("first ", "answer"), left_open=True)


async def test_a_value_that_cannot_be_is_refused(the_same):
    await the_same(Program(Script(), tuple(start(config=config) for config in REFUSED)))


async def test_values_hold_for_the_thread(the_same):
    script = Script(otherwise="echo")
    steps = []
    for number, config in enumerate(TAKEN):
        steps += [start(f"t{number}", config=config), turn(thread=f"$t{number}", effort="low")]
    await the_same(Program(script, tuple(steps)))


async def test_a_stored_thread_is_not_resumed_with_configuration_that_would_change_it(played):
    again = {"threadId": "$t", "excludeTurns": True}
    configs = ({"model": "gpt-5.4"}, {"approval_policy": "untrusted"}, {"model": 5}, {})
    resumes = (Call("thread/resume", {**again, "config": config}) for config in configs)
    script = Script(otherwise="echo")
    said = await played(Program(script, (start(), turn(), Restart(), *resumes)), part=1)
    refusals = [text for _, text in said.errors("thread/resume")]
    assert ["E_FAKE_NOT_SIMULATED" in text for text in refusals] == [True, True, False]
    assert refusals[2].startswith("failed to load configuration: invalid type")
    assert len(said.answers("thread/resume")) == 4


@pytest.mark.parametrize("instant", [True, False])
async def test_a_thread_says_whether_input_cuts_the_stream(instant, the_same):
    answers = (
        Response(steps=(HELD, Wait(gate="go"))),
        Response(steps=(Say(text="second"),)),
    )
    steps = (
        start(config={"features": {"instant_interrupt": instant}}),
        turn(),
        steer(),
        *(() if instant else (Open("go"),)),
        Call("thread/loaded/list"),
    )
    await the_same(Program(Script(responses=answers), steps))
