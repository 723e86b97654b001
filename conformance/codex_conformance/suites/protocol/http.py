"""Checks of what a process that listens says over HTTP and in frames, and of how it ends.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from codex_conformance.suites.plays.http import PINGED, drained, frames, plain_http, token
from codex_conformance.suites.protocol.starts import endings_of
from codex_conformance.suites.reading import result_in
from codex_conformance.suites.registry import check
from codex_conformance.suites.stage import GATE
from codex_conformance.suites.verdicts import (
    present,
    require,
    require_equal,
    section_of,
    violated,
)
from codex_conformance.wire.frames import PONG, Frame
from codex_conformance.wire.messages import at, is_answer

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry

_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})\b")


def _judge_status(scene: Scene, status: int, *sections: str) -> None:
    """Judge the status of the answer in each section."""
    for name in sections:
        heard = tuple(entry for entry in section_of(scene, name) if entry.received)
        line = present(heard[0] if heard else None, f"answer to {name!r}")
        found = _STATUS.match(line.line.raw)
        code = None if found is None else int(found.group(1))
        require_equal(code, status, f"the status ({name})", line)


@check("protocol.http.healthy", on=(plain_http,))
async def a_process_tells_that_it_is_well(scene: Scene) -> None:
    """Reads the answers to GET /readyz and GET /healthz."""
    _judge_status(scene, 200, "readyz", "healthz")
    for name in ("readyz", "healthz"):
        heard = [entry for entry in section_of(scene, name) if entry.received]
        lengths = [e.line.raw for e in heard if e.line.raw.lower().startswith(b"content-length:")]
        empty = [length.split(b":")[1].strip() for length in lengths] == [b"0"]
        require(empty, "an empty answer", lengths, *heard)


@check("protocol.http.nothing-else", on=(plain_http,))
async def there_are_no_pages(scene: Scene) -> None:
    """Reads the answer to the GET of a page."""
    _judge_status(scene, 400, "page")


@check("protocol.http.no-pages", on=(plain_http,))
async def pages_are_kept_out(scene: Scene) -> None:
    """Reads the answers to requests with an Origin header, and to one without."""
    _judge_status(scene, 403, "health from a page", "websocket from a page")
    _judge_status(scene, 101, "websocket")


@check("protocol.http.token", on=(token,))
async def the_token_must_be_shown(scene: Scene) -> None:
    """Reads the answers to websockets without the token, with another one, and with it."""
    _judge_status(scene, 401, "none", "wrong")
    _judge_status(scene, 101, "right")


def _answered_in(scene: Scene, section: str, *ids: str) -> list[Entry]:
    """The answers in a section to requests with some ids."""
    return [
        entry
        for entry in section_of(scene, section)
        if entry.received and is_answer(entry.message or {}) and at(entry.message, "id") in ids
    ]


@check("protocol.frames.binary", on=(frames,))
async def binary_frames_are_ignored(scene: Scene) -> None:
    """Looks for an answer to the request in a binary frame."""
    answers = _answered_in(scene, "binary", "binary")
    require(not answers, "no answer to a binary frame", "an answer", *answers)


@check("protocol.frames.parts", on=(frames,))
async def messages_may_come_in_parts(scene: Scene) -> None:
    """Looks for the answer to the request that came in two parts."""
    if not _answered_in(scene, "parts", "parts"):
        violated("an answer to a message in parts", "none", *section_of(scene, "parts"))


@check("protocol.frames.one-message", on=(frames,))
async def a_frame_holds_one_message(scene: Scene) -> None:
    """Looks for answers to the requests that share a frame."""
    answers = _answered_in(scene, "two lines", "one", "two")
    require(not answers, "no answer to two messages in one frame", "an answer", *answers)


@check("protocol.frames.ping", on=(frames,))
async def pings_are_answered(scene: Scene) -> None:
    """Looks for the pong."""
    wanted = Frame(PONG, PINGED).shown
    heard = [entry for entry in section_of(scene, "ping") if entry.received]
    if not any(entry.line.raw == wanted for entry in heard):
        violated("a pong with what the ping carried", "none", *heard)


@check("protocol.http.drains", on=(drained,))
async def running_turns_end_first(scene: Scene) -> None:
    """Reads the exit code after SIGTERM, and afterwards the turn that ran."""
    if scene.broken_off is not None and scene.broken_off.awaited == GATE:
        violated("a turn that goes on", scene.broken_off.reason)
    for _, ending in endings_of(scene)[:1]:
        require_equal(ending.exit_code, 0, "the exit code")
    answer, result = result_in(scene, "read", "thread/read")
    status = at(result, "thread", "turns", 0, "status")
    require_equal(status, "completed", "the status of the turn", answer)
