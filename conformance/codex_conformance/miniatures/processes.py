"""Miniatures that break how a process starts, ends and listens.

May import the faults, the definition of a miniature, and the plays' constants.
"""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from codex_conformance.miniatures.faults import Fault, FromClient, heard
from codex_conformance.miniatures.miniature import Miniature, miniature, process
from codex_conformance.miniatures.process_faults import NO_PROCESS_FAULT, ProcessFault
from codex_conformance.suites.plays.http import ORIGIN
from codex_conformance.suites.plays.processes import ANY_PORT
from codex_conformance.wire.frames import BINARY, CONTINUATION, PING, TEXT, Frame
from codex_conformance.wire.messages import at

if TYPE_CHECKING:
    from codex_conformance.targets.launch import Launch
    from codex_conformance.wire.messages import Message
    from codex_conformance.wire.transcript import Ending

GOODBYE: Final = {"method": "goodbye", "params": {}, "emittedAtMs": 1_795_330_000_000}
"""What is written where nothing should be written any more."""


def _at_home(how: Launch) -> Launch:
    return replace(how, home="ready")


def _unconfigured(how: Launch) -> Launch:
    return replace(how, config=None, added="")


def _without_arguments(how: Launch) -> Launch:
    return replace(how, arguments=())


def _unguarded(how: Launch) -> Launch:
    return replace(how, arguments=ANY_PORT)


def _silent(ending: Ending) -> Ending:
    return replace(ending, stderr="")


def _killed_by(*numbers: int) -> ProcessFault:
    """A process that dies of signals as of SIGKILL."""
    return ProcessFault(signal=lambda number: signal.SIGKILL if number in numbers else number)


def _path_instead(path: bytes, by: bytes) -> ProcessFault:
    """A process that takes one path for another."""
    return ProcessFault(line=lambda line: (line.replace(b"GET %s " % path, b"GET %s " % by),))


def _blind_to_origins(line: bytes) -> tuple[bytes, ...]:
    return () if line == ORIGIN.encode() else (line,)


def _as_text(frame: Frame) -> tuple[Frame, ...]:
    return (replace(frame, opcode=TEXT),) if frame.opcode == BINARY else (frame,)


def _whole(frame: Frame) -> tuple[Frame, ...]:
    return (frame,) if frame.final and frame.opcode != CONTINUATION else ()


def _line_by_line(frame: Frame) -> tuple[Frame, ...]:
    if frame.opcode != TEXT or not frame.final:
        return (frame,)
    return tuple(replace(frame, payload=line) for line in frame.payload.split(b"\n"))


def _deaf_to_pings(frame: Frame) -> tuple[Frame, ...]:
    return () if frame.opcode == PING else (frame,)


def _unfinished(_raw: bytes, message: Message | None) -> bool:
    return bool(at(message, "id") == "unfinished")


def _answered(_raw: bytes, message: Message | None) -> FromClient:
    return FromClient(to_client=({"id": at(message, "id"), "result": {}},))


def _strange(raw: bytes, _message: Message | None) -> bool:
    return b"\xff" in raw


PROCESSES: Final[tuple[Miniature, ...]] = (
    process(
        "makes-itself-a-home",
        "A home that is not there is made.",
        ProcessFault(launch=_at_home),
        "protocol.start.home",
        "protocol.start.refusal-on-stderr",
    ),
    process(
        "configured-by-nobody",
        "config.toml is not read.",
        ProcessFault(launch=_unconfigured),
        "protocol.start.configuration",
        "protocol.start.warned",
        "protocol.start.unknown-keys",
    ),
    process(
        "deaf-to-arguments",
        "The command line is not read.",
        ProcessFault(launch=_without_arguments),
        "protocol.start.command-line",
        "protocol.start.address",
        "protocol.start.unguarded",
        "protocol.start.refusal-on-stderr",
        "protocol.start.configuration",
    ),
    process(
        "guards-nothing",
        "It listens whatever is said about tokens and addresses.",
        ProcessFault(launch=lambda how: _unguarded(how) if how.arguments else how),
        "protocol.start.command-line",
        "protocol.start.configuration",
        "protocol.start.address",
        "protocol.start.unguarded",
        "protocol.start.refusal-on-stderr",
        "protocol.http.token",
    ),
    process(
        "refuses-in-silence",
        "Nothing is written to stderr.",
        ProcessFault(ending=_silent),
        "protocol.start.refusal-on-stderr",
    ),
    process(
        "warns-of-nothing",
        "configWarning does not come.",
        NO_PROCESS_FAULT,
        "protocol.start.warned",
        "protocol.start.unknown-keys",
        by_name="drop=configWarning",
    ),
    process(
        "dies-of-sigterm",
        "SIGTERM ends it at once.",
        _killed_by(signal.SIGTERM),
        "protocol.process.sigterm",
        "protocol.http.drains",
    ),
    process(
        "dies-otherwise",
        "SIGINT and SIGHUP end it by another signal.",
        _killed_by(signal.SIGINT, signal.SIGHUP),
        "protocol.process.other-signals",
    ),
    process(
        "killed-is-completed",
        "A turn that ran when the process was killed reads as completed.",
        NO_PROCESS_FAULT,
        "lifecycle.kill.kept",
        by_name="put=thread/read[result.thread.turns.1.status=interrupted]"
        ":result.thread.turns.1.status=completed",
    ),
    process(
        "fails-behind-a-kill",
        "The turn behind a kill fails.",
        NO_PROCESS_FAULT,
        "lifecycle.kill.goes-on",
        by_name="put=turn/completed[params.turn.items.0.text=after the kill]"
        ":params.turn.status=failed",
    ),
    process(
        "feels-unwell",
        "GET /healthz finds nothing.",
        _path_instead(b"/healthz", b"/nowhere"),
        "protocol.http.healthy",
    ),
    process(
        "has-pages",
        "GET of a page is answered with 200.",
        _path_instead(b"/index.html", b"/readyz"),
        "protocol.http.nothing-else",
    ),
    process(
        "open-to-pages",
        "The Origin header is not looked at.",
        ProcessFault(line=_blind_to_origins),
        "protocol.http.no-pages",
    ),
    process(
        "reads-binary-frames",
        "A binary frame is taken for a text.",
        ProcessFault(frame=_as_text),
        "protocol.frames.binary",
    ),
    process(
        "loses-parts",
        "A message that comes in parts is lost.",
        ProcessFault(frame=_whole),
        "protocol.frames.parts",
    ),
    process(
        "reads-lines-in-frames",
        "Each line of a text frame is a message.",
        ProcessFault(frame=_line_by_line),
        "protocol.frames.one-message",
    ),
    process(
        "deaf-to-pings",
        "A ping is not answered.",
        ProcessFault(frame=_deaf_to_pings),
        "protocol.frames.ping",
    ),
    miniature(
        "says-goodbye",
        "A notification is written when the input has ended.",
        lambda: Fault(
            last_words=({"method": "goodbye", "params": {}, "emittedAtMs": 1795330000000},)
        ),
        "protocol.process.no-last-words",
        "protocol.process.unfinished-line",
    ),
    miniature(
        "answers-unfinished-lines",
        "A last line that no newline ends is answered.",
        heard(_unfinished, _answered),
        "protocol.process.unfinished-line",
    ),
    miniature(
        "survives-strange-bytes",
        "A line that is not UTF-8 is passed over.",
        heard(_strange, lambda _raw, _message: FromClient()),
        "protocol.process.not-utf-8",
    ),
)
"""Miniatures of the process."""
