"""Plays of several clients: what all of them hear, and what one of them leaves behind.

May import the stage, the script language and the definition of a play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_conformance.suites.playing import play
from codex_conformance.suites.plays.threads import NAME
from codex_conformance.targets.door import Capability, StageSettings
from codex_fakes.script.steps import Say, Wait, script

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage

BROADCAST: Final = ("thread/name/updated", "thread/archived", "thread/unarchived")
"""What every client hears, in this order."""

_JOINED: Final = StageSettings(joined=True)


@play(
    "changes-elsewhere",
    script(Say(text="done")),
    settings=_JOINED,
    needs=(Capability.CLIENTS,),
)
async def changes_elsewhere(stage: Stage) -> None:
    """One client names, archives and unarchives a thread; another one listens."""
    await stage.start()
    first = stage.probe
    second = await stage.join()
    stage.speak_for(first)
    thread = await stage.thread()
    await stage.whole_turn(thread, "go")
    await stage.ask("name", "thread/name/set", {"threadId": thread, "name": NAME}, fence=thread)
    for method in ("archive", "unarchive"):
        await stage.ask(method, f"thread/{method}", {"threadId": thread}, fence=thread)
    await second.until(BROADCAST[-1], lambda entry: entry.method == BROADCAST[-1])
    await second.fence(thread)


@play(
    "left-alone",
    script((Say(text="begun ", left_open=True), Wait(gate="rest"), Say(text="done"))),
    settings=_JOINED,
    needs=(Capability.CLIENTS,),
)
async def left_alone(stage: Stage) -> None:
    """The client that started a turn goes away; another one reads what became of it."""
    await stage.start()
    second = await stage.join()
    third = await stage.join(greet=False)
    stage.speak_for(third)
    await stage.ask("unintroduced", "thread/loaded/list", {})
    stage.speak_for(second)
    thread = await stage.thread()
    turn = await stage.turn(thread, "go")
    await stage.delta(turn, "begun ")
    await stage.leave(second)
    stage.speak_for(third)
    await stage.greet()
    with stage.section("resume"):
        await stage.probe.request("thread/resume", {"threadId": thread, "excludeTurns": True})
        stage.open_gate("rest")
        await third.until("turn/completed", lambda entry: entry.method == "turn/completed")
    await stage.ask("read", "thread/read", {"threadId": thread, "includeTurns": True})
