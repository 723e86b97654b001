"""Turns: text, reasoning, interrupts, steers, two threads, failures of the model."""

from __future__ import annotations

from codex_fakes.script import (
    Drop,
    FailHttp,
    FailResponse,
    Garbage,
    Response,
    Run,
    Say,
    Script,
    Stall,
    Think,
    Usage,
    Wait,
    script,
)
from support.programs import (
    HELLO,
    NEVER,
    Await,
    Call,
    Open,
    Program,
    Restart,
    decide,
    interrupt,
    read,
    start,
    steer,
    text,
    turn,
)

HELD = (Say(text=("partial ", "text "), left_open=True), Stall())
GATED = (Say(text="first ", left_open=True), Wait(gate="go"), Say(text="rest"))
CUT = (Say(text=("par", "tial"), left_open=True), Drop())
STABLE = {"clientInfo": HELLO["clientInfo"], "capabilities": {"experimentalApi": False}}
PLAN = {
    "mode": "plan",
    "settings": {"model": "gpt-5.5", "reasoning_effort": None, "developer_instructions": None},
}


def failing(*answers, **settings) -> Program:
    """A turn that fails, one that recovers, and what is read of both."""
    steps = (start(), turn("one"), turn("two"), read())
    return Program(script(*answers, Say(text="recovered")), steps, settings)


