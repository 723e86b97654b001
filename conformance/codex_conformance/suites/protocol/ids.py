"""Checks of request ids and of what is answered.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codex_conformance.suites.plays.dialect import ECHOED_IDS, pipelined, request_ids
from codex_conformance.suites.plays.groups import WELL_FORMED
from codex_conformance.suites.registry import check
from codex_conformance.suites.verdicts import require, section_of, some, violated
from codex_conformance.wire.messages import alike_ids, is_answer, same_id

if TYPE_CHECKING:
    from codex_conformance.suites.playing import Scene
    from codex_conformance.wire.transcript import Entry


def _answers(entries: tuple[Entry, ...] | list[Entry]) -> tuple[Entry, ...]:
    return tuple(
        entry
        for entry in entries
        if entry.received and entry.message is not None and is_answer(entry.message)
    )


@check("protocol.ids.echoed", on=(request_ids,))
async def ids_come_back_unchanged(scene: Scene) -> None:
    """Compares the id of each answer with the id that was sent, JSON types included."""
    for name, sent in ECHOED_IDS.items():
        answers = some(_answers(section_of(scene, name)), f"answer to a request whose id is {name}")
        for entry in answers:
            found = (entry.message or {}).get("id")
            require(same_id(found, sent), f"the id {sent!r} ({name})", repr(found), entry)


@check("protocol.responses.asked-for", on=WELL_FORMED)
async def responses_were_asked_for(scene: Scene) -> None:
    """Looks for the request of every response."""
    some(_answers(scene.entries), "response")
    for transcript in scene.transcripts:
        asked: list[object] = []
        for entry in transcript.entries:
            message = entry.message or {}
            if not entry.received and "method" in message and "id" in message:
                asked.append(message["id"])
            elif entry.received and is_answer(message):
                known = any(alike_ids(message["id"], id_) for id_ in asked)
                require(known, "the id of a request", repr(message["id"]), entry)


@check("protocol.responses.once", on=WELL_FORMED)
async def requests_are_answered_once(scene: Scene) -> None:
    """Counts the answers to every request."""
    requests = [
        (transcript, request)
        for transcript in scene.transcripts
        for request in transcript.requests()
    ]
    for transcript, request in some(requests, "request"):
        answers = transcript.answers_to(request)
        require(
            len(answers) <= 1,
            "one answer to each request",
            f"{len(answers)} answers",
            request,
            *answers,
        )


@check("protocol.responses.order-in-thread", on=(pipelined,))
async def a_thread_answers_in_order(scene: Scene) -> None:
    """Compares the order of the answers with the order of the requests for one thread."""
    section = section_of(scene, "pipelined")
    sent = [(e.message or {}).get("id") for e in section if not e.received]
    answers = [e for e in _answers(section) if (e.message or {}).get("id") in sent]
    found = [(e.message or {}).get("id") for e in answers]
    some(found, "answer")
    if found != sent[: len(found)]:
        violated(f"answers in the order {sent}", found, *answers)
