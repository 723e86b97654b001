"""Checks of what every message looks like, judged over everything that is written.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.requirements.expectations import (
    ERROR_MEMBERS,
    ERROR_OBJECT_MEMBERS,
    ERROR_OBJECT_OPTIONAL,
    MILLISECONDS_FROM,
    MILLISECONDS_TO,
    NOTIFICATION_MEMBERS,
    RESPONSE_MEMBERS,
    SERVER_REQUEST_MEMBERS,
    SERVER_REQUEST_OPTIONAL,
)
from codex_conformance.suites.plays.dialect import refusals
from codex_conformance.suites.plays.groups import ASKING, TURNS, WELL_FORMED
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import require, require_equal, some, violated
from codex_conformance.wire.messages import Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry


def _received(scene: Scene, *kinds: Kind) -> Iterable[Entry]:
    return (
        entry
        for entry in scene.entries
        if entry.received
        and entry.message is not None
        and (not kinds or kind_of(entry.message) in kinds)
    )


def _members(entry: Entry) -> frozenset[str]:
    # `jsonrpc` has a requirement of its own; here it does not count.
    return frozenset(entry.message or {}) - {"jsonrpc"}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


@check("protocol.lines.json-objects", on=WELL_FORMED)
async def lines_are_json_objects(scene: Scene) -> None:
    """Reads every line the app-server wrote, and what stands behind the last newline."""
    for entry in some((e for e in scene.entries if e.received), "line of the app-server"):
        require(entry.message is not None, "a JSON object on each line", entry.line.problem, entry)
    for transcript in scene.transcripts:
        left = transcript.leftover
        require(not left, "a newline behind the last line", f"{left[:80]!r} at the end")


@check("protocol.lines.compact", on=(*TURNS, refusals))
async def lines_are_compact(scene: Scene) -> None:
    """Looks for blanks outside the texts of every line."""
    for entry in some(_received(scene), "message of the app-server"):
        require(not _has_blanks(entry.line.raw), "no blanks between tokens", "blanks", entry)


def _has_blanks(raw: bytes) -> bool:
    in_text = escaped = False
    for byte in raw:
        if escaped:
            escaped = False
        elif in_text and byte == ord("\\"):
            escaped = True
        elif byte == ord('"'):
            in_text = not in_text
        elif not in_text and byte in b" \t\r":
            return True
    return False


@check("protocol.messages.no-jsonrpc", on=(*TURNS, refusals))
async def messages_have_no_jsonrpc(scene: Scene) -> None:
    """Looks for a ``jsonrpc`` member in every message."""
    for entry in some(_received(scene), "message of the app-server"):
        found = (entry.message or {}).get("jsonrpc", "nothing")
        require("jsonrpc" not in (entry.message or {}), "no jsonrpc member", found, entry)


@check("protocol.responses.members", on=(*TURNS, refusals))
async def responses_have_their_members(scene: Scene) -> None:
    """Compares the members of every response, every error, and every error object."""
    answers = some(_received(scene, Kind.RESPONSE, Kind.ERROR), "response")
    for entry in answers:
        message = entry.message or {}
        if kind_of(message) is Kind.RESPONSE:
            found = _members(entry)
            require(
                found == RESPONSE_MEMBERS,
                f"the members {_listed(RESPONSE_MEMBERS)}",
                _listed(found),
                entry,
            )
        else:
            _judge_error(entry)
    for entry in _received(scene, Kind.OTHER):
        violated("a message of a known shape", _listed(_members(entry)), entry)


def _judge_error(entry: Entry) -> None:
    found = _members(entry)
    require(found == ERROR_MEMBERS, f"the members {_listed(ERROR_MEMBERS)}", _listed(found), entry)
    error = (entry.message or {})["error"]
    require(isinstance(error, dict), "an error object", repr(error), entry)
    inner = frozenset(error)
    require(
        ERROR_OBJECT_MEMBERS <= inner <= ERROR_OBJECT_MEMBERS | ERROR_OBJECT_OPTIONAL,
        f"an error with {_listed(ERROR_OBJECT_MEMBERS)} and possibly data",
        _listed(inner),
        entry,
    )
    code, text = error["code"], error["message"]
    require(type(code) is int, "an integer code", repr(code), entry)
    require(isinstance(text, str), "a text as message", repr(text), entry)


@check("protocol.notifications.members", on=TURNS)
async def notifications_have_their_members(scene: Scene) -> None:
    """Compares the members of every notification."""
    for entry in some(_received(scene, Kind.NOTIFICATION), "notification"):
        found = _members(entry)
        require(
            found == NOTIFICATION_MEMBERS,
            f"the members {_listed(NOTIFICATION_MEMBERS)}",
            _listed(found),
            entry,
        )


@check("protocol.server-requests.members", on=ASKING)
async def server_requests_have_their_members(scene: Scene) -> None:
    """Compares the members of every request of the app-server."""
    for entry in some(_received(scene, Kind.REQUEST), "request of the app-server"):
        found = _members(entry)
        require(
            SERVER_REQUEST_MEMBERS <= found <= SERVER_REQUEST_MEMBERS | SERVER_REQUEST_OPTIONAL,
            f"the members {_listed(SERVER_REQUEST_MEMBERS)} and possibly trace",
            _listed(found),
            entry,
        )


@check("protocol.notifications.emitted-at", on=TURNS)
async def notifications_say_when(scene: Scene) -> None:
    """Reads emittedAtMs of every notification that has it."""
    stamped = (
        entry
        for entry in _received(scene, Kind.NOTIFICATION)
        if "emittedAtMs" in (entry.message or {})
    )
    for entry in some(stamped, "notification with emittedAtMs"):
        found = (entry.message or {})["emittedAtMs"]
        require(
            type(found) is int and MILLISECONDS_FROM <= found <= MILLISECONDS_TO,
            "an integer of milliseconds since 1970",
            repr(found),
            entry,
        )


@check("protocol.server-requests.counted-ids", on=ASKING)
async def server_request_ids_are_counted(scene: Scene) -> None:
    """Compares the ids of the app-server's requests with 0, 1, 2 and so on."""
    some(_received(scene, Kind.REQUEST), "request of the app-server")
    for transcript in scene.transcripts:
        asked = [
            entry
            for entry in transcript.from_server()
            if entry.message is not None and kind_of(entry.message) is Kind.REQUEST
        ]
        for place, entry in enumerate(asked):
            found = (entry.message or {})["id"]
            require_equal((type(found).__name__, found), ("int", place), "the request id", entry)