PROGRAMS = {
    "01 hello": Program(script(Say(text=("Hel", "lo", " wor", "ld"))), (start(), turn())),
    "01b without experimental methods": Program(
        script(Say(text=("Hel", "lo"))),
        (
            start(),
            turn(),
            Call("thread/start", {"mockExperimentalField": "x"}),
            Call("thread/start", {"dynamicTools": []}),
            Call("mock/experimentalMethod"),
            Call("collaborationMode/list"),
            Call("turn/start", {"threadId": "$t", "input": [], "collaborationMode": PLAN}),
        ),
        hello=STABLE,
    ),
    "02 reasoning": Program(
        script(
            (
                Think(summary=(("**Plan", "ning**", "\n\nfirst"), ("**Second**", "\n\nmore"))),
                Say(text=("The ", "answer")),
            )
        ),
        (start(), turn(summary="detailed", effort="high"), read()),
    ),
    "02b raw reasoning": Program(
        script((Think(summary=("summary",), raw=("raw ", "chain")), Say(text="ans"))),
        (start(), turn(summary="auto"), read()),
        {"show_raw_reasoning": True},
    ),
    "05a interrupt in the middle of a message": Program(
        script(HELD, Say(text="after")),
        (start(), turn(), interrupt(), turn("next"), read()),
    ),
    "05b interrupt while an approval is pending": Program(
        script(Run(command="touch x")),
        (start(approvalPolicy="untrusted"), turn(), interrupt(), decide("accept"), read()),
    ),
    "05d interrupt while a command runs": Program(
        script(Run(command="sleep 20", duration_ms=20_000, yield_ms=15_000)),
        (
            start(),
            turn(until="answer"),
            # The second item that starts, behind the user's message, is the command.
            Await("item/started", 2),
            interrupt(until="answer"),
            Await("turn/completed"),
        ),
        {"approval_policy": "never", "sandbox": "danger-full-access"},
        real_time=True,
    ),
    "05e interrupts that are refused": Program(
        script(HELD),
        (
            start(),
            interrupt("nope"),
            turn(),
            interrupt(NEVER),
            interrupt("$turn", NEVER),
            interrupt("$turn", "bogus"),
            Call("turn/interrupt", {"threadId": "$t"}),
            interrupt(""),
            interrupt(""),
        ),
    ),
    "05g interrupt twice, and an interrupted turn": Program(
        script(HELD, Say(text="next")),
        (
            start(),
            turn(),
            interrupt(until="nothing"),
            interrupt(),
            interrupt(),
            interrupt(NEVER),
            steer(),
            turn("next"),
        ),
    ),
    "05h interrupt in the start window": Program(
        script(Say(text="done")),
        (start(), turn(until="answer"), interrupt()),
    ),
    "05j interrupt after a failure, and after a restart": Program(
        script(FailHttp(status=500), HELD),
        (
            start(),
            turn(),
            interrupt(),
            turn("second"),
            interrupt("$second"),
            interrupt(NEVER),
            interrupt("$second"),
            interrupt(""),
            steer("x", "$second"),
            Restart(),
            Call("thread/resume", {"threadId": "$t", "excludeTurns": True}),
            interrupt("$second"),
        ),
    ),
    "06a steer": Program(
        script(HELD, Say(text="steered answer")),
        (start(), turn(), steer("actually B", clientUserMessageId="mine")),
    ),
    "06b steers that are refused": Program(
        script(GATED),
        (
            start(),
            steer("x", "abc"),
            turn(),
            steer("x", "abc"),
            steer("x", ""),
            Call("turn/steer", {"threadId": "$t", "input": text()}),
            Call("turn/steer", {"threadId": "$t", "expectedTurnId": "$turn", "input": []}),
            steer("x", "$turn", NEVER),
            Open("go"),
            steer("x"),
        ),
    ),
    "06d token usage of two turns": Program(
        script(
            Say(text="a"), (Say(text="b"), Usage(input=250, cached=120, output=30, reasoning=7))
        ),
        (start(), turn("one"), turn("two")),
    ),
    "06e steer, and read": Program(
        script(HELD, Say(text="steered answer")), (start(), turn(), steer("B please"), read())
    ),
    "06f a turn is started while one runs": Program(
        script(HELD, Say(text="both")), (start(), turn(), turn("same", "more"), read())
    ),
    "06g steer while an approval is pending": Program(
        script(Run(command="touch zz"), Say(text="ok both")),
        (start(approvalPolicy="untrusted"), turn(), steer("also C"), decide("accept"), read()),
    ),
    "07 two threads": Program(
        Script(
            responses=tuple(
                Response(
                    when=name,
                    steps=(
                        Say(text=f"{name} 1 ", left_open=True),
                        Wait(gate=name),
                        Say(text=f"{name} 2"),
                    ),
                )
                for name in ("alpha", "bravo")
            )
        ),
        (
            start("a"),
            start("b"),
            turn("one", "alpha", "$a", until="nothing"),
            turn("two", "bravo", "$b"),
            Open("bravo"),
            Open("alpha"),
            read("$a"),
            read("$b"),
        ),
    ),
    "09a the end of stdin, idle": Program(Script(), (Restart(), Call("thread/loaded/list"))),
    "09b the end of stdin in the middle of a message": Program(
        script(HELD),
        (start(), turn(), Restart(), Call("thread/resume", {"threadId": "$t"}), read()),
    ),
    "09c the end of stdin while an approval is pending": Program(
        script(Run(command="touch x")),
        (start(approvalPolicy="untrusted"), turn(), Restart(), read()),
    ),
    "09d the end of stdin while a command runs": Program(
        script(Run(command="sleep 31.7", duration_ms=31_700)),
        (
            start(approvalPolicy="never", sandbox="danger-full-access"),
            turn(until="answer"),
            Await("item/started", 2),
            Restart(),
            # Whether the command is stored, and with which exit code, differs from run to run.
            Call("thread/resume", {"threadId": "$t", "excludeTurns": True}, until="answer"),
            Await("thread/goal/cleared"),
            Call("thread/turns/list", {"threadId": "$t", "itemsView": "notLoaded"}),
        ),
        real_time=True,
    ),
    "09e SIGTERM in the middle of a message": Program(
        script(HELD), (start(), turn(), Restart("term"), read())
    ),
    "12a HTTP 500": failing(FailHttp(status=500)),
    "12b HTTP 500, and repeated": failing(
        FailHttp(status=500), FailHttp(status=500), Say(text="lucky"), request_max_retries=3
    ),
    "12c cut twice, and given up": failing(CUT, CUT, stream_max_retries=1),
    "12d cut": failing(CUT),
    "12e cut, and reopened": failing(CUT, Say(text="second try"), stream_max_retries=2),
    "12f HTTP 401": failing(FailHttp(status=401, message="who are you?")),
    "12g HTTP 429": failing(FailHttp(status=429, code="rate_limit_exceeded")),
    "12h usage limit": failing(
        FailHttp(
            status=429,
            type="usage_limit_reached",
            message="limit",
            details={"plan_type": "plus", "resets_at": 1_900_000_000},
        )
    ),
    "12i HTTP 400": failing(FailHttp(status=400, message="bad")),
    "12j overloaded": failing(FailHttp(status=503, code="server_is_overloaded")),
    "12k context length": failing(
        FailResponse(code="context_length_exceeded", message="too long"), Say(text="a summary")
    ),
    "12m quota": failing(FailResponse(code="insufficient_quota", message="no more")),
    "12n rate limit": failing(
        FailResponse(code="rate_limit_exceeded", message="Rate limit. Please try again in 1s.")
    ),
    "12o another code": failing(FailResponse(code="server_error", message="boom")),
    "12p garbage": failing((Garbage(), Say(text="a"), Drop())),
    "12q nothing": failing(Drop()),
    "12s silence": Program(
        script(HELD), (start(), turn(), read()), {"stream_idle_timeout_ms": 1_500}
    ),
}
