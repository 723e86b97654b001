"""Plays of an app-server that listens on a port: plain HTTP, tokens, frames, the end of it.

May import the stage, the script language, the wire's frames, how processes are launched, and the
headers of a handshake.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from codex_conformance.suites.playing import play
from codex_conformance.suites.plays.processes import ANY_PORT
from codex_conformance.targets.connections import HANDSHAKE
from codex_conformance.targets.door import Capability
from codex_conformance.targets.launch import Launch
from codex_conformance.wire.frames import BINARY, CONTINUATION, PING, TEXT, Frame
from codex_conformance.wire.messages import encode
from codex_fakes.script.steps import Say, Wait, script

if TYPE_CHECKING:
    from codex_conformance.suites.stage import Stage
    from codex_conformance.targets.launch import Process

TOKEN: Final = "a-secret-of-the-suites"  # noqa: S105 - it protects nothing
"""The token that a client has to show."""

PINGED: Final = b"are you there"
"""What a ping carries."""

ORIGIN: Final = "Origin: http://127.0.0.1"
"""What a browser says about the page that asks."""


async def _get(stage: Stage, process: Process, section: str, path: str, *headers: str) -> None:
    """Make one request on a connection of its own, and read the head of the answer."""
    probe = stage.open(await process.tcp())
    with stage.section(section):
        host = f"Host: {await process.address()}"
        for line in (f"GET {path} HTTP/1.1", host, *headers, ""):
            await probe.send_raw(line.encode(), newline=b"\r\n")
        await probe.until("an answer", lambda entry: entry.line.raw == b"\r")
    await probe.finish()


@play("plain-http", script(), needs=(Capability.HTTP,))
async def plain_http(stage: Stage) -> None:
    """A process that listens is asked for its health, for a page, and from a web page."""
    process = await stage.launch(Launch(ANY_PORT))
    await _get(stage, process, "readyz", "/readyz")
    await _get(stage, process, "healthz", "/healthz")
    await _get(stage, process, "page", "/index.html")
    await _get(stage, process, "health from a page", "/readyz", ORIGIN)
    await _get(stage, process, "websocket from a page", "/", *HANDSHAKE, ORIGIN)
    await _get(stage, process, "websocket", "/", *HANDSHAKE)


@play("token", script(), needs=(Capability.HTTP,))
async def token(stage: Stage) -> None:
    """A process wants a token; clients show none, a wrong one, and the right one."""
    file = Path(stage.folder) / "token"
    file.write_text(TOKEN + "\n", encoding="utf-8")
    wanted = ("--ws-auth", "capability-token", "--ws-token-file", str(file))
    process = await stage.launch(Launch((*ANY_PORT, *wanted)))
    await _get(stage, process, "none", "/", *HANDSHAKE)
    await _get(stage, process, "wrong", "/", *HANDSHAKE, "Authorization: Bearer wrong")
    await _get(stage, process, "right", "/", *HANDSHAKE, f"Authorization: Bearer {TOKEN}")


def _request(name: str, thread: str) -> bytes:
    return encode({"id": name, "method": "thread/read", "params": {"threadId": thread}})


@play("frames", script(), needs=(Capability.HTTP,))
async def frames(stage: Stage) -> None:
    """A client sends frames of every kind over a websocket."""
    process = await stage.launch(Launch(ANY_PORT))
    door = await process.websocket()
    probe = stage.open(door)
    await stage.greet()
    thread = await stage.thread()
    parts, lines = _request("parts", thread), (_request("one", thread), _request("two", thread))
    sent: dict[str, tuple[Frame, ...]] = {
        "binary": (Frame(BINARY, _request("binary", thread)),),
        "parts": (Frame(TEXT, parts[:9], final=False), Frame(CONTINUATION, parts[9:])),
        "two lines": (Frame(TEXT, b"\n".join(lines)),),
        "ping": (Frame(PING, PINGED),),
    }
    for section, each in sent.items():
        with stage.section(section):
            for frame in each:
                probe.transcript.sent(frame.shown)
                await door.send_frame(frame)
            await probe.fence(thread)
    await probe.finish()


@play(
    "drained",
    script((Say(text="begun ", left_open=True), Wait(gate="rest"), Say(text="done"))),
    needs=(Capability.PROCESS, Capability.HTTP),
)
async def drained(stage: Stage) -> None:
    """A process that listens is sent SIGTERM while a turn runs; then the model goes on."""
    process = await stage.launch(Launch(ANY_PORT))
    listening = stage.probe
    probe = stage.open(await process.websocket())
    await stage.greet()
    turn = await stage.turn(await stage.thread(), "go")
    await stage.delta(turn, "begun ")
    await probe.fence(turn.thread_id)
    process.signal(signal.SIGTERM)
    stage.open_gate("rest")
    stage.speak_for(listening)
    with stage.section("drain"):
        await listening.end()
        await listening.finish()
    await stage.launch(greet=True)
    await stage.ask("read", "thread/read", {"threadId": turn.thread_id, "includeTurns": True})
