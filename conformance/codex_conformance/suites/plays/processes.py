"""Plays of an app-server as a process: starts that are refused, signals, the end of its input.

May import the stage, the script language, how processes are launched, and sockets, for a port that
is taken.
"""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING, Final

from codex_conformance.suites.playing import play
from codex_conformance.targets.door import Capability, StageSettings
from codex_conformance.targets.launch import Launch
from codex_fakes.script.steps import Response, Say, Wait, script

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage

ANY_PORT: Final = ("--listen", "ws://127.0.0.1:0")
"""What makes a process listen on a port of its own choice."""

_LENIENT: Final = StageSettings(strict_config=False)
_BEGUN: Final = (Say(text=("begun ",), left_open=True), Wait(gate="rest"), Say(text="done"))


async def _refused(stage: Stage, section: str, how: Launch) -> None:
    """Launch a process, close its input at once, and wait until it has ended."""
    await stage.launch(how)
    with stage.section(section):
        await stage.end()


@play("homeless-starts", script(), needs=(Capability.PROCESS,))
async def homeless_starts(stage: Stage) -> None:
    """A process is started with a home that is not there, and with one that is a file."""
    await _refused(stage, "no home", Launch(home="missing"))
    await _refused(stage, "a file as home", Launch(home="file"))


@play("misconfigured-starts", script(), settings=_LENIENT, needs=(Capability.PROCESS,))
async def misconfigured_starts(stage: Stage) -> None:
    """A process is started with a policy that is gone, and strictly with a key that is unknown."""
    untrusted = 'approval_policy = "untrusted"\n'
    await _refused(stage, "untrusted", Launch(config=untrusted))
    strictly = Launch(("--strict-config",), added="no_such_key = 1\n")
    await _refused(stage, "unknown key", strictly)


@play("misused-starts", script(), needs=(Capability.PROCESS,))
async def misused_starts(stage: Stage) -> None:
    """A process is started with a flag, and with an address, that cannot be understood."""
    await _refused(stage, "unknown flag", Launch(("--no-such-flag",)))
    await _refused(stage, "strange address", Launch(("--listen", "tcp://127.0.0.1:0")))


@play("starts-without-an-address", script(), needs=(Capability.HTTP,))
async def starts_without_an_address(stage: Stage) -> None:
    """A process is started on nothing, and on a port that is taken."""
    await _refused(stage, "off", Launch(("--listen", "off")))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"ws://127.0.0.1:{taken.getsockname()[1]}"
        await _refused(stage, "taken", Launch(("--listen", address)))


@play("unguarded-starts", script(), needs=(Capability.HTTP,))
async def unguarded_starts(stage: Stage) -> None:
    """A process is started for the whole network without a token, and with a token that is none."""
    await _refused(stage, "for everybody", Launch(("--listen", "ws://0.0.0.0:0")))
    tokenless = Launch((*ANY_PORT, "--ws-auth", "capability-token"))
    await _refused(stage, "without a token", tokenless)


@play("warned-starts", script(), settings=_LENIENT, needs=(Capability.PROCESS,))
async def warned_starts(stage: Stage) -> None:
    """A process is started with a configuration that is no TOML, and with an unknown key."""
    for section, how in (
        ("no TOML", Launch(config="model = [\n")),
        ("unknown key", Launch(added="no_such_key = 1\n")),
    ):
        await stage.launch(how)
        with stage.section(section):
            await stage.greet()
            await stage.probe.fence()
        await stage.end()


@play(
    "signals",
    script(_BEGUN),
    needs=(Capability.PROCESS,),
)
async def signals(stage: Stage) -> None:
    """A process is sent SIGTERM at rest and in a turn, and others are sent SIGINT and SIGHUP."""
    for section, number in (
        ("SIGTERM at rest", signal.SIGTERM),
        ("SIGINT", signal.SIGINT),
        ("SIGHUP", signal.SIGHUP),
        ("SIGTERM in a turn", signal.SIGTERM),
    ):
        process = await stage.launch(greet=True)
        if section == "SIGTERM in a turn":
            turn = await stage.turn(await stage.thread(), "go")
            await stage.delta(turn, "begun ")
            await stage.probe.fence(turn.thread_id)
        with stage.section(section):
            process.signal(number)
            await stage.probe.end()
        await stage.end()


@play(
    "killed",
    script(
        Response(when="first", steps=(Say(text="said before"),)),
        Response(when="second", steps=(Say(text="partial ", left_open=True), Wait(gate="never"))),
        Response(when="third", steps=(Say(text="after the kill"),)),
    ),
    needs=(Capability.PROCESS,),
)
async def killed(stage: Stage) -> None:
    """A process is killed in the middle of a turn; another one goes on with the thread."""
    process = await stage.launch(greet=True)
    thread = await stage.thread()
    await stage.whole_turn(thread, "first")
    turn = await stage.turn(thread, "second")
    await stage.delta(turn, "partial ")
    process.signal(signal.SIGKILL)
    await stage.end()
    await stage.launch(greet=True)
    named = {"threadId": thread}
    await stage.ask("read", "thread/read", {**named, "includeTurns": True})
    await stage.ask("resume", "thread/resume", {**named, "excludeTurns": True}, fence=thread)
    await stage.whole_turn(thread, "third")


@play("input-ends", script(_BEGUN), needs=(Capability.EXIT,))
async def input_ends(stage: Stage) -> None:
    """The client waits until a turn is silent, and closes its side."""
    await stage.start()
    turn = await stage.turn(await stage.thread(), "go")
    await stage.delta(turn, "begun ")
    await stage.probe.fence(turn.thread_id)
    with stage.section("the end"):
        await stage.end()


@play("unfinished-line", script(), needs=(Capability.EXIT,))
async def unfinished_line(stage: Stage) -> None:
    """The client closes its side behind a request that no newline ends."""
    await stage.start()
    await stage.probe.fence()
    with stage.section("the end"):
        await stage.probe.send_raw(
            b'{"id":"unfinished","method":"thread/loaded/list","params":{}}', newline=b""
        )
        await stage.end()


@play("not-utf-8", script(), needs=(Capability.EXIT,))
async def not_utf_8(stage: Stage) -> None:
    """The client sends a line that is not UTF-8."""
    await stage.start()
    await stage.probe.fence()
    with stage.section("the end"):
        await stage.probe.send_raw(b'{"id":"strange","method":"\xff"}')
        await stage.probe.end()
    await stage.end()
