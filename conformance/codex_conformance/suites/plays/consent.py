"""Plays of consent that is asked for twice at once, given for a session, or answered with nonsense.

May import the stage, the script language and the definition of a play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.playing import play
from codex_conformance.suites.plays.collaboration import (
    ARGUMENTS,
    NEW_FILE,
    PATCH_METHOD,
    STEERING,
    TOOL,
    TOOL_METHOD,
    asked,
)
from codex_conformance.suites.stage import APPROVAL_METHOD
from codex_conformance.wire.messages import Kind, at, kind_of
from codex_fakes.script.steps import CallTool, Patch, Run, Say, script

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage, StartedTurn
    from codex_conformance.wire.messages import Message

SESSION_COMMAND: Final = "touch again.txt"
"""The command that is allowed for the session."""

_PATCH: Final = f"*** Begin Patch\n*** Add File: {NEW_FILE}\n+line one\n*** End Patch\n"

NONSENSE: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("nonsense", {"result": {"nonsense": True}}),
    ("error", {"error": {"code": -32000, "message": "the client cannot"}}),
)
"""Answers to an approval that decide nothing, with the text of the turn in which each is given."""


@play(
    "asked-at-once",
    script(
        (Run(command="touch one", call_id="call_1"), Run(command="touch two", call_id="call_2")),
        Say(text="both"),
    ),
)
async def asked_at_once(stage: Stage) -> None:
    """The model wants two commands at once; the client answers the second request first."""
    await stage.start()
    turn = await stage.turn(await stage.thread(approvalPolicy="untrusted"), "run both")
    first = await stage.approval(turn)
    second = await stage.event(
        turn,
        APPROVAL_METHOD,
        lambda message: kind_of(message) is Kind.REQUEST and message.get("id") != first.get("id"),
    )
    with stage.section("first answer"):
        await stage.decide(second.message or {}, "accept")
        await stage.resolved(turn, second.message or {})
    await stage.decide(first, "accept")
    await stage.turn_end(turn)
    await stage.probe.fence(turn.thread_id)


@play(
    "allowed-for-the-session",
    script(
        *(
            step
            for number in (1, 2)
            for step in (Run(command=SESSION_COMMAND, call_id=f"call_{number}"), Say(text="done"))
        )
    ),
)
async def allowed_for_the_session(stage: Stage) -> None:
    """The user allows a command for the session; the model runs it again."""
    await stage.start()
    thread = await stage.thread(approvalPolicy="untrusted")
    turn = await stage.turn(thread, "first")
    await stage.decide(await stage.approval(turn), "acceptForSession")
    await stage.turn_end(turn)
    await stage.probe.fence(thread)
    await stage.whole_turn(thread, "second")


@play(
    "answered-with-nonsense",
    script(
        *(
            step
            for text, _ in NONSENSE
            for step in (
                Run(command=f"touch {text}", call_id=f"call_{text}"),
                Say(text="all right"),
            )
        )
    ),
)
async def answered_with_nonsense(stage: Stage) -> None:
    """The client answers one approval with an object of no known shape, and one with an error."""
    await stage.start()
    thread = await stage.thread(approvalPolicy="untrusted")
    for text, answer in NONSENSE:
        turn = await stage.turn(thread, text)
        request = await stage.approval(turn)
        await stage.probe.send({"id": request.get("id"), **answer})
        await stage.turn_end(turn)
        await stage.probe.fence(thread)


@play("patch-cancelled", script(Patch(patch=_PATCH), Say(text="never said")))
async def patch_cancelled(stage: Stage) -> None:
    """The user declines a patch and ends the turn with it."""
    await stage.start()
    turn = await stage.turn(await stage.thread(approvalPolicy="untrusted"), "patch it")
    await stage.decide(await asked(stage, turn, PATCH_METHOD), "cancel")
    await stage.turn_end(turn)
    await stage.probe.fence(turn.thread_id)


@play("patch-in-the-folder", script(Patch(patch=_PATCH), Say(text="done")))
async def patch_in_the_folder(stage: Stage) -> None:
    """The model patches a file in the folder of a thread that may write there."""
    await stage.start()
    thread = await stage.thread(approvalPolicy="on-request", sandbox="workspace-write")
    await stage.whole_turn(thread, "patch it")


@play("steered-approval", script(Run(command="touch steered"), Say(text="both heard")))
async def steered_approval(stage: Stage) -> None:
    """The client steers a turn that waits for an approval, and then lets the command run."""
    await stage.start()
    turn = await stage.turn(await stage.thread(approvalPolicy="untrusted"), "run it")
    request = await stage.approval(turn)
    said = [{"type": "text", "text": STEERING}]
    params = {"threadId": turn.thread_id, "expectedTurnId": turn.turn_id, "input": said}
    await stage.ask("steer", "turn/steer", params)
    await stage.decide(request, "accept")
    await stage.turn_end(turn)
    await stage.probe.fence(turn.thread_id)


@play("interrupted-tool", script(CallTool(tool=TOOL, arguments=dict([ARGUMENTS])), Say(text="no")))
async def interrupted_tool(stage: Stage) -> None:
    """The client interrupts a turn that waits for a tool of the client's."""
    await stage.start()
    described = {"type": "function", "name": TOOL, "description": "it", "inputSchema": {}}
    turn = await stage.turn(await stage.thread(dynamicTools=[described]), "call it")
    await asked(stage, turn, TOOL_METHOD)
    await _interrupted(stage, turn)


async def _interrupted(stage: Stage, turn: StartedTurn) -> None:
    with stage.section("interrupt"):
        await stage.interrupt(turn)
        await stage.turn_end(turn)
        await stage.probe.fence(turn.thread_id)


@play("tools-refused", script())
async def tools_refused(stage: Stage) -> None:
    """The client offers tools of a name that is no name, and two of one name."""
    await stage.start()
    schema = {"type": "object"}
    tool = {"type": "function", "name": TOOL, "description": "it", "inputSchema": schema}
    offers: dict[str, list[Message]] = {
        "bad name": [{**tool, "name": "no name"}],
        "same name": [tool, tool],
    }
    for section, tools in offers.items():
        await stage.ask(section, "thread/start", {"cwd": stage.folder, "dynamicTools": tools})
    with stage.section("namespace"):
        space = {"type": "namespace", "name": "space", "description": "it", "tools": [tool]}
        answer = await stage.probe.request(
            "thread/start", {"cwd": stage.folder, "dynamicTools": [space]}
        )
        at(answer, "result")
