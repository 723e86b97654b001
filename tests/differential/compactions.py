"""Scenarios about contexts that are compacted, and about what fits into a new one."""

from __future__ import annotations

from codex_fakes.script import Drop, FailHttp, FailResponse, Incomplete, Run, Say, Stall, Usage
from codex_fakes.script import script as model
from support.programs import Call, Program, Restart, interrupt, read, start, steer, turn


def used(tokens):
    return Usage(input=tokens, cached=0, output=20, reasoning=0)


def small(limit=500, **more):
    """A server whose context is too small for the names of its skills, and compacted soon."""
    limits = {"auto_compact_token_limit": limit} if limit else {}
    return {
        "settings": {"model_context_window": 2_000, **limits, **more},
        "worked_out": {"model_context_window": 1_900},
    }


LONG = (Say(text="long"), used(600))
SHORT = (Say(text="short"), used(60))
SUMMARY = (Say(text="summary"), used(10))
RAN = (Run(command="true"), used(600))
OPEN = (Say(text="open ", left_open=True), Stall())
TOO_LONG = (FailResponse(code="context_length_exceeded"),)
START = start(approvalPolicy="never", sandbox="danger-full-access")
THREE = (START, turn(), turn("b"), turn("c"), read())


def compact():
    return Call("thread/compact/start", {"threadId": "$t"})


def window(tokens):
    """A server whose whole context has so many tokens."""
    return Program(
        model(SHORT, otherwise="echo"),
        (start(), turn(), turn("b")),
        {"model_context_window": tokens},
        worked_out={"model_context_window": tokens * 95 // 100},
    )


PROGRAMS = {
    "compaction in the middle of a turn": Program(
        model(RAN, SUMMARY, SHORT, SHORT, otherwise="echo"), THREE, **small()
    ),
    "compaction in the middle of a turn, interrupted": Program(
        model(RAN, OPEN, SHORT, otherwise="echo"),
        (START, turn(), steer(), interrupt(), turn("b"), read()),
        **small(),
    ),
    "compaction in the middle of a turn, refused": Program(
        model(RAN, (FailHttp(status=500),), otherwise="echo"), THREE, **small()
    ),
    "compaction in the middle of a turn, incomplete": Program(
        model(RAN, (Incomplete(),), otherwise="echo"), THREE, **small()
    ),
    "compaction before a turn, refused": Program(
        model(LONG, (FailHttp(status=500),), otherwise="echo"), THREE, **small()
    ),
    "compaction before a turn, cut": Program(
        model(LONG, (Say(text="a"), Drop()), otherwise="echo"), THREE, **small()
    ),
    "compaction before a turn, cut and reopened": Program(
        model(LONG, (Say(text="a"), Drop()), SUMMARY, otherwise="echo"),
        THREE,
        **small(stream_max_retries=2),
    ),
    "compaction before a turn, incomplete": Program(
        model(LONG, (Incomplete(),), otherwise="echo"), THREE, **small()
    ),
    "compaction before a turn, over quota": Program(
        model(LONG, (FailResponse(code="insufficient_quota"),), otherwise="echo"),
        THREE,
        **small(),
    ),
    "compaction before a turn, interrupted": Program(
        model(LONG, OPEN, otherwise="echo"),
        (START, turn(), turn("b"), interrupt("$b"), turn("c"), read()),
        **small(),
    ),
    "a history too long to be summarized, but for one item": Program(
        model(LONG, TOO_LONG, otherwise="echo"), THREE, **small()
    ),
    "a history too long to be summarized at all": Program(
        model(LONG, *[TOO_LONG] * 12, otherwise="echo"), THREE, **small()
    ),
    "a longer history too long to be summarized": Program(
        model(SHORT, (Say(text="x"), Say(text="y"), used(600)), *[TOO_LONG] * 9, otherwise="echo"),
        THREE,
        **small(),
    ),
    "a compaction asked for, of a history that is too long": Program(
        model(SHORT, *[TOO_LONG] * 12, otherwise="echo"),
        (START, turn(), compact(), turn("b"), read()),
        **small(),
    ),
    "a compaction asked for": Program(
        model(SHORT, SUMMARY, SHORT, otherwise="echo"),
        (START, turn(), compact(), turn("b"), read()),
        **small(),
    ),
    "a compaction asked for at first": Program(
        model(SUMMARY, otherwise="echo"), (START, compact(), turn(), read()), **small()
    ),
    "a compaction asked for, refused": Program(
        model(SHORT, (FailHttp(status=400),), otherwise="echo"),
        (START, turn(), compact(), turn("b"), read()),
        **small(limit=None),
    ),
    "skills of a thread that is resumed, forked and reverted": Program(
        model(SHORT, SHORT, otherwise="echo"),
        (
            START,
            turn("a"),
            turn("b"),
            Restart(),
            Call("thread/resume", {"threadId": "$t", "excludeTurns": True}),
            turn("c"),
            Call("thread/fork", {"threadId": "$t", "excludeTurns": True}, saves="f"),
            turn("d", thread="$f"),
            Call("thread/revert", {"threadId": "$t", "beforeTurnId": "$b"}),
            turn("e"),
            Call("thread/revert", {"threadId": "$t", "beforeTurnId": "$a"}),
            turn("f"),
        ),
        **small(limit=None),
    ),
    "skills behind another model": Program(
        model(otherwise="echo"),
        (START, turn(), turn("b", model="gpt-5.2"), turn("c"), turn("d", model="gpt-5.5")),
        **small(limit=None),
    ),
    "skills behind a review": Program(
        model((Say(text="reviewed"), used(10)), otherwise="echo"),
        (
            START,
            Call(
                "review/start",
                {"threadId": "$t", "target": {"type": "custom", "instructions": "x"}},
            ),
            turn("b"),
            read(),
        ),
        **small(limit=None),
    ),
    "skills that just fit": window(2_500),
    "one skill that does not fit": window(2_480),
    "skills of which one fits": window(1_000),
    "skills that do not fit at all": window(500),
}
