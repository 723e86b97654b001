"""Plays of what a client does with whole threads: name, fork, archive, delete, revert, leave.

May import the stage, the script language and the definition of a play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.playing import play
from codex_conformance.suites.plays.interrupts import UNKNOWN_TURN
from codex_conformance.suites.stage import text_at
from codex_conformance.wire.messages import at
from codex_fakes.script.steps import Say, Wait, script

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage

NAME: Final = "A better name"
"""The name that a thread gets."""

SAID: Final = (("question one", "answer one"), ("question two", "answer two"))
"""What is said in the two turns of a thread before it is forked or reverted."""

IN_THE_FORK: Final = ("only in the fork", "fork answer")
"""What is said in a fork."""

_ANSWERS: Final = tuple(Say(text=answer) for _, answer in SAID)


async def _two_turns(stage: Stage) -> tuple[str, list[str]]:
    """A thread in which :data:`SAID` was said, and the ids of its turns."""
    thread = await stage.thread()
    return thread, [(await stage.whole_turn(thread, question)).turn_id for question, _ in SAID]


@play("renamed", script(Say(text="done")))
async def renamed(stage: Stage) -> None:
    """A thread is given a name with blanks around it, and then an empty one."""
    await stage.start()
    thread = await stage.thread()
    await stage.whole_turn(thread, "go")
    params = {"threadId": thread, "name": f"  {NAME} "}
    await stage.ask("name", "thread/name/set", params, fence=thread)
    await stage.ask("empty name", "thread/name/set", {"threadId": thread, "name": "  "})
    await stage.ask("read", "thread/read", {"threadId": thread})
    await stage.ask("list", "thread/list", {})


@play("forked", script(*_ANSWERS, Say(text=IN_THE_FORK[1])))
async def forked(stage: Stage) -> None:
    """A thread is forked whole, up to a turn, before a turn, and in ways that are refused."""
    await stage.start()
    thread, (first, second) = await _two_turns(stage)
    with stage.section("whole"):
        answer = await stage.probe.request("thread/fork", {"threadId": thread})
        fork = text_at(answer, "result", "thread", "id")
        await stage.probe.fence(fork)
    asked: dict[str, dict[str, Any]] = {
        "up to a turn": {"lastTurnId": first},
        "before a turn": {"beforeTurnId": second},
        "without turns": {"excludeTurns": True},
        "both": {"lastTurnId": first, "beforeTurnId": second},
        "unknown turn": {"lastTurnId": UNKNOWN_TURN},
    }
    for section, params in asked.items():
        await stage.ask(section, "thread/fork", {"threadId": thread, **params}, fence=thread)
    await stage.whole_turn(fork, IN_THE_FORK[0])
    await stage.ask("origin", "thread/read", {"threadId": thread, "includeTurns": True})
    await stage.ask("fork", "thread/read", {"threadId": fork, "includeTurns": True})


@play(
    "forked-while-running",
    script((Say(text="begun ", left_open=True), Wait(gate="rest"), Say(text="done"))),
)
async def forked_while_running(stage: Stage) -> None:
    """A thread is forked while its turn runs, once up to that turn."""
    await stage.start()
    thread = await stage.thread()
    turn = await stage.turn(thread, "go")
    await stage.delta(turn, "begun ")
    params = {"threadId": thread, "excludeTurns": True}
    await stage.ask("up to the running turn", "thread/fork", {**params, "lastTurnId": turn.turn_id})
    await stage.ask("whole", "thread/fork", params)
    stage.open_gate("rest")
    await stage.turn_end(turn)
    await stage.probe.fence(thread)


@play("archived", script(Say(text="answer"), Say(text="another"), Say(text="on we go")))
async def archived(stage: Stage) -> None:
    """A thread is archived and unarchived, each once more than it can be, and goes on."""
    await stage.start()
    thread = await stage.thread()
    await stage.whole_turn(thread, "go")
    await stage.whole_turn(await stage.thread(), "another thread")
    named = {"threadId": thread}
    await stage.ask("archive", "thread/archive", named, fence=thread)
    await stage.ask("list", "thread/list", {})
    await stage.ask("list archived", "thread/list", {"archived": True})
    await stage.ask("read", "thread/read", named)
    await stage.ask("resume", "thread/resume", named)
    await stage.ask("archive again", "thread/archive", named)
    await stage.ask("unarchive", "thread/unarchive", named, fence=thread)
    await stage.ask("unarchive again", "thread/unarchive", named)
    await stage.ask("list again", "thread/list", {})
    await stage.ask("resume again", "thread/resume", {**named, "excludeTurns": True}, fence=thread)
    await stage.whole_turn(thread, "go on")


@play(
    "archived-while-running",
    script(Say(text="done"), (Say(text="begun ", left_open=True), Wait(gate="never"))),
)
async def archived_while_running(stage: Stage) -> None:
    """A thread is archived while its second turn runs."""
    await stage.start()
    thread = await stage.thread()
    await stage.whole_turn(thread, "first")
    turn = await stage.turn(thread, "go")
    await stage.delta(turn, "begun ")
    await stage.ask("archive", "thread/archive", {"threadId": thread}, fence=thread)


@play("deleted", script(Say(text="one"), Say(text="two")))
async def deleted(stage: Stage) -> None:
    """A thread is deleted; another one, which has a fork, cannot be."""
    await stage.start()
    thread, kept = await stage.thread(), await stage.thread()
    await stage.whole_turn(thread, "go")
    await stage.whole_turn(kept, "go there")
    with stage.section("delete"):
        await stage.probe.request("thread/delete", {"threadId": thread})
        await stage.probe.until("thread/deleted", lambda entry: entry.method == "thread/deleted")
        await stage.probe.fence()
    await stage.ask("read", "thread/read", {"threadId": thread})
    await stage.ask("list", "thread/list", {})
    await stage.ask("fork", "thread/fork", {"threadId": kept, "excludeTurns": True}, fence=kept)
    await stage.ask("delete forked", "thread/delete", {"threadId": kept})


@play("reverted", script(*_ANSWERS, Say(text="instead")))
async def reverted(stage: Stage) -> None:
    """The second turn of a thread is taken back, and another one comes in its place."""
    await stage.start()
    thread, (_, second) = await _two_turns(stage)
    params = {"threadId": thread, "beforeTurnId": second}
    await stage.ask("revert", "thread/revert", params, fence=thread)
    await stage.ask("read", "thread/read", {"threadId": thread, "includeTurns": True})
    await stage.whole_turn(thread, "question three")


@play("unsubscribed", script(Say(text="unheard")))
async def unsubscribed(stage: Stage) -> None:
    """The client leaves a thread, once more than it can, and then starts a turn in it."""
    await stage.start()
    thread = await stage.thread()
    named = {"threadId": thread}
    await stage.ask("unknown", "thread/unsubscribe", {"threadId": UNKNOWN_TURN})
    await stage.ask("once", "thread/unsubscribe", named)
    await stage.ask("again", "thread/unsubscribe", named)
    with stage.section("turn"):
        turn = await stage.turn(thread, "unheard question")
        await stage.event(
            turn,
            "thread/status/changed",
            lambda message: at(message, "params", "status", "type") == "idle",
        )
        await stage.probe.fence(thread)
