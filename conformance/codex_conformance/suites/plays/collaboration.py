"""Plays of steered turns, patches, the client's own tools, and two clients.

May import the stage, the script language and the definition of a play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codex_conformance.suites.playing import play
from codex_conformance.suites.plays.interrupts import UNKNOWN_TURN
from codex_conformance.suites.stage import APPROVAL_METHOD
from codex_conformance.targets.door import Capability, StageSettings
from codex_conformance.wire.messages import Kind, at, kind_of
from codex_fakes.script.steps import CallTool, Patch, Run, Say, Script, Wait, script

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage, StartedTurn
    from codex_conformance.wire.messages import Message
    from codex_conformance.wire.transcript import Entry

STEERING: Final = "rather this"
"""What the user says while the turn runs."""

STEERING_ID: Final = "steering-message-1"
"""The client's own id of that message."""

PATCH_METHOD: Final = "item/fileChange/requestApproval"
"""The server request that asks whether a patch may be applied."""

TOOL_METHOD: Final = "item/tool/call"
"""The server request that calls a tool of the client."""

NEW_FILE: Final = "new.txt"
"""The file that the patch adds."""

ADDED: Final = "line one\nline two\n"
"""What the patch writes into it."""

TOOL: Final = "lookup"
"""The name of the client's tool."""

ARGUMENTS: Final = ("question", "what is it?")
"""The argument that the model gives the tool, with its name."""

TOOL_SAID: Final = "value-42"
"""What the tool says."""

_PATCH: Final = f"*** Begin Patch\n*** Add File: {NEW_FILE}\n+line one\n+line two\n*** End Patch\n"
_OPEN: Final = (Say(text="begun ", left_open=True), Wait(gate="never"))


def _steering(turn: StartedTurn, **changed: Any) -> dict[str, Any]:
    return {
        "threadId": turn.thread_id,
        "expectedTurnId": turn.turn_id,
        "input": [{"type": "text", "text": STEERING}],
        "clientUserMessageId": STEERING_ID,
        **changed,
    }


@play("steered-message", script(_OPEN, Say(text="steered answer")))
async def steered_message(stage: Stage) -> None:
    """The client steers a turn in the middle of a message."""
    await stage.start()
    turn = await stage.turn(await stage.thread(), "go")
    await stage.delta(turn, "begun ")
    with stage.section("steer"):
        await stage.probe.request("turn/steer", _steering(turn))
    await stage.turn_end(turn)
    await stage.probe.fence(turn.thread_id)


@play("started-while-running", script(_OPEN, Say(text="both answered")))
async def started_while_running(stage: Stage) -> None:
    """The client starts a turn while another one runs."""
    await stage.start()
    turn = await stage.turn(await stage.thread(), "go")
    await stage.delta(turn, "begun ")
    with stage.section("start"):
        params = _steering(turn)
        del params["expectedTurnId"]
        await stage.probe.request("turn/start", params)
        await stage.turn_end(turn)
        await stage.probe.fence(turn.thread_id)


@play(
    "refused-steers",
    script((Say(text="begun ", left_open=True), Wait(gate="rest"), Say(text="done"))),
)
async def refused_steers(stage: Stage) -> None:
    """The client steers by a wrong id, by none, without input, and when the turn has ended."""
    await stage.start()
    turn = await stage.turn(await stage.thread(), "go")
    await stage.delta(turn, "begun ")
    with stage.section("wrong turn"):
        await stage.probe.request("turn/steer", _steering(turn, expectedTurnId=UNKNOWN_TURN))
    with stage.section("no turn"):
        await stage.probe.request("turn/steer", _steering(turn, expectedTurnId=""))
    with stage.section("no input"):
        await stage.probe.request("turn/steer", _steering(turn, input=[]))
    stage.open_gate("rest")
    await stage.turn_end(turn)
    await stage.probe.fence(turn.thread_id)
    with stage.section("idle"):
        await stage.probe.request("turn/steer", _steering(turn))


# --- patches --------------------------------------------------------------------------------------


def _patching() -> Script:
    return script(Patch(patch=_PATCH), Say(text="done"))


async def _decided(stage: Stage, decision: str) -> None:
    await stage.start()
    turn = await stage.turn(await stage.thread(approvalPolicy="untrusted"), "patch it")
    request = await asked(stage, turn, PATCH_METHOD)
    await stage.decide(request, decision)
    await stage.turn_end(turn)
    await stage.probe.fence(turn.thread_id)


async def asked(stage: Stage, turn: StartedTurn, method: str) -> Message:
    """Wait until the app-server makes a request about a turn's thread.

    Args:
        stage: The stage.
        turn: The turn.
        method: The request's method.

    Returns:
        The request.
    """
    entry = await stage.event(turn, method, lambda message: kind_of(message) is Kind.REQUEST)
    return entry.message or {}


@play("patch-accepted", _patching())
async def patch_accepted(stage: Stage) -> None:
    """The user lets a patch be applied."""
    await _decided(stage, "accept")


@play("patch-declined", _patching())
async def patch_declined(stage: Stage) -> None:
    """The user declines a patch; the model goes on without it."""
    await _decided(stage, "decline")


# --- tools ----------------------------------------------------------------------------------------


@play(
    "client-tool",
    script(
        CallTool(tool=TOOL, arguments=dict([ARGUMENTS])),
        Say(text="thanks"),
        CallTool(tool=TOOL, arguments=dict([ARGUMENTS])),
        Say(text="a pity"),
    ),
)
async def client_tool(stage: Stage) -> None:
    """The model calls a tool of the client twice; the first call is answered, the second fails."""
    await stage.start()
    schema = {"type": "object", "properties": {ARGUMENTS[0]: {"type": "string"}}}
    described = {"type": "function", "name": TOOL, "description": "it", "inputSchema": schema}
    thread = await stage.thread(dynamicTools=[described])
    said = {"contentItems": [{"type": "inputText", "text": TOOL_SAID}], "success": True}
    for text, answer in (
        ("one", {"result": said}),
        ("two", {"error": {"code": -32000, "message": "broken"}}),
    ):
        turn = await stage.turn(thread, text)
        request = await asked(stage, turn, TOOL_METHOD)
        await stage.probe.send({"id": request.get("id"), **answer})
        await stage.turn_end(turn)
        await stage.probe.fence(thread)


# --- clients --------------------------------------------------------------------------------------


@play(
    "two-clients",
    script(Run(command="touch made"), Say(text="done")),
    settings=StageSettings(joined=True),
    needs=(Capability.CLIENTS,),
)
async def two_clients(stage: Stage) -> None:
    """A second client resumes a thread that waits for an approval, and decides it."""
    await stage.start()
    first = stage.probe
    second, third = await stage.join(), await stage.join()
    stage.speak_for(first)
    thread = await stage.thread(approvalPolicy="untrusted")
    turn = await stage.turn(thread, "run it")
    await stage.approval(turn)
    stage.speak_for(second)
    resumed = await second.send_request("thread/resume", {"threadId": thread, "excludeTurns": True})
    await second.answer_to(resumed)
    repeated = await second.until(
        APPROVAL_METHOD,
        lambda entry: entry.method == APPROVAL_METHOD and entry.message is not None,
        since=resumed.index,
    )
    await stage.decide(repeated.message or {}, "accept")
    await second.until(
        "turn/completed", lambda entry: entry.method == "turn/completed", since=resumed.index
    )
    for probe in (first, second, third):
        await probe.until("status idle", _idle)
        await probe.fence()


def _idle(entry: Entry) -> bool:
    return (
        entry.method == "thread/status/changed"
        and at(entry.message, "params", "status", "type") == "idle"
    )
