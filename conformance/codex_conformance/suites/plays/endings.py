"""Plays of how turns end: the ways a model API fails, double interrupts, an app-server that ends.

May import the stage, the script language and the definition of a play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_conformance.suites.playing import play
from codex_conformance.targets.door import Capability, StageSettings
from codex_fakes.script.steps import (
    Drop,
    FailHttp,
    FailResponse,
    Garbage,
    Incomplete,
    Response,
    Say,
    Wait,
    script,
)

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage
    from codex_fakes.script.steps import Step

FAILURES: Final[tuple[tuple[str, tuple[Step, ...]], ...]] = (
    ("http 401", (FailHttp(status=401),)),
    ("http 429", (FailHttp(status=429),)),
    ("http 429 usage limit", (FailHttp(status=429, type="usage_limit_reached"),)),
    ("http 400", (FailHttp(status=400),)),
    ("http 503 overloaded", (FailHttp(status=503, code="server_is_overloaded"),)),
    ("quota", (FailResponse(code="insufficient_quota"),)),
    ("rate limit", (FailResponse(code="rate_limit_exceeded"),)),
    ("unknown code", (FailResponse(code="boom"),)),
    ("incomplete", (Incomplete(),)),
    ("dropped", (Say(text="lost", left_open=True), Drop())),
    ("garbage", (Garbage(text="no event at all"), Drop())),
    # The last one: the thread is compacted before its next turn.
    ("context", (FailResponse(code="context_length_exceeded"),)),
)
"""What the model API does, by the text of the turn in which it does it."""


@play("failing", script(*(Response(steps=steps) for _, steps in FAILURES)), bound=30.0)
async def failing(stage: Stage) -> None:
    """The model API fails in every way there is, one turn after the other."""
    await stage.start()
    thread = await stage.thread()
    for text, _ in FAILURES:
        await stage.whole_turn(thread, text)


@play(
    "interrupted-twice",
    script((Say(text="begun ", left_open=True), Wait(gate="never")), Say(text="after")),
)
async def interrupted_twice(stage: Stage) -> None:
    """The client interrupts a turn twice at once, and then whatever there is, which is nothing."""
    await stage.start()
    thread = await stage.thread()
    turn = await stage.turn(thread, "go")
    await stage.delta(turn, "begun ")
    params = {"threadId": thread, "turnId": turn.turn_id}
    with stage.section("first"):
        first = await stage.probe.send_request("turn/interrupt", params)
        await stage.probe.send_request("turn/interrupt", params)
        # The second one may find the turn interrupted already, and then nobody answers it.
        await stage.probe.answer_to(first)
        await stage.turn_end(turn)
        await stage.probe.fence(thread)
    await stage.ask("nothing", "turn/interrupt", {"threadId": thread, "turnId": ""})
    await stage.whole_turn(thread, "next")


@play("interrupted-unnamed", script((Say(text="begun ", left_open=True), Wait(gate="never"))))
async def interrupted_unnamed(stage: Stage) -> None:
    """The client interrupts whatever runs, as soon as turn/start is answered."""
    await stage.start()
    turn = await stage.turn(await stage.thread(), "go")
    with stage.section("interrupt"):
        await stage.interrupt(turn, "")
        await stage.turn_end(turn)
        await stage.probe.fence(turn.thread_id)


@play(
    "ended-mid-turn",
    script(
        Response(when="first", steps=(Say(text="said before"),)),
        Response(when="second", steps=(Say(text="partial ", left_open=True), Wait(gate="never"))),
        Response(when="third", steps=(Say(text="after the cut"),)),
    ),
    needs=(Capability.RESTART,),
)
async def ended_mid_turn(stage: Stage) -> None:
    """The app-server is ended in the middle of a turn; another one goes on with the thread."""
    await stage.start()
    thread = await stage.thread(approvalPolicy="never")
    await stage.whole_turn(thread, "first")
    turn = await stage.turn(thread, "second", effort="high")
    await stage.delta(turn, "partial ")
    await stage.restart()
    named = {"threadId": thread}
    await stage.ask("read", "thread/read", {**named, "includeTurns": True})
    await stage.ask("resume", "thread/resume", {**named, "excludeTurns": True}, fence=thread)
    await stage.whole_turn(thread, "third")


@play(
    "reopened-message",
    script((Say(text="lost ", left_open=True), Drop()), Say(text="second try")),
    settings=StageSettings(stream_max_retries=1),
)
async def reopened_message(stage: Stage) -> None:
    """The model's stream breaks off in the middle of a message and is opened again, once."""
    await stage.start()
    await stage.whole_turn(await stage.thread(), "go")
