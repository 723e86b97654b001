"""Plays of turns that go well: text, reasoning, two threads at once.

May import the stage, the script language and the definition of a play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_conformance.suites.playing import play
from codex_fakes.script.steps import Response, Say, Think, Usage, Wait, script

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage

CLIENT_MESSAGE_ID: Final = "client-message-1"
"""The client's own id of the first user message."""

ANSWER: Final = ("Hel", "lo", " wor", "ld")
"""What the model says in the plain turn."""

SECOND_ANSWER: Final = ("Once", " more, \u00fcnl\u00edke", " \U0001f600")
"""What it says in the second turn: not every character is ASCII."""

REASONING: Final = (("**Plan", "ning**", "\n\nfirst thought"), ("**Second**", "\n\nmore"))
"""The parts of the model's reasoning summary, each in its deltas."""


@play(
    "plain-turns",
    script(
        (Say(text=ANSWER), Usage()),
        (Say(text=SECOND_ANSWER), Usage(input=250, cached=120, output=30, reasoning=7)),
    ),
)
async def plain_turns(stage: Stage) -> None:
    """Two turns in one thread; each is answered with streamed text."""
    await stage.start()
    thread = await stage.thread()
    await stage.whole_turn(thread, "hi there", clientUserMessageId=CLIENT_MESSAGE_ID)
    await stage.whole_turn(thread, "and again")


@play("reasoning-turn", script((Think(summary=REASONING), Say(text=("The ", "answer")))))
async def reasoning_turn(stage: Stage) -> None:
    """A turn in which the model reasons in two parts before it answers."""
    await stage.start()
    thread = await stage.thread()
    await stage.whole_turn(thread, "think please", summary="detailed")


@play(
    "two-threads",
    script(
        Response(
            when="alpha",
            steps=(
                Say(text="alpha one", left_open=True),
                Wait(gate="alpha"),
                Say(text=" alpha two"),
            ),
        ),
        Response(
            when="bravo",
            steps=(
                Say(text="bravo one", left_open=True),
                Wait(gate="bravo"),
                Say(text=" bravo two"),
            ),
        ),
    ),
)
async def two_threads(stage: Stage) -> None:
    """Two threads stream at the same time; the one that began last ends first."""
    await stage.start()
    alpha, bravo = await stage.thread(), await stage.thread()
    first = await stage.turn(alpha, "alpha")
    second = await stage.turn(bravo, "bravo")
    await stage.delta(first, "alpha one")
    await stage.delta(second, "bravo one")
    stage.open_gate("bravo")
    await stage.turn_end(second)
    stage.open_gate("alpha")
    await stage.turn_end(first)
    await stage.probe.fence(bravo)
    await stage.probe.fence(alpha)
