"""Plays of commands: without consent, with one given for good, typed into, denied by the sandbox.

May import the stage, the script language and the definition of a play.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codex_conformance.suites.playing import play
from codex_conformance.suites.plays.interrupts import UNKNOWN_TURN
from codex_conformance.targets.door import StageSettings
from codex_conformance.wire.messages import at
from codex_fakes.script.steps import Run, Say, TypeInto, script

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage

AMENDED: Final = "touch amended.txt"
"""The command that is allowed for good."""

TYPED: Final = "hello\n"
"""What the model types."""

DENIED: Final = "Read-only file system\n"
"""What the sandbox makes a command say."""

_UNHINDERED: Final = StageSettings(sandbox="danger-full-access")


@play(
    "commands-unasked",
    script(
        Run(command="printf well", output="well", call_id="call_well"),
        Run(command="printf ill; exit 3", output="ill", exit_code=3, call_id="call_ill"),
        Say(text="done"),
    ),
    settings=_UNHINDERED,
)
async def commands_unasked(stage: Stage) -> None:
    """The model runs a command that goes well and one that does not; nobody is asked."""
    await stage.start()
    await stage.whole_turn(await stage.thread(approvalPolicy="never"), "run them")


@play(
    "amended",
    script(
        *(
            step
            for number in (1, 2)
            for step in (Run(command=AMENDED, call_id=f"call_{number}"), Say(text="done"))
        )
    ),
)
async def amended(stage: Stage) -> None:
    """The user allows a command for good, as the app-server proposes; the model runs it again."""
    await stage.start()
    thread = await stage.thread(approvalPolicy="untrusted")
    turn = await stage.turn(thread, "first")
    request = await stage.approval(turn)
    proposed = at(request, "params", "proposedExecpolicyAmendment")
    decision = {"acceptWithExecpolicyAmendment": {"execpolicy_amendment": proposed}}
    await stage.probe.send({"id": request.get("id"), "result": {"decision": decision}})
    await stage.turn_end(turn)
    await stage.probe.fence(thread)
    await stage.whole_turn(thread, "second")


@play(
    "typed-into",
    script(
        Run(
            command="echo start; read x; echo got $x; sleep 600",
            output=("start\r\n", ""),
            tty=True,
            yield_ms=500,
            duration_ms=600_000,
            call_id="call_typed",
        ),
        TypeInto(
            into="call_typed", text=TYPED, output=("hello\r\n", "got hello\r\n"), yield_ms=500
        ),
        Say(text="left it running"),
    ),
    settings=_UNHINDERED,
)
async def typed_into(stage: Stage) -> None:
    """The model types into a command that goes on."""
    await stage.start()
    await stage.whole_turn(await stage.thread(approvalPolicy="never"), "type")


@play(
    "denied",
    script(
        Run(command=f"touch /etc/{UNKNOWN_TURN}", output=DENIED, exit_code=1), Say(text="denied")
    ),
)
async def denied(stage: Stage) -> None:
    """The sandbox denies a command at once."""
    await stage.start()
    await stage.whole_turn(await stage.thread(approvalPolicy="never"), "try it")


@play(
    "escalation-unasked",
    script(Run(command="touch beyond.txt", escalate="it is needed"), Say(text="I may not")),
)
async def escalation_unasked(stage: Stage) -> None:
    """The model wants to leave the sandbox in a thread in which nobody is asked."""
    await stage.start()
    await stage.whole_turn(await stage.thread(approvalPolicy="never"), "go beyond")
