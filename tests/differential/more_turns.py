"""More turns: reasoning, inputs, overrides, steers and interrupts at every moment, two threads."""

from __future__ import annotations

from codex_fakes.script import Response, Run, Say, Script, Stall, Think, Wait, script
from support.programs import (
    Call,
    Open,
    Program,
    Restart,
    decide,
    interrupt,
    read,
    start,
    steer,
    turn,
)

DONE = Say(text="done")
HELD = (Say(text="p", left_open=True), Stall())
GATED = (Say(text="p", left_open=True), Wait(gate="g"), Say(text="z"))


def ask(method, thread="$t", saves="", **params) -> Call:
    """A request about a thread."""
    return Call(method, {"threadId": thread, **params}, saves=saves)


def given(*elements) -> Call:
    """A turn with this input."""
    return Call("turn/start", {"threadId": "$t", "input": list(elements)}, saves="turn")


PROGRAMS = {
    "many sections": Program(
        script(
            (
                Think(summary=("", ("**A**", ""), "c\n\nd")),
                Say(text="x", phase="commentary"),
                Think(summary=("again",)),
                Say(text="y", phase="final_answer"),
            )
        ),
        (start(), turn(), read()),
    ),
    "thought without summary": Program(script((Think(), Say(text="x"))), (start(), turn(), read())),
    "only thought": Program(
        script(Think(summary=("a",), raw=("r", "s"))),
        (start(), turn(), read()),
        {"show_raw_reasoning": True},
    ),
    "wide text": Program(
        script(Say(text=("naïve ", "☃", "漢字\u2028\u0000é", '"\\\n\t'))),
        (start(), turn("a", "größe ☃ \u0001"), read()),
    ),
    "many deltas": Program(script(Say(text=tuple(f"{i} " for i in range(300)))), (start(), turn())),
    "inputs": Program(
        script(*(DONE,) * 9),
        (
            start(),
            given(
                {
                    "type": "text",
                    "text": "a",
                    "text_elements": [{"byteRange": {"start": 0, "end": 1}, "placeholder": "p"}],
                },
                {"type": "text", "text": "b"},
            ),
            given({"type": "image", "url": "data:image/png;base64,iVBORw0KGgo="}),
            given({"type": "localImage", "path": "/nope.png"}),
            given({"type": "mention", "name": "n", "path": "app://x"}),
            given({"type": "skill", "name": "n", "path": "/nope/SKILL.md"}),
            given(),
            given({"type": "text", "text": ""}),
            given({"type": "text", "text": "  \n"}),
            read(),
        ),
    ),
    "overrides": Program(
        script(*(DONE,) * 9),
        (
            start(),
            turn("a", model="gpt-5.4"),
            turn("b", effort="high"),
            turn("c", summary="none"),
            turn("d", sandboxPolicy={"type": "readOnly"}),
            turn(
                "e",
                sandboxPolicy={
                    "type": "workspaceWrite",
                    "writableRoots": ["/srv"],
                    "networkAccess": True,
                },
            ),
            turn("f", cwd="/var"),
            turn("g", approvalsReviewer="user"),
            turn("h", personality="friendly"),
            turn("i", serviceTier="flex"),
            read(turns=False),
            Restart(),
            ask("thread/resume", excludeTurns=True),
        ),
    ),
    "steer twice": Program(
        script(HELD, HELD, DONE),
        (start(), turn(), steer("b"), steer("c", clientUserMessageId="x"), read()),
    ),
    "steer after interrupt": Program(
        script(HELD, DONE), (start(), turn(), interrupt(), steer("b"), turn("n"), read())
    ),
    "steer at a gate": Program(
        script(GATED, DONE), (start(), turn(), steer("b"), Open("g"), read())
    ),
    "start twice": Program(
        script(HELD, DONE), (start(), turn(), turn("again", "more", model="gpt-5.4"), read())
    ),
    "interrupt of a third": Program(
        script(HELD, HELD),
        (
            start("a"),
            start("b"),
            turn("x", "x", "$a"),
            turn("y", "y", "$b"),
            interrupt("$x", "$b"),
            interrupt("$y", "$a"),
            interrupt("$x", "$a"),
            interrupt("$y", "$b"),
            read("$a"),
            read("$b"),
        ),
    ),
    "approvals on two threads": Program(
        Script(
            responses=tuple(
                Response(when=n, steps=(Run(command=f"touch {n}"),)) for n in ("alpha", "bravo")
            ),
            otherwise="echo",
        ),
        (
            start("a", approvalPolicy="untrusted"),
            start("b", approvalPolicy="untrusted"),
            turn("x", "alpha", "$a"),
            turn("y", "bravo", "$b"),
            decide("accept", nth=1),
            decide("decline", nth=0),
            read("$a"),
            read("$b"),
        ),
    ),
}
