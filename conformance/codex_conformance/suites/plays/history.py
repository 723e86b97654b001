"""Plays about what is kept: reading, listing, and going on after a restart.

May import the stage, the script language and the definition of a play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_conformance.suites.playing import play
from codex_conformance.targets.door import Capability
from codex_fakes.script.steps import Response, Say, Wait, script

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage

FIRST_QUESTION: Final = "first question"
"""What the user says in the first turn."""


@play("listing", script(*(Say(text=f"answer {n}") for n in ("one", "two", "three"))))
async def listing(stage: Stage) -> None:
    """Two threads with turns and one without are read and listed."""
    await stage.start()
    older = await stage.thread()
    await stage.whole_turn(older, FIRST_QUESTION)
    await stage.whole_turn(older, "second question")
    newer = await stage.thread()
    await stage.whole_turn(newer, "another thread")
    await stage.thread()
    with stage.section("read"):
        await stage.probe.request("thread/read", {"threadId": older})
    with stage.section("read with turns"):
        await stage.probe.request("thread/read", {"threadId": older, "includeTurns": True})
    with stage.section("list"):
        await stage.probe.request("thread/list", {})


@play(
    "restart",
    script(
        Response(when=FIRST_QUESTION, steps=(Say(text="answer one"),)),
        Response(when="second question", steps=(Say(text="answer two"),)),
        Response(when="third question", steps=(Say(text="answer three"),)),
    ),
    needs=(Capability.RESTART,),
)
async def restart(stage: Stage) -> None:
    """A thread is used, the app-server ends, and another one goes on with the thread."""
    await stage.start()
    thread = await stage.thread()
    await stage.whole_turn(thread, FIRST_QUESTION)
    await stage.whole_turn(thread, "second question")
    unused = await stage.thread()
    await stage.restart()
    with stage.section("list after restart"):
        await stage.probe.request("thread/list", {})
    with stage.section("read after restart"):
        await stage.probe.request("thread/read", {"threadId": thread})
    with stage.section("turn before resume"):
        await stage.probe.request(
            "turn/start", {"threadId": thread, "input": [{"type": "text", "text": "too early"}]}
        )
    with stage.section("resume"):
        await stage.probe.request("thread/resume", {"threadId": thread})
        await stage.probe.fence(thread)
    with stage.section("resume unused"):
        await stage.probe.request("thread/resume", {"threadId": unused})
    await stage.whole_turn(thread, "third question")


@play(
    "input-ends-mid-turn",
    script((Say(text="begun ", left_open=True), Wait(gate="never"), Say(text="done"))),
    needs=(Capability.EXIT,),
)
async def input_ends_mid_turn(stage: Stage) -> None:
    """The client closes its side while a turn runs."""
    await stage.start()
    turn = await stage.turn(await stage.thread(), "go")
    await stage.delta(turn, "begun ")
    await stage.end()
