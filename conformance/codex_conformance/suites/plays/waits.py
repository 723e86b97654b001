"""Plays of a model API that keeps an app-server waiting.

May import the stage, the script language and the definition of a play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.suites.playing import play
from codex_conformance.targets.door import StageSettings
from codex_conformance.wire.messages import at
from codex_fakes.script.steps import FailResponse, Response, Say, Script, Stall, script

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage


@play(
    "stalled",
    script((Say(text="begun ", left_open=True), Stall())),
    settings=StageSettings(stream_idle_timeout_ms=300),
)
async def stalled(stage: Stage) -> None:
    """The model says nothing any more."""
    await stage.start()
    await stage.whole_turn(await stage.thread(), "go")


@play("unreachable", Script(otherwise="unreachable"))
async def unreachable(stage: Stage) -> None:
    """Nobody listens where the model should be; the client interrupts the turn in the end."""
    await stage.start()
    turn = await stage.turn(await stage.thread(), "go")
    await stage.event(turn, "error", lambda message: at(message, "params", "willRetry") is True)
    with stage.section("interrupt"):
        await stage.interrupt(turn)
        await stage.turn_end(turn)
        await stage.probe.fence(turn.thread_id)


@play(
    "compacted-by-itself",
    script(
        Say(text="one"),
        Response(when="too long", steps=(FailResponse(code="context_length_exceeded"),)),
        Say(text="a summary"),
        Say(text="on a short thread again"),
    ),
)
async def compacted_by_itself(stage: Stage) -> None:
    """A turn fails because the thread is too long; another one follows."""
    await stage.start()
    thread = await stage.thread()
    for text in ("go", "too long", "go on"):
        await stage.whole_turn(thread, text)
