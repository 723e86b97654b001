"""Checks of what the app-server says nothing to, and of what it lets pass.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.suites.plays.dialect import (
    lenient_lines,
    objects_and_lines,
    refused_ids,
    stray_answers,
    unknown_fields,
    unknown_notifications,
    unparseable_lines,
    versioned_requests,
)
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import Inconclusive, require, some, violated
from codex_conformance.wire.messages import Kind, is_answer, kind_of

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry


def _is_fence(message: dict[str, object]) -> bool:
    return str(message.get("id")).startswith("fence-")


def _judge_silence(scene: Scene, what: str) -> None:
    """Judge that nothing but the fence is answered in any section."""
    for name in some(scene.transcript.section_names, "section"):
        for entry in scene.transcript.section(name) or ():
            message = entry.message or {}
            if entry.received and (is_answer(message) or kind_of(message) is Kind.OTHER):
                require(_is_fence(message), f"no answer to {what} ({name})", "an answer", entry)


@check("protocol.silence.unparseable", on=(unparseable_lines,))
async def unparseable_lines_get_no_answer(scene: Scene) -> None:
    """Looks for answers to lines that are no message."""
    _judge_silence(scene, "a line that is no message")


@check("protocol.silence.id-types", on=(refused_ids,))
async def strange_ids_get_no_answer(scene: Scene) -> None:
    """Looks for answers to requests with impossible ids of every kind."""
    _judge_silence(scene, "a request with such an id")


@check("protocol.silence.one-object-per-line", on=(objects_and_lines,))
async def lines_hold_one_object(scene: Scene) -> None:
    """Looks for answers to two objects on one line, and to one object on two lines."""
    _judge_silence(scene, "objects that do not have a line of their own")


@check("protocol.silence.notifications", on=(unknown_notifications,))
async def notifications_get_no_answer(scene: Scene) -> None:
    """Looks for answers to notifications that mean nothing to the app-server."""
    _judge_silence(scene, "a notification")


@check("protocol.silence.stray-answers", on=(stray_answers,))
async def stray_answers_are_ignored(scene: Scene) -> None:
    """Looks for reactions to answers nobody waits for."""
    _judge_silence(scene, "an answer")


@check("protocol.silence.survives", on=(unparseable_lines,))
async def unparseable_lines_change_nothing(scene: Scene) -> None:
    """Looks for the answer to the ordinary request behind each line that is no message."""
    for name in some(scene.transcript.section_names, "section"):
        section = scene.transcript.section(name) or ()
        fence = next((e for e in section if _is_fence(e.message or {})), None)
        if fence is None:
            violated(f"a connection that goes on after {name}", "a connection that ended", *section)
        answers = scene.transcript.answers_to(fence)
        if not answers:
            violated(f"an answer to the request after {name}", "none", *section)
        require(
            kind_of(answers[0].message or {}) is Kind.RESPONSE,
            f"a result for the request after {name}",
            "an error",
            *section,
        )


def _judge_answered(scene: Scene, *names: str) -> None:
    """Judge that the request of each section has a result."""
    for name in names:
        section = scene.transcript.section(name)
        if section is None:
            raise Inconclusive(f"the scene did not come to {name!r}")
        asked = next(
            (
                e
                for e in section
                if not e.received
                and kind_of(e.message or {}) is Kind.REQUEST
                and not _is_fence(e.message or {})
            ),
            None,
        )
        if asked is None:
            raise Inconclusive(f"nothing was asked in {name!r}")
        _judge_result(scene, asked, name, section)


def _judge_result(scene: Scene, asked: Entry, name: str, section: tuple[Entry, ...]) -> None:
    answers = scene.transcript.answers_to(asked)
    if not answers:
        violated(f"an answer ({name})", "none", *section)
    shape = kind_of(answers[0].message or {})
    require(shape is Kind.RESPONSE, f"a result ({name})", "an error", asked, answers[0])


@check("protocol.requests.blanks-allowed", on=(lenient_lines,))
async def blanks_do_not_matter(scene: Scene) -> None:
    """Looks for the answers to requests with CR LF, blanks around, and blanks inside."""
    _judge_answered(scene, "CR LF", "blanks around", "blanks inside")


@check("protocol.requests.jsonrpc-allowed", on=(versioned_requests,))
async def a_jsonrpc_member_does_not_matter(scene: Scene) -> None:
    """Looks for the answers to requests with a jsonrpc member of 2.0 and of 1.0."""
    _judge_answered(scene, "jsonrpc 2.0", "jsonrpc 1.0")


@check("protocol.requests.unknown-fields-allowed", on=(unknown_fields,))
async def unknown_fields_do_not_matter(scene: Scene) -> None:
    """Looks for the results of requests with members the app-server does not know."""
    _judge_answered(scene, "in capabilities", "beside params", "in params")
