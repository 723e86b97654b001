"""Plays of what a turn can be besides text and one command: questions, plans, terminals, reviews.

May import the stage, the script language and the definition of a play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.playing import play
from codex_conformance.suites.plays.collaboration import asked
from codex_conformance.suites.stage import text_at
from codex_conformance.targets.door import StageSettings
from codex_conformance.wire.messages import at
from codex_fakes.script.steps import (
    Ask,
    Option,
    Question,
    Response,
    Run,
    Say,
    Usage,
    Wait,
    script,
)

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage

QUESTION_METHOD: Final = "item/tool/requestUserInput"
"""The server request that asks the user a question."""

QUESTION: Final = Question(
    "color", "Color", "Which color?", (Option("Red", "warm"), Option("Blue", "cold"))
)
"""What the model asks."""

PLAN: Final = "1. look\n2. leap\n"
"""What the model plans."""

LONG_COMMAND: Final = "sleep 600"
"""A command that goes on until somebody ends it."""

LONG_CALL: Final = "call_long"
"""The model's id of the call that runs it."""

REVIEW: Final = "look at it"
"""What a review is told to do."""

FOUND: Final = "nothing wrong"
"""What the review finds."""

USED_PERCENT: Final = "12.5"
"""How much of a rate limit is used, as the headers of the model API say it."""

_UNHINDERED: Final = StageSettings(sandbox="danger-full-access")
_RUNNING: Final = Run(command=LONG_COMMAND, duration_ms=600_000, yield_ms=250, call_id=LONG_CALL)


def plan_mode(model: str) -> dict[str, Any]:
    """The collaboration mode in which the model plans and asks.

    Args:
        model: The thread's model.
    """
    settings = {"model": model, "reasoning_effort": None, "developer_instructions": None}
    return {"mode": "plan", "settings": settings}


async def _planning_thread(stage: Stage) -> tuple[str, dict[str, Any]]:
    answer = await stage.ask("thread", "thread/start", {"cwd": stage.folder, **stage.history})
    model = text_at(answer, "result", "model")
    return text_at(answer, "result", "thread", "id"), plan_mode(model)


@play(
    "question", script(Ask(questions=(QUESTION,)), Say(text="thanks"), Ask(questions=(QUESTION,)))
)
async def question(stage: Stage) -> None:
    """The model asks twice; one question is answered, at the other the turn is interrupted."""
    await stage.start()
    thread, mode = await _planning_thread(stage)
    turn = await stage.turn(thread, "ask me", collaborationMode=mode)
    request = await asked(stage, turn, QUESTION_METHOD)
    said = {"answers": {QUESTION.id: {"answers": ["Red"]}}}
    await stage.probe.send({"id": request.get("id"), "result": said})
    await stage.turn_end(turn)
    await stage.probe.fence(thread)
    turn = await stage.turn(thread, "ask again")
    request = await asked(stage, turn, QUESTION_METHOD)
    with stage.section("interrupt"):
        await stage.interrupt(turn)
        await stage.turn_end(turn)
        await stage.resolved(turn, request)
    await stage.probe.fence(thread)


@play(
    "planned",
    script((Say(text=("<proposed_plan>\n1. look\n", "2. leap\n</proposed_plan>\n")), Usage())),
)
async def planned(stage: Stage) -> None:
    """The model proposes a plan in plan mode."""
    await stage.start()
    thread, mode = await _planning_thread(stage)
    await stage.whole_turn(thread, "plan it", collaborationMode=mode)


@play("left-running", script(_RUNNING, Say(text="left it running")), settings=_UNHINDERED)
async def left_running(stage: Stage) -> None:
    """A turn ends while its command goes on; the client lists the command, and ends it."""
    await stage.start()
    thread = await stage.thread(approvalPolicy="never")
    turn = await stage.whole_turn(thread, "run it")
    named = {"threadId": thread}
    await stage.ask("list", "thread/backgroundTerminals/list", named)
    with stage.section("clean"):
        await stage.probe.request("thread/backgroundTerminals/clean", named)
        await stage.event(
            turn,
            "item/completed",
            lambda message: at(message, "params", "item", "type") == "commandExecution",
        )
        await stage.probe.fence(thread)
    await stage.ask("list again", "thread/backgroundTerminals/list", named)


@play(
    "interrupted-command",
    script(_RUNNING, (Wait(gate="never"), Say(text="no"))),
    settings=_UNHINDERED,
)
async def interrupted_command(stage: Stage) -> None:
    """A turn is interrupted while its command runs."""
    await stage.start()
    thread = await stage.thread(approvalPolicy="never")
    turn = await stage.turn(thread, "run it")
    await stage.event(
        turn,
        "item/started",
        lambda message: at(message, "params", "item", "type") == "commandExecution",
    )
    with stage.section("interrupt"):
        await stage.interrupt(turn)
        await stage.turn_end(turn)
        await stage.probe.fence(thread)
    await stage.ask("list", "thread/backgroundTerminals/list", {"threadId": thread})


@play(
    "compacted", script(Say(text="first"), Say(text="a summary"), Say(text="after the compaction"))
)
async def compacted(stage: Stage) -> None:
    """The client has a thread compacted, and goes on with it."""
    await stage.start()
    thread = await stage.thread()
    await stage.whole_turn(thread, "first")
    with stage.section("compact"):
        sent = await stage.probe.send_request("thread/compact/start", {"threadId": thread})
        await stage.probe.answer_to(sent)
        await stage.probe.until(
            "turn/completed", lambda entry: entry.method == "turn/completed", since=sent.index
        )
        await stage.probe.fence(thread)
    await stage.whole_turn(thread, "go on")


@play(
    "reviewed",
    script(
        Response(when=REVIEW, steps=(Wait(gate="review"), Say(text=FOUND))),
        Response(when="go on", steps=(Say(text="after the review"),)),
    ),
)
async def reviewed(stage: Stage) -> None:
    """The client has a thread reviewed, tries to steer the review, and goes on."""
    await stage.start()
    thread = await stage.thread()
    target = {"type": "custom", "instructions": REVIEW}
    with stage.section("review"):
        sent = await stage.probe.send_request(
            "review/start", {"threadId": thread, "target": target}
        )
        answer = await stage.probe.answer_to(sent)
        turn = text_at(answer, "result", "turn", "id")
        await stage.probe.until(
            "turn/started", lambda entry: entry.method == "turn/started", since=sent.index
        )
    said = [{"type": "text", "text": "rather this"}]
    steering = {"threadId": thread, "expectedTurnId": turn, "input": said}
    await stage.ask("steer", "turn/steer", steering)
    with stage.section("rest"):
        stage.open_gate("review")
        await stage.probe.until(
            "turn/completed", lambda entry: entry.method == "turn/completed", since=sent.index
        )
        await stage.probe.fence(thread)
    await stage.whole_turn(thread, "go on")


@play("settings-changed", script(*(Say(text=text) for text in ("one", "two"))))
async def settings_changed(stage: Stage) -> None:
    """A turn is started with settings of its own; the next one says nothing of them."""
    await stage.start()
    thread = await stage.thread()
    with stage.section("with settings"):
        await stage.whole_turn(thread, "first", approvalPolicy="never", effort="high")
    with stage.section("without settings"):
        await stage.whole_turn(thread, "second")
    await stage.ask(
        "resume", "thread/resume", {"threadId": thread, "excludeTurns": True}, fence=thread
    )


@play(
    "limited",
    script(
        Response(
            (Say(text="done"),),
            headers={
                "x-codex-primary-used-percent": USED_PERCENT,
                "x-codex-primary-window-minutes": "300",
                "x-codex-primary-reset-at": "1795350000",
            },
        )
    ),
)
async def limited(stage: Stage) -> None:
    """The model API says how much of a rate limit is used."""
    await stage.start()
    await stage.whole_turn(await stage.thread(), "go")


@play(
    "resumed-running",
    script((Say(text="begun ", left_open=True), Wait(gate="rest"), Say(text="x"))),
)
async def resumed_running(stage: Stage) -> None:
    """The client resumes a thread that it has, once while its turn runs and once afterwards."""
    await stage.start()
    thread = await stage.thread()
    turn = await stage.turn(thread, "go")
    await stage.delta(turn, "begun ")
    await stage.ask("running", "thread/resume", {"threadId": thread}, fence=thread)
    stage.open_gate("rest")
    await stage.turn_end(turn)
    await stage.probe.fence(thread)
    await stage.ask(
        "idle", "thread/resume", {"threadId": thread, "excludeTurns": True}, fence=thread
    )
